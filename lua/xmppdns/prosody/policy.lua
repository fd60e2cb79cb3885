-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- What DNSSEC and DANE are asked for between one host of this server and a remote domain: the options xmppdns and xmppdns_remote, each
-- globally or of a host.
--
-- A mistake in what a host has of its own voids the key that it is in, and nothing else. Where it may hide that something was to be "required",
-- connections are refused until it is mended. With one above all hosts the plugin does not serve.

local from_prosody = require "xmppdns.prosody.modules";
local encodings = from_prosody "util.encodings";
local spelling = require "xmppdns.prosody.spelling";

local LEVELS = { off = true, opportunistic = true, required = true };
local RANKS = { off = 1, opportunistic = 2, required = 3 };
local TLS = { direct = true, starttls = true };

local function is_level(value) return LEVELS[value] == true; end

local of_host = { dnssec = is_level, dane = is_level }; -- the settings that a host may have of its own

local of_remote = {
	dnssec = is_level, dane = is_level;
	host = function (value) return type(value) == "string" and value ~= ""; end;
	port = function (value) return type(value) == "number" and value >= 1 and value <= 65535 and value % 1 == 0; end;
	tls = function (value) return TLS[value] == true; end;
};

-- Names

-- A domain in the one spelling that stands for all others, or nil where it can be none.
local function canonical(domain)
	local prepared = type(domain) == "string" and encodings.stringprep.nameprep(domain);
	if not prepared then return nil; end
	if prepared:find("^%[?[%x:.]+%]?$") and prepared:find(":", 1, true) then return prepared; end -- an IPv6 address
	local ascii = encodings.idna.to_ascii(prepared);
	return ascii and ascii:lower():gsub("%.$", "") or nil;
end

local function is_ip_address(domain)
	return domain:find(":", 1, true) ~= nil or domain:find("^%d+%.%d+%.%d+%.%d+$") ~= nil;
end

-- Reading

-- Whether a setting that does not count may have been meant to require something.
local function may_be_strict(key, value, known)
	if known[key] then return known[key] == is_level; end
	if value == "required" then return true; end
	local meant = spelling.closest(tostring(key), known);
	return known[meant] == is_level and not LEVELS[value];
end

local function describe_value(value)
	return type(value) == "table" and "a table" or tostring(value);
end

-- A problem: text; is_strict: connections are refused for it; is_of_remote: those with one domain alone; is_harmless: the rest is as it was meant,
-- and advice says what to do.
local function add(problems, text, is_strict, is_of_remote)
	problems[#problems + 1] = { text = text, is_strict = is_strict, is_of_remote = is_of_remote };
end

-- The settings of the table that count; what is wrong with the others goes into problems.
local function read_settings(name, given, known, problems)
	local settings = {};
	if type(given) ~= "table" then
		add(problems, ("%s must be a table, not %s"):format(name, type(given)), true);
		return settings;
	end
	for key, value in pairs(given) do
		if not known[key] then
			add(problems, ("%s: %s"):format(name, spelling.describe_unknown("setting", key, known)), may_be_strict(key, value, known));
		elseif not known[key](value) then
			add(problems, ("%s: %s cannot be %s"):format(name, key, describe_value(value)), may_be_strict(key, value, known));
		else
			settings[key] = value;
		end
	end
	return settings;
end

local function sort_problems(problems)
	table.sort(problems, function (a, b) return a.text < b.text; end);
	return problems;
end

-- The first of them for which all connections are refused: its text, or nil.
local function find_strict(problems)
	for _, problem in ipairs(problems) do
		if problem.is_strict and not problem.is_of_remote then return problem.text; end
	end
end

local function append(all, more)
	for _, one in ipairs(more) do all[#all + 1] = one; end
end

local function stricter(a, b)
	if not a or not b then return a or b; end
	return RANKS[a] > RANKS[b] and a or b;
end

-- Two keys for one domain: the stricter level counts, and the place that was named first.
local function merge(first, second)
	local place = first.host and first or second;
	return {
		dnssec = stricter(first.dnssec, second.dnssec), dane = stricter(first.dane, second.dane), trouble = first.trouble or second.trouble;
		host = place.host, port = place.port, tls = place.tls;
	};
end

local function read_remote(key, given, problems)
	local own = {};
	local name = ("The option \"xmppdns_remote\": [\"%s\"]"):format(tostring(key));
	local settings = read_settings(name, given, of_remote, own);
	if not settings.host and (settings.port or settings.tls) and type(given) == "table" and given.host == nil then
		add(own, name..": port and tls need a host", false);
	end
	settings.trouble = find_strict(sort_problems(own));
	append(problems, own);
	return settings;
end

local function is_lax(settings)
	return settings.dnssec ~= "required" and settings.dane ~= "required" and not settings.trouble;
end

local function sorted_keys(given)
	local keys = {};
	for key in pairs(given) do keys[#keys + 1] = key; end
	table.sort(keys, function (a, b) return tostring(a) < tostring(b); end);
	return keys;
end

-- { [domain] = settings, each with its trouble }, and what is wrong. A domain's trouble is its own; that of a name that is none is everybody's.
local function read_remotes(remotes)
	local read, problems = {}, {};
	if remotes == nil then return read, problems; end
	if type(remotes) ~= "table" then
		add(problems, ("The option \"xmppdns_remote\" must be a table, not %s"):format(type(remotes)), true);
		return read, problems;
	end
	for _, key in ipairs(sorted_keys(remotes)) do
		local own = {};
		local settings, domain = read_remote(key, remotes[key], own), canonical(key);
		for _, problem in ipairs(own) do add(problems, problem.text, problem.is_strict, true); end
		if not domain then
			add(problems, ("The option \"xmppdns_remote\": [\"%s\"] is no domain name"):format(tostring(key)), not is_lax(settings));
		elseif read[domain] then
			problems[#problems + 1] = { text = ("The option \"xmppdns_remote\" has %s twice: the stricter settings count"):format(domain);
				is_harmless = true, advice = "one of them is enough" };
			read[domain] = merge(read[domain], settings);
		else
			read[domain] = settings;
		end
	end
	return read, sort_problems(problems);
end

-- There is one resolver for all hosts.
local function add_void_offs(problems, remotes)
	for domain, settings in pairs(remotes) do
		if settings.dnssec == "off" then
			problems[#problems + 1] = { text = ("The option \"xmppdns_remote\": [\"%s\"]: dnssec = \"off\" below a host accepts unsigned answers, "
				.. "but does not switch validation off"):format(domain), is_harmless = true, advice = "above the first VirtualHost it does, for all hosts" };
		end
	end
end

-- { own, remotes, trouble }, and what is wrong.
local function read_section(own, remotes)
	local problems = {};
	local settings = own == nil and {} or read_settings("The option \"xmppdns\" of a host", own, of_host, problems);
	local of_remotes, more = read_remotes(remotes);
	add_void_offs(problems, of_remotes);
	sort_problems(problems);
	append(problems, more);
	return { own = settings, remotes = of_remotes, trouble = find_strict(problems) }, problems;
end

-- What is wrong with a host's own options, either of which may be nil: a list of problems, see add.
local function list_problems_of_host(own, remotes)
	local _, problems = read_section(own, remotes);
	return problems;
end

local function list_problems_of_remotes(remotes)
	local _, problems = read_remotes(remotes);
	return problems;
end

-- Where validation is switched off: { domain ... }, in order. About an IP address nothing is validated anyway.
local function list_insecure(remotes)
	local read, list = read_remotes(remotes), {};
	for domain, settings in pairs(read) do
		if settings.dnssec == "off" and not is_ip_address(domain) then list[#list + 1] = domain; end
	end
	table.sort(list);
	return list;
end

-- Policies

local policy_methods = {};
local policy_mt = { __index = policy_methods };

-- What is wrong with the global option, or nil.
function policy_methods:check()
	local _, problems = read_remotes(self.get_option("*", "xmppdns_remote"));
	for _, problem in ipairs(problems) do
		if not problem.is_harmless then return problem.text; end
	end
end

-- Reads all of them anew, the global option being good; what is wrong is reported.
function policy_methods:read()
	local remotes, problems = read_remotes(self.get_option("*", "xmppdns_remote"));
	for _, problem in ipairs(problems) do self.report("*", problem); end
	self.remotes = remotes;
	for host in pairs(self.hosts) do self:read_host(host); end
end

-- The same for what the host has of its own.
function policy_methods:read_host(host)
	local section, problems = read_section(self.get_option(host, "xmppdns"), self.get_option(host, "xmppdns_remote"));
	for _, problem in ipairs(problems) do self.report(host, problem); end
	self.hosts[host] = section;
end

local nothing = {}; -- never written
local no_host = { own = nothing, remotes = nothing };

-- { dnssec, dane, endpoint = { host, port, tls }, trouble }, each nil where nothing special was asked for. trouble: the mistake for which
-- connections are refused. host: ours, or nil.
function policy_methods:get(host, remote)
	if host and not self.hosts[host] then self:read_host(host); end
	local of_this = self.hosts[host] or no_host;
	local domain = canonical(remote) or remote;
	local special, general = of_this.remotes[domain] or nothing, self.remotes[domain] or nothing;
	local place = special.host and special or general;
	return {
		dnssec = special.dnssec or general.dnssec or of_this.own.dnssec;
		dane = special.dane or general.dane or of_this.own.dane;
		endpoint = place.host and { host = place.host, port = place.port, tls = place.tls } or nil;
		trouble = special.trouble or general.trouble or of_this.trouble;
	};
end

-- get_option(host, name): what the configuration has in that very section ("*": above all hosts); report(host, problem).
local function new(get_option, report)
	return setmetatable({ get_option = get_option, report = report, remotes = {}, hosts = {} }, policy_mt);
end

return { new = new, list_insecure = list_insecure, list_problems_of_host = list_problems_of_host, list_problems_of_remotes = list_problems_of_remotes };
