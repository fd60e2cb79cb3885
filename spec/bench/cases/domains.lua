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
	local packets, heap, cpu = upstream.count(setup), collectgarbage("count"), clock.thread();
	plans.run(planner, domains, AT_ONCE);
	result.garbage = (collectgarbage("count") - heap) / #domains; -- where it is not collected
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

function sides.stock(setup)
	local planner, domains = plans.stock(setup), plans.domains(setup.domains);
	plans.run(planner, domains, AT_ONCE);
	return ask_again(setup, planner, domains, {});
end

-- The same lookups without plans, in a heap as large as an idle Prosody's: the longest pause is one step of the collector, which any other work in
-- that process would meet too.
function sides.collector(setup)
	local questions, longest, kept = plans.questions(plans.domains(setup.domains)), 0, {};
	while collectgarbage("count") < PROSODY_HEAP do
		kept[#kept + 1] = { name = "d" .. #kept, {}, {} };
	end
	local planner = plans.ours(setup, function (seconds) longest = math.max(longest, seconds); end);
	function planner.start(question, callback) planner.ask(question.name, question.number, callback); end
	plans.run(planner, questions, AT_ONCE);
	return { pause = longest * 1e3, kept = #kept };
end

-- What they cost in libunbound alone.
function sides.crypto(setup)
	return { total = plans.time_questions(setup, plans.questions(plans.domains(setup.domains))) };
end

return {
	needs_forwarder = true;
	sides = sides, order = { "ours", "uncollected", "collector", "crypto", "stock" };
	rows = {
		goals.limit("domains asked again: upstream packets", "ours.packets", "stock.packets", "packets", 0);
		goals.limit("domains asked again: server-thread CPU", "ours.cpu", "stock.cpu", "ms", 0.15);
		goals.shown("the same without Lua's collector", "uncollected.cpu", "ours.cpu", "ms");
		goals.limit("the same: left for Lua's collector", "uncollected.garbage", nil, "KB", 5);
		goals.shown("storm of domains: longest pause; without Lua's collector", "ours.pause", "uncollected.pause", "ms");
		goals.within("the same: its lookups without plans, in a heap of 10 MB", "ours.pause", "collector.pause", "ms", 1.5);
		goals.pause("the same without Lua's collector", "uncollected.pause", nil, 5);
		goals.within("storm of domains: what its lookups cost alone", "ours.total", "crypto.total", "s", 1.05);
	};
};
