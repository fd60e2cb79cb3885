/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* Time, processor time and memory for the benchmarks; and the limit of a cached answer: a function that only builds its tables. */
#include <fcntl.h>
#include <lauxlib.h>
#include <lua.h>
#include <malloc.h>
#include <stdio.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

static lua_Number read_clock(clockid_t clock)
{
	struct timespec time;
	clock_gettime(clock, &time);
	return (lua_Number)time.tv_sec + (lua_Number)time.tv_nsec / 1e9;
}

/* monotonic() -> seconds */
static int clock_monotonic(lua_State *L)
{
	lua_pushnumber(L, read_clock(CLOCK_MONOTONIC));
	return 1;
}

/* thread() -> seconds of processor time of this thread */
static int clock_thread(lua_State *L)
{
	lua_pushnumber(L, read_clock(CLOCK_THREAD_CPUTIME_ID));
	return 1;
}

/* process() -> seconds of processor time of all its threads */
static int clock_process(lua_State *L)
{
	lua_pushnumber(L, read_clock(CLOCK_PROCESS_CPUTIME_ID));
	return 1;
}

/* What the kernel says by which this thread, which could run, waited for a processor. */
static lua_Number read_queued(void)
{
	static int fd = -1;
	char text[128] = "";
	unsigned long long running = 0, waiting = 0;
	if (fd < 0)
		fd = open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC);
	if (fd >= 0 && pread(fd, text, sizeof(text) - 1, 0) > 0)
		sscanf(text, "%llu %llu", &running, &waiting);
	return (lua_Number)waiting / 1e9;
}

/* kept_waiting() -> seconds for which this thread could run but had no processor: others' load on this machine, or on the one below a virtual machine.
 * What the latter takes is told by nobody: it is what is left of the time since the last call, unless this thread went to sleep by itself. */
static int clock_kept_waiting(lua_State *L)
{
	static lua_Number wall, cpu, queued, stolen;
	static long sleeps = -1;
	struct rusage usage;
	getrusage(RUSAGE_THREAD, &usage);
	lua_Number wall_now = read_clock(CLOCK_MONOTONIC), cpu_now = read_clock(CLOCK_THREAD_CPUTIME_ID), queued_now = read_queued();
	lua_Number unknown = wall_now - wall - (cpu_now - cpu) - (queued_now - queued);
	if (sleeps == usage.ru_nvcsw && unknown > 0)
		stolen += unknown;
	wall = wall_now;
	cpu = cpu_now;
	queued = queued_now;
	sleeps = usage.ru_nvcsw;
	lua_pushnumber(L, queued + stolen);
	return 1;
}

/* memory() -> bytes that malloc has given out */
static int clock_memory(lua_State *L)
{
	struct mallinfo2 info = mallinfo2();
	lua_pushnumber(L, (lua_Number)info.uordblks + (lua_Number)info.hblkhd);
	return 1;
}

static void set_integer(lua_State *L, const char *field, lua_Integer value)
{
	lua_pushinteger(L, value);
	lua_setfield(L, -2, field);
}

static void set_text(lua_State *L, const char *field, const char *value)
{
	lua_pushstring(L, value);
	lua_setfield(L, -2, field);
}

static void set_flag(lua_State *L, const char *field, int value)
{
	lua_pushboolean(L, value);
	lua_setfield(L, -2, field);
}

/* An answer in memory is no Lua string: the texts are here, so that Lua does not know them yet, as it does not know those of a cached answer. */
enum { ANSWERS = 10000, TEXT_SIZE = 64 };
static char texts[ANSWERS][3][TEXT_SIZE];

/* keep_answer(i, qname, target, backup): what build_answer(i) builds; i from 1 to 10,000 */
static int keep_answer(lua_State *L)
{
	lua_Integer i = luaL_checkinteger(L, 1);
	luaL_argcheck(L, i >= 1 && i <= ANSWERS, 1, "no such answer");
	for (int text = 0; text < 3; text++)
		snprintf(texts[i - 1][text], TEXT_SIZE, "%s", luaL_checkstring(L, text + 2));
	return 0;
}

static void push_record(lua_State *L, int priority, const char *target)
{
	lua_createtable(L, 0, 1);
	lua_createtable(L, 0, 4);
	set_integer(L, "priority", priority);
	set_integer(L, "weight", 5);
	set_integer(L, "port", 5269);
	set_text(L, "target", target);
	lua_pushvalue(L, lua_upvalueindex(2));
	lua_setmetatable(L, -2);
	lua_setfield(L, -2, "srv");
	lua_pushvalue(L, lua_upvalueindex(1));
	lua_setmetatable(L, -2);
}

/* build_answer(i) -> the tables of an SRV answer with two records */
static int build_answer(lua_State *L)
{
	lua_Integer i = lua_tointeger(L, 1);
	if (i < 1 || i > ANSWERS)
		return 0;
	lua_createtable(L, 2, 8);
	set_text(L, "qname", texts[i - 1][0]);
	set_integer(L, "qtype", 33);
	set_text(L, "type", "SRV");
	set_flag(L, "secure", 1);
	set_integer(L, "ttl", 3600);
	set_flag(L, "from_cache", 1);
	push_record(L, 10, texts[i - 1][1]);
	lua_rawseti(L, -2, 1);
	push_record(L, 20, texts[i - 1][2]);
	lua_rawseti(L, -2, 2);
	lua_pushvalue(L, lua_upvalueindex(1));
	lua_setmetatable(L, -2);
	return 1;
}

static const luaL_Reg functions[] = {
	{ "keep_answer", keep_answer },
	{ "kept_waiting", clock_kept_waiting },
	{ "memory", clock_memory },
	{ "monotonic", clock_monotonic },
	{ "process", clock_process },
	{ "thread", clock_thread },
	{ NULL, NULL },
};

static void set_builder(lua_State *L)
{
	lua_newtable(L);
	lua_newtable(L);
	lua_pushcclosure(L, build_answer, 2);
	lua_setfield(L, -2, "build_answer");
}

__attribute__((visibility("default"))) int luaopen_bench_clock(lua_State *L);

int luaopen_bench_clock(lua_State *L)
{
	luaL_newlib(L, functions);
	set_builder(L);
	return 1;
}
