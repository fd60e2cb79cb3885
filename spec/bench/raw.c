/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* libunbound alone, without Lua between a question and its answer: in thread mode, and through its event API. */
#include <errno.h>
#include <event2/event.h>
#include <lauxlib.h>
#include <lua.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unbound.h>

#include <unbound-event.h>

enum { MOST_CONTEXTS = 2 };

struct asker {
	struct ub_ctx *contexts[MOST_CONTEXTS]; /* asked by turns */
	unsigned count;
	struct event_base *base; /* NULL: thread mode */
	unsigned in_flight;
	unsigned long answered, failed;
};

static double now(void)
{
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static double cpu(void)
{
	struct timespec time;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void on_result(void *data, int error, struct ub_result *result)
{
	struct asker *asker = data;
	asker->in_flight--;
	asker->answered++;
	asker->failed += error != 0 || result == NULL || !result->secure;
	ub_resolve_free(result);
}

static void on_event(void *data, int rcode, void *packet, int size, int secure, char *reason, int was_ratelimited)
{
	struct asker *asker = data;
	(void)packet, (void)size, (void)reason, (void)was_ratelimited;
	asker->in_flight--;
	asker->answered++;
	asker->failed += rcode != 0 || secure != 2;
}

static void check(lua_State *L, int error, const char *what)
{
	if (error != 0)
		luaL_error(L, "%s: %s", what, ub_strerror(error));
}

/* What raises libunbound's narrow defaults, as the resolver does. */
static const char *const options[][2] = {
	{ "outgoing-range:", "256" },
	{ "num-queries-per-thread:", "1024" },
	{ "msg-cache-size:", "64m" },
	{ "rrset-cache-size:", "64m" },
	{ "key-cache-size:", "16m" },
};

static struct ub_ctx *create_context(lua_State *L, struct event_base *base, const char *forward, const char *anchors)
{
	struct ub_ctx *context = base != NULL ? ub_ctx_create_event(base) : ub_ctx_create();
	if (context == NULL)
		luaL_error(L, "libunbound made no context");
	check(L, ub_ctx_set_fwd(context, forward), "forward");
	check(L, ub_ctx_add_ta_file(context, anchors), "anchors");
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		check(L, ub_ctx_set_option(context, options[i][0], options[i][1]), options[i][0]);
	if (base == NULL)
		check(L, ub_ctx_async(context, 1), "async");
	return context;
}

/* new(mode, forward, anchors[, contexts]) -> asker. mode: "thread" or "event". contexts: 1 or 2, in thread mode each with a thread of its own. */
static int raw_new(lua_State *L)
{
	bool is_event = strcmp(luaL_checkstring(L, 1), "event") == 0;
	const char *forward = luaL_checkstring(L, 2), *anchors = luaL_checkstring(L, 3);
	lua_Integer count = luaL_optinteger(L, 4, 1);
	luaL_argcheck(L, count >= 1 && count <= MOST_CONTEXTS, 4, "1 or 2 contexts");
	struct asker *asker = lua_newuserdata(L, sizeof(*asker));
	*asker = (struct asker){ .count = (unsigned)count, .base = is_event ? event_base_new() : NULL };
	for (unsigned i = 0; i < asker->count; i++)
		asker->contexts[i] = create_context(L, asker->base, forward, anchors);
	return 1;
}

static int ask(struct asker *asker, const char *name, int type)
{
	struct ub_ctx *context = asker->contexts[(asker->answered + asker->in_flight) % asker->count];
	asker->in_flight++;
	if (asker->base != NULL)
		return ub_resolve_event(context, name, type, 1, asker, on_event, NULL);
	return ub_resolve_async(context, name, type, 1, asker, on_result, NULL);
}

static void wait_for_answers(struct asker *asker)
{
	if (asker->base != NULL) {
		event_base_loop(asker->base, EVLOOP_ONCE);
		return;
	}
	struct pollfd descriptors[MOST_CONTEXTS];
	for (unsigned i = 0; i < asker->count; i++)
		descriptors[i] = (struct pollfd){ .fd = ub_fd(asker->contexts[i]), .events = POLLIN };
	poll(descriptors, asker->count, -1);
	for (unsigned i = 0; i < asker->count; i++)
		if (descriptors[i].revents != 0)
			ub_process(asker->contexts[i]);
}

/* The names and types at index 2 and 3, as C arrays that live as long as the Lua strings. */
static const char **read_names(lua_State *L, size_t count, int **types)
{
	const char **names = lua_newuserdata(L, count * sizeof(*names));
	*types = lua_newuserdata(L, count * sizeof(**types));
	for (size_t i = 0; i < count; i++) {
		lua_rawgeti(L, 2, (int)i + 1);
		names[i] = lua_tostring(L, -1);
		lua_pop(L, 1);
		lua_rawgeti(L, 3, (int)i + 1);
		(*types)[i] = (int)lua_tointeger(L, -1);
		lua_pop(L, 1);
	}
	return names;
}

/* ask(asker, names, types, at_once, repetitions) -> seconds, seconds of this thread's processor time, failures: each name as often, so many in flight */
static int raw_ask(lua_State *L)
{
	struct asker *asker = lua_touserdata(L, 1);
	size_t count = lua_rawlen(L, 2);
	unsigned at_once = (unsigned)luaL_checkinteger(L, 4);
	size_t total = count * (size_t)luaL_checkinteger(L, 5);
	int *types;
	const char **names = read_names(L, count, &types);
	double started = now(), started_cpu = cpu();
	asker->answered = asker->failed = 0;
	for (size_t asked = 0; asker->answered < total;) {
		while (asked < total && asker->in_flight < at_once) {
			check(L, ask(asker, names[asked % count], types[asked % count]), "ask");
			asked++;
		}
		if (asker->in_flight > 0)
			wait_for_answers(asker);
	}
	lua_pushnumber(L, now() - started);
	lua_pushnumber(L, cpu() - started_cpu);
	lua_pushinteger(L, (lua_Integer)asker->failed);
	return 3;
}

static const luaL_Reg functions[] = {
	{ "ask", raw_ask },
	{ "new", raw_new },
	{ NULL, NULL },
};

__attribute__((visibility("default"))) int luaopen_bench_raw(lua_State *L);

int luaopen_bench_raw(lua_State *L)
{
	luaL_newlib(L, functions);
	return 1;
}
