-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- A resolver that many servers share: what a lookup costs that it knows already, with its verdict trusted, and validated here once more.

local clock = require "bench.clock";
local goals = require "spec.bench.goals";
local ours = require "spec.bench.ours";
local work = require "spec.bench.work";

local COUNT, AT_ONCE = 5000, 100;

-- All threads' processor time counts: the server's and the validating one.
local function measure(settings)
	return function (setup)
		if setup.shared then setup.forward = setup.shared; end
		local function ask_all(resolver)
			local function ask(name, callback) resolver:query(name, "SRV", callback); end
			return work.ask_all(work.names(COUNT), AT_ONCE, ask, function () resolver:wait(); end, settings.dnssec == "off");
		end
		if setup.shared then ask_all(ours.new(setup, settings)); end -- another server has asked before
		local resolver, cpu = ours.new(setup, settings), clock.process();
		local seconds = ask_all(resolver);
		return { time = seconds / COUNT * 1e6, cpu = (clock.process() - cpu) / COUNT * 1e6 };
	end
end

local function directly(setup)
	setup.shared = nil;
	return measure({})(setup);
end

return {
	order = { "validating", "trusting", "direct" };
	sides = { validating = measure({}), trusting = measure({ dnssec = "off" }), direct = directly };
	rows = {
		goals.within("shared resolver, validated here too: asking alone", "validating.time", "direct.time", "us", 1.2);
		goals.shown("the same: processor time, its verdict trusted", "validating.cpu", "trusting.cpu", "us");
	};
};
