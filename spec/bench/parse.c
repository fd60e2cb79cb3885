/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* An answer's way from its packet into the core, alone; and what the C library takes to read the same packet. */
#include <arpa/nameser.h>
#include <lauxlib.h>
#include <lua.h>
#include <resolv.h>
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

/* How many records of the answer can be read, the names in their data, too: it keeps nothing. */
static int read_with_libc(const uint8_t *packet, size_t size)
{
	enum { SRV_HEAD = 6 /* bytes of priority, weight and port */ };
	char target[NS_MAXDNAME];
	ns_msg message;
	ns_rr record;
	if (ns_initparse(packet, (int)size, &message) != 0)
		return 0;
	for (int i = 0; i < ns_msg_count(message, ns_s_an); i++) {
		if (ns_parserr(&message, ns_s_an, i, &record) != 0)
			return i;
		if (ns_rr_type(record) == ns_t_srv && dn_expand(packet, packet + size, ns_rr_rdata(record) + SRV_HEAD, target, sizeof(target)) < 0)
			return i;
	}
	return ns_msg_count(message, ns_s_an);
}

/* parse_with_libc(packet) -> milliseconds, records */
static int parse_with_libc(lua_State *L)
{
	size_t size;
	const char *packet = luaL_checklstring(L, 1, &size);
	double started = now();
	int count = read_with_libc((const uint8_t *)packet, size);
	lua_pushnumber(L, (now() - started) * 1e3);
	lua_pushinteger(L, count);
	return 2;
}

int luaopen_bench_parse(lua_State *L)
{
	lua_newtable(L);
	lua_pushcfunction(L, parse);
	lua_setfield(L, -2, "parse");
	lua_pushcfunction(L, parse_with_libc);
	lua_setfield(L, -2, "parse_with_libc");
	return 1;
}
