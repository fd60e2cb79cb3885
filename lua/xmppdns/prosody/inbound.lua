-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- Whether an incoming session's certificate is one of the domain that it claims, by the TLSA records of that domain's endpoints (R29).
--
-- What cannot be known is refused, as it would be in the other direction: whoever can make lookups fail must not be able to do without DANE.

local from_prosody = require "xmppdns.prosody.modules";
local async = from_prosody "util.async";
local is_named = require "xmppdns.prosody.identity".is_named;
local match = require "xmppdns.prosody.match";

local MOST_ENDPOINTS = 20; -- looked at for one peer

-- What the session presented, as match wants it.
local function new_peer(session, cert, base)
	local socket = session.conn:socket();
	return {
		leaf = cert, chain = socket.getpeerchain and socket:getpeerchain() or { cert };
		is_trusted = socket:getpeerverification() == true;
		is_named = function () return is_named(cert, { session.from_host, base }); end;
	};
end

local function compare(session, cert, dane)
	if not cert then return "mismatch"; end
	local peer = new_peer(session, cert, dane.base);
	if match.matches(peer, dane.records) then return "valid"; end
	return match.may_be_unseen(peer, dane.records) and "unseen" or "mismatch";
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

-- "valid"; "mismatch" (there are usable records, but none of them matches); "unseen" (a record may be about an authority that was not
-- presented: PKIX must do); "none"; or nil and the error of what could not be looked up.
local function look_up(session, cert, plan, targets)
	local verdict = "none";
	for _ = 1, MOST_ENDPOINTS do
		local endpoint = next_endpoint(plan);
		if not endpoint then break; end
		if session.destroyed then break; end
		if endpoint.dane and endpoint.dane.verdict == "usable" then
			local result = compare(session, cert, endpoint.dane);
			if result == "valid" then return result; end
			if verdict ~= "mismatch" then verdict = result; end
		else
			targets[#targets + 1] = endpoint:reference_name();
		end
	end
	return verdict;
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

local function close(session, condition, text, reason)
	session.log("warn", "%s is refused: %s", session.from_host, reason);
	session.cert_chain_status, session.cert_identity_status = "invalid", nil;
	session:close({ condition = condition, text = text });
	return false;
end

local function refuse_mismatch(session)
	return close(session, "not-authorized", "Your server's certificate does not match your TLSA records", "its certificate matches none of its TLSA records");
end

local function refuse_unknown(session, failure)
	return close(session, "remote-connection-failed", "Your DNS records cannot be looked up", tostring(failure));
end

local function is_pkix_valid(session, cert)
	return cert and session.conn:socket():getpeerverification() == true and is_named(cert, { session.from_host });
end

-- Inside the session's thread. plan: for the domain that the session claims; required: nothing but a match will do.
-- Gives true (the certificate is proven), false (the session was closed) or nil (DANE says nothing; then targets are filled).
local function check(session, cert, plan, required, targets)
	local verdict = look_up(session, cert, plan, targets);
	local failure = verdict ~= "valid" and find_failure(plan);
	plan:close();
	if session.destroyed then return false; end
	if verdict == "valid" then
		session.log("info", "The certificate of %s matches its TLSA records", session.from_host);
		session.cert_chain_status, session.cert_identity_status = "valid", "valid";
		return true;
	end
	if failure then return refuse_unknown(session, failure); end
	if verdict == "mismatch" or verdict == "unseen" and not is_pkix_valid(session, cert) then return refuse_mismatch(session); end
	if required then return close(session, "not-authorized", "DANE is required here", "dane is \"required\", and no TLSA record proves it"); end
	return nil;
end

-- For s2s-check-certificate, before all others: true, false or nil as above. options: get_plan(session) -> plan | nil, err (nil alone: DANE
-- is off); is_required(session).
local function check_certificate(event, options)
	local session, cert = event.session, event.cert;
	if session.direction ~= "incoming" or not event.host then return nil; end
	local plan, err = options.get_plan(session);
	if not plan then return err and refuse_unknown(session, err) or nil; end
	local targets = {};
	local verdict = check(session, cert, plan, options.is_required(session), targets);
	if verdict == nil then event.xmppdns_cert, event.cert = cert, nil; end -- hides it from Prosody 13's own DANE, which has no say any more
	event.xmppdns_targets = targets;
	return verdict;
end

-- For the same event, after Prosody 13's own DANE.
local function show_certificate(event)
	event.cert = event.cert or event.xmppdns_cert;
end

return { check_certificate = check_certificate, show_certificate = show_certificate };
