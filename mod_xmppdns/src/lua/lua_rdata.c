/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* Records as Lua tables, with the fields of Prosody's util.dns. Their text is Lua's: lua/xmppdns/record_text.lua. */
#include <arpa/inet.h>

#include "lua_core.h"
#include "dns/name.h"
#include "dns/rdata.h"

/* ---- Shapes of values: the address is the metatable's key in the registry, the text its name in core.value_metatables. */

static const char soa_shape[] = "soa";
static const char mx_shape[] = "mx";
static const char srv_shape[] = "srv";
static const char tlsa_shape[] = "tlsa";
static const char ds_shape[] = "ds";
static const char dnskey_shape[] = "dnskey";
static const char sshfp_shape[] = "sshfp";
static const char caa_shape[] = "caa";
static const char svcb_shape[] = "svcb";
static const char txt_shape[] = "txt";
static const char list_shape[] = "list"; /* inside svcb */

/* The table on top of the stack gets the shape's metatable. */
static void set_shape(lua_State *L, const char *shape)
{
	lua_rawgetp(L, LUA_REGISTRYINDEX, shape);
	lua_setmetatable(L, -2);
}

/* ---- Values from record data. Each pushes one value, or pushes nothing and gives false. */

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

/* A name that is not the record's last field: net.unbound leaves its final dot. */
static void set_absolute_name(lua_State *L, const char *field, struct span name)
{
	char text[NAME_TEXT_SIZE + 1];
	size_t size = print_name(name.bytes, name.size, text);
	bool is_root = name.size == 1;
	text[size] = '.';
	lua_pushlstring(L, text, is_root ? size : size + 1);
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
	set_absolute_name(L, "mname", soa.mname);
	set_absolute_name(L, "rname", soa.rname);
	set_integer(L, "serial", soa.serial);
	set_integer(L, "refresh", soa.refresh);
	set_integer(L, "retry", soa.retry);
	set_integer(L, "expire", soa.expire);
	set_integer(L, "minimum", soa.minimum);
	set_shape(L, soa_shape);
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
	set_shape(L, mx_shape);
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
	set_shape(L, srv_shape);
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
	set_shape(L, tlsa_shape);
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
	set_shape(L, ds_shape);
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
	set_shape(L, dnskey_shape);
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
	set_shape(L, sshfp_shape);
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
	set_shape(L, caa_shape);
	return true;
}

static void push_strings(lua_State *L, struct span strings, const char *shape)
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
	push_strings(L, (struct span){ rdata, size }, txt_shape);
	return true;
}

static void push_hints(lua_State *L, struct span hints, int family, size_t each)
{
	lua_createtable(L, (int)(hints.size / each), 0);
	for (size_t i = 0; i < hints.size / each; i++) {
		push_address(L, family, hints.bytes + i * each);
		lua_rawseti(L, -2, (int)i + 1);
	}
	set_shape(L, list_shape);
}

/* read_svcb has seen that the values of known keys have their form. */
static void push_svcb_value(lua_State *L, const struct svcb_param *param)
{
	switch (param->key) {
	case 1: push_strings(L, param->value, list_shape); break;
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
	(svcb.params.size > 0 ? set_absolute_name : set_name)(L, "name", svcb.target);
	push_svcb_params(L, svcb.params);
	lua_setfield(L, -2, "fields");
	set_shape(L, svcb_shape);
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

static const struct kind raw_kind = { 0, "raw", push_raw }; /* of every type that is not among kinds */

static const struct kind *find_kind(uint16_t type)
{
	for (size_t i = 0; i < KINDS; i++)
		if (kinds[i].type == type)
			return &kinds[i];
	return &raw_kind;
}

/* The address is the key of core.record_metatables in the registry: the metatables by type, those of raw types as they are met. */
static const char record_metatables;

/* Pushes a new metatable, and puts it into the table on top of the stack. */
static void push_new_metatable(lua_State *L, const struct kind *kind, uint16_t type)
{
	lua_createtable(L, 0, 3);
	lua_pushstring(L, kind->field);
	lua_setfield(L, -2, "field");
	lua_createtable(L, 0, 2);
	push_type_name(L, type);
	lua_setfield(L, -2, "type");
	lua_pushliteral(L, "IN");
	lua_setfield(L, -2, "class");
	lua_setfield(L, -2, "__index");
	lua_pushvalue(L, -1);
	lua_rawseti(L, -3, type);
}

/* Raw types read as type 0 does, which is one of them. */
static void push_new_raw_metatable(lua_State *L, uint16_t type)
{
	push_new_metatable(L, &raw_kind, type);
	lua_rawgeti(L, -2, raw_kind.type);
	lua_getfield(L, -1, "__tostring");
	lua_setfield(L, -3, "__tostring");
	lua_pop(L, 1);
}

static void push_raw_metatable(lua_State *L, uint16_t type)
{
	lua_rawgetp(L, LUA_REGISTRYINDEX, &record_metatables);
	lua_rawgeti(L, -1, type); /* metatables metatable */
	if (lua_isnil(L, -1)) {
		lua_pop(L, 1);
		push_new_raw_metatable(L, type);
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

void push_value(lua_State *L, uint16_t type, const uint8_t *rdata, size_t size)
{
	luaL_checkstack(L, 12, "a record's value");
	if (!find_kind(type)->push(L, rdata, size))
		lua_pushnil(L);
}

/* parse_record(type, rdata) -> record | nil */
static int core_parse_record(lua_State *L)
{
	uint16_t type = check_type_number(L, 1);
	luaL_checktype(L, 2, LUA_TSTRING);
	size_t size;
	const char *rdata = lua_tolstring(L, 2, &size);
	push_record(L, type, (const uint8_t *)rdata, size);
	return 1;
}

static void register_shapes(lua_State *L)
{
	static const char *const shapes[] = { soa_shape, mx_shape, srv_shape, tlsa_shape, ds_shape, dnskey_shape, sshfp_shape, caa_shape, svcb_shape,
		txt_shape, list_shape };
	lua_newtable(L);
	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		lua_createtable(L, 0, 2);
		lua_pushvalue(L, -1);
		lua_setfield(L, -3, shapes[i]);
		lua_rawsetp(L, LUA_REGISTRYINDEX, shapes[i]);
	}
	lua_setfield(L, -2, "value_metatables");
}

static void register_kinds(lua_State *L)
{
	lua_newtable(L);
	lua_pushvalue(L, -1);
	lua_rawsetp(L, LUA_REGISTRYINDEX, &record_metatables);
	push_new_metatable(L, &raw_kind, raw_kind.type);
	lua_pop(L, 1);
	for (size_t i = 0; i < KINDS; i++) {
		push_new_metatable(L, &kinds[i], kinds[i].type);
		lua_rawsetp(L, LUA_REGISTRYINDEX, &kinds[i]);
	}
	lua_setfield(L, -2, "record_metatables");
}

void open_rdata(lua_State *L)
{
	register_shapes(L);
	register_kinds(L);
	lua_pushcfunction(L, core_parse_record);
	lua_setfield(L, -2, "parse_record");
}
