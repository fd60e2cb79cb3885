-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- Finalizers that run again and again while something else does: at any allocation of Lua's, as those of a program may.

local AT_ONCE = 20; -- a round takes long in a large heap

local finalizers = {};

-- Leaves garbage behind whose finalizer calls f. newproxy: Lua 5.1 and LuaJIT, whose tables have none.
local function leave_garbage(f)
	if newproxy then -- luacheck: ignore 113/newproxy
		getmetatable(newproxy(true)).__gc = f; -- luacheck: ignore 113/newproxy
	else
		setmetatable({}, { __gc = f });
	end
end

-- The collector takes a large step at every allocation, until what this gives is called.
local function never_rest()
	local pause, multiplier = collectgarbage("setpause", 0), collectgarbage("setstepmul", 1000);
	local function set(step)
		if _VERSION == "Lua 5.4" then collectgarbage("incremental", 0, 0, step); end
	end
	set(1); -- of two bytes
	return function ()
		collectgarbage("setpause", pause);
		collectgarbage("setstepmul", multiplier);
		set(13); -- Lua's default
	end;
end

-- Calls body with a collector that goes round at almost every allocation and runs action each time, though never inside itself. Gives what body
-- gave or raised, as pcall does, and how often action ran; raises what action raised.
function finalizers.during(body, action)
	local runs, is_active, is_running, problem = 0, true, false, nil;
	local function finalize()
		if not is_active then return; end
		if not is_running then
			is_running, runs = true, runs + 1;
			local ok, err = pcall(action, runs);
			problem = problem or not ok and tostring(err) or nil;
			is_running = false;
		end
		leave_garbage(finalize);
	end
	local rest = never_rest();
	collectgarbage(); -- it works by what its last round found
	for _ = 1, AT_ONCE do leave_garbage(finalize); end
	local ok, result = pcall(body);
	is_active = false;
	rest();
	if problem then error(problem, 0); end
	return ok, result, runs;
end

return finalizers;
