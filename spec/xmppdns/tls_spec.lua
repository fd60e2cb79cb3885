-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- DNS over TLS to a real server where libunbound can do it, and the refusal where it cannot.

local certificates = require "spec.support.certificates";
local health = require "xmppdns.trust.health";
local process = require "spec.support.process";
local unbound = require "spec.support.unbound";
local xmppdns = require "xmppdns";
local zones = require "spec.support.zones";

local LINES = [[
	interface: %s@%d
	access-control: ::1 allow
	tls-port: %d
	tls-service-pem: "%s.crt"
	tls-service-key: "%s.key"
	module-config: "iterator"
]];

if xmppdns.version().tls then
	describe("DNS over TLS", function ()
		local dns, server, authority, address, port, directory;

		setup(function ()
			dns = zones.serve({ ["secure.example"] = { records = "@ A 127.9.8.7" } });
			authority = certificates.new_authority();
			directory = process.directory("dot");
			authority:issue("dot.example", directory);
			authority:issue("other.example", directory);
			address = process.free_address();
			port = process.free_port(address);
			local base = directory .. "/dot.example";
			server = unbound.start(LINES:format(address, port, port, base, base), address, port, directory, dns.forward);
		end);
		teardown(function ()
			server:stop();
			dns:stop();
		end);

		local function settings(name, authority_file)
			return dns:settings({ forward = ("%s@%d%s"):format(address, port, name and "#" .. name or ""), tls = true, tls_ca = authority_file or authority.file,
				timeout = 5 });
		end

		local function look_up(with)
			local resolver = assert(xmppdns.new(with));
			local answer, err = xmppdns.repeated_query("secure.example", "A", { resolver = resolver, attempts = 1 });
			resolver:close();
			return answer and { answer[1].a, answer.secure } or err.code;
		end

		it("answers through a server whose certificate has the name", function ()
			assert.same({ "127.9.8.7", true }, look_up(settings("dot.example")));
		end);

		it("asks no server whose certificate has another name, or comes from another authority", function ()
			local wrong_name = look_up(settings("elsewhere.example"));
			assert.is_true(wrong_name == "servfail" or wrong_name == "timeout");
			local wrong_authority = look_up(settings("dot.example", directory .. "/other.example.crt"));
			assert.is_true(wrong_authority == "servfail" or wrong_authority == "timeout");
		end);

		describe("to a server without #name", function ()
			-- On that address, with a certificate for these names or addresses: what a lookup through it gives.
			local function look_up_through(at, names)
				local at_port = process.free_port(at);
				local base = authority:issue("by-address.example", process.directory("dot-" .. at_port), names):gsub("%.crt$", "");
				local one = unbound.start(LINES:format(at, at_port, at_port, base, base), at, at_port, process.directory("dot-" .. at_port), dns.forward);
				local result = look_up(dns:settings({ forward = ("%s@%d"):format(at, at_port), tls = true, tls_ca = authority.file, timeout = 5 }));
				one:stop();
				return result;
			end

			it("asks it when its certificate is for its address", function ()
				assert.same({ "127.9.8.7", true }, look_up_through(address, { "dot.example", address }));
				assert.same({ "127.9.8.7", true }, look_up_through("::1", { "::1" }));
			end);

			it("does not ask one whose certificate is for a name, or for another address", function ()
				for _, names in ipairs({ { "dot.example" }, { "127.9.9.9" } }) do
					local failure = look_up_through(address, names);
					assert.is_true(failure == "servfail" or failure == "timeout");
				end
			end);
		end);

		it("17.2: is for the servers that are named so: those of a forward zone, or all but those", function ()
			local function with_zone(zone_server)
				return look_up(dns:settings({ forward_zones = { ["secure.example"] = zone_server }, tls_ca = authority.file, timeout = 5 }));
			end
			assert.same({ "127.9.8.7", true }, with_zone(("%s@%d#dot.example"):format(address, port)));
			local wrong_name = with_zone(("%s@%d#elsewhere.example"):format(address, port));
			assert.is_true(wrong_name == "servfail" or wrong_name == "timeout");
			local with = settings("dot.example");
			with.forward_zones = { ["secure.example"] = dns.forward }; -- which speaks no TLS
			assert.same({ "127.9.8.7", true }, look_up(with));
		end);

		it("is what a check of the resolver's health asks over", function ()
			local with = settings("dot.example");
			local resolver = assert(xmppdns.new(with));
			local findings;
			health.check(resolver, function (result) findings = result; end);
			while not findings do assert.is_true(resolver:wait(60)); end
			resolver:close();
			assert.same({ true, ("%s@%d#dot.example answers over TLS"):format(address, port) }, { findings.ok, findings[1].text });
		end);
	end);
else
	describe("DNS over TLS without a libunbound that has it", function ()
		it("is refused as a setting, and nothing is sent", function ()
			local resolver, err = xmppdns.new({ tls = true, forward = "127.0.0.1#dot.example" });
			assert.is_nil(resolver);
			assert.equal("config", err.code);
			assert.matches("^tls = true: this libunbound %(.*%) is built without OpenSSL and has no DNS over TLS$", err.text);
		end);
	end);
end
