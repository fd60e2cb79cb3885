-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- What an outgoing session must prove, by what DNS says of the endpoint that it reached (R21, R24-R27).
--
-- TLSA records are compared by OpenSSL during the handshake: only that sees the path of certificates which it built itself.

local is_named = require "xmppdns.prosody.identity".is_named;
local found_ssl, ssl = pcall(require, "ssl");
local found_context, context = pcall(require, "ssl.context");

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

-- true, or nil and why not
local function compare(session, cert, extra)
	local socket = session.conn:socket();
	if not cert then return nil, "there is no certificate"; end
	if not was_compared(socket, extra.tlsa) then return nil, "OpenSSL cannot compare it with the TLSA records"; end
	local is_valid, errors = socket:getpeerverification();
	if is_valid then return true; end
	local problem, is_name_only = read_errors(errors);
	-- OpenSSL knows one name of the two, and no names of SRV records or XMPP addresses.
	if is_name_only and is_named(cert, { session.to_host, extra.dane_hostname }) then return true; end
	return nil, problem;
end

-- For s2s-check-certificate, before all others: true, or false for a session that was closed, when usable TLSA records decide.
local function check_tlsa(event)
	local session = event.session;
	local extra = get_extra(session);
	if not extra.tlsa then
		event.xmppdns_targets = { extra.secure_hostname };
		return nil;
	end
	local ok, problem = compare(session, event.cert, extra);
	if ok then
		session.log("debug", "The certificate matches the TLSA records of %s", extra.dane_hostname);
		session.cert_chain_status, session.cert_identity_status = "valid", "valid";
		return true;
	end
	session.cert_chain_status, session.cert_identity_status = "invalid", nil;
	session.log("warn", "The certificate of %s does not match its TLSA records: %s", session.to_host, problem);
	session:close({ condition = "not-authorized", text = "Your server's certificate does not match its TLSA records" },
		nil, "Remote server's certificate does not match its TLSA records: " .. problem);
	return false;
end

-- Ends a session which is about to go on in the clear although there are secure TLSA records: true. Usable or not, they promise TLS.
local function refuse_cleartext(session)
	local reached = get_extra(session).xmppdns;
	if session.secure or not reached or not reached.dane then return nil; end
	session.log("warn", "%s has secure TLSA records, but offers no TLS", session.to_host);
	session:close({ condition = "policy-violation", text = "TLS is required, because you publish TLSA records, but was not offered" },
		nil, "TLS is required by its TLSA records, but was not offered");
	return true;
end

return {
	is_capable = is_capable;
	prepare = prepare;
	check_tlsa = check_tlsa;
	refuse_cleartext = refuse_cleartext;
};
