-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- The command xmppdns-check, also prosodyctl mod_xmppdns check: what is wrong with the way to a domain's XMPP server, or with the resolver itself?
--
-- os.exit(require "xmppdns.check.command".main({ "--connect", "example.org" }));

local arguments_of = require "xmppdns.check.arguments";
local copies = require "xmppdns.check.copies";
local health = require "xmppdns.trust.health";
local domain_check = require "xmppdns.check.domain";
local json = require "xmppdns.check.json";
local probe = require "xmppdns.check.probe";
local recovery = require "xmppdns.trust.recovery";
local screens = require "xmppdns.check.screen";
local summary = require "xmppdns.check.summary";
local tree = require "xmppdns.check.tree";
local resolvers = require "xmppdns.resolver";
local tasks_of = require "xmppdns.check.tasks";
local xmppdns = require "xmppdns";
local zone_file = require "xmppdns.check.zone_file";

local GOOD, PROBLEM, USAGE, INTERRUPTED = 0, 1, 2, 130; -- exit statuses
local AT_ONCE = 50; -- domains: their connections must stay within what select can watch
local PATIENCE = 1; -- seconds until it says what it is waiting for
local EXPIRES = 21; -- days for which the certificates of our own domains shall last

-- Progress

-- Whom it waits for: the servers of domains, or those of DNS.
local function describe_waiting(run)
	local about, servers = table.concat(run.under_way, ", "), table.concat(run.resolver:settings().servers, ", ");
	if next(run.tasks.sockets) then return "the servers of " .. about; end
	return ("answers about %s from %s"):format(run.phase or about, servers == "" and "the root's servers" or servers);
end

local function describe_progress(run)
	local count = #run.wanted;
	local counted = count > 1 and ("%d of %d domains checked"):format(run.finished, count) or "";
	if run.screen:age() < PATIENCE or run.finished == count and not run.phase then return counted; end
	return ("%s%swaiting for %s, %d s"):format(counted, counted == "" and "" or "; ", describe_waiting(run), math.floor(run.screen:age()));
end

local function show_progress(run)
	local text = describe_progress(run);
	if text ~= "" then run.screen:show_progress(text); end
end

-- At an interrupt Lua's program sets a hook in the main thread, to raise an error there. prosodyctl runs its commands in a coroutine, which that
-- does not reach.
local function is_interrupted()
	local main_thread = debug.getregistry()[1]; -- from Lua 5.2 on
	return type(main_thread) == "thread" and debug.gethook(main_thread) == "external hook";
end

local function keep_showing(run)
	run.resolver:after(PATIENCE, function ()
		if is_interrupted() then run.tasks.problem = "interrupted!"; end
		show_progress(run);
		keep_showing(run);
	end);
end

local function remove(list, value)
	for place, known in ipairs(list) do
		if known == value then return table.remove(list, place); end
	end
end

-- Checking

local function check_health(run)
	run.health = run.tasks:await(function (done) health.check(run.resolver, done); end);
	local recovered, text = run.tasks:await(function (done)
		recovery.recover(run.resolver, run.command.settings, run.health, done);
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

local function describe_home(run, host)
	return { client = host.client, ports = run.server and run.server.ports, is_local = host.is_local };
end

-- { domain, home = for xmppdns.check.domain, or nil }: those of the command line, of which some may be our own, or all of our own.
local function list_wanted(run)
	local wanted, home_of = {}, {};
	for i, host in ipairs(run.options.list_hosts and run.options.list_hosts() or {}) do
		home_of[host.domain] = describe_home(run, host);
		wanted[i] = { domain = host.domain, home = home_of[host.domain] };
	end
	if not run.command.domains[1] then return wanted; end
	wanted = {};
	for i, domain in ipairs(run.command.domains) do wanted[i] = { domain = domain, home = home_of[domain:lower()] }; end
	return wanted;
end

local function domain_options(run, one)
	local command = run.command;
	local path = command.certificate or command.tlsa and run.options.find_certificate and run.options.find_certificate(one.domain) or nil;
	return {
		connect = command.connect, timeout = run.resolver:settings().timeout, cafile = command.cafile, chain = command.chain, home = one.home;
		expires = command.expires or one.home and not command.tlsa and EXPIRES or nil, tlsa = command.tlsa and { path = path, usages = command.usages } or nil;
	};
end

local function check_domain(run, place)
	local one = run.wanted[place];
	table.insert(run.under_way, one.domain);
	run.domains[place] = domain_check.inspect(run.tasks, run.resolver, one.domain, domain_options(run, one));
	remove(run.under_way, one.domain);
	run.finished = run.finished + 1;
	show_progress(run);
end

local function check_domains(run)
	local place = 0;
	local function work()
		while place < #run.wanted do
			place = place + 1;
			check_domain(run, place);
		end
	end
	show_progress(run);
	for _ = 1, math.min(AT_ONCE, #run.wanted) do run.tasks:spawn(work); end
end

-- What is asked for without a domain: the server, the resolver, and what others see of us.
local function check_here(run)
	if run.options.ask_server then run.server = run.options.ask_server(); end
	check_health(run);
	for _, copy in ipairs(copies.list_hidden(run.options.plugin_paths)) do
		table.insert(run.health, { level = "warning", topic = "library", text = ("%s hides %s"):format(copy.used, copy.hidden), advice = "remove one of both" });
	end
end

local function check_all(run)
	keep_showing(run);
	run.tasks:spawn(function ()
		run.phase = "the root's keys";
		if run.command.domains[1] then check_root(run); elseif not run.command.tlsa then check_here(run); end
		run.phase = nil;
		run.wanted = list_wanted(run);
		check_domains(run);
	end);
	run.tasks:run();
end

-- Whether nothing is wrong. A server that strips DNSSEC is wrong even where we can do without it.
local function is_good(run)
	if tree.has_problems(run.configuration) or run.health and not run.health.ok or run.server and not run.server.ok then return false; end
	for _, domain in ipairs(run.domains) do
		if domain.problems[1] then return false; end
	end
	return true;
end

-- Output

local function write_json(run, is_fine)
	run.screen:write(json.write({
		version = xmppdns.version(), ok = is_fine, configuration = run.configuration, server = run.server, health = run.health, recovery = run.recovery;
		domains = run.domains;
	}));
end

local function has_warnings(findings)
	for _, finding in ipairs(findings) do
		if finding.level ~= "good" then return true; end
	end
	return false;
end

-- One part of the output: a line where all is well and nobody asked for more, nothing with --quiet, else its tree.
local function add_part(run, parts, is_fine, describe, draw, report)
	local command = run.command;
	if is_fine and command.quiet then return; end
	local is_line = is_fine and run.is_brief and not command.verbose;
	local text = is_line and run.screen:fold(describe(report, run.screen.style)) or draw(run, report);
	parts[#parts + 1] = { is_line = is_line, text = text };
end

-- A tree has an empty line between it and what is beside it.
local function write_parts(run, parts)
	for i, part in ipairs(parts) do
		if i > 1 and not (part.is_line and parts[i - 1].is_line) then run.screen:write("\n"); end
		run.screen:write(part.text);
	end
end

local function draw_with(draw)
	return function (run, report) return draw(report, run.screen.style, run.screen.unicode, run.screen.width); end
end

local draw_configuration, draw_server, draw_domain = draw_with(tree.draw_configuration), draw_with(tree.draw_server), draw_with(tree.draw_domain);

local function draw_health(run, findings)
	return tree.draw_health(findings, run.recovery, run.screen.style, run.screen.unicode, run.screen.width);
end

local function write_trees(run)
	local parts = {};
	if run.configuration[1] then add_part(run, parts, false, nil, draw_configuration, run.configuration); end
	if run.server then add_part(run, parts, not has_warnings(run.server.findings), summary.describe_server, draw_server, run.server); end
	if run.health then add_part(run, parts, not has_warnings(run.health) and not run.recovery, summary.describe_health, draw_health, run.health); end
	for _, domain in ipairs(run.domains) do
		add_part(run, parts, domain.status == "good" and not domain.warnings[1], summary.describe_domain, draw_domain, domain);
	end
	write_parts(run, parts);
end

local function write_zone_files(run)
	local parts = {};
	for i, domain in ipairs(run.domains) do
		parts[i] = domain.tlsa and zone_file.draw(domain, run.screen.width) or draw_domain(run, domain);
	end
	run.screen:write(table.concat(parts, "\n"));
end

-- Running

-- What --help or --version says, or nil.
local function describe_itself(command, program)
	if command.help then
		return command.domains[1] == "json" and json.FIELDS or arguments_of.HELP:format(program);
	end
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

local function choose_output(command)
	return command.json and write_json or command.tlsa and write_zone_files or write_trees;
end

-- After an error, of which an interrupt is one: nothing of what was under way says a word any more.
local function give_up(resolver, problem)
	function resolver.on_error() end
	resolver:close();
	if tostring(problem):find("interrupted!", 1, true) then return INTERRUPTED; end
	error(problem, 0);
end

-- Gives the exit status.
local function run_command(command, resolver, screen, options)
	local run = {
		command = command, configuration = options.configuration or {}, resolver = resolver, screen = screen, options = options;
		tasks = tasks_of.new(resolver), domains = {}, finished = 0, wanted = {}, under_way = {};
		is_brief = not command.domains[1] and options.list_hosts ~= nil;
	};
	local finished, problem = pcall(check_all, run);
	screen:clear_progress();
	if not finished then return give_up(resolver, problem); end
	local is_fine = is_good(run);
	choose_output(command)(run, is_fine);
	resolver:close();
	return is_fine and GOOD or PROBLEM;
end

-- arguments: those of the command line. options, all optional: settings (what the command line's are added to), cafile, program (its name), out and err
-- (files), colour, unicode (booleans); and what Prosody's side knows: configuration (what is wrong with it: see xmppdns.prosody.configuration),
-- ask_server() -> report (xmppdns.prosody.running), list_hosts(), find_certificate(domain) (xmppdns.prosody.home), plugin_paths. Gives the exit status.
local function main(arguments, options)
	options = options or {};
	local program = options.program or "xmppdns-check";
	local function refuse(problem)
		(options.err or io.stderr):write(("%s: %s\n"):format(program, tree.visible(problem)));
		return USAGE;
	end
	if options.settings ~= nil and type(options.settings) ~= "table" then return refuse("the settings must be a table"); end
	local command, problem = arguments_of.read(arguments, options.settings);
	if not command then return refuse(("%s; %s --help says more"):format(problem, program)); end
	local screen = screens.open(options, command.colour);
	local description = describe_itself(command, program);
	if description then
		screen:write(description);
		return GOOD;
	end
	command.cafile = command.cafile or options.cafile;
	if command.tlsa then command.connect = true; end
	if command.tlsa and not command.domains[1] and not options.list_hosts then return refuse("--tlsa wants a DOMAIN"); end
	local missing = find_missing(command);
	if missing then return refuse(missing); end
	local resolver, err = resolvers.new(command.settings);
	if not resolver then return err.code == "config" and refuse(err.text) or refuse(tostring(err)); end
	return run_command(command, resolver, screen, options);
end

return { main = main };
