/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* require "xmppdns.core": the module table. */
#include "unbound/library.h"
#include "unbound/log.h"
#include "unbound/release.h"
#include "lua_core.h"
#include "base/problem.h"
#include "dns/name.h"

__attribute__((visibility("default"))) int luaopen_xmppdns_core(lua_State *L);

/* version() -> { libunbound = "1.17.1", libidn2 = "2.3.3", tls = bool } */
static int core_version(lua_State *L)
{
	lua_createtable(L, 0, 3);
	lua_pushstring(L, libunbound_version());
	lua_setfield(L, -2, "libunbound");
	lua_pushstring(L, libidn2_version());
	lua_setfield(L, -2, "libidn2");
	lua_pushboolean(L, libunbound_has_tls());
	lua_setfield(L, -2, "tls");
	return 1;
}

/* thread() -> light userdata, another one in each of the OS threads that are alive */
static int core_thread(lua_State *L)
{
	static _Thread_local char mark;
	lua_pushlightuserdata(L, &mark);
	return 1;
}

/* log_line() -> the oldest line of libunbound's log that nobody has taken | nil */
static int core_log_line(lua_State *L)
{
	char line[LOG_LINE_SIZE];
	if (!take_log_line(line))
		return 0;
	lua_pushstring(L, line);
	return 1;
}

static const luaL_Reg functions[] = {
	{ "log_line", core_log_line },
	{ "thread", core_thread },
	{ "version", core_version },
	{ NULL, NULL },
};

int luaopen_xmppdns_core(lua_State *L)
{
	struct problem problem;
	if (!check_release(&problem))
		return luaL_error(L, "%s", problem.text);
	luaL_newlib(L, functions);
	open_holders(L);
	open_type(L);
	open_rdata(L);
	open_name(L);
	open_srv(L);
	open_answer(L);
	open_error(L);
	open_settings(L);
	open_resolver(L);
	open_route(L);
	open_trust(L);
	open_timers(L);
	open_turns_type(L);
	return 1;
}
