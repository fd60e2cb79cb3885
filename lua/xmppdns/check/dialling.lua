-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- Every endpoint of a plan, dialled: what its certificate is, and how long it lasts.

local describe_end = require "xmppdns.check.certificate".describe_end;
local evidence = require "xmppdns.check.evidence";
local probe = require "xmppdns.check.probe";

-- The names that the certificate may have where no TLSA record decides (R27).
local function reference_names(run, one)
	local names, other = { run.plan.domain }, one:reference_name();
	if run.party == "client" then return names; end -- RFC 6120, 13.7.2.1: what the user has typed
	if other ~= run.plan.domain then names[2] = other; end
	return names;
end

local DAY = 86400;

-- How long the certificate lasts, where that is asked for.
local function note_expiry(run, result)
	local expires = run.options.expires;
	if not expires or not result.ends then return; end
	result.days = math.floor((result.ends - os.time()) / DAY);
	result.level = result.days < expires / 3 and "problem" or result.days < expires and "warning" or "good";
	local text = ("the certificate of %s %s"):format(result.address, describe_end(result.days));
	if result.level == "problem" then evidence.note_problem(run.report, text); end
	if result.level == "warning" then table.insert(run.report.warnings, text); end
end

-- dane: { base, records } or nil.
local function dial(run, one, address, dane)
	return probe.dial(run.tasks, {
		address = address, port = one.port, tls = one.tls, domain = run.plan.domain, names = reference_names(run, one), party = run.party, dane = dane;
	}, run.options);
end

-- Most servers know nothing of DANE: what they make of a certificate of ours that matches by it.
local function note_without_dane(run, one, result)
	if not run.options.home or result.match ~= "dane" then return; end
	local other = dial(run, one, result.address, nil);
	result.without_dane = other.match and "good" or other.problem;
end

local function connect_address(run, one, shown, address)
	local dane = one:dane_of(address);
	local result, certificate = dial(run, one, address, evidence.is_usable(dane) and dane or nil);
	table.insert(shown.connections, result);
	shown.certificate = shown.certificate or certificate;
	note_expiry(run, result);
	note_without_dane(run, one, result);
	if result.problem then
		evidence.note_problem(run.report, ("%s port %d of %s: %s"):format(address, one.port, one.host, result.problem));
	end
end

local function connect_endpoint(run, one, shown)
	for _, address in ipairs(one.addresses) do connect_address(run, one, shown, address); end
end

-- In a task: all endpoints at a time, { endpoint (of the plan), shown (of the report) } each. run: { tasks, options, plan, report, party }.
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

return { connect_all = connect_all };
