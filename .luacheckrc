-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- The library runs on Lua 5.1 to 5.4 and LuaJIT: only what all of them have, and the two places where unpack lives.
std = "min";
max_line_length = 160;
read_globals = { "unpack", table = { fields = { "unpack" } } };

files["mod_xmppdns/mod_xmppdns.lua"] = { globals = { "module", "prosody" } };
files["spec"] = { std = "+busted" };
