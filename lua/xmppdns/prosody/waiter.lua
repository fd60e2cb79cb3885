-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- How xmppdns.await waits in threads of Prosody's util.async, whose runners take a thread that just yields for dead.

local from_prosody = require "xmppdns.prosody.modules";
local async = from_prosody "util.async";

-- A runner's thread begins with the runner as its first argument.
local function is_of_runner(thread)
	local level = 0;
	while debug.getinfo(thread, level + 1, "l") do level = level + 1; end
	local _, runner = debug.getlocal(thread, level, 1);
	return type(runner) == "table" and runner.thread == thread;
end

-- Other modules' own coroutines wait as anywhere. Gives a function that puts things back.
local function install(xmppdns)
	local stock = xmppdns.new_waiter;
	function xmppdns.new_waiter(thread)
		if is_of_runner(thread) then return async.waiter(); end
		return stock(thread);
	end
	return function () xmppdns.new_waiter = stock; end;
end

return { install = install };
