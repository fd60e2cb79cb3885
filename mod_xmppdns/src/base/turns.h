/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* Who of many that wait gets one of a few places: the more of a group have one, the longer its others wait, so that no group takes all of them,
 * nor do twenty. What is left free is for whoever comes next. */
#ifndef XMPPDNS_TURNS_H
#define XMPPDNS_TURNS_H

#include "heap.h"
#include "list.h"
#include "table.h"

/* Embedded in what waits; all zero: it neither waits nor has a place. */
struct turn {
	/* private */
	struct heap_item in_group; /* while it waits */
	struct list_item in_all;
	struct turn_group *group; /* NULL: it neither waits nor has a place */
	bool has_place;
};

/* A group, or a group within one. Private. */
struct turn_group {
	struct table_item by_name;
	struct heap_item among_siblings; /* those in which somebody waits */
	struct turn_group *parent;       /* NULL: of all */
	struct heap waiting;             /* groups in it in which somebody waits; in the innermost ones, turns */
	uint32_t taken, members;         /* places; turns that wait or have one */
};

struct turns {
	/* private */
	uint32_t places;
	struct turn_group all;
	struct list waiting; /* all that wait */
	struct table groups; /* owned */
	uint64_t count;      /* of waits begun, and of rounds of the groups */
	uint64_t seed[2];    /* strangers choose the names */
	bool stuck;          /* nobody may have a place until something changes */
};

void open_turns(struct turns *turns, uint32_t places);
void set_places(struct turns *turns, uint32_t places); /* who has one keeps it */
void close_turns(struct turns *turns);                 /* the turns are their user's, and no longer in it */

/* Waits in its group, and in the one within it, whose name says in which group that is: the earliest deadline of a group first, of equal ones the
 * one that waits longest. deadline: in the unit of its user; nothing happens when it passes. False without memory. */
bool wait_for_turn(struct turns *turns, struct turn *turn, const char *group, const char *subgroup, int64_t deadline);

/* Who of those that wait is next; NULL when nobody is, or nobody may. */
struct turn *next_turn(struct turns *turns);
void take_place(struct turns *turns, struct turn *turn); /* the next one's */

/* It does not wait any more, or gives its place back. Nothing happens when it does neither. */
void leave_turn(struct turns *turns, struct turn *turn);

/* All that wait, in no particular order; NULL at the end. Leaving changes nothing for those that follow. */
struct turn *first_waiting(const struct turns *turns);
struct turn *waiting_after(const struct turn *turn);

#endif
