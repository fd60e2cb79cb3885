-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- The report of one domain: the evidence of its plan, with what a connection to each endpoint meets. It asks DNS nothing about servers itself.

local automatic = require "xmppdns.resolver".AUTOMATIC;
local chain_of = require "xmppdns.check.chain";
local client_of = require "xmppdns.check.client";
local dialling = require "xmppdns.check.dialling";
local evidence = require "xmppdns.check.evidence";
local home = require "xmppdns.check.home";
local plans = require "xmppdns.plan.plan";
local rollover = require "xmppdns.check.rollover";
local services = require "xmppdns.plan.services";

local note_problem, report_error = evidence.note_problem, evidence.report_error;

-- The verdict

local function has_match(shown)
	for _, connection in ipairs(shown.connections) do
		if connection.match or connection.unjudged then return true; end
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
		for _, service in ipairs(services.names) do evidence.report_service(run, service, plan.srv[service]); end
	end
	local dialled = {};
	for _, one in ipairs(plan.endpoints) do
		local shown = evidence.report_endpoint(run, one);
		if not plan.is_address then evidence.report_target(run, one); end
		if not shown.error then dialled[#dialled + 1] = { endpoint = one, shown = shown }; end
	end
	note_plan_error(run);
	note_left_out(run);
	if run.options.connect then dialling.connect_all(run, dialled); end
end

-- What its own server, and the way of its clients, add to a domain of this server.
local function inspect_home(run, its_home)
	local report = run.report;
	if report.exists == false then
		report.advice = "publish SRV records for it; if nobody else shall reach it, modules_disabled = { \"s2s\" } below it ends this question";
	end
	home.note(report, its_home, report.endpoints);
	if not its_home.client then return; end
	report.client = client_of.inspect(run);
	home.note(report, its_home, report.client.endpoints);
end

-- Whether there is such a name, as far as the resolver knows by now.
local function note_existence(run)
	local answer = run.plan.domain and run.resolver:peek(run.plan.domain, "A");
	if answer and answer.nxdomain then run.report.exists = false; end
end

-- LuaSec's certificates have served their purpose then.
local function forget_certificates(endpoints)
	for _, shown in ipairs(endpoints) do shown.certificate = nil; end
end

local function inspect_tlsa(report, options)
	local found, problem = rollover.inspect(report, options);
	report.tlsa, report.tlsa_source = found, options.path or "the server itself";
	if problem then note_problem(report, problem); end
	for _, one in ipairs(found or {}) do
		if rollover.is_problem[one.stage] then note_problem(report, ("%s port %d: %s"):format(one.host, one.port, one.text)); end
	end
end

-- A domain of ours as others see it: what we require of them does not count.
local function as_others(resolver)
	return resolver:settings().dnssec ~= "off" and { dnssec = "opportunistic", dane = "opportunistic" } or {};
end

-- In a task of tasks: the report of one domain, as it stands below "domains" in the JSON of xmppdns.check.command.
-- options: connect, chain, tlsa (options of xmppdns.check.rollover; with connect alone),
-- expires (days: how long certificates and signatures should last), those of xmppdns.check.probe, and, for a domain of this
-- server, home = { client (whether it serves clients), ports (where the server listens, or nil), is_local(address) }.
local function inspect(tasks, resolver, domain, options)
	local report = {
		given = domain, domain = domain, secure = false;
		srv = {}, targets = {}, endpoints = {}, left_out = 0, problems = {}, warnings = {};
	};
	local plan, err = tasks:await(function (done)
		plans.endpoints(resolver, domain, options.home and as_others(resolver) or {}, automatic, done);
	end);
	if plan then
		local run = { tasks = tasks, resolver = resolver, options = options, plan = plan, report = report };
		inspect_plan(run);
		note_existence(run);
		if options.home then inspect_home(run, options.home); end
		if options.tlsa then inspect_tlsa(report, options.tlsa); end
		if options.chain and not plan.is_address then report.chain = chain_of.inspect(tasks, resolver, plan.domain, options.expires); end
	else
		report.error = report_error(err);
		note_problem(report, report.error.text);
	end
	report.status = judge(report, options.connect);
	forget_certificates(report.endpoints);
	forget_certificates(report.client and report.client.endpoints or {});
	return report;
end

return { inspect = inspect };
