-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- Thousands of domains: planned at once by ours (stock Prosody gets 50 at a time), and all of them again.

local clock = require "bench.clock";
local goals = require "spec.bench.goals";
local ours = require "spec.bench.ours";
local plans = require "spec.bench.plans";
local upstream = require "spec.bench.upstream";

local AT_ONCE = 50;
local PROSODY_HEAP = 10000; -- KB

local sides = {};

local function ask_again(setup, planner, domains, result)
	local packets, cpu = upstream.count(setup), clock.thread();
	plans.run(planner, domains, AT_ONCE);
	result.cpu = (clock.thread() - cpu) / #domains * 1e3;
	result.packets = upstream.count(setup) - packets;
	return result;
end

function sides.ours(setup)
	local longest = 0;
	local function note(seconds)
		if seconds > longest then longest = seconds; end
	end
	local planner, domains = plans.ours(setup, note), plans.domains(setup.domains);
	local start = planner.start;
	function planner.start(...)
		note(ours.time(start, ...));
	end
	local started = clock.monotonic();
	plans.run(planner, domains, #domains);
	local result = { total = clock.monotonic() - started, pause = longest * 1e3 };
	return ask_again(setup, planner, domains, result);
end

-- The storm without Lua's collector, which with Prosody's parameters goes through the whole heap in one step: what is left is ours.
function sides.uncollected(setup)
	collectgarbage("stop");
	return sides.ours(setup);
end

-- The collector's own longest step in a heap as small as an idle Prosody's, and nothing else: any stanza pauses the server as long.
function sides.collector()
	local longest, kept = 0, {};
	while collectgarbage("count") < PROSODY_HEAP do
		kept[#kept + 1] = { name = "d" .. #kept, {}, {} };
	end
	for i = 1, #kept do
		local spent = ours.time(function () return { tostring(i), {}, {} }; end);
		if spent > longest then longest = spent; end
	end
	return { pause = longest * 1e3 };
end

function sides.stock(setup)
	local planner, domains = plans.stock(setup), plans.domains(setup.domains);
	plans.run(planner, domains, AT_ONCE);
	return ask_again(setup, planner, domains, {});
end

-- What the questions of our plans cost in libunbound alone.
function sides.crypto(setup)
	local raw = require "bench.raw";
	local names, types = {}, {};
	local function add(name, number)
		names[#names + 1], types[#types + 1] = name, number;
	end
	for i, domain in ipairs(plans.domains(setup.domains)) do
		local target = "xmpp." .. domain;
		if i == 1 then
			add(".", 48);
			add("bench", 43);
			add("bench", 48);
		end
		add(domain, 43);
		add(domain, 48);
		add("_xmpps-server._tcp." .. domain, 33);
		add("_xmpp-server._tcp." .. domain, 33);
		for _, host in ipairs({ domain, target }) do
			add(host, 28);
			add(host, 1);
		end
		if pcall(require, "xmppdns.dane") then add("_5269._tcp." .. target, 52); end
	end
	local seconds, _, failed = raw.ask(raw.new("thread", setup.forward, setup.anchors), names, types, 100, 1);
	assert(failed == 0, "raw libunbound failed");
	return { total = seconds };
end

return {
	needs_forwarder = true;
	sides = sides, order = { "ours", "uncollected", "collector", "crypto", "stock" };
	rows = {
		goals.limit("domains asked again: upstream packets", "ours.packets", "stock.packets", "packets", 0);
		goals.limit("domains asked again: server-thread CPU", "ours.cpu", "stock.cpu", "ms", 0.15);
		goals.limit("storm of domains: longest pause of the loop", "ours.pause", "collector.pause", "ms", 5);
		goals.limit("the same without Lua's collector", "uncollected.pause", nil, "ms", 5);
		goals.within("storm of domains: what its lookups cost alone", "ours.total", "crypto.total", "s", 1.05);
	};
};
