-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- The connector against real zones, and behind a server that misbehaves on purpose.

local connector = require "xmppdns.plan.plan";
local core = require "xmppdns.core";
local misdns = require "spec.support.misdns";
local xmppdns = require "xmppdns";
local zones = require "spec.support.zones";

local wanted = {
	["plain.example"] = { signed = false, records = "_xmpp-server._tcp SRV 0 0 5269 xmpp\nxmpp A 192.0.2.1\nxmpp AAAA 2001:db8::1" };
	["secure.example"] = { records = "_xmpp-server._tcp SRV 0 0 5269 xmpp\nxmpp A 192.0.2.1\nxmpp AAAA 2001:db8::1\n@ A 192.0.2.99" };
	["xn--mnchen-3ya.example"] = { records = "_xmpp-server._tcp SRV 0 0 5269 xmpp\nxmpp A 192.0.2.2" };
	["bogus.example"] = { records = "_xmpp-server._tcp SRV 0 0 5269 xmpp\nxmpp A 192.0.2.1\n@ A 192.0.2.99", fault = "signature" };
	["expired.example"] = { records = "_xmpp-server._tcp SRV 0 0 5269 xmpp\nxmpp A 192.0.2.1\n@ A 192.0.2.99", fault = "expired" };
	["bogus-srv.example"] = { records = "_xmpp-server._tcp SRV 0 0 5269 xmpp\nxmpp A 192.0.2.1\n@ A 192.0.2.99";
		fault = "signature", fault_at = "_xmpp-server._tcp SRV" };
	["bogus-xmpps.example"] = { records = "_xmpps-server._tcp SRV 0 0 5270 xmpp\n_xmpp-server._tcp SRV 0 0 5269 xmpp\nxmpp A 192.0.2.1";
		fault = "signature", fault_at = "_xmpps-server._tcp SRV" };
	["bogus-aaaa.example"] = { records = "_xmpp-server._tcp SRV 0 0 5269 xmpp\nxmpp A 192.0.2.1\nxmpp AAAA 2001:db8::1";
		fault = "signature", fault_at = "xmpp AAAA" };
	["bogus-target.example"] = { fault = "signature", fault_at = "first A";
		records = "_xmpp-server._tcp SRV 0 0 5269 first\n_xmpp-server._tcp SRV 1 0 5269 second\nfirst A 192.0.2.1\nsecond A 192.0.2.2" };
	["mixed.example"] = { records = [[
_xmpp-server._tcp  SRV 10 0 5269 a
_xmpps-server._tcp SRV 20 0 5270 a
_xmpp-server._tcp  SRV 30 0 5269 b
_xmpps-server._tcp SRV 40 0 5270 b
a A 192.0.2.1
b A 192.0.2.2]] };
	["weights.example"] = { records = [[
_xmpp-server._tcp  SRV 0 10 5269 a
_xmpps-server._tcp SRV 0 20 5270 a
a A 192.0.2.1]] };
	["twice.example"] = { records = "_xmpp-server._tcp SRV 1 0 5269 xmpp\n_xmpp-server._tcp SRV 0 0 5269 XMPP\nxmpp A 192.0.2.1" };
	["nosrv.example"] = { records = "@ A 192.0.2.3\n@ AAAA 2001:db8::3" };
	["empty.example"] = { records = "other A 192.0.2.3" };
	["dot.example"] = { records = "_xmpp-server._tcp SRV 0 0 0 .\n@ A 192.0.2.99" };
	["dot-xmpps.example"] = { records = "_xmpps-server._tcp SRV 0 0 0 .\n@ A 192.0.2.99" };
	["dot-and-xmpp.example"] = { records = "_xmpps-server._tcp SRV 0 0 0 .\n_xmpp-server._tcp SRV 0 0 5269 xmpp\nxmpp A 192.0.2.1" };
	["dot-both.example"] = { records = "_xmpps-server._tcp SRV 0 0 0 .\n_xmpp-server._tcp SRV 0 0 0 .\n@ A 192.0.2.99" };
	["xmpps-only.example"] = { records = "_xmpps-server._tcp SRV 0 0 5270 xmpp\nxmpp A 192.0.2.1\n@ A 192.0.2.99" };
	["dot-beside.example"] = { records = "_xmpp-server._tcp SRV 0 0 5269 .\n_xmpp-server._tcp SRV 1 0 5269 xmpp\nxmpp A 192.0.2.1" };
	["nowhere.example"] = { records = "_xmpp-server._tcp SRV 0 0 5269 missing\n@ A 192.0.2.99" };
	["nowhere-twice.example"] = { records = "_xmpp-server._tcp SRV 0 0 5269 a\n_xmpp-server._tcp SRV 1 0 5269 b" };
	["cname.example"] = { records = "_xmpp-server._tcp SRV 0 0 5269 alias\nalias CNAME xmpp\nxmpp A 192.0.2.1" };
	["elsewhere.example"] = { records = [[
_xmpp-server._tcp SRV 0 0 5269 xmpp.plain.example.
_xmpp-server._tcp SRV 1 0 5269 xmpp.secure.example.]] };
	["groups.example"] = { records = [[
_xmpp-server._tcp SRV 0 9 5269 a
_xmpp-server._tcp SRV 0 0 5269 b
_xmpp-server._tcp SRV 1 0 5269 c
a A 192.0.2.1
b A 192.0.2.2
c A 192.0.2.3]] };
	["interleaved.example"] = { records = [[
_xmpp-server._tcp SRV 0 0 5269 xmpp
xmpp A 192.0.2.1
xmpp AAAA 2001:db8::1
xmpp AAAA 2001:db8::2]] };
	["moving.example"] = { ttl = 1, signed = false, records = "_xmpp-server._tcp SRV 0 0 5269 xmpp\nxmpp A 192.0.2.1" };
	["many.example"] = { signed = false, records = (function ()
		local lines = {};
		for i = 1, 40 do lines[i] = ("_xmpp-server._tcp SRV 0 0 5269 host%d\nhost%d A 192.0.2.%d"):format(i, i, i); end
		return table.concat(lines, "\n");
	end)() };
};

-- "host:port tls: addresses" or "host:port tls: code", in order
local function list(plan)
	local lines = {};
	for i, endpoint in ipairs(plan.endpoints) do
		local rest = endpoint.error and endpoint.error.code or table.concat(endpoint.addresses, " ");
		lines[i] = ("%s:%d %s: %s"):format(endpoint.host, endpoint.port, endpoint.tls, rest);
	end
	return lines;
end

local function asked(server, rdtype)
	local names = {};
	for _, question in ipairs(server:log()) do
		if question.type == rdtype then names[question.name:lower()] = true; end
	end
	return names;
end

describe("xmppdns.plan.plan: a plan", function ()
	local dns, faulty, resolver;

	setup(function ()
		dns = zones.serve(wanted);
		faulty = misdns.start({ upstream = dns.forward });
	end);

	teardown(function ()
		faulty:stop();
		dns:stop();
	end);

	before_each(function ()
		faulty:clear();
		faulty:clear_log();
		resolver = assert(xmppdns.new(dns:settings({ timeout = 2, attempts = 1 })));
	end);

	after_each(function ()
		resolver:close();
	end);

	local function use_faulty(settings)
		settings.forward = faulty.forward;
		resolver:close();
		resolver = assert(xmppdns.new(dns:settings(settings)));
	end

	local function collect(domain, options)
		local plan, err, finished;
		connector.endpoints(resolver, domain, options, nil, function (...)
			plan, err = ...;
			finished = true;
		end);
		while not finished do assert.is_true(resolver:wait(30)); end
		return plan, err;
	end

	local function next_endpoint(plan)
		local endpoint, finished;
		plan:next(function (given)
			endpoint, finished = given, true;
		end);
		while not finished do assert.is_true(resolver:wait(30)); end
		return endpoint;
	end

	it("names its endpoints with everything that dialling needs", function ()
		local endpoint = collect("secure.example").endpoints[1];
		assert.same({ "xmpp.secure.example", 5269, "xmpp-server", "starttls", 0, 0, { "2001:db8::1", "192.0.2.1" }, true, true }, {
			endpoint.host, endpoint.port, endpoint.service, endpoint.tls, endpoint.priority, endpoint.weight, endpoint.addresses;
			endpoint.secure, endpoint.srv_secure;
		});
	end);

	it("R1: asks absolute A-labels and applies no search list", function ()
		use_faulty({ timeout = 2 });
		assert.same({ "xmpp.xn--mnchen-3ya.example:5269 starttls: 192.0.2.2" }, list(collect("münchen.example")));
		assert.same({ ["_xmpps-server._tcp.xn--mnchen-3ya.example"] = true, ["_xmpp-server._tcp.xn--mnchen-3ya.example"] = true }, asked(faulty, "SRV"));
	end);

	it("R1: is refused for what cannot be a DNS name", function ()
		for _, domain in ipairs({ "", "a..b", ("a"):rep(64)..".example", "a\0b.example" }) do
			local plan, err = collect(domain);
			assert.is_nil(plan);
			assert.equal("name", err.code);
		end
	end);

	it("R2: tells a timeout, a refusal and a bogus answer from a denial", function ()
		use_faulty({ timeout = 0.5, attempts = 1 });
		faulty:rule({ name = "_xmpp-server._tcp.plain.example", fault = "silence" });
		assert.equal("timeout", collect("plain.example").error.code);
		faulty:clear();
		resolver:flush();
		faulty:rule({ name = "_xmpp-server._tcp.nosrv.example", fault = "refused" });
		assert.is_truthy(collect("nosrv.example").error);
		assert.equal("bogus", collect("bogus.example").error.code);
		assert.is_nil(collect("interleaved.example").error);
	end);

	it("R4: asks both services and the domain's own addresses at once", function ()
		use_faulty({ timeout = 2, dnssec = "off" });
		faulty:rule({ delay = 200 });
		local before = core.now();
		assert.same({ "nosrv.example:5269 starttls: 2001:db8::3 192.0.2.3" }, list(collect("nosrv.example")));
		assert.is_true(core.now() - before < 0.39);
	end);

	it("R4: takes two round trips with SRV records, not more, though no key is known yet", function ()
		use_faulty({ timeout = 2 });
		faulty:rule({ delay = 200 });
		local before = core.now();
		assert.same({ "xmpp.secure.example:5269 starttls: 2001:db8::1 192.0.2.1" }, list(collect("secure.example")));
		assert.is_true(core.now() - before < 0.59);
	end);

	it("asks nobody when all is cached", function ()
		use_faulty({ timeout = 2 });
		collect("secure.example");
		faulty:clear_log();
		assert.same({ "xmpp.secure.example:5269 starttls: 2001:db8::1 192.0.2.1" }, list(collect("secure.example")));
		assert.same({}, faulty:log());
	end);

	it("R5: does not fall back to the domain's addresses when SRV is bogus, and says why", function ()
		for _, domain in ipairs({ "bogus.example", "bogus-srv.example", "expired.example" }) do
			local plan = collect(domain);
			assert.same({}, list(plan));
			assert.equal("bogus", plan.error.code);
			assert.matches("^SRV of _xmpp%-server%._tcp%."..domain:gsub("%p", "%%%0")..": bogus: %S+", plan.error.text);
			assert.equal(plan.error.text, tostring(plan.error));
		end
	end);

	it("R5: does not fall back when SRV fails for any other reason", function ()
		use_faulty({ timeout = 0.5, attempts = 1 });
		for _, fault in ipairs({ "servfail", "refused", "silence", "garbled", "strip" }) do
			faulty:clear();
			resolver:flush();
			faulty:rule({ name = "_xmpp-server._tcp.nosrv.example", fault = fault });
			local plan = collect("nosrv.example");
			assert.same({}, list(plan));
			assert.equal("failed", plan.srv["xmpp-server"].state);
			assert.matches("SRV of _xmpp%-server%._tcp%.nosrv%.example: ", plan.error.text);
		end
	end);

	it("R5: does not take SRV records that cannot be read for none", function ()
		use_faulty({ timeout = 0.5, attempts = 1 });
		faulty:records("_xmpp-server._tcp.plain.example", "SRV", { "0 0 5269 xmpp.plain.example." }, 300);
		faulty:rule({ name = "_xmpp-server._tcp.plain.example", fault = "short" });
		local plan = collect("plain.example");
		assert.same({}, list(plan));
		assert.equal("failed", plan.srv["xmpp-server"].state);
	end);

	it("S64, R5: uses the one service when the other is bogus, and keeps that one's error", function ()
		local plan = collect("bogus-xmpps.example");
		assert.same({ "xmpp.bogus-xmpps.example:5269 starttls: 192.0.2.1" }, list(plan));
		assert.is_nil(plan.error);
		assert.is_false(plan.secure);
		assert.equal("bogus", plan.srv["xmpps-server"].error.code);
		assert.equal("bogus", plan:failures()[1].code);
	end);

	it("R6, R7: orders by SRV alone and remembers how the SRV records were proven", function ()
		local plan = collect("elsewhere.example");
		assert.same({
			"xmpp.plain.example:5269 starttls: 2001:db8::1 192.0.2.1";
			"xmpp.secure.example:5269 starttls: 2001:db8::1 192.0.2.1";
		}, list(plan));
		assert.same({ true, true }, { plan.endpoints[1].srv_secure, plan.endpoints[2].srv_secure });
		assert.same({ false, false }, { collect("plain.example").endpoints[1].srv_secure, collect("plain.example").secure });
	end);

	it("S62, R8: has no endpoint when the only target is \".\", whatever addresses the domain has", function ()
		local plan = collect("dot.example");
		assert.same({}, list(plan));
		assert.same({ "unavailable", "unavailable" }, { plan.error.code, plan.srv["xmpp-server"].state });
	end);

	it("R8: ignores \".\" beside other records", function ()
		assert.same({ "xmpp.dot-beside.example:5269 starttls: 192.0.2.1" }, list(collect("dot-beside.example")));
	end);

	it("S62, R9: uses xmpp when xmpps is \".\"", function ()
		assert.same({ "xmpp.dot-and-xmpp.example:5269 starttls: 192.0.2.1" }, list(collect("dot-and-xmpp.example")));
	end);

	it("S62, R9: does not fall back when xmpps is \".\" and xmpp has no records", function ()
		local plan = collect("dot-xmpps.example");
		assert.same({}, list(plan));
		assert.equal("unavailable", plan.error.code);
	end);

	it("S59, R10: tries xmpps and xmpp in one order of priority, each with its kind of TLS", function ()
		assert.same({
			"a.mixed.example:5269 starttls: 192.0.2.1", "a.mixed.example:5270 direct: 192.0.2.1";
			"b.mixed.example:5269 starttls: 192.0.2.2", "b.mixed.example:5270 direct: 192.0.2.2";
		}, list(collect("mixed.example")));
	end);

	it("S60: uses the one service where the other has no records", function ()
		assert.same({ "xmpp.xmpps-only.example:5270 direct: 192.0.2.1" }, list(collect("xmpps-only.example")));
		assert.same({ "xmpp.secure.example:5269 starttls: 2001:db8::1 192.0.2.1" }, list(collect("secure.example")));
	end);

	it("S62: has no endpoint when both services are \".\"", function ()
		local plan = collect("dot-both.example");
		assert.same({ {}, "unavailable" }, { list(plan), plan.error.code });
	end);

	it("S63: uses the one service when the other fails, and reports what became of xmpp when both do, or when xmpps is absent", function ()
		local function collect_with(domain, ...)
			use_faulty({ timeout = 0.5, attempts = 1 });
			faulty:clear();
			for _, service in ipairs({ ... }) do
				faulty:rule({ name = ("_%s-server._tcp.%s"):format(service, domain), fault = "servfail" });
			end
			return collect(domain);
		end
		assert.same({ "a.mixed.example:5269 starttls: 192.0.2.1", "b.mixed.example:5269 starttls: 192.0.2.2" },
			list(collect_with("mixed.example", "xmpps")));
		assert.same({ "a.mixed.example:5270 direct: 192.0.2.1", "b.mixed.example:5270 direct: 192.0.2.2" },
			list(collect_with("mixed.example", "xmpp")));
		for _, plan in ipairs({ collect_with("mixed.example", "xmpp", "xmpps"), (collect_with("nosrv.example", "xmpp")) }) do
			assert.same({ {}, "servfail", "_xmpp-server._tcp." .. plan.domain }, { list(plan), plan.error.code, plan.error.qname });
		end
	end);

	it("R10: draws by the weights of xmpps and xmpp together", function ()
		local function first_port(draw)
			return collect("weights.example", { rng = function (_, most)
				assert.equal(30, most);
				return draw;
			end }).endpoints[1].port;
		end
		assert.same({ 5269, 5269, 5270, 5270 }, { first_port(1), first_port(10), first_port(11), first_port(30) });
	end);

	it("R10: names a host, port and kind of TLS once", function ()
		assert.same({ "xmpp.twice.example:5269 starttls: 192.0.2.1" }, list(collect("twice.example")));
	end);

	it("S61, R11: falls back to the domain's addresses after a denial of both services", function ()
		local plan = collect("nosrv.example");
		assert.same({ "nosrv.example:5269 starttls: 2001:db8::3 192.0.2.3" }, list(plan));
		assert.same({ true, true, true }, { plan.secure, plan.endpoints[1].secure, plan.endpoints[1].srv_secure });
		assert.same({ "nosrv.example:7000 starttls: 2001:db8::3 192.0.2.3" }, list(collect("nosrv.example", { default_port = 7000 })));
		assert.same({}, list(collect("nosrv.example", { default_port = false })));
	end);

	it("R11: reports that a domain has neither SRV records nor addresses", function ()
		local plan = collect("empty.example");
		assert.same({ "unavailable", "A, AAAA of empty.example: no addresses" }, { plan.error.code, plan.error.text });
	end);

	it("R11: does not fall back when both services time out", function ()
		use_faulty({ timeout = 0.5, attempts = 1 });
		faulty:rule({ type = "SRV", fault = "silence" });
		local plan = collect("nosrv.example");
		assert.same({}, list(plan));
		assert.equal("timeout", plan.error.code);
	end);

	it("R11: with dnssec = \"off\" falls back when both services time out, and only then", function ()
		use_faulty({ timeout = 0.5, attempts = 1, dnssec = "off" });
		faulty:rule({ type = "SRV", fault = "silence" });
		assert.same({ "nosrv.example:5269 starttls: 2001:db8::3 192.0.2.3" }, list(collect("nosrv.example")));
		faulty:clear();
		resolver:flush();
		faulty:rule({ name = "_xmpps-server._tcp.nosrv.example", fault = "silence" });
		local plan = collect("nosrv.example");
		assert.same({}, list(plan));
		assert.equal("timeout", plan.error.code);
	end);

	it("R12: does not fall back when no SRV target has an address", function ()
		local plan = collect("nowhere.example");
		assert.same({ "missing.nowhere.example:5269 starttls: unavailable" }, list(plan));
		assert.equal("A, AAAA of missing.nowhere.example: no addresses", plan.error.text);
	end);

	it("R13: asks nothing for an IP address, in brackets or not", function ()
		use_faulty({ timeout = 2 });
		assert.same({ "192.0.2.1:5269 starttls: 192.0.2.1" }, list(collect("192.0.2.1")));
		assert.same({ "2001:db8::1:5269 starttls: 2001:db8::1" }, list(collect("[2001:DB8::1]")));
		assert.is_false(collect("192.0.2.1").endpoints[1].secure);
		assert.same({}, faulty:log());
	end);

	it("R14: skips a family that is not in use", function ()
		use_faulty({ timeout = 2 });
		assert.same({ "xmpp.secure.example:5269 starttls: 192.0.2.1" }, list(collect("secure.example", { use_ipv6 = false })));
		assert.same({}, asked(faulty, "AAAA"));
		assert.same({ "xmpp.secure.example:5269 starttls: 2001:db8::1" }, list(collect("secure.example", { use_ipv4 = false })));
	end);

	it("R15: does not use a target whose addresses are bogus, but the next", function ()
		local plan = collect("bogus-target.example");
		assert.same({
			"first.bogus-target.example:5269 starttls: bogus";
			"second.bogus-target.example:5269 starttls: 192.0.2.2";
		}, list(plan));
		assert.matches("^A of first%.bogus%-target%.example: bogus: ", plan.endpoints[1].error.text);
		assert.is_nil(plan.error);
	end);

	it("R15: uses the secure family when the other is bogus", function ()
		assert.same({ "xmpp.bogus-aaaa.example:5269 starttls: 192.0.2.1" }, list(collect("bogus-aaaa.example")));
	end);

	it("R17: follows a target that is a CNAME", function ()
		assert.same({ "alias.cname.example:5269 starttls: 192.0.2.1" }, list(collect("cname.example")));
	end);

	it("R30: keeps targets of different security in their order", function ()
		local plan = collect("elsewhere.example");
		assert.same({ false, true }, { plan.endpoints[1].secure, plan.endpoints[2].secure });
	end);

	it("R31: asks for the addresses of one priority at a time", function ()
		use_faulty({ timeout = 2 });
		local plan = assert(connector.new(resolver, "groups.example"));
		local first = next_endpoint(plan);
		next_endpoint(plan);
		assert.equal(0, first.priority);
		assert.is_nil(asked(faulty, "A")["c.groups.example"]);
		assert.is_false(plan:has_alternative());
		assert.equal("c.groups.example", next_endpoint(plan).host);
		assert.is_true(asked(faulty, "A")["c.groups.example"]);
		assert.is_nil(next_endpoint(plan));
		assert.is_nil(plan.error);
	end);

	it("R31: interleaves the families, IPv6 first", function ()
		local addresses = collect("interleaved.example").endpoints[1].addresses;
		assert.equal("192.0.2.1", addresses[2]);
		assert.same({ 3, "2001:db8::", "2001:db8::" }, { #addresses, addresses[1]:sub(1, -2), addresses[3]:sub(1, -2) });
	end);

	it("R31: does not ask for thousands of targets because a stranger names them", function ()
		use_faulty({ timeout = 2 });
		local plan = assert(connector.new(resolver, "many.example"));
		next_endpoint(plan);
		local count = 0;
		for _ in pairs(asked(faulty, "A")) do count = count + 1; end
		assert.is_true(count <= 11);
	end);

	it("has max_endpoints endpoints at most, the first ones of the order, and says how many more there are", function ()
		for _, most in ipairs({ 1, 39, 40, 41 }) do
			resolver:close();
			resolver = assert(xmppdns.new(dns:settings({ timeout = 2, max_endpoints = most })));
			local plan = collect("many.example");
			assert.same({ math.min(most, 40), math.max(0, 40 - most) }, { #plan.endpoints, plan.left_out });
		end
		resolver:close();
		resolver = assert(xmppdns.new(dns:settings({ timeout = 2, max_endpoints = 2 })));
		local plan = collect("mixed.example");
		assert.same({ "a.mixed.example:5269 starttls: 192.0.2.1", "a.mixed.example:5270 direct: 192.0.2.1" }, list(plan));
		assert.equal(2, plan.left_out);
	end);

	it("says that there would be more endpoints when none of those that it has serves", function ()
		resolver:close();
		resolver = assert(xmppdns.new(dns:settings({ timeout = 2, max_endpoints = 1 })));
		local plan = collect("nowhere-twice.example");
		assert.matches("^A, AAAA of a%.nowhere%-twice%.example: no addresses; max_endpoints leaves out 1 more$", plan.error.text);
	end);

	it("R32: shares no table between endpoints", function ()
		local endpoints = collect("mixed.example").endpoints;
		assert.not_equal(endpoints[1].addresses, endpoints[2].addresses);
	end);

	it("R34: accepts nothing insecure where dnssec is required, denials neither", function ()
		local plan = collect("plain.example", { dnssec = "required" });
		assert.same({}, list(plan));
		assert.equal("insecure", plan.error.code);
		plan = collect("elsewhere.example", { dnssec = "required" });
		assert.same({ "insecure" , "xmpp.secure.example" }, { plan.endpoints[1].error.code, plan.endpoints[2].host });
		assert.same({ "2001:db8::1", "192.0.2.1" }, plan.endpoints[2].addresses);
	end);

	it("R35: asks again once the records have expired", function ()
		use_faulty({ timeout = 2 });
		assert.same({ "xmpp.moving.example:5269 starttls: 192.0.2.1" }, list(collect("moving.example")));
		faulty:records("xmpp.moving.example", "A", { "192.0.2.2" }, 1);
		local before = core.now();
		while core.now() - before < 2.2 do resolver:wait(0.2); end
		assert.same({ "xmpp.moving.example:5269 starttls: 192.0.2.2" }, list(collect("moving.example")));
	end);

	it("hands out an endpoint while the answers of the next are missing", function ()
		use_faulty({ timeout = 2, attempts = 1 });
		faulty:rule({ name = "b.groups.example", fault = "silence" });
		local plan = assert(connector.new(resolver, "groups.example", { rng = function () return 1; end }));
		local before = core.now();
		assert.equal("a.groups.example", next_endpoint(plan).host);
		assert.is_true(core.now() - before < 1);
		assert.is_true(plan:has_alternative());
		assert.equal("c.groups.example", next_endpoint(plan).host);
		assert.equal("timeout", plan.endpoints[2].error.code);
	end);

	it("S69: ends at its deadline: what has its answers is handed out, the rest is a timeout", function ()
		use_faulty({ timeout = 10, attempts = 1, plan_timeout = 0.5 });
		faulty:rule({ name = "first.bogus-target.example", fault = "silence" });
		local before = core.now();
		local plan = collect("bogus-target.example");
		assert.is_true(core.now() - before < 2);
		assert.equal("timeout", plan.endpoints[1].error.code);
		assert.matches("^AA?A?A? of first%.bogus%-target%.example: timeout: ", plan.endpoints[1].error.text);
		faulty:rule({ name = "_xmpp-server._tcp.nosrv.example", fault = "silence" });
		plan = collect("nosrv.example");
		assert.same({ "timeout", 0 }, { plan.error.code, #plan.endpoints });
	end);

	it("counts for its deadline only the time for which somebody waits", function ()
		use_faulty({ timeout = 2, plan_timeout = 0.6 });
		local plan = assert(connector.new(resolver, "mixed.example"));
		local hosts = {};
		for i = 1, 4 do
			hosts[i] = next_endpoint(plan).host;
			local before = core.now();
			while core.now() - before < 0.4 do resolver:wait(0.1); end
		end
		assert.same({ "a.mixed.example", "a.mixed.example", "b.mixed.example", "b.mixed.example" }, hosts);
	end);

	it("gives nil to whoever waits when it is closed, and asks nothing more", function ()
		use_faulty({ timeout = 2 });
		faulty:rule({ fault = "silence" });
		local plan = assert(connector.new(resolver, "secure.example"));
		local given = {};
		plan:next(function (endpoint) given[#given + 1] = endpoint or "nil"; end);
		plan:close();
		plan:close();
		plan:next(function (endpoint) given[#given + 1] = endpoint or "nil"; end);
		assert.same({ "nil", "nil" }, given);
		assert.equal("canceled", plan.error.code);
		while resolver:stats().in_flight > 0 do resolver:wait(1); end
	end);

	it("fails as canceled when its resolver is closed", function ()
		use_faulty({ timeout = 2 });
		faulty:rule({ fault = "silence" });
		local plan = assert(connector.new(resolver, "secure.example"));
		local given = {};
		plan:next(function (endpoint) given[#given + 1] = endpoint or "nil"; end);
		resolver:close();
		plan:next(function (endpoint) given[#given + 1] = endpoint or "nil"; end);
		assert.same({ "nil", "nil" }, given);
		assert.equal("canceled", plan.error.code);
	end);

	it("goes on after a callback that raises", function ()
		local problems = {};
		function resolver.on_error(problem) problems[#problems + 1] = tostring(problem); end
		local plan = assert(connector.new(resolver, "groups.example"));
		local raised;
		plan:next(function ()
			raised = true;
			error("a caller's mistake");
		end);
		while not raised do resolver:wait(5); end
		assert.is_truthy(next_endpoint(plan));
		assert.equal(1, #problems);
	end);

	it("calls each caller once, in order, when several ask at the same time", function ()
		local plan = assert(connector.new(resolver, "mixed.example"));
		local given, count = {}, 0;
		for i = 1, 6 do
			plan:next(function (endpoint)
				given[i] = endpoint and endpoint.port or false;
				count = count + 1;
			end);
		end
		while count < 6 do resolver:wait(5); end
		assert.same({ 5269, 5270, 5269, 5270, false, false }, given);
	end);
end);

describe("xmppdns.plan.plan: more plans than begin side by side", function ()
	local PLANS_AT_ONCE = 100;
	local dns, server, resolver;

	setup(function ()
		dns = zones.serve({ ["plain.example"] = wanted["plain.example"] });
		server = misdns.start({ upstream = dns.forward });
	end);

	teardown(function ()
		server:stop();
		dns:stop();
	end);

	before_each(function ()
		server:clear();
		server:clear_log();
		local settings = dns:settings({ timeout = 3 });
		settings.forward = server.forward;
		resolver = assert(xmppdns.new(settings));
	end);

	after_each(function () resolver:close(); end);

	-- Starts that many plans, for domains that do not exist; gives the list of those that have ended.
	local function start(count, prefix)
		local ended, plans = {}, {};
		for i = 1, count do
			plans[i] = connector.new(resolver, ("%s%d.example"):format(prefix, i));
			plans[i]:next(function () ended[#ended + 1] = i; end);
		end
		return ended, plans;
	end

	local function asked_domains()
		local domains, count = {}, 0;
		for name in pairs(asked(server, "SRV")) do domains[name:match("_tcp%.(.*)")] = true; end
		for _ in pairs(domains) do count = count + 1; end
		return count;
	end

	it("all end, in the order in which they were started", function ()
		local ended = start(3 * PLANS_AT_ONCE, "quick");
		while #ended < 3 * PLANS_AT_ONCE do assert.is_true(resolver:wait(5)); end
		assert.same(3 * PLANS_AT_ONCE, #ended);
		local late = 0;
		for place, i in ipairs(ended) do late = math.max(late, i - place); end
		assert.is_true(late <= PLANS_AT_ONCE);
	end);

	it("wait while the first ones wait for answers, but not for those of a slow server", function ()
		server:rule({ fault = "silence" });
		start(PLANS_AT_ONCE + 10, "slow"); -- not so many that lookups wait
		local started = core.now();
		while core.now() - started < 0.3 do resolver:wait(0.05); end
		assert.same(PLANS_AT_ONCE, asked_domains());
		while asked_domains() < PLANS_AT_ONCE + 10 and core.now() - started < 2 do resolver:wait(0.1); end
		assert.same(PLANS_AT_ONCE + 10, asked_domains());
	end);

	it("are begun without waiting when their services are known", function ()
		local plan = connector.new(resolver, "plain.example");
		local known;
		plan:next(function (endpoint) known = endpoint; end);
		while not known do resolver:wait(1); end
		server:rule({ fault = "silence" });
		start(2 * PLANS_AT_ONCE, "slow");
		local again;
		connector.new(resolver, "plain.example"):next(function (endpoint) again = endpoint; end);
		assert.same(known.addresses, again and again.addresses);
	end);

	it("end when they are closed while they wait, and when the resolver is", function ()
		server:rule({ fault = "silence" });
		local ended, plans = start(3 * PLANS_AT_ONCE, "closed");
		plans[2 * PLANS_AT_ONCE]:close();
		assert.same({ 2 * PLANS_AT_ONCE }, ended);
		resolver:close();
		assert.same(3 * PLANS_AT_ONCE, #ended);
	end);

	it("end in the order of their deadlines when nobody answers, with one lookup at a time and no cache", function ()
		resolver:close();
		local settings = dns:settings({ timeout = 3, max_lookups = 1, cache_size = 0 });
		settings.forward = server.forward;
		resolver = assert(xmppdns.new(settings));
		server:rule({ fault = "silence" });
		local ended = {};
		for i = 1, 3 * PLANS_AT_ONCE do
			local plan = connector.new(resolver, ("storm%d.example"):format(i), { plan_timeout = 0.5 + i * 37 % 100 / 100 });
			local due = core.now() + plan.time_left;
			plan:next(function (endpoint, err) ended[#ended + 1] = { endpoint = endpoint, due = due, code = err.code }; end);
		end
		while #ended < 3 * PLANS_AT_ONCE do assert.is_true(resolver:wait(5)); end
		assert.is_true(core.now() - ended[#ended].due < 1);
		for i, one in ipairs(ended) do
			assert.same({ nil, "timeout" }, { one.endpoint, one.code });
			assert.is_true(i == 1 or one.due >= ended[i - 1].due - 0.002);
		end
	end);

	it("end at their deadline while they wait", function ()
		server:rule({ fault = "silence" });
		start(PLANS_AT_ONCE, "before");
		local plan, ended = connector.new(resolver, "late.example", { plan_timeout = 0.1 }), nil;
		plan:next(function (...) ended = { ... }; end);
		while not ended do assert.is_true(resolver:wait(1)); end
		assert.same({ nil, plan.error }, ended);
		assert.same("timeout", plan.error.code);
	end);

	it("take less than 512 bytes each while they wait", function ()
		local COUNT = 4000;
		local function ignore() end
		local domains, query_options = {}, {};
		for i = 1, PLANS_AT_ONCE + COUNT do domains[i] = ("waiting%d.example"):format(i); end
		local function plan_all(first, last)
			for i = first, last do connector.new(resolver, domains[i], nil, query_options):next(ignore); end
			collectgarbage();
			collectgarbage();
			return collectgarbage("count") * 1024;
		end
		server:rule({ fault = "silence" });
		local before = plan_all(1, PLANS_AT_ONCE);
		local size = (plan_all(PLANS_AT_ONCE + 1, PLANS_AT_ONCE + COUNT) - before) / COUNT;
		assert.is_true(size < 512, size);
	end);
end);
