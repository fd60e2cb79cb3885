-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- The binding's resolver: submit, process, fetch. Names that libunbound answers by itself stand for a network.

local core = require "xmppdns.core";

local resolver;

local function new_resolver(extra)
	local settings = { forward = "127.0.0.1@1", dnssec = "off", options = { ["local-data"] = {
		"host.local.example. 300 IN A 192.0.2.1", "other.local.example. 300 IN A 192.0.2.2", "brief.local.example. 0 IN A 192.0.2.3",
	} } };
	for key, value in pairs(extra or {}) do settings[key] = value; end
	return assert(core.new_resolver(settings));
end

local function submit(name, callback, options, later)
	return resolver:submit(name, "A", callback or print, options, later);
end

local function wait_and_fetch()
	for _ = 1, 100 do
		resolver:process();
		local callback, answer, err = resolver:fetch();
		if callback then return callback, answer, err; end
		resolver:poll(0.1);
	end
	error("nothing was completed");
end

before_each(function () resolver = new_resolver(); end);
after_each(function () resolver:close(); end);

describe("core: a resolver", function ()
	it("keeps a lookup and its callback alive until it is fetched", function ()
		local function callback() end
		submit("host.local.example", callback);
		collectgarbage();
		collectgarbage();
		local fetched, answer = wait_and_fetch();
		assert.equal(callback, fetched);
		assert.same("192.0.2.1", answer[1].a);
		assert.same(0, select("#", resolver:fetch()));
	end);

	it("gives a known answer back at once and keeps no callback", function ()
		submit("host.local.example");
		wait_and_fetch();
		local lookup, answer, err = submit("host.local.example");
		assert.same({ false, "192.0.2.1", nil }, { lookup, answer[1].a, err });
		assert.same(0, select("#", resolver:fetch()));
	end);

	it("gives a known answer later when it is told to", function ()
		submit("host.local.example");
		wait_and_fetch();
		local lookup = submit("host.local.example", print, nil, true);
		assert.is_userdata(lookup);
		assert.is_true(resolver:poll(0));
		assert.same("192.0.2.1", select(2, resolver:fetch())[1].a);
	end);

	it("does not remember an answer of TTL 0", function ()
		submit("brief.local.example");
		wait_and_fetch();
		assert.is_userdata((submit("brief.local.example")));
	end);

	it("hands out answers in the order of their completion", function ()
		submit("host.local.example", 1);
		assert.same(1, (wait_and_fetch()));
		local first = submit("other.local.example", 2);
		local second = submit("brief.local.example", 3);
		second:cancel();
		first:cancel();
		assert.same({ 3, 2 }, { (resolver:fetch()), (resolver:fetch()) });
	end);

	it("gives what it has been asked for in a name that it cannot ask", function ()
		local lookup, answer, err = submit("a..b");
		assert.same({ false, nil, "name", "a..b" }, { lookup, answer, err.code, err.qname });
	end);

	it("wakes its owner at the alarm, once", function ()
		resolver:alarm(0.02);
		assert.is_false(resolver:poll(0));
		assert.is_true(resolver:poll(1));
		resolver:process();
		assert.is_false(resolver:poll(0.05));
	end);

	it("may be closed twice, fetches nothing then, and raises for the rest", function ()
		local lookup = submit("host.local.example");
		resolver:close();
		resolver:close();
		lookup:cancel();
		assert.same(0, select("#", resolver:fetch()));
		assert.error_matches(function () resolver:process(); end, "the resolver is closed");
		assert.error_matches(function () submit("host.local.example"); end, "the resolver is closed");
	end);

	it("refuses another's userdata", function ()
		assert.error_matches(function () resolver.process(io.stdout); end, "xmppdns.core.resolver");
	end);

	it("counts what it does", function ()
		submit("host.local.example");
		wait_and_fetch();
		submit("host.local.example");
		submit("other.local.example"):cancel();
		resolver:fetch();
		local stats = resolver:stats();
		assert.same({ 3, 2, 1, 2, 0 }, { stats.lookups, stats.outcomes.answered, stats.outcomes.canceled, stats.attempts, stats.in_flight });
		assert.same({ 1, 1, 1 }, { stats.cache.hits, stats.cache.entries, stats.contexts });
	end);
end);
