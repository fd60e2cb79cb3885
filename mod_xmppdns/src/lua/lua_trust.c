/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* What following a zone's keys needs and Lua lacks. */
#include <errno.h>
#include <string.h>

#include "base/file.h"
#include "base/sha256.h"
#include "lua_core.h"

/* sha256(bytes) -> 32 bytes */
static int core_sha256(lua_State *L)
{
	size_t size;
	uint8_t digest[SHA256_SIZE];
	const char *bytes = luaL_checklstring(L, 1, &size);
	sha256((const uint8_t *)bytes, size, digest);
	lua_pushlstring(L, (const char *)digest, sizeof(digest));
	return 1;
}

/* publish_file(path, text) -> true | nil, problem[, "busy"]: then the file is as it was; busy: another process is writing it */
static int core_publish_file(lua_State *L)
{
	size_t size;
	const char *path = luaL_checkstring(L, 1), *text = luaL_checklstring(L, 2, &size);
	if (publish_file(path, text, size)) {
		lua_pushboolean(L, true);
		return 1;
	}
	int error = errno;
	lua_pushnil(L);
	lua_pushstring(L, strerror(error));
	if (error != EAGAIN)
		return 2;
	lua_pushstring(L, "busy");
	return 3;
}

static const luaL_Reg functions[] = {
	{ "publish_file", core_publish_file },
	{ "sha256", core_sha256 },
	{ NULL, NULL },
};

void open_trust(lua_State *L)
{
	luaL_setfuncs(L, functions, 0);
}
