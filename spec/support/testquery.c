/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* require "xmppdns.testquery": the decisions of one lookup, for specs only. */
#include <lauxlib.h>
#include <lua.h>
#include <string.h>

#include "resolver/query.h"

static enum outcome check_outcome(lua_State *L, int index)
{
	const char *code = luaL_checkstring(L, index);
	for (int outcome = 0; outcome < OUTCOMES; outcome++)
		if (strcmp(code, outcome_code((enum outcome)outcome)) == 0)
			return (enum outcome)outcome;
	return (enum outcome)luaL_argerror(L, index, "no such outcome");
}

static void append(lua_State *L, const char *word)
{
	lua_pushstring(L, word);
	lua_rawseti(L, 4, (int)++*(lua_Integer *)lua_touserdata(L, 5));
}

static void append_step(lua_State *L, const struct query *query)
{
	static const char *const words[2][2] = { { "udp", "tcp" }, { "probe udp", "probe tcp" } };
	append(L, query->step == QUERY_DONE ? outcome_code(query->outcome) : words[query->step == QUERY_PROBE][query->tcp]);
}

/* The next of the outcomes; "proven" is what a probe gave that has been validated. */
static enum outcome take_outcome(lua_State *L, struct query *query, int place)
{
	lua_rawgeti(L, 3, place);
	bool is_proven = strcmp(luaL_checkstring(L, -1), "proven") == 0;
	if (is_proven)
		accept_probe(query);
	enum outcome outcome = is_proven ? OUTCOME_ANSWERED : check_outcome(L, -1);
	lua_pop(L, 1);
	return outcome;
}

/* run(attempts, automatic, ended [, may not rebuild [, validates]]) -> what was done: "udp", "tcp", "probe udp", "probe tcp", "rebuild", "denied", and how it
 * ended. ended: the outcomes, one after the other, of what is asked. */
static int run(lua_State *L)
{
	bool is_denied = lua_toboolean(L, 4), rebuild;
	struct query query = start_query((unsigned)luaL_checkinteger(L, 1), lua_toboolean(L, 2), lua_toboolean(L, 5));
	lua_settop(L, 3);
	lua_newtable(L);
	*(lua_Integer *)lua_newuserdata(L, sizeof(lua_Integer)) = 0;
	append_step(L, &query);
	for (int i = 1; query.step != QUERY_DONE; i++) {
		next_step(&query, take_outcome(L, &query, i), &rebuild);
		if (rebuild) {
			append(L, is_denied ? "denied" : "rebuild");
			if (is_denied)
				deny_rebuild(&query);
		}
		append_step(L, &query);
	}
	lua_settop(L, 4);
	return 1;
}

__attribute__((visibility("default"))) int luaopen_xmppdns_testquery(lua_State *L);

int luaopen_xmppdns_testquery(lua_State *L)
{
	lua_newtable(L);
	lua_pushcfunction(L, run);
	lua_setfield(L, -2, "run");
	return 1;
}
