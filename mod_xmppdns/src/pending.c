/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* A chained hash table that doubles when it is full. */
#include "pending.h"

#include <stdlib.h>
#include <string.h>

#include "hash.h"

void open_pending_table(struct pending_table *table)
{
	*table = (struct pending_table){ .buckets = NULL };
	random_seed(table->seed);
}

void free_pending_table(struct pending_table *table)
{
	free(table->buckets);
	table->buckets = NULL;
	table->count = table->room = 0;
}

static uint64_t hash_key(const struct pending_table *table, const struct pending_key *key)
{
	return hash_name(table->seed, key->qname, strlen(key->qname), key->qtype);
}

static bool same_key(const struct pending_key *a, const struct pending_key *b)
{
	return a->qtype == b->qtype && a->attempts == b->attempts && a->timeout == b->timeout && a->automatic == b->automatic
		&& strcmp(a->qname, b->qname) == 0;
}

static struct pending **bucket_of(const struct pending_table *table, uint64_t hash)
{
	return &table->buckets[hash & (table->room - 1)];
}

struct pending *find_pending(const struct pending_table *table, const struct pending_key *key)
{
	if (table->room == 0)
		return NULL;
	uint64_t hash = hash_key(table, key);
	for (struct pending *pending = *bucket_of(table, hash); pending != NULL; pending = pending->next)
		if (pending->hash == hash && same_key(&pending->key, key))
			return pending;
	return NULL;
}

static void link_pending(struct pending_table *table, struct pending *pending)
{
	struct pending **bucket = bucket_of(table, pending->hash);
	pending->next = *bucket;
	*bucket = pending;
}

static bool grow_table(struct pending_table *table)
{
	struct pending_table grown = { .room = table->room > 0 ? 2 * table->room : 256 };
	grown.buckets = calloc(grown.room, sizeof(grown.buckets[0]));
	if (grown.buckets == NULL)
		return false;
	for (size_t i = 0; i < table->room; i++) {
		while (table->buckets[i] != NULL) {
			struct pending *pending = table->buckets[i];
			table->buckets[i] = pending->next;
			link_pending(&grown, pending);
		}
	}
	free(table->buckets);
	table->buckets = grown.buckets;
	table->room = grown.room;
	return true;
}

struct pending *add_pending(struct pending_table *table, const struct pending_key *key)
{
	if (table->count >= table->room && !grow_table(table) && table->room == 0)
		return NULL;
	size_t size = strlen(key->qname) + 1;
	struct pending *pending = calloc(1, sizeof(*pending) + size);
	if (pending == NULL)
		return NULL;
	memcpy(pending->qname, key->qname, size);
	pending->key = *key;
	pending->key.qname = pending->qname;
	pending->hash = hash_key(table, key);
	link_pending(table, pending);
	table->count++;
	return pending;
}

void remove_pending(struct pending_table *table, struct pending *pending)
{
	struct pending **link = bucket_of(table, pending->hash);
	while (*link != pending)
		link = &(*link)->next;
	*link = pending->next;
	table->count--;
	release_answer(pending->answer);
	free(pending);
}

struct pending *any_pending(const struct pending_table *table, size_t *bucket)
{
	for (; *bucket < table->room; ++*bucket)
		if (table->buckets[*bucket] != NULL)
			return table->buckets[*bucket];
	return NULL;
}
