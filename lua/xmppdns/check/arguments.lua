-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- The command line of xmppdns-check: what was asked for, or why it cannot be read.

local resolvers = require "xmppdns.resolver";

local HELP = [[
Usage: %s [OPTION...] [DOMAIN...]

Says where DNS puts the XMPP servers of the domains, whether that is secure, and
what other servers would dial. Without a domain: is the resolver healthy, and,
with prosodyctl, is the running server protected, and its own domains in order?

  --connect           dial, start TLS, and judge the certificates
  --expires DAYS      complain that many days before a certificate ends (21)
  --chain             the chain of trust from the root to each domain
  --tlsa              the TLSA records to publish, and what comes next
  --certificate FILE  the certificate they are for; --usage "3 0 1": one more
  --json              write JSON; --help json describes it
  --verbose, --quiet  trees for all; only what is not in order
  --colour WHEN       always, never or auto
  --forward ADDR[@PORT], --resolvconf FILE  which DNS servers to ask
  --trustfile FILE    trust the DS or DNSKEY records in this file
  --timeout SECONDS   for one attempt of a lookup, and one connection (5)
  --cafile FILE       the authorities that vouch for certificates
  --set KEY=VALUE     any other setting; --set options.edns-buffer-size=1232
  --help, --version

Exit status: 0 nothing is wrong, 1 a problem was found, 2 wrong options.
]];

local TEXT_OPTIONS = { ["--forward"] = "forward", ["--trustfile"] = "trustfile", ["--resolvconf"] = "resolvconf" };

local function read_value(text)
	if text == "true" then return true; end
	if text == "false" then return false; end
	return text:match("^-?%d+%.?%d*$") and tonumber(text) or text;
end

-- A second value makes a list. given: what the command line has set, which replaces what there was before it.
local function set_value(settings, key, value, given)
	if not given[key] then
		settings[key] = value;
	elseif type(settings[key]) == "table" then
		table.insert(settings[key], value);
	else
		settings[key] = { settings[key], value };
	end
	given[key] = true;
end

local TABLES = { forward_zones = true, options = true, stub = true };

local function set_setting(command, key, value)
	local outer, inner = key:match("^([%l_]+)%.(.+)$");
	if not TABLES[outer] then
		return set_value(command.settings, key, value, command.given);
	end
	command.given[outer] = command.given[outer] or {};
	local copied = resolvers.copy(command.settings[outer] or {});
	command.settings[outer] = copied;
	set_value(copied, inner, value, command.given[outer]);
end

-- Servers named on the command line are asked instead of those in the settings that were there before.
local function forget_servers(command)
	for _, key in ipairs({ "forward", "resolvconf", "upstream", "tls", "tls_ca" }) do
		if not command.given[key] then command.settings[key] = nil; end
	end
end

local readers = {};

readers["--set"] = function (command, text)
	local key, value = text:match("^([^=]+)=(.*)$");
	if not key then return nil, "--set wants KEY=VALUE"; end
	set_setting(command, key, read_value(value));
	return true;
end

readers["--timeout"] = function (command, text)
	local seconds = tonumber(text);
	if not seconds or seconds <= 0 then return nil, "--timeout wants a number of seconds"; end
	command.settings.timeout = seconds;
	return true;
end

for option, key in pairs({ ["--cafile"] = "cafile", ["--certificate"] = "certificate" }) do
	readers[option] = function (command, text)
		local file, problem = io.open(text, "rb");
		if not file then return nil, ("%s: %s"):format(option, problem); end
		file:close();
		command[key] = text;
		return true;
	end
end

readers["--expires"] = function (command, text)
	local days = tonumber(text);
	if not days or days < 0 then return nil, "--expires wants a number of days"; end
	command.expires = days;
	return true;
end

readers["--usage"] = function (command, text)
	local use, select, match = text:match("^([23]) ([01]) ([01])$");
	if not use then return nil, "--usage wants three numbers, such as \"3 0 1\": usage 2 or 3, selector 0 or 1, matching type 0 or 1"; end
	table.insert(command.usages, { use = tonumber(use), select = tonumber(select), match = tonumber(match) });
	return true;
end

local COLOURS = { always = true, never = false };

readers["--colour"] = function (command, text)
	if text ~= "auto" and COLOURS[text] == nil then return nil, "--colour wants always, never or auto"; end
	command.colour = COLOURS[text];
	return true;
end

for option, key in pairs(TEXT_OPTIONS) do
	readers[option] = function (command, text)
		if key ~= "trustfile" then forget_servers(command); end
		set_setting(command, key, text);
		return true;
	end
end

local function read_option(command, arguments, place)
	local name, value = arguments[place]:match("^(%-%-[^=]+)=(.*)$");
	name = name or arguments[place];
	local reader = readers[name];
	if not reader then return nil, "unknown option " .. arguments[place]; end
	if not value then
		place = place + 1;
		value = arguments[place];
	end
	if not value then return nil, name .. " wants a value"; end
	local ok, problem = reader(command, value);
	if not ok then return nil, problem; end
	return place;
end

local FLAGS = {
	["--connect"] = "connect", ["--json"] = "json", ["--help"] = "help", ["--version"] = "version", ["--verbose"] = "verbose";
	["--quiet"] = "quiet", ["--tlsa"] = "tlsa", ["--chain"] = "chain";
};

-- { settings, domains, connect, json, help, version, verbose, quiet, tlsa, chain, cafile, certificate, expires (days), usages (list of { use, select,
-- match }), colour (nil: as the terminal has it) }, or nil and why not. settings: what those of the command line are added to.
local function read(arguments, settings)
	local command = { settings = resolvers.copy(settings or {}), given = {}, domains = {}, usages = { { use = 3, select = 1, match = 1 } } };
	local place, only_domains = 1, false;
	while arguments[place] do
		local argument = arguments[place];
		if only_domains or argument:sub(1, 1) ~= "-" then
			table.insert(command.domains, argument);
		elseif argument == "--" then
			only_domains = true;
		elseif FLAGS[argument] then
			command[FLAGS[argument]] = true;
		else
			local next_place, problem = read_option(command, arguments, place);
			if not next_place then return nil, problem; end
			place = next_place;
		end
		place = place + 1;
	end
	return command;
end

return { read = read, HELP = HELP };
