/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* Names for Lua. */
#include "lua_core.h"
#include "dns/name.h"

void push_name_error(lua_State *L, enum name_problem problem, int index, uint16_t qtype)
{
	push_error(L, problem == NAME_MEMORY ? OUTCOME_SYSTEM : OUTCOME_NAME, describe_name_problem(problem), "", qtype, 0);
	lua_pushvalue(L, index); /* it may have NUL bytes in it */
	lua_setfield(L, -2, "qname");
}

typedef enum name_problem (*translate)(const char *text, size_t size, char translated[NAME_TEXT_SIZE], size_t *translated_size);

static int push_translated(lua_State *L, translate translate_name)
{
	luaL_checktype(L, 1, LUA_TSTRING);
	size_t size, translated_size;
	const char *text = lua_tolstring(L, 1, &size);
	char translated[NAME_TEXT_SIZE];
	enum name_problem problem = translate_name(text, size, translated, &translated_size);
	if (problem != NAME_OK) {
		lua_pushnil(L);
		push_name_error(L, problem, 1, 0);
		return 2;
	}
	lua_pushlstring(L, translated, translated_size);
	return 1;
}

/* canonical_name(text) -> canonical | nil, err */
static int core_canonical_name(lua_State *L)
{
	return push_translated(L, canonical_name);
}

/* idna_to_ascii(utf8) -> ascii | nil, err */
static int core_idna_to_ascii(lua_State *L)
{
	return push_translated(L, name_to_ascii);
}

/* idna_to_unicode(ascii) -> utf8 | nil, err */
static int core_idna_to_unicode(lua_State *L)
{
	return push_translated(L, name_to_unicode);
}

static const luaL_Reg functions[] = {
	{ "canonical_name", core_canonical_name },
	{ "idna_to_ascii", core_idna_to_ascii },
	{ "idna_to_unicode", core_idna_to_unicode },
	{ NULL, NULL },
};

void open_name(lua_State *L)
{
	luaL_setfuncs(L, functions, 0);
}
