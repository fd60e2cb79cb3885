/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* Errors as Lua tables. */
#include <stdio.h>

#include "lua_core.h"

static char error_key; /* its address is the metatable's key in the registry */

static const char *const outcome_texts[OUTCOMES] = {
	[OUTCOME_ANSWERED] = "the lookup succeeded",
	[OUTCOME_TIMEOUT] = "no answer in time",
	[OUTCOME_BOGUS] = "the answer fails DNSSEC validation",
	[OUTCOME_SERVFAIL] = "the server could not answer",
	[OUTCOME_INSECURE] = "the answer is not secured by DNSSEC",
	[OUTCOME_CANCELED] = "the lookup was canceled",
	[OUTCOME_NAME] = "this cannot be a DNS name",
	[OUTCOME_SYSTEM] = "out of memory or another resource",
};

/* How many bytes of printable, well-formed UTF-8 (RFC 3629) one character at text takes; 0 when it is none. text ends with NUL. */
static size_t printable_size(const unsigned char *text)
{
	if (text[0] < 0x80)
		return text[0] >= ' ' && text[0] != 0x7f;
	size_t size = text[0] >= 0xf0 ? 4 : text[0] >= 0xe0 ? 3 : 2;
	unsigned lowest = text[0] == 0xe0 || text[0] == 0xc2 ? 0xa0 : text[0] == 0xf0 ? 0x90 : 0x80; /* 0xc2 with less: controls */
	unsigned highest = text[0] == 0xed ? 0x9f : text[0] == 0xf4 ? 0x8f : 0xbf;
	if (text[0] < 0xc2 || text[0] > 0xf4 || text[1] < lowest || text[1] > highest)
		return 0;
	for (size_t i = 2; i < size; i++)
		if ((text[i] & 0xc0) != 0x80)
			return 0;
	return size;
}

/* Adds text with everything that is not printable as \DDD: it may come from the network, and goes into logs and stanzas. */
static void add_visible(luaL_Buffer *buffer, const char *text)
{
	while (*text != '\0') {
		size_t size = printable_size((const unsigned char *)text);
		char escape[8];
		if (size == 0) {
			snprintf(escape, sizeof(escape), "\\%03u", (unsigned)(unsigned char)*text);
			luaL_addstring(buffer, escape);
			text++;
		} else {
			luaL_addlstring(buffer, text, size);
			text += size;
		}
	}
}

static void push_error_table(lua_State *L, const char *code, const char *text, const char *qname, uint16_t qtype, unsigned attempts)
{
	luaL_Buffer buffer;
	luaL_buffinit(L, &buffer); /* before the table: a buffer may leave pieces on the stack */
	add_visible(&buffer, text);
	luaL_pushresult(&buffer);
	lua_createtable(L, 0, 6);
	lua_insert(L, -2);
	lua_setfield(L, -2, "text");
	set_text(L, "code", code);
	set_text(L, "qname", qname);
	if (qtype != 0) {
		set_integer(L, "qtype", qtype);
		push_type_name(L, qtype);
		lua_setfield(L, -2, "type");
	}
	set_integer(L, "attempts", attempts);
	lua_rawgetp(L, LUA_REGISTRYINDEX, &error_key);
	lua_setmetatable(L, -2);
}

void push_error(lua_State *L, enum outcome outcome, const char *text, const char *qname, uint16_t qtype, unsigned attempts)
{
	push_error_table(L, outcome_code(outcome), text != NULL ? text : outcome_texts[outcome], qname, qtype, attempts);
}

void push_coded_error(lua_State *L, const char *code, const char *text)
{
	push_error_table(L, code, text, NULL, 0, 0);
}

/* new_error(code, text[, qname[, qtype[, attempts]]]) -> error */
static int new_error(lua_State *L)
{
	const char *code = luaL_checkstring(L, 1);
	const char *text = luaL_checkstring(L, 2);
	const char *qname = luaL_optstring(L, 3, NULL);
	lua_Integer qtype = luaL_optinteger(L, 4, 0);
	lua_Integer attempts = luaL_optinteger(L, 5, 0);
	luaL_argcheck(L, qtype >= 0 && qtype <= UINT16_MAX, 4, "not a record type's number");
	luaL_argcheck(L, attempts >= 0 && attempts <= UINT16_MAX, 5, "not a count of attempts");
	push_error_table(L, code, text, qname, (uint16_t)qtype, (unsigned)attempts);
	return 1;
}

/* tostring(error) -> "SRV of _xmpp-server._tcp.example.org: bogus: signature expired (3 attempts)" */
static int error__tostring(lua_State *L)
{
	luaL_checktype(L, 1, LUA_TTABLE);
	lua_settop(L, 1);
	lua_getfield(L, 1, "qname");
	lua_getfield(L, 1, "attempts");
	lua_Integer attempts = lua_tointeger(L, 3);
	const char *qname = lua_tostring(L, 2); /* stays on the stack */

	luaL_Buffer buffer;
	luaL_buffinit(L, &buffer);
	if (qname != NULL) {
		add_field(L, &buffer, "type", " of ");
		add_visible(&buffer, qname); /* a name that was refused can hold anything */
		luaL_addstring(&buffer, ": ");
	}
	add_field(L, &buffer, "code", ": ");
	add_field(L, &buffer, "text", "");
	if (attempts > 0) {
		lua_pushfstring(L, attempts == 1 ? " (%d attempt)" : " (%d attempts)", (int)attempts);
		luaL_addvalue(&buffer);
	}
	luaL_pushresult(&buffer);
	return 1;
}

void open_error(lua_State *L)
{
	lua_createtable(L, 0, 2);
	set_text(L, "__name", "xmppdns.error");
	lua_pushcfunction(L, error__tostring);
	lua_setfield(L, -2, "__tostring");
	lua_rawsetp(L, LUA_REGISTRYINDEX, &error_key);
	lua_pushcfunction(L, new_error);
	lua_setfield(L, -2, "new_error");
}
