/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* Fields of Lua tables, and the metatables of userdata. */
#include "lua_core.h"

void create_type(lua_State *L, const char *name, const luaL_Reg *methods, lua_CFunction collect)
{
	luaL_newmetatable(L, name);
	if (collect != NULL) {
		lua_pushcfunction(L, collect);
		lua_setfield(L, -2, "__gc");
	}
	if (methods != NULL) {
		lua_newtable(L);
		luaL_setfuncs(L, methods, 0);
		lua_setfield(L, -2, "__index");
	}
	lua_pop(L, 1);
}

void set_integer(lua_State *L, const char *field, uint64_t integer)
{
#if LUA_VERSION_NUM >= 503
	lua_pushinteger(L, (lua_Integer)integer);
#else
	lua_pushnumber(L, (lua_Number)integer); /* lua_Integer may have 32 bits */
#endif
	lua_setfield(L, -2, field);
}

void set_number(lua_State *L, const char *field, double number)
{
	lua_pushnumber(L, (lua_Number)number);
	lua_setfield(L, -2, field);
}

void set_flag(lua_State *L, const char *field, bool flag)
{
	lua_pushboolean(L, flag);
	lua_setfield(L, -2, field);
}

void set_text(lua_State *L, const char *field, const char *text)
{
	if (text == NULL)
		return;
	lua_pushstring(L, text);
	lua_setfield(L, -2, field);
}

void add_field(lua_State *L, luaL_Buffer *buffer, const char *field, const char *separator)
{
	lua_getfield(L, 1, field);
	if (!lua_isstring(L, -1)) {
		lua_pop(L, 1);
		return;
	}
	luaL_addvalue(buffer);
	luaL_addstring(buffer, separator);
}
