/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* A Lua interpreter that is itself built with a sanitizer: its runtime is then there first, and in this process only, not in the servers that
 * specs start. lua [-e chunk]... [script [argument...]] */
#include <dlfcn.h>
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <stdio.h>
#include <string.h>

/* Modules stay loaded at the end, so that reports name their functions. */
int dlclose(void *module)
{
	(void)module;
	return 0;
}

static void set_arguments(lua_State *L, int argc, char **argv, int script)
{
	lua_newtable(L);
	for (int i = 0; i < argc; i++) {
		lua_pushstring(L, argv[i]);
		lua_rawseti(L, -2, i - script); /* arg[0] is the script */
	}
	lua_setglobal(L, "arg");
}

static int run_chunk(lua_State *L, int status, int argc, char **argv)
{
	for (int i = 0; i < argc; i++)
		lua_pushstring(L, argv[i]);
	if (status == LUA_OK)
		status = lua_pcall(L, argc, 0, 0);
	if (status != LUA_OK)
		fprintf(stderr, "%s\n", lua_tostring(L, -1));
	return status;
}

int main(int argc, char **argv)
{
	int script = 1, status = LUA_OK;
	lua_State *L = luaL_newstate();
	luaL_openlibs(L);
	for (; script + 1 < argc && strcmp(argv[script], "-e") == 0 && status == LUA_OK; script += 2)
		status = run_chunk(L, luaL_loadstring(L, argv[script + 1]), 0, NULL);
	if (script < argc && status == LUA_OK) {
		set_arguments(L, argc, argv, script);
		status = run_chunk(L, luaL_loadfile(L, argv[script]), argc - script - 1, argv + script + 1);
	}
	lua_close(L);
	return status != LUA_OK;
}
