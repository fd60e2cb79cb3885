-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- A change of the root's key (RFC 5011) in a real Prosody, with a root of our own. Its 30 days of waiting are one second here.

local anchors_of = require "xmppdns.trust.anchors";
local autotrust = require "xmppdns.prosody.autotrust";
local certificates = require "spec.support.certificates";
local process = require "spec.support.process";
local prosody = require "spec.support.prosody";
local zones = require "spec.support.zones";

local FILE = "/xmppdns-root.key";

describe("autotrust in Prosody", function ()
	local dns, number = nil, 0;

	before_each(function ()
		number = number + 1;
		dns = zones.serve({ ["secure.example"] = { records = "@ A 192.0.2.1" } });
	end);

	after_each(function ()
		dns:stop();
	end);

	it("is a file in its data directory where the setting is true, and what the operator says otherwise", function ()
		for _, settings in ipairs({ {}, { autotrust = "/a/path" }, { autotrust = false } }) do
			assert.equal(settings, autotrust.place(settings, "/data"));
		end
		local given = { autotrust = true, forward = "127.0.0.1" };
		assert.same({ autotrust = "/data/xmppdns-root.key", forward = "127.0.0.1" }, autotrust.place(given, "/data"));
		assert.is_true(given.autotrust);
	end);

	local function start(name, extra)
		return prosody.start({
			name = name, authority = certificates.new_authority(), modules = { "xmppdns" }, hosts = { ["one.test"] = "one.test" };
			config = ([[xmppdns = { forward = %q, trustfile = %q, resolvconf = false, timeout = 5, autotrust = true,
				options = { ["add-holddown"] = "1", ["permit-small-holddown"] = "yes" } } %s]]):format(dns.forward, dns.anchors, extra or "");
		});
	end

	local function is_secure(server)
		server:shell("xmppdns:flush()");
		return server:shell([[dns:lookup("secure.example", "A")]]):find("Status: No Error, Secure", 1, true) ~= nil;
	end

	local function states(server)
		local found = {};
		for _, anchor in ipairs(anchors_of.read({ autotrust = server.directory .. "/data" .. FILE }, os.time())) do table.insert(found, anchor.state); end
		table.sort(found);
		return table.concat(found, " ");
	end

	-- It asks a moment after it has started, and after a reload with other settings.
	local function wait_for_states(server, expected)
		assert(process.wait_until(function () return states(server) == expected; end, 60), states(server));
	end

	it("is kept up to date, over restarts, and only names what is new in the log", function ()
		local name = "autotrust-prosody";
		local server = start(name);
		finally(function () server:stop(); end);
		wait_for_states(server, "valid");
		assert.is_true(is_secure(server));
		dns:update(".", { keys = { 1, 2 } });
		for _, expected in ipairs({ "pending valid", "valid valid" }) do
			server:stop();
			process.wait_until(function () return false; end, 1.1); -- the hold-down
			server = start(name);
			wait_for_states(server, expected);
		end
		server:stop();
		dns:update(".", { keys = { 2, -1 } });
		server = start(name);
		wait_for_states(server, "revoked valid");
		assert.is_true(is_secure(server));
	end);

	it("costs nothing when the data directory becomes read-only, whatever a stranger's domain makes of it", function ()
		local server = start("autotrust-readonly");
		finally(function () server:stop(); end);
		wait_for_states(server, "valid");
		local before = process.read(server.directory .. "/data" .. FILE);
		process.run({ "rm", "-f", server.directory .. "/data" .. FILE });
		process.run({ "mkdir", server.directory .. "/data" .. FILE }); -- nobody can write this, root included
		server:shell("xmppdns:reconfigure()");
		assert.is_true(is_secure(server));
		assert.is_true(server.process:alive());
		process.run({ "rmdir", server.directory .. "/data" .. FILE });
		process.write(server.directory .. "/data" .. FILE, before);
		server:shell("xmppdns:reconfigure()");
		assert.is_true(is_secure(server));
	end);
end);
