/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* Routes for Lua. */
#include "lua_core.h"
#include "base/route.h"

/* has_route(address) -> bool */
static int core_has_route(lua_State *L)
{
	luaL_checktype(L, 1, LUA_TSTRING);
	lua_pushboolean(L, has_route(lua_tostring(L, 1)));
	return 1;
}

static const luaL_Reg functions[] = {
	{ "has_route", core_has_route },
	{ NULL, NULL },
};

void open_route(lua_State *L)
{
	luaL_setfuncs(L, functions, 0);
}
