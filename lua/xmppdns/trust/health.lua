-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- The resolver's health: do its servers answer, do the root's keys validate, are anchors and clock good?

local anchors_of = require "xmppdns.trust.anchors";
local authority = require "xmppdns.trust.authority";
local core = require "xmppdns.core";
local resolvers = require "xmppdns.resolver";
local witness = require "xmppdns.trust.witness";

local copy = resolvers.copy;
local RELEASED = os.time({ year = 2026, month = 11, day = 1 }); -- no clock that is right says less

-- What libunbound's reason for "bogus" means. The first that is found counts.
local CAUSES = {
	{ "signature expired", "clock" };
	{ "signature before inception", "clock" };
	{ "no DNSKEY rrset", "stripped" };
	{ "no signatures", "stripped" };
	{ "missing DNSKEY", "stripped" };
	{ "no keys have a DS", "anchors" };
	{ "DS hash mismatches key", "anchors" };
	{ "signature missing", "anchors" }; -- signed, but by no key that is trusted
};

local function find_cause(text)
	for _, cause in ipairs(CAUSES) do
		if text:find(cause[1], 1, true) then return cause[2]; end
	end
	return "other";
end

-- Where this process can open no file, no answer tells anything about servers or anchors.
local function has_descriptors()
	local file = io.open("/dev/null");
	if file then file:close(); end
	return file ~= nil;
end

-- What became of a question for the root's keys: { state = "good"|"insecure"|"bogus"|"silent"|"failed", cause, text, seconds }.
local function judge_answer(answer, err, seconds)
	if answer and answer.secure then
		return { state = "good", seconds = seconds };
	elseif err and err.code == "system" or not has_descriptors() then
		return { state = "failed", cause = "machine", text = err and err.text or "too many open files", seconds = seconds };
	elseif answer then
		return { state = "insecure", seconds = seconds };
	elseif err.code == "bogus" then
		return { state = "bogus", cause = find_cause(err.text), text = err.text, seconds = seconds };
	end
	return { state = err.code == "timeout" and "silent" or "failed", text = err.text, seconds = seconds };
end

-- callback(result), see judge_answer. probe: one of list_probes.
local function ask_probe(resolver, probe, callback)
	witness.ask(resolver, probe.resolver, probe.err, probe.server.zone or ".", 1, function (answer, failure, seconds)
		callback(judge_answer(answer, failure, seconds));
	end);
end

-- Settings

-- One server alone, with the same anchors; for its zone, if it has one of its own.
local function server_settings(run, server, transport)
	local effective = run.effective;
	local settings = {
		resolvconf = false, tls_ca = transport == "tls" and effective.tls_ca or nil, options = copy(effective.options);
		timeout = run.timeout, attempts = 1, cache_size = witness.CACHE_SIZE, max_lookups = 1;
	};
	if transport == "tcp" then settings.options["tcp-upstream:"] = "yes"; end
	if server.zone then
		settings[server.setting], settings.upstream, settings.dnssec = { [server.zone] = server.address }, "recursive", "off";
	else
		settings.forward, settings.upstream, settings.tls = server.address, "forward", effective.tls or nil;
		settings.dnssec, settings.trusted = run.validates and "opportunistic" or "off", effective.anchors;
	end
	return settings;
end

-- Findings

local function add(findings, level, topic, text, advice)
	findings[#findings + 1] = { level = level, topic = topic, text = text, advice = advice };
end

local TRANSPORT_NAMES = { udp = "UDP", tcp = "TCP", tls = "TLS" };

local function has_answered(result)
	return result.state == "good" or result.state == "insecure" or result.state == "bogus";
end

-- "answers over UDP and TCP" or "answers over UDP, fails over TCP: no answer ..."
local function describe_server(server)
	local answered, failed = {}, {};
	for _, transport in ipairs(server.transports) do
		local result, name = server[transport], TRANSPORT_NAMES[transport];
		if has_answered(result) then
			answered[#answered + 1] = name;
		else
			failed[#failed + 1] = result.state == "silent" and "does not answer over " .. name or ("fails over %s: %s"):format(name, result.text);
		end
	end
	if answered[1] then
		table.insert(failed, 1, "answers over " .. table.concat(answered, " and "));
	end
	return table.concat(failed, ", "), #answered;
end

local MACHINE_ADVICE = "this machine lacks descriptors, memory or threads: raise the limits of the service (LimitNOFILE=), or see what uses them up";

local function report_transports(run, server)
	local text, answered = describe_server(server);
	local level, advice = "good", nil;
	if server.is_unasked then
		level, advice = "problem", MACHINE_ADVICE;
	elseif answered == 0 then
		level, advice = "problem", "is it the right address, does it run, may this machine ask it, does a firewall stop DNS?";
	elseif answered < #server.transports then
		level = "warning";
		local has_udp = has_answered(server.udp);
		advice = has_udp and "large answers need TCP: let it pass" or "answers over UDP get lost, at least large ones: let them pass";
	end
	add(run.findings, level, "server", ("%s%s %s"):format(server.address, server.zone and " for " .. server.zone or "", text), advice);
end

local function report_server(run, server)
	report_transports(run, server);
	for _, transport in ipairs(server.transports) do
		server.stripped = server.stripped or server[transport].cause == "stripped";
	end
	if server.stripped then
		local only_one = run.findings.root.state == "good";
		add(run.findings, only_one and "warning" or "problem", "stripped", server.address .. " strips DNSSEC",
			only_one and "whatever it is asked first fails: remove it" or nil);
	end
end

-- Of a stub or a forward zone. A resolver may refuse what a stub asks, which is its own records alone, or answer by chance.
local function report_zone_server(run, server)
	report_transports(run, server);
	if server.kind ~= "resolver" then return; end
	local instead = server.zone == "." and ("forward = %q"):format(server.address)
		or ("forward_zones = { [%q] = %q }"):format(server.zone, server.address);
	add(run.findings, "problem", "server", ("%s is a resolver, and does not have the zone %s itself"):format(server.address, server.zone),
		instead .. " instead of stub");
end

local OTHER_SERVERS = "ask others (forward = ...), or none (upstream = \"recursive\")";

local ROOT_ADVICE = {
	stripped = ("nothing can be validated through these servers, so every lookup fails: %s; dnssec = \"off\" would trust anybody"):format(OTHER_SERVERS);
	clock = "is this machine's clock right?";
	anchors = "none of the trust anchors is a key by which the root is signed: update the file (Debian: package dns-root-data), "
		.. "or remove trusted, trustfile, autotrust";
	other = "these servers give forged or damaged keys of the root: " .. OTHER_SERVERS;
};

local function report_root(run)
	local root = run.findings.root;
	if root.state == "good" then
		add(run.findings, "good", "root", "the root's keys validate");
	elseif root.state == "insecure" and run.validates then
		add(run.findings, "problem", "root", "there is no trust anchor for the root: signed domains are not validated", ROOT_ADVICE.anchors);
	elseif root.state == "insecure" then
		add(run.findings, "warning", "root", "dnssec = \"off\": nothing is validated");
	elseif root.state == "bogus" then
		add(run.findings, "problem", "root", "the root's keys do not validate: " .. root.text, ROOT_ADVICE[root.cause]);
	else
		local advice = root.cause == "machine" and MACHINE_ADVICE or "no lookup will work until the servers answer";
		add(run.findings, "problem", "root", "the root's keys cannot be asked for: " .. root.text, advice);
	end
end

local function describe_age(changed, now)
	if not changed then return ""; end
	return (", of %s (%d days old)"):format(os.date("!%Y-%m-%d", changed), math.max(0, math.floor((now - changed) / 86400)));
end

local function report_anchors(run)
	local anchors = run.findings.anchors;
	if not run.validates then return; end
	local tags = anchors_of.root_tags(anchors);
	local text = ("trust anchors (%s%s): %s"):format(anchors.source or "none", describe_age(anchors.changed, run.now), anchors_of.describe(anchors));
	if not anchors[1] then
		add(run.findings, "problem", "anchors", text, ROOT_ADVICE.anchors);
	elseif tags.current or tags.unknown or not (tags.retired or tags.revoked) then
		add(run.findings, "good", "anchors", text);
	elseif tags.retired then
		local tag = tags.retired[1];
		add(run.findings, "warning", "anchors", ("%s; the root is no longer signed by %d, which is revoked on %s"):format(text, tag,
			anchors_of.revocation_day(tag)), ROOT_ADVICE.anchors);
	else
		add(run.findings, "warning", "anchors", text .. "; the root's only anchor is revoked", ROOT_ADVICE.anchors);
	end
end

local function report_insecure(run)
	local zones = run.effective.insecure;
	if run.validates and zones[1] then add(run.findings, "good", "insecure", "insecure by your setting: " .. table.concat(zones, ", ")); end
end

local function report_clock(run)
	local shown = os.date("!%Y-%m-%d %H:%M:%S UTC", run.now);
	if run.now < RELEASED then
		add(run.findings, "problem", "clock", ("the clock says %s, which is before this software was made"):format(shown), ROOT_ADVICE.clock);
	elseif run.findings.root.cause == "clock" then
		add(run.findings, "problem", "clock", ("the clock says %s, and by it the root's signatures are not valid"):format(shown), ROOT_ADVICE.clock);
	else
		add(run.findings, "good", "clock", "the clock says " .. shown);
	end
end

local function report_upstream(run)
	if run.effective.recursive then
		add(run.findings, "good", "server", "no server is set: libunbound asks from the root");
	end
	for _, server in ipairs(run.findings.servers) do report_server(run, server); end
	for _, server in ipairs(run.findings.zones) do report_zone_server(run, server); end
	for _, warning in ipairs(run.effective.warnings or {}) do
		add(run.findings, "warning", "settings", warning);
	end
end

local function is_stripped(findings)
	if findings.root.cause == "stripped" then return true; end
	if findings.root.state == "good" or not findings.servers[1] then return false; end
	for _, server in ipairs(findings.servers) do
		if not server.stripped then return false; end
	end
	return true;
end

local function finish(run)
	local findings = run.findings;
	if run.resolver.closed then return; end
	report_upstream(run);
	report_root(run);
	report_anchors(run);
	report_insecure(run);
	report_clock(run);
	findings.ok = true;
	for _, finding in ipairs(findings) do
		if finding.level == "problem" then findings.ok = false; end
	end
	findings.stripped = is_stripped(findings);
	findings.seconds = core.now() - run.started;
	run.callback(findings);
end

-- Probes

local function add_server(probes, servers, server, transports)
	server.transports = transports;
	table.insert(servers, server);
	for _, transport in ipairs(transports) do table.insert(probes, { server = server, transport = transport }); end
end

local function sorted_keys(t)
	local keys = {};
	for key in pairs(t) do keys[#keys + 1] = key; end
	table.sort(keys);
	return keys;
end

local function add_zone_servers(probes, run, setting)
	local zones = run.effective[setting];
	for _, zone in ipairs(sorted_keys(zones)) do
		for _, address in ipairs(zones[zone]) do
			local transports = address:find("#", 1, true) and { "tls" } or { "udp", "tcp" };
			add_server(probes, run.findings.zones, { address = address, zone = zone, setting = setting }, transports);
		end
	end
end

-- One server over one transport: { server, transport, resolver, err }.
local function list_probes(run)
	local probes = {};
	for _, address in ipairs(run.effective.servers) do
		add_server(probes, run.findings.servers, { address = address, stripped = false }, run.transports);
	end
	add_zone_servers(probes, run, "stub");
	add_zone_servers(probes, run, "forward_zones");
	return probes;
end

-- One by one, because each takes some milliseconds for which the caller's loop stands still. None is asked before done(), when all are there: once
-- asked, they set up libunbound in their threads, and whoever makes a resolver at that time waits for them.
local function make_probes(run, probes, place, done)
	local probe = probes[place];
	if not probe then return done(); end
	probe.resolver, probe.err = resolvers.new(server_settings(run, probe.server, probe.transport));
	run.resolver:after(witness.POLL_INTERVAL, function () make_probes(run, probes, place + 1, done); end);
end

local function ask_probes(run, probes, done)
	for _, probe in ipairs(probes) do
		ask_probe(run.resolver, probe, function (result)
			probe.server[probe.transport] = result;
			probe.server.is_unasked = probe.server.is_unasked or result.cause == "machine";
			done();
		end);
	end
end

local function ask_stubs(run, done)
	for _, server in ipairs(run.findings.zones) do
		if server.setting == "stub" then
			authority.ask(run.resolver, server.address, server.zone, run.timeout, function (kind)
				server.kind = kind;
				done();
			end);
		else
			run.resolver:after(0, done);
		end
	end
end

local function ask_resolver(run, done)
	run.resolver:flush("."); -- a remembered answer says nothing about now
	local started = core.now();
	run.resolver:query(".", "DNSKEY", function (answer, err)
		run.findings.root = judge_answer(answer, err, core.now() - started);
		done();
	end, { timeout = run.timeout });
end

-- Asks every server of the resolver for the root's keys, over UDP and over TCP, and the resolver itself, looks at anchors and clock, and calls
-- callback(findings) once, a few seconds later at most: { [1..n] = { level = "good"|"warning"|"problem", topic = "server"|"stripped"|"root"|"anchors"|
-- "clock"|"insecure"|"settings", text, advice = text or nil }, ok = no problem among them, stripped = whether the resolver's servers strip DNSSEC (then see
-- xmppdns.trust.recovery), root = { state = "good"|"insecure"|"bogus"|"silent"|"failed", cause = "stripped"|"clock"|"anchors"|"other"|
-- "machine" (it lacks descriptors, memory or threads)|nil, text, seconds },
-- servers = { { address, stripped, udp = as root, tcp = as root } or { address, stripped, tls = } ... }, anchors = see xmppdns.trust.anchors, seconds,
-- zones = the servers of stubs and forward zones: { { address, zone, setting = "stub"|"forward_zones", kind = "resolver"|"authority"|nil, of a stub's,
-- udp, tcp or tls as above } ... } }.
-- It is not called when the resolver is closed before. options: timeout (seconds for each question), now (seconds since 1970, instead of the clock).
local function check(resolver, callback, options)
	options = options or {};
	local effective = resolver:settings();
	local now = options.now or os.time();
	local run = {
		resolver = resolver, callback = callback, effective = effective, validates = effective.dnssec ~= "off", now = now, started = core.now();
		timeout = options.timeout or math.min(effective.timeout, witness.MOST_SECONDS);
		transports = effective.tls and { "tls" } or effective.use_vc and { "tcp" } or { "udp", "tcp" };
		findings = { servers = {}, zones = {}, anchors = anchors_of.read(effective, now) };
	};
	local probes = list_probes(run);
	local pending = #probes + #run.findings.zones + 1;
	local function done()
		pending = pending - 1;
		if pending == 0 then finish(run); end
	end
	make_probes(run, probes, 1, function ()
		ask_probes(run, probes, done);
		ask_stubs(run, done);
		ask_resolver(run, done);
	end);
end

return { check = check, OTHER_SERVERS = OTHER_SERVERS };
