/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* require "xmppdns.testturns": turns with numbers from 1, and the groups that names are in. For specs only. */
#include <lauxlib.h>
#include <lua.h>

#include "base/turns.h"
#include "dns/name.h"
#include "lua/lua_compat.h"

#define TURNS_TYPE "xmppdns.testturns"

enum { TURNS = 4096 };

struct test_turns {
	struct turns turns;
	struct turn each[TURNS];
};

static struct test_turns *check_turns(lua_State *L)
{
	return luaL_checkudata(L, 1, TURNS_TYPE);
}

static struct turn *check_turn(lua_State *L)
{
	lua_Integer number = luaL_checkinteger(L, 2);
	luaL_argcheck(L, number >= 1 && number <= TURNS, 2, "no such turn");
	return &check_turns(L)->each[number - 1];
}

static int push_turn(lua_State *L, const struct turn *turn)
{
	if (turn == NULL)
		return 0;
	lua_pushinteger(L, (lua_Integer)(turn - check_turns(L)->each) + 1);
	return 1;
}

/* turns:wait(number, group, subgroup[, deadline]) -> bool */
static int turns_wait(lua_State *L)
{
	int64_t deadline = (int64_t)luaL_optinteger(L, 5, 0);
	lua_pushboolean(L, wait_for_turn(&check_turns(L)->turns, check_turn(L), luaL_checkstring(L, 3), luaL_checkstring(L, 4), deadline));
	return 1;
}

/* turns:take() -> number | nil */
static int turns_take(lua_State *L)
{
	struct turns *turns = &check_turns(L)->turns;
	struct turn *turn = next_turn(turns);
	if (turn != NULL)
		take_place(turns, turn);
	return push_turn(L, turn);
}

/* turns:leave(number) */
static int turns_leave(lua_State *L)
{
	leave_turn(&check_turns(L)->turns, check_turn(L));
	return 0;
}

/* turns:set_places(count) */
static int turns_set_places(lua_State *L)
{
	set_places(&check_turns(L)->turns, (uint32_t)luaL_checkinteger(L, 2));
	return 0;
}

/* turns:waiting() -> list of numbers */
static int turns_waiting(lua_State *L)
{
	int count = 0;
	lua_newtable(L);
	for (struct turn *turn = first_waiting(&check_turns(L)->turns); turn != NULL; turn = waiting_after(turn)) {
		push_turn(L, turn);
		lua_rawseti(L, -2, ++count);
	}
	return 1;
}

/* turns:groups() -> how many there are */
static int turns_groups(lua_State *L)
{
	lua_pushinteger(L, (lua_Integer)check_turns(L)->turns.groups.count);
	return 1;
}

static int turns__gc(lua_State *L)
{
	close_turns(&check_turns(L)->turns);
	return 0;
}

/* new(places) -> turns */
static int test_new(lua_State *L)
{
	lua_Integer places = luaL_checkinteger(L, 1);
	struct test_turns *turns = lua_newuserdata(L, sizeof(*turns));
	*turns = (struct test_turns){ .each = { { .group = NULL } } };
	open_turns(&turns->turns, (uint32_t)places);
	luaL_getmetatable(L, TURNS_TYPE);
	lua_setmetatable(L, -2);
	return 1;
}

/* last_labels(name, count) -> text */
static int test_last_labels(lua_State *L)
{
	lua_pushstring(L, last_labels(luaL_checkstring(L, 1), (unsigned)luaL_checkinteger(L, 2)));
	return 1;
}

static const luaL_Reg methods[] = {
	{ "groups", turns_groups },
	{ "leave", turns_leave },
	{ "set_places", turns_set_places },
	{ "take", turns_take },
	{ "wait", turns_wait },
	{ "waiting", turns_waiting },
	{ NULL, NULL },
};

static const luaL_Reg functions[] = {
	{ "last_labels", test_last_labels },
	{ "new", test_new },
	{ NULL, NULL },
};

__attribute__((visibility("default"))) int luaopen_xmppdns_testturns(lua_State *L);
int luaopen_xmppdns_testturns(lua_State *L)
{
	luaL_newmetatable(L, TURNS_TYPE);
	luaL_newlib(L, methods);
	lua_setfield(L, -2, "__index");
	lua_pushcfunction(L, turns__gc);
	lua_setfield(L, -2, "__gc");
	lua_pop(L, 1);
	luaL_newlib(L, functions);
	return 1;
}
