-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- The command xmppdns-check, also prosodyctl mod_xmppdns check: what is wrong with the way to a domain's XMPP server, or with the resolver itself?
--
-- os.exit(require "xmppdns.check.command".main({ "--connect", "example.org" }));

local health = require "xmppdns.trust.health";
local domain_check = require "xmppdns.check.domain";
local json = require "xmppdns.check.json";
local probe = require "xmppdns.check.probe";
local tree = require "xmppdns.check.tree";
local resolvers = require "xmppdns.resolver";
local tasks_of = require "xmppdns.check.tasks";
local xmppdns = require "xmppdns";

local GOOD, PROBLEM, USAGE = 0, 1, 2; -- exit statuses
local AT_ONCE = 50; -- domains: their connections must stay within what select can watch

local HELP = [[
Usage: %s [OPTION...] [DOMAIN...]

Says what DNS tells about the XMPP servers of the domains, whether it is secured by DNSSEC, which addresses another server would dial,
in which order, and why some are skipped. Without a domain: whether the resolver itself is healthy.

  --connect             dial, start TLS, and say whether the certificate matches by DANE, by name, or not
  --json                write JSON instead of a tree
  --forward ADDR[@PORT] ask this server; may be repeated
  --resolvconf FILE     ask the servers of this file instead of those of /etc/resolv.conf
  --trustfile FILE      trust the DS or DNSKEY records in this file
  --timeout SECONDS     for one attempt of a lookup, and for one connection (default 5)
  --cafile FILE         the authorities to trust when --connect checks names
  --set KEY=VALUE       any other setting; a number, true, false or text; repeated, it makes a list;
                        inside of a table: --set options.edns-buffer-size=1232, --set stub.corp.example=192.0.2.53
  --help, --version

Exit status: 0 nothing is wrong, 1 a problem was found, 2 the command line or a setting is wrong.

%s]];

-- The command line

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

local function set_setting(command, key, value)
	local outer, inner = key:match("^(%l+)%.(.+)$");
	if outer ~= "options" and outer ~= "stub" then
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

readers["--cafile"] = function (command, text)
	local file, problem = io.open(text, "rb");
	if not file then return nil, "--cafile: " .. problem; end
	file:close();
	command.cafile = text;
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

local FLAGS = { ["--connect"] = "connect", ["--json"] = "json", ["--help"] = "help", ["--version"] = "version" };

-- { settings, domains, connect, json, help, version, cafile }, or nil and why not.
local function read_command(arguments, settings)
	local command = { settings = resolvers.copy(settings or {}), given = {}, domains = {} };
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
			local read, problem = read_option(command, arguments, place);
			if not read then return nil, problem; end
			place = read;
		end
		place = place + 1;
	end
	return command;
end

-- The screen

-- No Lua of its own can tell; the shell inherits our descriptors.
local function is_terminal(descriptor)
	local ok = os.execute("test -t " .. descriptor);
	return ok == true or ok == 0;
end

local function speaks_unicode()
	for _, name in ipairs({ "LC_ALL", "LC_CTYPE", "LANG" }) do
		local value = os.getenv(name);
		if value and value ~= "" then return value:lower():find("utf%-?8") ~= nil; end
	end
	return false;
end

-- The streams of options, or the process's own.
local function open_screen(options)
	local screen = { out = options.out or io.stdout, err = options.err or io.stderr };
	local is_own = not options.out;
	local colour = options.colour;
	if colour == nil then colour = is_own and not os.getenv("NO_COLOR") and is_terminal(1); end
	screen.style = tree.new_style(colour);
	screen.unicode = options.unicode;
	if screen.unicode == nil then screen.unicode = speaks_unicode(); end
	screen.progress = not options.err and is_terminal(2);
	return screen;
end

local function show_progress(run)
	if not run.screen.progress or #run.command.domains < 2 then return; end
	run.screen.err:write(("\r\27[K%d of %d domains checked"):format(run.finished, #run.command.domains));
	run.screen.err:flush();
end

local function clear_progress(run)
	if run.screen.progress and #run.command.domains > 1 then run.screen.err:write("\r\27[K"); end
end

-- Checking

local function check_health(run)
	run.health = run.tasks:await(function (done) health.check(run.resolver, done); end);
	local recovered, text = run.tasks:await(function (done)
		health.recover(run.resolver, run.command.settings, run.health, done);
	end);
	if text then run.recovery = { recovered = recovered == true, text = text }; end
end

-- Domains are checked with a resolver as the plugin would have it: one that was found sick has recovered, if it can.
local function check_root(run)
	local answer = run.tasks:await(function (done)
		run.resolver:query(".", "DNSKEY", done, resolvers.AUTOMATIC);
	end);
	if not answer or (not answer.secure and run.resolver:settings().dnssec ~= "off") then check_health(run); end
end

local function check_domains(run)
	local options = {
		connect = run.command.connect, timeout = run.resolver:settings().timeout, cafile = run.command.cafile;
	};
	local domains, place = run.command.domains, 0;
	local function work()
		while place < #domains do
			place = place + 1;
			local mine = place;
			run.domains[mine] = domain_check.inspect(run.tasks, run.resolver, domains[mine], options);
			run.finished = run.finished + 1;
			show_progress(run);
		end
	end
	show_progress(run);
	for _ = 1, math.min(AT_ONCE, #domains) do run.tasks:spawn(work); end
end

local function check_all(run)
	run.tasks:spawn(function ()
		if not run.command.domains[1] then return check_health(run); end
		check_root(run);
		check_domains(run);
	end);
	run.tasks:run();
	clear_progress(run);
end

-- Whether nothing is wrong. A server that strips DNSSEC is wrong even where we can do without it.
local function is_good(run)
	if run.configuration[1] or run.health and not run.health.ok then return false; end
	for _, domain in ipairs(run.domains) do
		if domain.problems[1] then return false; end
	end
	return true;
end

-- Output

local function write_json(run, is_fine)
	run.screen.out:write(json.write({
		version = xmppdns.version(), ok = is_fine, configuration = run.configuration, health = run.health, recovery = run.recovery, domains = run.domains;
	}));
end

local function write_trees(run)
	local screen, parts = run.screen, {};
	if run.configuration[1] then parts[1] = tree.draw_configuration(run.configuration, screen.style, screen.unicode); end
	if run.health then parts[#parts + 1] = tree.draw_health(run.health, run.recovery, screen.style, screen.unicode); end
	for _, domain in ipairs(run.domains) do
		parts[#parts + 1] = tree.draw_domain(domain, screen.style, screen.unicode);
	end
	screen.out:write(table.concat(parts, "\n"));
end

-- Running

-- What --help or --version says, or nil.
local function describe_itself(command, program)
	if command.help then return HELP:format(program, json.FIELDS); end
	if not command.version then return nil; end
	local version = xmppdns.version();
	return ("xmppdns-check %s, libunbound %s\n"):format(version.xmppdns, version.libunbound);
end

-- What this machine lacks for it, or nil.
local function find_missing(command)
	local available, missing = true, nil;
	if command.connect then available, missing = probe.available(command); end
	if available and command.json then available, missing = json.available(); end
	return not available and missing or nil;
end

-- Gives the exit status.
local function run_command(command, resolver, screen, configuration)
	local run = { command = command, configuration = configuration, resolver = resolver, screen = screen };
	run.tasks, run.domains, run.finished = tasks_of.new(resolver), {}, 0;
	check_all(run);
	local is_fine = is_good(run);
	(command.json and write_json or write_trees)(run, is_fine);
	resolver:close();
	return is_fine and GOOD or PROBLEM;
end

-- arguments: those of the command line. options, all optional: settings (what the command line's are added to), cafile, program (its name), out and err
-- (files), colour, unicode (booleans), configuration (what is wrong with Prosody's: see xmppdns.prosody.configuration). Gives the exit status.
local function main(arguments, options)
	options = options or {};
	local screen, program = open_screen(options), options.program or "xmppdns-check";
	local function refuse(problem)
		screen.err:write(("%s: %s\n"):format(program, tree.visible(problem)));
		return USAGE;
	end
	if options.settings ~= nil and type(options.settings) ~= "table" then return refuse("the settings must be a table"); end
	local command, problem = read_command(arguments, options.settings);
	if not command then return refuse(("%s; %s --help says more"):format(problem, program)); end
	local description = describe_itself(command, program);
	if description then
		screen.out:write(description);
		return GOOD;
	end
	command.cafile = command.cafile or options.cafile;
	local missing = find_missing(command);
	if missing then return refuse(missing); end
	local resolver, err = resolvers.new(command.settings);
	if not resolver then return err.code == "config" and refuse(err.text) or refuse(tostring(err)); end
	return run_command(command, resolver, screen, options.configuration or {});
end

return { main = main };
