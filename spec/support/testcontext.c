/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* require "xmppdns.testcontext": contexts and what they are configured from, without the resolver around them. For specs only. */
#include <lauxlib.h>
#include <lua.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "unbound/context.h"
#include "base/errand.h"
#include "unbound/keys.h"
#include "settings/system_files.h"
#include "lua/lua_core.h"
#include "dns/rdata.h"

#define CONTEXT_TYPE "xmppdns.testcontext"

enum { QUESTIONS = 4096 };

__attribute__((visibility("default"))) int luaopen_xmppdns_testcontext(lua_State *L);

struct test_question {
	struct context_question question;
	struct answer *answer;       /* owned */
	unsigned answered;           /* how often the callback ran */
	struct test_question *drops; /* not owned; dropped by the callback */
};

struct test_context {
	struct context *context; /* owned; NULL once deleted */
	struct test_question questions[QUESTIONS];
	unsigned count;
};

/* The clock of event loops, and of what waits for keys. */
int64_t __real_monotonic_us(void);
int64_t __wrap_monotonic_us(void);

static _Atomic int64_t stopped_at; /* 0: it runs */

int64_t __wrap_monotonic_us(void)
{
	int64_t at = stopped_at;
	return at != 0 ? at : __real_monotonic_us();
}

/* stop_clock(seconds): it is so much later, and stays so: no timeout passes */
static int test_stop_clock(lua_State *L)
{
	stopped_at = __wrap_monotonic_us() + (int64_t)(1000000 * luaL_checknumber(L, 1));
	return 0;
}

/* start_clock(): at the right time; it never goes back, so this waits where it is ahead */
static int test_start_clock(lua_State *L)
{
	(void)L;
	while (__real_monotonic_us() < stopped_at)
		usleep(1000);
	stopped_at = 0;
	return 0;
}

static struct test_context *check_context(lua_State *L)
{
	struct test_context *test = luaL_checkudata(L, 1, CONTEXT_TYPE);
	luaL_argcheck(L, test->context != NULL, 1, "deleted");
	return test;
}

static struct test_question *check_question(lua_State *L, struct test_context *test, int index)
{
	lua_Integer number = luaL_checkinteger(L, index);
	luaL_argcheck(L, number >= 1 && number <= (lua_Integer)test->count, index, "no such question");
	return &test->questions[number - 1];
}

static int push_problem(lua_State *L, const char *problem)
{
	lua_pushnil(L);
	lua_pushstring(L, problem);
	return 2;
}

/* read_upstream(settings) -> table | nil, problem */
static int test_read_upstream(lua_State *L)
{
	struct problem problem;
	struct settings *settings = read_settings(L, 1, &problem);
	struct upstream_config *config = settings == NULL ? NULL : read_upstream(settings, &problem);
	if (config == NULL) {
		release_settings(settings);
		return push_problem(L, problem.text);
	}
	push_settings(L, settings, config);
	release_upstream(config);
	release_settings(settings);
	return 1;
}

/* Exactly as long as it is, for sanitizers. */
static char *copy_text(const char *text, size_t size)
{
	char *copy = malloc(size + 1);
	copy = realloc(copy, size == 0 ? 1 : size);
	return memcpy(copy, text, size);
}

/* What came of a file's text, in a config's place. */
static int push_parsed(lua_State *L, struct upstream_config *config, bool parsed)
{
	struct settings *settings = create_settings();
	push_settings(L, settings, config);
	release_upstream(config);
	release_settings(settings);
	return parsed ? 1 : 0;
}

/* parse_resolvconf(text) -> table */
static int test_parse_resolvconf(lua_State *L)
{
	size_t size;
	const char *text = luaL_checklstring(L, 1, &size);
	struct upstream_config *config = calloc(1, sizeof(*config));
	config->references = 1;
	struct resolvconf_options options = { .timeout = 0 };
	char *copy = copy_text(text, size);
	bool parsed = parse_resolvconf(copy, size, &config->servers, &options, &config->warnings);
	free(copy);
	config->timeout = options.timeout;
	config->attempts = options.attempts;
	config->use_vc = options.use_vc;
	return push_parsed(L, config, parsed);
}

/* parse_hosts(text) -> table */
static int test_parse_hosts(lua_State *L)
{
	size_t size;
	const char *text = luaL_checklstring(L, 1, &size);
	struct upstream_config *config = calloc(1, sizeof(*config));
	config->references = 1;
	char *copy = copy_text(text, size);
	bool parsed = parse_hosts(copy, size, &config->hosts, &config->warnings);
	free(copy);
	return push_parsed(L, config, parsed);
}

static struct context *open_context(struct settings *settings, enum role role, struct problem *problem)
{
	struct upstream_config *config = read_upstream(settings, problem);
	if (config == NULL)
		return NULL;
	struct context *context = create_context(settings, config, role, SET_UP_LATER, problem);
	release_upstream(config);
	return context;
}

/* new(settings[, role]) -> context | nil, problem. role: "udp", "tcp", "probe_udp", "probe_tcp" */
static int test_new(lua_State *L)
{
	static const char *const ROLES[] = { "udp", "tcp", "probe_udp", "probe_tcp", NULL };
	struct problem problem;
	enum role role = (enum role)luaL_checkoption(L, 2, "udp", ROLES);
	struct settings *settings = read_settings(L, 1, &problem);
	if (settings == NULL)
		return push_problem(L, problem.text);
	struct context *context = open_context(settings, role, &problem);
	release_settings(settings);
	if (context == NULL)
		return push_problem(L, problem.text);
	struct test_context *test = lua_newuserdata(L, sizeof(*test));
	*test = (struct test_context){ .context = context };
	luaL_getmetatable(L, CONTEXT_TYPE);
	lua_setmetatable(L, -2);
	return 1;
}

static void on_answer(void *asker, struct answer *answer)
{
	struct test_question *question = asker;
	question->answer = answer;
	question->answered++;
	if (question->drops != NULL)
		drop_question(&question->drops->question);
}

/* context:ask(name, type[, wants_glimpse]) -> question number | nil */
static int context_ask(lua_State *L)
{
	struct test_context *test = check_context(L);
	luaL_argcheck(L, test->count < QUESTIONS, 1, "too many questions");
	struct test_question *question = &test->questions[test->count];
	uint16_t qtype = type_number(luaL_checkstring(L, 3));
	if (!ask_context(test->context, luaL_checkstring(L, 2), qtype, lua_toboolean(L, 4), &question->question, on_answer, question))
		return 0;
	lua_pushinteger(L, (lua_Integer)++test->count);
	return 1;
}

/* context:drop(question) */
static int context_drop(lua_State *L)
{
	struct test_context *test = check_context(L);
	drop_question(&check_question(L, test, 2)->question);
	return 0;
}

/* context:drop_from(question, other): the callback of question drops the other */
static int context_drop_from(lua_State *L)
{
	struct test_context *test = check_context(L);
	check_question(L, test, 2)->drops = check_question(L, test, 3);
	return 0;
}

static bool wait_readable(const struct context *context, int milliseconds)
{
	struct pollfd ready = { .fd = context_fd(context), .events = POLLIN };
	return poll(&ready, 1, milliseconds) == 1;
}

/* context:process(seconds) -> whether something came: waits so long for it */
static int context_process(lua_State *L)
{
	struct test_context *test = check_context(L);
	bool ready = wait_readable(test->context, (int)(1000 * luaL_optnumber(L, 2, 0)));
	process_context(test->context);
	lua_pushboolean(L, ready);
	return 1;
}

/* context:glimpse() -> name | nil: of a packet that was seen before libunbound read it, by the last process */
static int context_glimpse(lua_State *L)
{
	struct answer *answer = take_glimpse(check_context(L)->context);
	if (answer == NULL)
		return 0;
	lua_pushstring(L, answer->qname);
	release_answer(answer);
	return 1;
}

/* context:in_flight() -> number */
static int context_count(lua_State *L)
{
	struct test_context *test = check_context(L);
	lua_pushinteger(L, (lua_Integer)context_in_flight(test->context));
	return 1;
}

/* context:answered(question) -> how often */
static int context_answered(lua_State *L)
{
	struct test_context *test = check_context(L);
	lua_pushinteger(L, (lua_Integer)check_question(L, test, 2)->answered);
	return 1;
}

/* context:answer(question) -> { outcome, reason, qname, canonname, rcode, secure, nxdomain, ttl, [1..n] = bytes } | nil */
static int context_answer(lua_State *L)
{
	struct test_context *test = check_context(L);
	const struct answer *answer = check_question(L, test, 2)->answer;
	if (answer == NULL)
		return 0;
	lua_newtable(L);
	set_text(L, "outcome", outcome_code(answer->outcome));
	set_text(L, "reason", answer->reason);
	set_text(L, "qname", answer->qname);
	set_text(L, "canonname", answer->canonname);
	lua_pushinteger(L, answer->rcode);
	lua_setfield(L, -2, "rcode");
	lua_pushboolean(L, answer->secure);
	lua_setfield(L, -2, "secure");
	lua_pushboolean(L, answer->nxdomain);
	lua_setfield(L, -2, "nxdomain");
	lua_pushinteger(L, (lua_Integer)answer->ttl);
	lua_setfield(L, -2, "ttl");
	for (size_t i = 0; i < answer->record_count; i++) {
		lua_pushlstring(L, (const char *)answer->records[i].rdata, answer->records[i].size);
		lua_rawseti(L, -2, (int)i + 1);
	}
	return 1;
}

static int context_delete(lua_State *L)
{
	struct test_context *test = luaL_checkudata(L, 1, CONTEXT_TYPE);
	delete_context(test->context, false);
	test->context = NULL;
	for (unsigned i = 0; i < test->count; i++) {
		release_answer(test->questions[i].answer);
		test->questions[i].answer = NULL;
	}
	return 0;
}

/* What a child does with its parent's context: gives it up, makes one of its own, and asks. Whether that was answered. */
static bool live_in_child(struct test_context *test, struct settings *settings, const char *qname)
{
	struct problem problem;
	struct test_question question = { .answered = 0 };
	delete_context(test->context, true);
	struct context *context = open_context(settings, ROLE_UDP, &problem);
	if (context == NULL || !ask_context(context, qname, TYPE_A, false, &question.question, on_answer, &question))
		return false;
	while (question.answered == 0 && wait_readable(context, 60000))
		process_context(context);
	bool answered = question.answer != NULL && question.answer->outcome == OUTCOME_ANSWERED;
	delete_context(context, false);
	return answered;
}

/* context:fork(settings, qname) -> whether the child could give the context up and ask qname with one of its own */
static int context_fork(lua_State *L)
{
	struct problem problem;
	int status = -1;
	struct test_context *test = check_context(L);
	struct settings *settings = read_settings(L, 2, &problem);
	if (settings == NULL)
		return push_problem(L, problem.text);
	pid_t child = fork();
	if (child == 0) {
		alarm(120); /* a child that hangs ends by it */
		_exit(live_in_child(test, settings, luaL_checkstring(L, 3)) ? 0 : 1);
	}
	waitpid(child, &status, 0);
	release_settings(settings);
	lua_pushboolean(L, status == 0);
	return 1;
}

/* pid() -> number */
static int test_pid(lua_State *L)
{
	lua_pushinteger(L, (lua_Integer)getpid());
	return 1;
}

/* try(settings) -> true | nil, problem, kind. kind: "config", "system" */
static int test_try(lua_State *L)
{
	struct problem problem;
	struct settings *settings = read_settings(L, 1, &problem);
	struct upstream_config *config = settings == NULL ? NULL : read_upstream(settings, &problem);
	bool accepted = config != NULL && try_context(settings, config, &problem);
	release_upstream(config);
	release_settings(settings);
	if (!accepted) {
		push_problem(L, problem.text);
		lua_pushstring(L, problem.kind == PROBLEM_SYSTEM ? "system" : "config");
		return 3;
	}
	lua_pushboolean(L, true);
	return 1;
}

/* stack_by_default(bytes): of threads that do not say what they need */
static int test_stack_by_default(lua_State *L)
{
	pthread_attr_t attributes;
	pthread_attr_init(&attributes);
	if (pthread_attr_setstacksize(&attributes, (size_t)luaL_checkinteger(L, 1)) != 0 || pthread_setattr_default_np(&attributes) != 0)
		return luaL_error(L, "no such stack size");
	pthread_attr_destroy(&attributes);
	return 0;
}

static void measure_stack(void *data)
{
	pthread_attr_t attributes;
	pthread_getattr_np(pthread_self(), &attributes);
	pthread_attr_getstacksize(&attributes, data);
	pthread_attr_destroy(&attributes);
}

/* stack_of_errand() -> bytes */
static int test_stack_of_errand(lua_State *L)
{
	size_t size = 0;
	end_errand(start_errand(measure_stack, &size), false);
	lua_pushinteger(L, (lua_Integer)size);
	return 1;
}

/* missing_key(asked, qname, qtype, is_signed) -> "zone TYPE" | nil. asked: a list of such; asked.taken of them are taken again */
static int test_missing_key(lua_State *L)
{
	enum { MOST = 8 };
	struct keys keys = { .list = { .first = NULL } };
	char zones[MOST][64], type[16];
	int count = (int)lua_rawlen(L, 1);
	luaL_argcheck(L, count <= MOST, 1, "too many");
	for (int i = 0; i < count; i++) {
		lua_rawgeti(L, 1, i + 1);
		if (sscanf(lua_tostring(L, -1), "%63s %15s", zones[i], type) == 2)
			note_key(&keys, zones[i], type_number(type));
		lua_pop(L, 1);
	}
	lua_getfield(L, 1, "taken");
	for (int i = 0; i < lua_tointeger(L, -1); i++)
		free(take_key(&keys, zones[i]));
	const struct key *key = find_missing_key(&keys, luaL_checkstring(L, 2), type_number(luaL_checkstring(L, 3)), lua_toboolean(L, 4));
	if (key != NULL)
		lua_pushfstring(L, "%s %s", key->zone, type_name(key->qtype));
	else
		lua_pushnil(L);
	free_keys(&keys);
	return 1;
}

static const luaL_Reg methods[] = {
	{ "answer", context_answer },
	{ "answered", context_answered },
	{ "ask", context_ask },
	{ "delete", context_delete },
	{ "drop", context_drop },
	{ "drop_from", context_drop_from },
	{ "fork", context_fork },
	{ "glimpse", context_glimpse },
	{ "in_flight", context_count },
	{ "process", context_process },
	{ NULL, NULL },
};

static const luaL_Reg functions[] = {
	{ "missing_key", test_missing_key },
	{ "new", test_new },
	{ "parse_hosts", test_parse_hosts },
	{ "parse_resolvconf", test_parse_resolvconf },
	{ "pid", test_pid },
	{ "read_upstream", test_read_upstream },
	{ "stack_by_default", test_stack_by_default },
	{ "stack_of_errand", test_stack_of_errand },
	{ "start_clock", test_start_clock },
	{ "stop_clock", test_stop_clock },
	{ "try", test_try },
	{ NULL, NULL },
};

int luaopen_xmppdns_testcontext(lua_State *L)
{
	lua_newtable(L);
	open_holders(L);
	open_settings(L); /* for read_settings */
	lua_pop(L, 1);
	luaL_newmetatable(L, CONTEXT_TYPE);
	luaL_newlib(L, methods);
	lua_setfield(L, -2, "__index");
	lua_pushcfunction(L, context_delete);
	lua_setfield(L, -2, "__gc");
	lua_pop(L, 1);
	luaL_newlib(L, functions);
	return 1;
}
