-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders

local domain_check = require "xmppdns.check.domain";
local draw_domain, new_style = require "xmppdns.check.tree".draw_domain, require "xmppdns.check.tree".new_style;
local misdns = require "spec.support.misdns";
local plans = require "xmppdns.plan.plan";
local process = require "spec.support.process";
local tasks_of = require "xmppdns.check.tasks";
local xmppdns = require "xmppdns";
local zones = require "spec.support.zones";

local DIGEST, LONG_DIGEST = ("ab"):rep(32), ("cd"):rep(64);

local dns, resolver, server, server_address, certificate;

local function start_server(address, port)
	certificate = process.directory("inspection") .. "/host";
	process.run({ "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=host";
		"-addext", "subjectAltName=DNS:host.signed.example", "-out", certificate .. ".crt", "-keyout", certificate .. ".key" });
	server = process.start({ "openssl", "s_server", "-accept", address .. ":" .. port, "-cert", certificate .. ".crt", "-key", certificate .. ".key", "-quiet" });
	assert(process.wait_for_tcp(address, port));
end

setup(function ()
	local address = process.free_address();
	local port = process.free_port(address);
	start_server(address, port);
	server_address = address;
	dns = zones.serve({
		["signed.example"] = { records = ("_xmpps-server._tcp SRV 0 0 %d host\nhost A %s"):format(port, address) };
		["unsigned.example"] = { records = ("_xmpps-server._tcp SRV 0 0 %d host.signed.example."):format(port), signed = false };
		["agile.example"] = { records = ("_xmpp-server._tcp SRV 0 0 5269 h\nh A 127.9.8.7\n_5269._tcp.h TLSA 3 1 1 %s\n_5269._tcp.h TLSA 3 1 2 %s\n"
			.. "_5269._tcp.h TLSA 3 1 0 ab\n_5269._tcp.h TLSA 2 1 1 %s\n"):format(DIGEST, LONG_DIGEST, DIGEST) };
		["forged.example"] = { records = ("_xmpp-server._tcp SRV 0 0 5269 h\nh A 127.9.8.7\n_5269._tcp.h TLSA 3 1 1 %s"):format(DIGEST);
			fault = "signature", fault_at = "_5269._tcp.h TLSA" };
		["alias.example"] = { records = ("_xmpp-server._tcp SRV 0 0 5269 h\nh CNAME real\nreal A 127.9.8.7\n_5269._tcp.real TLSA 3 1 1 %s\n"
			.. "_5269._tcp.h TLSA 3 1 1 %s"):format(DIGEST, ("ef"):rep(32)) };
		["several.example"] = { records = "_xmpp-server._tcp SRV 0 0 5269 h\n_xmpp-server._tcp SRV 1 0 5270 h\nh A 127.9.8.7" };
		["partly.example"] = { records = "_xmpp-server._tcp SRV 0 0 5269 h\nh A 127.9.8.7\nh AAAA ::1\n_xmpp-server._tcp SRV 1 0 5269 g\ng A 127.9.8.7";
			fault = "signature", fault_at = "h A" };
		["dual.example"] = { records = ("_xmpps-server._tcp SRV 0 0 %d h\nh AAAA ::1\n_%d._tcp.h TLSA 3 1 1 %s"):format(port, port, DIGEST) };
		["fallback.example"] = { records = ("@ A 127.9.8.7\n_5269._tcp TLSA 3 1 1 %s"):format(DIGEST) };
	});
end);
teardown(function ()
	dns:stop();
	server:stop();
end);
before_each(function () resolver = assert(xmppdns.new(dns:settings({ timeout = 20 }))); end);
after_each(function () resolver:close(); end);

local function inspect(domain, options)
	local tasks, report = tasks_of.new(resolver), nil;
	options = options or {};
	options.timeout, options.cafile = 60, certificate .. ".crt";
	tasks:spawn(function () report = domain_check.inspect(tasks, resolver, domain, options); end);
	tasks:run();
	return report;
end

-- "3 1 2", "not 3 1 1: why", ...
local function list_tlsa(found)
	local texts = {};
	for i, record in ipairs(found.records) do
		texts[i] = ("%s%d %d %d%s"):format(record.usable and "" or "not ", record.usage, record.selector, record.matching,
			record.reason and ": " .. record.reason or "");
	end
	return texts;
end

describe("xmppdns.check.domain: TLSA records", function ()
	it("count with their strongest digest alone, per usage and selector, beside full data (R23)", function ()
		assert.same({ "2 1 1", "not 3 1 0: not a public key", "not 3 1 1: there is a stronger digest", "3 1 2" },
			list_tlsa(inspect("agile.example").targets[1].tlsa[1]));
	end);

	it("that are forged leave the endpoint undialled (R20)", function ()
		local report = inspect("forged.example", { connect = true });
		assert.same({ "unreachable", "bogus", {} }, { report.status, report.endpoints[1].error.code, report.endpoints[1].connections });
		assert.equal(1, #report.problems);
	end);

	it("are those of the name that an alias leads to (R19)", function ()
		local report = inspect("alias.example");
		local found = report.targets[1].tlsa[1];
		assert.same({ "_5269._tcp.real.alias.example", DIGEST, true }, { found.name, found.records[1].data, report.endpoints[1].dane });
	end);

	it("count for the domain itself where the absence of SRV records is proven (R18)", function ()
		local report = inspect("fallback.example");
		assert.same({ "absent", "absent", true }, { report.srv[1].state, report.srv[2].state, report.endpoints[1].dane });
	end);

	it("are not asked for with dane = \"off\"", function ()
		resolver:close();
		resolver = assert(xmppdns.new(dns:settings({ dane = "off" })));
		local report = inspect("agile.example");
		assert.same({ "switched off by the settings", false }, { report.targets[1].tlsa[1].skipped, report.endpoints[1].dane });
	end);
end);

describe("xmppdns.check.domain: DANE", function ()
	it("decides about the addresses of the secure family alone, as in a connection (R16)", function ()
		resolver:close();
		resolver = assert(xmppdns.new(dns:settings({ timeout = 20, options = {
			["local-zone:"] = "h.dual.example typetransparent", ["local-data:"] = "h.dual.example A " .. server_address;
		} })));
		local endpoint = inspect("dual.example", { connect = true }).endpoints[1];
		assert.same({ { "::1", server_address }, true }, { endpoint.addresses, endpoint.dane });
		assert.equal("the certificate is for host.signed.example, not for dual.example or h.dual.example", endpoint.connections[2].problem);
	end);
end);

describe("xmppdns.check.domain: evidence", function ()
	local function list_lookups(f)
		local lookups = {};
		function resolver.on_done(name, rdtype) lookups[#lookups + 1] = ("%s %s"):format(name, rdtype); end
		f();
		table.sort(lookups);
		return lookups;
	end

	it("is the plan's: nothing is asked that the plan has not asked (issue 14, 3)", function ()
		local function plan_for(domain)
			local plan;
			plans.endpoints(resolver, domain, {}, nil, function (...) plan = ...; end);
			while not plan do resolver:wait(60); end
		end
		for _, domain in ipairs({ "agile.example", "alias.example", "forged.example", "fallback.example", "several.example", "partly.example" }) do
			plan_for(domain); -- the answers are known then to both that follow
			local by_plan = list_lookups(function () plan_for(domain); end);
			assert.is_true(#by_plan >= 4);
			assert.same(by_plan, list_lookups(function () inspect(domain); end));
		end
	end);

	it("says when each question was asked (issue 14, 3)", function ()
		local before, report = os.time(), inspect("agile.example");
		local target = report.targets[1];
		for _, found in ipairs({ report.srv[1], report.srv[2], target.addresses[1], target.addresses[2], target.tlsa[1] }) do
			assert.is_true(found.asked >= before and found.asked <= os.time());
		end
	end);
end);

describe("xmppdns.check.domain: endpoints", function ()
	it("beyond max_endpoints are counted, which is a problem, and the tree says so", function ()
		resolver:close();
		resolver = assert(xmppdns.new(dns:settings({ timeout = 20, max_endpoints = 1 })));
		local report = inspect("several.example");
		assert.same({ "degraded", 1, 1, { "max_endpoints leaves out 1 endpoints of several.example" } },
			{ report.status, #report.endpoints, report.left_out, report.problems });
		assert.matches("max_endpoints leaves out 1 more", draw_domain(report, new_style(false), false), 1, true);
		assert.equal(0, inspect("signed.example").left_out);
	end);
end);

describe("xmppdns.check.domain: a domain that can be reached", function ()
	it("is degraded when one family's answer is bogus, which is a problem by name (issue 14, 3)", function ()
		local report = inspect("partly.example");
		assert.same({ "degraded", 1, nil, { "::1" } }, { report.status, #report.problems, report.endpoints[1].error, report.endpoints[1].addresses });
		assert.matches("^A of h%.partly%.example: bogus: ", report.problems[1]);
		assert.same({ "secure", "bogus" }, { report.targets[1].addresses[1].dnssec, report.targets[1].addresses[2].dnssec });
	end);

	it("is degraded when one family's lookup fails (issue 14, 3)", function ()
		local forwarder = misdns.start({ upstream = dns.forward });
		forwarder:rule({ name = "h.agile.example", type = "AAAA", fault = "silence" });
		resolver:close();
		local settings = dns:settings({ timeout = 3 });
		settings.forward = forwarder.forward;
		resolver = assert(xmppdns.new(settings));
		local report = inspect("agile.example");
		forwarder:stop();
		assert.same({ "degraded", 1, "failed", "secure" },
			{ report.status, #report.problems, report.targets[1].addresses[1].dnssec, report.targets[1].addresses[2].dnssec });
	end);
end);

describe("xmppdns.check.domain: the names of a certificate", function ()
	local function connection_of(domain)
		return inspect(domain, { connect = true }).endpoints[1].connections[1];
	end

	it("may be the SRV target's where the SRV answer is secure (R27)", function ()
		assert.same({ "name", "host.signed.example" }, { connection_of("signed.example").match, connection_of("signed.example").name });
	end);

	it("must be the domain's where it is not (R27)", function ()
		local connection = connection_of("unsigned.example");
		assert.same({ nil, "the certificate is for host.signed.example, not for unsigned.example" }, { connection.match, connection.problem });
	end);
end);
