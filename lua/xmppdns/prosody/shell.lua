-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- The section "xmppdns" of Prosody's admin shell.

local from_prosody = require "xmppdns.prosody.modules";
local automatic = require "xmppdns.resolver".AUTOMATIC;
local core = require "xmppdns.core";
local health = require "xmppdns.trust.health";
local domain_check = require "xmppdns.check.domain";
local report = require "xmppdns.check.tree";
local shown_peers = require "xmppdns.check.peers";
local tasks_of = require "xmppdns.check.tasks";
local promise = from_prosody "util.promise";

local DESCRIPTION = "Commands to ask, explain and repair the validating resolver";

local plain = report.new_style(false);

local WIDTH = 78; -- columns: the shell puts two before each line

-- Commands: handler(print, resolver, ...) -> text | nil, problem | promise of a text.

local commands = {};

-- subject: what the handler gets instead of the resolver, by the name that install knows it by.
local function define(name, args, desc, handler, subject)
	commands[#commands + 1] = { name = name, args = args, desc = desc, handler = handler, subject = subject or "resolver" };
end

local function print_lines(print, text)
	for line in text:gmatch("[^\n]+") do print(line); end
end

-- Records come from the network: whatever is not printable is escaped.
local function print_answer(print, answer)
	for line in tostring(answer):gmatch("[^\n]+") do
		print((line:gsub("[^\t]+", report.visible)));
	end
end

local function describe_answer(resolver, answer)
	return ("%d record%s, %s, %d seconds left%s%s"):format(#answer, #answer == 1 and "" or "s", resolver:describe_security(answer.qname, answer), answer.ttl,
		answer.from_cache and ", from the cache" or "", answer.stale and ", stale" or "");
end

define("lookup", { "name", "type" },
	"Ask for the records of a name (type A unless given), and whether they are validated", function (print, resolver, name, rdtype)
	rdtype = tostring(rdtype or "A"):upper();
	if type(name) ~= "string" then return nil, "a name is wanted, such as \"example.org\""; end
	if (core.type_number(rdtype) or 0) == 0 then return nil, ("unknown record type %s"):format(report.visible(rdtype)); end
	return promise.new(function (resolve, reject)
		resolver:query(name, rdtype, function (answer, err)
			if not answer then return reject(report.visible(err)); end
			print_answer(print, answer);
			resolve(describe_answer(resolver, answer));
		end, automatic);
	end);
end);

define("plan", { "domain" },
	"Show where a domain's servers are, whether that is secure, and in which order they are dialled", function (print, resolver, domain)
	if type(domain) ~= "string" then return nil, "a domain is wanted, such as \"example.org\""; end
	return promise.new(function (resolve, reject)
		local tasks = tasks_of.new(resolver);
		tasks.on_problem = reject;
		tasks:spawn(function ()
			local found = domain_check.inspect(tasks, resolver, domain, {});
			print_lines(print, report.draw_domain(found, plain, true));
			resolve(found.status);
		end);
	end);
end);

define("peers", { "pattern" },
	"Show our peers, what proves each, and who failed lately", function (print, peers, pattern)
	if pattern ~= nil and not pcall(string.find, "", pattern) then return nil, "this is no Lua pattern"; end
	local selected = shown_peers.select(peers, pattern);
	print_lines(print, shown_peers.draw(selected, plain, false, WIDTH, os.time()));
	return shown_peers.describe(selected);
end, "peers");

define("cache", { "pattern" },
	"List the remembered answers, or those whose \"name TYPE\" matches a Lua pattern", function (print, resolver, pattern)
	if pattern ~= nil and not pcall(string.find, "", pattern) then return nil, "this is no Lua pattern"; end
	local count = 0;
	for _, answer in ipairs(resolver:cached()) do
		local question = ("%s %s"):format(report.visible(answer.qname), answer.type);
		if not pattern or question:find(pattern) then
			print(("%s\t%s, %s"):format(question, answer.status, describe_answer(resolver, answer)));
			count = count + 1;
		end
	end
	return ("%d answers"):format(count);
end);

define("flush", { "name" }, "Forget the answers for a name, or all answers", function (_, resolver, name)
	if name ~= nil and type(name) ~= "string" then return nil, "a name is wanted, such as \"example.org\", or none"; end
	local ok, err = resolver:flush(name);
	if not ok then return nil, report.visible(err); end
	return name and report.visible(name) .. " is forgotten" or "all answers are forgotten";
end);

local function flatten(table_of_counters, prefix, lines)
	for key, value in pairs(table_of_counters) do
		if type(value) == "table" then
			flatten(value, prefix .. key .. ".", lines);
		else
			lines[#lines + 1] = ("%s%s: %d"):format(prefix, key, value);
		end
	end
	table.sort(lines);
	return lines;
end

define("stats", {}, "Show what the resolver has counted since it was made", function (print, resolver)
	local lines = flatten(resolver:stats(), "", {});
	for _, line in ipairs(lines) do print(line); end
	return ("%d counters"):format(#lines);
end);

define("servers", {}, "Show which servers are asked and which keys are trusted, and whether that works", function (print, resolver)
	return promise.new(function (resolve)
		health.check(resolver, function (findings)
			print_lines(print, report.draw_health(findings, nil, plain, true));
			resolve(findings.ok and "healthy" or "sick");
		end);
	end);
end);

define("reconfigure", {}, "Start afresh from the settings and the system's files; lookups under way and remembered answers stay", function (_, resolver)
	local ok, err = resolver:reconfigure();
	if not ok then return nil, report.visible(err); end
	return ("generation %d"):format(resolver:stats().generation);
end);

-- Prosody's side of a command: called with the shell's session.
local function new_handler(command, subjects)
	return function (context, ...)
		local session = context.session;
		local subject, err = subjects[command.subject]();
		if not subject then return nil, report.visible(err); end
		local result, problem = command.handler(session.print, subject, ...);
		if result == nil then return nil, problem; end
		if promise.is_promise(result) then return result; end
		return true, result;
	end
end

-- Prosody 13 has a place for commands; it cares for help, and takes them back when the module is unloaded. Others have nobody who looks there.
local function add_items(module, subjects)
	for _, command in ipairs(commands) do
		local args = {};
		for i, name in ipairs(command.args) do args[i] = { name = name, type = "string" }; end
		module:add_item("shell-command", {
			section = "xmppdns", section_desc = DESCRIPTION, name = command.name, desc = command.desc, args = args;
			handler = new_handler(command, subjects);
		});
	end
end

local function print_help(session)
	for _, command in ipairs(commands) do
		session.print(("xmppdns:%s(%s) - %s"):format(command.name, table.concat(command.args, ", "), command.desc));
	end
end

-- Prosody 0.12 has a list of sections in its own help command alone.
local function add_help(shell_commands)
	local stock = shell_commands.help;
	if not stock then return function () end; end
	local function help(session, line)
		if line:match("^help%s+xmppdns") then return print_help(session); end
		stock(session, line);
		if not line:match("^help%s+%w") then session.print(("xmppdns  | %s"):format(DESCRIPTION)); end
	end
	shell_commands.help = help;
	return function ()
		if shell_commands.help == help then shell_commands.help = stock; end
	end;
end

local function new_section(subjects)
	local section = {};
	for _, command in ipairs(commands) do section[command.name] = new_handler(command, subjects); end
	function section.help(context)
		print_help(context.session);
		return true, DESCRIPTION;
	end
	return section;
end

-- Adds the section. subjects: resolver() -> resolver | nil, err; peers() -> see xmppdns.prosody.peers. Gives a function that takes it back.
local function install(module, subjects)
	local env, shell_commands = module:shared("/*/admin_shell/env"), module:shared("/*/admin_shell/commands");
	local section, remove_help = new_section(subjects), nil;
	local function add_section() -- where there is a shell which has not taken the items
		if not env.module or env.xmppdns and env.xmppdns ~= section then return; end
		env.xmppdns, remove_help = section, add_help(shell_commands);
	end
	add_items(module, subjects);
	add_section();
	for _, loading in ipairs({ "module-loaded", "module-reloaded" }) do
		module:hook(loading, function (event) -- the shell may come after us, and brings its own help
			if event.module == "admin_shell" and section then add_section(); end
		end);
	end
	return function ()
		if remove_help then remove_help(); end
		if env.xmppdns == section then env.xmppdns = nil; end
		section = nil;
	end;
end

return { install = install };
