-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- What a plan has seen, as it stands in a report. run: { resolver, plan, report }; the report has lists: srv, targets, endpoints, problems.

local endpoint = require "xmppdns.plan.endpoint";
local to_hex = require "xmppdns.check.certificate".to_hex;
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
	if found.dnssec == "insecure" then shown.by_setting = run.resolver:is_insecure_by_setting(found.name, found.canonname) or nil; end
	if found.error then
		shown.error = report_error(found.error);
		note_problem(run.report, shown.error.text);
	end
	return shown;
end

-- found: the outcome of the service's SRV records, with state.
local function report_service(run, service, found)
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

return {
	is_usable = is_usable, note_problem = note_problem, report_endpoint = report_endpoint, report_error = report_error;
	report_service = report_service, report_target = report_target;
};
