/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* Linear hashing (W. Litwin 1980) over segments of buckets. */
#include "table.h"

#include <stdlib.h>

enum { SEGMENT_BUCKETS = 256, FIRST_SEGMENTS = 4 };

struct segment {
	struct table_item *buckets[SEGMENT_BUCKETS];
};

size_t allocation_size(size_t size)
{
	enum { HEADER = sizeof(size_t), UNIT = 16, LEAST = 32 }; /* of glibc on 64 bits; others are close */
	size_t taken = (size + HEADER + UNIT - 1) / UNIT * UNIT;
	return taken < LEAST ? LEAST : taken;
}

size_t least_table_bytes(void)
{
	return allocation_size(sizeof(struct segment)) + FIRST_SEGMENTS * sizeof(struct segment *);
}

static struct table_item **bucket_at(const struct table *table, size_t index)
{
	return &table->segments[index / SEGMENT_BUCKETS]->buckets[index % SEGMENT_BUCKETS];
}

static struct table_item **bucket_of(const struct table *table, uint64_t hash)
{
	size_t index = (size_t)(hash & table->mask);
	if (index >= table->bucket_count)
		index = (size_t)(hash & table->mask >> 1);
	return bucket_at(table, index);
}

static bool make_segment_room(struct table *table)
{
	if (table->segment_count < table->segment_room)
		return true;
	size_t room = table->segment_room == 0 ? FIRST_SEGMENTS : table->segment_room * 2;
	struct segment **segments = realloc(table->segments, room * sizeof(*segments));
	if (segments == NULL)
		return false;
	table->bytes += (room - table->segment_room) * sizeof(*segments);
	table->segments = segments;
	table->segment_room = room;
	return true;
}

static bool add_segment(struct table *table)
{
	struct segment *segment = make_segment_room(table) ? calloc(1, sizeof(*segment)) : NULL;
	if (segment == NULL)
		return false;
	table->segments[table->segment_count++] = segment;
	table->bytes += allocation_size(sizeof(*segment));
	return true;
}

static bool open_table(struct table *table)
{
	if (table->bucket_count > 0)
		return true;
	if (!add_segment(table))
		return false;
	table->bucket_count = SEGMENT_BUCKETS;
	table->mask = SEGMENT_BUCKETS - 1;
	return true;
}

/* Moves what belongs into bucket index, which is empty, from the bucket where it was until now. */
static void split_bucket(struct table *table, size_t index)
{
	struct table_item **from = bucket_at(table, index & (size_t)(table->mask >> 1));
	struct table_item **to = bucket_at(table, index);
	while (*from != NULL) {
		struct table_item *item = *from;
		if ((item->hash & table->mask) != index) {
			from = &item->next;
			continue;
		}
		*from = item->next;
		item->next = *to;
		*to = item;
	}
}

/* One bucket more. Without memory the chains get longer, that is all. */
static void grow(struct table *table)
{
	size_t index = table->bucket_count;
	if (index == table->segment_count * SEGMENT_BUCKETS && !add_segment(table))
		return;
	if (index > table->mask)
		table->mask = table->mask << 1 | 1;
	table->bucket_count++;
	split_bucket(table, index);
}

struct table_item *table_bucket(const struct table *table, uint64_t hash)
{
	return table->bucket_count == 0 ? NULL : *bucket_of(table, hash);
}

bool add_to_table(struct table *table, struct table_item *item, uint64_t hash)
{
	if (!open_table(table))
		return false;
	struct table_item **bucket = bucket_of(table, hash);
	*item = (struct table_item){ .next = *bucket, .hash = hash };
	*bucket = item;
	if (++table->count > table->bucket_count)
		grow(table);
	return true;
}

void remove_from_table(struct table *table, struct table_item *item)
{
	struct table_item **link = bucket_of(table, item->hash);
	while (*link != item)
		link = &(*link)->next;
	*link = item->next;
	table->count--;
}

struct table_item *any_in_table(const struct table *table, size_t *bucket)
{
	for (; *bucket < table->bucket_count; ++*bucket)
		if (*bucket_at(table, *bucket) != NULL)
			return *bucket_at(table, *bucket);
	return NULL;
}

void free_table(struct table *table)
{
	for (size_t i = 0; i < table->segment_count; i++)
		free(table->segments[i]);
	free(table->segments);
	*table = (struct table){ .segments = NULL };
}
