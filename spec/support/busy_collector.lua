-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- A helper for busted: Lua's collector never rests. It takes a step at every allocation, and collects everything after some instructions, in
-- coroutines too: what C keeps a pointer to, and Lua does not see, is soon gone.

local INSTRUCTIONS = 10000;

if _VERSION == "Lua 5.4" then
	collectgarbage("incremental", 1, 1000, 1); -- in steps of two bytes
else
	collectgarbage("setpause", 0);
	collectgarbage("setstepmul", 1000);
end

local function collect()
	collectgarbage();
end

local create = coroutine.create;
function coroutine.create(f) -- luacheck: ignore 122
	local thread = create(f);
	debug.sethook(thread, collect, "", INSTRUCTIONS);
	return thread;
end

debug.sethook(collect, "", INSTRUCTIONS);
