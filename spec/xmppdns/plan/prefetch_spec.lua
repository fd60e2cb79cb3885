-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- Which zones' keys are asked for before the answers that need them, and in which of libunbound's contexts: seen by the server that is asked.

local ask_chain = require "xmppdns.plan.prefetch".ask_chain;
local planning = require "spec.support.planning";
local plans = require "xmppdns.plan.plan";
local process = require "spec.support.process";

local CHAIN = { "DNSKEY .", "DNSKEY a.example", "DNSKEY example", "DS a.example", "DS example" };

describe("xmppdns.plan.prefetch: the keys above a name", function ()
	local here;

	setup(function ()
		local zone = { records = "_xmpp-server._tcp SRV 0 0 5269 xmpp\nxmpp A 127.0.0.9\nxmpp AAAA ::9" };
		here = planning.start({ ["a.example"] = zone, ["b.example"] = zone, ["c.example"] = zone, ["d.example"] = zone });
	end);
	teardown(function () here:stop(); end);
	before_each(function ()
		here:begin();
		here:use_faulty({ timeout = 20, attempts = 1 });
	end);
	after_each(function () here:finish(); end);

	-- The questions that were asked, in order; about keys alone, sorted.
	local function list_questions()
		local questions = {};
		for _, question in ipairs(here.faulty:log()) do questions[#questions + 1] = question.type .. " " .. question.name:lower():gsub("(.)%.$", "%1"); end
		return questions;
	end

	local function is_key(question)
		return question:find("^DNSKEY ") or question:find("^DS ");
	end

	local function list_keys()
		local keys = {};
		for _, question in ipairs(list_questions()) do
			if is_key(question) then keys[#keys + 1] = question; end
		end
		table.sort(keys);
		return keys;
	end

	local function rest()
		process.wait_until(function ()
			here.resolver:process();
			return here.resolver:stats().waiting + here.resolver:stats().in_flight == 0;
		end);
	end

	-- What is asked for, once it is answered.
	local function ask(asked, name, is_host)
		here.faulty:clear_log();
		ask_chain(here.resolver, asked, name, is_host, here.resolver:shard(name));
		rest();
		return list_keys();
	end

	it("are the root's, and those of each zone down to the name; a host is no zone", function ()
		assert.same(CHAIN, ask({ count = 0 }, "a.example"));
		here:use_faulty({ timeout = 20, attempts = 1 });
		assert.same(CHAIN, ask({ count = 0 }, "xmpp.a.example", true));
	end);

	it("are asked for once by one plan, and not where libunbound knows them", function ()
		local asked = { count = 0 };
		ask(asked, "a.example");
		assert.same({}, ask(asked, "a.example"));
		assert.same({}, ask({ count = 0 }, "a.example"));
	end);

	it("are those of four labels, and 32 questions for one plan", function ()
		local asked = { count = 0 };
		ask(asked, "f.e.d.c.b.example");
		assert.equal(9, asked.count);
		for i = 1, 40 do ask(asked, ("z%d.example"):format(i)); end
		assert.equal(32, asked.count);
	end);

	it("tell nobody how they end", function ()
		local told = {};
		function here.resolver.on_done(name) told[#told + 1] = name; end
		ask({ count = 0 }, "a.example");
		assert.same({ 0, {} }, { here.resolver:process(), told });
		assert.equal(5, here.resolver:stats().outcomes.answered);
	end);

	-- A plan for a.example asks for all keys, while its other answers are held. Gives a function that releases these and waits for the plan's end.
	local function expect_keys_before_answers()
		local held, is_done = {}, false;
		here.faulty:clear_log();
		for i, rdtype in ipairs({ "SRV", "A", "AAAA" }) do held[i] = here.faulty:rule({ type = rdtype, hold = true }); end
		plans.new(here.resolver, "a.example"):next(function () is_done = true; end);
		process.wait_until(function ()
			here.resolver:process();
			return #list_keys() == #CHAIN;
		end);
		assert.same(CHAIN, list_keys());
		return function ()
			for _, rule in ipairs(held) do here.faulty:release(rule); end
			here:wait_until(function () return is_done; end);
		end;
	end

	it("are asked for beside the services where our own cache has them and libunbound, whose contexts are new, does not (issue 20, 20.1)", function ()
		here:collect("a.example");
		assert(here.resolver:reconfigure());
		here.resolver.core:flush("_xmpp-server._tcp.a.example"); -- of our own cache
		local finish = expect_keys_before_answers();
		finish();
		assert.same(CHAIN, list_keys());
	end);

	it("are asked for in the context that needs them, however many there are (issue 20, 20.1)", function ()
		here:use_faulty({ timeout = 20, attempts = 1, threads = 4 });
		for _, domain in ipairs({ "a.example", "b.example", "c.example", "d.example" }) do
			here.faulty:clear_log();
			here:collect(domain);
			rest();
			local times = {};
			for _, question in ipairs(list_questions()) do
				times[question] = (times[question] or 0) + 1;
				assert.equal(1, times[question], question);
			end
		end
	end);

	it("are not asked for where answers that were kept tell all that a plan wants, also if it begins before they are read (issue 20, 20.2)", function ()
		local settings = { timeout = 20, attempts = 1, cache_file = process.directory("prefetch") .. "/kept" };
		here:use_faulty(settings);
		here:collect("a.example");
		rest();
		here:use_faulty(settings); -- which closes the one before
		here.faulty:clear_log();
		assert.equal(0, here.resolver:stats().learnt);
		assert.equal(2, #here:collect("a.example").endpoints[1].addresses);
		rest();
		assert.same({}, list_questions());
		here:collect("b.example");
		assert.same({ "DNSKEY .", "DNSKEY b.example", "DNSKEY example", "DS b.example", "DS example" }, list_keys());
	end);

	it("are asked for once kept answers are read, for a plan that began before and finds none (issue 20, 20.2)", function ()
		local settings = { timeout = 20, attempts = 1, cache_file = process.directory("prefetch") .. "/kept-too" };
		here:use_faulty(settings);
		here:collect("b.example");
		here:use_faulty(settings);
		local finish = expect_keys_before_answers();
		finish();
	end);

	it("are not asked for again where asking failed a moment ago", function ()
		here.faulty:rule({ name = "a.example", type = "DS", fault = "servfail" });
		ask({ count = 0 }, "a.example");
		assert.is_not_nil(select(2, here.resolver:peek("a.example", "DS")));
		local before = here.resolver:stats().lookups;
		ask({ count = 0 }, "a.example");
		assert.equal(before + 3, here.resolver:stats().lookups); -- all but the two of a.example
	end);
end);
