-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- A Prosody that goes into the background: it forks at its start, once it has asked something and before it asks the rest.

local certificates = require "spec.support.certificates";
local process = require "spec.support.process";
local prosody = require "spec.support.prosody";
local zones = require "spec.support.zones";

local STARTS = tonumber(os.getenv("STARTS")) or 5;

-- Asks in every moment of the start: before the fork, at it, and after it, before the loop runs.
local ASKING = [[
module:set_global();
for _, priority in ipairs({ 1, 0, -1, -2000 }) do
	module:hook("server-started", function ()
		require "net.adns".lookup(function (answer)
			module:log("info", "asked at %d: %s", priority, answer and answer[1] and answer[1].a);
		end, ("at%d.secure.example"):format(priority), "A");
	end, priority);
end
]];

describe("xmppdns.prosody.watch:", function ()
	local dns, authority, plugins;

	setup(function ()
		authority = certificates.new_authority();
		dns = zones.serve({ ["secure.example"] = { records = "* A 192.0.2.1" } });
		plugins = process.directory("watch-plugins");
		process.write(plugins .. "/mod_asking.lua", ASKING);
	end);

	teardown(function ()
		dns:stop();
	end);

	local function start()
		return prosody.start({
			name = "daemon", daemon = true, authority = authority, modules = { "xmppdns", "asking", "posix" }, hosts = { ["one.test"] = "one.test" };
			config = ("plugin_paths = { %q, %q }\nxmppdns = { forward = %q, trustfile = %q, resolvconf = false, timeout = 3 }"):format(
				process.run({ "pwd" }):gsub("\n", "") .. "/mod_xmppdns", plugins, dns.forward, dns.anchors);
		});
	end

	local function count_answered(server)
		return select(2, server:log():gsub("asked at %-?%d+: 192%.0%.2%.1", ""));
	end

	it(("what is asked before, at and after the fork of prosody -D is answered, %d starts"):format(STARTS), function ()
		for i = 1, STARTS do
			local server = start();
			local answered = process.wait_until(function () return count_answered(server) >= 4 * i; end);
			assert.is_truthy(answered, server:log());
			assert.matches("192.0.2.1", server:shell([[dns:lookup("later.secure.example", "A")]]), 1, true);
			server:stop();
		end
	end);
end);
