-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- The way to a domain's XMPP server: SRV and address answers become endpoints, in the order in which they are to be tried.

local core = require "xmppdns.core";
local delays = require "xmppdns.plan.delays";
local endpoint = require "xmppdns.plan.endpoint";
local keys = require "xmppdns.plan.prefetch";
local outcome = require "xmppdns.plan.outcome";

local LOOK_AHEAD = 10;    -- endpoints of one priority whose addresses are asked for at once: who publishes thousands must not make us ask thousands
local FAILURES = 16;      -- failed lookups after which no more are made: libunbound may need a hundred questions to find that one is bogus
local REPORTED = 8;       -- failed endpoints that the plan's error spells out

local services = { "xmpps-server", "xmpp-server" };
local transports = { ["xmpps-server"] = "direct", ["xmpp-server"] = "starttls" };
local default_ports = { direct = 5270, starttls = 5269 };

local new_error = outcome.new_error;

local none = {};          -- never written
local both_families = { A = true, AAAA = true };

-- A plan has its own fields once they differ from these: thousands may wait before they begin, and a ninth field makes each of them twice as
-- large. As an array it is the queue of the callbacks that wait for its next endpoint.
local plan_methods = {
	secure = false, srv = none, endpoints = none, left_out = 0;
	position = 1, failed = 0, questions = none;
	default_port = 5269, use_family = both_families;
};
local plan_mt = { __index = plan_methods, __name = "xmppdns.plan" };

-- Questions. Each belongs to an owner, the plan or one endpoint, and is answered exactly once unless it is dropped: owner:receive(question, outcome).
-- A question is itself the callback of its lookup: a function for each would be several things more for Lua's collector to go through.
-- answers, key: for the owner.

local question_mt = { __name = "xmppdns.question" };

-- Before its first question.
local function prepare(plan)
	plan.questions, plan.asked_keys = {}, { count = 0 };
end

local function fail_question(plan, question)
	local err = core.new_error(plan.abandoned.code, plan.abandoned.text, question.name, core.type_number(question.rdtype));
	question.owner:receive(question, outcome.read(nil, err, question.rdtype));
end

-- TLSA need not be secure where the rest must be: an insecure denial is an answer (R22).
local function choose_query_options(plan, rdtype)
	return rdtype ~= "TLSA" and plan.secure_query_options or plan.query_options;
end

-- Ends every question with code and text, and each that is asked from now on: what has its answers stays usable.
local function abandon(plan, code, text)
	plan.abandoned = { code = code, text = text };
	local open = plan.questions;
	plan.questions = {};
	for question in pairs(open) do
		question.lookup:cancel();
	end
	for question in pairs(open) do
		fail_question(plan, question);
	end
end

local function note_failure(plan)
	plan.failed = plan.failed + 1;
	if plan.failed == FAILURES then abandon(plan, "servfail", "too many lookups for this domain have failed"); end
end

function question_mt.__call(question, answer, err)
	local plan = question.plan;
	if not plan.questions[question] then return; end
	plan.questions[question] = nil;
	local found = outcome.read(answer, err, question.rdtype);
	if found.error then note_failure(plan); end
	question.owner:receive(question, found);
end

-- private
function plan_methods:ask(owner, name, rdtype, answers, key)
	local question = setmetatable({
		plan = self, owner = owner, name = name, rdtype = rdtype, answers = answers, key = key, lookup = false;
	}, question_mt);
	if self.abandoned then return fail_question(self, question); end
	self.questions[question] = true;
	question.lookup = self.resolver:query(name, rdtype, question, choose_query_options(self, rdtype));
end

-- They are not answered.
local function drop_questions_of(plan, owner)
	for question in pairs(plan.questions) do
		if question.owner == owner then
			question.lookup:cancel();
			plan.questions[question] = nil;
		end
	end
end

-- Endpoints

local function ask_keys(plan, name, is_host)
	if plan.policy == "off" or plan.abandoned then return; end
	keys.ask_chain(plan.resolver, plan.asked_keys, name, is_host);
end

-- private: the first endpoint that may still give something; its priority is the group that is worked through (R31).
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
			ask_keys(plan, one.host, true);
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

-- SRV

local function is_unavailable(records) -- R8
	return #records == 1 and records[1].target == ".";
end

local function read_service(found)
	if found.error then
		return { state = "failed", secure = false, error = found.error };
	elseif is_unavailable(found.records) then
		return { state = "unavailable", secure = found.secure };
	end
	local records = {};
	for _, record in ipairs(found.records) do
		if record.target ~= "." then
			records[#records + 1] = record;
		end
	end
	if records[1] then
		return { state = "data", secure = found.secure, records = records };
	end
	-- nothing but several ".": as clear a no as one
	return { state = found.records[1] and "unavailable" or "absent", secure = found.secure };
end

-- xmpps and xmpp are one set for priority and weight (R10).
local function merge_services(plan)
	local merged = {};
	for _, service in ipairs(services) do
		for _, record in ipairs(plan.srv[service].records or {}) do
			merged[#merged + 1] = { record.priority, record.weight, record = record, service = service };
		end
	end
	return merged;
end

-- The first ones of the order: who publishes thousands must not make us ask for all of them.
local function add_endpoint(plan, host, tls, record, service)
	if #plan.endpoints == plan.resolver:plan_settings().max_endpoints then
		plan.left_out = plan.left_out + 1;
		return;
	end
	plan.endpoints[#plan.endpoints + 1] =
		endpoint.new(host, record.port, service, tls, record.priority, record.weight, plan.srv[service].secure);
end

local function list_endpoints(plan, merged)
	local seen = {};
	for _, index in ipairs(core.order_srv(merged, plan.rng)) do
		local record, service = merged[index].record, merged[index].service;
		local host, tls = record.target:lower(), transports[service];
		local key = ("%s %d %s"):format(host, record.port, tls);
		if not seen[key] then
			seen[key] = true;
			add_endpoint(plan, host, tls, record, service);
		end
	end
end

local function find_failure(plan)
	local xmpps, xmpp = plan.srv["xmpps-server"].error, plan.srv["xmpp-server"].error;
	if xmpp and (xmpp.code == "bogus" or not xmpps) then return xmpp; end
	return xmpps and xmpps.code == "bogus" and xmpps or xmpp or xmpps;
end

local function may_fall_back_unvalidated(plan) -- R11, decided
	if plan.policy ~= "off" or plan.abandoned then return false; end
	for _, service in ipairs(services) do
		local err = plan.srv[service].error;
		if not err or err.code ~= "timeout" then return false; end
	end
	return true;
end

-- Why there is no fallback to the domain's own addresses, or nil (R5, R9, R11).
local function refuse_fallback(plan)
	local failure = find_failure(plan);
	if failure and not may_fall_back_unvalidated(plan) then return failure; end
	for _, service in ipairs(services) do
		if plan.srv[service].state == "unavailable" then
			return new_error("unavailable", ("SRV of _%s._tcp.%s: the service is explicitly unavailable"):format(service, plan.domain));
		end
	end
	if not plan.default_port then
		return new_error("unavailable", ("SRV of _xmpp-server._tcp.%s: no records"):format(plan.domain));
	end
end

-- The domain itself.
local function make_fallback(plan)
	if not plan.fallback then
		plan.fallback = endpoint.new(plan.domain, plan.default_port, nil, "starttls", 0, 0);
	end
end

local function drop_fallback(plan)
	if plan.fallback then
		drop_questions_of(plan, plan.fallback);
		plan.fallback = nil;
	end
end

local function settle_services(plan)
	plan.secure = plan.srv["xmpps-server"].secure and plan.srv["xmpp-server"].secure;
	local merged = merge_services(plan);
	if merged[1] then
		drop_fallback(plan);
		list_endpoints(plan, merged);
		return;
	end
	plan.error = refuse_fallback(plan);
	if plan.error then
		drop_fallback(plan);
		return;
	end
	make_fallback(plan);
	plan.fallback.srv_secure = plan.secure; -- R18
	plan.fallback:settle(plan);
	plan.endpoints[1] = plan.fallback;
end

-- private: the answer for one service.
function plan_methods:receive(question, found)
	self.srv[question.key] = read_service(found);
	for _, service in ipairs(services) do
		if not self.srv[service] then return; end
	end
	settle_services(self);
	self.ready = true;
	self:advance();
end

local function ask_services(plan)
	for _, service in ipairs(services) do
		plan:ask(plan, ("_%s._tcp.%s"):format(service, plan.domain), "SRV", plan.srv, service);
	end
end

local function are_services_known(plan)
	for _, service in ipairs(services) do
		if not plan.resolver:knows(("_%s._tcp.%s"):format(service, plan.domain), "SRV") then return false; end
	end
	return true;
end

-- Everything that the domain's name alone tells, in one burst: the fallback's answers too, unless the services are known already.
local function ask_about_domain(plan, is_known)
	plan.is_asking = true;
	prepare(plan);
	plan.srv, plan.endpoints = {}, {};
	if not is_known then ask_keys(plan, plan.domain); end
	ask_services(plan);
	if plan.default_port and not plan.ready then make_fallback(plan); end
	if plan.fallback and plan.fallback.state == "new" then
		plan.fallback:ask(plan);
	end
end

local function leave_turnstile(plan)
	plan.resolver.planning:leave(plan);
	if plan.slow_timer then plan.resolver:cancel_timer(plan.slow_timer); end
	plan.slow_timer = nil;
end

-- private: for the turnstile. Thousands of plans begun at once would only grow the heap, and with it the pauses of Lua's collector: some keep
-- libunbound busy.
function plan_methods:come_in()
	self.slow_timer = self.resolver:after(delays.slow, leave_turnstile, self);
	self:advance();
end

-- What has to be asked for, as soon as that may be.
local function begin(plan)
	if plan.ready or plan.is_asking then return; end
	local is_new = not plan.place and not plan.abandoned;
	local is_known = is_new and are_services_known(plan);
	if is_new and not is_known then plan.resolver.planning:enter(plan); end
	if is_known or plan.place == "inside" or plan.abandoned then ask_about_domain(plan, is_known); end
end

-- The deadline counts the time for which somebody waits for the plan, not the time that dialling takes. time_left: seconds, given in the options
-- or left when the clock was stopped; until then the settings say it.

local function expire(plan)
	plan.clock = nil;
	plan.time_left = 0;
	abandon(plan, "timeout", "no answer before the plan's deadline");
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
	for _, service in ipairs(services) do
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

-- One error for all that were met so far, or nil.
function plan_methods:sum_up()
	local failures = self:failures();
	return failures[1] and sum_up(self, failures);
end

-- Notes why one of its addresses did not serve; the last of them ends the endpoint.
function plan_methods:fail_address(one, address, text)
	local texts, is_last = {}, one.state == "ready";
	one.problems = one.problems or {};
	one.problems[address] = text;
	for i, known in ipairs(one.addresses) do
		texts[i] = one.problems[known];
		is_last = is_last and texts[i] ~= nil;
	end
	if is_last then self:refuse(one, "unreachable", table.concat(texts, ", ")); end
end

-- Notes why an endpoint that was given out did not serve: text names the step and the cause.
function plan_methods:refuse(one, code, text) -- luacheck: ignore 212/self
	one.error = new_error(code, text);
end

-- Ends an endpoint that answered, but did not serve. The others of its priority, and of later ones, are given out once more: dialling may have
-- been cut short when this one answered. Gives whether anything may follow.
function plan_methods:skip(one)
	one.state = "failed";
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
	leave_turnstile(plan);
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

-- The endpoint that is due: handed out, skipped, or waited for (false).
local function step(plan)
	if not plan.ready then return false; end
	if not find_group(plan) then
		hand_out(plan, nil);
		return true;
	end
	local group = list_group(plan);
	ask_group(plan, group);
	local due, is_waiting = find_due(plan, group);
	if due then hand_out(plan, due); end
	return due ~= nil or not is_waiting;
end

local function advance(plan)
	if plan.resolver.closed and not plan.abandoned then
		plan.abandoned = { code = "canceled", text = "the resolver was closed" };
	end
	begin(plan);
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

-- callback(plan) once every endpoint has its addresses or its error.
function plan_methods:collect(callback)
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
	abandon(self, "canceled", "the plan was closed");
	self:advance();
end

local function require_secure(given)
	local options = {};
	for key, value in pairs(given or {}) do
		if key ~= "allow_insecure_denial" then options[key] = value; end
	end
	options.require_secure = true;
	return options;
end

local function strip_brackets(domain)
	return domain:match("^%[(.*)%]$") or domain;
end

-- The text of an IP address, or nil.
local function read_address(domain)
	local address = strip_brackets(domain);
	if address:find(":", 1, true) then
		return address:match("^[%x:.]+$") and address:lower();
	end
	local bytes = { address:match("^(%d+)%.(%d+)%.(%d+)%.(%d+)$") };
	for _, byte in ipairs(bytes) do
		if tonumber(byte) > 255 then return nil; end
	end
	return bytes[1] and address;
end

-- R13: nothing to look up.
local function plan_address(plan, address, port)
	plan.endpoints = { endpoint.new_address(address, port, "starttls") };
	plan.ready, plan.is_address = true, true;
end

-- The one endpoint that the operator names: as good as a secure SRV record.
local function plan_override(plan, override)
	local tls = override.tls or "starttls";
	local port, address = override.port or default_ports[tls], read_address(override.host);
	plan.ready = true;
	if address then
		plan.endpoints = { endpoint.new_address(address, port, tls) };
		return plan;
	end
	local ascii, problem = core.idna_to_ascii(override.host);
	if not ascii then return nil, core.new_error("name", problem, override.host); end
	prepare(plan);
	plan.endpoints = { endpoint.new(ascii, port, nil, tls, 0, 0, true) };
	return plan;
end

-- What is validated and what DANE may do: where nothing is validated, nothing but "required" is left of it.
local function read_policy(plan, options, settings)
	plan.policy = options.dnssec or settings.dnssec;
	plan.dane = options.dane or settings.dane;
	if plan.policy == "required" then plan.secure_query_options = require_secure(plan.query_options); end
	if plan.policy == "off" and plan.dane ~= "required" then plan.dane = "off"; end
end

local function choose_families(plan, options)
	local use_ipv4, use_ipv6 = options.use_ipv4 ~= false, options.use_ipv6 ~= false;
	if use_ipv4 and use_ipv6 then return; end
	plan.use_family = { A = use_ipv4, AAAA = use_ipv6 };
end

local function new_plan(resolver, domain, options, given_query_options)
	local settings = resolver:plan_settings();
	local plan = setmetatable({ resolver = resolver, domain = domain, query_options = given_query_options }, plan_mt);
	plan.default_port, plan.time_left, plan.rng, plan.has_route = options.default_port, options.plan_timeout, options.rng, options.has_route;
	choose_families(plan, options);
	read_policy(plan, options, settings);
	return plan;
end

-- domain: as people write it, an IP address, or an IPv6 address in brackets.
-- options, all optional: default_port (5269; false: no fallback), use_ipv4, use_ipv6 (true), dnssec, dane and plan_timeout (the resolver's
-- settings), rng(m, n) as math.random, has_route(address) (addresses without one are left out),
-- endpoint ({ host, port, tls = "direct"|"starttls" }: dialled without asking for SRV).
-- given_query_options: for resolver:query.
-- Gives a plan: domain, secure (the answers for both services were validated), srv[service] = { state = "data"|"absent"|"unavailable"|"failed",
-- secure, records, error }, endpoints (design, section 5), left_out (how many more there would be without
-- max_endpoints), is_address, error. Or nil and an error when domain cannot be a DNS name.
-- endpoint.dane: { base, records, verdict = "usable"|"unusable" } or nil; it counts for the addresses of endpoint.secure_addresses.
local function new(resolver, domain, options, given_query_options)
	options = options or {};
	local plan = new_plan(resolver, domain, options, given_query_options);
	local address = read_address(domain);
	local ascii, problem = address, nil;
	if not address then ascii, problem = core.idna_to_ascii(domain); end
	if not ascii then return nil, core.new_error("name", problem, domain); end
	if options.endpoint then
		plan.domain, plan.is_address = ascii, address ~= nil;
		return plan_override(plan, options.endpoint);
	elseif address then
		plan_address(plan, address, plan.default_port or 5269);
		return plan;
	end
	plan.domain = ascii;
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
