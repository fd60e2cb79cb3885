/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* The order of SRV records for Lua, whose function draws. */
#include "lua_core.h"
#include "dns/srv.h"

/* Field 1 or 2 of the record on top of the stack. */
static uint16_t check_number(lua_State *L, int record, int field)
{
	lua_Integer number;
	lua_rawgeti(L, -1, field);
	if (!read_integer(L, -1, UINT16_MAX, &number))
		luaL_error(L, "record %d: %s is not an integer from 0 to 65535", record, field == 1 ? "priority" : "weight");
	lua_pop(L, 1);
	return (uint16_t)number;
}

static struct srv_choice check_choice(lua_State *L, int record)
{
	lua_rawgeti(L, 1, record);
	if (!lua_istable(L, -1))
		luaL_error(L, "record %d: table expected, got %s", record, luaL_typename(L, -1));
	struct srv_choice choice = { check_number(L, record, 1), check_number(L, record, 2), (uint32_t)record };
	lua_pop(L, 1);
	return choice;
}

/* What rng(0, limit) gives. */
static uint64_t draw(lua_State *L, int rng, uint64_t limit)
{
	lua_Integer number;
	lua_pushvalue(L, rng);
	lua_pushinteger(L, 0);
	lua_pushinteger(L, (lua_Integer)limit);
	lua_call(L, 2, 1);
	if (!read_integer(L, -1, (lua_Integer)limit, &number))
		luaL_error(L, "rng(0, %d) gave %s, not an integer in that range", (int)limit, luaL_tolstring(L, -1, NULL));
	lua_pop(L, 1);
	return (uint64_t)number;
}

/* order_srv(records[, rng]) -> indices */
static int core_order_srv(lua_State *L)
{
	luaL_checktype(L, 1, LUA_TTABLE);
	lua_settop(L, 2);
	if (lua_isnil(L, 2)) {
		lua_pushvalue(L, lua_upvalueindex(1));
		lua_replace(L, 2);
	}

	int count = (int)lua_rawlen(L, 1);
	struct srv_choice *choices = lua_newuserdata(L, (size_t)count * sizeof(*choices));
	for (int i = 0; i < count; i++)
		choices[i] = check_choice(L, i + 1);

	struct srv_order order = open_srv_order(choices, (size_t)count);
	lua_createtable(L, count, 0);
	for (int i = 1; i <= count; i++) {
		for (uint64_t limit; (limit = srv_draw_limit(&order)) > 0;)
			apply_srv_draw(&order, draw(L, 2, limit));
		lua_pushinteger(L, pick_srv(&order)->index);
		lua_rawseti(L, 4, i);
	}
	return 1;
}

void open_srv(lua_State *L)
{
	lua_getglobal(L, "math");
	lua_getfield(L, -1, "random");
	lua_remove(L, -2);
	lua_pushcclosure(L, core_order_srv, 1);
	lua_setfield(L, -2, "order_srv");
}
