-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- A plan: the endpoints of a domain's XMPP server, handed out in the order in which they are to be tried.

local delays = require "xmppdns.plan.delays";
local new_admission = require "xmppdns.plan.admission".new;
local new_error = require "xmppdns.plan.outcome".new_error;
local prefetch = require "xmppdns.plan.prefetch";
local questions = require "xmppdns.plan.questions";
local services = require "xmppdns.plan.services";
local target = require "xmppdns.plan.target";

local PLANS_AT_ONCE = 100; -- of one resolver, which begin side by side: their questions are about as many as may be in flight
local LOOK_AHEAD = 10;     -- endpoints of one priority whose addresses are asked for at once: who publishes thousands must not make us ask thousands
local SPARED = 3;          -- addresses of one endpoint that answer and do not serve, before it is given up
local REPORTED = 8;        -- failed endpoints that the plan's error spells out

local none = {};           -- never written
local both_families = { A = true, AAAA = true };

-- A plan has its own fields once they differ from these: thousands may wait before they begin, and a ninth field makes each of them twice as
-- large. As an array it is the queue of the callbacks that wait for its next endpoint.
local plan_methods = {
	secure = false, srv = none, endpoints = none, left_out = 0;
	position = 1, failed = 0, questions = none;
	default_port = services.default_ports.starttls, use_family = both_families;
};
local plan_mt = { __index = plan_methods, __name = "xmppdns.plan" };

-- Endpoints

local function ask_keys(plan, name, is_host)
	if plan.policy == "off" or plan.abandoned then return; end
	plan.asked_keys = plan.asked_keys or { count = 0 };
	prefetch.ask_chain(plan.resolver, plan.asked_keys, name, is_host, plan.query_options.shard);
end

-- The first endpoint that may still give something; its priority is the group that is worked through (R31).
local function find_group(plan)
	while plan.endpoints[plan.position] and not plan.endpoints[plan.position]:may_give() do
		plan.position = plan.position + 1;
	end
	return plan.endpoints[plan.position];
end

-- The endpoints of the group whose answers are wanted now.
local function list_group(plan)
	local group, first = {}, plan.endpoints[plan.position];
	for i = plan.position, math.min(#plan.endpoints, plan.position + LOOK_AHEAD - 1) do
		if plan.endpoints[i].priority ~= first.priority then break; end
		group[#group + 1] = plan.endpoints[i];
	end
	return group;
end

local function ask_group(plan, group)
	for _, one in ipairs(group) do
		if one.state == "new" then
			if not one:is_known(plan) then ask_keys(plan, one.host, true); end
			one:ask(plan);
		end
	end
end

local function allow_overtaking(plan, group)
	if plan.is_patient then return; end
	plan.is_patient = true;
	plan.resolver:after(delays.overtaking, function ()
		plan.is_patient = false;
		for _, one in ipairs(group) do
			one.may_be_overtaken = true;
		end
		plan:advance();
	end);
end

-- The endpoint to hand out; or nil, and whether there may be one later.
local function find_due(plan, group)
	local is_waiting, is_blocked = false, false;
	for _, one in ipairs(group) do
		if one:has_fresh() then
			if not is_blocked then return one; end
			allow_overtaking(plan, group);
		end
		is_waiting = is_waiting or one:may_give();
		is_blocked = is_blocked or one.state == "waiting" and not one.may_be_overtaken;
	end
	return nil, is_waiting;
end

-- Beginning

-- The resolver's, made at first use.
local function get_admission(resolver)
	if not resolver.admission then
		local function later(callback, argument) resolver:after(0, callback, argument); end
		resolver.admission = new_admission(PLANS_AT_ONCE, later, function (problem) resolver.on_error(problem); end);
		resolver:at_close(resolver.admission.let_all_in, resolver.admission); -- they find the resolver closed
	end
	return resolver.admission;
end

-- private: the outcome for one service.
function plan_methods:receive(found)
	if not services.receive(self, found) then return; end
	self.ready = true;
	self:advance();
end

-- Everything that the domain's name alone tells, in one burst: the fallback's answers too, unless the services are known already.
local function ask_about_domain(plan, is_known)
	plan.is_asking = true;
	if not is_known then
		ask_keys(plan, plan.domain);
		services.listen(plan);
	end
	services.ask(plan, is_known);
end

local function leave_admission(plan)
	if plan.place then get_admission(plan.resolver):leave(plan); end
	if plan.slow_timer then plan.resolver:cancel_timer(plan.slow_timer); end
	plan.slow_timer = nil;
end

-- private: for the admission. Thousands of plans begun at once would only grow the heap, and with it the pauses of Lua's collector: some keep
-- libunbound busy.
function plan_methods:come_in()
	self:advance();
	if get_admission(self.resolver):is_inside(self) then self.slow_timer = self.resolver:after(delays.slow, leave_admission, self); end
end

-- What has to be asked for, as soon as that may be.
local function begin(plan)
	if plan.ready or plan.is_asking then return; end
	local is_known = not plan.abandoned and services.are_known(plan); -- perhaps by now, when it has waited
	if not is_known and not plan.place and not plan.abandoned then get_admission(plan.resolver):enter(plan); end
	if is_known or get_admission(plan.resolver):is_inside(plan) or plan.abandoned then ask_about_domain(plan, is_known); end
end

-- The deadline counts the time for which somebody waits for the plan, not the time that dialling takes. time_left: seconds, given in the options
-- or left when the clock was stopped; until then the settings say it.

local function expire(plan)
	plan.clock = nil;
	plan.time_left = 0;
	questions.abandon(plan, "timeout", "no answer before the plan's deadline");
	plan:advance();
end

local function start_clock(plan)
	if plan.clock or plan.abandoned then return; end
	plan.clock = plan.resolver:after(plan.time_left or plan.resolver:plan_settings().plan_timeout, expire, plan);
end

local function stop_clock(plan)
	if not plan.clock then return; end
	plan.time_left = plan.resolver:cancel_timer(plan.clock);
	plan.clock = nil;
end

-- The plan

-- The errors met so far: of services, then of endpoints.
function plan_methods:failures()
	local failures = {};
	for _, service in ipairs(services.names) do
		if self.srv[service] then failures[#failures + 1] = self.srv[service].error; end
	end
	for _, one in ipairs(self.endpoints) do
		failures[#failures + 1] = one.error;
	end
	return failures;
end

-- One error for all of them.
local function sum_up(plan, failures)
	local code, texts = failures[1].code, {};
	for i, failure in ipairs(failures) do
		if failure.code == "bogus" then code = "bogus"; end
		if i <= REPORTED then texts[i] = failure.text; end
	end
	if failures[REPORTED + 1] then
		texts[REPORTED + 1] = ("and %d more"):format(#failures - REPORTED);
	end
	if plan.left_out > 0 then
		texts[#texts + 1] = ("max_endpoints leaves out %d more"):format(plan.left_out);
	end
	return new_error(code, table.concat(texts, "; "));
end

-- One error for those failures, or for all that were met so far; or nil.
function plan_methods:sum_up(failures)
	failures = failures or self:failures();
	return failures[1] and sum_up(self, failures);
end

-- Gives all of its problems by now.
local function add_problem(one, address, text)
	one.problems = one.problems or {};
	one.problems[address] = text;
	return one:list_problems();
end

-- Notes why one of its addresses did not serve; the last of them ends the endpoint.
function plan_methods:fail_address(one, address, text)
	local texts = add_problem(one, address, text);
	if one.state == "ready" and #texts == #one.addresses then self:refuse(one, "unreachable", table.concat(texts, ", ")); end
end

-- The same for one that answered: whether the endpoint has another one worth trying.
function plan_methods:spare(one, address, text) -- luacheck: ignore 212/self
	local spent = #add_problem(one, address, text);
	return spent < #one.addresses and spent < SPARED;
end

-- Notes why an endpoint that was given out did not serve: text names the step and the cause.
function plan_methods:refuse(one, code, text) -- luacheck: ignore 212/self
	one.error = new_error(code, text);
end

-- Leaves an endpoint that answered, but did not serve; it is over if it was refused. The others of its priority, and of later ones, are given
-- out once more: dialling may have been cut short when this one answered. Gives whether anything may follow.
function plan_methods:skip(one)
	if one.error then one.state = "failed"; end
	for i = #self.endpoints, 1, -1 do
		local other = self.endpoints[i];
		if other.priority >= one.priority and not other.error then
			other.taken = 0;
			self.position = math.min(self.position, i);
		end
	end
	return find_group(self) ~= nil;
end

-- callback(endpoint, addresses), in the order of dialling, or callback(nil, err) when there is none left: err, also in plan.error, says why, if
-- there never was one. An endpoint of which one family's answer comes late is given twice, the second time with that one's addresses.
-- It is called before next returns when the answers are there already.
function plan_methods:next(callback)
	self[#self + 1] = callback;
	self:advance();
end

-- Gives endpoint, or nil, to the caller that waits longest.
local function hand_out(plan, one)
	stop_clock(plan);
	leave_admission(plan);
	local callback = table.remove(plan, 1);
	if one then
		plan.fruitful, plan.current = true, one;
		return callback(one, one:take());
	end
	if not plan.fruitful and not plan.error then
		plan.error = sum_up(plan, plan:failures());
	end
	callback(nil, plan.error);
end

local function has_all_address_answers(plan)
	for _, one in ipairs(plan.endpoints) do
		if not one:has_address_answers() then return false; end
	end
	return true;
end

-- The endpoint that is due: handed out, skipped, or waited for (false).
local function step(plan)
	if not plan.ready then return false; end
	if not find_group(plan) then
		if plan.is_thorough and not has_all_address_answers(plan) then return false; end
		hand_out(plan, nil);
		return true;
	end
	local group = list_group(plan);
	ask_group(plan, group);
	local due, is_waiting = find_due(plan, group);
	if due then hand_out(plan, due); end
	return due ~= nil or not is_waiting;
end

-- What was learnt proves nothing any more: trust anchors are others, or the clock was wrong. The domain is asked again; an endpoint that was given to
-- us is not, for there is nothing else to ask.
local function start_anew(plan)
	questions.drop_all(plan);
	if not plan.is_asking then
		plan.endpoints = {};
		plan.error = new_error("canceled", "what is trusted has changed meanwhile");
		return;
	end
	plan.secure, plan.srv, plan.endpoints, plan.fallback, plan.error = nil, nil, nil, nil, nil;
	plan.ready, plan.left_out, plan.position, plan.failed, plan.asked_keys = nil, nil, nil, nil, nil;
	ask_about_domain(plan, false);
end

-- From its first question on a plan rests on one trust.
local function keep_trust(plan)
	if plan.abandoned or not (plan.ready or plan.is_asking) then return; end
	local trust = plan.resolver:trust_epoch();
	local is_other = plan.trust and plan.trust ~= trust;
	plan.trust = trust;
	if is_other then start_anew(plan); end
end

local function advance(plan)
	if plan.resolver.closed and not plan.abandoned then
		plan.abandoned = { code = "canceled", text = "the resolver was closed" };
	end
	begin(plan);
	keep_trust(plan);
	while plan[1] and step(plan) do end -- luacheck: ignore 542
	if plan[1] then start_clock(plan); end
end

-- private. Not from inside itself, so that cached answers, and callbacks that ask for the next endpoint, do not grow the stack.
function plan_methods:advance()
	if self.advancing then return; end
	self.advancing = true;
	local ok, problem = pcall(advance, self);
	self.advancing = false;
	if not ok then error(problem, 0); end
end

-- callback(plan) once every endpoint has its addresses or its error, and all answers about addresses are there.
function plan_methods:collect(callback)
	self.is_thorough = true;
	self:next(function (one)
		if not one then return callback(self); end
		self:collect(callback);
	end);
end

-- Whether more of the priority handed out last may follow.
function plan_methods:has_alternative()
	for i = self.position, #self.endpoints do
		local one = self.endpoints[i];
		if one.priority ~= self.current.priority then return false; end
		if one:may_give() then return true; end
	end
	return false;
end

-- Whether any endpoint may follow.
function plan_methods:has_more()
	return not self.ready or find_group(self) ~= nil;
end

-- Cancels what is under way. Whoever waits gets nil.
function plan_methods:close()
	if self.closed then return; end
	self.closed = true;
	stop_clock(self);
	questions.abandon(self, "canceled", "the plan was closed");
	self:advance();
end

-- domain: as people write it, an IP address, or an IPv6 address in brackets.
-- options, all optional: default_port (5269; false: no fallback), use_ipv4, use_ipv6 (true), dnssec, dane and plan_timeout (the resolver's
-- settings), rng(m, n) as math.random, has_route(address) (addresses without one are left out),
-- endpoint ({ host, port, tls = "direct"|"starttls" }: dialled without asking for SRV).
-- given_query_options: for resolver:query.
-- Gives a plan: domain, secure (the answers for both services were validated), srv[service] (an outcome, see xmppdns.plan.outcome, with
-- state = "data"|"absent"|"unavailable"|"failed"), endpoints (design, section 5; xmppdns.plan.endpoint), left_out (how many more there would be
-- without max_endpoints), is_address, error. Or nil and an error when domain cannot be a DNS name.
local function new(resolver, domain, options, given_query_options)
	local plan = setmetatable({ resolver = resolver, domain = domain, query_options = none }, plan_mt);
	local ok, err = target.set(plan, domain, options or none, given_query_options);
	if not ok then return nil, err; end
	return plan;
end

-- callback(plan) with every endpoint looked up, or callback(nil, err). Gives the plan.
local function endpoints(resolver, domain, options, query_options, callback)
	local plan, err = new(resolver, domain, options, query_options);
	if not plan then return callback(nil, err); end
	plan:collect(callback);
	return plan;
end

return {
	new = new;
	endpoints = endpoints;
};
