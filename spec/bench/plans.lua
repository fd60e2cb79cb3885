-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- Connection plans in bulk, ours and stock Prosody's, in one shape: start(domain, callback) and step(), which waits until something has happened.

local automatic = require "xmppdns.resolver".AUTOMATIC;
local ours = require "spec.bench.ours";
local stock = require "spec.bench.stock";
local new_plan = require "xmppdns.plan.plan".new;
local PORT = require "spec.bench.zones".PORT;

local plans = {};

local PATIENCE = 100; -- seconds: all of a storm's plans begin at once, and stock's have no deadline

-- callback(endpoint or nil, error): one for all domains, that what waits is ours. on_process: as ours.watch has it.
function plans.ours(setup, on_process)
	local resolver, server = ours.new(setup, { plan_timeout = PATIENCE }), stock.server();
	ours.watch(server, resolver, on_process);
	local function start(domain, callback)
		assert(new_plan(resolver, domain, nil, automatic)):next(callback);
	end
	return {
		resolver = resolver, start = start, step = function () server.loop(true); end;
		ask = function (name, rdtype, callback) resolver:query(name, rdtype, callback); end;
	};
end

function plans.stock(setup)
	local unbound, server = stock.unbound(setup), stock.server();
	local function start(domain, callback)
		local resolver = stock.new_connection_resolver(domain);
		resolver:next(function (_, address)
			callback(address, resolver.last_error);
		end);
	end
	return {
		start = start, step = function () server.loop(true); end;
		ask = function (name, rdtype, callback) unbound.lookup(callback, name, rdtype, "IN"); end;
	};
end

-- Starts all domains (or whatever else start takes), so many at once, and waits for their first endpoints; raises when one has none.
function plans.run(planner, domains, at_once)
	local started, ended, failures, failure = 0, 0, 0, nil;
	local function on_end(found, err)
		ended = ended + 1;
		if not found then failures, failure = failures + 1, failure or tostring(err and err.text or err); end
	end
	while ended < #domains do
		while started < #domains and started - ended < at_once do
			started = started + 1;
			planner.start(domains[started], on_end);
		end
		if ended < started then planner.step(); end
	end
	if failure then error(("%d of %d plans failed, the first: %s"):format(failures, #domains, failure), 0); end
end

function plans.domains(count, first)
	local domains = {};
	for i = 1, count do domains[i] = ("d%d.bench"):format((first or 1) + i - 1); end
	return domains;
end

-- The questions of our plans for these domains, one after the other: a list of { name, number }.
function plans.questions(domains)
	local questions = {};
	local function add(name, number)
		questions[#questions + 1] = { name = name, number = number };
	end
	add(".", 48);
	add("bench", 43);
	add("bench", 48);
	for _, domain in ipairs(domains) do
		local target = "xmpp." .. domain;
		add(domain, 43);
		add(domain, 48);
		add("_xmpps-server._tcp." .. domain, 33);
		add("_xmpp-server._tcp." .. domain, 33);
		for _, host in ipairs({ domain, target }) do
			add(host, 28);
			add(host, 1);
		end
		add(("_%d._tcp.%s"):format(PORT, target), 52);
	end
	return questions;
end

-- The seconds that they take in libunbound alone, in thread mode.
function plans.time_questions(setup, questions)
	local raw = require "bench.raw";
	local names, types = {}, {};
	for i, question in ipairs(questions) do
		names[i], types[i] = question.name, question.number;
	end
	local seconds, _, failed = raw.ask(raw.new("thread", setup.forward, setup.anchors), names, types, 100, 1);
	assert(failed == 0, "raw libunbound failed");
	return seconds;
end

return plans;
