-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- What this process has: its threads and descriptors. Deleted contexts give theirs back a little later, each from its own thread.

local process = require "spec.support.process";
local socket = require "socket";

local held = {};

-- The number of entries in that directory of /proc, its listing's pipe included. (process.run has a shell between us and the command.)
local function count(directory)
	local listing = io.popen("ls /proc/$PPID/" .. directory .. " | wc -l");
	local number = tonumber(listing:read("*a"));
	listing:close();
	return number;
end

-- { threads = 2, descriptors = 10 }, now.
function held.now()
	return { threads = count("task"), descriptors = count("fd") };
end

local function is_held(expected)
	local now = held.now();
	for what, number in pairs(expected) do
		if now[what] ~= number then return false; end
	end
	return true;
end

-- The same, once nothing that was dropped before is given back any more.
function held.settled()
	for _ = 1, 5 do collectgarbage(); end
	local before;
	repeat
		before = held.now();
		socket.sleep(1);
	until is_held(before);
	return before;
end

-- True once it has just that, of which one may be left out; nil when it has not in the time of process.wait_until.
function held.becomes(expected)
	return process.wait_until(function () return is_held(expected); end);
end

return held;
