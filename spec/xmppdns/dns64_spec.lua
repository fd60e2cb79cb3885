-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- In a network that has IPv6 alone and NAT64: addresses that libunbound makes of proven ones are proven.

local process = require "spec.support.process";
local unbound = require "spec.support.unbound";
local xmppdns = require "xmppdns";
local zones = require "spec.support.zones";

local TLSA = "3 1 1 " .. ("ab"):rep(32);
local HOST = "_xmpp-server._tcp SRV 0 0 5269 xmpp\nxmpp A 127.9.8.7\n_5269._tcp.xmpp TLSA " .. TLSA;
local MADE = "64:ff9b::7f09:807"; -- of 127.9.8.7

local DNS64_FORWARDER = [[
	interface: %s
	port: %d
	module-config: "dns64 validator iterator"
	trust-anchor-file: %s
]];

describe("DNS64 (17.6):", function ()
	local dns, forwarder, forward;

	setup(function ()
		dns = zones.serve({
			["secure.example"] = { records = HOST }, ["plain.example"] = { records = HOST, signed = false };
			["forged.example"] = { records = HOST, fault = "signature", fault_at = "xmpp A" };
		});
		local address = process.free_address();
		local port = process.free_port(address);
		forward = address .. "@" .. port;
		forwarder = unbound.start(DNS64_FORWARDER:format(address, port, dns.anchors), address, port, process.directory("dns64"), dns.forward);
	end);

	teardown(function ()
		forwarder:stop();
		dns:stop();
	end);

	-- The plan's only endpoint: { addresses, secure, how many TLSA records, the error's code }
	local function plan(domain, servers)
		local settings = dns:settings({ forward = servers, timeout = 20, options = { ["module-config"] = "dns64 validator iterator" } });
		local resolver = assert(xmppdns.new(settings));
		local planned = assert(xmppdns.endpoints(domain, { resolver = resolver }));
		resolver:close();
		assert.equal(1, #planned.endpoints);
		local endpoint = planned.endpoints[1];
		return { endpoint.addresses, endpoint.secure, endpoint.dane and #endpoint.dane.records or 0, endpoint.error and endpoint.error.code };
	end

	local SERVERS = { ["no DNS64"] = function () return dns.forward; end, ["the network's own DNS64"] = function () return forward; end };

	for name, servers in pairs(SERVERS) do
		it("behind " .. name .. ", IPv6 addresses made of secure ones are secure, and DANE holds for them", function ()
			assert.same({ { MADE, "127.9.8.7" }, true, 1 }, plan("secure.example", servers()));
			assert.same({ { MADE, "127.9.8.7" }, false, 0 }, plan("plain.example", servers()));
		end);

		it("behind " .. name .. ", nothing is made of a forged address", function ()
			assert.same({ {}, false, 0, "bogus" }, plan("forged.example", servers()));
		end);
	end
end);
