/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* An intrusive hash table that grows by one bucket at a time, so that no insert waits for a large copy. */
#ifndef XMPPDNS_TABLE_H
#define XMPPDNS_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct table_item {
	struct table_item *next; /* in its bucket */
	uint64_t hash;
};

struct segment;

/* All zero: empty. The items are their user's. */
struct table {
	struct segment **segments; /* owned, each of them */
	size_t segment_count, segment_room;
	size_t bytes; /* of memory, malloc's own included */
	size_t count; /* of items */
	size_t bucket_count;
	uint64_t mask; /* of the hash, for buckets below bucket_count; half of it for the others, which are not split yet */
};

/* An estimate of the memory that malloc takes for size bytes: what bounds a table by bytes counts its items so, too. */
size_t allocation_size(size_t size);
size_t least_table_bytes(void); /* of a table with an item in it */

/* The bucket of that hash: the items in it may have others. NULL when it is empty; then item->next. */
struct table_item *table_bucket(const struct table *table, uint64_t hash);

bool add_to_table(struct table *table, struct table_item *item, uint64_t hash); /* false without memory */
void remove_from_table(struct table *table, struct table_item *item);

/* Any item from that bucket on, or NULL; *bucket moves on to where it is. The table may be changed between the calls. */
struct table_item *any_in_table(const struct table *table, size_t *bucket);

void free_table(struct table *table); /* the items stay */

#endif
