-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- Which zones' keys are asked for before the answers that need them.

local ask_chain = require "xmppdns.plan.prefetch".ask_chain;
local planning = require "spec.support.planning";

describe("xmppdns.plan.prefetch: the keys above a name", function ()
	local here, lookups;

	setup(function () here = planning.start({ ["a.example"] = {} }); end);
	teardown(function () here:stop(); end);
	before_each(function ()
		here:begin();
		lookups = {};
		function here.resolver.on_done(name, rdtype) lookups[#lookups + 1] = ("%s %s"):format(rdtype, name); end
	end);
	after_each(function () here:finish(); end);

	-- What is asked for, once it is answered.
	local function ask(asked, name, is_host)
		lookups = {};
		ask_chain(here.resolver, asked, name, is_host);
		while here.resolver:stats().in_flight > 0 do here.resolver:wait(60); end
		while here.resolver:process() > 0 do end -- luacheck: ignore 542
		table.sort(lookups);
		return lookups;
	end

	it("are the root's, and those of each zone down to the name; a host is no zone", function ()
		assert.same({ "DNSKEY .", "DNSKEY a.example", "DNSKEY example", "DS a.example", "DS example" }, ask({ count = 0 }, "a.example"));
		here:begin();
		function here.resolver.on_done(name, rdtype) lookups[#lookups + 1] = ("%s %s"):format(rdtype, name); end
		assert.same({ "DNSKEY .", "DNSKEY a.example", "DNSKEY example", "DS a.example", "DS example" }, ask({ count = 0 }, "xmpp.a.example", true));
	end);

	it("are asked for once by one plan, and not where the resolver knows them", function ()
		local asked = { count = 0 };
		ask(asked, "a.example");
		assert.same({}, ask(asked, "a.example"));
		assert.same({}, ask({ count = 0 }, "a.example"));
	end);

	it("are those of four labels, and 32 questions for one plan", function ()
		local asked = { count = 0 };
		assert.equal(9, #ask(asked, "f.e.d.c.b.example"));
		for i = 1, 40 do ask(asked, ("z%d.example"):format(i)); end
		assert.equal(32, asked.count);
	end);
end);
