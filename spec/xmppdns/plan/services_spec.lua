-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- What a domain's SRV records say, against real zones, or behind a server that misbehaves on purpose.

local planning = require "spec.support.planning";
local plans = require "xmppdns.plan.plan";

local list = planning.list;

local wanted = {
	["plain.example"] = { signed = false, records = "_xmpp-server._tcp SRV 0 0 5269 xmpp\nxmpp A 192.0.2.1\nxmpp AAAA 2001:db8::1" };
	["secure.example"] = { records = "_xmpp-server._tcp SRV 0 0 5269 xmpp\nxmpp A 192.0.2.1\nxmpp AAAA 2001:db8::1\n@ A 192.0.2.99" };
	["bogus.example"] = { records = "_xmpp-server._tcp SRV 0 0 5269 xmpp\nxmpp A 192.0.2.1\n@ A 192.0.2.99", fault = "signature" };
	["expired.example"] = { records = "_xmpp-server._tcp SRV 0 0 5269 xmpp\nxmpp A 192.0.2.1\n@ A 192.0.2.99", fault = "expired" };
	["bogus-srv.example"] = { records = "_xmpp-server._tcp SRV 0 0 5269 xmpp\nxmpp A 192.0.2.1\n@ A 192.0.2.99";
		fault = "signature", fault_at = "_xmpp-server._tcp SRV" };
	["bogus-xmpps.example"] = { records = "_xmpps-server._tcp SRV 0 0 5270 xmpp\n_xmpp-server._tcp SRV 0 0 5269 xmpp\nxmpp A 192.0.2.1";
		fault = "signature", fault_at = "_xmpps-server._tcp SRV" };
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
	["elsewhere.example"] = { records = [[
_xmpp-server._tcp SRV 0 0 5269 xmpp.plain.example.
_xmpp-server._tcp SRV 1 0 5269 xmpp.secure.example.]] };
	["many.example"] = { signed = false, records = (function ()
		local lines = {};
		for i = 1, 40 do lines[i] = ("_xmpp-server._tcp SRV 0 0 5269 host%d\nhost%d A 192.0.2.%d"):format(i, i, i); end
		return table.concat(lines, "\n");
	end)() };
};

describe("xmppdns.plan.services: a plan", function ()
	local here;

	setup(function () here = planning.start(wanted); end);
	teardown(function () here:stop(); end);
	before_each(function () here:begin(); end);
	after_each(function () here:finish(); end);

	it("R4: asks both services and the domain's own addresses at once", function ()
		here:use_faulty({ timeout = 20, dnssec = "off" });
		local held = here.faulty:rule({ hold = true });
		local plan;
		plans.endpoints(here.resolver, "nosrv.example", nil, nil, function (given) plan = given; end);
		for _, service in ipairs({ "_xmpps-server", "_xmpp-server" }) do
			here.faulty:wait_for_query(service .. "._tcp.nosrv.example", { type = "SRV" });
		end
		for _, family in ipairs({ "A", "AAAA" }) do here.faulty:wait_for_query("nosrv.example", { type = family }); end
		here.faulty:release(held);
		here:wait_until(function () return plan; end);
		assert.same({ "nosrv.example:5269 starttls: 2001:db8::3 192.0.2.3" }, list(plan));
	end);

	it("R5: does not fall back to the domain's addresses when SRV is bogus, and says why", function ()
		for _, domain in ipairs({ "bogus.example", "bogus-srv.example", "expired.example" }) do
			local plan = here:collect(domain);
			assert.same({}, list(plan));
			assert.equal("bogus", plan.error.code);
			assert.matches("^SRV of _xmpp%-server%._tcp%."..domain:gsub("%p", "%%%0")..": bogus: %S+", plan.error.text);
			assert.equal(plan.error.text, tostring(plan.error));
		end
	end);

	it("R5: does not fall back when SRV fails for any other reason", function ()
		here:use_faulty({ timeout = 3, attempts = 1 });
		for _, fault in ipairs({ "servfail", "refused", "silence", "garbled", "strip" }) do
			here.faulty:clear();
			here.resolver:flush();
			here.faulty:rule({ name = "_xmpp-server._tcp.nosrv.example", fault = fault });
			local plan = here:collect("nosrv.example");
			assert.same({}, list(plan));
			assert.equal("failed", plan.srv["xmpp-server"].state);
			assert.matches("SRV of _xmpp%-server%._tcp%.nosrv%.example: ", plan.error.text);
		end
	end);

	it("R5: does not take SRV records that cannot be read for none", function ()
		here:use_faulty({ timeout = 3, attempts = 1 });
		here.faulty:records("_xmpp-server._tcp.plain.example", "SRV", { "0 0 5269 xmpp.plain.example." }, 300);
		here.faulty:rule({ name = "_xmpp-server._tcp.plain.example", fault = "short" });
		local plan = here:collect("plain.example");
		assert.same({}, list(plan));
		assert.equal("failed", plan.srv["xmpp-server"].state);
	end);

	it("S64, R5: uses the one service when the other is bogus, and keeps that one's error", function ()
		local plan = here:collect("bogus-xmpps.example");
		assert.same({ "xmpp.bogus-xmpps.example:5269 starttls: 192.0.2.1" }, list(plan));
		assert.is_nil(plan.error);
		assert.is_false(plan.secure);
		assert.equal("bogus", plan.srv["xmpps-server"].error.code);
		assert.equal("bogus", plan:failures()[1].code);
	end);

	it("R6, R7: orders by SRV alone and remembers how the SRV records were proven", function ()
		local plan = here:collect("elsewhere.example");
		assert.same({
			"xmpp.plain.example:5269 starttls: 2001:db8::1 192.0.2.1";
			"xmpp.secure.example:5269 starttls: 2001:db8::1 192.0.2.1";
		}, list(plan));
		assert.same({ true, true }, { plan.endpoints[1].srv_secure, plan.endpoints[2].srv_secure });
		assert.same({ false, false }, { here:collect("plain.example").endpoints[1].srv_secure, here:collect("plain.example").secure });
	end);

	it("S62, R8: has no endpoint when the only target is \".\", whatever addresses the domain has", function ()
		local plan = here:collect("dot.example");
		assert.same({}, list(plan));
		assert.same({ "unavailable", "unavailable" }, { plan.error.code, plan.srv["xmpp-server"].state });
	end);

	it("R8: ignores \".\" beside other records", function ()
		assert.same({ "xmpp.dot-beside.example:5269 starttls: 192.0.2.1" }, list(here:collect("dot-beside.example")));
	end);

	it("S62, R9: uses xmpp when xmpps is \".\"", function ()
		assert.same({ "xmpp.dot-and-xmpp.example:5269 starttls: 192.0.2.1" }, list(here:collect("dot-and-xmpp.example")));
	end);

	it("S62, R9: does not fall back when xmpps is \".\" and xmpp has no records", function ()
		local plan = here:collect("dot-xmpps.example");
		assert.same({}, list(plan));
		assert.equal("unavailable", plan.error.code);
	end);

	it("S59, R10: tries xmpps and xmpp in one order of priority, each with its kind of TLS", function ()
		assert.same({
			"a.mixed.example:5269 starttls: 192.0.2.1", "a.mixed.example:5270 direct: 192.0.2.1";
			"b.mixed.example:5269 starttls: 192.0.2.2", "b.mixed.example:5270 direct: 192.0.2.2";
		}, list(here:collect("mixed.example")));
	end);

	it("S60: uses the one service where the other has no records", function ()
		assert.same({ "xmpp.xmpps-only.example:5270 direct: 192.0.2.1" }, list(here:collect("xmpps-only.example")));
		assert.same({ "xmpp.secure.example:5269 starttls: 2001:db8::1 192.0.2.1" }, list(here:collect("secure.example")));
	end);

	it("S62: has no endpoint when both services are \".\"", function ()
		local plan = here:collect("dot-both.example");
		assert.same({ {}, "unavailable" }, { list(plan), plan.error.code });
	end);

	it("S63: uses the one service when the other fails, and reports what became of xmpp when both do, or when xmpps is absent", function ()
		local function collect_with(domain, ...)
			here:use_faulty({ timeout = 3, attempts = 1 });
			here.faulty:clear();
			for _, service in ipairs({ ... }) do
				here.faulty:rule({ name = ("_%s-server._tcp.%s"):format(service, domain), fault = "servfail" });
			end
			return here:collect(domain);
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
			return here:collect("weights.example", { rng = function (_, most)
				assert.equal(30, most);
				return draw;
			end }).endpoints[1].port;
		end
		assert.same({ 5269, 5269, 5270, 5270 }, { first_port(1), first_port(10), first_port(11), first_port(30) });
	end);

	it("R10: names a host, port and kind of TLS once", function ()
		assert.same({ "xmpp.twice.example:5269 starttls: 192.0.2.1" }, list(here:collect("twice.example")));
	end);

	it("S61, R11: falls back to the domain's addresses after a denial of both services", function ()
		local plan = here:collect("nosrv.example");
		assert.same({ "nosrv.example:5269 starttls: 2001:db8::3 192.0.2.3" }, list(plan));
		assert.same({ true, true, true }, { plan.secure, plan.endpoints[1].secure, plan.endpoints[1].srv_secure });
		assert.same({ "nosrv.example:7000 starttls: 2001:db8::3 192.0.2.3" }, list(here:collect("nosrv.example", { default_port = 7000 })));
		assert.same({}, list(here:collect("nosrv.example", { default_port = false })));
	end);

	it("R11: reports that a domain has neither SRV records nor addresses", function ()
		local plan = here:collect("empty.example");
		assert.same({ "unavailable", "A, AAAA of empty.example: no addresses" }, { plan.error.code, plan.error.text });
	end);

	it("R11: does not fall back when both services time out", function ()
		here:use_faulty({ timeout = 3, attempts = 1 });
		here.faulty:rule({ type = "SRV", fault = "silence" });
		local plan = here:collect("nosrv.example");
		assert.same({}, list(plan));
		assert.equal("timeout", plan.error.code);
	end);

	it("R11: with dnssec = \"off\" falls back when both services time out, and only then", function ()
		here:use_faulty({ timeout = 3, attempts = 1, dnssec = "off" });
		here.faulty:rule({ type = "SRV", fault = "silence" });
		assert.same({ "nosrv.example:5269 starttls: 2001:db8::3 192.0.2.3" }, list(here:collect("nosrv.example")));
		here.faulty:clear();
		here.resolver:flush();
		here.faulty:rule({ name = "_xmpps-server._tcp.nosrv.example", fault = "silence" });
		local plan = here:collect("nosrv.example");
		assert.same({}, list(plan));
		assert.equal("timeout", plan.error.code);
	end);

	it("R12: does not fall back when no SRV target has an address", function ()
		local plan = here:collect("nowhere.example");
		assert.same({ "missing.nowhere.example:5269 starttls: unavailable" }, list(plan));
		assert.equal("A, AAAA of missing.nowhere.example: no addresses", plan.error.text);
	end);

	it("has max_endpoints endpoints at most, the first ones of the order, and says how many more there are", function ()
		for _, most in ipairs({ 1, 39, 40, 41 }) do
			here:use({ timeout = 20, max_endpoints = most });
			local plan = here:collect("many.example");
			assert.same({ math.min(most, 40), math.max(0, 40 - most) }, { #plan.endpoints, plan.left_out });
		end
		here:use({ timeout = 20, max_endpoints = 2 });
		local plan = here:collect("mixed.example");
		assert.same({ "a.mixed.example:5269 starttls: 192.0.2.1", "a.mixed.example:5270 direct: 192.0.2.1" }, list(plan));
		assert.equal(2, plan.left_out);
	end);

	it("says that there would be more endpoints when none of those that it has serves", function ()
		here:use({ timeout = 20, max_endpoints = 1 });
		local plan = here:collect("nowhere-twice.example");
		assert.matches("^A, AAAA of a%.nowhere%-twice%.example: no addresses; max_endpoints leaves out 1 more$", plan.error.text);
	end);
end);
