-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- The plugin in a Prosody that a service manager has shut in: its own user, few descriptors, a read-only file system but for its directory.

local certificates = require "spec.support.certificates";
local process = require "spec.support.process";
local prosody = require "spec.support.prosody";
local zones = require "spec.support.zones";

describe("sandbox:", function ()
	local dns, server;

	setup(function ()
		dns = zones.serve({ ["shut.example"] = { records = "host A 192.0.2.7" } });
		server = prosody.start({
			name = "sandbox", sandbox = true, modules = { "xmppdns" }, hosts = { ["in.example"] = "in.example" };
			authority = certificates.new_authority();
			config = ("xmppdns = { forward = %q, resolvconf = false, trustfile = %q, autotrust = true }"):format(dns.forward, dns.anchors);
		});
	end);

	teardown(function ()
		server:stop();
		dns:stop();
	end);

	it("Prosody runs as its user, cannot write elsewhere, and has few descriptors", function ()
		local id = process.wait_until(function () return (process.read(server.directory .. "/prosody.pid") or ""):match("%d+"); end, 60);
		local user = process.run({ "id", "-u", "prosody" }):match("%d+");
		assert.matches("\nUid:\t" .. user .. "\t" .. user, process.read("/proc/" .. id .. "/status"));
		assert.matches("Max open files%s+128%s", process.read("/proc/" .. id .. "/limits"));
		assert.matches(" / ro[, ]", process.read("/proc/" .. id .. "/mountinfo"));
	end);

	it("the plugin is active, and validates", function ()
		assert.matches("192%.0%.2%.7.*", server:shell("xmppdns:lookup(\"host.shut.example\", \"A\")"));
		assert.matches("Secure", server:shell("xmppdns:lookup(\"host.shut.example\", \"A\")"));
		assert.is_nil(server:log():match("mod_xmppdns\t[eE]rror[^\n]*"));
	end);

	it("a burst of more lookups than there are descriptors is answered", function ()
		server:shell("> prosody.secure = 0; for i = 1, 500 do require 'net.adns'.lookup(function (answer) "
			.. "if answer and answer.secure then prosody.secure = prosody.secure + 1; end end, 'n' .. i .. '.shut.example', 'A'); end");
		local function count() return server:shell("> return prosody.secure"); end
		assert.is_truthy(process.wait_until(function () return count():find("500", 1, true); end, 60), count());
		assert.is_nil(server:log():match("[^\n]*Too many open files"));
	end);
end);
