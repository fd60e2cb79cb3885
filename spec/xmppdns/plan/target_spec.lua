-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- What a plan is about, against real zones.

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

describe("xmppdns.plan.target: a plan", function ()
	local here;

	setup(function () here = planning.start(wanted); end);
	teardown(function () here:stop(); end);
	before_each(function () here:begin(); end);
	after_each(function () here:finish(); end);

	it("R1: asks absolute A-labels and applies no search list", function ()
		here:use_faulty({ timeout = 2 });
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
		here:use_faulty({ timeout = 2 });
		assert.same({ "192.0.2.1:5269 starttls: 192.0.2.1" }, list(here:collect("192.0.2.1")));
		assert.same({ "2001:db8::1:5269 starttls: 2001:db8::1" }, list(here:collect("[2001:DB8::1]")));
		assert.is_false(here:collect("192.0.2.1").endpoints[1].secure);
		assert.same({}, here.faulty:log());
	end);

	it("R14: skips a family that is not in use", function ()
		here:use_faulty({ timeout = 2 });
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
