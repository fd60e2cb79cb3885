-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- Hints: what a packet says about a service before it is validated, for which the zone's keys may have to be waited for. It may be forged: so it only tells
-- which hosts to ask about early. The answers are validated like any others, and wait in the cache until validated SRV records name such a host.

local endpoint = require "xmppdns.plan.endpoint";
local prefetch = require "xmppdns.plan.prefetch";
local tlsa = require "xmppdns.plan.tlsa";

local HOSTS = 10; -- of one plan, as many as it asks about at once: who forges must not make us ask for more

-- Whoever forges must not have operators hear of names of his choice.
local function ask(plan, name, rdtype)
	if not plan.resolver:knows(name, rdtype) then plan.resolver:ask_early(name, rdtype, plan.query_options); end
end

-- What the plan asks about an endpoint, with the same options: it joins what is under way.
local function ask_about(plan, record, is_signed)
	local host = record.target:lower();
	prefetch.ask_chain(plan.resolver, plan.asked_keys, host, true, plan.query_options.shard);
	for _, family in ipairs(endpoint.families) do
		if plan.use_family[family] then ask(plan, host, family); end
	end
	if plan.dane ~= "off" and is_signed then ask(plan, tlsa.owner_name(host, record.port), "TLSA"); end
end

local function find_best(records, best)
	for _, record in ipairs(records) do
		if record.srv.target ~= "." then best = math.min(best, record.srv.priority); end
	end
	return best;
end

-- The first priority alone, as far as the hints say it.
local function follow(plan, asked, answer)
	if plan.ready or plan.abandoned then return; end
	asked.best = find_best(answer, asked.best);
	for _, record in ipairs(answer) do
		if record.srv.priority == asked.best and record.srv.target ~= "." and asked.count < HOSTS then
			asked.count = asked.count + 1;
			ask_about(plan, record.srv, answer.signed);
		end
	end
end

-- Where nothing is validated nothing has to be waited for. While other plans wait for this one's place, it is their waiting that counts, and a hint takes
-- the thread's time.
local function is_of_use(plan)
	local admission = plan.resolver.admission;
	return plan.policy ~= "off" and not (admission and admission:is_crowded()) and plan.resolver:find_anchor(plan.domain) ~= nil;
end

-- Before the plan asks for SRV records at these names.
local function listen(plan, names)
	if not is_of_use(plan) then return; end
	local asked = { count = 0, best = math.huge };
	for _, name in ipairs(names) do
		plan.resolver:on_glimpse(name, function (answer)
			plan.resolver:on_glimpse(name, nil);
			follow(plan, asked, answer);
		end);
	end
end

-- Once the validated answer for that name is there.
local function stop(plan, name)
	plan.resolver:on_glimpse(name, nil);
end

return { listen = listen, stop = stop };
