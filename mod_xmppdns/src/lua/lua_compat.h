/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* What Lua 5.1, LuaJIT, 5.2 and 5.3 lack of the functions that the binding uses, in one place. */
#ifndef XMPPDNS_LUA_COMPAT_H
#define XMPPDNS_LUA_COMPAT_H

#include <lauxlib.h>
#include <lua.h>
#include <stdbool.h>
#include <stddef.h>

/* Whether the value is a number without a fraction from 0 to max (at most 2^53), and not a string that looks like one; else 0. */
static inline bool read_integer(lua_State *L, int index, lua_Integer max, lua_Integer *integer)
{
	lua_Number number = lua_tonumber(L, index);
	bool in_range = lua_type(L, index) == LUA_TNUMBER && number >= 0 && number <= (lua_Number)max;
	*integer = in_range ? (lua_Integer)number : 0;
	return in_range && (lua_Number)*integer == number;
}

#if LUA_VERSION_NUM == 501 /* LuaJIT too */

#ifndef LUA_OK
#define LUA_OK 0
#endif

#define lua_rawlen(L, index) lua_objlen(L, index)
#define lua_getuservalue(L, index) lua_getfenv(L, index) /* before the first lua_setuservalue: some table that is not ours */
#define lua_setuservalue(L, index) lua_setfenv(L, index) /* takes a table only */

static inline int lua_absindex(lua_State *L, int index)
{
	return index > 0 || index <= LUA_REGISTRYINDEX ? index : lua_gettop(L) + index + 1;
}

static inline void lua_rawgetp(lua_State *L, int index, const void *key)
{
	index = lua_absindex(L, index);
	lua_pushlightuserdata(L, (void *)key);
	lua_rawget(L, index);
}

static inline void lua_rawsetp(lua_State *L, int index, const void *key)
{
	index = lua_absindex(L, index);
	lua_pushlightuserdata(L, (void *)key);
	lua_insert(L, -2);
	lua_rawset(L, index);
}

static inline const char *luaL_tolstring(lua_State *L, int index, size_t *size)
{
	index = lua_absindex(L, index);
	lua_getglobal(L, "tostring");
	lua_pushvalue(L, index);
	lua_call(L, 1, 1);
	return lua_tolstring(L, -1, size);
}

#ifndef luaL_newlib /* LuaJIT 2.1 has it, and the three functions */

static inline void luaL_setfuncs(lua_State *L, const luaL_Reg *functions, int upvalues)
{
	for (; functions->name != NULL; functions++) {
		for (int i = 0; i < upvalues; i++)
			lua_pushvalue(L, -upvalues);
		lua_pushcclosure(L, functions->func, upvalues);
		lua_setfield(L, -(upvalues + 2), functions->name);
	}
	lua_pop(L, upvalues);
}

#define luaL_newlib(L, functions) (lua_createtable(L, 0, sizeof(functions) / sizeof((functions)[0]) - 1), luaL_setfuncs(L, functions, 0))

static inline void luaL_setmetatable(lua_State *L, const char *name)
{
	luaL_getmetatable(L, name);
	lua_setmetatable(L, -2);
}

static inline void *luaL_testudata(lua_State *L, int index, const char *name)
{
	void *userdata = lua_touserdata(L, index);
	if (userdata == NULL || !lua_getmetatable(L, index))
		return NULL;
	luaL_getmetatable(L, name);
	if (!lua_rawequal(L, -1, -2))
		userdata = NULL;
	lua_pop(L, 2);
	return userdata;
}

#endif
#endif
#endif
