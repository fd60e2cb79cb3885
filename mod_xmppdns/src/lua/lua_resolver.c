/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* The resolver as Lua sees it: submit, process, fetch. It calls no callback: it keeps each until its lookup is fetched. */
#include <errno.h>
#include <poll.h>
#include <string.h>

#include "lua_core.h"
#include "dns/name.h"
#include "dns/type.h"
#include "resolver/resolver.h"
#include "base/slots.h"

#define RESOLVER_TYPE "xmppdns.core.resolver"
#define LOOKUP_TYPE "xmppdns.core.lookup"

enum {
	CACHED_AT_MOST = 10000,
	CALLBACKS_A_PAGE = 256, /* a page is one Lua table: a large one would grow, and be walked by the collector, in one go */
	FIRST_PAGE = 2
};

struct resolver_box {
	struct resolver *resolver; /* owned; NULL once closed */
	struct lookup *fetched;    /* owned, while its answer is being pushed: a raise there must not leak it */
	struct slots slots;        /* of the lookups; an owner, in the words of resolver.h, is its slot */
};

struct lookup_box { /* what Lua has of a lookup; it may outlive it */
	uint32_t slot, serial;
};

/* The uservalue of both is one table: the resolver itself at index 1, then the pages of callbacks by slot. */

static struct resolver_box *check_resolver(lua_State *L, int index)
{
	return luaL_checkudata(L, index, RESOLVER_TYPE);
}

static struct resolver *check_open_resolver(lua_State *L, int index)
{
	struct resolver_box *box = check_resolver(L, index);
	if (box->resolver == NULL)
		luaL_argerror(L, index, "the resolver is closed");
	return box->resolver;
}

static uint16_t check_type(lua_State *L, int index)
{
	if (lua_type(L, index) == LUA_TNUMBER) {
		lua_Number number = lua_tonumber(L, index);
		luaL_argcheck(L, number >= 1 && number <= 65535 && number == (uint16_t)number, index, "a record type is 1 to 65535");
		return (uint16_t)number;
	}
	uint16_t type = type_number(luaL_checkstring(L, index));
	luaL_argcheck(L, type != 0, index, lua_pushfstring(L, "unknown record type \"%s\"", lua_tostring(L, index)));
	return type;
}

/* The canonical name of the text at index, or false with the error table pushed. */
static bool read_qname(lua_State *L, int index, uint16_t qtype, char qname[NAME_TEXT_SIZE])
{
	size_t size, canonical_size;
	const char *text = luaL_checklstring(L, index, &size);
	enum name_problem problem = canonical_name(text, size, qname, &canonical_size);
	if (problem == NAME_OK)
		return true;
	push_error(L, OUTCOME_NAME, describe_name_problem(problem), text, qtype, 0);
	return false;
}

static bool read_flag(lua_State *L, int index, const char *key)
{
	lua_getfield(L, index, key);
	bool flag = lua_toboolean(L, -1);
	lua_pop(L, 1);
	return flag;
}

static lua_Number read_number(lua_State *L, int index, const char *key, lua_Number most, bool is_integer)
{
	lua_getfield(L, index, key);
	lua_Number number = 0;
	if (!lua_isnil(L, -1)) {
		if (lua_type(L, -1) != LUA_TNUMBER)
			luaL_error(L, "option \"%s\" must be a number, not %s", key, luaL_typename(L, -1));
		number = lua_tonumber(L, -1);
		if (!(number > 0 && number <= most) || (is_integer && number != (lua_Number)(unsigned)number))
			luaL_error(L, "option \"%s\" must be %s above 0 and at most %f", key, is_integer ? "an integer" : "a number", most);
	}
	lua_pop(L, 1);
	return number;
}

static struct lookup_options read_options(lua_State *L, int index)
{
	if (lua_isnoneornil(L, index))
		return (struct lookup_options){ .attempts = 0 };
	luaL_checktype(L, index, LUA_TTABLE);
	return (struct lookup_options){
		.attempts = (unsigned)read_number(L, index, "attempts", 10, true),
		.timeout = (double)read_number(L, index, "timeout", 300, false),
		.automatic = read_flag(L, index, "automatic"),
		.require_secure = read_flag(L, index, "require_secure"),
		.allow_insecure_denial = read_flag(L, index, "allow_insecure_denial"),
	};
}

/* Pushes answer, nil or nil, err. */
static void push_known(lua_State *L, const struct known_answer *known, bool from_cache)
{
	const struct answer *answer = known->answer;
	if (answer == NULL) {
		lua_pushnil(L);
		push_error(L, known->outcome, "out of memory", NULL, 0, 0);
	} else if (known->outcome == OUTCOME_ANSWERED) {
		push_answer(L, answer, known->ttl, from_cache);
		if (known->stale) {
			lua_pushboolean(L, true);
			lua_setfield(L, -2, "stale");
		}
		lua_pushnil(L);
	} else {
		const char *text = known->outcome == OUTCOME_INSECURE ? "the answer is not secured by DNSSEC" : answer->reason;
		lua_pushnil(L);
		push_error(L, known->outcome, text, answer->qname, answer->qtype, answer->attempts);
	}
}

/* new_resolver(settings) -> resolver | nil, err */
static int new_resolver(lua_State *L)
{
	struct problem problem;
	luaL_checktype(L, 1, LUA_TTABLE);
	struct resolver_box *box = lua_newuserdata(L, sizeof(*box));
	*box = (struct resolver_box){ .resolver = NULL };
	luaL_setmetatable(L, RESOLVER_TYPE);
	lua_newtable(L); /* resolver uservalue */
	lua_pushvalue(L, -2);
	lua_rawseti(L, -2, 1);
	lua_setuservalue(L, -2);

	struct settings *settings = read_settings(L, 1, &problem);
	if (settings != NULL)
		box->resolver = create_resolver(settings, &problem);
	release_settings(settings);
	if (box->resolver != NULL)
		return 1;
	lua_pushnil(L);
	push_coded_error(L, problem.kind == PROBLEM_SYSTEM ? "system" : "config", problem.text);
	return 2;
}

static void drop_fetched(struct resolver_box *box)
{
	if (box->fetched != NULL)
		free_lookup(box->fetched);
	box->fetched = NULL;
}

/* Everything that waited is dropped without a word: whoever closes by hand cancels and fetches first. Also __gc, so it may run twice. */
static int resolver_close(lua_State *L)
{
	struct resolver_box *box = check_resolver(L, 1);
	struct resolver *resolver = box->resolver;
	box->resolver = NULL;
	if (resolver == NULL)
		return 0;
	drop_fetched(box);
	free_slots(&box->slots);
	delete_resolver(resolver);
	return 0;
}

/* resolver:getfd() -> descriptor */
static int resolver_getfd(lua_State *L)
{
	lua_pushinteger(L, resolver_fd(check_open_resolver(L, 1)));
	return 1;
}

/* resolver:forks() -> number */
static int resolver_get_forks(lua_State *L)
{
	lua_pushinteger(L, resolver_forks(check_open_resolver(L, 1)));
	return 1;
}

static void push_lookup_box(lua_State *L, const struct resolver_box *resolver, uint32_t slot)
{
	struct lookup_box *box = lua_newuserdata(L, sizeof(*box));
	*box = (struct lookup_box){ .slot = slot, .serial = slot_serial(&resolver->slots, slot) };
	luaL_setmetatable(L, LOOKUP_TYPE);
	lua_getuservalue(L, 1);
	lua_setuservalue(L, -2);
}

/* Pushes the page of that slot's callback, made at first use. */
static void push_page(lua_State *L, uint32_t slot)
{
	int page = (int)(slot / CALLBACKS_A_PAGE) + FIRST_PAGE;
	lua_getuservalue(L, 1);
	lua_rawgeti(L, -1, page);
	if (lua_isnil(L, -1)) {
		lua_pop(L, 1);
		lua_createtable(L, CALLBACKS_A_PAGE, 0);
		lua_pushvalue(L, -1);
		lua_rawseti(L, -3, page);
	}
	lua_remove(L, -2);
}

/* Keeps the callback at that index, or nil, for the slot. */
static void keep_callback(lua_State *L, uint32_t slot, int callback)
{
	push_page(L, slot);
	lua_pushvalue(L, callback);
	lua_rawseti(L, -2, (int)(slot % CALLBACKS_A_PAGE) + 1);
	lua_pop(L, 1);
}

/* Pushes the callback of that slot and forgets it. */
static void take_callback(lua_State *L, uint32_t slot)
{
	int place = (int)(slot % CALLBACKS_A_PAGE) + 1;
	push_page(L, slot);
	lua_rawgeti(L, -1, place);
	lua_pushnil(L);
	lua_rawseti(L, -3, place);
	lua_remove(L, -2);
}

/* Starts the lookup, or queues what is known, with the callback at index 4, and pushes its handle. False without memory, nothing pushed. */
static bool start_with_callback(
	lua_State *L, struct resolver_box *box, const char *qname, uint16_t qtype, const struct lookup_options *options, const struct known_answer *known)
{
	uint32_t slot;
	if (!find_free_slot(&box->slots, &slot))
		return false;
	keep_callback(L, slot, 4);
	push_lookup_box(L, box, slot);
	struct lookup *lookup =
		known->answer != NULL ? queue_known_answer(box->resolver, known, options, slot) : start_lookup(box->resolver, qname, qtype, options, slot);
	if (lookup != NULL) {
		occupy_slot(&box->slots, slot, lookup);
		return true;
	}
	lua_pop(L, 1);
	take_callback(L, slot);
	lua_pop(L, 1);
	return false;
}

/* resolver:submit(qname, rdtype, callback, options, later) -> lookup | false, answer | false, nil, err
 * What is known already is given back at once, and callback is not kept, unless later. */
static int resolver_submit(lua_State *L)
{
	struct resolver *resolver = check_open_resolver(L, 1);
	char qname[NAME_TEXT_SIZE];
	uint16_t qtype = check_type(L, 3);
	luaL_checkany(L, 4);
	struct lookup_options options = read_options(L, 5);
	bool later = lua_toboolean(L, 6);

	lua_settop(L, 6);
	lua_pushboolean(L, false);
	lua_pushnil(L);
	if (!read_qname(L, 2, qtype, qname))
		return 3;
	struct known_answer known = use_known_answer(resolver, qname, qtype, &options);
	if (known.answer != NULL && !later) {
		lua_pop(L, 1);
		push_known(L, &known, true);
		return 3;
	}
	if (start_with_callback(L, check_resolver(L, 1), qname, qtype, &options, &known))
		return 1;
	lua_pop(L, 1);
	push_error(L, OUTCOME_SYSTEM, "out of memory", qname, qtype, 0);
	return 3;
}

/* resolver:process(): never blocks; what is complete is to be fetched then, all of it, or rest called */
static int resolver_process(lua_State *L)
{
	process_resolver(check_open_resolver(L, 1));
	return 0;
}

/* resolver:rest(): for who stops to fetch before there is nothing left; the descriptor stays readable */
static int resolver_rest(lua_State *L)
{
	rest_resolver(check_open_resolver(L, 1));
	return 0;
}

/* resolver:notice() -> text | nil: what its owner should hear of */
static int resolver_notice(lua_State *L)
{
	struct resolver *resolver = check_open_resolver(L, 1);
	char text[NOTICE_SIZE];
	if (!take_notice(resolver, text))
		return 0;
	lua_pushstring(L, text);
	return 1;
}

/* resolver:fetch() -> callback, answer, err | nothing, also once closed */
static int resolver_fetch(lua_State *L)
{
	struct resolver_box *box = check_resolver(L, 1);
	if (box->resolver == NULL || !has_completed(box->resolver))
		return 0;
	drop_fetched(box);
	box->fetched = take_lookup(box->resolver);
	uint32_t slot = lookup_owner(box->fetched);
	leave_slot(&box->slots, slot);
	take_callback(L, slot);
	struct known_answer known = lookup_result(box->fetched);
	push_known(L, &known, false);
	drop_fetched(box);
	return 3;
}

/* resolver:poll(seconds) -> bool: waits until process has something to do */
static int resolver_poll(lua_State *L)
{
	struct pollfd descriptor = { .fd = resolver_fd(check_open_resolver(L, 1)), .events = POLLIN };
	lua_Number seconds = luaL_checknumber(L, 2);
	int timeout = seconds <= 0 ? 0 : seconds > 86400 ? 86400000 : (int)(seconds * 1000) + 1;
	lua_pushboolean(L, poll(&descriptor, 1, timeout) > 0);
	return 1;
}

/* resolver:peek(qname, rdtype, options) -> answer | nil, err | nil */
static int resolver_peek(lua_State *L)
{
	struct resolver *resolver = check_open_resolver(L, 1);
	char qname[NAME_TEXT_SIZE];
	uint16_t qtype = check_type(L, 3);
	struct lookup_options options = read_options(L, 4);
	lua_pushnil(L);
	if (!read_qname(L, 2, qtype, qname))
		return 2;
	struct known_answer known = peek_answer(resolver, qname, qtype, &options);
	if (known.answer == NULL)
		return 1;
	push_known(L, &known, true);
	return 2;
}

/* resolver:knows(qname, rdtype) -> bool: whether peek would give an answer or a remembered failure; false for what is no name */
static int resolver_knows(lua_State *L)
{
	struct resolver *resolver = check_open_resolver(L, 1);
	char qname[NAME_TEXT_SIZE];
	uint16_t qtype = check_type(L, 3);
	struct lookup_options options = { .attempts = 0 };
	bool is_known = read_qname(L, 2, qtype, qname) && peek_answer(resolver, qname, qtype, &options).answer != NULL;
	lua_pushboolean(L, is_known);
	return 1;
}

/* resolver:flush([qname]) -> true | nil, err */
static int resolver_flush(lua_State *L)
{
	struct resolver *resolver = check_open_resolver(L, 1);
	char qname[NAME_TEXT_SIZE];
	if (lua_isnoneornil(L, 2)) {
		flush_cache(resolver_cache(resolver));
	} else {
		lua_pushnil(L);
		if (!read_qname(L, 2, 0, qname))
			return 2;
		flush_name(resolver_cache(resolver), qname);
	}
	lua_pushboolean(L, true);
	return 1;
}

/* resolver:reconfigure([settings]) -> true | nil, err */
static int resolver_reconfigure(lua_State *L)
{
	struct resolver *resolver = check_open_resolver(L, 1);
	struct problem problem;
	struct settings *settings = NULL;
	bool is_read = lua_isnoneornil(L, 2) || (settings = read_settings(L, 2, &problem)) != NULL;
	bool is_rebuilt = is_read && rebuild_resolver(resolver, settings, &problem);
	release_settings(settings);
	if (is_rebuilt) {
		lua_pushboolean(L, true);
		return 1;
	}
	lua_pushnil(L);
	push_coded_error(L, problem.kind == PROBLEM_SYSTEM ? "system" : "config", problem.text);
	return 2;
}

/* resolver:cancel(): every lookup that is not complete */
static int resolver_cancel(lua_State *L)
{
	cancel_lookups(check_open_resolver(L, 1));
	return 0;
}

/* resolver:alarm([seconds]): the descriptor is readable then, once; without seconds: no alarm */
static int resolver_alarm(lua_State *L)
{
	struct resolver *resolver = check_open_resolver(L, 1);
	lua_Number seconds = luaL_optnumber(L, 2, -1);
	int64_t ms = seconds > 0 ? (int64_t)(seconds * 1000) + 1 : 0; /* never early */
	set_alarm(resolver, seconds < 0 ? INT64_MAX : monotonic_ms() + ms);
	return 0;
}

/* resolver:settings() -> table */
static int resolver_get_settings(lua_State *L)
{
	struct resolver *resolver = check_open_resolver(L, 1);
	push_settings(L, resolver_settings(resolver), resolver_upstream(resolver));
	return 1;
}

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

/* resolver:stats() -> table of counters */
static int resolver_stats(lua_State *L)
{
	struct resolver_counters counters;
	read_resolver_counters(check_open_resolver(L, 1), &counters);
	lua_createtable(L, 0, 21);
	set_integer(L, "lookups", counters.lookups.lookups);
	set_integer(L, "secure", counters.lookups.secure);
	set_integer(L, "insecure", counters.lookups.insecure);
	set_integer(L, "shared", counters.lookups.shared);
	set_integer(L, "stale", counters.lookups.stale);
	set_integer(L, "attempts", counters.lookups.attempts);
	set_integer(L, "retries", counters.lookups.retries);
	set_integer(L, "tcp_attempts", counters.lookups.tcp_attempts);
	set_integer(L, "probes", counters.lookups.probes);
	set_integer(L, "probe_verdicts", counters.lookups.probe_verdicts);
	set_integer(L, "rebuilds", counters.rebuilds);
	set_integer(L, "rebuilds_denied", counters.rebuilds_denied);
	set_integer(L, "waiting", counters.waiting);
	set_integer(L, "in_flight", counters.in_flight);
	set_integer(L, "contexts", counters.contexts);
	set_integer(L, "generation", counters.generation);
	set_integer(L, "trust_epoch", counters.trust);
	push_outcomes(L, counters.lookups.outcomes);
	lua_setfield(L, -2, "outcomes");
	push_cache_counters(L, &counters.cache);
	lua_setfield(L, -2, "cache");
	return 1;
}

/* resolver:trust_epoch() -> number: what an answer of another number proved, proves nothing any more */
static int resolver_trust_epoch(lua_State *L)
{
	lua_pushnumber(L, (lua_Number)resolver_trust(check_open_resolver(L, 1)));
	return 1;
}

static bool push_cached(void *context, const struct answer *answer, uint32_t ttl)
{
	lua_State *L = context;
	int count = (int)lua_rawlen(L, -1);
	if (answer->outcome != OUTCOME_ANSWERED)
		return true;
	push_answer(L, answer, ttl, true);
	lua_rawseti(L, -2, count + 1);
	return count + 1 < CACHED_AT_MOST;
}

/* resolver:cached() -> array of the answers in the cache, the most recently used first, at most 10,000 */
static int resolver_cached(lua_State *L)
{
	struct resolver *resolver = check_open_resolver(L, 1);
	lua_newtable(L);
	walk_cache(resolver_cache(resolver), monotonic_ms(), push_cached, L);
	return 1;
}

/* lookup:cancel(): nothing happens when it is complete */
static int lookup_cancel(lua_State *L)
{
	struct lookup_box *box = luaL_checkudata(L, 1, LOOKUP_TYPE);
	lua_getuservalue(L, 1);
	lua_rawgeti(L, -1, 1);
	struct resolver_box *resolver = check_resolver(L, -1);
	struct lookup *lookup = slot_occupant(&resolver->slots, box->slot, box->serial);
	if (lookup != NULL)
		cancel_lookup(resolver->resolver, lookup);
	return 0;
}

static const luaL_Reg resolver_methods[] = {
	{ "alarm", resolver_alarm },
	{ "cached", resolver_cached },
	{ "cancel", resolver_cancel },
	{ "close", resolver_close },
	{ "fetch", resolver_fetch },
	{ "flush", resolver_flush },
	{ "forks", resolver_get_forks },
	{ "getfd", resolver_getfd },
	{ "knows", resolver_knows },
	{ "notice", resolver_notice },
	{ "peek", resolver_peek },
	{ "poll", resolver_poll },
	{ "process", resolver_process },
	{ "reconfigure", resolver_reconfigure },
	{ "rest", resolver_rest },
	{ "settings", resolver_get_settings },
	{ "stats", resolver_stats },
	{ "submit", resolver_submit },
	{ "trust_epoch", resolver_trust_epoch },
	{ NULL, NULL },
};

static const luaL_Reg lookup_methods[] = {
	{ "cancel", lookup_cancel },
	{ NULL, NULL },
};

static void create_type(lua_State *L, const char *name, const luaL_Reg *methods, lua_CFunction collect)
{
	luaL_newmetatable(L, name);
	if (collect != NULL) {
		lua_pushcfunction(L, collect);
		lua_setfield(L, -2, "__gc");
	}
	lua_newtable(L);
	luaL_setfuncs(L, methods, 0);
	lua_setfield(L, -2, "__index");
	lua_pop(L, 1);
}

/* now() -> seconds of a clock that never goes back */
static int now(lua_State *L)
{
	lua_pushnumber(L, (lua_Number)monotonic_ms() / 1000);
	return 1;
}

void open_resolver(lua_State *L)
{
	create_type(L, RESOLVER_TYPE, resolver_methods, resolver_close);
	create_type(L, LOOKUP_TYPE, lookup_methods, NULL); /* dropping one cancels nothing */
	lua_pushcfunction(L, new_resolver);
	lua_setfield(L, -2, "new_resolver");
	lua_pushcfunction(L, now);
	lua_setfield(L, -2, "now");
}
