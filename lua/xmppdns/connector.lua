-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- The way to a domain's XMPP server: SRV and address answers become endpoints, in the order in which they are to be tried.

local core = require "xmppdns.core";

local LOOK_AHEAD = 10;    -- endpoints of one priority whose addresses are asked for at once: who publishes thousands must not make us ask thousands
local CHAIN_DEPTH = 4;    -- labels, from the top, whose keys are asked for ahead
local REPORTED = 4;       -- failed endpoints that the plan's error spells out

local services = { "xmpps-server", "xmpp-server" };
local transports = { ["xmpps-server"] = "direct", ["xmpp-server"] = "starttls" };
local families = { "AAAA", "A" }; -- in the order of dialling

-- Errors: as the lookups', but the text says which record it is about.

local error_mt = { __name = "xmppdns.error", __tostring = function (err) return err.text; end };

local function new_error(code, text)
	return setmetatable({ code = code, text = text, attempts = 0 }, error_mt);
end

local function describe(err)
	return setmetatable({
		code = err.code, text = tostring(err), qname = err.qname, qtype = err.qtype, type = err.type, attempts = err.attempts;
	}, error_mt);
end

-- Outcomes: what one answer means (R2). { records, secure } with data, { records = {}, secure } for a denial, or { error }.
-- Nothing that failed may end up as a denial.

local function read_answer(answer, err, rdtype)
	if not answer then
		return { error = describe(err) };
	elseif answer.bogus or (answer.rcode ~= 0 and answer.rcode ~= 3) then
		local cause = answer.bogus and core.new_error("bogus", tostring(answer.bogus), answer.qname, answer.qtype)
			or core.new_error("servfail", tostring(answer.status), answer.qname, answer.qtype);
		return { error = describe(cause) };
	end
	local field, records = rdtype:lower(), {};
	for _, record in ipairs(answer) do
		if record[field] then
			records[#records + 1] = record[field];
		end
	end
	if answer[1] and not records[1] then
		return { error = describe(core.new_error("servfail", "no record of the answer can be read", answer.qname, answer.qtype)) };
	end
	return { records = records, secure = answer.secure == true };
end

-- Questions. Each belongs to an owner, the plan or one endpoint, and is answered exactly once unless it is dropped.

local function fail_question(plan, question)
	local err = core.new_error(plan.abandoned.code, plan.abandoned.text, question.name, core.type_number(question.rdtype));
	question.handler(read_answer(nil, err, question.rdtype));
end

local function ask(plan, owner, name, rdtype, handler)
	local question = { owner = owner, name = name, rdtype = rdtype, handler = handler };
	if plan.abandoned then return fail_question(plan, question); end
	plan.questions[question] = true;
	question.lookup = plan.resolver:query(name, rdtype, function (answer, err)
		if not plan.questions[question] then return; end
		plan.questions[question] = nil;
		handler(read_answer(answer, err, rdtype));
	end, plan.query_options);
end

-- No handler runs.
local function drop_questions_of(plan, owner)
	local kept = {};
	for question in pairs(plan.questions) do
		if question.owner == owner then
			question.lookup:cancel();
		else
			kept[question] = true;
		end
	end
	plan.questions = kept;
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

-- The keys of the zones above, asked for before the answers that need them: libunbound would only ask when such an answer waits,
-- one link after the other.

local function ignore() end

local function ask_ahead(plan, name, rdtype)
	local key = rdtype.." "..name;
	if plan.asked_ahead[key] then return; end
	plan.asked_ahead[key] = true;
	local answer, err = plan.resolver:peek(name, rdtype);
	if not answer and not err then
		plan.resolver:query(name, rdtype, ignore, { attempts = 1 });
	end
end

-- depth: how many of the name's labels, from the top, may be zones
local function ask_keys(plan, name, depth)
	if plan.policy == "off" or plan.abandoned then return; end
	ask_ahead(plan, ".", "DNSKEY");
	local labels = {};
	for label in name:gmatch("[^.]+") do
		labels[#labels + 1] = label;
	end
	local zone;
	for i = #labels, math.max(1, #labels - math.min(depth, CHAIN_DEPTH) + 1), -1 do
		zone = zone and labels[i].."."..zone or labels[i];
		ask_ahead(plan, zone, "DS");
		ask_ahead(plan, zone, "DNSKEY");
	end
end

local function count_labels(name)
	return select(2, name:gsub("[^.]+", ""));
end

-- Endpoints

local function new_endpoint(host, port, service, tls, priority, weight)
	return { host = host, port = port, service = service, tls = tls, priority = priority, weight = weight, addresses = {}, secure = false };
end

-- R15: an endpoint with a failed family is not dialled, unless the other family is secure. Where nothing is validated,
-- that would protect nobody, and only a known verdict counts.
local function may_use_rest(plan, failed, rest)
	return rest.records[1] and (rest.secure or (plan.policy == "off" and failed.error.code ~= "bogus"));
end

local function choose_families(plan, outcomes)
	local usable, failed = {}, nil;
	for _, family in ipairs(families) do
		local outcome = outcomes[family];
		if outcome and outcome.error then
			if not failed or outcome.error.code == "bogus" then failed = outcome; end
		elseif outcome then
			usable[#usable + 1] = outcome;
		end
	end
	if failed and not (usable[1] and may_use_rest(plan, failed, usable[1])) then
		return nil, failed.error;
	end
	return usable;
end

local function interleave(outcomes)
	local addresses = {};
	local longest = 0;
	for _, outcome in ipairs(outcomes) do
		longest = math.max(longest, #outcome.records);
	end
	for i = 1, longest do
		for _, outcome in ipairs(outcomes) do
			addresses[#addresses + 1] = outcome.records[i];
		end
	end
	return addresses;
end

local function settle_endpoint(plan, endpoint, outcomes)
	local usable, err = choose_families(plan, outcomes);
	if not usable then
		endpoint.error = err;
		return;
	end
	endpoint.addresses = interleave(usable);
	if not endpoint.addresses[1] then
		endpoint.error = new_error("unavailable", ("A, AAAA of %s: no addresses"):format(endpoint.host));
		return;
	end
	endpoint.secure = endpoint.srv_secure;
	for _, outcome in ipairs(usable) do
		endpoint.secure = endpoint.secure and (outcome.secure or not outcome.records[1]);
	end
end

local function ask_addresses(plan, endpoint)
	local outcomes = {};
	endpoint.pending = 0;
	for _, family in ipairs(families) do
		if plan.use_family[family] then
			endpoint.pending = endpoint.pending + 1;
		end
	end
	if endpoint.pending == 0 then
		return settle_endpoint(plan, endpoint, outcomes);
	end
	for _, family in ipairs(families) do
		if plan.use_family[family] then
			ask(plan, endpoint, endpoint.host, family, function (outcome)
				outcomes[family] = outcome;
				endpoint.pending = endpoint.pending - 1;
				if endpoint.pending == 0 then
					settle_endpoint(plan, endpoint, outcomes);
					plan:advance();
				end
			end);
		end
	end
end

-- The endpoint that is due, with those of its priority that follow.
local function ask_group(plan)
	local due = plan.endpoints[plan.position];
	for i = plan.position, math.min(#plan.endpoints, plan.position + LOOK_AHEAD - 1) do
		local endpoint = plan.endpoints[i];
		if endpoint.priority == due.priority and not endpoint.pending then
			ask_keys(plan, endpoint.host, count_labels(endpoint.host) - 1);
			ask_addresses(plan, endpoint);
		end
	end
end

-- SRV

local function is_unavailable(records) -- R8
	return #records == 1 and records[1].target == ".";
end

local function read_service(outcome)
	if outcome.error then
		return { state = "failed", secure = false, error = outcome.error };
	elseif is_unavailable(outcome.records) then
		return { state = "unavailable", secure = outcome.secure };
	end
	local records = {};
	for _, record in ipairs(outcome.records) do
		if record.target ~= "." then
			records[#records + 1] = record;
		end
	end
	if records[1] then
		return { state = "data", secure = outcome.secure, records = records };
	end
	-- nothing but several ".": as clear a no as one
	return { state = outcome.records[1] and "unavailable" or "absent", secure = outcome.secure };
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

local function list_endpoints(plan, merged)
	local seen = {};
	for _, index in ipairs(core.order_srv(merged, plan.rng)) do
		local record, service = merged[index].record, merged[index].service;
		local host, tls = record.target:lower(), transports[service];
		local key = ("%s %d %s"):format(host, record.port, tls);
		if not seen[key] then
			seen[key] = true;
			local endpoint = new_endpoint(host, record.port, service, tls, record.priority, record.weight);
			endpoint.srv_secure = plan.srv[service].secure;
			plan.endpoints[#plan.endpoints + 1] = endpoint;
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
	if not plan.fallback then
		return new_error("unavailable", ("SRV of _xmpp-server._tcp.%s: no records"):format(plan.domain));
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
	plan.fallback.srv_secure = plan.secure;
	if plan.fallback.secure then plan.fallback.secure = plan.secure; end
	plan.endpoints[1] = plan.fallback;
end

local function ask_service(plan, service, done)
	ask(plan, plan, ("_%s._tcp.%s"):format(service, plan.domain), "SRV", function (outcome)
		plan.srv[service] = read_service(outcome);
		done();
	end);
end

local function ask_services(plan)
	local pending = #services;
	local function done()
		pending = pending - 1;
		if pending > 0 then return; end
		settle_services(plan);
		plan.ready = true;
		plan:advance();
	end
	for _, service in ipairs(services) do
		ask_service(plan, service, done);
	end
end

local function are_services_known(plan)
	for _, service in ipairs(services) do
		if not plan.resolver:peek(("_%s._tcp.%s"):format(service, plan.domain), "SRV") then return false; end
	end
	return true;
end

-- Everything that the domain's name alone tells, in one burst: the fallback's addresses too, unless the services are known already.
local function start(plan)
	plan.started = true;
	if plan.ready then return; end
	if not plan.abandoned and not are_services_known(plan) then
		ask_keys(plan, plan.domain, count_labels(plan.domain));
	end
	ask_services(plan);
	if plan.fallback and not plan.fallback.pending then
		ask_addresses(plan, plan.fallback);
	end
end

-- The deadline counts the time for which somebody waits for the plan, not the time that dialling takes.

local function start_clock(plan)
	if plan.clock or plan.abandoned then return; end
	plan.clock_started = core.now();
	plan.clock = plan.resolver:after(math.max(plan.time_left, 0), function ()
		plan.clock = nil;
		plan.time_left = 0;
		abandon(plan, "timeout", "no answer before the plan's deadline");
		plan:advance();
	end);
end

local function stop_clock(plan)
	if not plan.clock then return; end
	plan.clock:cancel();
	plan.clock = nil;
	plan.time_left = plan.time_left - (core.now() - plan.clock_started);
end

-- The plan

local plan_methods = {};
local plan_mt = { __index = plan_methods, __name = "xmppdns.plan" };

-- The errors met so far: of services, then of endpoints.
function plan_methods:failures()
	local failures = {};
	for _, service in ipairs(services) do
		if self.srv[service] then failures[#failures + 1] = self.srv[service].error; end
	end
	for _, endpoint in ipairs(self.endpoints) do
		failures[#failures + 1] = endpoint.error;
	end
	return failures;
end

-- One error for all of them.
local function sum_up(failures)
	local code, texts = failures[1].code, {};
	for i, failure in ipairs(failures) do
		if failure.code == "bogus" then code = "bogus"; end
		if i <= REPORTED then texts[i] = failure.text; end
	end
	if failures[REPORTED + 1] then
		texts[REPORTED + 1] = ("and %d more"):format(#failures - REPORTED);
	end
	return new_error(code, table.concat(texts, "; "));
end

-- callback(endpoint), in the order of dialling, or callback(nil) when there is none left: plan.error says why, if there never was one.
-- It is called before next returns when the answers are there already.
function plan_methods:next(callback)
	self.waiting[#self.waiting + 1] = callback;
	self:advance();
end

-- Gives endpoint, or nil, to the caller that waits longest.
local function hand_out(plan, endpoint)
	stop_clock(plan);
	if endpoint then
		plan.fruitful = true;
	elseif not plan.fruitful and not plan.error then
		plan.error = sum_up(plan:failures());
	end
	table.remove(plan.waiting, 1)(endpoint);
end

-- The endpoint that is due: handed out, skipped, or waited for (false).
local function step(plan)
	if not plan.ready then return false; end
	local endpoint = plan.endpoints[plan.position];
	if not endpoint then
		hand_out(plan, nil);
		return true;
	end
	ask_group(plan);
	if endpoint.pending > 0 then return false; end
	plan.position = plan.position + 1;
	if not endpoint.error then hand_out(plan, endpoint); end
	return true;
end

local function advance(plan)
	if plan.resolver.closed and not plan.abandoned then
		plan.abandoned = { code = "canceled", text = "the resolver was closed" };
	end
	if not plan.started then start(plan); end
	while plan.waiting[1] and step(plan) do end -- luacheck: ignore 542
	if plan.waiting[1] then start_clock(plan); end
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
	self:next(function (endpoint)
		if not endpoint then return callback(self); end
		self:collect(callback);
	end);
end

-- Whether another endpoint of the same priority may follow the one handed out last.
function plan_methods:has_alternative()
	local current, following = self.endpoints[self.position - 1], self.endpoints[self.position];
	return current ~= nil and following ~= nil and following.priority == current.priority;
end

-- Cancels what is under way. Whoever waits gets nil.
function plan_methods:close()
	if self.closed then return; end
	self.closed = true;
	stop_clock(self);
	abandon(self, "canceled", "the plan was closed");
	self:advance();
end

local function require_secure_if(condition, query_options)
	if not condition then return query_options; end
	local options = { require_secure = true };
	for key, value in pairs(query_options or {}) do
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
local function plan_address(plan, address, default_port)
	local endpoint = new_endpoint(address, default_port or 5269, nil, "starttls", 0, 0);
	endpoint.addresses, endpoint.pending, endpoint.srv_secure = { address }, 0, false;
	plan.endpoints[1] = endpoint;
	plan.ready, plan.is_address = true, true;
end

local function new_plan(resolver, domain, options, query_options)
	local settings = resolver:settings();
	local policy = options.dnssec or settings.dnssec;
	return setmetatable({
		domain = domain, secure = false, srv = {}, endpoints = {};
		resolver = resolver, policy = policy, rng = options.rng;
		use_family = { A = options.use_ipv4 ~= false, AAAA = options.use_ipv6 ~= false };
		query_options = require_secure_if(policy == "required", query_options);
		time_left = options.plan_timeout or settings.plan_timeout;
		waiting = {}, questions = {}, asked_ahead = {}, position = 1;
	}, plan_mt);
end

-- domain: as people write it, an IP address, or an IPv6 address in brackets.
-- options, all optional: default_port (5269; false: no fallback), use_ipv4, use_ipv6 (true), dnssec and plan_timeout (the resolver's settings),
-- rng(m, n) as math.random. query_options: for resolver:query.
-- Gives a plan: domain, secure (the answers for both services were validated), srv[service] = { state = "data"|"absent"|"unavailable"|"failed",
-- secure, records, error }, endpoints (design, section 5), is_address, error. Or nil and an error when domain cannot be a DNS name.
local function new(resolver, domain, options, query_options)
	options = options or {};
	local default_port = options.default_port;
	if default_port == nil then default_port = 5269; end
	local plan = new_plan(resolver, domain, options, query_options);
	local address = read_address(domain);
	if address then
		plan_address(plan, address, default_port);
		return plan;
	end
	local ascii, problem = core.idna_to_ascii(domain);
	if not ascii then return nil, core.new_error("name", problem, domain); end
	plan.domain = ascii;
	if default_port then
		plan.fallback = new_endpoint(ascii, default_port, nil, "starttls", 0, 0);
		plan.fallback.srv_secure = true; -- until the services' answers say more
	end
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
