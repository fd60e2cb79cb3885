-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- What a peer that speaks for a domain has proven, by the DNS records of that domain's endpoints (R29).
--
-- Whom we would dial, we also accept; what cannot be known is refused, as it would be in the other direction: whoever can make lookups fail
-- must not be able to do without DANE.

local from_prosody = require "xmppdns.prosody.modules";
local async = from_prosody "util.async";
local lifetime = require "xmppdns.plan.lifetime";
local is_named = require "xmppdns.prosody.identity".is_named;
local match = require "xmppdns.prosody.match";

local MOST_ENDPOINTS = 20; -- looked at for one peer

-- What the session presented. list_trusted(): the authorities of the trust store.
local function read_evidence(session, list_trusted)
	local socket = session.secure and session.conn:socket();
	local cert = socket and socket.getpeercertificate and socket:getpeercertificate() or nil;
	return {
		is_secure = session.secure and true or false, cert = cert;
		chain = cert and socket.getpeerchain and socket:getpeerchain() or { cert };
		-- With TLSA records, which an outgoing connection may have, OpenSSL's verdict is about these.
		is_trusted = cert and session.direction == "incoming" and socket:getpeerverification() == true, list_trusted = list_trusted;
	};
end

-- The same as match wants it.
local function new_peer(evidence, names)
	local known; -- a certificate may have many names, and a domain many records
	local function is_peer_named()
		if known == nil then known = is_named(evidence.cert, names); end
		return known;
	end
	return {
		chain = evidence.chain, is_trusted = evidence.is_trusted, list_trusted = evidence.list_trusted;
		is_named = is_peer_named;
	};
end

-- Waits for the next endpoint inside the session's thread: the endpoint, or nil.
local function next_endpoint(plan)
	local wait, done = async.waiter();
	local found;
	plan:next(function (endpoint)
		found = endpoint;
		done();
	end);
	wait();
	return found;
end

-- Adds what one endpoint says about the evidence. has_tlsa: there are TLSA records, usable or not; has_usable; matched: the
-- endpoint whose records it matches; is_open: one of the endpoints
-- is reached without a match; targets: names, beside the domain, for which a certificate will do then (R27).
local function add_endpoint(found, evidence, remote, endpoint)
	local dane = endpoint.dane;
	if dane then found.has_tlsa = true; end
	if not dane or dane.verdict ~= "usable" then
		found.is_open = true;
		found.targets[#found.targets + 1] = endpoint:reference_name();
		return;
	end
	found.has_usable = true;
	if not evidence.cert then return; end
	local peer = new_peer(evidence, { remote, dane.base });
	found.matched = match.matches(peer, dane.records) and endpoint or nil;
end

local function look_up(session, evidence, remote, plan)
	local found = { targets = {}, plan = plan };
	for _ = 1, MOST_ENDPOINTS do
		local endpoint = next_endpoint(plan);
		if not endpoint or session.destroyed then break; end
		add_endpoint(found, evidence, remote, endpoint);
		if found.matched then break; end
	end
	return found;
end

-- Whether a failed lookup of one service counts: not if the other's answer proves the domain unsigned, for then DANE does not apply (R6).
local function is_other_insecure(plan, failed)
	for service, outcome in pairs(plan.srv) do
		if service ~= failed and not outcome.error and not outcome.secure then return true; end
	end
	return false;
end

-- What could not be looked up although it may hide TLSA records, or nil.
local function find_failure(plan)
	for service, outcome in pairs(plan.srv) do
		if outcome.error and not is_other_insecure(plan, service) then return outcome.error; end
	end
	for _, endpoint in ipairs(plan.endpoints) do
		if endpoint.error and endpoint.error.code ~= "unavailable" and endpoint.srv_secure then return endpoint.error; end
	end
end

local function refuse(condition, text, reason)
	return { state = "refused", condition = condition, text = text, reason = reason };
end

-- Somebody does not answer, which need not be the domain's fault; data that fails validation is no such thing.
local function is_outage(failure)
	return failure.code == "timeout" or failure.code == "servfail" or failure.code == "system" or failure.code == "canceled";
end

-- Whether it is the domain's records that fail, as far as we can know: data that does not validate is our own trouble where the root's does not either.
local function is_theirs(failure, plan)
	if failure.code ~= "bogus" or not plan then return false; end
	local keys = plan.resolver:peek(".", "DNSKEY");
	return keys ~= nil and keys.secure;
end

local function refuse_unknown(failure, plan)
	local text = is_theirs(failure, plan) and "Your DNS records fail validation, as seen from here"
		or "Your domain cannot be looked up from here just now: please try again later";
	local refused = refuse("remote-connection-failed", text, tostring(failure));
	refused.is_passing, refused.is_outage, refused.failure = true, is_outage(failure), failure;
	return refused;
end

-- By the authorities that are trusted, and the name.
local function is_proven_by_pkix(evidence, names)
	return evidence.is_trusted and is_named(evidence.cert, names);
end

local function refuse_cleartext(found)
	if found.has_tlsa then
		return refuse("policy-violation", "TLS is required, because you publish TLSA records", "it has secure TLSA records, but uses no TLS");
	end
	return refuse("policy-violation", "TLS is required here", "dane is \"required\", and it uses no TLS");
end

local function is_required(policy)
	return policy.dane == "required" or policy.dnssec == "required";
end

-- Whether a good certificate will do although something could not be looked up. options.remembered: domains that lately had no TLSA records.
local function may_stand_by(failure, found, remote, policy, options)
	return not is_required(policy) and is_outage(failure) and not found.has_tlsa and options.remembered:knows(remote, options.get_trust());
end

-- The verdict by what was found.
local function decide(found, evidence, policy)
	local is_needed = policy.dane == "required";
	if not evidence.is_secure and (found.has_tlsa or is_needed) then return refuse_cleartext(found); end
	if found.has_usable and (is_needed or not found.is_open) then
		return refuse("not-authorized", "Your server's certificate does not match your TLSA records", "its certificate matches none of its TLSA records");
	end
	if is_needed then
		return refuse("not-authorized", "DANE is required here", "dane is \"required\", and no TLSA record proves it");
	end
	return { state = "none", targets = found.targets };
end

local function remember(found, evidence, remote, policy, options)
	if found.has_tlsa then
		options.remembered:forget(remote);
	elseif policy.dane ~= "off" and is_proven_by_pkix(evidence, { remote }) then
		options.remembered:note(remote, options.get_stale_ttl(), options.get_trust());
	end
end

-- The verdict, once the plan has told what it can. failure: see find_failure.
local function conclude(found, failure, evidence, remote, policy, options)
	if found.matched then return { state = "dane" }; end
	if failure then
		local may_pass = may_stand_by(failure, found, remote, policy, options) and is_proven_by_pkix(evidence, { remote });
		return may_pass and { state = "pkix" } or refuse_unknown(failure, found.plan);
	end
	remember(found, evidence, remote, policy, options);
	return decide(found, evidence, policy);
end

-- What DNS has said, for whoever asks about the peer.
local function add_origin(verdict, found)
	local plan, one = found.plan, found.matched;
	verdict.srv_secure, verdict.ends = plan.secure, lifetime.find_end(plan, one);
	verdict.endpoint = one and { host = one.host, port = one.port, tls = one.tls } or nil;
	return verdict;
end

-- In the session's thread: the verdict about a peer that speaks for the remote domain. options: get_plan(remote, policy) -> plan | nil, err;
-- list_trusted(session) -> the trust store's certificates; remembered: see may_stand_by; get_stale_ttl() -> seconds;
-- get_trust() -> the resolver's trust epoch.
local function judge(session, remote, policy, options)
	if policy.dane == "off" and policy.dnssec ~= "required" then return { state = "none" }; end
	local evidence = read_evidence(session, function () return options.list_trusted(session); end);
	local plan, err = options.get_plan(remote, policy);
	if not plan then return refuse_unknown(err); end
	if plan.error then return refuse("not-authorized", "What is required here cannot be proven for your domain", plan.error.text); end
	local found = look_up(session, evidence, remote, plan);
	local failure = find_failure(plan);
	plan:close();
	if session.destroyed then return refuse("remote-connection-failed", "The stream has ended", "its stream has ended"); end
	return add_origin(conclude(found, failure, evidence, remote, policy, options), found);
end

return { judge = judge };
