/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* require "xmppdns.testcore": the parts of the C core that have no face in Lua, for specs only, with a malloc that fails when told to. */
#include <lauxlib.h>
#include <lua.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "resolver/cache.h"
#include "unbound/context.h"
#include "unbound/threads.h"
#include "base/heap.h"
#include "lua/lua_core.h"
#include "dns/packet.h"

#define CACHE_TYPE "xmppdns.testcore.cache"
#define HEAP_TYPE "xmppdns.testcore.heap"

/* Allocations of the core's objects in this module: Lua's own are not among them. */

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *block, size_t size);
void __real_free(void *block);
char *__real_strdup(const char *text);
FILE *__real_open_memstream(char **text, size_t *size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *block, size_t size);
void __wrap_free(void *block);
char *__wrap_strdup(const char *text);
FILE *__wrap_open_memstream(char **text, size_t *size);

static pthread_mutex_t allocations = PTHREAD_MUTEX_INITIALIZER; /* contexts have threads */
static long until_failure;                                      /* the allocation that fails, counted from now; 0: none */
static bool all_fail;                                           /* the ones after it too */
static bool has_failed;
static long live_blocks;

static bool must_fail(void)
{
	pthread_mutex_lock(&allocations);
	bool fails = until_failure == 1;
	if (fails)
		until_failure = all_fail;
	else
		until_failure -= until_failure > 0;
	has_failed |= fails;
	pthread_mutex_unlock(&allocations);
	return fails;
}

static void add_blocks(long count)
{
	pthread_mutex_lock(&allocations);
	live_blocks += count;
	pthread_mutex_unlock(&allocations);
}

static void *count_block(void *block)
{
	add_blocks(block != NULL);
	return block;
}

void *__wrap_malloc(size_t size)
{
	return must_fail() ? NULL : count_block(__real_malloc(size));
}

void *__wrap_calloc(size_t count, size_t size)
{
	return must_fail() ? NULL : count_block(__real_calloc(count, size));
}

void *__wrap_realloc(void *block, size_t size)
{
	if (must_fail())
		return NULL;
	void *moved = __real_realloc(block, size);
	if (block == NULL)
		count_block(moved);
	return moved;
}

void __wrap_free(void *block)
{
	add_blocks(block != NULL ? -1 : 0);
	__real_free(block);
}

char *__wrap_strdup(const char *text)
{
	return must_fail() ? NULL : count_block(__real_strdup(text));
}

FILE *__wrap_open_memstream(char **text, size_t *size) /* its text is the caller's to free */
{
	return must_fail() ? NULL : count_block(__real_open_memstream(text, size));
}

/* fail_allocation(n[, and_all_after]) -> whether one has failed since the last call: the n-th from now gives NULL, or all from it on; 0: none */
static int fail_allocation(lua_State *L)
{
	long n = (long)luaL_checkinteger(L, 1);
	pthread_mutex_lock(&allocations);
	bool had_failed = has_failed;
	has_failed = false;
	until_failure = n;
	all_fail = lua_toboolean(L, 2);
	pthread_mutex_unlock(&allocations);
	lua_pushboolean(L, had_failed);
	return 1;
}

/* live_allocations() -> how many blocks are not freed, once the threads of deleted contexts have ended */
static int live_allocations(lua_State *L)
{
	join_deleted_threads();
	lua_pushinteger(L, live_blocks);
	return 1;
}

/* Answers: { outcome = "answered", qname =, qtype =, qclass =, rcode =, ttl =, secure =, nxdomain =, attempts =, canonname =, reason =, rdata, ... } */

static lua_Integer integer_field(lua_State *L, int index, const char *field, lua_Integer otherwise)
{
	lua_getfield(L, index, field);
	lua_Integer value = luaL_optinteger(L, -1, otherwise);
	lua_pop(L, 1);
	return value;
}

static bool flag_field(lua_State *L, int index, const char *field)
{
	lua_getfield(L, index, field);
	bool value = lua_toboolean(L, -1);
	lua_pop(L, 1);
	return value;
}

/* Borrowed from the table. */
static const char *text_field(lua_State *L, int index, const char *field)
{
	lua_getfield(L, index, field);
	const char *value = luaL_optstring(L, -1, NULL);
	lua_pop(L, 1);
	return value;
}

static enum outcome outcome_named(lua_State *L, const char *code)
{
	for (int outcome = 0; outcome < OUTCOMES; outcome++)
		if (strcmp(outcome_code((enum outcome)outcome), code) == 0)
			return (enum outcome)outcome;
	return (enum outcome)luaL_error(L, "no such outcome: %s", code);
}

enum { MOST_RECORDS = 256 };

static size_t read_records(lua_State *L, int index, const uint8_t *rdata[MOST_RECORDS], int sizes[MOST_RECORDS])
{
	size_t count = lua_rawlen(L, index);
	luaL_argcheck(L, count <= MOST_RECORDS, index, "too many records");
	for (size_t i = 0; i < count; i++) {
		size_t size;
		lua_rawgeti(L, index, (int)i + 1);
		rdata[i] = (const uint8_t *)luaL_checklstring(L, -1, &size);
		sizes[i] = (int)size;
		lua_pop(L, 1);
	}
	return count;
}

/* One reference, the caller's; NULL without memory. */
static struct answer *read_answer(lua_State *L, int index)
{
	const uint8_t *rdata[MOST_RECORDS];
	int sizes[MOST_RECORDS];
	luaL_checktype(L, index, LUA_TTABLE);
	const char *code = text_field(L, index, "outcome");
	struct answer_source source = {
		.outcome = code == NULL ? OUTCOME_ANSWERED : outcome_named(L, code),
		.qtype = (uint16_t)integer_field(L, index, "qtype", 1),
		.qclass = (uint16_t)integer_field(L, index, "qclass", 1),
		.rcode = (uint16_t)integer_field(L, index, "rcode", 0),
		.attempts = (uint16_t)integer_field(L, index, "attempts", 1),
		.secure = flag_field(L, index, "secure"),
		.nxdomain = flag_field(L, index, "nxdomain"),
		.ttl = (uint32_t)integer_field(L, index, "ttl", 0),
		.qname = text_field(L, index, "qname"),
		.canonname = text_field(L, index, "canonname"),
		.reason = text_field(L, index, "reason"),
		.record_count = read_records(L, index, rdata, sizes),
		.rdata = rdata,
		.sizes = sizes,
	};
	if (flag_field(L, index, "negative_size"))
		sizes[0] = -1;
	return create_answer(&source);
}

/* The table that read_answer reads, whole. */
static void push_source(lua_State *L, const struct answer *answer)
{
	lua_newtable(L);
	set_text(L, "outcome", outcome_code(answer->outcome));
	set_integer(L, "qtype", answer->qtype);
	set_integer(L, "qclass", answer->qclass);
	set_integer(L, "rcode", answer->rcode);
	set_integer(L, "attempts", answer->attempts);
	set_flag(L, "secure", answer->secure);
	set_flag(L, "nxdomain", answer->nxdomain);
	set_integer(L, "ttl", answer->ttl);
	set_text(L, "qname", answer->qname);
	set_text(L, "canonname", answer->canonname);
	set_text(L, "reason", answer->reason);
	for (size_t i = 0; i < answer->record_count; i++) {
		lua_pushlstring(L, (const char *)answer->records[i].rdata, answer->records[i].size);
		lua_rawseti(L, -2, (int)i + 1);
	}
}

/* copy_answer(source) -> source, bytes | nil: through create_answer */
static int copy_answer(lua_State *L)
{
	struct answer *answer = read_answer(L, 1);
	if (answer == NULL)
		return 0;
	push_source(L, answer);
	lua_pushinteger(L, (lua_Integer)answer->size);
	release_answer(hold_answer(answer));
	release_answer(answer);
	return 2;
}

/* packet_answer(packet, qname, qtype, secure) -> source | nil without memory */
static int packet_answer(lua_State *L)
{
	size_t size;
	const char *packet = luaL_checklstring(L, 1, &size);
	uint8_t *copy = __real_malloc(size + (size == 0)); /* exactly as long as it is, for sanitizers */
	memcpy(copy, packet, size);
	struct answer *answer = create_packet_answer(copy, size, luaL_checkstring(L, 2), (uint16_t)luaL_checkinteger(L, 3), lua_toboolean(L, 4));
	__real_free(copy);
	if (answer == NULL)
		return 0;
	push_source(L, answer);
	release_answer(answer);
	return 1;
}

/* read_claim(packet) -> qname, qtype, is_signed | nothing */
static int test_read_claim(lua_State *L)
{
	size_t size;
	struct claim claim;
	const char *packet = luaL_checklstring(L, 1, &size);
	uint8_t *copy = malloc(size == 0 ? 1 : size); /* exactly as long as it is, for sanitizers */
	memcpy(copy, packet, size);
	bool is_claim = read_claim(copy, size, &claim);
	free(copy);
	if (!is_claim)
		return 0;
	lua_pushstring(L, claim.qname);
	lua_pushinteger(L, claim.qtype);
	lua_pushboolean(L, claim.is_signed);
	return 3;
}

/* parse_packet(packet, qname, qtype): packet_answer without the answer, for its time */
static int parse_packet(lua_State *L)
{
	size_t size;
	const char *packet = luaL_checklstring(L, 1, &size);
	release_answer(create_packet_answer((const uint8_t *)packet, size, luaL_checkstring(L, 2), (uint16_t)luaL_checkinteger(L, 3), false));
	return 0;
}

/* lua_answer(source, ttl, from_cache) -> what push_answer pushes */
static int lua_answer(lua_State *L)
{
	uint32_t ttl = (uint32_t)luaL_checkinteger(L, 2);
	bool from_cache = lua_toboolean(L, 3);
	struct answer *answer = read_answer(L, 1);
	if (answer == NULL)
		return 0;
	push_answer(L, answer, ttl, from_cache);
	release_answer(answer);
	return 1;
}

/* lua_error(outcome, text, qname, qtype, attempts) -> what push_error pushes */
static int lua_error_of(lua_State *L)
{
	push_error(L, outcome_named(L, luaL_checkstring(L, 1)), luaL_optstring(L, 2, NULL), luaL_optstring(L, 3, NULL),
		(uint16_t)luaL_optinteger(L, 4, 0), (unsigned)luaL_optinteger(L, 5, 0));
	return 1;
}

/* name_error("empty" | "IDNA" | "memory") -> what push_name_error pushes */
static int name_error(lua_State *L)
{
	static const char *const names[] = { "empty", "IDNA", "memory", NULL };
	static const enum name_problem problems[] = { NAME_EMPTY, NAME_IDNA, NAME_MEMORY };
	push_name_error(L, problems[luaL_checkoption(L, 1, NULL, names)], 1, 0);
	return 1;
}

/* lua_coded_error(code, text) -> what push_coded_error pushes */
static int lua_coded_error(lua_State *L)
{
	push_coded_error(L, luaL_checkstring(L, 1), luaL_checkstring(L, 2));
	return 1;
}

/* The cache */

static struct cache *check_cache(lua_State *L)
{
	return *(struct cache **)luaL_checkudata(L, 1, CACHE_TYPE);
}

/* new_cache(limits) -> cache | nil */
static int new_cache(lua_State *L)
{
	luaL_checktype(L, 1, LUA_TTABLE);
	struct cache_limits limits = {
		.bytes = (size_t)integer_field(L, 1, "bytes", 1 << 20),
		.min_ttl = (uint32_t)integer_field(L, 1, "min_ttl", 0),
		.max_ttl = (uint32_t)integer_field(L, 1, "max_ttl", 86400),
		.stale_ttl = (uint32_t)integer_field(L, 1, "stale_ttl", 0),
		.failure_ttl = (uint32_t)integer_field(L, 1, "failure_ttl", 5),
	};
	struct cache **cache = lua_newuserdata(L, sizeof(*cache));
	*cache = NULL;
	luaL_getmetatable(L, CACHE_TYPE);
	lua_setmetatable(L, -2);
	*cache = create_cache(&limits);
	return *cache != NULL;
}

static int cache__gc(lua_State *L)
{
	struct cache **cache = luaL_checkudata(L, 1, CACHE_TYPE);
	delete_cache(*cache);
	*cache = NULL;
	return 0;
}

/* cache:put(source, now) */
static int cache_put(lua_State *L)
{
	struct cache *cache = check_cache(L);
	int64_t now = (int64_t)luaL_checknumber(L, 3);
	struct answer *answer = read_answer(L, 2);
	if (answer == NULL)
		return 0;
	put_answer(cache, answer, now);
	release_answer(answer);
	return 0;
}

/* cache:put_twice(source, now): one and the same answer */
static int cache_put_twice(lua_State *L)
{
	struct cache *cache = check_cache(L);
	int64_t now = (int64_t)luaL_checknumber(L, 3);
	struct answer *answer = read_answer(L, 2);
	if (answer == NULL)
		return 0;
	put_answer(cache, answer, now);
	put_answer(cache, answer, now);
	release_answer(answer);
	return 0;
}

/* cache:find(qname, qtype, now) -> source, ttl | nil */
static int cache_find(lua_State *L)
{
	uint32_t ttl;
	struct answer *answer =
		find_answer(check_cache(L), luaL_checkstring(L, 2), (uint16_t)luaL_checkinteger(L, 3), (int64_t)luaL_checknumber(L, 4), &ttl);
	if (answer == NULL)
		return 0;
	push_source(L, answer);
	lua_pushinteger(L, (lua_Integer)ttl);
	return 2;
}

/* cache:find_stale(qname, qtype, now) -> source | nil */
static int cache_find_stale(lua_State *L)
{
	struct answer *answer = find_stale(check_cache(L), luaL_checkstring(L, 2), (uint16_t)luaL_checkinteger(L, 3), (int64_t)luaL_checknumber(L, 4));
	if (answer == NULL)
		return 0;
	push_source(L, answer);
	return 1;
}

/* cache:flush([qname]) */
static int cache_flush(lua_State *L)
{
	struct cache *cache = check_cache(L);
	const char *qname = luaL_optstring(L, 2, NULL);
	if (qname == NULL)
		flush_cache(cache);
	else
		flush_name(cache, qname);
	return 0;
}

/* cache:flush_failures() */
static int cache_flush_failures(lua_State *L)
{
	flush_failures(check_cache(L));
	return 0;
}

/* cache:counters() -> table */
static int cache_counters(lua_State *L)
{
	struct cache_counters counters;
	read_cache_counters(check_cache(L), &counters);
	lua_newtable(L);
	set_integer(L, "hits", (lua_Integer)counters.hits);
	set_integer(L, "misses", (lua_Integer)counters.misses);
	set_integer(L, "stale_hits", (lua_Integer)counters.stale_hits);
	set_integer(L, "evictions", (lua_Integer)counters.evictions);
	set_integer(L, "bytes", (lua_Integer)counters.bytes);
	set_integer(L, "entries", (lua_Integer)counters.entries);
	return 1;
}

struct visits {
	lua_State *L;
	int seen, most;
};

static bool visit_answer(void *context, const struct answer *answer, uint32_t ttl)
{
	struct visits *visits = context;
	lua_State *L = visits->L;
	lua_pushfstring(L, "%s %d %s %d", answer->qname, (int)answer->qtype, outcome_code(answer->outcome), (int)ttl);
	lua_rawseti(L, -2, ++visits->seen);
	return visits->seen < visits->most;
}

/* cache:walk(now[, most]) -> { "qname qtype outcome ttl", ... } */
static int cache_walk(lua_State *L)
{
	struct cache *cache = check_cache(L);
	struct visits visits = { .L = L, .most = (int)luaL_optinteger(L, 3, 1 << 30) };
	int64_t now = (int64_t)luaL_checknumber(L, 2);
	lua_newtable(L);
	walk_cache(cache, now, visit_answer, &visits);
	return 1;
}

static const luaL_Reg cache_methods[] = {
	{ "__gc", cache__gc },
	{ "counters", cache_counters },
	{ "find", cache_find },
	{ "find_stale", cache_find_stale },
	{ "flush", cache_flush },
	{ "flush_failures", cache_flush_failures },
	{ "put", cache_put },
	{ "put_twice", cache_put_twice },
	{ "walk", cache_walk },
	{ NULL, NULL },
};

/* The heap, with items numbered from 1 */

struct numbered_heap {
	struct heap heap;
	int count;
	struct heap_item items[];
};

static struct numbered_heap *check_heap(lua_State *L)
{
	return luaL_checkudata(L, 1, HEAP_TYPE);
}

static struct heap_item *check_item(lua_State *L)
{
	struct numbered_heap *numbered = check_heap(L);
	int number = (int)luaL_checkinteger(L, 2);
	luaL_argcheck(L, number >= 1 && number <= numbered->count, 2, "no such item");
	return &numbered->items[number - 1];
}

/* new_heap(count) -> heap of that many items, none of them in it */
static int new_heap(lua_State *L)
{
	int count = (int)luaL_checkinteger(L, 1);
	size_t size = sizeof(struct numbered_heap) + (size_t)count * sizeof(struct heap_item);
	struct numbered_heap *numbered = lua_newuserdata(L, size);
	memset(numbered, 0, size);
	numbered->count = count;
	luaL_getmetatable(L, HEAP_TYPE);
	lua_setmetatable(L, -2);
	return 1;
}

static int heap__gc(lua_State *L)
{
	free_heap(&check_heap(L)->heap);
	return 0;
}

/* heap:push(item, deadline, order) -> bool */
static int heap_push(lua_State *L)
{
	struct heap_item *item = check_item(L);
	item->deadline = (int64_t)luaL_checknumber(L, 3);
	item->order = (uint64_t)luaL_checknumber(L, 4);
	lua_pushboolean(L, push_item(&check_heap(L)->heap, item));
	return 1;
}

/* heap:take(item) */
static int heap_take(lua_State *L)
{
	check_heap(L);
	take_item(check_item(L));
	return 0;
}

/* heap:top() -> item | nil, count */
static int heap_top(lua_State *L)
{
	struct numbered_heap *numbered = check_heap(L);
	struct heap_item *item = top_item(&numbered->heap);
	if (item == NULL)
		lua_pushnil(L);
	else
		lua_pushinteger(L, item - numbered->items + 1);
	lua_pushinteger(L, (lua_Integer)numbered->heap.count);
	return 2;
}

/* heap:holds(item) -> bool */
static int heap_holds(lua_State *L)
{
	lua_pushboolean(L, check_item(L)->heap != NULL);
	return 1;
}

static const luaL_Reg heap_methods[] = {
	{ "__gc", heap__gc },
	{ "holds", heap_holds },
	{ "push", heap_push },
	{ "take", heap_take },
	{ "top", heap_top },
	{ NULL, NULL },
};

static void register_type(lua_State *L, const char *name, const luaL_Reg *methods)
{
	luaL_newmetatable(L, name);
	luaL_setfuncs(L, methods, 0);
	lua_pushvalue(L, -1);
	lua_setfield(L, -2, "__index");
	lua_pop(L, 1);
}

/* open_core() -> what require "xmppdns.core" gives, but for core.c's own functions. Not in a Lua state that has xmppdns.core too: they would
 * share their metatables. */
static int open_core(lua_State *L)
{
	lua_newtable(L);
	open_holders(L);
	open_type(L);
	open_rdata(L);
	open_name(L);
	open_srv(L);
	open_answer(L);
	open_error(L);
	open_settings(L);
	open_resolver(L);
	open_timers(L);
	return 1;
}

static const luaL_Reg functions[] = {
	{ "copy_answer", copy_answer },
	{ "fail_allocation", fail_allocation },
	{ "live_allocations", live_allocations },
	{ "lua_answer", lua_answer },
	{ "lua_coded_error", lua_coded_error },
	{ "lua_error", lua_error_of },
	{ "name_error", name_error },
	{ "new_cache", new_cache },
	{ "new_heap", new_heap },
	{ "open_core", open_core },
	{ "packet_answer", packet_answer },
	{ "read_claim", test_read_claim },
	{ "parse_packet", parse_packet },
	{ NULL, NULL },
};

__attribute__((visibility("default"))) int luaopen_xmppdns_testcore(lua_State *L);
int luaopen_xmppdns_testcore(lua_State *L)
{
	register_type(L, CACHE_TYPE, cache_methods);
	register_type(L, HEAP_TYPE, heap_methods);
	lua_newtable(L);
	luaL_setfuncs(L, functions, 0);
	open_holders(L);
	open_type(L);
	open_rdata(L);
	open_answer(L);
	open_error(L);
	return 1;
}
