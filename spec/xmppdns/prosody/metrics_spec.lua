-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- The metrics, as a running Prosody shows them.

local certificates = require "spec.support.certificates";
local http = require "socket.http";
local misdns = require "spec.support.misdns";
local process = require "spec.support.process";
local prosody = require "spec.support.prosody";
local zones = require "spec.support.zones";

local CONFIG = [[
xmppdns = { forward = %q, trustfile = %q, resolvconf = false, timeout = 3 }
statistics = "internal"
statistics_interval = %s
http_interfaces = { %q }
http_ports = { %d }
https_ports = { }
openmetrics_allow_cidr = "127.0.0.0/8"
]];

-- { lookups = "counter" }
local function read_readme()
	local families = {};
	for name, kind in process.read("README.md"):gmatch("\n| `([%l_]+)` | (%l+) |") do families[name:gsub("_total$", "")] = kind; end
	return families;
end

describe("Prosody's metrics", function ()
	local dns, forwarder, server, url, authority, address, s2s_port;

	-- The server, once it has looked at its health, which counts too; and the URL of its metrics.
	local function start(name, interval)
		local its_address = name == "metrics" and address or process.free_address();
		local http_port = process.free_port(its_address);
		local started = prosody.start({
			name = name, authority = authority, modules = { "xmppdns", "http_openmetrics" }, address = its_address, s2s_ports = { s2s_port };
			config = CONFIG:format(forwarder.forward, dns.anchors, interval, its_address, http_port);
			hosts = { ["one.example"] = "one.example", ["two.example"] = "two.example" };
		});
		assert(process.wait_for_tcp(its_address, http_port));
		assert(process.wait_until(function () return started:log():find("DNSKEY of .: NoError", 1, true); end));
		return started, ("http://%s:%d/metrics"):format(its_address, http_port);
	end

	setup(function ()
		authority = certificates.new_authority();
		address = process.free_address();
		s2s_port = process.free_port(address);
		dns = zones.serve({
			["two.example"] = { records = ("_xmpp-server._tcp SRV 0 0 1 broken\n_xmpp-server._tcp SRV 1 0 %d xmpp\nxmpp A %s"):format(s2s_port, address) };
			["broken.example"] = { records = "xmpp A 127.0.0.1\n_xmpp-server._tcp SRV 0 0 5269 xmpp", fault = "signature", fault_at = "xmpp A" };
			["bogus.example"] = { records = "@ A 127.0.0.1", fault = "signature" };
			["plain.example"] = { records = "@ A 127.0.0.1\nbroken A 127.0.0.1\nsilent A 127.0.0.1", signed = false };
		});
		forwarder = misdns.start({ upstream = dns.forward });
		server, url = start("metrics", "\"manual\"");
	end);

	teardown(function ()
		server:stop();
		forwarder:stop();
		dns:stop();
	end);

	-- { ["lookups_total{type=\"A\",outcome=\"secure\"}"] = 1 }, { lookups = "counter" }
	local function scrape(of_url)
		local body = assert(http.request(of_url or url));
		local samples, families = {}, {};
		for name, value in body:gmatch("\nprosody_mod_xmppdns__(%S+) (%S+)") do samples[name] = tonumber(value); end
		for name, kind in body:gmatch("\n# TYPE prosody_mod_xmppdns__(%S+) (%l+)") do families[name] = kind; end
		return samples, families;
	end

	it("have every family that the README lists, and no other", function ()
		assert.same(read_readme(), (select(2, scrape())));
	end);

	it("count lookups by type and outcome, and their time", function ()
		local before = scrape();
		server:shell([[dns:lookup("xmpp.two.example", "A")]]);
		server:shell([[dns:lookup("xmpp.two.example", "A")]]);
		pcall(server.shell, server, [[xmppdns:lookup("bogus.example", "A")]]);
		local after = scrape();
		local function difference(name) return after[name] - (before[name] or 0); end
		assert.equal(2, difference([[lookups_total{type="A",outcome="secure"}]]));
		assert.equal(1, difference([[lookups_total{type="A",outcome="bogus"}]]));
		assert.equal(3, difference([[lookup_seconds_bucket{le="+Inf"}]]));
		assert.equal(1, difference("cache_hits_total"));
		assert.equal(2, difference("cache_misses_total"));
		assert.equal(1, difference("retries_total"));
		assert.is_true(after.cache_bytes > 0);
	end);

	it("count what goes wrong, and what is tried against it", function ()
		forwarder:rule({ name = "broken.plain.example", fault = "servfail" });
		forwarder:rule({ name = "silent.plain.example", fault = "silence" });
		local before = scrape();
		server:shell([[xmppdns:lookup("plain.example", "A")]]);
		for _, name in ipairs({ "broken", "silent" }) do
			pcall(server.shell, server, ([[xmppdns:lookup("%s.plain.example", "A")]]):format(name));
		end
		local after = scrape();
		local function difference(name) return (after[name] or 0) - (before[name] or 0); end
		for outcome, count in pairs({ secure = 0, insecure = 1, servfail = 1, timeout = 1 }) do
			assert.equal(count, difference(([[lookups_total{type="A",outcome="%s"}]]):format(outcome)));
		end
		assert.same({ attempts = 6, probes = 1, probe_verdicts = 1, rebuilds_or_denied = 2, has_switched = true }, {
			attempts = difference("attempts_total"), probes = difference("probes_total"), probe_verdicts = difference("probe_verdicts_total");
			rebuilds_or_denied = difference("rebuilds_total") + difference("rebuilds_denied_total"), has_switched = difference("tcp_switches_total") > 0;
		});
	end);

	it("18.7: are soon all of the same moment, however seldom Prosody collects its statistics", function ()
		local seldom, its_url = start("metrics-seldom", "3600");
		finally(function () seldom:stop(); end);
		local before = scrape(its_url);
		for _ = 1, 2 do seldom:shell([[dns:lookup("xmpp.two.example", "A")]]); end
		local after;
		local function difference(name) return after[name] - (before[name] or 0); end
		process.wait_until(function ()
			after = scrape(its_url);
			return difference("cache_hits_total") > 0;
		end);
		assert.same({ 2, 1, 1, 1 }, { difference([[lookups_total{type="A",outcome="secure"}]]), difference("cache_hits_total"), difference("cache_misses_total"),
			difference("attempts_total") });
	end);

	it("count endpoints by what became of them", function ()
		pcall(server.shell, server, [[xmpp:ping("one.example", "broken.example")]]);
		local samples = scrape();
		assert.equal(1, samples[ [[endpoints_total{outcome="bogus"}]] ]);
	end);

	it("count the lookups that are canceled", function ()
		forwarder:rule({ name = "waiting.plain.example", fault = "silence" });
		local name = [[lookups_total{type="A",outcome="canceled"}]];
		local before = scrape();
		server:shell([[> local adns = require "net.adns"; adns.cancel(adns.lookup(function () end, "waiting.plain.example", "A"))]]);
		assert.is_true(process.wait_until(function () return (scrape())[name] == (before[name] or 0) + 1; end));
	end);

	it("go on in Prosody 13's own histogram of lookups", function ()
		local function count() return tonumber(http.request(url):match([[prosody_dns_seconds_count{qclass="IN",qtype="NS"} (%d+)]])); end
		if not process.read("/usr/lib/prosody/loader.lua") then return; end
		local before = count() or 0;
		server:shell([[dns:lookup("two.example", "NS")]]);
		assert.equal(before + 1, count());
		server:shell([[module:reload("xmppdns")]]);
		server:shell([[dns:lookup("two.example", "NS")]]);
		assert.equal(before + 2, count());
	end);

	it("survive a reload of the module", function ()
		server:shell([[dns:lookup("xmpp.two.example", "A")]]);
		local before = scrape();
		server:shell([[module:reload("xmppdns")]]);
		server:shell([[dns:lookup("xmpp.two.example", "A")]]);
		local name = [[lookups_total{type="A",outcome="secure"}]];
		assert.equal(before[name] + 1, (scrape())[name]);
	end);
end);
