-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- Thousands of domains, which a process knows that was there before: planned at once by the next one.

local clock = require "bench.clock";
local goals = require "spec.bench.goals";
local ours = require "spec.bench.ours";
local plans = require "spec.bench.plans";
local stock = require "spec.bench.stock";
local upstream = require "spec.bench.upstream";

local AT_ONCE = 50; -- of those that are not known yet
local FILE = "build/bench/kept-answers"; -- which each side needs from the one before it

local function has_file()
	local file = io.open(FILE, "rb");
	if file then file:close(); end
	return file ~= nil;
end

-- With the file in the settings: the result, and a function to call with the seconds that something held the loop.
local function prepare(setup)
	local result = { pause = 0 };
	setup.cache_file = FILE;
	stock.server(); -- which is there in a Prosody
	return result, function (seconds)
		if seconds * 1e3 > result.pause then result.pause = seconds * 1e3; end
	end;
end

-- Without plans.
local function ask(planner, questions, at_once)
	local function start(question, callback) planner.ask(question.name, question.number, callback); end
	plans.run({ start = start, step = planner.step }, questions, at_once);
end

local sides = {};

-- Everything is asked for, and written at the end.
function sides.first(setup)
	os.remove(FILE);
	local result, note = prepare(setup);
	local planner, domains, started = plans.ours(setup, note), plans.domains(setup.domains), clock.monotonic();
	plans.run(planner, domains, AT_ONCE);
	result.total = clock.monotonic() - started;
	ask(planner, plans.questions(domains), AT_ONCE); -- a plan that has found what it wants drops the others
	local cpu = clock.thread();
	plans.run(planner, domains, #domains);
	result.warm = clock.thread() - cpu;
	planner.resolver:close();
	return result;
end

-- The whole of it is read, then written again in the background, while nothing else is to be done.
function sides.file(setup)
	local result, note = prepare(setup);
	local started = clock.monotonic();
	local resolver, learnt = ours.new(setup), 0;
	local function work()
		local is_due = resolver.core:poll(0.2);
		note(ours.time(resolver.process, resolver));
		return is_due;
	end
	repeat
		local is_due = work();
		if resolver:stats().learnt > learnt then
			learnt, result.total = resolver:stats().learnt, clock.monotonic() - started;
		end
	until learnt > 0 and not is_due;
	result.reading, result.pause = result.pause, 0;
	os.remove(FILE);
	resolver.core:flush("nobody.bench"); -- so that it is written soon; libunbound goes on as it is
	repeat work() until has_file();
	resolver:close();
	result.writing = result.pause;
	return result;
end

function sides.again(setup)
	local result, note = prepare(setup);
	local packets, started, cpu = upstream.count(setup), clock.monotonic(), clock.thread();
	local planner, domains = plans.ours(setup, note), plans.domains(setup.domains);
	plans.run(planner, domains, #domains);
	result.total, result.cpu = clock.monotonic() - started, clock.thread() - cpu;
	result.packets = upstream.count(setup) - packets;
	return result;
end

-- The same without Lua's collector, which goes through a heap that grows again and again.
function sides.uncollected(setup)
	collectgarbage("stop");
	return sides.again(setup);
end

local is_key = { [43] = true, [48] = true };

-- The lookups of these plans alone; without keys, which are not kept.
function sides.lookups(setup)
	prepare(setup);
	local started = clock.monotonic();
	local planner, questions = plans.ours(setup), {};
	for _, question in ipairs(plans.questions(plans.domains(setup.domains))) do
		if not is_key[question.number] then questions[#questions + 1] = question; end
	end
	ask(planner, questions, #questions);
	return { total = clock.monotonic() - started };
end

return {
	needs_forwarder = true;
	sides = sides, order = { "first", "file", "again", "uncollected", "lookups" };
	rows = {
		goals.faster("restart, 5,000 signed domains known: their plans", "again.total", "first.total", "s", 24); -- 0.5 s of 12
		goals.limit("the same: upstream packets", "again.packets", nil, "packets", 0);
		goals.shown("the same: thread's CPU; asked again, no restart", "again.cpu", "first.warm", "s");
		goals.shown("the same without Lua's collector", "uncollected.cpu", "again.cpu", "s");
		goals.shown("the same: their lookups alone", "lookups.total", "first.total", "s");
		goals.faster("the same: until the file is read", "file.total", "first.total", "s", 24);
		goals.pause("reading the file: longest pause of the loop", "file.reading", nil, 2);
		goals.pause("writing it in the background: longest pause", "file.writing", nil, 2);
	};
};
