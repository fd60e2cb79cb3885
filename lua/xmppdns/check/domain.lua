-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- Everything that DNS says about one domain's XMPP server, and what a connection to it would meet, as one table to report from.

local connector = require "xmppdns.plan.plan";
local dane = require "xmppdns.plan.tlsa";
local dialler = require "xmppdns.check.probe";

local SERVICES = { "xmpps-server", "xmpp-server" };
local FAMILIES = { "AAAA", "A" };
local QUERY_OPTIONS = { automatic = true };  -- as the plugin asks

-- Reports

local function report_error(err)
	return { code = err.code, text = tostring(err) };
end

local function note_problem(report, text)
	for _, known in ipairs(report.problems) do
		if known == text then return; end
	end
	table.insert(report.problems, text);
end

local function to_hex(bytes)
	return (bytes:gsub(".", function (byte) return ("%02x"):format(byte:byte()); end));
end

-- Answers. Their records come in any order: lists are sorted, so that two reports can be compared.

local function sort_by(list, ...)
	local fields = { ... };
	table.sort(list, function (a, b)
		for _, field in ipairs(fields) do
			if a[field] ~= b[field] then return a[field] < b[field]; end
		end
		return false;
	end);
end

-- { dnssec = "secure"|"insecure"|"bogus"|"failed", ttl, alias, error } and the answer
local function ask(run, name, rdtype)
	local answer, err = run.tasks:await(function (done)
		run.resolver:query(name, rdtype, done, QUERY_OPTIONS);
	end);
	if not answer then
		return { dnssec = err.code == "bogus" and "bogus" or "failed", error = report_error(err) };
	end
	return { dnssec = answer.secure and "secure" or "insecure", ttl = answer.ttl, alias = answer.canonname }, answer;
end

local function inspect_service(run, service)
	local plan, name = run.plan, ("_%s._tcp.%s"):format(service, run.plan.domain);
	local found, answer = ask(run, name, "SRV");
	found.service, found.name, found.state, found.records = service, name, plan.srv[service].state, {};
	for i, record in ipairs(answer or {}) do
		local srv = record.srv;
		found.records[i] = { priority = srv.priority, weight = srv.weight, port = srv.port, target = srv.target };
	end
	sort_by(found.records, "priority", "weight", "target", "port");
	table.insert(run.report.srv, found);
end

local function inspect_addresses(run, host)
	local target = { host = host, addresses = {}, tlsa = {} };
	for _, family in ipairs(FAMILIES) do
		local found, answer = ask(run, host, family);
		found.type, found.addresses = family, {};
		for i, record in ipairs(answer or {}) do found.addresses[i] = record[family:lower()]; end
		table.sort(found.addresses);
		table.insert(target.addresses, found);
	end
	table.insert(run.report.targets, target);
	return target;
end

-- TLSA

local function tlsa_key(tlsa)
	return ("%d %d %d %s"):format(tlsa.use, tlsa.select, tlsa.match, tlsa.data);
end

-- Those that count among the records (R23), by tlsa_key.
local function find_usable(answer)
	local records, usable = {}, {};
	for i, record in ipairs(answer) do records[i] = record.tlsa; end
	local _, kept = dane.judge(records);
	for _, tlsa in ipairs(kept) do usable[tlsa_key(tlsa)] = true; end
	return usable;
end

local function list_tlsa(found, answer)
	found.records, found.usable = {}, false;
	local counts, usable = find_usable(answer or {}), {};
	for i, record in ipairs(answer or {}) do
		local tlsa = record.tlsa;
		local reason = dane.refuse(tlsa) or not counts[tlsa_key(tlsa)] and "there is a stronger digest" or nil;
		if not reason and not answer.secure then reason = "not secured by DNSSEC"; end
		found.records[i] = { usage = tlsa.use, selector = tlsa.select, matching = tlsa.match, data = to_hex(tlsa.data), usable = not reason, reason = reason };
		if not reason then usable[#usable + 1] = tlsa; end
	end
	sort_by(found.records, "usage", "selector", "matching", "data");
	found.usable = usable[1] ~= nil;
	return usable;
end

-- Where TLSA records may lie: below what the host's alias leads to, then below the host (R19).
local function tlsa_bases(target)
	local bases = {};
	for _, found in ipairs(target.addresses) do
		if found.alias and found.dnssec == "secure" and not bases[1] then bases[1] = found.alias; end
	end
	bases[#bases + 1] = target.host;
	return bases;
end

-- Why no TLSA record is asked for (R16, R18), or nil.
local function refuse_dane(run, endpoint, target)
	local settings = run.resolver:settings();
	if settings.dane == "off" or settings.dnssec == "off" then return "switched off by the settings"; end
	if not endpoint.srv_secure then return "the SRV answer is not secure"; end
	for _, found in ipairs(target.addresses) do
		if found.dnssec == "secure" and found.addresses[1] then return nil; end
	end
	return "no address is secure";
end

-- Adds the report of the endpoint's TLSA records; gives { base, records }, or nil when there is none that can be used.
local function inspect_tlsa(run, endpoint, target)
	local found = { port = endpoint.port, records = {}, usable = false, skipped = refuse_dane(run, endpoint, target) };
	table.insert(target.tlsa, found);
	if found.skipped then return nil; end
	for _, base in ipairs(tlsa_bases(target)) do
		local name = dane.owner_name(base, endpoint.port);
		local result, answer = ask(run, name, "TLSA");
		local usable = list_tlsa(result, answer);
		for key, value in pairs(result) do found[key] = value; end
		found.name = name;
		if found.usable then return { base = base, records = usable }; end
		if found.records[1] or found.error then return nil; end
	end
end

-- Endpoints

local function find_target(run, endpoint)
	for _, target in ipairs(run.report.targets) do
		if target.host == endpoint.host then return target; end
	end
	return inspect_addresses(run, endpoint.host);
end

local function has_tlsa(target, port)
	for _, found in ipairs(target.tlsa) do
		if found.port == port then return true; end
	end
	return false;
end

local function report_endpoint(run, endpoint)
	local shown = {
		host = endpoint.host, port = endpoint.port, tls = endpoint.tls, service = endpoint.service, priority = endpoint.priority;
		weight = endpoint.weight, addresses = {}, secure = endpoint.secure, dane = false, connections = {};
	};
	for i, address in ipairs(endpoint.addresses) do shown.addresses[i] = address; end
	if endpoint.error then
		shown.error = report_error(endpoint.error);
		note_problem(run.report, shown.error.text);
	end
	table.insert(run.report.endpoints, shown);
	return shown;
end

-- R20: without an answer about TLSA there is no connection.
local function refuse_endpoint(run, shown, target)
	for _, found in ipairs(target.tlsa) do
		if found.port == shown.port and found.error and not shown.error then
			shown.error = found.error;
			note_problem(run.report, found.error.text);
		end
	end
end

local function inspect_endpoint(run, endpoint)
	local shown = report_endpoint(run, endpoint);
	local published = endpoint.dane and endpoint.dane.verdict == "usable" and endpoint.dane or nil;
	if not run.plan.is_address then
		local target = find_target(run, endpoint);
		local known = run.dane[endpoint.host .. " " .. endpoint.port];
		if not has_tlsa(target, endpoint.port) then
			known = inspect_tlsa(run, endpoint, target);
			run.dane[endpoint.host .. " " .. endpoint.port] = known;
		end
		published = published or known;
		refuse_endpoint(run, shown, target);
	end
	shown.dane = published ~= nil;
	return shown, published;
end

-- Dialling

-- R27: the names that the certificate may have where no TLSA record decides.
local function reference_names(run, endpoint)
	local names = { run.plan.domain };
	if endpoint.srv_secure and endpoint.host ~= run.plan.domain then names[2] = endpoint.host; end
	return names;
end

local function connect_endpoint(run, endpoint, shown, published)
	for _, address in ipairs(endpoint.addresses) do
		local result = dialler.dial(run.tasks, {
			address = address, port = endpoint.port, tls = endpoint.tls, domain = run.plan.domain;
			names = reference_names(run, endpoint), dane = published;
		}, run.options);
		table.insert(shown.connections, result);
		if result.problem then
			note_problem(run.report, ("%s port %d of %s: %s"):format(address, endpoint.port, endpoint.host, result.problem));
		end
	end
end

-- All endpoints at a time.
local function connect_all(run, dialled)
	run.tasks:await(function (done)
		local pending = #dialled + 1;
		local function ended()
			pending = pending - 1;
			if pending == 0 then done(); end
		end
		for _, entry in ipairs(dialled) do
			run.tasks:spawn(function ()
				connect_endpoint(run, entry.endpoint, entry.shown, entry.dane);
				ended();
			end);
		end
		ended();
	end);
end

-- The verdict

local function has_match(shown)
	for _, connection in ipairs(shown.connections) do
		if connection.match then return true; end
	end
	return false;
end

-- "good", "degraded" (a server can be reached, but not everything is right), or "unreachable".
local function judge(report, connected)
	local reachable = false;
	for _, shown in ipairs(report.endpoints) do
		if not shown.error and (not connected or has_match(shown)) then reachable = true; end
	end
	if not reachable then return "unreachable"; end
	return report.problems[1] and "degraded" or "good";
end

local function note_plan_problems(run)
	local report, plan = run.report, run.plan;
	for _, found in ipairs(report.srv) do
		if found.error then note_problem(report, found.error.text); end
	end
	if not plan.error then return; end
	report.error = report_error(plan.error);
	if not report.problems[1] then note_problem(report, report.error.text); end
end

local function note_left_out(run)
	local count = run.plan.left_out;
	run.report.left_out = count;
	if count == 0 then return; end
	note_problem(run.report, ("max_endpoints leaves out %d endpoints of %s"):format(count, run.plan.domain));
end

local function inspect_plan(run)
	local plan, report = run.plan, run.report;
	report.domain, report.secure = plan.domain, plan.secure;
	if not plan.is_address then
		for _, service in ipairs(SERVICES) do inspect_service(run, service); end
	end
	local dialled = {};
	for _, endpoint in ipairs(plan.endpoints) do
		local shown, published = inspect_endpoint(run, endpoint);
		if not shown.error then dialled[#dialled + 1] = { endpoint = endpoint, shown = shown, dane = published }; end
	end
	note_plan_problems(run);
	note_left_out(run);
	if run.options.connect then connect_all(run, dialled); end
end

-- In a task of tasks: the report of one domain, as it stands below "domains" in the JSON of xmppdns.check.command.
-- options: connect, and those of xmppdns.check.probe.
local function inspect(tasks, resolver, domain, options)
	local report = {
		given = domain, domain = domain, secure = false;
		srv = {}, targets = {}, endpoints = {}, left_out = 0, problems = {};
	};
	local plan, err = tasks:await(function (done)
		connector.endpoints(resolver, domain, {}, QUERY_OPTIONS, done);
	end);
	if plan then
		inspect_plan({ tasks = tasks, resolver = resolver, options = options, plan = plan, report = report, dane = {} });
	else
		report.error = report_error(err);
		note_problem(report, report.error.text);
	end
	report.status = judge(report, options.connect);
	return report;
end

return { inspect = inspect };
