-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- What real answers mean to a plan.

local outcome = require "xmppdns.plan.outcome";
local planning = require "spec.support.planning";

describe("xmppdns.plan.outcome: an outcome (R2)", function ()
	local here;

	setup(function ()
		here = planning.start({
			["secure.example"] = { records = "@ A 192.0.2.1\nalias CNAME secure.example." };
			["plain.example"] = { records = "@ A 192.0.2.1\n@ A 192.0.2.2", signed = false };
			["bogus.example"] = { records = "@ A 192.0.2.1", fault = "signature" };
		});
	end);
	teardown(function () here:stop(); end);
	before_each(function () here:begin(); end);
	after_each(function () here:finish(); end);

	local function read(name, rdtype)
		local found;
		outcome.ask(here.resolver, name, rdtype, {}, function (given) found = given; end);
		here:wait_until(function () return found; end);
		return found;
	end

	local function describe_class(name, rdtype)
		local found = read(name, rdtype);
		return { found.dnssec, found.secure, #found.records, found.error and found.error.code };
	end

	it("is secure data, insecure data, a secure denial, an insecure denial, bogus, or failed", function ()
		assert.same({ "secure", true, 1 }, describe_class("secure.example", "A"));
		assert.same({ "insecure", false, 2 }, describe_class("plain.example", "A"));
		assert.same({ "secure", true, 0 }, describe_class("secure.example", "TLSA"));
		assert.same({ "insecure", false, 0 }, describe_class("missing.plain.example", "A"));
		assert.same({ "bogus", false, 0, "bogus" }, describe_class("bogus.example", "A"));
		here:use_faulty({ timeout = 0.2, attempts = 1 });
		here.faulty:rule({ fault = "silence" });
		assert.same({ "failed", false, 0, "timeout" }, describe_class("plain.example", "A"));
	end);

	it("keeps the question, where an alias led, and the answer's TTL", function ()
		local before, found = os.time(), read("alias.secure.example", "A");
		assert.same({ "alias.secure.example", "A", true, "secure.example", { "192.0.2.1" } },
			{ found.name, found.rdtype, found.asked >= before and found.asked <= os.time(), found.canonname, found.records });
		assert.is_true(found.ttl > 0 and found.ttl <= 300);
	end);

	it("has eight fields of its own at most, for thousands may wait", function ()
		local count = 0;
		for _ in pairs(read("alias.secure.example", "A")) do count = count + 1; end
		assert.is_true(count < 8, count); -- and one more for its owner
	end);
end);
