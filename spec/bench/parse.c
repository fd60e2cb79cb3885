/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* An answer's way from its packet into the core, alone. */
#include <lauxlib.h>
#include <lua.h>
#include <time.h>

#include "dns/packet.h"

__attribute__((visibility("default"))) int luaopen_bench_parse(lua_State *L);

static double now(void)
{
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* parse(packet, qname, qtype) -> milliseconds, records */
static int parse(lua_State *L)
{
	size_t size;
	const char *packet = luaL_checklstring(L, 1, &size);
	const char *qname = luaL_checkstring(L, 2);
	uint16_t qtype = (uint16_t)luaL_checkinteger(L, 3);
	double started = now();
	struct answer *answer = create_packet_answer((const uint8_t *)packet, size, qname, qtype, true);
	lua_pushnumber(L, (now() - started) * 1e3);
	lua_pushinteger(L, answer == NULL ? 0 : (lua_Integer)answer->record_count);
	release_answer(answer);
	return 2;
}

int luaopen_bench_parse(lua_State *L)
{
	lua_newtable(L);
	lua_pushcfunction(L, parse);
	lua_setfield(L, -2, "parse");
	return 1;
}
