-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- Prosody's other network backends, which give OpenSSL no TLSA records: real servers.

local certificates = require "spec.support.certificates";
local process = require "spec.support.process";
local prosody = require "spec.support.prosody";
local zones = require "spec.support.zones";

local WRONG = "3 1 1 " .. ("00"):rep(32);

describe("With network_backend = \"select\"", function ()
	local dns, near, far, untrusted;

	setup(function ()
		local trusted, unknown = certificates.new_authority("trusted"), certificates.new_authority("unknown");
		local places = { near = process.free_address(), far = process.free_address(), untrusted = process.free_address() };
		local port = process.free_port(places.near, places.far);
		local function zone(place, record)
			local records = ("_xmpp-server._tcp SRV 0 0 %d xmpp\nxmpp A %s\n"):format(port, places[place]);
			return { records = records .. (record and ("_%d._tcp.xmpp TLSA %s\n"):format(port, record) or "") };
		end
		local function digest(usage, authority, place, domain)
			return ("%d 1 1 %s"):format(usage, certificates.digest(authority:issue(domain, process.directory("backend-" .. place .. "/certificates")), 1));
		end
		dns = zones.serve({
			["near.example"] = zone("near"), ["plain.example"] = zone("far"), ["wrong.example"] = zone("far", WRONG);
			["ee.example"] = zone("untrusted", digest(3, unknown, "untrusted", "ee.example"));
			["pkix.example"] = zone("far", digest(1, trusted, "far", "pkix.example"));
			["ta.example"] = zone("untrusted", "2 1 1 " .. certificates.digest(unknown.file, 1));
			["two.example"] = { records = zone("far", WRONG).records .. ("_xmpp-server._tcp SRV 1 0 %d other\nother A %s\n"):format(port, places.far) };
		});
		local function start(place, hosts, authority, config)
			return prosody.start({
				name = "backend-" .. place, address = places[place], s2s_ports = { port }, authority = authority, modules = { "xmppdns" }, hosts = hosts;
				config = ("xmppdns = { forward = %q, trustfile = %q, resolvconf = false }\nnetwork_backend = \"select\"\n%s"):format(dns.forward, dns.anchors,
					config or "");
			});
		end
		near = start("near", { ["near.example"] = "near.example" }, trusted);
		far = start("far", { ["plain.example"] = "plain.example", ["wrong.example"] = "wrong.example", ["pkix.example"] = "pkix.example",
			["two.example"] = "two.example" }, trusted);
		untrusted = start("untrusted", { ["ee.example"] = "ee.example", ["ta.example"] = "ta.example" }, unknown,
			[[s2s_insecure_domains = { "near.example" }]]);
	end);

	teardown(function ()
		for _, server in ipairs({ near, far, untrusted }) do server:stop(); end
		dns:stop();
	end);

	-- true, or the text of the error that comes back
	local function ping(domain)
		local ok, output = pcall(near.shell, near, ([[xmpp:ping("near.example", %q)]]):format(domain));
		return ok or output:match("Server%-to%-server connection failed: ([^\n]*)>") or output;
	end

	it("what needs no TLSA record is reached", function () assert.is_true(ping("plain.example")); end);
	it("a certificate that nobody trusts is accepted when a record of usage 3 is its own", function () assert.is_true(ping("ee.example")); end);
	it("one that is trusted is refused when a record of usage 3 is another's", function ()
		assert.matches("does not match its TLSA records", ping("wrong.example"));
	end);
	it("records of the other usages are refused, with the reason", function ()
		for _, domain in ipairs({ "pkix.example", "ta.example" }) do
			assert.matches("network_backend \"select\" compares none but those of usage 3", ping(domain), 1, true);
		end
	end);
	it("the next endpoint is tried", function () assert.is_true(ping("two.example")); end);
end);
