-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- What DNSSEC and DANE are asked for between one host of this server and a remote domain: the options xmppdns and xmppdns_remote, each
-- globally or of a host.

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

-- What is wrong with the table, whose name is given, or nil.
local function refuse(name, given, known)
	if type(given) ~= "table" then return ("%s must be a table, not %s"):format(name, type(given)); end
	for key, value in pairs(given) do
		if not known[key] then return ("%s: unknown setting \"%s\""):format(name, tostring(key)); end
		if not known[key](value) then return ("%s: %s cannot be %s"):format(name, key, type(value) == "table" and "a table" or tostring(value)); end
	end
end

local function refuse_remotes(remotes)
	if type(remotes) ~= "table" then return ("The option \"xmppdns_remote\" must be a table, not %s"):format(type(remotes)); end
	for domain, given in pairs(remotes) do
		local name = ("The option \"xmppdns_remote\": [\"%s\"]"):format(tostring(domain));
		local problem = refuse(name, given, of_remote);
		if problem then return problem; end
		if not given.host and (given.port or given.tls) then return name..": port and tls need a host"; end
	end
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
	return remotes ~= nil and refuse_remotes(remotes) or nil;
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
	local problem = own ~= nil and refuse("The option \"xmppdns\" of a host", own, of_host) or remotes ~= nil and refuse_remotes(remotes);
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

return { new = new };
