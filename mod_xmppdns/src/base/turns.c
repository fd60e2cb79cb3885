/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* Dynamic thresholds (Choudhury and Hahne 1998): a group may have as many places as a share of those that nobody has; of those that may have one,
 * who came first is next. */
#include "turns.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "hash.h"

enum {
	SHARE = 4,       /* a group may have a quarter of what is free: twenty that want all leave a sixth */
	SHARE_WITHIN = 2 /* a group within it half of what is free there */
};

static struct turn *turn_at(struct heap_item *item)
{
	return (struct turn *)((char *)item - offsetof(struct turn, in_group));
}

static struct turn_group *group_at(struct heap_item *item)
{
	return (struct turn_group *)((char *)item - offsetof(struct turn_group, among_siblings));
}

/* What waits in it are turns. */
static bool is_innermost(const struct turn_group *group)
{
	return group->parent != NULL && group->parent->parent != NULL;
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

static void free_group(struct turns *turns, struct turn_group *group)
{
	remove_from_table(&turns->groups, &group->by_name);
	free_heap(&group->waiting);
	free(group);
}

void close_turns(struct turns *turns)
{
	size_t bucket = 0;
	for (struct table_item *item; (item = any_in_table(&turns->groups, &bucket)) != NULL;)
		free_group(turns, (struct turn_group *)item);
	free_heap(&turns->all.waiting);
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
	if (group->members == 0)
		free_group(turns, group);
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

/* Where it belongs among its siblings: by the first turn in it. Groups go by who has come first, whatever the deadlines: the order of asking for a
 * chain of keys matters. False without memory. */
static bool place_group(struct turns *turns, struct turn_group *group)
{
	struct heap_item *item = &group->among_siblings;
	take_item(item);
	const struct heap_item *first = top_item(&group->waiting);
	if (first == NULL)
		return true;
	item->deadline = group->parent == &turns->all ? 0 : first->deadline;
	item->order = first->order;
	return push_item(&group->parent->waiting, item);
}

/* From the group upwards. */
static bool place_groups(struct turns *turns, struct turn_group *group)
{
	for (; group->parent != NULL; group = group->parent)
		if (!place_group(turns, group))
			return false;
	return true;
}

static void end_waiting(struct turns *turns, struct turn *turn)
{
	take_item(&turn->in_group);
	remove_item(&turns->waiting, &turn->in_all);
	place_groups(turns, turn->group); /* there is room where they were */
}

static bool begin_waiting(struct turns *turns, struct turn *turn, int64_t deadline)
{
	turn->in_group.deadline = deadline;
	turn->in_group.order = ++turns->count;
	append_item(&turns->waiting, &turn->in_all);
	if (push_item(&turn->group->waiting, &turn->in_group) && place_groups(turns, turn->group))
		return true;
	end_waiting(turns, turn);
	return false;
}

bool wait_for_turn(struct turns *turns, struct turn *turn, const char *group, const char *subgroup, int64_t deadline)
{
	*turn = (struct turn){ .group = find_subgroup(turns, group, subgroup) };
	if (turn->group == NULL)
		return false;
	count_members(turns, turn->group, 1);
	turns->stuck = false;
	if (begin_waiting(turns, turn, deadline))
		return true;
	count_members(turns, turn->group, -1);
	turn->group = NULL;
	return false;
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

static struct turn *first_in(const struct turns *turns, const struct turn_group *group);

static bool has_next(const void *turns, struct heap_item *group)
{
	return first_in(turns, group_at(group)) != NULL;
}

/* The first of those that wait in it which may have a place; the groups before it may not. */
static struct turn *first_in(const struct turns *turns, const struct turn_group *group)
{
	if (room_in(turns, group) == 0)
		return NULL;
	if (is_innermost(group))
		return top_item(&group->waiting) == NULL ? NULL : turn_at(top_item(&group->waiting));
	struct heap_item *child = first_accepted(&group->waiting, has_next, turns);
	return child == NULL ? NULL : first_in(turns, group_at(child));
}

struct turn *next_turn(struct turns *turns)
{
	struct turn *turn = turns->stuck ? NULL : first_in(turns, &turns->all);
	turns->stuck = turn == NULL;
	return turn;
}

void take_place(struct turns *turns, struct turn *turn)
{
	end_waiting(turns, turn);
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
		end_waiting(turns, turn);
	count_members(turns, turn->group, -1);
	turns->stuck = false;
	*turn = (struct turn){ .group = NULL };
}

static struct turn *listed_turn(struct list_item *item)
{
	return item == NULL ? NULL : (struct turn *)((char *)item - offsetof(struct turn, in_all));
}

struct turn *first_waiting(const struct turns *turns)
{
	return listed_turn(turns->waiting.first);
}

struct turn *waiting_after(const struct turn *turn)
{
	return listed_turn(turn->in_all.next);
}
