/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* require "xmppdns.testclock": clocks that can be set, in a process that has this module preloaded (LD_PRELOAD). For specs only. */
#include <lauxlib.h>
#include <lua.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define SHOWN __attribute__((visibility("default")))

static atomic_long wall_seconds, boot_seconds; /* that the clocks are ahead of the kernel's */

SHOWN int clock_gettime(clockid_t clock, struct timespec *now)
{
	int result = (int)syscall(SYS_clock_gettime, clock, now);
	if (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)
		now->tv_sec += atomic_load(&wall_seconds);
	if (clock == CLOCK_BOOTTIME)
		now->tv_sec += atomic_load(&boot_seconds);
	return result;
}

SHOWN int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
	struct timespec precise;
	(void)zone;
	clock_gettime(CLOCK_REALTIME, &precise);
	*now = (struct timeval){ .tv_sec = precise.tv_sec, .tv_usec = precise.tv_nsec / 1000 };
	return 0;
}

SHOWN time_t time(time_t *seconds)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	if (seconds != NULL)
		*seconds = now.tv_sec;
	return now.tv_sec;
}

/* set(seconds): what somebody sets the wall clock ahead by, or back */
static int set_wall_clock(lua_State *L)
{
	atomic_fetch_add(&wall_seconds, (long)luaL_checkinteger(L, 1));
	return 0;
}

/* sleep(seconds): the machine sleeps so long, and wakes up now */
static int sleep_machine(lua_State *L)
{
	atomic_fetch_add(&wall_seconds, (long)luaL_checkinteger(L, 1));
	atomic_fetch_add(&boot_seconds, (long)luaL_checkinteger(L, 1));
	return 0;
}

SHOWN int luaopen_xmppdns_testclock(lua_State *L);

int luaopen_xmppdns_testclock(lua_State *L)
{
	lua_newtable(L);
	lua_pushcfunction(L, set_wall_clock);
	lua_setfield(L, -2, "set");
	lua_pushcfunction(L, sleep_machine);
	lua_setfield(L, -2, "sleep");
	return 1;
}
