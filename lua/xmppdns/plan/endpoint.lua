-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- One endpoint of a plan: what DNS says about it, so what may be dialled (R14-R24).
--
-- Beside the fields of design, section 5, it keeps its evidence: outcomes.AAAA, outcomes.A, tlsa[base] are outcomes (xmppdns.plan.outcome) where
-- they were asked for. dane: { base, records, verdict = "usable"|"unusable" } or nil.

local delays = require "xmppdns.plan.delays";
local new_error = require "xmppdns.plan.outcome".new_error;
local questions = require "xmppdns.plan.questions";
local is_open = questions.is_open;
local tlsa = require "xmppdns.plan.tlsa";

local families = { "AAAA", "A" }; -- in the order of dialling

-- An endpoint has its own fields once they differ from these.
local endpoint_methods = { secure = false, state = "new", taken = 0, is_asking = false };
local endpoint_mt = { __index = endpoint_methods, __name = "xmppdns.plan.endpoint" };

-- Questions

-- The outcome comes into outcomes[key], and is a question until then.
local function ask(self, plan, outcomes, key, name, rdtype)
	questions.ask(plan, self, name, rdtype, outcomes, key);
end

local function is_pending(found)
	return found ~= nil and is_open(found);
end

-- private
function endpoint_methods:receive(_, plan)
	if self.is_asking then return; end
	self:settle(plan);
	plan:advance();
end

local function ask_tlsa(self, plan, base)
	ask(self, plan, self.tlsa, base, tlsa.owner_name(base, self.port), "TLSA");
end

-- Asks for its addresses, and for the TLSA records that count if the addresses turn out secure. Those of a domain whose services are not known yet
-- wait: most domains have SRV records and need none, and the proof that a domain has no SRV records proves most often that it has no TLSA
-- records either, which libunbound sees without asking (RFC 8198).
function endpoint_methods:ask(plan)
	self.state = "waiting";
	self.is_asking = true;
	for _, family in ipairs(families) do
		if plan.use_family[family] then
			ask(self, plan, self.outcomes, family, self.host, family);
		end
	end
	if plan.dane ~= "off" and self.srv_secure then ask_tlsa(self, plan, self.host); end
	self.is_asking = false;
	self:settle(plan);
end

-- private. Whether the resolver's cache has the answers that ask would ask for.
function endpoint_methods:is_known(plan)
	local resolver = plan.resolver;
	for _, family in ipairs(families) do
		if plan.use_family[family] and not resolver:knows(self.host, family) then return false; end
	end
	return plan.dane == "off" or not self.srv_secure or resolver:knows(tlsa.owner_name(self.host, self.port), "TLSA");
end

-- Addresses

-- private. Whether no answer about its addresses is missing.
function endpoint_methods:has_address_answers()
	return not is_pending(self.outcomes.AAAA) and not is_pending(self.outcomes.A);
end

-- R15: where DANE can apply, an endpoint with a failed family is not dialled, unless the other family is secure. Elsewhere nobody gains
-- anything by making a family fail, and only a known verdict counts.
local function is_strict(self, plan)
	return self.srv_secure and plan.dane ~= "off";
end

-- The outcomes with data, the failed one (the bogus one, when both are), and whether an answer is missing.
local function sort_families(self)
	local usable, failed, is_missing = {}, nil, false;
	for _, family in ipairs(families) do
		local outcome = self.outcomes[family];
		if is_pending(outcome) then
			is_missing = true;
		elseif outcome and outcome.error then
			if not failed or outcome.error.code == "bogus" then failed = outcome; end
		elseif outcome and outcome.records[1] then
			usable[#usable + 1] = outcome;
		end
	end
	return usable, failed, is_missing;
end

-- The outcomes whose addresses may be used, and whether more may follow; nil and the error; or nil while too little is known.
local function choose_families(self, plan)
	local usable, failed, is_missing = sort_families(self);
	if not usable[1] then
		if is_missing then return nil; end
		return nil, failed and failed.error or new_error("unavailable", ("A, AAAA of %s: no addresses"):format(self.host));
	end
	local may_stand_alone = usable[1].secure or not is_strict(self, plan);
	if failed and not usable[1].secure and (not may_stand_alone or failed.error.code == "bogus") then return nil, failed.error; end
	if is_missing and not may_stand_alone then return nil; end
	return usable, is_missing;
end

-- DANE

local function are_secure(outcomes)
	for _, outcome in ipairs(outcomes) do
		if not outcome.secure then return false; end
	end
	return true;
end

local function find_secure(outcomes)
	if are_secure(outcomes) then return outcomes; end
	local secure = {};
	for _, outcome in ipairs(outcomes) do
		if outcome.secure then secure[#secure + 1] = outcome; end
	end
	return secure;
end

-- An insecure answer is proven to come from an unsigned part of DNS: there are no records then (R22), while whoever forges the absence of signed
-- records makes a bogus answer.
local function is_published(found)
	return found.secure and found.records[1] ~= nil;
end

-- The base that decides (R19), below what the host's alias leads to if that has records, else below the host itself; and the answer about its TLSA
-- records: nil when it was not asked for, a question while it is missing.
local function find_base(self, secure)
	local alias = secure[1].canonname;
	local found = alias and self.tlsa[alias];
	if alias and (not found or is_open(found) or found.error or is_published(found)) then return alias, found; end
	return self.host, self.tlsa[self.host];
end

-- The same, asked for when it was not.
local function get_base(self, plan, secure)
	local base, found = find_base(self, secure);
	while not found do
		self.is_asking = true;
		ask_tlsa(self, plan, base);
		self.is_asking = false;
		base, found = find_base(self, secure);
	end
	return base, found;
end

-- A forwarder may not serve TLSA: then the same name is asked for with a type that all know, for a name that does not exist has no records at all.
local function ask_proof(self, plan, base)
	self.proofs = self.proofs or {};
	if self.proofs[base] then return; end
	self.is_asking = true;
	ask(self, plan, self.proofs, base, tlsa.owner_name(base, self.port), "A");
	self.is_asking = false;
end

local function ask_proof_later(self, plan, base)
	if self.is_patient then return; end
	self.is_patient = true;
	plan.resolver:after(delays.proof, function ()
		if not is_open(self.tlsa[base]) then return; end
		ask_proof(self, plan, base);
		self:settle(plan);
		plan:advance();
	end);
end

-- The proof that there is no such name, or nil.
local function get_proof(self, base)
	local proof = self.proofs and self.proofs[base];
	return proof and proof.nxdomain and proof or nil;
end

-- Without an answer about TLSA: false where the name is proven not to exist, nil and the error (R20), or nil while too little is known.
local function find_without_answer(self, plan, base, found)
	if is_open(found) then ask_proof_later(self, plan, base); else ask_proof(self, plan, base); end
	if get_proof(self, base) then return false; end
	if self.proofs and is_pending(self.proofs[base]) then return nil; end
	return nil, found.error;
end

-- What is published for the base that decides: { base, records, verdict }, or false; nil and the error (R20); or nil while too little is known.
local function find_dane(self, plan, secure)
	local base, found = get_base(self, plan, secure);
	if is_open(found) or found.error then return find_without_answer(self, plan, base, found); end
	if not is_published(found) then return false; end
	local verdict, records = tlsa.judge(found.records);
	return { base = base, records = records, verdict = verdict };
end

-- Why no TLSA record counts (R16, R18), or nil. secure: the outcomes with secure addresses.
local function refuse_dane(self, plan, secure)
	if plan.dane == "off" then return "switched off by the settings"; end
	if not self.srv_secure then return "the SRV answer is not secure"; end
	if not secure[1] then return "no address is secure"; end
end

-- Why dane = "required" rules the endpoint out, or nil.
local function refuse_without_dane(self, secure, found)
	local owner = tlsa.owner_name(found and found.base or self.host, self.port);
	if not self.srv_secure then
		return new_error("insecure", ("TLSA of %s: required, but the SRV answer is not secure"):format(owner));
	elseif not secure[1] then
		return new_error("insecure", ("TLSA of %s: required, but A and AAAA of %s are not secure"):format(owner, self.host));
	elseif not found then
		return new_error("unavailable", ("TLSA of %s: required, but there is no secure record"):format(owner));
	elseif found.verdict ~= "usable" then
		return new_error("unavailable", ("TLSA of %s: required, but no record is usable"):format(owner));
	end
end

-- Settling

local function fail(self, err)
	if self.taken > 0 then -- what was given out stays
		self.state = "ready";
		return;
	end
	self.state, self.error = "failed", err;
end

-- The outcome's next address that has a route, or nil at its end: listed tells how far it is.
local function take_address(self, plan, outcome)
	local records, place = outcome.records, (outcome.listed or 0) + 1;
	while records[place] and plan.has_route and not plan.has_route(records[place]) do
		self.stray = records[place];
		place = place + 1;
	end
	outcome.listed = math.min(place, #records);
	return records[place];
end

-- Lists the addresses, of both families by turns; those that were given out already stay where they are.
local function list_addresses(self, plan, usable)
	local is_over;
	repeat
		is_over = true;
		for _, outcome in ipairs(usable) do
			local address = take_address(self, plan, outcome);
			if address then self.addresses[#self.addresses + 1], is_over = address, false; end
		end
	until is_over;
end

-- A alone is held back for a moment: AAAA is dialled first anyway.
local function wait_for_ipv6(self, plan)
	if self.delay then return self.delay == "running"; end
	self.delay = "running";
	plan.resolver:after(delays.resolution, function ()
		self.delay = "over";
		self:settle(plan);
		plan:advance();
	end);
	return true;
end

local function finish(self, plan, usable, more)
	if is_pending(self.outcomes.AAAA) and wait_for_ipv6(self, plan) then return; end
	list_addresses(self, plan, usable);
	if not more and not self.addresses[1] then
		local family = self.stray:find(":", 1, true) and "AAAA" or "A";
		return fail(self, new_error("unavailable", ("%s of %s: no route to %s"):format(family, self.host, self.stray)));
	end
	self.secure = self.srv_secure;
	for _, outcome in ipairs(usable) do
		self.secure = self.secure and outcome.secure;
	end
	self.state = more and "partial" or "ready";
end

-- What DANE says about the endpoint; see find_dane.
local function get_dane(self, plan, secure)
	if self.found ~= nil then return self.found; end
	if refuse_dane(self, plan, secure) then return false; end
	return find_dane(self, plan, secure);
end

-- private. Sees what follows from the answers that are there. state: "new"; "waiting"; "partial" (one family may be dialled, the other's
-- answer is missing), "ready", "failed" (error says why).
function endpoint_methods:settle(plan)
	if (self.state ~= "waiting" and self.state ~= "partial") or self.srv_secure == nil then return; end
	local usable, more = choose_families(self, plan);
	if not usable then return more and fail(self, more); end
	local secure = find_secure(usable);
	local found, err = get_dane(self, plan, secure);
	if found == nil then return err and fail(self, err); end
	if plan.dane == "required" then
		err = refuse_without_dane(self, secure, found);
		if err then return fail(self, err); end
		usable = secure;
	end
	self.found, self.dane = found, found or nil;
	finish(self, plan, usable, more);
end

-- The addresses that were not given out before, without those that did not serve.
local function list_fresh(self)
	local fresh, problems = {}, self.problems;
	for i = self.taken + 1, #self.addresses do
		local address = self.addresses[i];
		if not problems or not problems[address] then fresh[#fresh + 1] = address; end
	end
	return fresh;
end

-- Why its addresses did not serve, those that did not: texts.
function endpoint_methods:list_problems()
	local texts = {};
	for _, address in ipairs(self.problems and self.addresses or {}) do texts[#texts + 1] = self.problems[address]; end
	return texts;
end

-- private. They are given out now.
function endpoint_methods:take()
	local fresh = list_fresh(self);
	self.taken = #self.addresses;
	return fresh;
end

-- private. Whether there is one, and whether there may be one later.
function endpoint_methods:has_fresh()
	if self.state ~= "ready" and self.state ~= "partial" then return false; end
	return self.taken < #self.addresses and (not self.problems or list_fresh(self)[1] ~= nil);
end

function endpoint_methods:may_give()
	return self.state ~= "failed" and (self.state ~= "ready" or self:has_fresh());
end

-- The base whose TLSA records decide (R19), with the outcome about them; or nil, nil, and why none counts. Once the plan has all answers.
function endpoint_methods:get_tlsa(plan)
	local secure = find_secure((sort_families(self)));
	local reason = refuse_dane(self, plan, secure);
	if reason then return nil, nil, reason; end
	local base, found = find_base(self, secure);
	found = get_proof(self, base) or found;
	if not found or is_open(found) then return nil, nil, "the endpoint is skipped before"; end
	return base, found;
end

-- The outcome about its addresses of that family, or nil.
function endpoint_methods:get_outcome(family)
	local found = self.outcomes[family];
	return found and not is_open(found) and found or nil;
end

-- Whether that address comes from a validated answer.
function endpoint_methods:is_secure_address(address)
	local found = self.outcomes[address:find(":", 1, true) and "AAAA" or "A"];
	for _, record in ipairs(found and found.secure and found.records or {}) do
		if record == address then return true; end
	end
	return false;
end

-- What DANE says about a connection to that address: the endpoint's dane, or nil (R16).
function endpoint_methods:dane_of(address)
	return self:is_secure_address(address) and self.dane or nil;
end

-- The name, beside the domain, that the certificate may have where no usable TLSA record decides, or nil (R27).
function endpoint_methods:reference_name()
	return self.srv_secure and self.host or nil;
end

-- srv_secure: whether the way to the endpoint's host is proven; nil while that is not known.
local function new(host, port, service, tls, priority, weight, srv_secure)
	return setmetatable({
		host = host, port = port, service = service, tls = tls, priority = priority, weight = weight, srv_secure = srv_secure;
		addresses = {}, outcomes = {}, tlsa = {};
	}, endpoint_mt);
end

-- For an IP address there is nothing to ask.
local function new_address(address, port, tls)
	local self = new(address, port, nil, tls, 0, 0, false);
	self.addresses, self.state = { address }, "ready";
	return self;
end

return { new = new, new_address = new_address, families = families };
