-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- One endpoint, dialled as a server would, up to its certificate: whether that matches. Needs LuaSocket with LuaSec.

local certificate_of = require "xmppdns.check.certificate";
local core = require "xmppdns.core";
local to_hex = require "xmppdns.check.certificate".to_hex;

local MOST_BYTES = 65536; -- of a stream before TLS
local CA_FILES = { "/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem" };

local NO_AUTHORITIES = "the certificate cannot be judged: this machine has no bundle of authorities (Debian: ca-certificates; or --cafile)";

local STREAM = "<?xml version='1.0'?><stream:stream xmlns='jabber:%s' xmlns:stream='http://etherx.jabber.org/streams' to='%s' version='1.0'>";
local STARTTLS = "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>";

local new_context;

-- Whether it can be done with these options: true, or nil and what is missing or wrong.
local function available(options)
	for _, name in ipairs({ "socket", "ssl" }) do
		if not pcall(require, name) then
			local package = name == "socket" and "LuaSocket (Debian: lua-socket)" or "LuaSec (Debian: lua-sec)";
			return nil, ("dialling needs %s for %s"):format(package, _VERSION);
		end
	end
	local context, problem = new_context({}, options);
	return context and true, problem;
end

-- The authorities that vouch, or nil where this machine has none.
local function find_ca_file(options)
	if options.cafile then return options.cafile; end
	for _, path in ipairs(options.ca_files or CA_FILES) do
		local file = io.open(path, "rb");
		if file then
			file:close();
			return path;
		end
	end
end

-- Steps. Each gives something true, or nil and why.

local function open_socket(run)
	local socket = require "socket";
	local is_ipv6 = run.target.address:find(":", 1, true);
	local conn, problem = (is_ipv6 and socket.tcp6 or socket.tcp4)();
	if not conn then return nil, problem; end
	run.conn = conn;
	conn:settimeout(0);
	local connected, why = conn:connect(run.target.address, run.target.port);
	if not connected and why ~= "timeout" then return nil, why; end
	if not connected and not run.tasks:wait_for(conn, "write", run.deadline) then return nil, "no answer in time"; end
	if not conn:getpeername() then return nil, conn:getoption("error") or "cannot connect"; end
	return true;
end

local function send(run, data)
	local place = 1;
	while place <= #data do
		local last, problem, partial = run.conn:send(data, place);
		if not last and problem ~= "timeout" then return nil, problem; end
		place = (last or partial) + 1;
		if not last and not run.tasks:wait_for(run.conn, "write", run.deadline) then return nil, "no answer in time"; end
	end
	return true;
end

-- Reads on until one of the patterns is found; gives which.
local function receive(run, ...)
	local received = "";
	while #received < MOST_BYTES do
		local data, problem, partial = run.conn:receive(4096);
		received = received .. (data or partial or "");
		for i, pattern in ipairs({ ... }) do
			if received:find(pattern) then return i, received; end
		end
		if not data and problem ~= "timeout" then return nil, problem; end
		if not data and not run.tasks:wait_for(run.conn, "read", run.deadline) then return nil, "no answer in time"; end
	end
	return nil, "too much data before TLS";
end

local function escape_xml(text)
	return (text:gsub("[<>&'\"]", { ["<"] = "&lt;", [">"] = "&gt;", ["&"] = "&amp;", ["'"] = "&apos;", ['"'] = "&quot;" }));
end

-- The condition of a stream error: "host-unknown".
local function stream_error(received)
	local condition = received:match("<stream:error.->%s*<([%w-]+)[^>]*urn:ietf:params:xml:ns:xmpp%-streams");
	return "stream error" .. (condition and ": " .. condition or "");
end

local function start_tls_stream(run)
	local sent, problem = send(run, STREAM:format(run.target.party or "server", escape_xml(run.target.domain)));
	if not sent then return nil, problem; end
	local found, received = receive(run, "</stream:features>", "<stream:features%s*/>", "<stream:error.-</stream:error>");
	if not found then return nil, received; end
	if found == 3 then return nil, stream_error(received); end
	if not received:find("urn:ietf:params:xml:ns:xmpp-tls", 1, true) then return nil, "STARTTLS is not offered"; end
	sent, problem = send(run, STARTTLS);
	if not sent then return nil, problem; end
	found, received = receive(run, "<proceed[^>]*>", "<failure[^>]*>", "<stream:error.-</stream:error>");
	if not found then return nil, received; end
	return found == 1, "STARTTLS is refused";
end

function new_context(target, options)
	return require "ssl".newcontext({
		mode = "client", protocol = "any", options = { "all", "no_sslv2", "no_sslv3" };
		verify = "peer", verifyext = { "lsec_continue", "lsec_ignore_purpose" }; -- goes on, so that the report can say what is wrong
		cafile = find_ca_file(options);
		alpn = target.tls == "direct" and "xmpp-" .. (target.party or "server") or nil;
		dane = target.dane and { "no_ee_namechecks" } or nil; -- R25
	});
end

local function set_dane(conn, dane)
	conn:setdane(dane.base);
	for _, record in ipairs(dane.records) do
		conn:settlsa(record.use, record.select, record.match, record.data);
	end
end

local function start_tls(run)
	local context, problem = new_context(run.target, run.options);
	if not context then return nil, problem; end
	local conn, why = require "ssl".wrap(run.conn, context);
	if not conn then return nil, why; end
	run.conn = conn;
	conn:settimeout(0);
	conn:sni(run.target.domain); -- before setdane, which would set its own (R28)
	if run.target.dane then set_dane(conn, run.target.dane); end
	while true do
		local done, wish = conn:dohandshake();
		if done then return true; end
		if wish ~= "wantread" and wish ~= "wantwrite" then return nil, "TLS: " .. tostring(wish); end
		if not run.tasks:wait_for(conn, wish == "wantread" and "read" or "write", run.deadline) then return nil, "TLS: no answer in time"; end
	end
end

-- Certificates

-- Whether the certificate's name stands for the wanted one: a "*" is one whole label, the first (RFC 6125).
local function is_name_for(name, wanted, party)
	if name.kind == "SRV" then
		local of_party, host = name.name:match("^_xmpps?%-(%l+)%.(.+)$");
		return of_party == party and host == wanted;
	end
	local parent = name.kind == "DNS" and name.name:match("^%*%.(.+)$");
	if parent then return parent == wanted:match("^[^.]+%.(.+)$"); end
	return name.name == wanted;
end

local function find_name(names, wanted, party)
	for _, reference in ipairs(wanted) do
		for _, name in ipairs(names) do
			if is_name_for(name, reference, party) then return reference; end
		end
	end
end

-- One text for what LuaSec says about a chain.
local function describe_chain(problems)
	if type(problems) ~= "table" then return tostring(problems); end
	local texts, seen = {}, {};
	local depths = {};
	for depth in pairs(problems) do
		if type(depth) == "number" then depths[#depths + 1] = depth; end
	end
	table.sort(depths);
	for _, depth in ipairs(depths) do
		for _, text in ipairs(problems[depth]) do
			if not seen[text] then texts[#texts + 1] = text; end
			seen[text] = true;
		end
	end
	return texts[1] and table.concat(texts, ", ") or tostring(problems.error or "the chain is not trusted");
end

local function list_names(names)
	local texts = {};
	for i, name in ipairs(names) do texts[i] = name.name; end
	return texts[1] and table.concat(texts, ", ") or "no name at all";
end

-- The records as { usage, selector, matching, data }, and what they would have to be for this certificate, without duplicates.
local function list_fingerprints(records, certificate)
	local published, served, seen = {}, {}, {};
	for i, record in ipairs(records) do
		published[i] = { usage = record.use, selector = record.select, matching = record.match, data = to_hex(record.data) };
		local kind = ("%d %d %d"):format(record.use, record.select, record.match);
		local data = not seen[kind] and certificate_of.association(certificate, record.select, record.match);
		seen[kind] = true;
		if data then served[#served + 1] = { usage = record.use, selector = record.select, matching = record.match, data = data }; end
	end
	return published, served;
end

-- Fills in match = "dane"|"name"|nil, or problem.
local function judge_certificate(run)
	local result, target = run.result, run.target;
	local certificate = run.conn:getpeercertificate();
	if not certificate then
		result.problem = "no certificate";
		return;
	end
	local names = certificate_of.list_names(certificate);
	local is_valid, problems = run.conn:getpeerverification();
	local reference = find_name(names, target.names, target.party or "server");
	result.names, result.expires, result.ends = {}, certificate:notafter(), certificate_of.read_end(certificate);
	run.certificate = certificate;
	for i, name in ipairs(names) do result.names[i] = name.name; end
	if target.dane then
		result.match = is_valid and "dane" or nil;
		result.problem = not is_valid and "the certificate matches no TLSA record: " .. describe_chain(problems) or nil;
		if not is_valid then result.published, result.served = list_fingerprints(target.dane.records, certificate); end
	elseif not is_valid and not find_ca_file(run.options) and not describe_chain(problems):find("expired", 1, true) then
		result.unjudged, result.problem = true, NO_AUTHORITIES;
	elseif not is_valid then
		result.problem = "the certificate is not trusted: " .. describe_chain(problems);
	elseif not reference then
		result.problem = ("the certificate is for %s, not for %s"):format(list_names(names), table.concat(target.names, " or "));
	else
		result.match, result.name = "name", reference;
	end
end

local function describe_tls(run)
	local info = run.conn:info() or {};
	run.result.protocol, run.result.cipher = info.protocol, info.cipher;
	run.result.alpn = run.conn.getalpn and run.conn:getalpn() or nil;
end

-- In a task of tasks: dials target = { address, port, tls = "direct"|"starttls", domain (for SNI and the stream), names (which the certificate may
-- have), party ("server", or "client" to dial as one), dane = { base, records = { { use, select, match, data }, ... } } or nil }. Gives { address,
-- connected, protocol, cipher, alpn, names, expires, ends (seconds since 1970), match = "dane"|"name"|nil, name = which one, problem = text or nil,
-- unjudged (nobody can vouch on this machine), published, served: where they do not match, the TLSA records and what they would have to be }, and
-- LuaSec's certificate where there was one.
-- options: timeout (seconds for all of it), cafile, ca_files (where to look for one instead of the usual places).
local function dial(tasks, target, options)
	local run = { tasks = tasks, target = target, options = options, deadline = core.now() + options.timeout };
	run.result = { address = target.address, connected = false };
	local ok, problem = open_socket(run);
	if ok then
		run.result.connected = true;
		if target.tls ~= "direct" then ok, problem = start_tls_stream(run); end
	end
	if ok then ok, problem = start_tls(run); end
	if ok then
		describe_tls(run);
		judge_certificate(run);
	else
		run.result.problem = problem;
	end
	if run.conn then run.conn:close(); end
	return run.result, run.certificate;
end

return { available = available, dial = dial };
