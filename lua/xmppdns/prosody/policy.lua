-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- What DNSSEC and DANE are asked for between one host of this server and a remote domain: the options xmppdns and xmppdns_remote, each
-- globally or of a host.

local describe_unknown = require "xmppdns.prosody.spelling".describe_unknown;

local LEVELS = { off = true, opportunistic = true, required = true };
local TLS = { direct = true, starttls = true };

local function is_level(value) return LEVELS[value] == true; end

local of_host = { dnssec = is_level, dane = is_level }; -- the settings that a host may have of its own

local of_remote = {
	dnssec = is_level, dane = is_level;
	host = function (value) return type(value) == "string" and value ~= ""; end;
	port = function (value) return type(value) == "number" and value >= 1 and value <= 65535 and value % 1 == 0; end;
	tls = function (value) return TLS[value] == true; end;
};

-- What is wrong with the table, whose name is given: a list of texts.
local function list_problems(name, given, known)
	if type(given) ~= "table" then return { ("%s must be a table, not %s"):format(name, type(given)) }; end
	local problems = {};
	for key, value in pairs(given) do
		if not known[key] then
			problems[#problems + 1] = ("%s: %s"):format(name, describe_unknown("setting", key, known));
		elseif not known[key](value) then
			problems[#problems + 1] = ("%s: %s cannot be %s"):format(name, key, type(value) == "table" and "a table" or tostring(value));
		end
	end
	table.sort(problems);
	return problems;
end

local function add_problems_of_remote(problems, domain, given)
	local name = ("The option \"xmppdns_remote\": [\"%s\"]"):format(tostring(domain));
	local found = list_problems(name, given, of_remote);
	for _, problem in ipairs(found) do problems[#problems + 1] = problem; end
	if not found[1] and not given.host and (given.port or given.tls) then problems[#problems + 1] = name..": port and tls need a host"; end
end

local function list_problems_of_remotes(remotes)
	if type(remotes) ~= "table" then return { ("The option \"xmppdns_remote\" must be a table, not %s"):format(type(remotes)) }; end
	local problems = {};
	for domain, given in pairs(remotes) do add_problems_of_remote(problems, domain, given); end
	table.sort(problems);
	return problems;
end

-- Of a host's own options, either of which may be nil.
local function list_problems_of_host(own, remotes)
	local problems = own == nil and {} or list_problems("The option \"xmppdns\" of a host", own, of_host);
	if remotes == nil then return problems; end
	for _, problem in ipairs(list_problems_of_remotes(remotes)) do problems[#problems + 1] = problem; end
	return problems;
end

local policy_methods = {};
local policy_mt = { __index = policy_methods };

-- The domains as sessions have them: { [domain] = { ... } }
local function prepare_remotes(self, remotes)
	local prepared = {};
	for domain, given in pairs(remotes or {}) do
		prepared[self.prepare(domain) or domain] = given;
	end
	return prepared;
end

-- What is wrong with the global option, or nil.
function policy_methods:check()
	local remotes = self.get_option("*", "xmppdns_remote");
	return remotes ~= nil and list_problems_of_remotes(remotes)[1] or nil;
end

-- Reads all of them anew; the global option must be good.
function policy_methods:read()
	self.remotes = prepare_remotes(self, self.get_option("*", "xmppdns_remote"));
	local old = self.hosts;
	self.hosts = {};
	for host in pairs(old) do self:read_host(host, old[host]); end
end

-- Reads what the host has of its own; where that is bad, old stays, and report says so.
function policy_methods:read_host(host, old)
	local own, remotes = self.get_option(host, "xmppdns"), self.get_option(host, "xmppdns_remote");
	local problem = list_problems_of_host(own, remotes)[1];
	if problem then self.report(host, problem); end
	self.hosts[host] = not problem and { own = own or {}, remotes = prepare_remotes(self, remotes) } or old or { own = {}, remotes = {} };
end

-- { dnssec, dane, endpoint = { host, port, tls } }, each nil where nothing special was asked for. host: ours, or nil.
function policy_methods:get(host, remote)
	if host and not self.hosts[host] then self:read_host(host); end
	local of_this = self.hosts[host] or { own = {}, remotes = {} };
	local special, general = of_this.remotes[remote] or {}, self.remotes[remote] or {};
	local function choose(key) return special[key] or general[key]; end
	local place = special.host and special or general;
	return {
		dnssec = choose("dnssec") or of_this.own.dnssec;
		dane = choose("dane") or of_this.own.dane;
		endpoint = place.host and { host = place.host, port = place.port, tls = place.tls } or nil;
	};
end

-- get_option(host, name): what the configuration has in that very section; prepare(domain): the domain as sessions have it, or nil;
-- report(host, problem).
local function new(get_option, prepare, report)
	return setmetatable({ get_option = get_option, prepare = prepare, report = report, remotes = {}, hosts = {} }, policy_mt);
end

return { new = new, list_problems_of_host = list_problems_of_host, list_problems_of_remotes = list_problems_of_remotes };
