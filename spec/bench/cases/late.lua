-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- 500 domains at once, every DNS answer 50 ms late: when the last of them has its first endpoint.

local clock = require "bench.clock";
local goals = require "spec.bench.goals";
local plans = require "spec.bench.plans";
local upstream = require "spec.bench.upstream";

local COUNT, DELAY = 500, 50;

local function measure(new_planner)
	return function (setup)
		local planner, domains = new_planner(setup), plans.domains(COUNT);
		upstream.set_delay(setup, DELAY);
		local started = clock.monotonic();
		local ok, problem = pcall(plans.run, planner, domains, COUNT);
		upstream.set_delay(setup, 0);
		return ok and { time = clock.monotonic() - started } or error(problem, 0);
	end
end

return {
	needs_forwarder = true;
	sides = { ours = measure(plans.ours), stock = measure(plans.stock) }, order = { "ours", "stock" };
	rows = { goals.limit("500 domains at once, answers 50 ms late", "ours.time", "stock.time", "s", 1.5) };
};
