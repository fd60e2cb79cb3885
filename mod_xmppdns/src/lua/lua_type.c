/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* Record types for Lua. */
#include <string.h>

#include "dns/type.h"
#include "lua_core.h"

void push_type_name(lua_State *L, uint16_t type)
{
	const char *name = type_name(type);
	if (name != NULL)
		lua_pushstring(L, name);
	else
		lua_pushfstring(L, "TYPE%d", (int)type);
}

uint16_t check_type_number(lua_State *L, int index)
{
	lua_Integer type;
	luaL_argcheck(L, read_integer(L, index, UINT16_MAX, &type), index, "record type from 0 to 65535 expected");
	return (uint16_t)type;
}

/* type_name(33) -> "SRV"; "TYPE65280" for one without a name */
static int core_type_name(lua_State *L)
{
	push_type_name(L, check_type_number(L, 1));
	return 1;
}

/* type_number("SRV") -> 33 | nil */
static int core_type_number(lua_State *L)
{
	luaL_checktype(L, 1, LUA_TSTRING);
	size_t size;
	const char *name = lua_tolstring(L, 1, &size);
	uint16_t type = strlen(name) == size ? type_number(name) : 0;
	if (type == 0)
		lua_pushnil(L);
	else
		lua_pushinteger(L, type);
	return 1;
}

static const luaL_Reg functions[] = {
	{ "type_name", core_type_name },
	{ "type_number", core_type_number },
	{ NULL, NULL },
};

void open_type(lua_State *L)
{
	luaL_setfuncs(L, functions, 0);
}
