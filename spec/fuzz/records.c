/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* Records as Lua sees them: two bytes of type, then the data. A record that is well-formed is pushed, and becomes text of printable ASCII. */
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

#include "fuzz.h"
#include "lua/lua_core.h"
#include "dns/rdata.h"

static lua_State *open_state(void)
{
	lua_State *L = luaL_newstate();
	luaL_openlibs(L);
	EXPECT(luaL_dofile(L, "lua/xmppdns/record_text.lua") == LUA_OK); /* from the project's folder, where spec/fuzz/run is */
	lua_getfield(L, -1, "install");
	lua_newtable(L);
	open_type(L);
	open_rdata(L);
	lua_pushvalue(L, -1);
	lua_setglobal(L, "core");
	lua_call(L, 1, 0);
	return L;
}

static int show_record(lua_State *L)
{
	struct input *input = lua_touserdata(L, 1);
	uint16_t type = (uint16_t)take_word(input);
	size_t size = (size_t)(input->end - input->at), length;
	push_record(L, type, input->at, size);
	EXPECT(check_rdata(type, input->at, size) == !lua_isnil(L, -1));
	if (lua_isnil(L, -1))
		return 0;
	const char *text = luaL_tolstring(L, -1, &length);
	for (size_t i = 0; i < length; i++)
		EXPECT((uint8_t)text[i] >= ' ' && (uint8_t)text[i] < 127);
	return 0;
}

/* core.parse_record(type, data): the same through the face for Lua. */
static int parse_record(lua_State *L)
{
	struct input *input = lua_touserdata(L, 1);
	lua_getglobal(L, "core");
	lua_getfield(L, -1, "parse_record");
	lua_pushinteger(L, (lua_Integer)take_word(input));
	lua_pushlstring(L, (const char *)input->at, (size_t)(input->end - input->at));
	lua_call(L, 2, 1);
	lua_getfield(L, -2, "type_number");
	lua_pushlstring(L, (const char *)input->at, (size_t)(input->end - input->at));
	lua_call(L, 1, 1);
	return 0;
}

static void call(lua_State *L, lua_CFunction function, const uint8_t *data, size_t size, bool may_raise)
{
	struct input input = open_input(data, size);
	lua_pushcfunction(L, function);
	lua_pushlightuserdata(L, &input);
	EXPECT(lua_pcall(L, 1, 0, 0) == LUA_OK || may_raise);
	lua_settop(L, 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static lua_State *L;
	if (L == NULL)
		L = open_state();
	call(L, show_record, data, size, false);
	call(L, parse_record, data, size, true); /* there is no type 0 */
	return 0;
}
