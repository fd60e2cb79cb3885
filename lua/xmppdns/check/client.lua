-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- The report of a domain's services for clients: SRV records, targets, and what a client meets there.

local automatic = require "xmppdns.resolver".AUTOMATIC;
local dialling = require "xmppdns.check.dialling";
local evidence = require "xmppdns.check.evidence";
local outcome = require "xmppdns.plan.outcome";
local plans = require "xmppdns.plan.plan";

local SERVICES = { { name = "xmpps-client", tls = "direct" }, { name = "xmpp-client", tls = "starttls" } };

local function judge(found)
	if found.error then return "failed"; end
	for _, record in ipairs(found.records) do
		if record.target ~= "." then return "data"; end
	end
	return found.records[1] and "unavailable" or "absent";
end

local function ask_service(run, service)
	local name = ("_%s._tcp.%s"):format(service.name, run.plan.domain);
	local found = run.tasks:await(function (done) outcome.ask(run.resolver, name, "SRV", automatic, done); end);
	found.state = judge(found);
	return found;
end

-- The plan for one SRV record, which begins where an operator would have named its endpoint.
local function plan_record(run, service, found, record)
	return run.tasks:await(function (done)
		plans.endpoints(run.resolver, run.plan.domain, {
			endpoint = { host = record.target, port = record.port, tls = service.tls }, dane = not found.secure and "off" or nil;
		}, automatic, done);
	end);
end

local function inspect_record(run, service, found, record, dialled)
	local plan, err = plan_record(run, service, found, record);
	if not plan then return evidence.note_problem(run.report, err.text); end
	local one, inner = plan.endpoints[1], { plan = plan, report = run.report };
	one.srv_secure = found.secure;
	one.service, one.priority, one.weight = service.name, record.priority, record.weight;
	local shown = evidence.report_endpoint(inner, one);
	evidence.report_target(inner, one);
	if not shown.error then dialled[#dialled + 1] = { endpoint = one, shown = shown }; end
end

-- In a task: { srv, targets, endpoints, left_out } as those for other servers. outer: { tasks, resolver, options, plan, report }, whose report gets
-- the problems and warnings.
local function inspect(outer)
	local report = { srv = {}, targets = {}, endpoints = {}, left_out = 0, problems = outer.report.problems, warnings = outer.report.warnings };
	local run = { tasks = outer.tasks, resolver = outer.resolver, options = outer.options, plan = outer.plan, report = report, party = "client" };
	local dialled = {};
	for _, service in ipairs(SERVICES) do
		local found = ask_service(run, service);
		evidence.report_service(run, service.name, found);
		for _, record in ipairs(found.records) do
			if record.target ~= "." then inspect_record(run, service, found, record, dialled); end
		end
	end
	if run.options.connect then dialling.connect_all(run, dialled); end
	return { srv = report.srv, targets = report.targets, endpoints = report.endpoints, left_out = 0 };
end

return { inspect = inspect };
