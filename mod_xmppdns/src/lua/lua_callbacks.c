/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* The callbacks of a resolver's lookups, or of timers, by slot, in pages: one large table would grow, and be walked by the collector, in one go. */
#include "lua_core.h"

enum { PAGE = 256 }; /* PAGE_SIZE is a macro of musl's */

/* Pushes the page, or nil, and the table of pages below it. */
static void push_pages(lua_State *L, int page)
{
	lua_getuservalue(L, 1);
	lua_rawgeti(L, -1, page);
}

/* Leaves the table of pages with that page made. */
static void make_page(lua_State *L, int page)
{
	lua_createtable(L, PAGE, 0);
	push_pages(L, page); /* not before: a finalizer that submits may have made it while the table was created */
	if (lua_isnil(L, -1)) {
		lua_pushvalue(L, -3);
		lua_rawseti(L, -3, page);
	}
	lua_pop(L, 3);
}

static void push_page(lua_State *L, uint32_t slot)
{
	int page = (int)(slot / PAGE) + FIRST_CALLBACKS;
	push_pages(L, page);
	if (lua_isnil(L, -1)) {
		make_page(L, page);
		lua_rawgeti(L, -2, page);
		lua_replace(L, -2);
	}
	lua_remove(L, -2);
}

void keep_callback(lua_State *L, uint32_t slot, int callback)
{
	push_page(L, slot);
	lua_pushvalue(L, callback);
	lua_rawseti(L, -2, (int)(slot % PAGE) + 1);
	lua_pop(L, 1);
}

void take_callback(lua_State *L, uint32_t slot)
{
	int place = (int)(slot % PAGE) + 1;
	push_page(L, slot);
	lua_rawgeti(L, -1, place);
	lua_pushnil(L);
	lua_rawseti(L, -3, place);
	lua_remove(L, -2);
}
