-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- A change of the root's key (RFC 5011), with a root of our own. Its 30 days of waiting are one second here.

local anchors_of = require "xmppdns.trust.anchors";
local autotrust = require "xmppdns.prosody.autotrust";
local certificates = require "spec.support.certificates";
local process = require "spec.support.process";
local prosody = require "spec.support.prosody";
local xmppdns = require "xmppdns";
local zones = require "spec.support.zones";

local QUICK = { ["add-holddown"] = "1", ["permit-small-holddown"] = "yes" };

local function sleep(seconds)
	process.wait_until(function () return false; end, seconds);
end

describe("autotrust", function ()
	local dns, number = nil, 0;

	before_each(function ()
		number = number + 1;
		dns = zones.serve({ ["secure.example"] = { records = "@ A 192.0.2.1" } });
	end);

	after_each(function ()
		dns:stop();
	end);

	local function new_directory()
		return process.directory("autotrust-" .. number);
	end

	local function states(directory)
		local found = {};
		for _, anchor in ipairs(anchors_of.read({ autotrust = directory .. "/xmppdns-root.key" }, os.time())) do table.insert(found, anchor.state); end
		table.sort(found);
		return table.concat(found, " ");
	end

	-- Whether the zone validates, for a resolver that starts with what is in the directory.
	local function is_secure(directory)
		local settings = assert(autotrust.place(dns:settings({ autotrust = true, options = QUICK, timeout = 3 }), directory));
		local resolver = assert(xmppdns.new(settings));
		local answer = xmppdns.repeated_query("secure.example", "A", { resolver = resolver });
		resolver:close();
		return answer ~= nil and answer.secure;
	end

	it("follows the root to its next key", function ()
		local directory = new_directory();
		assert.is_true(is_secure(directory));
		assert.equal("valid", states(directory));
		dns:update(".", { keys = { 1, 2 } });
		assert.is_true(is_secure(directory));
		assert.equal("pending valid", states(directory));
		sleep(2.1);
		assert.is_true(is_secure(directory));
		assert.equal("valid valid", states(directory));
		dns:update(".", { keys = { 2 } });
		assert.is_true(is_secure(directory));
		assert.equal("missing valid", states(directory));
	end);

	it("trusts no key that has not been there for long enough", function ()
		local directory = new_directory();
		assert.is_true(is_secure(directory));
		dns:update(".", { keys = { 2 } });
		sleep(2.1);
		assert.is_false(is_secure(directory));
		assert.equal("valid", states(directory));
	end);

	it("leaves the settings alone unless it is true", function ()
		for _, settings in ipairs({ {}, { autotrust = "/a/path" }, { autotrust = false } }) do
			assert.equal(settings, autotrust.place(settings, new_directory()));
			assert.equal(settings, autotrust.read(settings, new_directory()));
		end
	end);

	it("begins with the keys of the other settings, else with the root's own, and then goes by its file alone", function ()
		local directory = new_directory();
		local given = dns:settings({ autotrust = true });
		local settings = autotrust.place(given, directory);
		assert.same({ directory .. "/xmppdns-root.key", true, nil }, { settings.autotrust, given.autotrust, settings.trustfile });
		assert.same(anchors_of.trusted_lines(anchors_of.read({ anchor_file = dns.anchors }, 0)),
			anchors_of.trusted_lines(anchors_of.read(settings, 0)));
		local other = process.directory("autotrust-own");
		assert(autotrust.place({ autotrust = true, forward = dns.forward }, other));
		local tags = anchors_of.root_tags(anchors_of.read({ autotrust = other .. "/xmppdns-root.key" }, 0));
		assert.same({ current = { 38696 } }, { current = { tags.current[#tags.current] } });
	end);

	it("shows the keys that are trusted now to who only reads", function ()
		local directory = new_directory();
		assert.equal(dns.anchors, autotrust.read(dns:settings({ autotrust = true }), directory).trustfile);
		assert.is_true(is_secure(directory));
		dns:update(".", { keys = { 1, 2 } });
		assert.is_true(is_secure(directory));
		local before = process.read(directory .. "/xmppdns-root.key");
		local settings = autotrust.read(dns:settings({ autotrust = true }), directory);
		assert.same({ 1, nil, nil }, { #settings.trusted, settings.trustfile, settings.autotrust });
		local resolver = assert(xmppdns.new(settings));
		assert.is_true(xmppdns.repeated_query("secure.example", "A", { resolver = resolver }).secure);
		resolver:close();
		assert.equal(before, process.read(directory .. "/xmppdns-root.key"));
	end);

	it("says when its file cannot be made", function ()
		local none, problem = autotrust.place(dns:settings({ autotrust = true }), "/nonexistent");
		assert.is_nil(none);
		assert.equal("autotrust: /nonexistent/xmppdns-root.key: No such file or directory", problem);
		none, problem = autotrust.place({ autotrust = true, trustfile = "/nonexistent" }, new_directory());
		assert.is_nil(none);
		assert.matches("trustfile", problem);
	end);

	it("keeps what it has learnt in Prosody's data directory, over a restart", function ()
		local authority, name = certificates.new_authority(), "autotrust-prosody";
		local function start()
			return prosody.start({
				name = name, authority = authority, modules = { "xmppdns" }, hosts = { ["one.test"] = "one.test" };
				config = ([[xmppdns = { forward = %q, trustfile = %q, resolvconf = false, timeout = 5, autotrust = true,
					options = { ["add-holddown"] = "1", ["permit-small-holddown"] = "yes" } }]]):format(dns.forward, dns.anchors);
			});
		end
		local function ask(server)
			return server:shell([[dns:lookup("secure.example", "A")]]);
		end
		local server = start();
		finally(function () server:stop(); end);
		assert.matches("Status: No Error, Secure", ask(server), 1, true);
		dns:update(".", { keys = { 1, 2 } });
		for _ = 1, 2 do
			server:shell("xmppdns:reconfigure()");
			server:shell("xmppdns:flush()");
			assert.matches("Status: No Error, Secure", ask(server), 1, true);
			sleep(2.1);
		end
		server:stop();
		dns:update(".", { keys = { 2 } });
		server = start();
		assert.matches("Status: No Error, Secure", ask(server), 1, true);
		assert.equal("missing valid", states(server.directory .. "/data"));
	end);
end);
