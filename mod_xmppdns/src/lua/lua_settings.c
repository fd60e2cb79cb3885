/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* Settings between Lua tables and the core. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "unbound/setup.h"
#include "lua_core.h"
#include "settings/upstream.h"

/* Where a table's value goes. */
struct place {
	struct settings *settings; /* not owned */
	const char *key, *name;    /* name: inside stub or options, else NULL */
	struct problem *problem;
};

/* One key of a table. */
struct key {
	const char *text;
	size_t size;
};

static int compare_keys(const void *a, const void *b)
{
	return strcmp(((const struct key *)a)->text, ((const struct key *)b)->text);
}

static size_t count_pairs(lua_State *L, int table)
{
	size_t count = 0;
	for (lua_pushnil(L); lua_next(L, table) != 0; lua_pop(L, 1))
		count++;
	return count;
}

static bool refuse_key(lua_State *L, const struct place *place)
{
	const char *inside = place->key == NULL ? "settings" : place->key;
	if (lua_type(L, -2) == LUA_TSTRING)
		report_problem(place->problem, PROBLEM_CONFIG, "%s: \"%.100s\" with a NUL byte is no key", inside, lua_tostring(L, -2));
	else if (lua_type(L, -2) == LUA_TNUMBER)
		report_problem(place->problem, PROBLEM_CONFIG, "%s: [%.14g] is no key: expected names as keys", inside, (double)lua_tonumber(L, -2));
	else
		report_problem(place->problem, PROBLEM_CONFIG, "%s: a %s is no key: expected names as keys", inside, luaL_typename(L, -2));
	return false;
}

/* Pushes a list of the table's keys, and gives how many; -1 with a message, and nothing pushed. The list keeps their texts, for a finalizer may change
 * the table. */
static int push_keys(lua_State *L, int table, const struct place *place)
{
	int count = 0;
	lua_newtable(L);
	for (lua_pushnil(L); lua_next(L, table) != 0;) { /* without an allocation that could run a finalizer */
		size_t size = 0;
		const char *text = lua_type(L, -2) == LUA_TSTRING ? lua_tolstring(L, -2, &size) : NULL;
		if (text == NULL || strlen(text) != size) {
			refuse_key(L, place);
			lua_pop(L, 3);
			return -1;
		}
		lua_pop(L, 1);
		lua_pushvalue(L, -1);
		lua_rawseti(L, -3, ++count);
	}
	return count;
}

/* Pushes the keys, and memory that has their texts in order, so that messages do not depend on the order of a hash. NULL with a message. */
static struct key *new_sorted_keys(lua_State *L, int table, const struct place *place, size_t *count)
{
	int found = push_keys(L, table, place);
	if (found < 0)
		return NULL;
	*count = (size_t)found;
	struct key *keys = lua_newuserdata(L, (*count + 1) * sizeof(*keys));
	for (int i = 0; i < found; i++) {
		lua_rawgeti(L, -2, i + 1);
		keys[i].text = lua_tolstring(L, -1, &keys[i].size);
		lua_pop(L, 1);
	}
	qsort(keys, *count, sizeof(*keys), compare_keys);
	return keys;
}

static bool refuse_value(lua_State *L, int index, const struct place *place, const char *expected)
{
	report_problem(place->problem, PROBLEM_CONFIG, "%s%s%.80s%s = a %s: expected %s", place->key, place->name == NULL ? "" : "[\"",
		place->name == NULL ? "" : place->name, place->name == NULL ? "" : "\"]", luaL_typename(L, index), expected);
	return false;
}

/* Text, a number or a flag at index. */
static bool read_scalar(lua_State *L, int index, const struct place *place)
{
	size_t size;
	struct setting_value value = { .kind = SETTING_FLAG };
	switch (lua_type(L, index)) {
	case LUA_TSTRING:
		value.kind = SETTING_TEXT;
		value.text = lua_tolstring(L, index, &size);
		if (strlen(value.text) != size)
			return refuse_value(L, index, place, "no NUL byte in it");
		break;
	case LUA_TNUMBER:
		value.kind = SETTING_NUMBER;
		value.number = lua_tonumber(L, index);
		break;
	case LUA_TBOOLEAN: value.flag = lua_toboolean(L, index); break;
	default: value.kind = SETTING_OTHER; value.text = luaL_typename(L, index);
	}
	return set_setting(place->settings, place->key, place->name, &value, place->problem);
}

static bool read_list(lua_State *L, int table, const struct place *place)
{
	size_t count = lua_rawlen(L, table);
	if (count_pairs(L, table) != count)
		return refuse_value(L, table, place, "a list without holes or names");
	bool is_zone = place->name != NULL && strcmp(place->key, "options") != 0;
	if (is_zone && count == 0)
		return refuse_value(L, table, place, "at least one server");
	for (size_t i = 1; i <= count; i++) {
		lua_rawgeti(L, table, (int)i);
		bool accepted = read_scalar(L, lua_gettop(L), place);
		lua_pop(L, 1);
		if (!accepted)
			return false;
	}
	return true;
}

static bool read_scalar_or_list(lua_State *L, int index, const struct place *place)
{
	return lua_istable(L, index) ? read_list(L, index, place) : read_scalar(L, index, place);
}

typedef bool (*read_value)(lua_State *L, int index, const struct place *place);

/* Calls read for each value of the table, with the key as place->name, or as place->key when there is no key yet. */
static bool read_names(lua_State *L, int table, const struct place *place, read_value read)
{
	size_t count;
	const struct key *keys = new_sorted_keys(L, table, place, &count);
	if (keys == NULL)
		return false;
	bool accepted = true;
	for (size_t i = 0; i < count && accepted; i++) {
		struct place inner = *place;
		*(place->key == NULL ? &inner.key : &inner.name) = keys[i].text;
		lua_pushlstring(L, keys[i].text, keys[i].size);
		lua_rawget(L, table);
		accepted = read(L, lua_gettop(L), &inner);
		lua_pop(L, 1);
	}
	lua_pop(L, 2);
	return accepted;
}

static bool read_setting(lua_State *L, int index, const struct place *place)
{
	bool list = strcmp(place->key, "forward") == 0 || strcmp(place->key, "trusted") == 0 || strcmp(place->key, "insecure") == 0;
	bool names = strcmp(place->key, "stub") == 0 || strcmp(place->key, "forward_zones") == 0 || strcmp(place->key, "options") == 0;
	if (names && lua_istable(L, index))
		return read_names(L, index, place, read_scalar_or_list);
	if (list)
		return read_scalar_or_list(L, index, place);
	return read_scalar(L, index, place);
}

struct settings *read_settings(lua_State *L, int index, struct problem *problem)
{
	index = lua_absindex(L, index);
	luaL_checktype(L, index, LUA_TTABLE);
	luaL_checkstack(L, 20, "settings");
	struct held_settings *held = new_held_settings(L); /* for Lua may raise for want of memory */
	struct settings *settings = held->settings = create_settings();
	struct place place = { .settings = settings, .problem = problem };
	report_memory(problem);
	bool accepted = settings != NULL && read_names(L, index, &place, read_setting) && check_settings(settings, problem);
	if (accepted)
		held->settings = NULL; /* now the caller's */
	lua_pop(L, 1);
	return accepted ? settings : NULL;
}

/* check_settings(table) -> true | nil, problem[, "system"]: when the machine ran short, and nothing is wrong with the settings */
static int check_settings_table(lua_State *L)
{
	struct problem problem;
	struct settings *settings = read_settings(L, 1, &problem);
	struct upstream_config *config = settings != NULL ? read_upstream(settings, &problem) : NULL;
	bool accepted = config != NULL && try_context(settings, config, &problem);
	release_upstream(config);
	release_settings(settings);
	if (accepted) {
		lua_pushboolean(L, true);
		return 1;
	}
	lua_pushnil(L);
	lua_pushstring(L, problem.text);
	if (problem.kind != PROBLEM_SYSTEM)
		return 2;
	lua_pushstring(L, "system");
	return 3;
}

static void append_texts(lua_State *L, const struct text_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		lua_pushstring(L, list->items[i]);
		lua_rawseti(L, -2, (int)lua_rawlen(L, -2) + 1);
	}
}

static void set_texts(lua_State *L, const char *key, const struct text_list *list)
{
	lua_createtable(L, (int)list->count, 0);
	append_texts(L, list);
	lua_setfield(L, -2, key);
}

/* { [name] = { value, ... } } */
static void set_named_texts(lua_State *L, const char *key, const struct named_text_list *list)
{
	lua_newtable(L);
	for (size_t i = 0; i < list->count; i++) {
		lua_getfield(L, -1, list->items[i].name); /* table values */
		if (lua_isnil(L, -1)) {
			lua_pop(L, 1);
			lua_newtable(L);
			lua_pushvalue(L, -1);
			lua_setfield(L, -3, list->items[i].name);
		}
		lua_pushstring(L, list->items[i].value);
		lua_rawseti(L, -2, (int)lua_rawlen(L, -2) + 1);
		lua_pop(L, 1);
	}
	lua_setfield(L, -2, key);
}

static void set_system_file(lua_State *L, const char *key, bool use, const char *path)
{
	if (use && path != NULL)
		set_text(L, key, path);
	else
		set_flag(L, key, use);
}

static void set_sources(lua_State *L, const struct settings *settings)
{
	set_text(L, "upstream", upstream_name(settings->upstream));
	set_system_file(L, "resolvconf", settings->use_resolvconf, settings->resolvconf);
	set_system_file(L, "hoststxt", settings->use_hoststxt, settings->hoststxt);
	set_texts(L, "forward", &settings->forward);
	set_named_texts(L, "stub", &settings->stub);
	set_named_texts(L, "forward_zones", &settings->forward_zones);
	set_text(L, "roothints", settings->roothints);
	set_flag(L, "tls", settings->tls);
	set_text(L, "tls_ca", settings->tls_ca);
	set_named_texts(L, "options", &settings->options);
}

static void set_trust(lua_State *L, const struct settings *settings)
{
	set_text(L, "dnssec", policy_name(settings->dnssec));
	set_text(L, "dane", policy_name(settings->dane));
	set_texts(L, "trusted", &settings->trusted);
	set_texts(L, "insecure", &settings->insecure);
	set_text(L, "trustfile", settings->trustfile);
	set_text(L, "autotrust", settings->autotrust);
}

static void set_limits(lua_State *L, const struct settings *settings, const struct upstream_config *config)
{
	if (settings->attempts != 0)
		set_integer(L, "attempts", settings->attempts);
	set_number(L, "timeout", timeout_in_use(settings, config));
	set_number(L, "plan_timeout", settings->plan_timeout);
	set_number(L, "reconfigure_interval", settings->reconfigure_interval);
	set_integer(L, "cache_size", settings->cache_size);
	set_text(L, "cache_file", settings->cache_file);
	set_integer(L, "min_ttl", settings->min_ttl);
	set_integer(L, "max_ttl", settings->max_ttl);
	set_integer(L, "stale_ttl", settings->stale_ttl);
	set_integer(L, "max_lookups", settings->max_lookups);
	set_integer(L, "max_endpoints", settings->max_endpoints);
	set_integer(L, "max_answer_size", settings->max_answer_size);
	set_integer(L, "threads", settings->threads);
}

static void set_machine(lua_State *L, const struct upstream_config *config)
{
	set_flag(L, "recursive", config->recursive);
	set_texts(L, "servers", &config->servers);
	set_texts(L, "hosts", &config->hosts);
	set_texts(L, "anchors", &config->anchors);
	set_text(L, "anchor_source", config->anchor_source);
	lua_newtable(L);
	append_texts(L, &config->warnings);
	append_texts(L, &config->kept);
	lua_setfield(L, -2, "warnings");
	if (config->timeout != 0)
		set_integer(L, "resolvconf_timeout", config->timeout);
	if (config->attempts != 0)
		set_integer(L, "resolvconf_attempts", config->attempts);
	set_flag(L, "use_vc", config->use_vc);
}

void push_settings(lua_State *L, const struct settings *settings, const struct upstream_config *config)
{
	luaL_checkstack(L, 6, "settings");
	lua_newtable(L);
	set_sources(L, settings);
	set_trust(L, settings);
	set_limits(L, settings, config);
	if (config != NULL)
		set_machine(L, config);
}

void open_settings(lua_State *L)
{
	lua_pushcfunction(L, check_settings_table);
	lua_setfield(L, -2, "check_settings");
}
