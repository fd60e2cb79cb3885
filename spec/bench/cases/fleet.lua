-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- A resolver that many servers share: what a lookup costs that it knows already, with its verdict trusted, and validated here once more; and four
-- servers at once that plan the same domains, each in another order.

local clock = require "bench.clock";
local goals = require "spec.bench.goals";
local json = require "dkjson";
local ours = require "spec.bench.ours";
local plans = require "spec.bench.plans";
local process = require "spec.support.process";
local unbound = require "spec.support.unbound";
local work = require "spec.bench.work";

local COUNT, AT_ONCE = 5000, 100;
local DOMAINS, PLANS_AT_ONCE = 1000, 50;
local RATE = 10; -- domains a second, of a server
local SERVER = "exec %s spec/bench/measure.lua fleet server '%s'";

-- Starts an unbound that validates what it gets, and whose cache is empty; setup's lookups go there from now on. Gives its process.
local function start_shared(setup)
	local address = process.free_address();
	local port = process.free_port(address);
	local lines = "\tinterface: %s@%d\n\ttrust-anchor-file: %q\n\tmsg-cache-size: 64m\n\trrset-cache-size: 64m\n";
	local server = unbound.start(lines:format(address, port, setup.anchors), address, port, process.directory("shared"), setup.forward);
	setup.forward, setup.direct = ("%s@%d"):format(address, port), nil;
	return server;
end

local function ask_all(resolver, settings)
	local function ask(name, callback) resolver:query(name, "SRV", callback); end
	return work.ask_all(work.names(COUNT), AT_ONCE, ask, function () resolver:wait(); end, settings.dnssec == "off");
end

-- All threads' processor time counts: the server's and the validating one.
local function measure(setup, settings)
	local resolver, cpu = ours.new(setup, settings), clock.process();
	local seconds = ask_all(resolver, settings);
	return { time = seconds / COUNT * 1e6, cpu = (clock.process() - cpu) / COUNT * 1e6 };
end

-- What another server has asked before.
local function measure_known(settings)
	return function (setup)
		start_shared(setup);
		ask_all(ours.new(setup, settings), settings);
		return measure(setup, settings);
	end
end

local sides = { validating = measure_known({}), trusting = measure_known({ dnssec = "off" }) };

function sides.direct(setup) return measure(setup, {}); end

-- One of the servers at once, in a process of its own; setup.first: the domain to begin with.
function sides.server(setup)
	local domains = plans.domains(DOMAINS - setup.first + 1, setup.first);
	for _, domain in ipairs(plans.domains(setup.first - 1)) do domains[#domains + 1] = domain; end
	local planner, started = plans.ours(setup), clock.monotonic();
	plans.run(planner, domains, PLANS_AT_ONCE);
	return { started = started, ended = clock.monotonic() };
end

-- time, cpu: milliseconds for a domain, of all of them together, and of the resolver's processor. servers: so many could share it if that were all it has.
local function measure_servers(count)
	return function (setup)
		local shared, running, started, ended = start_shared(setup), {}, math.huge, 0;
		for i = 1, count do
			setup.first = (i - 1) * DOMAINS / count + 1;
			running[i] = io.popen(SERVER:format(os.getenv("LUA"), json.encode(setup)));
		end
		local cpu = shared:cpu();
		for _, server in ipairs(running) do
			local result = json.decode(server:read("*a"));
			server:close();
			assert(not result.error, result.error);
			started, ended = math.min(started, result.started), math.max(ended, result.ended);
		end
		cpu = shared:cpu() - cpu;
		local each = cpu / (count * DOMAINS);
		return { time = (ended - started) / (count * DOMAINS) * 1e3, cpu = each * 1e3, share = cpu / (ended - started) * 100, servers = 1 / each / RATE };
	end
end

sides.one, sides.four = measure_servers(1), measure_servers(4);

return {
	order = { "validating", "trusting", "direct", "one", "four" };
	sides = sides, seconds = 25;
	rows = {
		goals.within("shared resolver, validated here too: asking alone", "validating.time", "direct.time", "us", 1.2);
		goals.shown("the same: processor time, its verdict trusted", "validating.cpu", "trusting.cpu", "us");
		goals.faster("shared by four at once, a domain: one server alone", "four.time", "one.time", "ms", 1);
		goals.within("the same: the resolver's processor time", "four.cpu", "one.cpu", "ms", 0.5);
		goals.shown("the same: its share of a processor", "four.share", "one.share", "%");
		goals.shown("servers that it carries, 10 domains/s each; all new", "four.servers", "one.servers", "servers");
	};
};
