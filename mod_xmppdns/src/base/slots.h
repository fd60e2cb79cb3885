/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* Small numbers for things under way. A number is given out again once its thing is gone; a serial tells the old thing from the new one. */
#ifndef XMPPDNS_SLOTS_H
#define XMPPDNS_SLOTS_H

#include <stdbool.h>
#include <stdint.h>

struct slot {
	void *occupant;  /* not owned; NULL while nobody is in it */
	uint32_t serial; /* of the occupants that it has had */
	uint32_t next;   /* free slot, behind this one */
};

struct slots {
	struct slot *items;  /* owned */
	uint32_t room, used; /* behind the used ones nothing is written yet: a page of memory costs time */
	uint32_t free;       /* the first of the used ones that are free; used: none */
};

/* A free slot, which is taken then, with nobody in it; false without memory. */
bool take_slot(struct slots *slots, uint32_t *slot);
void occupy_slot(struct slots *slots, uint32_t slot, void *occupant); /* one that is taken */
void leave_slot(struct slots *slots, uint32_t slot);

uint32_t slot_serial(const struct slots *slots, uint32_t slot);
/* NULL when the occupant of that serial is gone, or has not come yet. */
void *slot_occupant(const struct slots *slots, uint32_t slot, uint32_t serial);

/* Whoever is in it, of whatever serial; NULL: nobody, or there is no such slot. */
void *any_occupant(const struct slots *slots, uint32_t slot);

void free_slots(struct slots *slots); /* what is in them stays; afterwards they are empty */

#endif
