/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* Userdata that hold what Lua values are being made of. */
#include "lua_core.h"
#include "settings/upstream.h"

#define ANSWERS_TYPE "xmppdns.core.held_answers"
#define SETTINGS_TYPE "xmppdns.core.held_settings"

void release_held_answers(struct held_answers *held)
{
	while (held->count > 0)
		release_answer(held->items[--held->count].answer);
}

struct held_answers *new_held_answers(lua_State *L, size_t room)
{
	struct held_answers *held = lua_newuserdata(L, sizeof(*held) + room * sizeof(held->items[0]));
	*held = (struct held_answers){ .room = room };
	luaL_setmetatable(L, ANSWERS_TYPE);
	return held;
}

bool hold_in(struct held_answers *held, const struct answer *answer, uint32_t ttl)
{
	if (held->count == held->room)
		return false;
	held->items[held->count++] = (struct held_answer){ .answer = hold_answer((struct answer *)answer), .ttl = ttl };
	return true;
}

static int held_answers__gc(lua_State *L)
{
	release_held_answers(luaL_checkudata(L, 1, ANSWERS_TYPE));
	return 0;
}

struct held_settings *new_held_settings(lua_State *L)
{
	struct held_settings *held = lua_newuserdata(L, sizeof(*held));
	*held = (struct held_settings){ .settings = NULL };
	luaL_setmetatable(L, SETTINGS_TYPE);
	return held;
}

static int held_settings__gc(lua_State *L)
{
	struct held_settings *held = luaL_checkudata(L, 1, SETTINGS_TYPE);
	release_settings(held->settings);
	release_upstream(held->config);
	*held = (struct held_settings){ .settings = NULL };
	return 0;
}

void open_holders(lua_State *L)
{
	create_type(L, ANSWERS_TYPE, NULL, held_answers__gc);
	create_type(L, SETTINGS_TYPE, NULL, held_settings__gc);
}
