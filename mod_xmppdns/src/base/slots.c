/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* An array that doubles, with a list of what is free in it. */
#include "slots.h"

#include <stdlib.h>

enum { FIRST_ROOM = 64 };

static bool grow(struct slots *slots)
{
	uint32_t room = slots->room == 0 ? FIRST_ROOM : 2 * slots->room;
	struct slot *items = room > slots->room ? realloc(slots->items, room * sizeof(*items)) : NULL;
	if (items == NULL)
		return false;
	slots->items = items;
	slots->room = room;
	return true;
}

bool take_slot(struct slots *slots, uint32_t *slot)
{
	if (slots->free == slots->used) {
		if (slots->used == slots->room && !grow(slots))
			return false;
		slots->items[slots->used] = (struct slot){ .next = slots->used + 1 };
		slots->used++;
	}
	*slot = slots->free;
	slots->free = slots->items[*slot].next;
	return true;
}

void occupy_slot(struct slots *slots, uint32_t slot, void *occupant)
{
	slots->items[slot].occupant = occupant;
}

void leave_slot(struct slots *slots, uint32_t slot)
{
	struct slot *item = &slots->items[slot];
	*item = (struct slot){ .serial = item->serial + 1, .next = slots->free };
	slots->free = slot;
}

uint32_t slot_serial(const struct slots *slots, uint32_t slot)
{
	return slots->items[slot].serial;
}

void *slot_occupant(const struct slots *slots, uint32_t slot, uint32_t serial)
{
	if (slot >= slots->used || slots->items[slot].serial != serial)
		return NULL;
	return slots->items[slot].occupant;
}

void *any_occupant(const struct slots *slots, uint32_t slot)
{
	return slot < slots->used ? slots->items[slot].occupant : NULL;
}

void free_slots(struct slots *slots)
{
	free(slots->items);
	*slots = (struct slots){ .items = NULL };
}
