-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- Our resolver for the benchmarks, at its defaults but for where to ask and whom to trust.

local clock = require "bench.clock";
local xmppdns = require "xmppdns";

local ours = {};

function ours.new(setup, more)
	local settings = { forward = setup.forward, trustfile = setup.anchors, resolvconf = false, cache_file = setup.cache_file };
	for key, value in pairs(more or {}) do settings[key] = value; end
	return assert(xmppdns.new(settings));
end

-- Calls f(...) and gives the seconds that took, without those for which others' load kept us from a processor.
function ours.time(f, ...)
	local waited, started = clock.kept_waiting(), clock.monotonic();
	f(...);
	local spent = clock.monotonic() - started;
	return math.max(0, spent - (clock.kept_waiting() - waited));
end

-- The resolver in Prosody's loop, as the plugin has it. on_process(seconds), if given, is told how long each call took.
function ours.watch(server, resolver, on_process)
	return server.watchfd(resolver:getfd(), function ()
		if not on_process then return resolver:process(); end
		on_process(ours.time(resolver.process, resolver));
	end);
end

return ours;
