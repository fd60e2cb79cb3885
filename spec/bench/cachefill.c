/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* The answer cache alone, filled with more answers than a benchmark could ask for. */
#include <lauxlib.h>
#include <lua.h>
#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

#include "resolver/cache.h"

enum { SRV = 33, RECORDS = 2 };

static double now(void)
{
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static double used_memory(void)
{
	struct mallinfo2 info = mallinfo2();
	return (double)info.uordblks + (double)info.hblkhd;
}

/* The answer number i, of the size that real ones have: two targets of 30 bytes. */
static struct answer *make_answer(long i)
{
	static const uint8_t rdata[] = "\0\1\0\1\024\225\4xmpp\10d0000000\7example\3org";
	const uint8_t *records[RECORDS] = { rdata, rdata };
	int sizes[RECORDS] = { sizeof(rdata), sizeof(rdata) };
	char qname[64];
	snprintf(qname, sizeof(qname), "_xmpp-server._tcp.d%07ld.example.org", i);
	struct answer_source source = {
		.outcome = OUTCOME_ANSWERED,
		.qtype = SRV,
		.qclass = 1,
		.attempts = 1,
		.secure = true,
		.ttl = 3600,
		.qname = qname,
		.record_count = RECORDS,
		.rdata = records,
		.sizes = sizes,
	};
	return create_answer(&source);
}

static void put(struct cache *cache, long i)
{
	struct answer *answer = make_answer(i);
	put_answer(cache, answer, 0);
	release_answer(answer);
}

/* reads(bytes) -> microseconds for two reads in so much memory, each from anywhere and the second known by the first: what the buckets of one hash
 * table take, that of the answer that comes and that of the one that goes. */
static int cache_reads(lua_State *L)
{
	enum { SAMPLE = 200000 };
	size_t count = (size_t)luaL_checkinteger(L, 1) / sizeof(uint64_t);
	uint64_t *memory = malloc(count * sizeof(*memory));
	if (memory == NULL)
		return luaL_error(L, "out of memory");
	for (size_t i = 0; i < count; i++)
		memory[i] = i;
	uint64_t place = 88172645463325252;
	double started = now();
	for (long i = 0; i < SAMPLE; i++) {
		place += memory[place % count];
		place ^= place << 13, place ^= place >> 7, place ^= place << 17; /* xorshift64, G. Marsaglia 2003 */
	}
	double spent = now() - started;
	free(memory);
	lua_pushnumber(L, place == 0 ? 0 : spent / SAMPLE * 2 * 1e6);
	return 1;
}

/* fill(count) -> bytes by malloc's account, microseconds to insert one at that size, and to insert one that evicts another */
static int cache_fill(lua_State *L)
{
	enum { SAMPLE = 20000 };
	long count = (long)luaL_checkinteger(L, 1);
	struct cache_limits limits = { .bytes = SIZE_MAX / 2, .max_ttl = 86400 };
	double memory = used_memory();
	struct cache *cache = create_cache(&limits);
	double started = now();
	for (long i = 0; i < count; i++)
		put(cache, i);
	double filled = now();
	memory = used_memory() - memory;
	struct cache_counters counters;
	read_cache_counters(cache, &counters);
	if (counters.entries != (size_t)count)
		return luaL_error(L, "the cache forgot answers");
	delete_cache(cache);

	limits.bytes = counters.bytes;
	cache = create_cache(&limits);
	for (long i = 0; i < count; i++)
		put(cache, i);
	double evicting = now();
	for (long i = 0; i < SAMPLE; i++)
		put(cache, count + i);
	lua_pushnumber(L, memory);
	lua_pushnumber(L, (filled - started) / (double)count * 1e6);
	lua_pushnumber(L, (now() - evicting) / SAMPLE * 1e6);
	read_cache_counters(cache, &counters);
	if (counters.evictions < SAMPLE / 2)
		return luaL_error(L, "the cache did not evict");
	delete_cache(cache);
	return 3;
}

__attribute__((visibility("default"))) int luaopen_bench_cachefill(lua_State *L);

int luaopen_bench_cachefill(lua_State *L)
{
	lua_newtable(L);
	lua_pushcfunction(L, cache_fill);
	lua_setfield(L, -2, "fill");
	lua_pushcfunction(L, cache_reads);
	lua_setfield(L, -2, "reads");
	return 1;
}
