-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- What an outgoing session must prove, by what DNS says of the endpoint that it reached (R21, R24-R27).
--
-- TLSA records are compared by OpenSSL during the handshake: only that sees the path of certificates which it built itself. Prosody's network
-- backends select and event give it none: there the records that are about the certificate alone are compared afterwards.

local from_prosody = require "xmppdns.prosody.modules";
local is_named = require "xmppdns.prosody.identity".is_named;
local matches = require "xmppdns.prosody.match".matches;
local found_ssl, ssl = pcall(require, "ssl");
local found_context, context = pcall(require, "ssl.context");

local DANE_EE = 3;

local is_capable = found_ssl and found_context and ssl.config and ssl.config.capabilities.dane and context.setdane and true or false;

-- What s2s_resolver gave to net.connect with the address: its extra, or an empty table.
local function get_extra(session)
	return session.direction == "outgoing" and session.conn and session.conn.extra or {};
end

-- Makes TLS contexts able to compare TLSA records, as Prosody's use_dane does: of no consequence where a connection is given none.
local function prepare(session)
	local ctx = session.ssl_ctx;
	if not is_capable or not ctx then return; end
	context.setdane(type(ctx) == "table" and ctx._inner or ctx, "no_ee_namechecks"); -- R25. 13 wraps LuaSec's
end

-- Whether OpenSSL has compared, and with at least one of the records: it tells by taking them once more.
local function was_compared(socket, records)
	if not socket.settlsa then return false; end
	for _, record in ipairs(records) do
		if socket:settlsa(record.use, record.select, record.match, record.data) then return true; end
	end
	return false;
end

-- One text for what LuaSec says about a chain, and whether that is nothing but its name.
local function read_errors(errors)
	if type(errors) ~= "table" then return tostring(errors), false; end
	local texts, seen = {}, {};
	for _, of_certificate in pairs(errors) do
		for _, text in ipairs(type(of_certificate) == "table" and of_certificate or { tostring(of_certificate) }) do
			if not seen[text] then texts[#texts + 1] = text; end
			seen[text] = true;
		end
	end
	return table.concat(texts, ", "), #texts == 1 and texts[1]:lower() == "hostname mismatch";
end

-- Where OpenSSL has compared nothing: true, or nil and why not.
local function compare_alone(cert, records)
	local backend, of_certificate = from_prosody "net.server".get_backend(), {};
	if not is_capable or backend == "epoll" then return nil, "OpenSSL cannot compare it with the TLSA records"; end
	for _, record in ipairs(records) do
		if record.use == DANE_EE then of_certificate[#of_certificate + 1] = record; end
	end
	if matches({ chain = { cert } }, of_certificate) then return true; end
	if #of_certificate == #records then return nil, "no matching DANE TLSA records"; end
	return nil, ("Prosody's network backend (%s) compares none but those of usage 3"):format(backend);
end

-- true, or nil and why not
local function compare(session, cert, extra)
	local socket = session.conn:socket();
	if not cert then return nil, "there is no certificate"; end
	if not was_compared(socket, extra.tlsa) then return compare_alone(cert, extra.tlsa); end
	local is_valid, errors = socket:getpeerverification();
	if is_valid then return true; end
	local problem, is_name_only = read_errors(errors);
	-- OpenSSL knows one name of the two, and no names of SRV records or XMPP addresses.
	if is_name_only and is_named(cert, { session.to_host, extra.dane_hostname }) then return true; end
	return nil, problem;
end

local function refuse(condition, text, reason)
	return { state = "refused", condition = condition, text = text, reason = reason };
end

-- Usable or not, TLSA records promise TLS.
local function judge_cleartext(dane, policy)
	if dane then
		return refuse("policy-violation", "TLS is required, because you publish TLSA records, but was not offered",
			"TLS is required by its TLSA records, but was not offered");
	elseif policy.dane == "required" then
		return refuse("policy-violation", "TLS is required here, but was not offered", "TLS is required, because dane is \"required\", but was not offered");
	end
	return { state = "none" };
end

local function judge_tlsa(session, extra)
	local socket = session.conn:socket();
	local ok, problem = compare(session, socket.getpeercertificate and socket:getpeercertificate(), extra);
	if ok then return { state = "dane" }; end
	return refuse("not-authorized", "Your server's certificate does not match its TLSA records",
		"Remote server's certificate does not match its TLSA records: " .. problem);
end

-- What nobody has looked up here proves nothing: not a resolver of another module, and no session from before.
local function judge_unproven(extra, policy)
	if policy.dane == "required" then
		return refuse("not-authorized", "DANE is required here", "dane is \"required\", and no TLSA record proves this server");
	elseif policy.dnssec == "required" and not extra.xmppdns then
		return refuse("not-authorized", "DNSSEC is required here", "dnssec is \"required\", and this server's address was not looked up with it");
	end
	return { state = "none", targets = { extra.secure_hostname } };
end

-- Whether what was proven about the endpoint rests on another trust than now, for a session that is still to be let in.
local function is_outdated(session, reached)
	if session.type ~= "s2sout_unauthed" or not reached or not reached.trust then return false; end
	local resolver = reached.plan.resolver;
	return resolver.closed or resolver:trust_epoch() ~= reached.trust;
end

-- The verdict about the endpoint that was reached. It waits for nothing.
local function judge(session, policy)
	local extra = get_extra(session);
	if is_outdated(session, extra.xmppdns) then
		return refuse("remote-connection-failed", "What is known about your server has just changed: please try again",
			"what is trusted has changed since its server was looked up");
	end
	if not session.secure then
		local found = judge_cleartext(extra.xmppdns and extra.xmppdns.dane, policy);
		return found.state == "refused" and found or judge_unproven(extra, policy);
	end
	if extra.tlsa then return judge_tlsa(session, extra); end
	return judge_unproven(extra, policy);
end

return {
	is_capable = is_capable;
	prepare = prepare;
	judge = judge;
};
