-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- 500 domains at once, every DNS answer 50 ms late: when the last of them has its first endpoint.

local clock = require "bench.clock";
local goals = require "spec.bench.goals";
local plans = require "spec.bench.plans";
local upstream = require "spec.bench.upstream";
local work = require "spec.bench.work";

local COUNT, DELAY, TURNS = 500, 50, 4;

-- Others in each turn.
local function list_domains(turn)
	return plans.domains(COUNT, (turn - 1) * COUNT + 1);
end

local function time_plans(planner, domains)
	local started = clock.monotonic();
	plans.run(planner, domains, COUNT);
	return clock.monotonic() - started;
end

-- Ours is mostly the time of the signatures; stock's, which waits instead, needs no more than one.
local function measure(new_planner, turns)
	return function (setup)
		upstream.set_delay(setup, DELAY);
		local ok, result = pcall(work.fastest, turns, {
			time = function (turn) return time_plans(new_planner(setup), list_domains(turn)); end;
		});
		upstream.set_delay(setup, 0);
		return ok and result or error(result, 0);
	end
end

-- What their lookups cost in libunbound alone, when no answer is late.
local function measure_crypto(setup)
	return work.fastest(TURNS, {
		time = function (turn) return plans.time_questions(setup, plans.questions(list_domains(turn))); end;
	});
end

return {
	needs_forwarder = true;
	sides = { ours = measure(plans.ours, TURNS), crypto = measure_crypto, stock = measure(plans.stock, 1) };
	order = { "ours", "crypto", "stock" };
	rows = {
		goals.faster("500 domains at once, answers 50 ms late: stock", "ours.time", "stock.time", "s", 5);
		goals.within("the same: what its lookups cost alone, none late", "ours.time", "crypto.time", "s", 1.5);
	};
};
