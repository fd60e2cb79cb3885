/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* A binary heap of deadlines. Places count from 1: the parent of place is place / 2. */
#include "heap.h"

#include <stdlib.h>

static bool goes_before(const struct heap_item *a, const struct heap_item *b)
{
	return a->deadline != b->deadline ? a->deadline < b->deadline : a->order < b->order;
}

static struct heap_item *item_at(const struct heap *heap, size_t place)
{
	return heap->items[place - 1];
}

static void set_item(struct heap *heap, size_t place, struct heap_item *item)
{
	heap->items[place - 1] = item;
	item->place = place;
}

/* Puts item at place, or further up where it belongs. */
static void sift_up(struct heap *heap, size_t place, struct heap_item *item)
{
	while (place > 1 && goes_before(item, item_at(heap, place / 2))) {
		set_item(heap, place, item_at(heap, place / 2));
		place /= 2;
	}
	set_item(heap, place, item);
}

/* Puts item at place, or further down where it belongs. */
static void sift_down(struct heap *heap, size_t place, struct heap_item *item)
{
	while (place * 2 <= heap->count) {
		size_t child = place * 2;
		if (child < heap->count && goes_before(item_at(heap, child + 1), item_at(heap, child)))
			child++;
		if (!goes_before(item_at(heap, child), item))
			break;
		set_item(heap, place, item_at(heap, child));
		place = child;
	}
	set_item(heap, place, item);
}

bool reserve_items(struct heap *heap, size_t count)
{
	if (count <= heap->room)
		return true;
	size_t room = heap->room == 0 ? 2 : heap->room; /* of some thousand heaps each has one item */
	while (room < count)
		room *= 2;
	struct heap_item **items = realloc(heap->items, room * sizeof(*items));
	if (items == NULL)
		return false;
	heap->items = items;
	heap->room = room;
	return true;
}

bool push_item(struct heap *heap, struct heap_item *item)
{
	item->heap = NULL;
	if (!reserve_items(heap, heap->count + 1))
		return false;
	item->heap = heap;
	heap->count++;
	sift_up(heap, heap->count, item);
	return true;
}

void take_item(struct heap_item *item)
{
	struct heap *heap = item->heap;
	size_t place = item->place;
	if (heap == NULL)
		return;
	item->heap = NULL;
	struct heap_item *last = item_at(heap, heap->count);
	heap->count--;
	if (last == item)
		return;
	if (goes_before(last, item))
		sift_up(heap, place, last);
	else
		sift_down(heap, place, last);
}

struct heap_item *top_item(const struct heap *heap)
{
	return heap->count == 0 ? NULL : item_at(heap, 1);
}

/* Among those at place and below, and before best, which may be NULL; else best. */
static struct heap_item *search_below(
	const struct heap *heap, size_t place, struct heap_item *best, bool (*accepts)(const void *context, struct heap_item *item), const void *context)
{
	if (place > heap->count || (best != NULL && !goes_before(item_at(heap, place), best)))
		return best;
	if (accepts(context, item_at(heap, place)))
		return item_at(heap, place);
	best = search_below(heap, 2 * place, best, accepts, context);
	return search_below(heap, 2 * place + 1, best, accepts, context);
}

struct heap_item *first_accepted(const struct heap *heap, bool (*accepts)(const void *context, struct heap_item *item), const void *context)
{
	return search_below(heap, 1, NULL, accepts, context);
}

void free_heap(struct heap *heap)
{
	free(heap->items);
	*heap = (struct heap){ .items = NULL };
}
