-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- What plans need in a spec: real zones, before them a server that misbehaves on purpose, a resolver.
--
-- local here = planning.start({ ["a.example"] = { records = "..." } }); -- as zones.serve wants them
-- here:begin();                             -- before each spec: here.resolver asks the zones; here.faulty has no rules
-- here:use({ timeout = 1 });                -- another resolver, of these settings
-- here:use_faulty({ timeout = 1 });         -- the same behind here.faulty
-- here:collect(domain, options);            -- the whole plan | nil, err
-- here:next(plan);                          -- its next endpoint, or nil
-- here:finish();                            -- after each spec
-- here:stop();

local misdns = require "spec.support.misdns";
local plans = require "xmppdns.plan.plan";
local xmppdns = require "xmppdns";
local zones = require "spec.support.zones";

local planning_methods = {};
local planning_mt = { __index = planning_methods };

function planning_methods:finish()
	if self.resolver then self.resolver:close(); end
	self.resolver = nil;
end

function planning_methods:use(settings)
	self:finish();
	self.resolver = assert(xmppdns.new(self.dns:settings(settings)));
end

function planning_methods:use_faulty(settings)
	settings.forward = self.faulty.forward;
	self:use(settings);
end

function planning_methods:begin()
	self.faulty:clear();
	self.faulty:clear_log();
	self:use({ timeout = 20, attempts = 1 });
end

-- Works until is_done().
function planning_methods:wait_until(is_done)
	while not is_done() do assert(self.resolver:wait(60), "nothing happens"); end
end

function planning_methods:collect(domain, options)
	local plan, err, is_done;
	plans.endpoints(self.resolver, domain, options, nil, function (...)
		plan, err = ...;
		is_done = true;
	end);
	self:wait_until(function () return is_done; end);
	return plan, err;
end

function planning_methods:next(plan)
	local endpoint, is_done;
	plan:next(function (given)
		endpoint, is_done = given, true;
	end);
	self:wait_until(function () return is_done; end);
	return endpoint;
end

function planning_methods:stop()
	self.faulty:stop();
	self.dns:stop();
end

local planning = {};

function planning.start(wanted)
	local dns = zones.serve(wanted);
	return setmetatable({ dns = dns, faulty = misdns.start({ upstream = dns.forward }) }, planning_mt);
end

-- "host:port tls: addresses" or "host:port tls: code", in order
function planning.list(plan)
	local lines = {};
	for i, endpoint in ipairs(plan.endpoints) do
		local rest = endpoint.error and endpoint.error.code or table.concat(endpoint.addresses, " ");
		lines[i] = ("%s:%d %s: %s"):format(endpoint.host, endpoint.port, endpoint.tls, rest);
	end
	return lines;
end

-- "host:port: error", or with the addresses, "*" after a secure one, and what DANE says
function planning.list_with_dane(plan)
	local lines = {};
	for i, endpoint in ipairs(plan.endpoints) do
		local words = {};
		for place, address in ipairs(endpoint.addresses) do
			words[place] = address .. (endpoint:is_secure_address(address) and "*" or "");
		end
		if endpoint.dane then
			words[#words + 1] = ("%s %s %d"):format(endpoint.dane.base, endpoint.dane.verdict, #endpoint.dane.records);
		end
		lines[i] = ("%s:%d: %s"):format(endpoint.host, endpoint.port, endpoint.error and endpoint.error.code or table.concat(words, " "));
	end
	return lines;
end

-- The names that a server was asked for, with that type: { [name] = true }
function planning.asked(server, rdtype)
	local names = {};
	for _, question in ipairs(server:log()) do
		if question.type == rdtype then names[question.name:lower()] = true; end
	end
	return names;
end

return planning;
