/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* A binary heap of deadlines, intrusive: each item knows its place, so that any can be taken out. */
#ifndef XMPPDNS_HEAP_H
#define XMPPDNS_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct heap;

struct heap_item {
	int64_t deadline;  /* in the unit of its user; earliest is on top */
	uint64_t order;    /* among equal deadlines the lower goes first */
	struct heap *heap; /* the one it is in; NULL when in none */
	size_t place;      /* private */
};

struct heap {
	struct heap_item **items; /* owned; the items are not */
	size_t count, room;
};

bool reserve_items(struct heap *heap, size_t count);       /* room for so many items in all: then push_item cannot fail. False without memory */
bool push_item(struct heap *heap, struct heap_item *item); /* false without memory, item in no heap */
void take_item(struct heap_item *item);                    /* nothing happens when it is in no heap */
struct heap_item *top_item(const struct heap *heap);       /* NULL when empty */
/* The earliest of those that are accepted, or NULL; who is behind one that is accepted is not asked for. */
struct heap_item *first_accepted(const struct heap *heap, bool (*accepts)(const void *context, struct heap_item *item), const void *context);
void free_heap(struct heap *heap); /* the items stay */

#endif
