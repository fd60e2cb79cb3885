-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders

local certificates = require "spec.support.certificates";
local checkup = require "xmppdns.prosody.checkup";
local misdns = require "spec.support.misdns";
local process = require "spec.support.process";
local prosody = require "spec.support.prosody";
local xmppdns = require "xmppdns";
local zones = require "spec.support.zones";

describe("checkup", function ()
	local dns, lines;

	setup(function ()
		dns = zones.serve({ ["secure.example"] = {} });
	end);

	teardown(function ()
		dns:stop();
	end);

	before_each(function ()
		lines = {};
	end);

	local function log(level, ...)
		table.insert(lines, level .. ": " .. string.format(...));
	end

	-- Works until something is logged, or for so long.
	local function wait(resolver, seconds)
		process.wait_until(function ()
			resolver:wait(0.05);
			return lines[1];
		end, seconds);
	end

	it("says nothing of a healthy resolver", function ()
		local settings = dns:settings();
		local resolver = assert(xmppdns.new(settings));
		checkup.start(resolver, settings, log);
		wait(resolver, 2);
		local asked = resolver:stats().outcomes.answered;
		resolver:close();
		assert.same({ 1, {} }, { asked, lines });
	end);

	it("warns of a server that does not answer, with advice", function ()
		local settings = dns:settings({ timeout = 3, forward = { dns.forward, ("%s@%d"):format(dns.address, process.free_port(dns.address)) } });
		local resolver = assert(xmppdns.new(settings));
		checkup.start(resolver, settings, log);
		wait(resolver, 5);
		resolver:close();
		assert.equal(1, #lines);
		assert.matches("^warn: " .. settings.forward[2]:gsub("%p", "%%%0") .. " .*; is it the right address", lines[1]);
	end);

	it("can be prevented", function ()
		local settings = dns:settings();
		local resolver = assert(xmppdns.new(settings));
		local prevent = checkup.start(resolver, settings, log);
		prevent();
		wait(resolver, 1.3);
		local asked = resolver:stats().lookups;
		resolver:close();
		assert.equal(0, asked);
	end);
end);

describe("checkup: a real Prosody whose server strips DNSSEC", function ()
	local dns, forwarder, authority, server;

	setup(function ()
		dns = zones.serve({ ["secure.example"] = { records = "_xmpp-server._tcp SRV 0 0 5269 xmpp\nxmpp A 192.0.2.1" } }, 53);
		forwarder = misdns.start({ upstream = dns.forward });
		forwarder:rule({ fault = "strip" });
		authority = certificates.new_authority();
	end);

	teardown(function ()
		forwarder:stop();
		dns:stop();
	end);

	after_each(function () server:stop(); end);

	local function start(name, more)
		server = prosody.start({
			name = name, authority = authority, modules = { "xmppdns" }, hosts = { ["one.test"] = "one.test" };
			config = ("xmppdns = { forward = %q, trustfile = %q, timeout = 5, %s }"):format(forwarder.forward, dns.anchors, more);
		});
	end

	-- The warnings about it, once there is one and the server has had time for another.
	local function warnings_of_stripping()
		assert.is_truthy(process.wait_until(function () return server:log():find("stripped on the way", 1, true); end));
		for _ = 1, 3 do pcall(server.shell, server, [[xmppdns:lookup("missing.secure.example")]]); end
		local lines = {};
		for line in server:log():gmatch("mod_xmppdns\twarn\t([^\n]*stripped on the way[^\n]*)") do table.insert(lines, line); end
		return lines;
	end

	it("asks from the root instead with upstream = \"auto\", and says so once", function ()
		start("recovers", ("roothints = %q"):format(dns.hints));
		assert.same({ forwarder.forward .. ": DNSSEC is stripped on the way: asking from the root instead" }, warnings_of_stripping());
		forwarder:clear_log();
		assert.matches("192.0.2.1\n.*: 1 record, secure", server:shell([[xmppdns:lookup("xmpp.secure.example", "A")]]));
		assert.matches("1. xmpp.secure.example port 5269, STARTTLS: 192.0.2.1", server:shell([[xmppdns:plan("secure.example")]]), 1, true);
		assert.same({}, forwarder:log());
	end);

	it("fails closed with upstream = \"forward\", and says what to do", function ()
		start("closed", ("roothints = %q, upstream = \"forward\""):format(dns.hints));
		local lines = warnings_of_stripping();
		assert.equal(1, #lines);
		assert.matches("upstream = \"forward\" allows no other way: every lookup fails: ask others (forward = ...), or none (upstream = \"recursive\")",
			lines[1], 1, true);
		local ok, output = pcall(server.shell, server, [[xmppdns:lookup("xmpp.secure.example", "A")]]);
		assert.is_false(ok);
		assert.matches("A of xmpp%.secure%.example: bogus: ", output);
		assert.matches("nothing is dialled", server:shell([[xmppdns:plan("secure.example")]]), 1, true);
	end);
end);
