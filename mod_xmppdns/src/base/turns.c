/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* Dynamic thresholds (Choudhury and Hahne 1998): a group may have as many places as a share of those that nobody has. The groups take turns. */
#include "turns.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "hash.h"

enum {
	SHARE = 4,       /* a group may have a quarter of what is free: twenty that want all leave a sixth */
	SHARE_WITHIN = 2 /* a group within it half of what is free there */
};

static struct turn *turn_at(struct list_item *item)
{
	return (struct turn *)((char *)item - offsetof(struct turn, in_group));
}

static struct turn_group *group_at(struct list_item *item)
{
	return (struct turn_group *)((char *)item - offsetof(struct turn_group, among_siblings));
}

static bool waits(const struct turn_group *group)
{
	return group->children.first != NULL || group->waiting.first != NULL;
}

void open_turns(struct turns *turns, uint32_t places)
{
	*turns = (struct turns){ .places = places };
	random_seed(turns->seed);
}

void set_places(struct turns *turns, uint32_t places)
{
	turns->places = places;
	turns->stuck = false;
}

void close_turns(struct turns *turns)
{
	size_t bucket = 0;
	for (struct table_item *item; (item = any_in_table(&turns->groups, &bucket)) != NULL;) {
		remove_from_table(&turns->groups, item);
		free(item);
	}
	free_table(&turns->groups);
}

/* Groups */

/* Names with the same hash share a group. NULL without memory. */
static struct turn_group *find_group(struct turns *turns, struct turn_group *parent, const char *name, uint16_t level)
{
	uint64_t hash = hash_name(turns->seed, name, strlen(name), level);
	for (struct table_item *item = table_bucket(&turns->groups, hash); item != NULL; item = item->next)
		if (item->hash == hash)
			return (struct turn_group *)item;
	struct turn_group *group = calloc(1, sizeof(*group));
	if (group != NULL && !add_to_table(&turns->groups, &group->by_name, hash)) {
		free(group);
		return NULL;
	}
	if (group != NULL)
		group->parent = parent;
	return group;
}

static void free_if_empty(struct turns *turns, struct turn_group *group)
{
	if (group->members > 0)
		return;
	remove_from_table(&turns->groups, &group->by_name);
	free(group);
}

static struct turn_group *find_subgroup(struct turns *turns, const char *name, const char *subname)
{
	struct turn_group *group = find_group(turns, &turns->all, name, 1);
	if (group == NULL)
		return NULL;
	struct turn_group *subgroup = find_group(turns, group, subname, 2);
	if (subgroup == NULL)
		free_if_empty(turns, group);
	return subgroup;
}

static void count_members(struct turns *turns, struct turn_group *group, int change)
{
	for (struct turn_group *parent; group != NULL; group = parent) {
		parent = group->parent;
		group->members += (uint32_t)change;
		if (parent != NULL)
			free_if_empty(turns, group);
	}
}

static void count_taken(struct turn_group *group, int change)
{
	for (; group != NULL; group = group->parent)
		group->taken += (uint32_t)change;
}

/* Waiting */

/* From the group upwards: who has somebody waiting is among its siblings. */
static void begin_waiting(struct turn_group *group, struct turn *turn)
{
	bool did_wait = waits(group);
	append_item(&group->waiting, &turn->in_group);
	for (; !did_wait && group->parent != NULL; group = group->parent) {
		did_wait = waits(group->parent);
		append_item(&group->parent->children, &group->among_siblings);
	}
}

static void end_waiting(struct turn_group *group, struct turn *turn)
{
	remove_item(&group->waiting, &turn->in_group);
	for (; !waits(group) && group->parent != NULL; group = group->parent)
		remove_item(&group->parent->children, &group->among_siblings);
}

bool wait_for_turn(struct turns *turns, struct turn *turn, const char *group, const char *subgroup)
{
	*turn = (struct turn){ .group = find_subgroup(turns, group, subgroup) };
	if (turn->group == NULL)
		return false;
	turns->stuck = false;
	begin_waiting(turn->group, turn);
	count_members(turns, turn->group, 1);
	return true;
}

/* Turns */

/* How many more places it may have. */
static uint32_t room_in(const struct turns *turns, const struct turn_group *group)
{
	if (group->parent == NULL)
		return turns->places > group->taken ? turns->places - group->taken : 0;
	uint32_t free_above = room_in(turns, group->parent);
	uint32_t allowed = 1 + free_above / (group->parent == &turns->all ? SHARE : SHARE_WITHIN);
	return free_above > 0 && allowed > group->taken ? allowed - group->taken : 0;
}

/* The first of those that wait in it which may have a place; the groups before it may not. */
static struct turn *first_in(const struct turns *turns, const struct turn_group *group)
{
	if (room_in(turns, group) == 0)
		return NULL;
	if (group->waiting.first != NULL)
		return turn_at(group->waiting.first);
	for (struct list_item *child = group->children.first; child != NULL; child = child->next) {
		struct turn *turn = first_in(turns, group_at(child));
		if (turn != NULL)
			return turn;
	}
	return NULL;
}

struct turn *next_turn(struct turns *turns)
{
	struct turn *turn = turns->stuck ? NULL : first_in(turns, &turns->all);
	turns->stuck = turn == NULL;
	return turn;
}

/* Behind its siblings, if it still waits. */
static void pass_turn_on(struct turn_group *group)
{
	for (; group->parent != NULL; group = group->parent)
		if (waits(group)) {
			remove_item(&group->parent->children, &group->among_siblings);
			append_item(&group->parent->children, &group->among_siblings);
		}
}

void take_place(struct turn *turn)
{
	end_waiting(turn->group, turn);
	pass_turn_on(turn->group);
	count_taken(turn->group, 1);
	turn->has_place = true;
}

void leave_turn(struct turns *turns, struct turn *turn)
{
	if (turn->group == NULL)
		return;
	if (turn->has_place)
		count_taken(turn->group, -1);
	else
		end_waiting(turn->group, turn);
	count_members(turns, turn->group, -1);
	turns->stuck = false;
	*turn = (struct turn){ .group = NULL };
}

static struct turn *any_in(const struct turn_group *group)
{
	while (group->children.first != NULL)
		group = group_at(group->children.first);
	return group->waiting.first == NULL ? NULL : turn_at(group->waiting.first);
}

struct turn *first_waiting(const struct turns *turns)
{
	return any_in(&turns->all);
}

struct turn *waiting_after(const struct turn *turn)
{
	if (turn->in_group.next != NULL)
		return turn_at(turn->in_group.next);
	for (const struct turn_group *group = turn->group; group->parent != NULL; group = group->parent)
		if (group->among_siblings.next != NULL)
			return any_in(group_at(group->among_siblings.next));
	return NULL;
}
