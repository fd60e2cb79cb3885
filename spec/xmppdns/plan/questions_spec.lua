-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- A plan's questions, with an owner that notes what it receives.

local planning = require "spec.support.planning";
local questions = require "xmppdns.plan.questions";

describe("xmppdns.plan.questions: a question", function ()
	local here, plan, owner;

	local function new_owner()
		local received = {};
		function received:receive(found)
			for key, one in pairs(self.outcomes) do
				if one == found then self[#self + 1] = ("%s %s %s"):format(found.rdtype, key, found.error and found.error.code or found.dnssec); end
			end
		end
		received.outcomes = {};
		return received;
	end

	setup(function () here = planning.start({ ["plain.example"] = { signed = false, records = "@ A 192.0.2.1" } }); end);
	teardown(function () here:stop(); end);
	before_each(function ()
		here:begin();
		here:use_faulty({ timeout = 60 });
		plan, owner = { resolver = here.resolver, failed = 0, query_options = questions.press() }, new_owner();
	end);
	after_each(function () here:finish(); end);

	local function ask(name, rdtype, key, whose)
		questions.ask(plan, whose or owner, name, rdtype, (whose or owner).outcomes, key);
	end

	it("is answered exactly once, from the cache before ask returns", function ()
		ask("plain.example", "A", "first");
		here:wait_until(function () return owner[1]; end);
		ask("plain.example", "A", "again");
		assert.same({ "A first insecure", "A again insecure" }, { owner[1], owner[2] });
		here.resolver:close();
		assert.same({ 2, nil }, { #owner, next(plan.questions) });
	end);

	it("20.3: becomes its outcome, and is open until then", function ()
		ask("plain.example", "A", "first");
		local question = owner.outcomes.first;
		assert.is_true(questions.is_open(question));
		here:wait_until(function () return owner[1]; end);
		assert.equal(question, owner.outcomes.first);
		assert.is_false(questions.is_open(question));
		local ttl = question.ttl;
		question.ttl, question.asked = nil, nil;
		assert.same({ true, { name = "plain.example", rdtype = "A", records = { "192.0.2.1" } } }, { ttl > 0, question });
	end);

	it("ends as the plan is abandoned, as does each that is asked later; what its lookup says then is nobody's business", function ()
		here.faulty:rule({ fault = "silence" });
		ask("plain.example", "A", "open");
		questions.abandon(plan, "timeout", "that was all");
		ask("plain.example", "AAAA", "later");
		here.resolver:close();
		assert.same({ "A open timeout", "AAAA later timeout" }, { owner[1], owner[2] });
		assert.equal(2, #owner);
	end);

	it("is not answered once it is dropped; those of other owners are", function ()
		local other = new_owner();
		here.faulty:rule({ fault = "silence" });
		ask("plain.example", "A", "dropped");
		ask("plain.example", "AAAA", "kept", other);
		questions.drop(plan, owner);
		here.resolver:close();
		assert.same({ {}, { "AAAA kept canceled" } }, { { owner[1] }, { other[1] } });
	end);

	it("is the last one when it is the 16th that fails", function ()
		here.faulty:rule({ fault = "refused" });
		here:use_faulty({ timeout = 5, attempts = 1 });
		plan.resolver = here.resolver;
		for i = 1, 16 do ask(("x%d.example"):format(i), "A", tostring(i)); end
		assert.is_nil(plan.abandoned);
		here:wait_until(function () return owner[16]; end);
		here.faulty:clear_log();
		ask("plain.example", "A", "17");
		assert.same({ "A 17 servfail", {} }, { owner[17], here.faulty:log() });
	end);

	it("about TLSA may be answered by an insecure denial where all else must be secure (R22)", function ()
		plan.secure_query_options = questions.press({ require_secure = true });
		ask("plain.example", "A", "address");
		ask("_5269._tcp.plain.example", "TLSA", "tlsa");
		here:wait_until(function () return owner[2]; end);
		table.sort(owner);
		assert.same({ "A address insecure", "TLSA tlsa insecure" }, { owner[1], owner[2] });
	end);
end);
