-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- The report of one domain: the evidence of its plan, with what a connection to each endpoint meets. It asks DNS nothing itself.

local automatic = require "xmppdns.resolver".AUTOMATIC;
local endpoint = require "xmppdns.plan.endpoint";
local plans = require "xmppdns.plan.plan";
local probe = require "xmppdns.check.probe";
local services = require "xmppdns.plan.services";
local tlsa = require "xmppdns.plan.tlsa";

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

local function is_usable(dane)
	return dane ~= nil and dane.verdict == "usable";
end

-- Records come in any order: lists are sorted, so that two reports can be compared.

local function sort_by(list, ...)
	local fields = { ... };
	table.sort(list, function (a, b)
		for _, field in ipairs(fields) do
			if a[field] ~= b[field] then return a[field] < b[field]; end
		end
		return false;
	end);
end

-- Evidence

-- How a question ended, as it stands in a report: what is bogus or failed is a problem.
local function report_outcome(run, found)
	local shown = { dnssec = found.dnssec, asked = found.asked, ttl = found.ttl, alias = found.canonname };
	if found.error then
		shown.error = report_error(found.error);
		note_problem(run.report, shown.error.text);
	end
	return shown;
end

local function report_service(run, service)
	local found = run.plan.srv[service];
	local shown = report_outcome(run, found);
	shown.service, shown.name, shown.state, shown.records = service, found.name, found.state, {};
	for i, srv in ipairs(found.records) do
		shown.records[i] = { priority = srv.priority, weight = srv.weight, port = srv.port, target = srv.target };
	end
	sort_by(shown.records, "priority", "weight", "target", "port");
	table.insert(run.report.srv, shown);
end

local function report_family(run, found)
	local shown = report_outcome(run, found);
	shown.type, shown.addresses = found.rdtype, {};
	for i, address in ipairs(found.records) do shown.addresses[i] = address; end
	table.sort(shown.addresses);
	return shown;
end

local function report_addresses(run, one)
	local addresses = {};
	for _, family in ipairs(endpoint.families) do
		local found = one:get_outcome(family);
		if found then addresses[#addresses + 1] = report_family(run, found); end
	end
	return addresses;
end

local function report_tlsa_records(shown, found)
	local reasons = tlsa.list_reasons(found.records, found.secure);
	for i, record in ipairs(found.records) do
		shown.usable = shown.usable or not reasons[i];
		shown.records[i] = {
			usage = record.use, selector = record.select, matching = record.match, data = to_hex(record.data), usable = not reasons[i], reason = reasons[i];
		};
	end
	sort_by(shown.records, "usage", "selector", "matching", "data");
end

local function report_tlsa(run, one)
	local _, found, reason = one:get_tlsa(run.plan);
	local shown = found and report_outcome(run, found) or {};
	shown.port, shown.skipped, shown.records, shown.usable = one.port, reason, {}, false;
	if found then
		shown.name = found.name;
		report_tlsa_records(shown, found);
	end
	return shown;
end

-- Endpoints

local function find_by(list, field, value)
	for _, entry in ipairs(list) do
		if entry[field] == value then return entry; end
	end
end

-- Several endpoints of one host were told the same: it is shown once, for each port.
local function report_target(run, one)
	local targets, addresses, of_port = run.report.targets, report_addresses(run, one), report_tlsa(run, one);
	local target = find_by(targets, "host", one.host);
	if not target then
		target = { host = one.host, addresses = addresses, tlsa = {} };
		table.insert(targets, target);
	end
	if not find_by(target.tlsa, "port", one.port) then table.insert(target.tlsa, of_port); end
end

local function report_endpoint(run, one)
	local shown = {
		host = one.host, port = one.port, tls = one.tls, service = one.service, priority = one.priority, weight = one.weight;
		addresses = {}, secure = one.secure, dane = is_usable(one.dane), connections = {};
	};
	for i, address in ipairs(one.addresses) do shown.addresses[i] = address; end
	if one.error then
		shown.error = report_error(one.error);
		note_problem(run.report, shown.error.text);
	end
	table.insert(run.report.endpoints, shown);
	return shown;
end

-- Dialling

-- The names that the certificate may have where no TLSA record decides (R27).
local function reference_names(run, one)
	local names, other = { run.plan.domain }, one:reference_name();
	if other ~= run.plan.domain then names[2] = other; end
	return names;
end

local function connect_endpoint(run, one, shown)
	for _, address in ipairs(one.addresses) do
		local dane = one:dane_of(address);
		local result = probe.dial(run.tasks, {
			address = address, port = one.port, tls = one.tls, domain = run.plan.domain;
			names = reference_names(run, one), dane = is_usable(dane) and dane or nil;
		}, run.options);
		table.insert(shown.connections, result);
		if result.problem then
			note_problem(run.report, ("%s port %d of %s: %s"):format(address, one.port, one.host, result.problem));
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
				connect_endpoint(run, entry.endpoint, entry.shown);
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

local function note_plan_error(run)
	local report, plan = run.report, run.plan;
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
		for _, service in ipairs(services.names) do report_service(run, service); end
	end
	local dialled = {};
	for _, one in ipairs(plan.endpoints) do
		local shown = report_endpoint(run, one);
		if not plan.is_address then report_target(run, one); end
		if not shown.error then dialled[#dialled + 1] = { endpoint = one, shown = shown }; end
	end
	note_plan_error(run);
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
		plans.endpoints(resolver, domain, {}, automatic, done);
	end);
	if plan then
		inspect_plan({ tasks = tasks, resolver = resolver, options = options, plan = plan, report = report });
	else
		report.error = report_error(err);
		note_problem(report, report.error.text);
	end
	report.status = judge(report, options.connect);
	return report;
end

return { inspect = inspect };
