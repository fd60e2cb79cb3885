/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* Answers by name and type, in a hash table and a list by use. */
#include "cache.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "dns/rdata.h"
#include "base/table.h"

struct kept {
	struct answer *answer; /* one reference; NULL when there is none */
	int64_t expires;       /* milliseconds */
};

/* What is known of one name and type: an answer, or a failure, or both: the failure then stands before an answer kept for stale use. */
struct entry {
	struct table_item item;      /* first; its hash is of the name alone, so that its types lie in one bucket */
	struct entry *newer, *older; /* by use */
	struct kept answer, failure;
	uint32_t failure_epoch; /* the failure counts while this is the cache's */
	uint16_t qtype;
};

struct cache {
	struct cache_limits limits;
	struct cache_counters counters;
	struct table table; /* counters.bytes are those of entries and answers alone */
	struct entry *newest, *oldest;
	uint32_t failure_epoch;
	uint64_t changes;
	uint64_t seed[2];
};

struct cache *create_cache(const struct cache_limits *limits)
{
	struct cache *cache = malloc(sizeof(*cache));
	if (cache == NULL)
		return NULL;
	*cache = (struct cache){ .limits = *limits };
	random_seed(cache->seed);
	return cache;
}

void delete_cache(struct cache *cache)
{
	if (cache == NULL)
		return;
	flush_cache(cache);
	free(cache);
}

/* The order of use */

static void unlink_entry(struct cache *cache, struct entry *entry)
{
	*(entry->newer == NULL ? &cache->newest : &entry->newer->older) = entry->older;
	*(entry->older == NULL ? &cache->oldest : &entry->older->newer) = entry->newer;
}

static void link_newest(struct cache *cache, struct entry *entry)
{
	entry->newer = NULL;
	entry->older = cache->newest;
	*(entry->older == NULL ? &cache->oldest : &entry->older->newer) = entry;
	cache->newest = entry;
}

static void mark_used(struct cache *cache, struct entry *entry)
{
	if (entry == cache->newest)
		return;
	unlink_entry(cache, entry);
	link_newest(cache, entry);
}

/* What an entry keeps */

static void drop_kept(struct cache *cache, struct kept *kept)
{
	if (kept->answer != NULL)
		cache->counters.bytes -= kept->answer->size;
	release_answer(kept->answer);
	kept->answer = NULL;
}

static void keep_answer(struct cache *cache, struct kept *kept, struct answer *answer, int64_t expires)
{
	hold_answer(answer); /* before the drop: it may be the same one */
	drop_kept(cache, kept);
	*kept = (struct kept){ .answer = answer, .expires = expires };
	cache->counters.bytes += answer->size;
}

static bool may_serve_stale(const struct cache *cache, const struct kept *kept, int64_t now)
{
	const struct answer *answer = kept->answer;
	return answer != NULL && !answer->secure && !answer->nxdomain && answer->record_count > 0
		&& (answer->qtype == TYPE_SRV || answer->qtype == TYPE_A || answer->qtype == TYPE_AAAA)
		&& now < kept->expires + (int64_t)cache->limits.stale_ttl * 1000;
}

/* What find_answer gives for the entry, or NULL. */
static const struct kept *fresh_part(const struct cache *cache, const struct entry *entry, int64_t now)
{
	if (entry->answer.answer != NULL && now < entry->answer.expires)
		return &entry->answer;
	if (entry->failure.answer != NULL && now < entry->failure.expires && entry->failure_epoch == cache->failure_epoch)
		return &entry->failure;
	return NULL;
}

static uint32_t seconds_left(const struct kept *kept, int64_t now)
{
	return (uint32_t)((kept->expires - now + 999) / 1000);
}

/* Entries */

static const char *entry_name(const struct entry *entry)
{
	return (entry->answer.answer != NULL ? entry->answer.answer : entry->failure.answer)->qname;
}

static uint64_t hash_of(const struct cache *cache, const char *qname)
{
	return hash_name(cache->seed, qname, strlen(qname), 0);
}

static struct entry *bucket_entry(const struct cache *cache, uint64_t hash)
{
	return (struct entry *)table_bucket(&cache->table, hash);
}

static struct entry *next_entry(const struct entry *entry)
{
	return (struct entry *)entry->item.next;
}

static struct entry *find_entry(const struct cache *cache, uint64_t hash, const char *qname, uint16_t qtype)
{
	struct entry *entry = bucket_entry(cache, hash);
	while (entry != NULL && !(entry->item.hash == hash && entry->qtype == qtype && strcmp(entry_name(entry), qname) == 0))
		entry = next_entry(entry);
	return entry;
}

static struct entry *add_entry(struct cache *cache, uint64_t hash, uint16_t qtype)
{
	struct entry *entry = malloc(sizeof(*entry));
	if (entry == NULL)
		return NULL;
	*entry = (struct entry){ .qtype = qtype };
	if (!add_to_table(&cache->table, &entry->item, hash)) {
		free(entry);
		return NULL;
	}
	link_newest(cache, entry);
	cache->counters.bytes += allocation_size(sizeof(*entry));
	cache->counters.entries++;
	return entry;
}

static void remove_entry(struct cache *cache, struct entry *entry)
{
	remove_from_table(&cache->table, &entry->item);
	unlink_entry(cache, entry);
	drop_kept(cache, &entry->answer);
	drop_kept(cache, &entry->failure);
	free(entry);
	cache->counters.bytes -= allocation_size(sizeof(*entry));
	cache->counters.entries--;
}

static void remove_if_useless(struct cache *cache, struct entry *entry, int64_t now)
{
	if (fresh_part(cache, entry, now) == NULL && !may_serve_stale(cache, &entry->answer, now))
		remove_entry(cache, entry);
}

/* Putting */

static bool is_failure(const struct answer *answer)
{
	return answer->outcome != OUTCOME_ANSWERED;
}

/* Seconds for which answer is worth keeping; 0: not at all. */
static uint32_t keeping_time(const struct cache *cache, const struct answer *answer)
{
	const struct cache_limits *limits = &cache->limits;
	if (answer->outcome == OUTCOME_TIMEOUT || answer->outcome == OUTCOME_BOGUS || answer->outcome == OUTCOME_SERVFAIL)
		return limits->failure_ttl;
	if (is_failure(answer) || answer->ttl == 0)
		return 0;
	uint32_t ttl = answer->ttl < limits->min_ttl ? limits->min_ttl : answer->ttl;
	return ttl > limits->max_ttl ? limits->max_ttl : ttl;
}

static size_t used_bytes(const struct cache *cache)
{
	return cache->table.bytes + cache->counters.bytes;
}

/* Whether there would be room for it if it were alone. */
static bool is_small_enough(const struct cache *cache, const struct answer *answer)
{
	size_t table = cache->table.bytes > 0 ? cache->table.bytes : least_table_bytes();
	return table + allocation_size(sizeof(struct entry)) + answer->size <= cache->limits.bytes;
}

static void evict_oldest(struct cache *cache)
{
	while (used_bytes(cache) > cache->limits.bytes && cache->oldest != NULL) {
		remove_entry(cache, cache->oldest);
		cache->counters.evictions++;
	}
}

/* Into entry, and no failure before it. */
static void put_data(struct cache *cache, struct entry *entry, struct answer *answer, int64_t expires)
{
	keep_answer(cache, &entry->answer, answer, expires);
	drop_kept(cache, &entry->failure);
}

/* Into entry, beside an answer that is fresh or may serve stale; any other goes. */
static void put_failure(struct cache *cache, struct entry *entry, struct answer *answer, int64_t expires, int64_t now)
{
	keep_answer(cache, &entry->failure, answer, expires);
	entry->failure_epoch = cache->failure_epoch;
	if (entry->answer.answer != NULL && now >= entry->answer.expires && !may_serve_stale(cache, &entry->answer, now))
		drop_kept(cache, &entry->answer);
}

void put_answer(struct cache *cache, struct answer *answer, int64_t now)
{
	uint64_t hash = hash_of(cache, answer->qname);
	struct entry *entry = find_entry(cache, hash, answer->qname, answer->qtype);
	uint32_t ttl = keeping_time(cache, answer);

	cache->changes += !is_failure(answer);
	if (ttl == 0 || !is_small_enough(cache, answer)) {
		if (entry != NULL && !is_failure(answer))
			remove_entry(cache, entry);
		return;
	}
	if (entry != NULL)
		mark_used(cache, entry);
	else
		entry = add_entry(cache, hash, answer->qtype);
	if (entry == NULL)
		return;
	int64_t expires = now + (int64_t)ttl * 1000;
	if (is_failure(answer))
		put_failure(cache, entry, answer, expires, now);
	else
		put_data(cache, entry, answer, expires);
	evict_oldest(cache);
}

void restore_answer(struct cache *cache, struct answer *answer, int64_t left, int64_t now)
{
	uint64_t hash = hash_of(cache, answer->qname);
	struct entry *entry = find_entry(cache, hash, answer->qname, answer->qtype);
	int64_t longest = (int64_t)cache->limits.max_ttl * 1000;
	int64_t expires = now + (left < longest ? left : longest);
	bool is_known = entry != NULL && entry->answer.answer != NULL && now < entry->answer.expires;
	if (expires <= now || is_known || !is_small_enough(cache, answer))
		return;
	if (entry == NULL)
		entry = add_entry(cache, hash, answer->qtype);
	if (entry == NULL)
		return;
	put_data(cache, entry, answer, expires);
	evict_oldest(cache);
}

static void shorten_lives(struct cache *cache, int64_t longest)
{
	for (struct entry *entry = cache->newest; entry != NULL; entry = entry->older)
		if (entry->answer.expires > longest)
			entry->answer.expires = longest;
}

void limit_cache(struct cache *cache, const struct cache_limits *limits, int64_t now)
{
	bool is_shorter = limits->max_ttl < cache->limits.max_ttl;
	cache->limits = *limits;
	if (is_shorter)
		shorten_lives(cache, now + (int64_t)limits->max_ttl * 1000);
	evict_oldest(cache);
}

/* Finding */

struct answer *find_answer(struct cache *cache, const char *qname, uint16_t qtype, int64_t now, uint32_t *ttl)
{
	struct entry *entry = find_entry(cache, hash_of(cache, qname), qname, qtype);
	const struct kept *fresh = entry == NULL ? NULL : fresh_part(cache, entry, now);
	if (fresh == NULL) {
		cache->counters.misses++;
		if (entry != NULL)
			remove_if_useless(cache, entry, now);
		return NULL;
	}
	cache->counters.hits++;
	mark_used(cache, entry);
	*ttl = seconds_left(fresh, now);
	return fresh->answer;
}

struct answer *find_stale(struct cache *cache, const char *qname, uint16_t qtype, int64_t now)
{
	struct entry *entry = find_entry(cache, hash_of(cache, qname), qname, qtype);
	if (entry == NULL || now < entry->answer.expires || !may_serve_stale(cache, &entry->answer, now))
		return NULL;
	cache->counters.stale_hits++;
	mark_used(cache, entry);
	return entry->answer.answer;
}

/* Flushing */

void flush_name(struct cache *cache, const char *qname)
{
	uint64_t hash = hash_of(cache, qname);
	struct entry *entry = bucket_entry(cache, hash);
	cache->changes++;
	while (entry != NULL) {
		struct entry *next = next_entry(entry);
		if (entry->item.hash == hash && strcmp(entry_name(entry), qname) == 0)
			remove_entry(cache, entry);
		entry = next;
	}
}

void flush_failures(struct cache *cache)
{
	cache->failure_epoch++; /* they are freed when met, or in their turn: there may be a million entries to look through */
}

void flush_cache(struct cache *cache)
{
	cache->changes++;
	while (cache->oldest != NULL)
		remove_entry(cache, cache->oldest);
	free_table(&cache->table);
}

/* Looking */

void read_cache_counters(const struct cache *cache, struct cache_counters *counters)
{
	*counters = cache->counters;
	counters->bytes = used_bytes(cache);
}

void walk_cache(const struct cache *cache, int64_t now, bool (*visit)(void *context, const struct answer *answer, uint32_t ttl), void *context)
{
	for (const struct entry *entry = cache->newest; entry != NULL; entry = entry->older) {
		const struct kept *fresh = fresh_part(cache, entry, now);
		if (fresh != NULL && !visit(context, fresh->answer, seconds_left(fresh, now)))
			return;
	}
}

bool walk_on(
	const struct cache *cache, size_t *place, int64_t now, void (*visit)(void *context, const struct answer *answer, int64_t left), void *context)
{
	const struct entry *entry = (const struct entry *)any_in_table(&cache->table, place);
	if (entry == NULL)
		return false;
	for (; entry != NULL; entry = next_entry(entry))
		if (entry->answer.answer != NULL && now < entry->answer.expires)
			visit(context, entry->answer.answer, entry->answer.expires - now);
	++*place;
	return true;
}

uint64_t cache_changes(const struct cache *cache)
{
	return cache->changes;
}
