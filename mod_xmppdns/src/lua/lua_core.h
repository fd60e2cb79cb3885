/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* What the files of the binding share. Only core.c and lua_*.c include it: nothing else knows Lua. */
#ifndef XMPPDNS_LUA_CORE_H
#define XMPPDNS_LUA_CORE_H

#include <lauxlib.h>
#include <lua.h>

#include "dns/answer.h"
#include "dns/name.h"
#include "settings/settings.h"

#include "lua_compat.h" /* Lua 5.1, LuaJIT, 5.2, 5.3: the few functions of 5.4 that we use */

/* Each adds its functions to the module table on top of the stack, and registers its metatables. */
void open_type(lua_State *L);       /* type_name, type_number */
void open_rdata(lua_State *L);      /* parse_record, record_metatables, value_metatables */
void open_name(lua_State *L);       /* canonical_name, idna_to_ascii, idna_to_unicode */
void open_srv(lua_State *L);        /* order_srv */
void open_answer(lua_State *L);     /* nothing */
void open_error(lua_State *L);      /* new_error */
void open_settings(lua_State *L);   /* check_settings */
void open_resolver(lua_State *L);   /* new_resolver */
void open_route(lua_State *L);      /* has_route */
void open_trust(lua_State *L);      /* publish_file, sha256 */
void open_timers(lua_State *L);     /* new_timers */
void open_turns_type(lua_State *L); /* new_turns */
void open_holders(lua_State *L);    /* nothing */

/* Any allocation of Lua's may run a finalizer, which may flush, reconfigure or close what C is reading. So what Lua values are made of is held by a
 * userdata on the stack meanwhile. Each pushes one that is empty. */
struct held_answer {
	struct answer *answer; /* one reference */
	uint32_t ttl;
};
struct held_answers {
	size_t room, count;
	struct held_answer items[];
};
struct held_answers *new_held_answers(lua_State *L, size_t room);
bool hold_in(struct held_answers *held, const struct answer *answer, uint32_t ttl); /* takes a reference of its own; false when it is full */
void release_held_answers(struct held_answers *held);

struct upstream_config;
struct held_settings { /* references, or NULL */
	struct settings *settings;
	struct upstream_config *config;
};
struct held_settings *new_held_settings(lua_State *L);

/* The uservalue of the resolver at index 1 is a table: the resolver itself, a spare struct held_answers, then the callbacks. */
enum { RESOLVER_ITSELF = 1, SPARE_HELD = 2, FIRST_CALLBACKS = 3 };
/* That of timers has callbacks alone. */
void keep_callback(lua_State *L, uint32_t slot, int callback); /* the one at that index, or nil; may run finalizers */
void take_callback(lua_State *L, uint32_t slot);               /* pushes the one of that slot, and forgets it */

struct resolver_counters;
void push_counters(lua_State *L, const struct resolver_counters *counters);

/* Registers the metatable of a type of userdata; methods, and collect, its __gc, may be NULL. */
void create_type(lua_State *L, const char *name, const luaL_Reg *methods, lua_CFunction collect);

/* Each sets a field of the table on top of the stack; a text of NULL leaves it as it is. An integer has 53 bits at most. */
void set_integer(lua_State *L, const char *field, uint64_t integer);
void set_number(lua_State *L, const char *field, double number);
void set_flag(lua_State *L, const char *field, bool flag);
void set_text(lua_State *L, const char *field, const char *text);
/* Adds the text of field of the table at index 1, then the separator. Nothing for what is no text: tables are open to their users. */
void add_field(lua_State *L, luaL_Buffer *buffer, const char *field, const char *separator);

void push_type_name(lua_State *L, uint16_t type); /* "TYPE65280" for one without a name */
uint16_t check_type_number(lua_State *L, int index);

/* Pushes one record: a table with the field of its type ("srv", "a", ...), or "raw". Its metatable is core.record_metatables[type]: { field =,
 * __index = { type =, class = } }; that of a value with fields of its own is core.value_metatables[field]. xmppdns.record_text gives both
 * their text. Pushes nil when the bytes are no such record. */
void push_record(lua_State *L, uint16_t type, const uint8_t *rdata, size_t size);
void push_value(lua_State *L, uint16_t type, const uint8_t *rdata, size_t size); /* the value of that field alone; or nil */

/* Pushes an answer of OUTCOME_ANSWERED as the table of the design's section 4. Its fields are its own where it differs from most answers; the
 * others come from its metatable, and pairs does not show them. */
void push_answer(lua_State *L, const struct answer *answer, uint32_t ttl, bool from_cache);

/* The same bare, for who asks thousands of questions and knows them: an array of values (see push_value) with its ttl, and its canonname if it has one. What
 * else an answer has, but for the question, comes from the metatable. */
void push_bare_answer(lua_State *L, const struct answer *answer, uint32_t ttl, bool from_cache, bool stale);

/* Pushes the error table: code, text, qname, qtype (number), type (text), attempts; qname may be NULL.
 * text NULL: what the outcome says by itself. What is not printable in text becomes \DDD. */
void push_error(lua_State *L, enum outcome outcome, const char *text, const char *qname, uint16_t qtype, unsigned attempts);
/* The same for the name at index: what is wrong with it, or that memory ran out. */
void push_name_error(lua_State *L, enum name_problem problem, int index, uint16_t qtype);
/* The same for "config", "unavailable" and what else has no outcome of its own. */
void push_coded_error(lua_State *L, const char *code, const char *text);

/* Settings from the table at index, as far as check_settings checks them: one reference, the caller's, or NULL with the message filled in. Raises
 * only for a non-table. */
struct settings *read_settings(lua_State *L, int index, struct problem *problem);
/* The effective settings and what was read from the machine, as one table. Both held by the caller. */
void push_settings(lua_State *L, const struct settings *settings, const struct upstream_config *config);

#endif
