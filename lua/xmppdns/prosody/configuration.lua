-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- What is wrong with this module's options in Prosody's configuration, all of it: prosodyctl check config knows only Prosody's own options.

local check_settings = require "xmppdns.core".check_settings;
local policy = require "xmppdns.prosody.policy";
local spelling = require "xmppdns.prosody.spelling";

local OPTIONS = { xmppdns = true, xmppdns_remote = true };
local OWN_SETTINGS = { keep_answers = true }; -- of which the library knows nothing

local GLOBAL = "*"; -- Prosody's name for the section above all hosts

local function sorted_keys(t)
	local keys = {};
	for key in pairs(t) do
		if type(key) == "string" then keys[#keys + 1] = key; end
	end
	table.sort(keys);
	return keys;
end

local function section_name(config, host)
	if host == GLOBAL then return "the global section"; end
	return ("%s \"%s\""):format(rawget(config[host], "component_module") and "Component" or "VirtualHost", host);
end

-- level: "warning" for what may be meant, nil for a problem.
local function add(findings, section, text, advice, level)
	findings[#findings + 1] = { section = section, text = text, advice = advice, level = level };
end

-- One that begins like ours, or nearly is one of ours.
local function is_misspelt(option)
	return not OPTIONS[option] and (option:lower():find("^xmppdns") or spelling.closest(option, OPTIONS)) and true or false;
end

local function add_misspelt(findings, config, host)
	for _, option in ipairs(sorted_keys(config[host])) do
		if is_misspelt(option) then
			add(findings, section_name(config, host), spelling.describe_unknown("option", option, OPTIONS), "it has no effect");
		end
	end
end

-- 'unknown setting "tiemout": did you mean "timeout"?' for a key that no setting has, else nil.
local function refuse_key(key, value)
	if OWN_SETTINGS[key] then return nil; end
	local ok, problem = check_settings({ [key] = value });
	return not ok and problem:find("^unknown setting") and problem or nil;
end

local function add_unknown_settings(findings, section, option, settings)
	for _, key in ipairs(sorted_keys(settings)) do
		local problem = refuse_key(key, settings[key]);
		if problem then
			add(findings, section, ("The option \"%s\": %s"):format(option, problem), "until this is mended Prosody goes on with its own resolver");
		end
	end
end

-- problems: as xmppdns.prosody.policy lists them; advise(problem): what becomes of it.
local function add_all(findings, section, problems, advise)
	for _, problem in ipairs(problems) do
		add(findings, section, problem.text, problem.advice or advise(problem));
	end
end

local function advise_globally()
	return "until this is mended Prosody goes on with its own resolver";
end

-- Whether it is about one of the server's own settings: a table appended below a VirtualHost is that host's.
local function is_misplaced(problem)
	local key = problem.text:match("^The option \"xmppdns\" of a host: unknown setting \"([^\"]+)\"");
	return key ~= nil and refuse_key(key, "") == nil;
end

local function advise_host(problem)
	if is_misplaced(problem) then return "it is the server's: move it above the first VirtualHost"; end
	return problem.is_strict and "connections are refused until this is mended" or "it does not count";
end

local function add_global(findings, config)
	local section, own = section_name(config, GLOBAL), config[GLOBAL];
	local option = own.xmppdns ~= nil and "xmppdns" or "unbound";
	if type(own[option]) == "table" then add_unknown_settings(findings, section, option, own[option]); end
	if own.xmppdns_remote ~= nil then
		add_all(findings, section, policy.list_problems_of_remotes(own.xmppdns_remote), advise_globally);
	end
end

local function add_host(findings, config, host)
	local own, remotes = rawget(config[host], "xmppdns"), rawget(config[host], "xmppdns_remote");
	add_all(findings, section_name(config, host), policy.list_problems_of_host(own, remotes), advise_host);
end

-- Of the two tables only one counts.
local function add_ignored(findings, config)
	local own = config[GLOBAL];
	if not own or own.xmppdns == nil or own.unbound == nil then return; end
	add(findings, section_name(config, GLOBAL), "the option \"unbound\" is ignored, because there is \"xmppdns\"",
		"what it has is for Prosody's own resolver alone: move it into xmppdns", "warning");
end

-- Options that have no effect, by their names: { { section, text, advice, level } ... }. config: of core.configmanager.getconfig().
local function find_ineffective(config)
	local findings = {};
	add_ignored(findings, config);
	for _, host in ipairs(sorted_keys(config)) do add_misspelt(findings, config, host); end
	return findings;
end

-- All that is wrong: as above. What a setting's value may be, the resolver says.
local function check(config)
	local findings = find_ineffective(config);
	for _, host in ipairs(sorted_keys(config)) do
		if host == GLOBAL then add_global(findings, config); else add_host(findings, config, host); end
	end
	return findings;
end

-- The settings without those that nobody knows.
local function keep_known(settings)
	local known = {};
	for key, value in pairs(settings) do
		if not refuse_key(key, value) then known[key] = value; end
	end
	return known;
end

return { check = check, find_ineffective = find_ineffective, keep_known = keep_known };
