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

enum { CACHED_AT_MOST = 10000, MOST_SHARDS = 64 };

struct resolver_box {
	struct resolver *resolver; /* owned; NULL once closed: look again after everything that may run Lua code */
	struct slots slots; /* of the lookups; an owner, in the words of resolver.h, is twice its slot, and 1 more where the answer is to be bare */
};

struct lookup_box { /* what Lua has of a lookup; it may outlive it. Its uservalue is the resolver's */
	uint32_t slot, serial;
};

static struct resolver_box *check_resolver(lua_State *L, int index)
{
	return luaL_checkudata(L, index, RESOLVER_TYPE);
}

/* Borrowed until Lua runs, which may close it: asked first, so that a closed one is refused, and again after the arguments and each allocation. */
static struct resolver *check_open_resolver(lua_State *L, int index)
{
	struct resolver_box *box = check_resolver(L, index);
	if (box->resolver == NULL)
		luaL_argerror(L, index, "the resolver is closed");
	return box->resolver;
}

/* By number or by name. */
static uint16_t check_type(lua_State *L, int index)
{
	if (lua_type(L, index) == LUA_TNUMBER) {
		lua_Integer number;
		bool is_type = read_integer(L, index, UINT16_MAX, &number) && !is_meta_type((uint16_t)number);
		luaL_argcheck(L, is_type, index, "a record type is 1 to 65535, but for 41 and 128 to 255, which no record has");
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
	push_name_error(L, problem, index, qtype);
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
		.shard = (unsigned)read_number(L, index, "shard", MOST_SHARDS, true),
		.automatic = read_flag(L, index, "automatic"),
		.pressing = read_flag(L, index, "pressing"),
		.glimpse = read_flag(L, index, "glimpse"),
		.require_secure = read_flag(L, index, "require_secure"),
		.allow_insecure_denial = read_flag(L, index, "allow_insecure_denial"),
	};
}

/* Whether its answer is to be a bare one. */
static bool wants_bare(lua_State *L, int index)
{
	return lua_type(L, index) == LUA_TTABLE && read_flag(L, index, "bare");
}

/* Pushes room for one answer to hold. */
static struct held_answers *push_held(lua_State *L)
{
	lua_getuservalue(L, 1);
	lua_rawgeti(L, -1, SPARE_HELD);
	struct held_answers *held = lua_touserdata(L, -1);
	if (held != NULL) {
		lua_pushnil(L);
		lua_rawseti(L, -3, SPARE_HELD);
	} else {
		lua_pop(L, 1);
		held = new_held_answers(L, 1);
	}
	lua_remove(L, -2);
	return held;
}

/* Releases what it holds and keeps it for the next one: no garbage for each answer. */
static void spare_held(lua_State *L, int index)
{
	release_held_answers(lua_touserdata(L, index));
	lua_getuservalue(L, 1);
	lua_pushvalue(L, index);
	lua_rawseti(L, -2, SPARE_HELD);
	lua_pop(L, 1);
}

/* Pushes answer, nil or nil, err. The answer is held by the caller. */
static void push_known(lua_State *L, const struct known_answer *known, bool from_cache, bool bare)
{
	const struct answer *answer = known->answer;
	if (answer == NULL) {
		lua_pushnil(L);
		push_error(L, known->outcome, "out of memory", NULL, 0, 0);
	} else if (known->outcome == OUTCOME_ANSWERED && bare) {
		push_bare_answer(L, answer, known->ttl, from_cache, known->stale);
		lua_pushnil(L);
	} else if (known->outcome == OUTCOME_ANSWERED) {
		push_answer(L, answer, known->ttl, from_cache);
		if (known->stale)
			set_flag(L, "stale", true);
		lua_pushnil(L);
	} else {
		const char *text = known->outcome == OUTCOME_INSECURE ? "the answer is not secured by DNSSEC" : answer->reason;
		lua_pushnil(L);
		push_error(L, known->outcome, text, answer->qname, answer->qtype, answer->attempts);
	}
}

/* Pushes nil, err. */
static int push_problem(lua_State *L, const struct problem *problem)
{
	lua_pushnil(L);
	push_coded_error(L, problem->kind == PROBLEM_SYSTEM ? "system" : "config", problem->text);
	return 2;
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
	lua_rawseti(L, -2, RESOLVER_ITSELF);
	lua_setuservalue(L, -2);

	struct settings *settings = read_settings(L, 1, &problem);
	if (settings != NULL)
		box->resolver = create_resolver(settings, &problem);
	release_settings(settings);
	return box->resolver != NULL ? 1 : push_problem(L, &problem);
}

/* Everything that waited is dropped without a word: whoever closes by hand cancels and fetches first. Also __gc, so it may run twice. */
static int resolver_close(lua_State *L)
{
	struct resolver_box *box = check_resolver(L, 1);
	struct resolver *resolver = box->resolver;
	box->resolver = NULL;
	if (resolver == NULL)
		return 0;
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

static struct lookup_box *push_lookup_box(lua_State *L)
{
	struct lookup_box *box = lua_newuserdata(L, sizeof(*box));
	*box = (struct lookup_box){ .slot = 0 };
	luaL_setmetatable(L, LOOKUP_TYPE);
	lua_getuservalue(L, 1);
	lua_setuservalue(L, -2);
	return box;
}

/* Queues what is known, where it was not looked for before, or starts the lookup. Lua does not run here, so that it is what is believed now. */
static struct lookup *begin_lookup(
	struct resolver *resolver, const char *qname, uint16_t qtype, const struct lookup_options *options, bool may_be_known, uint32_t owner)
{
	struct known_answer known = { .answer = NULL };
	if (may_be_known)
		known = use_known_answer(resolver, qname, qtype, options);
	if (known.answer != NULL)
		return queue_known_answer(resolver, &known, options, owner);
	return start_lookup(resolver, qname, qtype, options, owner);
}

/* Begins the lookup with the callback at index 4, and pushes its handle, nil without memory. */
static void start_with_callback(lua_State *L, const char *qname, uint16_t qtype, const struct lookup_options *options, bool bare, bool may_be_known)
{
	struct resolver_box *box = check_resolver(L, 1);
	struct lookup_box *handle = push_lookup_box(L);
	check_open_resolver(L, 1);
	if (!take_slot(&box->slots, &handle->slot)) {
		lua_pushnil(L);
		return;
	}
	handle->serial = slot_serial(&box->slots, handle->slot);
	keep_callback(L, handle->slot, 4);
	uint32_t owner = handle->slot << 1 | bare;
	struct lookup *lookup = begin_lookup(check_open_resolver(L, 1), qname, qtype, options, may_be_known, owner);
	if (lookup != NULL) {
		occupy_slot(&box->slots, handle->slot, lookup);
		return;
	}
	take_callback(L, handle->slot);
	leave_slot(&box->slots, handle->slot);
	lua_pushnil(L);
}

/* Pushes false and what push_known does; or something else, and false: it is not known. */
static bool push_known_now(lua_State *L, const char *qname, uint16_t qtype, const struct lookup_options *options, bool bare)
{
	struct held_answers *held = push_held(L);
	int at = lua_gettop(L);
	struct known_answer known = use_known_answer(check_open_resolver(L, 1), qname, qtype, options);
	if (known.answer != NULL) {
		hold_in(held, known.answer, known.ttl);
		lua_pushboolean(L, false);
		push_known(L, &known, true, bare);
	}
	spare_held(L, at);
	return known.answer != NULL;
}

/* resolver:submit(qname, rdtype, callback, options, later) -> lookup | false, answer | false, nil, err
 * What is known already is given back at once, and callback is not kept, unless later. options.bare: see push_bare_answer. */
static int resolver_submit(lua_State *L)
{
	enum { ARGUMENTS = 6, FAILED, NO_ANSWER };
	char qname[NAME_TEXT_SIZE];
	check_open_resolver(L, 1);
	uint16_t qtype = check_type(L, 3);
	luaL_checkany(L, 4);
	struct lookup_options options = read_options(L, 5);
	bool bare = wants_bare(L, 5);
	bool later = lua_toboolean(L, 6);

	lua_settop(L, ARGUMENTS);
	check_open_resolver(L, 1);
	lua_pushboolean(L, false);
	lua_pushnil(L);
	if (!read_qname(L, 2, qtype, qname))
		return 3;
	if (!later && push_known_now(L, qname, qtype, &options, bare))
		return 3;
	lua_settop(L, NO_ANSWER);
	start_with_callback(L, qname, qtype, &options, bare, later);
	if (!lua_isnil(L, -1))
		return 1;
	lua_settop(L, NO_ANSWER);
	push_error(L, OUTCOME_SYSTEM, "out of memory", qname, qtype, 0);
	return 3;
}

/* resolver:shard(name) -> number | nil: for the options of all lookups that shall share what libunbound knows; nil for what is no name */
static int resolver_get_shard(lua_State *L)
{
	char name[NAME_TEXT_SIZE];
	check_open_resolver(L, 1);
	if (!read_qname(L, 2, 0, name))
		return 0;
	lua_pushinteger(L, resolver_shard(check_open_resolver(L, 1), name));
	return 1;
}

/* resolver:ask_early(qname, rdtype, options): so that libunbound knows it, whatever the cache does. Nobody hears of the end; nothing happens for what is
 * no name, nor where asking failed a moment ago. */
static int resolver_ask_early(lua_State *L)
{
	char qname[NAME_TEXT_SIZE];
	check_open_resolver(L, 1);
	uint16_t qtype = check_type(L, 3);
	struct lookup_options options = read_options(L, 4);
	if (read_qname(L, 2, qtype, qname))
		ask_for_nobody(check_open_resolver(L, 1), qname, qtype, &options);
	return 0;
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
	lua_settop(L, 1);
	if (box->resolver == NULL || !has_completed(box->resolver))
		return 0;
	struct held_answers *held = push_held(L);
	if (box->resolver == NULL || !has_completed(box->resolver)) { /* a finalizer has closed it, or fetched */
		spare_held(L, 2);
		return 0;
	}
	struct lookup *lookup = take_lookup(box->resolver);
	uint32_t slot = lookup_owner(lookup) >> 1;
	bool bare = lookup_owner(lookup) & 1;
	struct known_answer known = lookup_result(lookup);
	if (known.answer != NULL)
		hold_in(held, known.answer, known.ttl);
	free_lookup(lookup);
	leave_slot(&box->slots, slot);
	take_callback(L, slot);
	push_known(L, &known, false, bare);
	spare_held(L, 2);
	return 3;
}

/* resolver:glimpse() -> answer | nothing: what a packet says that is not validated yet; signed: whether there are signatures, good or bad */
static int resolver_glimpse(lua_State *L)
{
	check_open_resolver(L, 1);
	lua_settop(L, 1);
	struct held_answers *held = push_held(L);
	struct answer *glimpse = take_resolver_glimpse(check_open_resolver(L, 1));
	if (glimpse != NULL) {
		hold_in(held, glimpse, glimpse->ttl);
		release_answer(glimpse);
		push_answer(L, glimpse, glimpse->ttl, false);
		set_flag(L, "signed", glimpse->is_signed);
	}
	spare_held(L, 2);
	return glimpse != NULL ? 1 : 0;
}

/* resolver:poll(seconds) -> bool: waits until process has something to do */
static int resolver_poll(lua_State *L)
{
	lua_Number seconds = luaL_checknumber(L, 2);
	struct pollfd descriptor = { .fd = resolver_fd(check_open_resolver(L, 1)), .events = POLLIN };
	int timeout = seconds <= 0 ? 0 : seconds > 86400 ? 86400000 : (int)(seconds * 1000) + 1;
	lua_pushboolean(L, poll(&descriptor, 1, timeout) > 0);
	return 1;
}

/* resolver:peek(qname, rdtype, options) -> answer | nil, err | nil */
static int resolver_peek(lua_State *L)
{
	enum { ARGUMENTS = 4, NO_ANSWER, HELD };
	char qname[NAME_TEXT_SIZE];
	check_open_resolver(L, 1);
	uint16_t qtype = check_type(L, 3);
	struct lookup_options options = read_options(L, 4);
	bool bare = wants_bare(L, 4);
	lua_settop(L, ARGUMENTS);
	lua_pushnil(L);
	check_open_resolver(L, 1);
	if (!read_qname(L, 2, qtype, qname))
		return 2;
	struct held_answers *held = push_held(L);
	struct known_answer known = peek_answer(check_open_resolver(L, 1), qname, qtype, &options);
	if (known.answer != NULL) {
		hold_in(held, known.answer, known.ttl);
		push_known(L, &known, true, bare);
	}
	spare_held(L, HELD);
	if (known.answer != NULL)
		return 2;
	lua_pushnil(L);
	return 1;
}

/* resolver:knows(qname, rdtype) -> bool: whether peek would give an answer or a remembered failure; false for what is no name */
static int resolver_knows(lua_State *L)
{
	char qname[NAME_TEXT_SIZE];
	check_open_resolver(L, 1);
	uint16_t qtype = check_type(L, 3);
	struct lookup_options options = { .attempts = 0 };
	bool is_name = read_qname(L, 2, qtype, qname);
	struct resolver *resolver = check_open_resolver(L, 1);
	lua_pushboolean(L, is_name && peek_answer(resolver, qname, qtype, &options).answer != NULL);
	return 1;
}

/* resolver:flush([qname]) -> true | nil, err */
static int resolver_flush(lua_State *L)
{
	char qname[NAME_TEXT_SIZE];
	bool all = lua_isnoneornil(L, 2);
	check_open_resolver(L, 1);
	lua_pushnil(L);
	if (!all && !read_qname(L, 2, 0, qname))
		return 2;
	flush_answers(check_open_resolver(L, 1), all ? NULL : qname);
	lua_pushboolean(L, true);
	return 1;
}

/* resolver:save() -> true | nil, err */
static int resolver_save(lua_State *L)
{
	struct problem problem;
	if (!write_answers(check_open_resolver(L, 1), &problem))
		return push_problem(L, &problem);
	lua_pushboolean(L, true);
	return 1;
}

/* resolver:reconfigure([settings]) -> true | nil, err */
static int resolver_reconfigure(lua_State *L)
{
	struct problem problem;
	struct settings *settings = NULL;
	struct resolver_box *box = check_resolver(L, 1);
	check_open_resolver(L, 1);
	if (!lua_isnoneornil(L, 2) && (settings = read_settings(L, 2, &problem)) == NULL)
		return push_problem(L, &problem);
	if (box->resolver == NULL)
		release_settings(settings);
	bool is_rebuilt = rebuild_resolver(check_open_resolver(L, 1), settings, &problem);
	release_settings(settings);
	if (!is_rebuilt)
		return push_problem(L, &problem);
	lua_pushboolean(L, true);
	return 1;
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
	lua_Number seconds = luaL_optnumber(L, 2, -1);
	struct resolver *resolver = check_open_resolver(L, 1);
	int64_t ms = seconds > 0 ? (int64_t)(seconds * 1000) + 1 : 0; /* never early */
	set_alarm(resolver, seconds < 0 ? INT64_MAX : monotonic_ms() + ms);
	return 0;
}

/* resolver:settings() -> table */
static int resolver_get_settings(lua_State *L)
{
	struct held_settings *held = new_held_settings(L);
	struct resolver *resolver = check_open_resolver(L, 1);
	held->settings = hold_settings(resolver_settings(resolver));
	held->config = hold_upstream((struct upstream_config *)resolver_upstream(resolver));
	push_settings(L, held->settings, held->config);
	return 1;
}

/* resolver:stats() -> table of counters */
static int resolver_stats(lua_State *L)
{
	struct resolver_counters counters;
	read_resolver_counters(check_open_resolver(L, 1), &counters);
	push_counters(L, &counters);
	return 1;
}

/* resolver:trust_epoch() -> number: what an answer of another number proved, proves nothing any more */
static int resolver_trust_epoch(lua_State *L)
{
	lua_pushnumber(L, (lua_Number)resolver_trust(check_open_resolver(L, 1)));
	return 1;
}

static bool hold_cached(void *context, const struct answer *answer, uint32_t ttl)
{
	return answer->outcome != OUTCOME_ANSWERED || hold_in(context, answer, ttl);
}

/* resolver:cached() -> array of the answers in the cache, the most recently used first, at most 10,000 */
static int resolver_cached(lua_State *L)
{
	struct resolver_counters counters;
	read_resolver_counters(check_open_resolver(L, 1), &counters);
	struct held_answers *held = new_held_answers(L, counters.cache.entries < CACHED_AT_MOST ? counters.cache.entries : CACHED_AT_MOST);
	walk_cache(resolver_cache(check_open_resolver(L, 1)), monotonic_ms(), hold_cached, held);
	lua_createtable(L, (int)held->count, 0);
	for (size_t i = 0; i < held->count; i++) {
		push_answer(L, held->items[i].answer, held->items[i].ttl, true);
		lua_rawseti(L, -2, (int)i + 1);
	}
	release_held_answers(held);
	return 1;
}

/* lookup:cancel(): nothing happens when it is complete */
static int lookup_cancel(lua_State *L)
{
	struct lookup_box *box = luaL_checkudata(L, 1, LOOKUP_TYPE);
	lua_getuservalue(L, 1);
	lua_rawgeti(L, -1, RESOLVER_ITSELF);
	struct resolver_box *resolver = check_resolver(L, -1);
	struct lookup *lookup = slot_occupant(&resolver->slots, box->slot, box->serial);
	if (lookup != NULL)
		cancel_lookup(resolver->resolver, lookup);
	return 0;
}

static const luaL_Reg resolver_methods[] = {
	{ "alarm", resolver_alarm },
	{ "ask_early", resolver_ask_early },
	{ "cached", resolver_cached },
	{ "cancel", resolver_cancel },
	{ "close", resolver_close },
	{ "fetch", resolver_fetch },
	{ "flush", resolver_flush },
	{ "forks", resolver_get_forks },
	{ "getfd", resolver_getfd },
	{ "glimpse", resolver_glimpse },
	{ "knows", resolver_knows },
	{ "notice", resolver_notice },
	{ "peek", resolver_peek },
	{ "poll", resolver_poll },
	{ "process", resolver_process },
	{ "reconfigure", resolver_reconfigure },
	{ "rest", resolver_rest },
	{ "save", resolver_save },
	{ "settings", resolver_get_settings },
	{ "shard", resolver_get_shard },
	{ "stats", resolver_stats },
	{ "submit", resolver_submit },
	{ "trust_epoch", resolver_trust_epoch },
	{ NULL, NULL },
};

static const luaL_Reg lookup_methods[] = {
	{ "cancel", lookup_cancel },
	{ NULL, NULL },
};

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
