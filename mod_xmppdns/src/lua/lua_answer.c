/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* Answers as Lua tables. */
#include "lua_core.h"

static char answer_key; /* its address is the metatable's key in the registry */
static char bare_key;   /* that of a table: the metatables of bare answers, by what those of a kind have in common */

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

static void push_rcode(lua_State *L, uint16_t rcode)
{
	if (rcode < sizeof(rcodes) / sizeof(rcodes[0]))
		lua_pushstring(L, rcodes[rcode].name);
	else
		lua_pushfstring(L, "RCODE%d", (int)rcode);
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
	push_type_name(L, answer->qtype);
	lua_setfield(L, -2, "type");
	if (answer->qclass != COMMON_CLASS)
		set_class(L, answer->qclass);
}

/* push: for one record, or nil where it cannot be read. */
static void set_records(lua_State *L, const struct answer *answer, void (*push)(lua_State *, uint16_t, const uint8_t *, size_t))
{
	int count = 0;
	for (size_t i = 0; i < answer->record_count; i++) {
		push(L, answer->qtype, answer->records[i].rdata, answer->records[i].size);
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
	set_integer(L, "ttl", ttl);
	if (from_cache)
		set_flag(L, "from_cache", true);
	set_text(L, "canonname", answer->canonname);
	set_records(L, answer, push_record);
	lua_rawgetp(L, LUA_REGISTRYINDEX, &answer_key);
	lua_setmetatable(L, -2);
}

/* Pushes a new metatable: what the answer has in common with others of its kind. */
static void push_bare_metatable(lua_State *L, const struct answer *answer, bool from_cache, bool stale)
{
	lua_createtable(L, 0, 2);
	set_text(L, "__name", "xmppdns.records");
	lua_createtable(L, 0, 8);
	set_class(L, COMMON_CLASS);
	set_rcode(L, answer->rcode);
	set_flag(L, "secure", answer->secure);
	set_flag(L, "nxdomain", answer->nxdomain);
	set_flag(L, "from_cache", from_cache);
	if (stale)
		set_flag(L, "stale", true);
	lua_setfield(L, -2, "__index");
}

static void set_bare_metatable(lua_State *L, const struct answer *answer, bool from_cache, bool stale)
{
	int kind = answer->rcode << 4 | answer->secure << 3 | answer->nxdomain << 2 | from_cache << 1 | stale;
	lua_rawgetp(L, LUA_REGISTRYINDEX, &bare_key);
	lua_rawgeti(L, -1, kind); /* answer metatables metatable */
	if (lua_isnil(L, -1)) {
		lua_pop(L, 1);
		push_bare_metatable(L, answer, from_cache, stale);
		lua_pushvalue(L, -1);
		lua_rawseti(L, -3, kind);
	}
	lua_setmetatable(L, -3);
	lua_pop(L, 1);
}

void push_bare_answer(lua_State *L, const struct answer *answer, uint32_t ttl, bool from_cache, bool stale)
{
	lua_createtable(L, (int)answer->record_count, answer->canonname != NULL ? 2 : 1);
	set_integer(L, "ttl", ttl);
	set_text(L, "canonname", answer->canonname);
	set_records(L, answer, push_value);
	set_bare_metatable(L, answer, from_cache, stale);
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

void open_answer(lua_State *L)
{
	lua_createtable(L, 0, 3);
	set_text(L, "__name", "xmppdns.answer");
	lua_pushcfunction(L, answer__tostring);
	lua_setfield(L, -2, "__tostring");
	push_common_fields(L);
	lua_setfield(L, -2, "__index");
	lua_rawsetp(L, LUA_REGISTRYINDEX, &answer_key);
	lua_newtable(L);
	lua_rawsetp(L, LUA_REGISTRYINDEX, &bare_key);
}
