/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* require "xmppdns.testprocess": OS threads with a Lua state each, fork, and limits of the process, for specs only. */
#include <errno.h>
#include <fcntl.h>
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { THREADS_AT_MOST = 64, RESULT_SIZE = 256 };

struct thread {
	pthread_t id;
	const char *path, *cpath, *script; /* not owned */
	int number;
	char result[RESULT_SIZE];
};

static void set_package_field(lua_State *L, const char *field, const char *value)
{
	lua_getglobal(L, "package");
	lua_pushstring(L, value);
	lua_setfield(L, -2, field);
	lua_pop(L, 1);
}

static void *run_thread(void *data)
{
	struct thread *thread = data;
	lua_State *L = luaL_newstate();
	luaL_openlibs(L);
	set_package_field(L, "path", thread->path);
	set_package_field(L, "cpath", thread->cpath);
	lua_pushinteger(L, thread->number);
	lua_setglobal(L, "thread_number");
	if (luaL_loadstring(L, thread->script) == 0)
		lua_pcall(L, 0, 1, 0);
	snprintf(thread->result, sizeof(thread->result), "%s", lua_tostring(L, -1) != NULL ? lua_tostring(L, -1) : "no text");
	lua_close(L);
	return NULL;
}

/* threads(count, script, path, cpath) -> { what the script gave in each thread, as text }. The global thread_number is 1 to count. */
static int threads(lua_State *L)
{
	int count = (int)luaL_checkinteger(L, 1);
	luaL_argcheck(L, count > 0 && count <= THREADS_AT_MOST, 1, "1 to 64");
	struct thread *all = lua_newuserdata(L, (size_t)count * sizeof(*all));
	for (int i = 0; i < count; i++) {
		all[i] =
			(struct thread){ .number = i + 1, .script = luaL_checkstring(L, 2), .path = luaL_checkstring(L, 3), .cpath = luaL_checkstring(L, 4) };
		if (pthread_create(&all[i].id, NULL, run_thread, &all[i]) != 0)
			abort();
	}
	lua_newtable(L);
	for (int i = 0; i < count; i++) {
		pthread_join(all[i].id, NULL);
		lua_pushstring(L, all[i].result);
		lua_rawseti(L, -2, i + 1);
	}
	return 1;
}

/* fork(f) -> status: f runs in a child, which ends with 0 when f gave true, else 1; the parent goes on meanwhile with the function that is given back,
 * which waits for the child and gives its status, or "signal" when it did not end by itself. */
static int wait_for_child(lua_State *L)
{
	int status;
	pid_t child = (pid_t)lua_tointeger(L, lua_upvalueindex(1));
	if (waitpid(child, &status, 0) != child)
		return luaL_error(L, "no such child");
	if (WIFEXITED(status))
		lua_pushinteger(L, WEXITSTATUS(status));
	else
		lua_pushliteral(L, "signal");
	return 1;
}

static int fork_process(lua_State *L)
{
	luaL_checktype(L, 1, LUA_TFUNCTION);
	pid_t child = fork();
	if (child == 0) {
		alarm(90); /* a child that hangs must not outlive the specs, but waits for answers as long as they do */
		lua_settop(L, 1);
		if (lua_pcall(L, 0, 1, 0) != 0)
			fprintf(stderr, "child: %s\n", lua_tostring(L, -1));
		_exit(lua_toboolean(L, -1) && lua_type(L, -1) == LUA_TBOOLEAN ? 0 : 1);
	}
	if (child < 0)
		return luaL_error(L, "cannot fork");
	lua_pushinteger(L, child);
	lua_pushcclosure(L, wait_for_child, 1);
	return 1;
}

/* The limit under which so many more descriptors can be opened. None: the lowest, which stays true when another thread closes some meanwhile. */
static rlim_t limit_for_descriptors(lua_Integer more)
{
	rlim_t limit = 0;
	if (more == 0)
		return fcntl(0, F_GETFD) != -1;
	while (fcntl((int)limit, F_GETFD) != -1 || more-- > 0)
		limit++;
	return limit;
}

static int set_limit(lua_State *L, int resource, rlim_t limit)
{
	struct rlimit limits;
	if (getrlimit(resource, &limits) != 0)
		return luaL_error(L, "getrlimit: %s", strerror(errno));
	limits.rlim_cur = limit < limits.rlim_max ? limit : limits.rlim_max;
	if (setrlimit(resource, &limits) != 0)
		return luaL_error(L, "setrlimit: %s", strerror(errno));
	return 0;
}

/* limit_descriptors([more]): so many more can be opened; without it as many as may be */
static int limit_descriptors(lua_State *L)
{
	return set_limit(L, RLIMIT_NOFILE, lua_isnoneornil(L, 1) ? RLIM_INFINITY : limit_for_descriptors(luaL_checkinteger(L, 1)));
}

/* own_seconds() -> a clock that stands still while this thread could run but has no processor: what passes on it is the thread's own work, or
 * its waiting for something, and not the load of the machine. */
static int own_seconds(lua_State *L)
{
	struct timespec now;
	char text[128] = "";
	unsigned long long running = 0, kept_waiting = 0;
	int fd = open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0 || sscanf(text, "%llu %llu", &running, &kept_waiting) != 2)
		return luaL_error(L, "this system does not tell for how long a thread was kept waiting");
	close(fd);
	clock_gettime(CLOCK_MONOTONIC, &now);
	lua_pushnumber(L, (lua_Number)now.tv_sec + (lua_Number)now.tv_nsec / 1e9 - (lua_Number)kept_waiting / 1e9);
	return 1;
}

/* limit_threads([most]): so many at most, of all processes of this user; without it as many as may be */
static int limit_threads(lua_State *L)
{
	return set_limit(L, RLIMIT_NPROC, lua_isnoneornil(L, 1) ? RLIM_INFINITY : (rlim_t)luaL_checkinteger(L, 1));
}

/* leave_root(): becomes a user of whom there is no other process, for no limit of threads binds root */
static int leave_root(lua_State *L)
{
	uid_t user = 1000000 + (uid_t)getpid();
	if (geteuid() == 0 && setresuid(user, user, user) != 0)
		return luaL_error(L, "setresuid: %s", strerror(errno));
	return 0;
}

__attribute__((visibility("default"))) int luaopen_xmppdns_testprocess(lua_State *L);

int luaopen_xmppdns_testprocess(lua_State *L)
{
	lua_newtable(L);
	lua_pushcfunction(L, threads);
	lua_setfield(L, -2, "threads");
	lua_pushcfunction(L, fork_process);
	lua_setfield(L, -2, "fork");
	lua_pushcfunction(L, limit_descriptors);
	lua_setfield(L, -2, "limit_descriptors");
	lua_pushcfunction(L, limit_threads);
	lua_setfield(L, -2, "limit_threads");
	lua_pushcfunction(L, own_seconds);
	lua_setfield(L, -2, "own_seconds");
	lua_pushcfunction(L, leave_root);
	lua_setfield(L, -2, "leave_root");
	return 1;
}
