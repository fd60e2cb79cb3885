/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* Answers by name and type until their TTL ends, bounded by bytes, the least recently used going first. Not thread-safe. */
#ifndef XMPPDNS_CACHE_H
#define XMPPDNS_CACHE_H

#include "dns/answer.h"

struct cache;

struct cache_limits {
	size_t bytes;              /* of answers and of the cache's own tables; 0 keeps nothing */
	uint32_t min_ttl, max_ttl; /* seconds; the TTL is clamped between them. min_ttl does not raise a TTL of 0 */
	uint32_t stale_ttl;        /* seconds for which an expired, insecure SRV, A or AAAA answer is kept for find_stale (RFC 8767) */
	uint32_t failure_ttl;      /* seconds for which a failure is remembered (RFC 9520); 0: not at all */
};

struct cache_counters {
	uint64_t hits, misses, stale_hits;
	uint64_t evictions;    /* to make room; what had expired is not counted apart */
	size_t bytes, entries; /* now; an entry is a name and type, with an answer, a failure or both */
};

/* Empty; NULL without memory. */
struct cache *create_cache(const struct cache_limits *limits);
void delete_cache(struct cache *cache); /* NULL is allowed */

/* now: milliseconds of a clock that never goes back, the same in every call. */

/* Other limits, also for what is there: it goes when it is too much, and lives no longer than max_ttl from now on. */
void limit_cache(struct cache *cache, const struct cache_limits *limits, int64_t now);

/* Remembers answer (takes a reference of its own), replacing what was there. An answer of TTL 0, or larger than the cache, is not kept,
 * and what was there goes. Of failures timeout, bogus and servfail are kept; a failure never replaces an answer that is fresh or can
 * serve stale, it stands beside it until the next answer. Without memory it forgets. */
void put_answer(struct cache *cache, struct answer *answer, int64_t now);

/* Puts back an answer that was there before, and has so many milliseconds left; one that is fresh is newer, and stays. */
void restore_answer(struct cache *cache, struct answer *answer, int64_t left, int64_t now);

/* The fresh answer, else the remembered failure, borrowed until the next call on this cache, or NULL. qname: canonical text. *ttl: seconds
 * left, rounded up.
 * A remembered failure is an answer whose outcome is not OUTCOME_ANSWERED. Class is always IN. */
struct answer *find_answer(struct cache *cache, const char *qname, uint16_t qtype, int64_t now, uint32_t *ttl);

/* The same for an answer that has expired, for when every attempt failed, whether or not a failure is remembered; never a secure one,
 * never another type than SRV, A, AAAA, never a denial. */
struct answer *find_stale(struct cache *cache, const char *qname, uint16_t qtype, int64_t now);

void flush_name(struct cache *cache, const char *qname); /* every type of that name; with the names below it: no */
void flush_failures(struct cache *cache);                /* forgets them at once; their memory goes as they are met or evicted */
void flush_cache(struct cache *cache);
void read_cache_counters(const struct cache *cache, struct cache_counters *counters);

/* Calls visit for what find_answer would give of each entry, most recently used first, until it gives false. visit must not touch the cache. */
void walk_cache(const struct cache *cache, int64_t now, bool (*visit)(void *context, const struct answer *answer, uint32_t ttl), void *context);

/* The same for fresh answers alone, in no order, a few at a time: left is milliseconds. *place: 0 at first; false at the end. The cache may change
 * between the calls: what is there all the time is visited, sometimes twice. */
bool walk_on(
	const struct cache *cache, size_t *place, int64_t now, void (*visit)(void *context, const struct answer *answer, int64_t left), void *context);

/* Another number since an answer was put there, or something flushed. */
uint64_t cache_changes(const struct cache *cache);

#endif
