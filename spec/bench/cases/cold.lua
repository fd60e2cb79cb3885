-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- Lookups that have to be asked and validated, 100 in flight.

local goals = require "spec.bench.goals";
local ours = require "spec.bench.ours";
local stock = require "spec.bench.stock";
local work = require "spec.bench.work";

local COUNT, AT_ONCE = 5000, 100;

local sides = {};

local function result(seconds, cpu)
	return { time = seconds / COUNT * 1e6, cpu = cpu / COUNT * 1e6 };
end

local function measure(ask, step)
	return result(work.ask_all(work.names(COUNT), AT_ONCE, ask, step));
end

local function measure_ours(setup, settings)
	local resolver = ours.new(setup, settings);
	local function ask(name, callback) resolver:query(name, "SRV", callback); end
	return measure(ask, function () resolver:wait(); end);
end

function sides.ours(setup) return measure_ours(setup); end
function sides.ours2(setup) return measure_ours(setup, { threads = 2 }); end

function sides.loop(setup) -- in Prosody's loop
	local server, resolver = stock.server(), ours.new(setup);
	ours.watch(server, resolver);
	local function ask(name, callback) resolver:query(name, "SRV", callback); end
	return measure(ask, function () server.loop(true); end);
end

function sides.unbound(setup)
	local resolver, server = stock.unbound(setup).resolver(), stock.server();
	local function ask(name, callback) resolver:lookup(callback, name, "SRV", "IN"); end
	return measure(ask, function () server.loop(true); end);
end

local function measure_raw(setup, mode, contexts)
	local raw = require "bench.raw";
	local asker = raw.new(mode, setup.forward, setup.anchors, contexts);
	local seconds, cpu, failed = raw.ask(asker, work.names(COUNT), work.types(COUNT), AT_ONCE, 1);
	assert(failed == 0, "raw libunbound failed");
	return result(seconds, cpu);
end

function sides.thread(setup) return measure_raw(setup, "thread"); end
function sides.thread2(setup) return measure_raw(setup, "thread", 2); end
function sides.event(setup) return measure_raw(setup, "event"); end

return {
	sides = sides, order = { "ours", "thread", "ours2", "thread2", "event", "loop", "unbound" };
	rows = {
		goals.faster("cold, 5,000 signed: thread mode", "ours.time", "thread.time", "us", 0.97);
		goals.shown("cold, threads = 2: thread mode with one", "ours2.time", "thread.time", "us");
		goals.faster("cold, threads = 2: thread mode with two", "ours2.time", "thread2.time", "us", 0.97);
		goals.shown("cold: event API (no thread)", "ours.time", "event.time", "us");
		goals.faster("cold: net.unbound", "loop.time", "unbound.time", "us", 1);
		goals.within("server-thread CPU per cold lookup: net.unbound", "loop.cpu", "unbound.cpu", "us", 0.5);
	};
};
