/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* A resolver's counters as a Lua table. */
#include "lua_core.h"
#include "resolver/resolver.h"

static void push_outcomes(lua_State *L, const uint64_t outcomes[OUTCOMES])
{
	lua_createtable(L, 0, OUTCOMES);
	for (int i = 0; i < OUTCOMES; i++)
		set_integer(L, outcome_code((enum outcome)i), outcomes[i]);
}

static void push_cache_counters(lua_State *L, const struct cache_counters *cache)
{
	lua_createtable(L, 0, 6);
	set_integer(L, "hits", cache->hits);
	set_integer(L, "misses", cache->misses);
	set_integer(L, "stale_hits", cache->stale_hits);
	set_integer(L, "evictions", cache->evictions);
	set_integer(L, "bytes", cache->bytes);
	set_integer(L, "entries", cache->entries);
}

void push_counters(lua_State *L, const struct resolver_counters *counters)
{
	lua_createtable(L, 0, 22);
	set_integer(L, "lookups", counters->lookups.lookups);
	set_integer(L, "secure", counters->lookups.secure);
	set_integer(L, "insecure", counters->lookups.insecure);
	set_integer(L, "shared", counters->lookups.shared);
	set_integer(L, "stale", counters->lookups.stale);
	set_integer(L, "attempts", counters->lookups.attempts);
	set_integer(L, "retries", counters->lookups.retries);
	set_integer(L, "tcp_attempts", counters->lookups.tcp_attempts);
	set_integer(L, "probes", counters->lookups.probes);
	set_integer(L, "probe_verdicts", counters->lookups.probe_verdicts);
	set_integer(L, "rebuilds", counters->rebuilds);
	set_integer(L, "rebuilds_denied", counters->rebuilds_denied);
	set_integer(L, "waiting", counters->waiting);
	set_integer(L, "in_flight", counters->in_flight);
	set_integer(L, "contexts", counters->contexts);
	set_integer(L, "generation", counters->generation);
	set_integer(L, "trust_epoch", counters->trust);
	set_integer(L, "learnt", counters->learnt);
	push_outcomes(L, counters->lookups.outcomes);
	lua_setfield(L, -2, "outcomes");
	push_cache_counters(L, &counters->cache);
	lua_setfield(L, -2, "cache");
}
