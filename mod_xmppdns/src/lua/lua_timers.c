/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* Callbacks by the time at which they are due, as Lua sees them. Thousands are set and most of them canceled: in Lua, a heap would take more time than
 * what they are for. A timer is a number, which is never used again while its user may have it: its slot's, and how many the slot has had. */
#include <stdlib.h>
#include <string.h>

#include "lua_core.h"
#include "base/heap.h"
#include "base/slots.h"

#define TIMERS_TYPE "xmppdns.core.timers"

enum {
	SLOTS = 1 << 22, /* so that a number has 53 bits, with those of a serial below */
	SERIALS = 0x7fffffff,
	VALUES = 2 /* of a timer, which are kept as two callbacks */
};

struct timers_box {
	struct heap heap;
	struct slots slots; /* of the timers, each owned */
	uint64_t added;
};

struct timer {
	struct heap_item item; /* first. In no heap while it is being set: a finalizer may come then */
	lua_Number at;
	uint32_t slot;
};

static struct timers_box *check_timers(lua_State *L)
{
	return luaL_checkudata(L, 1, TIMERS_TYPE);
}

static lua_Number number_of(const struct timers_box *box, const struct timer *timer)
{
	return (lua_Number)(slot_serial(&box->slots, timer->slot) & SERIALS) * SLOTS + timer->slot + 1;
}

/* NULL for what is a timer no longer, or never was one. */
static struct timer *timer_of(const struct timers_box *box, lua_Number number)
{
	if (!(number >= 1 && number <= (lua_Number)SLOTS * ((lua_Number)SERIALS + 1)))
		return NULL;
	struct timer *timer = any_occupant(&box->slots, (uint32_t)(((uint64_t)number - 1) % SLOTS));
	return timer != NULL && timer->item.heap != NULL && number_of(box, timer) == number ? timer : NULL;
}

/* As exact as the time: the bits of numbers above 0 are integers of the same order. */
static int64_t deadline_of(double at)
{
	int64_t bits;
	memcpy(&bits, &at, sizeof(bits));
	return at > 0 ? bits : 0;
}

/* In no heap yet. NULL without memory. */
static struct timer *create_timer(struct timers_box *box, lua_Number at)
{
	struct timer *timer = calloc(1, sizeof(*timer));
	if (timer == NULL || box->slots.used == SLOTS || !take_slot(&box->slots, &timer->slot)) {
		free(timer);
		return NULL;
	}
	timer->at = at;
	timer->item.deadline = deadline_of(at);
	timer->item.order = box->added++;
	occupy_slot(&box->slots, timer->slot, timer);
	return timer;
}

/* Pushes its callback and its argument, and deletes it: its number is nobody's afterwards. */
static void take_values(lua_State *L, struct timers_box *box, struct timer *timer)
{
	uint32_t first = timer->slot * VALUES;
	take_item(&timer->item);
	take_callback(L, first);
	take_callback(L, first + 1);
	leave_slot(&box->slots, timer->slot);
	free(timer);
}

static struct timer *first_timer(const struct timers_box *box)
{
	return (struct timer *)top_item(&box->heap);
}

/* timers:add(at, callback, argument) -> timer, for callback(argument). at: seconds of whatever clock its user has; what is due at the same time keeps
 * its order. */
static int timers_add(lua_State *L)
{
	struct timers_box *box = check_timers(L);
	lua_Number at = luaL_checknumber(L, 2);
	luaL_argcheck(L, at == at, 2, "not a time");
	luaL_checkany(L, 3);
	lua_settop(L, 4);
	struct timer *timer = create_timer(box, at);
	if (timer == NULL)
		return luaL_error(L, "not enough memory");
	keep_callback(L, timer->slot * VALUES, 3);
	keep_callback(L, timer->slot * VALUES + 1, 4);
	if (!push_item(&box->heap, &timer->item)) {
		take_values(L, box, timer);
		return luaL_error(L, "not enough memory");
	}
	lua_pushnumber(L, number_of(box, timer));
	return 1;
}

/* timers:cancel(timer) -> when it would have been due | nil for one that ran or was canceled */
static int timers_cancel(lua_State *L)
{
	struct timers_box *box = check_timers(L);
	struct timer *timer = timer_of(box, lua_tonumber(L, 2));
	if (timer == NULL)
		return 0;
	lua_pushnumber(L, timer->at);
	take_values(L, box, timer);
	lua_pop(L, VALUES);
	return 1;
}

/* timers:next_time() -> when the first one is due | nil */
static int timers_next_time(lua_State *L)
{
	const struct timer *first = first_timer(check_timers(L));
	if (first == NULL)
		return 0;
	lua_pushnumber(L, first->at);
	return 1;
}

/* timers:take(now) -> callback, argument of the first one that is due by then, which is a timer no longer | nothing */
static int timers_take(lua_State *L)
{
	struct timers_box *box = check_timers(L);
	struct timer *first = first_timer(box);
	if (first == NULL || first->at > luaL_checknumber(L, 2))
		return 0;
	take_values(L, box, first);
	return VALUES;
}

/* timers:clear(): cancels all of them */
static int timers_clear(lua_State *L)
{
	struct timers_box *box = check_timers(L);
	for (struct timer *first = first_timer(box); first != NULL; first = first_timer(box)) {
		take_values(L, box, first);
		lua_pop(L, VALUES);
	}
	return 0;
}

static int timers__gc(lua_State *L)
{
	struct timers_box *box = check_timers(L);
	for (uint32_t slot = 0; slot < box->slots.used; slot++)
		free(any_occupant(&box->slots, slot));
	free_slots(&box->slots);
	free_heap(&box->heap);
	return 0;
}

/* new_timers() -> timers */
static int new_timers(lua_State *L)
{
	struct timers_box *box = lua_newuserdata(L, sizeof(*box));
	*box = (struct timers_box){ .added = 0 };
	luaL_setmetatable(L, TIMERS_TYPE);
	lua_newtable(L); /* of what keep_callback keeps */
	lua_setuservalue(L, -2);
	return 1;
}

static const luaL_Reg methods[] = {
	{ "add", timers_add },
	{ "cancel", timers_cancel },
	{ "clear", timers_clear },
	{ "next_time", timers_next_time },
	{ "take", timers_take },
	{ NULL, NULL },
};

void open_timers(lua_State *L)
{
	create_type(L, TIMERS_TYPE, methods, timers__gc);
	lua_pushcfunction(L, new_timers);
	lua_setfield(L, -2, "new_timers");
}
