-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- The README's validating resolver for many servers, run as it stands there but for its addresses and files.

local process = require "spec.support.process";
local unbound = require "spec.support.unbound";
local xmppdns = require "xmppdns";
local zones = require "spec.support.zones";

local function replace(text, from, to)
	local at, last = text:find(from, 1, true);
	assert(at, "not in the README: " .. from);
	return text:sub(1, at - 1) .. to .. text:sub(last + 1);
end

describe("the README's shared resolver", function ()
	local dns, server, address, port;

	setup(function ()
		dns = zones.serve({
			["secure.example"] = { records = "@ A 127.9.8.7" };
			["plain.example"] = { records = "@ A 127.9.8.7", signed = false };
			["bogus.example"] = { records = "@ A 127.9.8.7", fault = "signature" };
		});
		address = process.free_address();
		port = process.free_port(address);
		local directory = process.directory("fleet");
		local anchors = process.write(directory .. "/root.key", process.read(dns:settings().trustfile));
		local config = assert(process.read("README.md"):match("\n```\n# unbound.conf\nserver:\n(.-)```"));
		config = replace(config, "192.0.2.53", address);
		config = replace(config, "192.0.2.0/24", "127.0.0.0/8");
		config = replace(config, "auto-trust-anchor-file: \"/var/lib/unbound/root.key\"", ("trust-anchor-file: %q"):format(anchors));
		server = unbound.start(config .. ("\tport: %d\n"):format(port), address, port, directory, dns.forward);
	end);

	teardown(function ()
		server:stop();
		dns:stop();
	end);

	-- What two servers behind it see of the name.
	local function ask_twice(name, settings)
		local seen = {};
		for i = 1, 2 do
			local all = dns:settings(settings);
			all.forward, all.upstream = ("%s@%d"):format(address, port), "forward";
			local resolver = assert(xmppdns.new(all));
			local answer, err = xmppdns.repeated_query(name, "A", { resolver = resolver });
			seen[i] = answer and { answer[1].a, answer.secure } or err.code;
			resolver:close();
		end
		return seen;
	end

	it("serves answers that each server validates once more", function ()
		assert.same({ { "127.9.8.7", true }, { "127.9.8.7", true } }, ask_twice("secure.example"));
		assert.same({ { "127.9.8.7", false }, { "127.9.8.7", false } }, ask_twice("plain.example"));
	end);

	it("never serves forged data as data, whether the server validates too or trusts it", function ()
		assert.same({ "bogus", "bogus" }, ask_twice("bogus.example"));
		assert.same({ "bogus", "bogus" }, ask_twice("bogus.example", { dnssec = "off" }));
	end);
end);
