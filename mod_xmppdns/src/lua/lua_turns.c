/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* Turns among domains, as Lua sees them: who waits or has a place is a number, from 1. Thousands may wait, and tables would be the collector's work. */
#include <stdlib.h>

#include "lua_core.h"
#include "base/slots.h"
#include "base/turns.h"

#define TURNS_TYPE "xmppdns.core.turns"

struct turns_box {
	struct turns turns;
	struct slots slots; /* of the turns, each owned */
};

struct numbered_turn {
	struct turn turn; /* first */
	uint32_t slot;
};

static struct turns_box *check_turns(lua_State *L)
{
	return luaL_checkudata(L, 1, TURNS_TYPE);
}

static struct numbered_turn *turn_in(const struct turns_box *box, lua_Integer number)
{
	bool is_slot = number >= 1 && number <= (lua_Integer)box->slots.used;
	return is_slot ? any_occupant(&box->slots, (uint32_t)number - 1) : NULL;
}

/* NULL without memory. */
static struct numbered_turn *add_turn(struct turns_box *box)
{
	struct numbered_turn *turn = calloc(1, sizeof(*turn));
	if (turn == NULL || !take_slot(&box->slots, &turn->slot)) {
		free(turn);
		return NULL;
	}
	occupy_slot(&box->slots, turn->slot, turn);
	return turn;
}

static void remove_turn(struct turns_box *box, struct numbered_turn *turn)
{
	leave_turn(&box->turns, &turn->turn);
	leave_slot(&box->slots, turn->slot);
	free(turn);
}

/* turns:wait(domain) -> number | nil without memory */
static int turns_wait(lua_State *L)
{
	struct turns_box *box = check_turns(L);
	const char *domain = luaL_checkstring(L, 2);
	const char *name = *domain != '\0' ? domain : ".";
	struct numbered_turn *turn = add_turn(box);
	if (turn != NULL && wait_for_turn(&box->turns, &turn->turn, last_labels(name, 2), last_labels(name, 3), 0)) {
		lua_pushinteger(L, (lua_Integer)turn->slot + 1);
		return 1;
	}
	if (turn != NULL)
		remove_turn(box, turn);
	return 0;
}

/* turns:has_next() -> bool */
static int turns_has_next(lua_State *L)
{
	lua_pushboolean(L, next_turn(&check_turns(L)->turns) != NULL);
	return 1;
}

/* turns:has_waiting() -> bool: whether anybody waits, be there a place or not */
static int turns_has_waiting(lua_State *L)
{
	lua_pushboolean(L, first_waiting(&check_turns(L)->turns) != NULL);
	return 1;
}

/* turns:take() -> number | nil: it has a place now */
static int turns_take(lua_State *L)
{
	struct turns_box *box = check_turns(L);
	struct turn *turn = next_turn(&box->turns);
	if (turn == NULL)
		return 0;
	take_place(&box->turns, turn);
	lua_pushinteger(L, (lua_Integer)((struct numbered_turn *)turn)->slot + 1);
	return 1;
}

/* turns:leave(number): that number may then be given to another */
static int turns_leave(lua_State *L)
{
	struct turns_box *box = check_turns(L);
	struct numbered_turn *turn = turn_in(box, luaL_checkinteger(L, 2));
	if (turn != NULL)
		remove_turn(box, turn);
	return 0;
}

/* turns:set_places(count) */
static int turns_set_places(lua_State *L)
{
	lua_Integer count = luaL_checkinteger(L, 2);
	luaL_argcheck(L, count >= 0 && count <= INT32_MAX, 2, "no such number of places");
	set_places(&check_turns(L)->turns, (uint32_t)count);
	return 0;
}

static int turns__gc(lua_State *L)
{
	struct turns_box *box = check_turns(L);
	for (uint32_t number = 1; number <= box->slots.used; number++)
		free(turn_in(box, number));
	free_slots(&box->slots);
	close_turns(&box->turns);
	return 0;
}

/* new_turns(places) -> turns */
static int new_turns(lua_State *L)
{
	lua_Integer places = luaL_checkinteger(L, 1);
	luaL_argcheck(L, places >= 0 && places <= INT32_MAX, 1, "no such number of places");
	struct turns_box *box = lua_newuserdata(L, sizeof(*box));
	*box = (struct turns_box){ .slots = { .items = NULL } };
	open_turns(&box->turns, (uint32_t)places);
	luaL_setmetatable(L, TURNS_TYPE);
	return 1;
}

static const luaL_Reg methods[] = {
	{ "has_next", turns_has_next },
	{ "has_waiting", turns_has_waiting },
	{ "leave", turns_leave },
	{ "set_places", turns_set_places },
	{ "take", turns_take },
	{ "wait", turns_wait },
	{ NULL, NULL },
};

void open_turns_type(lua_State *L)
{
	create_type(L, TURNS_TYPE, methods, turns__gc);
	lua_pushcfunction(L, new_turns);
	lua_setfield(L, -2, "new_turns");
}
