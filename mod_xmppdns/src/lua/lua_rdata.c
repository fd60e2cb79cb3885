/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* Records as Lua tables, with the fields and the text of Prosody's util.dns; in the text what cannot be printed is escaped. */
#include <arpa/inet.h>
#include <string.h>

#include "lua_core.h"
#include "dns/name.h"
#include "dns/rdata.h"

/* ---- The text of a value's fields: each format replaces the value on top of the stack by its text. */

static void format_text(lua_State *L)
{
	luaL_tolstring(L, -1, NULL);
	lua_replace(L, -2);
}

/* Prosody's parser leaves the trailing dot of a name that is not the record's last field, so its text has it. */
static void format_absolute(lua_State *L)
{
	format_text(L);
	if (strcmp(lua_tostring(L, -1), ".") == 0)
		return;
	lua_pushliteral(L, ".");
	lua_concat(L, 2);
}

static void format_hex(lua_State *L)
{
	format_text(L);
	size_t size;
	const uint8_t *bytes = (const uint8_t *)lua_tolstring(L, -1, &size);
	luaL_Buffer hex;
	luaL_buffinit(L, &hex);
	for (size_t i = 0; i < size; i++) {
		luaL_addchar(&hex, "0123456789abcdef"[bytes[i] >> 4]);
		luaL_addchar(&hex, "0123456789abcdef"[bytes[i] & 15]);
	}
	luaL_pushresult(&hex);
	lua_replace(L, -2);
}

static void format_base64(lua_State *L)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	format_text(L);
	size_t size;
	const uint8_t *bytes = (const uint8_t *)lua_tolstring(L, -1, &size);
	luaL_Buffer text;
	luaL_buffinit(L, &text);
	for (size_t i = 0; i < size; i += 3) {
		size_t left = size - i;
		uint32_t group = (uint32_t)bytes[i] << 16 | (left > 1 ? (uint32_t)bytes[i + 1] << 8 : 0) | (left > 2 ? bytes[i + 2] : 0);
		luaL_addchar(&text, digits[group >> 18]);
		luaL_addchar(&text, digits[group >> 12 & 63]);
		luaL_addchar(&text, left > 1 ? digits[group >> 6 & 63] : '=');
		luaL_addchar(&text, left > 2 ? digits[group & 63] : '=');
	}
	luaL_pushresult(&text);
	lua_replace(L, -2);
}

/* What is not printable ASCII, as a zone file writes it. */
static void add_escape(luaL_Buffer *text, uint8_t byte)
{
	luaL_addchar(text, '\\');
	luaL_addchar(text, (char)('0' + byte / 100));
	luaL_addchar(text, (char)('0' + byte / 10 % 10));
	luaL_addchar(text, (char)('0' + byte % 10));
}

/* Bytes of any kind as text for people: it goes to terminals and logs, and a line's end in it would begin another record. */
static void format_visible(lua_State *L)
{
	format_text(L);
	size_t size;
	const uint8_t *bytes = (const uint8_t *)lua_tolstring(L, -1, &size);
	luaL_Buffer text;
	luaL_buffinit(L, &text);
	for (size_t i = 0; i < size; i++) {
		if (bytes[i] < ' ' || bytes[i] > '~')
			add_escape(&text, bytes[i]);
		else
			luaL_addchar(&text, (char)bytes[i]);
	}
	luaL_pushresult(&text);
	lua_replace(L, -2);
}

/* A character-string of a zone file: "..." with \" \\ and \DDD. */
static void format_quoted(lua_State *L)
{
	format_text(L);
	size_t size;
	const uint8_t *bytes = (const uint8_t *)lua_tolstring(L, -1, &size);
	luaL_Buffer text;
	luaL_buffinit(L, &text);
	luaL_addchar(&text, '"');
	for (size_t i = 0; i < size; i++) {
		if (bytes[i] < ' ' || bytes[i] > '~') {
			add_escape(&text, bytes[i]);
		} else {
			if (bytes[i] == '"' || bytes[i] == '\\')
				luaL_addchar(&text, '\\');
			luaL_addchar(&text, (char)bytes[i]);
		}
	}
	luaL_addchar(&text, '"');
	luaL_pushresult(&text);
	lua_replace(L, -2);
}

/* The acronyms of RFC 7218, as Prosody spells them. */
struct acronyms {
	const char *low[4];
	const char *private_use; /* 255 */
};

static const struct acronyms tlsa_usages = { { "PKIX-CA", "PKIX-EE", "DANE-TA", "DANE-EE" }, "PrivCert" };
static const struct acronyms tlsa_selectors = { { "Cert", "SPKI" }, "PrivSel" };
static const struct acronyms tlsa_match_types = { { "Full", "SHA2-256", "SHA2-512" }, "PrivMatch" };

/* NULL for a value without one. */
static const char *find_acronym(lua_State *L, int index, const struct acronyms *acronyms)
{
	lua_Integer number;
	if (!read_integer(L, index, UINT8_MAX, &number))
		return NULL;
	if (number == UINT8_MAX)
		return acronyms->private_use;
	return number < 4 ? acronyms->low[number] : NULL;
}

static void format_acronym(lua_State *L, const struct acronyms *acronyms)
{
	const char *acronym = find_acronym(L, -1, acronyms);
	if (acronym == NULL) {
		format_text(L);
		return;
	}
	lua_pushstring(L, acronym);
	lua_replace(L, -2);
}

static void format_usage(lua_State *L)
{
	format_acronym(L, &tlsa_usages);
}

static void format_selector(lua_State *L)
{
	format_acronym(L, &tlsa_selectors);
}

static void format_match_type(lua_State *L)
{
	format_acronym(L, &tlsa_match_types);
}

static int push_acronym(lua_State *L, const char *field, const struct acronyms *acronyms)
{
	luaL_checktype(L, 1, LUA_TTABLE);
	lua_getfield(L, 1, field);
	lua_pushstring(L, find_acronym(L, -1, acronyms)); /* nil for NULL */
	return 1;
}

/* tlsa:getUsage() -> "DANE-EE" | nil */
static int tlsa_get_usage(lua_State *L)
{
	return push_acronym(L, "use", &tlsa_usages);
}

/* tlsa:getSelector() -> "SPKI" | nil */
static int tlsa_get_selector(lua_State *L)
{
	return push_acronym(L, "select", &tlsa_selectors);
}

/* tlsa:getMatchType() -> "SHA2-256" | nil */
static int tlsa_get_match_type(lua_State *L)
{
	return push_acronym(L, "match", &tlsa_match_types);
}

static const luaL_Reg tlsa_methods[] = {
	{ "getMatchType", tlsa_get_match_type },
	{ "getSelector", tlsa_get_selector },
	{ "getUsage", tlsa_get_usage },
	{ NULL, NULL },
};

/* ---- The shapes of values. A shape's address is its metatable's key in the registry. */

struct field {
	const char *name; /* NULL after the last */
	void (*format)(lua_State *L);
};

struct shape {
	const struct field *fields; /* what the text shows, in its order */
	const char *separator;      /* of a list, instead of fields */
	const luaL_Reg *methods;
};

static const struct field soa_fields[] = {
	{ "mname", format_absolute },
	{ "rname", format_absolute },
	{ "serial", format_text },
	{ "refresh", format_text },
	{ "retry", format_text },
	{ "expire", format_text },
	{ "minimum", format_text },
	{ NULL, NULL },
};
static const struct field mx_fields[] = {
	{ "pref", format_text },
	{ "mx", format_text },
	{ NULL, NULL },
};
static const struct field srv_fields[] = {
	{ "priority", format_text },
	{ "weight", format_text },
	{ "port", format_text },
	{ "target", format_text },
	{ NULL, NULL },
};
static const struct field tlsa_fields[] = {
	{ "use", format_usage },
	{ "select", format_selector },
	{ "match", format_match_type },
	{ "data", format_hex },
	{ NULL, NULL },
};
static const struct field ds_fields[] = {
	{ "key_tag", format_text },
	{ "algorithm", format_text },
	{ "digest_type", format_text },
	{ "digest", format_hex },
	{ NULL, NULL },
};
static const struct field dnskey_fields[] = {
	{ "flags", format_text },
	{ "protocol", format_text },
	{ "algorithm", format_text },
	{ "key", format_base64 },
	{ NULL, NULL },
};
static const struct field sshfp_fields[] = {
	{ "algorithm", format_text },
	{ "type", format_text },
	{ "fingerprint", format_hex },
	{ NULL, NULL },
};
static const struct field caa_fields[] = {
	{ "flags", format_text },
	{ "tag", format_text },
	{ "value", format_quoted },
	{ NULL, NULL },
};

static const struct shape soa_shape = { .fields = soa_fields };
static const struct shape mx_shape = { .fields = mx_fields };
static const struct shape srv_shape = { .fields = srv_fields };
static const struct shape tlsa_shape = { .fields = tlsa_fields, .methods = tlsa_methods };
static const struct shape ds_shape = { .fields = ds_fields };
static const struct shape dnskey_shape = { .fields = dnskey_fields };
static const struct shape sshfp_shape = { .fields = sshfp_fields };
static const struct shape caa_shape = { .fields = caa_fields };
static const struct shape svcb_shape = { .fields = NULL }; /* svcb__tostring knows its fields */
static const struct shape txt_shape = { .separator = "" };
static const struct shape hints_shape = { .separator = ", " };

static int fields__tostring(lua_State *L)
{
	const struct shape *shape = lua_touserdata(L, lua_upvalueindex(1));
	luaL_checktype(L, 1, LUA_TTABLE);
	lua_settop(L, 1);
	for (int i = 0; shape->fields[i].name != NULL; i++) {
		if (i > 0)
			lua_pushliteral(L, " ");
		lua_getfield(L, 1, shape->fields[i].name);
		shape->fields[i].format(L);
	}
	lua_concat(L, lua_gettop(L) - 1);
	return 1;
}

static int list__tostring(lua_State *L)
{
	const struct shape *shape = lua_touserdata(L, lua_upvalueindex(1));
	luaL_checktype(L, 1, LUA_TTABLE);
	lua_settop(L, 1);
	int count = (int)lua_rawlen(L, 1);
	luaL_Buffer text;
	luaL_buffinit(L, &text);
	for (int i = 1; i <= count; i++) {
		if (i > 1)
			luaL_addstring(&text, shape->separator);
		lua_rawgeti(L, 1, i);
		format_visible(L);
		luaL_addvalue(&text);
	}
	luaL_pushresult(&text);
	return 1;
}

/* Pushes " alpn=\"h2\"" for the param on top of the stack, which it takes off. */
static void format_svcb_param(lua_State *L)
{
	static const char *const names[] = { "alpn", "no-default-alpn", "port", "ipv4hint", "ech", "ipv6hint" };
	lua_Integer key;
	lua_getfield(L, -1, "key");
	bool known = read_integer(L, -1, 6, &key) && key >= 1;
	lua_pushstring(L, known ? " " : " key");
	if (known)
		lua_pushstring(L, names[key - 1]);
	else
		lua_pushvalue(L, -2); /* param key " key" key */
	format_text(L);
	lua_pushliteral(L, "=");
	lua_getfield(L, -5, "value");
	format_quoted(L);
	lua_concat(L, 4); /* param key text */
	lua_replace(L, -3);
	lua_pop(L, 1);
}

static int svcb__tostring(lua_State *L)
{
	luaL_checktype(L, 1, LUA_TTABLE);
	lua_settop(L, 1);
	lua_getfield(L, 1, "fields");
	luaL_checktype(L, 2, LUA_TTABLE);
	int count = (int)lua_rawlen(L, 2);

	lua_getfield(L, 1, "prio");
	format_text(L);
	lua_pushliteral(L, " ");
	lua_getfield(L, 1, "name");
	(count > 0 ? format_absolute : format_text)(L);
	lua_pushstring(L, count > 0 ? "" : " "); /* Prosody ends it so */
	lua_concat(L, 4);

	luaL_Buffer text;
	luaL_buffinit(L, &text);
	lua_pushvalue(L, 3);
	luaL_addvalue(&text);
	for (int i = 1; i <= count; i++) {
		lua_rawgeti(L, 2, i);
		luaL_argcheck(L, lua_istable(L, -1), 1, "a field is not a table");
		format_svcb_param(L);
		luaL_addvalue(&text);
	}
	luaL_pushresult(&text);
	return 1;
}

static lua_CFunction choose_tostring(const struct shape *shape)
{
	if (shape == &svcb_shape)
		return svcb__tostring;
	return shape->separator != NULL ? list__tostring : fields__tostring;
}

static void register_shape(lua_State *L, const struct shape *shape)
{
	lua_createtable(L, 0, 2);
	lua_pushlightuserdata(L, (void *)shape);
	lua_pushcclosure(L, choose_tostring(shape), 1);
	lua_setfield(L, -2, "__tostring");
	if (shape->methods != NULL) {
		lua_newtable(L);
		luaL_setfuncs(L, shape->methods, 0);
		lua_setfield(L, -2, "__index");
	}
	lua_rawsetp(L, LUA_REGISTRYINDEX, shape);
}

/* The table on top of the stack gets the shape's metatable. */
static void set_shape(lua_State *L, const struct shape *shape)
{
	lua_rawgetp(L, LUA_REGISTRYINDEX, shape);
	lua_setmetatable(L, -2);
}

/* ---- Values from record data. Each pushes one value, or pushes nothing and gives false. */

static void set_integer(lua_State *L, const char *field, uint32_t integer)
{
#if LUA_VERSION_NUM >= 503
	lua_pushinteger(L, integer);
#else
	lua_pushnumber(L, integer); /* lua_Integer may have 32 bits */
#endif
	lua_setfield(L, -2, field);
}

static void set_bytes(lua_State *L, const char *field, struct span span)
{
	lua_pushlstring(L, (const char *)span.bytes, span.size);
	lua_setfield(L, -2, field);
}

static void push_name_text(lua_State *L, struct span name)
{
	char text[NAME_TEXT_SIZE];
	lua_pushlstring(L, text, print_name(name.bytes, name.size, text));
}

static void set_name(lua_State *L, const char *field, struct span name)
{
	push_name_text(L, name);
	lua_setfield(L, -2, field);
}

static void push_address(lua_State *L, int family, const uint8_t *address)
{
	char text[INET6_ADDRSTRLEN];
	lua_pushstring(L, inet_ntop(family, address, text, sizeof(text)));
}

static bool push_a(lua_State *L, const uint8_t *rdata, size_t size)
{
	if (!read_a(rdata, size))
		return false;
	push_address(L, AF_INET, rdata);
	return true;
}

static bool push_aaaa(lua_State *L, const uint8_t *rdata, size_t size)
{
	if (!read_aaaa(rdata, size))
		return false;
	push_address(L, AF_INET6, rdata);
	return true;
}

static bool push_one_name(lua_State *L, const uint8_t *rdata, size_t size)
{
	struct span name;
	if (!read_one_name(rdata, size, &name))
		return false;
	push_name_text(L, name);
	return true;
}

static bool push_soa(lua_State *L, const uint8_t *rdata, size_t size)
{
	struct soa soa;
	if (!read_soa(rdata, size, &soa))
		return false;
	lua_createtable(L, 0, 7);
	set_name(L, "mname", soa.mname);
	set_name(L, "rname", soa.rname);
	set_integer(L, "serial", soa.serial);
	set_integer(L, "refresh", soa.refresh);
	set_integer(L, "retry", soa.retry);
	set_integer(L, "expire", soa.expire);
	set_integer(L, "minimum", soa.minimum);
	set_shape(L, &soa_shape);
	return true;
}

static bool push_mx(lua_State *L, const uint8_t *rdata, size_t size)
{
	struct mx mx;
	if (!read_mx(rdata, size, &mx))
		return false;
	lua_createtable(L, 0, 2);
	set_integer(L, "pref", mx.preference);
	set_name(L, "mx", mx.exchange);
	set_shape(L, &mx_shape);
	return true;
}

static bool push_srv(lua_State *L, const uint8_t *rdata, size_t size)
{
	struct srv srv;
	if (!read_srv(rdata, size, &srv))
		return false;
	lua_createtable(L, 0, 4);
	set_integer(L, "priority", srv.priority);
	set_integer(L, "weight", srv.weight);
	set_integer(L, "port", srv.port);
	set_name(L, "target", srv.target);
	set_shape(L, &srv_shape);
	return true;
}

static bool push_tlsa(lua_State *L, const uint8_t *rdata, size_t size)
{
	struct tlsa tlsa;
	if (!read_tlsa(rdata, size, &tlsa))
		return false;
	lua_createtable(L, 0, 4);
	set_integer(L, "use", tlsa.usage);
	set_integer(L, "select", tlsa.selector);
	set_integer(L, "match", tlsa.mtype);
	set_bytes(L, "data", tlsa.data);
	set_shape(L, &tlsa_shape);
	return true;
}

static bool push_ds(lua_State *L, const uint8_t *rdata, size_t size)
{
	struct ds ds;
	if (!read_ds(rdata, size, &ds))
		return false;
	lua_createtable(L, 0, 4);
	set_integer(L, "key_tag", ds.key_tag);
	set_integer(L, "algorithm", ds.algorithm);
	set_integer(L, "digest_type", ds.digest_type);
	set_bytes(L, "digest", ds.digest);
	set_shape(L, &ds_shape);
	return true;
}

static bool push_dnskey(lua_State *L, const uint8_t *rdata, size_t size)
{
	struct dnskey dnskey;
	if (!read_dnskey(rdata, size, &dnskey))
		return false;
	lua_createtable(L, 0, 4);
	set_integer(L, "flags", dnskey.flags);
	set_integer(L, "protocol", dnskey.protocol);
	set_integer(L, "algorithm", dnskey.algorithm);
	set_bytes(L, "key", dnskey.key);
	set_shape(L, &dnskey_shape);
	return true;
}

static bool push_sshfp(lua_State *L, const uint8_t *rdata, size_t size)
{
	struct sshfp sshfp;
	if (!read_sshfp(rdata, size, &sshfp))
		return false;
	lua_createtable(L, 0, 3);
	set_integer(L, "algorithm", sshfp.algorithm);
	set_integer(L, "type", sshfp.type);
	set_bytes(L, "fingerprint", sshfp.fingerprint);
	set_shape(L, &sshfp_shape);
	return true;
}

static bool push_caa(lua_State *L, const uint8_t *rdata, size_t size)
{
	struct caa caa;
	if (!read_caa(rdata, size, &caa))
		return false;
	lua_createtable(L, 0, 3);
	set_integer(L, "flags", caa.flags);
	set_bytes(L, "tag", caa.tag);
	set_bytes(L, "value", caa.value);
	set_shape(L, &caa_shape);
	return true;
}

static void push_strings(lua_State *L, struct span strings, const struct shape *shape)
{
	struct wire wire = open_wire(strings.bytes, strings.size);
	lua_createtable(L, 1, 0);
	for (int i = 1; !wire_complete(&wire); i++) {
		struct span string = read_string(&wire);
		lua_pushlstring(L, (const char *)string.bytes, string.size);
		lua_rawseti(L, -2, i);
	}
	set_shape(L, shape);
}

static bool push_txt(lua_State *L, const uint8_t *rdata, size_t size)
{
	if (!read_txt(rdata, size))
		return false;
	push_strings(L, (struct span){ rdata, size }, &txt_shape);
	return true;
}

static void push_hints(lua_State *L, struct span hints, int family, size_t each)
{
	lua_createtable(L, (int)(hints.size / each), 0);
	for (size_t i = 0; i < hints.size / each; i++) {
		push_address(L, family, hints.bytes + i * each);
		lua_rawseti(L, -2, (int)i + 1);
	}
	set_shape(L, &hints_shape);
}

/* read_svcb has seen that the values of known keys have their form. */
static void push_svcb_value(lua_State *L, const struct svcb_param *param)
{
	switch (param->key) {
	case 1: push_strings(L, param->value, &hints_shape); break;
	case 3: lua_pushinteger(L, param->value.bytes[0] << 8 | param->value.bytes[1]); break;
	case 4: push_hints(L, param->value, AF_INET, 4); break;
	case 6: push_hints(L, param->value, AF_INET6, 16); break;
	default: lua_pushlstring(L, (const char *)param->value.bytes, param->value.size);
	}
}

static void push_svcb_params(lua_State *L, struct span params)
{
	struct wire wire = open_wire(params.bytes, params.size);
	struct svcb_param param;
	lua_newtable(L);
	for (int i = 1; read_svcb_param(&wire, &param); i++) {
		lua_createtable(L, 0, 3);
		set_integer(L, "key", param.key);
		set_integer(L, "len", (uint32_t)param.value.size);
		push_svcb_value(L, &param);
		lua_setfield(L, -2, "value");
		lua_rawseti(L, -2, i);
	}
}

static bool push_svcb(lua_State *L, const uint8_t *rdata, size_t size)
{
	struct svcb svcb;
	if (!read_svcb(rdata, size, &svcb))
		return false;
	lua_createtable(L, 0, 3);
	set_integer(L, "prio", svcb.priority);
	set_name(L, "name", svcb.target);
	push_svcb_params(L, svcb.params);
	lua_setfield(L, -2, "fields");
	set_shape(L, &svcb_shape);
	return true;
}

static bool push_raw(lua_State *L, const uint8_t *rdata, size_t size)
{
	lua_pushlstring(L, size > 0 ? (const char *)rdata : "", size);
	return true;
}

/* ---- Records: a table around the value. A kind's address is its metatable's key in the registry. */

static const struct kind {
	uint16_t type;
	const char *field;
	bool (*push)(lua_State *L, const uint8_t *rdata, size_t size);
} kinds[] = {
	/* what a server asks for most comes first */
	{ TYPE_SRV, "srv", push_srv },
	{ TYPE_A, "a", push_a },
	{ TYPE_AAAA, "aaaa", push_aaaa },
	{ TYPE_TLSA, "tlsa", push_tlsa },
	{ TYPE_CNAME, "cname", push_one_name },
	{ TYPE_NS, "ns", push_one_name },
	{ TYPE_PTR, "ptr", push_one_name },
	{ TYPE_SOA, "soa", push_soa },
	{ TYPE_MX, "mx", push_mx },
	{ TYPE_TXT, "txt", push_txt },
	{ TYPE_DS, "ds", push_ds },
	{ TYPE_DNSKEY, "dnskey", push_dnskey },
	{ TYPE_SSHFP, "sshfp", push_sshfp },
	{ TYPE_CAA, "caa", push_caa },
	{ TYPE_SVCB, "svcb", push_svcb },
	{ TYPE_HTTPS, "https", push_svcb },
};

enum { KINDS = sizeof(kinds) / sizeof(kinds[0]) };

/* Of every type that is not among kinds. Its key holds the metatables by type. */
static const struct kind raw_kind = { 0, "raw", push_raw };

static const struct kind *find_kind(uint16_t type)
{
	for (size_t i = 0; i < KINDS; i++)
		if (kinds[i].type == type)
			return &kinds[i];
	return &raw_kind;
}

static int record__tostring(lua_State *L)
{
	const struct kind *kind = lua_touserdata(L, lua_upvalueindex(1));
	luaL_checktype(L, 1, LUA_TTABLE);
	lua_getfield(L, 1, kind->field);
	luaL_tolstring(L, -1, NULL);
	return 1;
}

/* As RFC 3597 writes an unknown type: \# size hex */
static int raw__tostring(lua_State *L)
{
	luaL_checktype(L, 1, LUA_TTABLE);
	lua_getfield(L, 1, "raw");
	format_text(L);
	lua_pushfstring(L, "\\# %d ", (int)lua_rawlen(L, -1));
	lua_insert(L, -2);
	format_hex(L);
	lua_concat(L, 2);
	return 1;
}

static void push_type_name(lua_State *L, uint16_t type)
{
	const char *name = type_name(type);
	if (name != NULL)
		lua_pushstring(L, name);
	else
		lua_pushfstring(L, "TYPE%d", (int)type);
}

static void push_new_metatable(lua_State *L, const struct kind *kind, uint16_t type)
{
	lua_createtable(L, 0, 2);
	lua_pushlightuserdata(L, (void *)kind);
	lua_pushcclosure(L, kind == &raw_kind ? raw__tostring : record__tostring, 1);
	lua_setfield(L, -2, "__tostring");
	lua_createtable(L, 0, 2);
	push_type_name(L, type);
	lua_setfield(L, -2, "type");
	lua_pushliteral(L, "IN");
	lua_setfield(L, -2, "class");
	lua_setfield(L, -2, "__index");
}

static void push_raw_metatable(lua_State *L, uint16_t type)
{
	lua_rawgetp(L, LUA_REGISTRYINDEX, &raw_kind);
	lua_rawgeti(L, -1, type); /* metatables metatable */
	if (lua_isnil(L, -1)) {
		lua_pop(L, 1);
		push_new_metatable(L, &raw_kind, type);
		lua_pushvalue(L, -1);
		lua_rawseti(L, -3, type);
	}
	lua_remove(L, -2);
}

void push_record(lua_State *L, uint16_t type, const uint8_t *rdata, size_t size)
{
	luaL_checkstack(L, 12, "a record");
	const struct kind *kind = find_kind(type);
	lua_createtable(L, 0, 1);
	if (!kind->push(L, rdata, size)) {
		lua_pop(L, 1);
		lua_pushnil(L);
		return;
	}
	lua_setfield(L, -2, kind->field);
	if (kind == &raw_kind)
		push_raw_metatable(L, type);
	else
		lua_rawgetp(L, LUA_REGISTRYINDEX, kind);
	lua_setmetatable(L, -2);
}

static uint16_t check_type(lua_State *L, int index)
{
	lua_Integer type;
	luaL_argcheck(L, read_integer(L, index, UINT16_MAX, &type), index, "record type from 0 to 65535 expected");
	return (uint16_t)type;
}

/* parse_record(type, rdata) -> record | nil */
static int core_parse_record(lua_State *L)
{
	uint16_t type = check_type(L, 1);
	luaL_checktype(L, 2, LUA_TSTRING);
	size_t size;
	const char *rdata = lua_tolstring(L, 2, &size);
	push_record(L, type, (const uint8_t *)rdata, size);
	return 1;
}

/* type_name(33) -> "SRV"; "TYPE65280" for one without a name */
static int core_type_name(lua_State *L)
{
	push_type_name(L, check_type(L, 1));
	return 1;
}

/* type_number("SRV") -> 33 | nil */
static int core_type_number(lua_State *L)
{
	luaL_checktype(L, 1, LUA_TSTRING);
	size_t size;
	const char *name = lua_tolstring(L, 1, &size);
	uint16_t type = strlen(name) == size ? type_number(name) : 0;
	if (type == 0)
		lua_pushnil(L);
	else
		lua_pushinteger(L, type);
	return 1;
}

static const luaL_Reg functions[] = {
	{ "parse_record", core_parse_record },
	{ "type_name", core_type_name },
	{ "type_number", core_type_number },
	{ NULL, NULL },
};

void open_rdata(lua_State *L)
{
	static const struct shape *const shapes[] = {
		&soa_shape,
		&mx_shape,
		&srv_shape,
		&tlsa_shape,
		&ds_shape,
		&dnskey_shape,
		&sshfp_shape,
		&caa_shape,
		&svcb_shape,
		&txt_shape,
		&hints_shape,
	};
	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++)
		register_shape(L, shapes[i]);
	for (size_t i = 0; i < KINDS; i++) {
		push_new_metatable(L, &kinds[i], kinds[i].type);
		lua_rawsetp(L, LUA_REGISTRYINDEX, &kinds[i]);
	}
	lua_newtable(L);
	lua_rawsetp(L, LUA_REGISTRYINDEX, &raw_kind);
	luaL_setfuncs(L, functions, 0);
}
