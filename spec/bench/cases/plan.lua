-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- The way to the first endpoint of one domain, every DNS answer 50 ms late: how many round trips, how long, how many packets.

local clock = require "bench.clock";
local goals = require "spec.bench.goals";
local plans = require "spec.bench.plans";
local upstream = require "spec.bench.upstream";

local DELAY, TRIES = 50, 4; -- ms

-- Round trips and milliseconds to the first endpoint.
local function time_plan(planner, domain)
	local started = clock.monotonic();
	plans.run(planner, { domain }, 1);
	local milliseconds = (clock.monotonic() - started) * 1e3;
	return math.floor(milliseconds / DELAY), milliseconds;
end

local function ask_and_wait(planner, name, rdtype)
	local is_done;
	planner.ask(name, rdtype, function () is_done = true; end);
	while not is_done do planner.step(); end
end

-- What the slowest of some domains takes, each new to the resolver: an answer that luck had cached does not count.
local function slowest(planner, kind, first, prepare)
	local trips, milliseconds = 0, 0;
	for i = first, first + TRIES - 1 do
		local domain = kind .. i .. ".bench";
		if prepare then prepare(domain); end
		local these_trips, these_milliseconds = time_plan(planner, domain);
		trips, milliseconds = math.max(trips, these_trips), math.max(milliseconds, these_milliseconds);
	end
	return trips, milliseconds;
end

-- prefix.."trips" and prefix.."time" of the same
local function note(result, prefix, trips, milliseconds)
	result[prefix .. "trips"], result[prefix .. "time"] = trips, milliseconds;
end

local function measure(setup, planner)
	local result = {};
	local function ask_keys(domain) ask_and_wait(planner, domain, "DNSKEY"); end
	upstream.set_delay(setup, DELAY);
	note(result, "first", time_plan(planner, "d1.bench"));
	note(result, "srv", slowest(planner, "d", 11, ask_keys));
	note(result, "bare", slowest(planner, "bare", 11, ask_keys));
	note(result, "newsrv", slowest(planner, "d", 21));
	note(result, "newbare", slowest(planner, "bare", 21));
	note(result, "alias", slowest(planner, "alias", 21));
	local before = upstream.count(setup);
	note(result, "cached", time_plan(planner, "d21.bench"));
	result.warm = upstream.count(setup) - before;
	before = upstream.count(setup);
	plans.run(planner, { "d31.bench" }, 1);
	ask_and_wait(planner, ".", "NS"); -- until packets that nobody waits for are out, too
	result.cold = upstream.count(setup) - before - 1;
	return result;
end

local function with_delay_reset(make_planner)
	return function (setup)
		local ok, result = pcall(function () return measure(setup, make_planner(setup)); end);
		upstream.set_delay(setup, 0);
		return ok and result or error(result, 0);
	end
end

local function measure_first(make_planner, domain)
	return function (setup)
		upstream.set_delay(setup, DELAY);
		local ok, trips, milliseconds = pcall(function () return time_plan(make_planner(setup), domain); end);
		upstream.set_delay(setup, 0);
		return ok and { trips = trips, time = milliseconds } or error(trips, 0);
	end
end

return {
	needs_forwarder = true;
	order = { "ours", "stock", "oursbare", "stockbare" };
	sides = {
		ours = with_delay_reset(plans.ours), stock = with_delay_reset(plans.stock);
		oursbare = measure_first(plans.ours, "bare1.bench"), stockbare = measure_first(plans.stock, "bare1.bench");
	};
	rows = {
		goals.limit("plan, zone keys known, SRV", "ours.srvtrips", "stock.srvtrips", "trips", 2);
		goals.limit("plan, zone keys known, no SRV", "ours.baretrips", "stock.baretrips", "trips", 1);
		goals.limit("plan, cached", "ours.cachedtrips", "stock.cachedtrips", "trips", 0);
		goals.limit("plan, no key known, SRV", "ours.firsttrips", "stock.firsttrips", "trips", 2);
		goals.limit("plan, no key known, no SRV", "oursbare.trips", "stockbare.trips", "trips", 1);
		goals.limit("plan, root's and TLD's keys known, SRV", "ours.newsrvtrips", "stock.newsrvtrips", "trips", 2);
		goals.limit("plan, root's and TLD's keys known, no SRV", "ours.newbaretrips", "stock.newbaretrips", "trips", 1);
		goals.limit("plan, target behind a CNAME", "ours.aliastrips", "stock.aliastrips", "trips", 4); -- libunbound asks for the alias's target itself
		goals.faster("plan, no key known, SRV: time", "ours.firsttime", "stock.firsttime", "ms", 1);
		goals.faster("plan, root's and TLD's keys known, SRV: time", "ours.newsrvtime", "stock.newsrvtime", "ms", 1);
		goals.more("upstream packets per plan, cold", "ours.cold", "stock.cold", "packets", 2);
		goals.limit("upstream packets per plan, warm", "ours.warm", "stock.warm", "packets", 0);
	};
};
