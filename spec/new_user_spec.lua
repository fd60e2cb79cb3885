-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- The way of a new user through the README, with its own words: enable, check, publish TLSA records, verify. Of this tree, or of what is installed.

local certificates = require "spec.support.certificates";
local process = require "spec.support.process";
local prosody = require "spec.support.prosody";
local zones = require "spec.support.zones";

local DOMAIN = "example.org"; -- as in the README

local readme = process.read("README.md");
local dns, server, commands;

local function section(heading)
	return assert(readme:match("\n## " .. heading .. "\n(.-)\n## "), heading);
end

-- What the README wants in Prosody's configuration, with where DNS is on this machine.
local function configuration()
	local text = section("Enable it"):match("```lua\n%-%- prosody.cfg.lua\n.-\n(xmppdns = {.-\n})\n```");
	return (text:gsub("xmppdns = {", ("%%0 forward = %q; trustfile = %q;"):format(dns.forward, dns.anchors), 1));
end

-- A command of that name, which is another one with more words.
local function write_command(name, words)
	process.run({ "chmod", "755", process.write(commands .. "/" .. name, ("#!/bin/sh\nexec %s \"$@\"\n"):format(words)) });
end

local function write_commands()
	commands = process.directory("commands");
	local root = process.run({ "pwd" }):gsub("\n", "");
	local asked = ("--forward %s --trustfile '%s' --cafile '%s'"):format(dns.forward, dns.anchors, server.authority);
	local tree = ("env LUA_PATH='%s/lua/?.lua;;' LUA_CPATH='%s/build/5.4/?.so;;' lua5.4 %s/mod_xmppdns/xmppdns-check"):format(root, root, root);
	write_command("prosodyctl", ("/usr/bin/prosodyctl --config '%s'"):format(server.config));
	write_command("xmppdns-check", (prosody.is_installed and "/usr/bin/xmppdns-check" or tree) .. " " .. asked);
end

-- Runs a command as the README has it: its output, without what Prosody says about our configuration file, and its exit status.
local function run(command)
	assert(readme:find(command, 1, true), "not in the README: " .. command);
	local pipe = io.popen(("exec 2>&1 </dev/null; export PATH='%s':$PATH COLUMNS=160 LC_ALL=C.UTF-8; %s; echo \" $?\""):format(commands, command));
	local output, status = pipe:read("*a"):match("^(.*) (%d+)\n$");
	pipe:close();
	return ("\n" .. output):gsub("\nstartup [^\n]*", ""):sub(2), tonumber(status);
end

local function publish(...)
	local records = ("_xmpp-server._tcp SRV 0 0 %d xmpp\nxmpp A %s"):format(server.s2s_ports[1], server.address);
	dns:update(DOMAIN, table.concat({ records, ... }, "\n"));
end

setup(function ()
	local authority = certificates.new_authority("authority of a new user");
	dns = zones.serve({ [DOMAIN] = {} });
	server = prosody.start({ name = "newuser", authority = authority, modules = { "xmppdns" }, hosts = { [DOMAIN] = DOMAIN }, config = configuration() });
	server.authority = authority.file;
	write_commands();
end);
teardown(function ()
	server:stop();
	dns:stop();
end);

describe("The README's path of a new user", function ()
	it("ends with a domain that others prove by DANE (issue 18, 8)", function ()
		publish();
		assert.is_truthy(process.wait_until(function () return process.read(server.directory .. "/data/xmppdns-root.key"); end), server:log());
		local output, status = run("prosodyctl mod_xmppdns check");
		assert.matches("^server: active since [^\n]*\nresolver: healthy, asks [^\n]*\nexample.org: good, SRV secure, no DANE\n$", output);
		assert.equal(0, status);

		output, status = run("xmppdns-check example.org");
		assert.matches("SRV _xmpp-server._tcp.example.org: secure", output, 1, true);
		assert.equal(0, status);

		local records = {};
		output, status = run("prosodyctl mod_xmppdns check --tlsa example.org");
		for record in output:gmatch("\n(_[^;]-%))") do records[#records + 1] = record; end
		assert.same({ 1, 0 }, { #records, status });
		publish(records[1]);

		output, status = run("xmppdns-check --connect example.org");
		assert.matches("the certificate matches by DANE", output, 1, true);
		assert.equal(0, status);
		output, status = run("prosodyctl mod_xmppdns check");
		assert.matches("example.org: good, SRV secure, DANE at 1 of 1 endpoints\n", output, 1, true);
		assert.equal(0, status);
		assert.equal(0, (select(2, run("prosodyctl mod_xmppdns check --tlsa example.org"))));
	end);
end);
