-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- Until when what a plan has learnt about an endpoint holds: the first of those answers that ends.

local families = require "xmppdns.plan.endpoint".families;

local function earlier(ends, outcome)
	if not outcome or not outcome.ttl then return ends; end
	local its_end = outcome.asked + outcome.ttl;
	return ends and math.min(ends, its_end) or its_end;
end

-- In seconds since 1970; nil where nothing was asked. one: an endpoint, or nil: the SRV records alone. Once the plan has those answers.
local function find_end(plan, one)
	local ends;
	for _, outcome in pairs(plan.srv) do ends = earlier(ends, outcome); end
	if not one then return ends; end
	for _, family in ipairs(families) do ends = earlier(ends, one:get_outcome(family)); end
	return earlier(ends, (select(2, one:get_tlsa(plan))));
end

return { find_end = find_end };
