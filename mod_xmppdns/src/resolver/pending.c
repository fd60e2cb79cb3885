/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* The table of questions under way. */
#include "pending.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

void open_pending_table(struct pending_table *table)
{
	*table = (struct pending_table){ .by_key = { .segments = NULL } };
	random_seed(table->seed);
}

void free_pending_table(struct pending_table *table)
{
	free_table(&table->by_key);
}

static struct pending *keyed_pending(struct table_item *item)
{
	return item == NULL ? NULL : (struct pending *)((char *)item - offsetof(struct pending, by_key));
}

static uint64_t hash_key(const struct pending_table *table, const struct pending_key *key)
{
	return hash_name(table->seed, key->qname, strlen(key->qname), key->qtype);
}

static bool same_key(const struct pending_key *a, const struct pending_key *b)
{
	return a->qtype == b->qtype && a->attempts == b->attempts && a->timeout == b->timeout && a->automatic == b->automatic && a->shard == b->shard
		&& strcmp(a->qname, b->qname) == 0;
}

struct pending *find_pending(const struct pending_table *table, const struct pending_key *key)
{
	uint64_t hash = hash_key(table, key);
	for (struct table_item *item = table_bucket(&table->by_key, hash); item != NULL; item = item->next)
		if (item->hash == hash && same_key(&keyed_pending(item)->key, key))
			return keyed_pending(item);
	return NULL;
}

struct pending *find_unasked(const struct pending_table *table, const char *qname, uint16_t qtype)
{
	if (table->by_key.count == 0)
		return NULL;
	uint64_t hash = hash_name(table->seed, qname, strlen(qname), qtype);
	for (struct table_item *item = table_bucket(&table->by_key, hash); item != NULL; item = item->next) {
		struct pending *pending = keyed_pending(item);
		if (item->hash == hash && pending->generation == 0 && pending->key.qtype == qtype && strcmp(pending->qname, qname) == 0)
			return pending;
	}
	return NULL;
}

struct pending *add_pending(struct pending_table *table, const struct pending_key *key)
{
	size_t size = strlen(key->qname) + 1;
	struct pending *pending = calloc(1, sizeof(*pending) + size);
	if (pending == NULL)
		return NULL;
	memcpy(pending->qname, key->qname, size);
	pending->key = *key;
	pending->key.qname = pending->qname;
	if (add_to_table(&table->by_key, &pending->by_key, hash_key(table, key)))
		return pending;
	free(pending);
	return NULL;
}

void remove_pending(struct pending_table *table, struct pending *pending)
{
	remove_from_table(&table->by_key, &pending->by_key);
	release_answer(pending->answer);
	free(pending);
}

struct pending *any_pending(const struct pending_table *table, size_t *bucket)
{
	return keyed_pending(any_in_table(&table->by_key, bucket));
}

struct pending *next_pending(const struct pending *pending)
{
	return keyed_pending(pending->by_key.next);
}
