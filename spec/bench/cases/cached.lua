-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- Answers that are known already, callbacks included.

local clock = require "bench.clock";
local goals = require "spec.bench.goals";
local ours = require "spec.bench.ours";
local stock = require "spec.bench.stock";
local work = require "spec.bench.work";

local FEW, MANY, TURNS = 10, 10000, 6;
local BARE = { bare = true };

local sides = {};

-- counts: lookups in one turn.
local function list_measurements(ask, step, counts)
	local measurements = {};
	local function add(kind, names, at_once)
		work.ask_all(names, at_once, ask, step);
		measurements[kind] = function (turn)
			return work.time_lookups(names, counts[kind], ask, step, (turn - 1) * counts[kind]);
		end;
	end
	add("few", work.names(FEW), FEW);
	if counts.many then add("many", work.names(MANY), 100); end
	return measurements;
end

local function measure(ask, step, counts)
	return work.fastest(TURNS, list_measurements(ask, step, counts));
end

-- Microseconds for the tables of an answer alone, of so many answers round and round.
local function time_tables(answers, count)
	local build_answer = clock.build_answer;
	local started = clock.monotonic();
	for i = 0, count - 1 do build_answer(i % answers + 1); end
	return (clock.monotonic() - started) / count * 1e6;
end

-- What answers cost that are never made twice: their tables are kept, and given out again. Nobody does that: whoever writes into one would change
-- it for all, and each round of Lua's collector goes through all of them.
local function measure_kept(resolver, result)
	local kept, names = {}, work.names(MANY);
	collectgarbage();
	local started = clock.monotonic();
	collectgarbage();
	result.round = (clock.monotonic() - started) * 1e3;
	for _, name in ipairs(names) do kept[name] = resolver:peek(name, "SRV"); end
	local function ask_kept(name, callback)
		if resolver:knows(name, "SRV") then callback(kept[name]); end
	end
	collectgarbage();
	result.kept = work.time_lookups(names, 20000, ask_kept, nil, 0);
	started = clock.monotonic();
	collectgarbage();
	result.keptround = (clock.monotonic() - started) * 1e3;
end

-- The tables in the process of the answers: what Lua's collector takes for them depends on its heap.
function sides.ours(setup)
	local resolver = ours.new(setup);
	for i, name in ipairs(work.names(MANY)) do
		clock.keep_answer(i, name, ("xmpp%d.n%d.names.bench"):format(i, i), ("backup%d.n%d.names.bench"):format(i, i));
	end
	local function ask(name, callback) resolver:query(name, "SRV", callback); end
	local measurements = list_measurements(ask, function () resolver:wait(); end, { few = 50000, many = 20000 });
	function measurements.tables() return time_tables(FEW, 50000); end
	function measurements.tablesmany() return time_tables(MANY, 20000); end
	local function ask_bare(name, callback) resolver:query(name, "SRV", callback, BARE); end
	function measurements.bare(turn) return work.time_lookups(work.names(MANY), 20000, ask_bare, nil, (turn - 1) * 20000); end
	local result = work.fastest(TURNS, measurements);
	measure_kept(resolver, result);
	return result;
end

function sides.unbound(setup)
	local unbound, server = stock.unbound(setup), stock.server();
	local resolver = unbound.resolver();
	local function ask(name, callback) resolver:lookup(callback, name, "SRV", "IN"); end
	return measure(ask, function () server.loop(true); end, { few = 2000, many = 400 });
end

function sides.adns(setup)
	stock.server();
	local resolver = ours.new(setup);
	local face = require "xmppdns.prosody.adns".new(function () return resolver; end).resolver();
	local function ask(name, callback) face:lookup(callback, name, "SRV", "IN"); end
	return measure(ask, function () resolver:wait(); end, { few = 20000 });
end

function sides.legacy(setup)
	local resolver, server = assert(stock.legacy(setup), "net.dns asks port 53 only, which cannot be served here"), stock.server();
	local function ask(name, callback) resolver:lookup(callback, name, "SRV", "IN"); end
	return measure(ask, function () server.loop(true); end, { few = 20000 });
end

local function measure_raw(setup, mode, count)
	local raw = require "bench.raw";
	local asker, names, types = raw.new(mode, setup.forward, setup.anchors), work.names(FEW), work.types(FEW);
	raw.ask(asker, names, types, FEW, 1);
	return work.fastest(TURNS, { few = function ()
		local seconds, _, failed = raw.ask(asker, names, types, 1, count / FEW);
		assert(failed == 0, "raw libunbound failed");
		return seconds / count * 1e6;
	end });
end

function sides.event(setup) return measure_raw(setup, "event", 20000); end
function sides.thread(setup) return measure_raw(setup, "thread", 2000); end

return {
	sides = sides, order = { "ours", "unbound", "adns", "legacy", "event", "thread" };
	rows = {
		goals.faster("cached, 10 names: net.unbound", "ours.few", "unbound.few", "us", 12);
		goals.within("cached, 10 names: tables alone", "ours.few", "ours.tables", "us", 1.5);
		goals.shown("cached, 10 names: event API, as bytes", "ours.few", "event.few", "us");
		goals.faster("cached, 10 names: event API, and the tables", "ours.few", "event.few + ours.tables", "us", 1);
		goals.faster("cached, 10 names: thread mode", "ours.few", "thread.few", "us", 1);
		goals.faster("cached, 10,000 names: net.unbound", "ours.many", "unbound.many", "us", 40);
		goals.within("cached, 10,000 names: tables alone", "ours.many", "ours.tablesmany", "us", 1.5);
		goals.within("the same, bare, as plans ask: with all tables", "ours.bare", "ours.many", "us", 1);
		goals.shown("were all 10,000 kept as tables: net.unbound", "ours.kept", "unbound.many", "us");
		goals.shown("the same: a round of Lua's collector; without", "ours.keptround", "ours.round", "ms");
		goals.shown("the tables alone, 10,000 names: net.unbound", "ours.tablesmany", "unbound.many", "us");
		goals.within("cached, 10,000 names: ours at 10", "ours.many", "ours.few", "us", 1.3);
		goals.faster("net.adns face, cached: net.unbound", "adns.few", "unbound.few", "us", 8);
		goals.faster("net.adns face, cached: net.dns", "adns.few", "legacy.few", "us", 1);
	};
};
