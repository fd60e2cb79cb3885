-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- From nothing to the first validated answer.

local clock = require "bench.clock";
local goals = require "spec.bench.goals";
local ours = require "spec.bench.ours";
local stock = require "spec.bench.stock";
local work = require "spec.bench.work";

local TIMES = 10;

-- The median of some starts, in milliseconds.
local function measure(start)
	local times = {};
	for i = 1, TIMES do
		local started = clock.monotonic();
		start(work.names(1, i));
		times[i] = (clock.monotonic() - started) * 1e3;
	end
	table.sort(times);
	return { time = times[TIMES / 2] };
end

local sides = {};

function sides.ours(setup)
	return measure(function (names)
		local resolver = ours.new(setup);
		work.ask_all(names, 1, function (name, callback) resolver:query(name, "SRV", callback); end, function () resolver:wait(); end);
	end);
end

function sides.thread(setup)
	local raw = require "bench.raw";
	return measure(function (names)
		local _, _, failed = raw.ask(raw.new("thread", setup.forward, setup.anchors), names, work.types(1), 1, 1);
		assert(failed == 0, "raw libunbound failed");
	end);
end

function sides.unbound(setup)
	local unbound, server = stock.unbound(setup), stock.server();
	return measure(function (names)
		unbound.dns.purge();
		work.ask_all(names, 1, function (name, callback) unbound.lookup(callback, name, "SRV", "IN"); end, function () server.loop(true); end);
	end);
end

return {
	sides = sides, order = { "ours", "thread", "unbound" };
	rows = {
		goals.within("start to first validated answer: thread mode", "ours.time", "thread.time", "ms", 1.2);
		goals.within("start to first validated answer: net.unbound", "ours.time", "unbound.time", "ms", 1.2);
	};
};
