/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* Answers and errors as Lua tables. */
#include "lua_core.h"

#include <stdio.h>

#include "dns/rdata.h"

/* The addresses are the metatables' keys in the registry. */
static char answer_key, error_key;

static const struct {
	const char *name, *description; /* as in Prosody's util.dns */
} rcodes[] = {
	{ "NoError", "No Error" },
	{ "FormErr", "Format Error" },
	{ "ServFail", "Server Failure" },
	{ "NXDomain", "Non-Existent Domain" },
	{ "NotImp", "Not Implemented" },
	{ "Refused", "Query Refused" },
	{ "YXDomain", "Name Exists when it should not" },
	{ "YXRRSet", "RR Set Exists when it should not" },
	{ "NXRRSet", "RR Set that should exist does not" },
	{ "NotAuth", "Server Not Authoritative for zone" },
	{ "NotZone", "Name not contained in zone" },
};

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

static void push_rcode(lua_State *L, uint16_t rcode)
{
	if (rcode < sizeof(rcodes) / sizeof(rcodes[0]))
		lua_pushstring(L, rcodes[rcode].name);
	else
		lua_pushfstring(L, "RCODE%d", (int)rcode);
}

static void push_type(lua_State *L, uint16_t type)
{
	const char *name = type_name(type);
	if (name != NULL)
		lua_pushstring(L, name);
	else
		lua_pushfstring(L, "TYPE%d", (int)type);
}

static void push_class(lua_State *L, uint16_t class)
{
	switch (class) {
	case 1: lua_pushliteral(L, "IN"); break;
	case 3: lua_pushliteral(L, "CH"); break;
	case 4: lua_pushliteral(L, "HS"); break;
	case 255: lua_pushliteral(L, "ANY"); break;
	default: lua_pushfstring(L, "CLASS%d", (int)class);
	}
}

static void set_integer(lua_State *L, const char *field, lua_Integer value)
{
	lua_pushinteger(L, value);
	lua_setfield(L, -2, field);
}

static void set_flag(lua_State *L, const char *field, bool value)
{
	lua_pushboolean(L, value);
	lua_setfield(L, -2, field);
}

/* NULL leaves the field nil. */
static void set_text(lua_State *L, const char *field, const char *value)
{
	if (value == NULL)
		return;
	lua_pushstring(L, value);
	lua_setfield(L, -2, field);
}

static void set_class(lua_State *L, uint16_t class)
{
	set_integer(L, "qclass", class);
	push_class(L, class);
	lua_setfield(L, -2, "class");
}

static void set_rcode(lua_State *L, uint16_t rcode)
{
	set_integer(L, "rcode", rcode);
	push_rcode(L, rcode);
	lua_setfield(L, -2, "status");
}

/* What most answers have in common is their metatable's: with 8 fields of their own instead of 16, Lua's collector has a fifth less to do. */
enum { OWN_FIELDS = 8, COMMON_CLASS = 1, COMMON_RCODE = 0 };

static void push_common_fields(lua_State *L)
{
	lua_createtable(L, 0, 6);
	set_class(L, COMMON_CLASS);
	set_rcode(L, COMMON_RCODE);
	set_flag(L, "nxdomain", false);
	set_flag(L, "from_cache", false);
}

static void set_question(lua_State *L, const struct answer *answer)
{
	set_text(L, "qname", answer->qname);
	set_integer(L, "qtype", answer->qtype);
	push_type(L, answer->qtype);
	lua_setfield(L, -2, "type");
	if (answer->qclass != COMMON_CLASS)
		set_class(L, answer->qclass);
}

static void set_records(lua_State *L, const struct answer *answer)
{
	int count = 0;
	for (size_t i = 0; i < answer->record_count; i++) {
		push_record(L, answer->qtype, answer->records[i].rdata, answer->records[i].size);
		if (lua_isnil(L, -1))
			lua_pop(L, 1);
		else
			lua_rawseti(L, -2, ++count);
	}
}

void push_answer(lua_State *L, const struct answer *answer, uint32_t ttl, bool from_cache)
{
	lua_createtable(L, (int)answer->record_count, OWN_FIELDS);
	set_question(L, answer);
	if (answer->rcode != COMMON_RCODE)
		set_rcode(L, answer->rcode);
	set_flag(L, "secure", answer->secure);
	if (answer->nxdomain)
		set_flag(L, "nxdomain", true);
	set_integer(L, "ttl", (lua_Integer)ttl);
	if (from_cache)
		set_flag(L, "from_cache", true);
	set_text(L, "canonname", answer->canonname);
	set_records(L, answer);
	lua_rawgetp(L, LUA_REGISTRYINDEX, &answer_key);
	lua_setmetatable(L, -2);
}

/* The text of field of the table at index 1, then the separator. Nothing for what is no text: tables are open to their users. */
static void add_field(lua_State *L, luaL_Buffer *buffer, const char *field, const char *separator)
{
	lua_getfield(L, 1, field);
	if (!lua_isstring(L, -1)) {
		lua_pop(L, 1);
		return;
	}
	luaL_addvalue(buffer);
	luaL_addstring(buffer, separator);
}

/* "Status: No Error, Secure" */
static void add_status(lua_State *L, luaL_Buffer *buffer, bool secure, bool bogus, lua_Integer rcode)
{
	luaL_addstring(buffer, "Status: ");
	if (rcode >= 0 && (size_t)rcode < sizeof(rcodes) / sizeof(rcodes[0]))
		luaL_addstring(buffer, rcodes[rcode].description);
	else
		add_field(L, buffer, "status", "");
	if (secure)
		luaL_addstring(buffer, ", Secure");
	else if (bogus) {
		luaL_addstring(buffer, ", Bogus: ");
		add_field(L, buffer, "bogus", "");
	}
}

/* tostring(answer) -> string: as Prosody 13's net.unbound writes it */
static int answer__tostring(lua_State *L)
{
	luaL_checktype(L, 1, LUA_TTABLE);
	lua_settop(L, 1);
	lua_getfield(L, 1, "rcode");
	lua_getfield(L, 1, "secure");
	lua_getfield(L, 1, "bogus");
	lua_getfield(L, 1, "canonname");
	lua_Integer rcode = lua_tointeger(L, 2);
	bool secure = lua_toboolean(L, 3), bogus = lua_toboolean(L, 4), chain = lua_toboolean(L, 5);
	lua_settop(L, 1);

	luaL_Buffer buffer;
	luaL_buffinit(L, &buffer);
	add_status(L, &buffer, secure, bogus, rcode);
	if (chain) {
		luaL_addchar(&buffer, '\n');
		add_field(L, &buffer, "qname", "\t");
		add_field(L, &buffer, "class", "\tCNAME\t");
		add_field(L, &buffer, "canonname", "");
	}
	size_t count = lua_rawlen(L, 1);
	for (size_t i = 1; i <= count; i++) {
		luaL_addchar(&buffer, '\n');
		add_field(L, &buffer, chain ? "canonname" : "qname", "\t");
		add_field(L, &buffer, "class", "\t");
		add_field(L, &buffer, "type", "\t");
		lua_rawgeti(L, 1, (int)i);
		luaL_tolstring(L, -1, NULL);
		lua_remove(L, -2);
		luaL_addvalue(&buffer);
	}
	luaL_pushresult(&buffer);
	return 1;
}

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
		push_type(L, qtype);
		lua_setfield(L, -2, "type");
	}
	set_integer(L, "attempts", (lua_Integer)attempts);
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

static void push_metatable(lua_State *L, const char *name, lua_CFunction tostring)
{
	lua_createtable(L, 0, 3);
	set_text(L, "__name", name);
	lua_pushcfunction(L, tostring);
	lua_setfield(L, -2, "__tostring");
}

void open_answer(lua_State *L)
{
	push_metatable(L, "xmppdns.answer", answer__tostring);
	push_common_fields(L);
	lua_setfield(L, -2, "__index");
	lua_rawsetp(L, LUA_REGISTRYINDEX, &answer_key);
	push_metatable(L, "xmppdns.error", error__tostring);
	lua_rawsetp(L, LUA_REGISTRYINDEX, &error_key);
	lua_pushcfunction(L, new_error);
	lua_setfield(L, -2, "new_error");
}
