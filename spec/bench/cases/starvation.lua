-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- Domains asked for beside 400 questions a second for names that nobody answers, in one zone and in twenty: which of them take more than twice as long.

local goals = require "spec.bench.goals";
local clock = require "bench.clock";
local plans = require "spec.bench.plans";
local upstream = require "spec.bench.upstream";

local COUNT, DELAY = 100, 50;
local ASK_EVERY, FLOOD_EVERY, FLOOD = 0.05, 0.025, 10; -- seconds, and questions
local PATIENCE = 5; -- seconds
local BEFORE = 12; -- seconds: the first ones have been given up, and wait in libunbound all the same

local function median(values)
	local sorted = { table.unpack(values) };
	table.sort(sorted);
	return sorted[math.ceil(#sorted / 2)];
end

-- The milliseconds that each of COUNT domains took, asked for one after the other; math.huge without an answer soon. The first of them is that number.
local function ask_domains(planner, add_task, first)
	local times, asked, ended = {}, 0, 0;
	add_task(0, function ()
		asked = asked + 1;
		local number, started = asked, clock.monotonic();
		planner.ask(("_xmpp-server._tcp.d%d.bench"):format(first + asked - 1), "SRV", function (answer)
			ended = ended + 1;
			times[number] = answer and #answer > 0 and (clock.monotonic() - started) * 1e3 or math.huge;
		end);
		return asked < COUNT and ASK_EVERY or nil;
	end);
	local over = clock.monotonic() + COUNT * ASK_EVERY + PATIENCE;
	while ended < COUNT and clock.monotonic() < over do planner.step(); end
	for number = 1, COUNT do times[number] = times[number] or math.huge; end
	return times;
end

local function flood(planner, add_task, zones)
	local asked = 0;
	local function ignore() end
	add_task(0, function ()
		for _ = 1, FLOOD do
			asked = asked + 1;
			planner.ask(("_xmpp-server._tcp.h%d.silent%d.bench"):format(asked, asked % zones), "SRV", ignore);
		end
		return FLOOD_EVERY;
	end);
end

local function measure(new_planner, zones)
	return function (setup)
		upstream.set_delay(setup, DELAY);
		local planner = new_planner(setup);
		local add_task = require "util.timer".add_task;
		ask_domains(planner, add_task, 1); -- what is above them is known then
		local usual = median(ask_domains(planner, add_task, COUNT + 1));
		flood(planner, add_task, zones);
		local over = clock.monotonic() + BEFORE;
		while clock.monotonic() < over do planner.step(); end
		local late = 0;
		for _, time in ipairs(ask_domains(planner, add_task, 2 * COUNT + 1)) do
			if time > 2 * usual then late = late + 1; end
		end
		upstream.set_delay(setup, 0);
		return { late = late, usual = usual };
	end
end

return {
	needs_forwarder = true;
	most_rounds = 3, seconds = 90;
	sides = { one = measure(plans.ours, 1), twenty = measure(plans.ours, 20), stock = measure(plans.stock, 1) };
	order = { "one", "twenty", "stock" };
	rows = {
		goals.limit("400 questions/s for a silent zone: of 100 others late", "one.late", "stock.late", "names", 1);
		goals.limit("the same, in twenty silent zones", "twenty.late", "stock.late", "names", 1);
	};
};
