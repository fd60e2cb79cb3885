-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- The way to the first endpoint of signed domains, one after the other, every DNS answer 40 to 60 ms late, in whatever order that makes. The keys of
-- the zones above them are known.

local clock = require "bench.clock";
local goals = require "spec.bench.goals";
local plans = require "spec.bench.plans";
local upstream = require "spec.bench.upstream";

local DELAY, JITTER = 50, 10; -- ms
local COUNT, FIRST, BARE = 200, 1001, 40; -- domains

local function ask_and_wait(planner, name, rdtype)
	local is_done;
	planner.ask(name, rdtype, function () is_done = true; end);
	while not is_done do planner.step(); end
end

local function time_trips(planner, domain)
	local started = clock.monotonic();
	plans.run(planner, { domain }, 1);
	return (clock.monotonic() - started) * 1e3 / DELAY;
end

-- The median, and what nine of ten do not exceed.
local function time_all(planner, domains)
	local trips = {};
	for i, domain in ipairs(domains) do trips[i] = time_trips(planner, domain); end
	table.sort(trips);
	return trips[#trips // 2], trips[#trips * 9 // 10];
end

local function list_bare()
	local domains = {};
	for i = 1, BARE do domains[i] = ("bare%d.bench"):format(i); end
	return domains;
end

local function measure_plans(planner, setup)
	local result = {};
	ask_and_wait(planner, "d1.bench", "DNSKEY");
	local before = upstream.count(setup);
	result.median, result.most = time_all(planner, plans.domains(COUNT, FIRST));
	ask_and_wait(planner, ".", "NS"); -- until packets that nobody waits for are out, too
	result.packets = (upstream.count(setup) - before - 1) / COUNT;
	result.bare, result.mostbare = time_all(planner, list_bare());
	return result;
end

local function measure(make_planner)
	return function (setup)
		upstream.set_delay(setup, DELAY, JITTER);
		local ok, result = pcall(function () return measure_plans(make_planner(setup), setup); end);
		upstream.set_delay(setup, 0);
		return ok and result or error(result, 0);
	end
end

return {
	needs_forwarder = true;
	order = { "ours", "stock" }, seconds = 85;
	sides = { ours = measure(plans.ours), stock = measure(plans.stock) };
	rows = { -- of four answers that take one trip each, a fifth more or less, the last one takes 1.1 in the median
		goals.limit("plan, jitter, SRV: median", "ours.median", "stock.median", "trips", 2.2);
		goals.limit("plan, jitter, SRV: nine of ten", "ours.most", "stock.most", "trips", 2.5);
		goals.limit("plan, jitter, no SRV: median", "ours.bare", "stock.bare", "trips", 1.3);
		goals.limit("plan, jitter, no SRV: nine of ten", "ours.mostbare", "stock.mostbare", "trips", 1.5);
		goals.more("plan, jitter, SRV: upstream packets per plan", "ours.packets", "stock.packets", "packets", 2);
	};
};
