-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- What a plan is about, against real zones.

local plans = require "xmppdns.plan.plan";
local planning = require "spec.support.planning";

local list, asked = planning.list, planning.asked;

local wanted = {
	["plain.example"] = { signed = false, records = "_xmpp-server._tcp SRV 0 0 5269 xmpp\nxmpp A 192.0.2.1\nxmpp AAAA 2001:db8::1" };
	["secure.example"] = { records = "_xmpp-server._tcp SRV 0 0 5269 xmpp\nxmpp A 192.0.2.1\nxmpp AAAA 2001:db8::1\n@ A 192.0.2.99" };
	["xn--mnchen-3ya.example"] = { records = "_xmpp-server._tcp SRV 0 0 5269 xmpp\nxmpp A 192.0.2.2" };
	["elsewhere.example"] = { records = [[
_xmpp-server._tcp SRV 0 0 5269 xmpp.plain.example.
_xmpp-server._tcp SRV 1 0 5269 xmpp.secure.example.]] };
};

local named = {
	["tlsa.example"] = { records = "xmpp A 192.0.2.1\nxmpp AAAA 2001:db8::1\n_5269._tcp.xmpp TLSA 3 1 1 " .. ("ab"):rep(32) };
	["none.example"] = { records = "xmpp A 192.0.2.1\nxmpp AAAA 2001:db8::1" };
};

describe("xmppdns.plan.target: a plan", function ()
	local here;

	setup(function () here = planning.start(wanted); end);
	teardown(function () here:stop(); end);
	before_each(function () here:begin(); end);
	after_each(function () here:finish(); end);

	it("R1: asks absolute A-labels and applies no search list", function ()
		here:use_faulty({ timeout = 20 });
		assert.same({ "xmpp.xn--mnchen-3ya.example:5269 starttls: 192.0.2.2" }, list(here:collect("münchen.example")));
		assert.same({ ["_xmpps-server._tcp.xn--mnchen-3ya.example"] = true, ["_xmpp-server._tcp.xn--mnchen-3ya.example"] = true }, asked(here.faulty, "SRV"));
	end);

	it("R1: is refused for what cannot be a DNS name", function ()
		for _, domain in ipairs({ "", "a..b", ("a"):rep(64)..".example", "a\0b.example" }) do
			local plan, err = here:collect(domain);
			assert.is_nil(plan);
			assert.equal("name", err.code);
		end
	end);

	it("R13: asks nothing for an IP address, in brackets or not", function ()
		here:use_faulty({ timeout = 20 });
		assert.same({ "192.0.2.1:5269 starttls: 192.0.2.1" }, list(here:collect("192.0.2.1")));
		assert.same({ "2001:db8::1:5269 starttls: 2001:db8::1" }, list(here:collect("[2001:DB8::1]")));
		assert.is_false(here:collect("192.0.2.1").endpoints[1].secure);
		assert.same({}, here.faulty:log());
	end);

	it("R14: skips a family that is not in use", function ()
		here:use_faulty({ timeout = 20 });
		assert.same({ "xmpp.secure.example:5269 starttls: 192.0.2.1" }, list(here:collect("secure.example", { use_ipv6 = false })));
		assert.same({}, asked(here.faulty, "AAAA"));
		assert.same({ "xmpp.secure.example:5269 starttls: 2001:db8::1" }, list(here:collect("secure.example", { use_ipv4 = false })));
	end);

	it("R34: accepts nothing insecure where dnssec is required, denials neither", function ()
		local plan = here:collect("plain.example", { dnssec = "required" });
		assert.same({}, list(plan));
		assert.equal("insecure", plan.error.code);
		plan = here:collect("elsewhere.example", { dnssec = "required" });
		assert.same({ "insecure" , "xmpp.secure.example" }, { plan.endpoints[1].error.code, plan.endpoints[2].host });
		assert.same({ "2001:db8::1", "192.0.2.1" }, plan.endpoints[2].addresses);
	end);
end);

describe("xmppdns.plan.target: an endpoint that the operator names", function ()
	local here;

	setup(function () here = planning.start(named); end);
	teardown(function () here:stop(); end);
	before_each(function () here:begin(); end);
	after_each(function () here:finish(); end);

	local function list_of(domain, options)
		return planning.list_with_dane(here:collect(domain, options));
	end

	it("is looked up without SRV, and its TLSA records count", function ()
		here:use_faulty({ timeout = 20, attempts = 1 });
		local plan = here:collect("none.example", { endpoint = { host = "xmpp.tlsa.example", port = 5269 } });
		assert.same({ "xmpp.tlsa.example:5269: 2001:db8::1* 192.0.2.1* xmpp.tlsa.example usable 1" }, planning.list_with_dane(plan));
		assert.same({ {}, "starttls", "none.example" }, { asked(here.faulty, "SRV"), plan.endpoints[1].tls, plan.domain });
	end);

	it("has the port that fits its kind of TLS, or the one given", function ()
		assert.same({ "xmpp.none.example:5270: 2001:db8::1* 192.0.2.1*" },
			list_of("tlsa.example", { endpoint = { host = "xmpp.none.example", tls = "direct" } }));
		assert.same({ "xmpp.none.example:443: 2001:db8::1* 192.0.2.1*" },
			list_of("tlsa.example", { endpoint = { host = "xmpp.none.example", tls = "direct", port = 443 } }));
	end);

	it("may be an IP address, and is checked as every other name", function ()
		assert.same({ "192.0.2.8:5269: 192.0.2.8" }, list_of("tlsa.example", { endpoint = { host = "192.0.2.8" } }));
		local plan, err = plans.new(here.resolver, "tlsa.example", { endpoint = { host = "a..b" } });
		assert.same({ nil, "name" }, { plan, err.code });
	end);

	it("serves only a domain that is one", function ()
		local plan, err = plans.new(here.resolver, "a..b", { endpoint = { host = "xmpp.none.example" } });
		assert.same({ nil, "name" }, { plan, err.code });
	end);
end);
