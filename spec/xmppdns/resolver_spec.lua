-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- A resolver as Lua uses it, against a real libunbound and a DNS server that can be told to be slow.

local child = require "spec.support.child";
local core = require "xmppdns.core";
local finalizers = require "spec.support.finalizers";
local misdns = require "spec.support.misdns";
local new = require "xmppdns.resolver".new;
local process = require "spec.support.process";

local server, resolver;
local names = 0;

local function fresh_name(records)
	names = names + 1;
	local name = ("r%d.resolver.example"):format(names);
	server:records(name, "A", records or { "192.0.2.1" });
	return name;
end

local function slow_name(milliseconds)
	local name = fresh_name();
	server:rule({ name = name, delay = milliseconds });
	return name;
end

-- Remembers what a callback is called with: { { answer, err }, ... }
local function recorder()
	local calls = {};
	return calls, function (answer, err)
		calls[#calls + 1] = { answer = answer, err = err };
	end;
end

-- Remembers what the callbacks raise.
local function record_problems()
	local problems = {};
	function resolver.on_error(problem) problems[#problems + 1] = problem; end
	return problems;
end

local function wait_for(calls, count)
	while #calls < count do assert.is_true(resolver:wait(60)); end
end

setup(function () server = misdns.start(); end);
teardown(function () server:stop(); end);

before_each(function ()
	resolver = assert(new({ forward = server.forward, dnssec = "off", timeout = 20 }));
	resolver.on_error = error;
end);
after_each(function () resolver:close(); end);

describe("resolver: a query", function ()
	it("20.3: may ask for its answer bare: values, with a TTL, and what is said of all of them; later, and from the cache", function ()
		local calls, record = recorder();
		local name = fresh_name({ "192.0.2.1" });
		for i = 1, 2 do
			resolver:query(name, "A", record, { bare = true });
			wait_for(calls, i);
			local answer = calls[i].answer;
			assert.same({ 0, "NoError", false, false, i == 2 }, { answer.rcode, answer.status, answer.secure, answer.nxdomain, answer.from_cache });
			assert.is_true(answer.ttl > 0);
			answer.ttl = nil;
			assert.same({ "192.0.2.1" }, answer);
		end
		assert.equal("192.0.2.1", resolver:peek(name, "A", { bare = true })[1]);
		assert.equal("192.0.2.1", resolver:peek(name, "A")[1].a);
		resolver:query("missing.resolver.example", "A", record, { bare = true });
		wait_for(calls, 3);
		assert.same({ 3, "NXDomain", true }, { calls[3].answer.rcode, calls[3].answer.status, calls[3].answer.nxdomain });
	end);

	it("calls back once, from process, with the answer", function ()
		local calls, record = recorder();
		local name = fresh_name({ "192.0.2.1", "192.0.2.2" });
		resolver:query(name, "A", record);
		assert.same(0, #calls);
		wait_for(calls, 1);
		local answer = calls[1].answer;
		assert.same({ name, 1, 1, "A", "IN", "NoError", 0, false, false, false },
			{ answer.qname, answer.qtype, answer.qclass, answer.type, answer.class, answer.status, answer.rcode, answer.secure, answer.nxdomain,
			answer.from_cache });
		local addresses = { answer[1].a, answer[2].a };
		table.sort(addresses); -- their order is libunbound's
		assert.same({ "192.0.2.1", "192.0.2.2" }, addresses);
		assert.is_false(resolver:wait(0.1));
		assert.same(1, #calls);
	end);

	it("gives answers with few fields of their own: what most have in common is their metatable's", function ()
		local calls, record = recorder();
		local name = fresh_name();
		resolver:query(name, "A", record);
		wait_for(calls, 1);
		local own = {};
		for key in pairs(calls[1].answer) do own[#own + 1] = tostring(key); end
		table.sort(own);
		assert.same({ "1", "qname", "qtype", "secure", "ttl", "type" }, own);
	end);

	it("calls back before it returns when the answer is known", function ()
		local calls, record = recorder();
		local name = fresh_name();
		resolver:query(name, "A", record);
		wait_for(calls, 1);
		resolver:query(name:upper() .. ".", 1, record);
		assert.same(2, #calls);
		assert.is_true(calls[2].answer.from_cache);
	end);

	it("calls back later when the answer is known but another callback is running, so that no chain grows the stack", function ()
		local calls, record = recorder();
		local name = fresh_name();
		local depth, deepest, left = 0, 0, 1000;
		local function again(answer, err)
			depth = depth + 1;
			deepest = math.max(deepest, depth);
			left = left - 1;
			if left > 0 then resolver:query(name, "A", again); else record(answer, err); end
			depth = depth - 1;
		end
		resolver:query(name, "A", again);
		wait_for(calls, 1);
		assert.same(1, deepest);
	end);

	it("20.2: calls back before it returns when a timer asks, for no chain grows from that", function ()
		local calls, record = recorder();
		local name = fresh_name();
		resolver:query(name, "A", record);
		wait_for(calls, 1);
		local order = {};
		resolver:after(0, function ()
			resolver:query(name, "A", function ()
				order[#order + 1] = "first";
				resolver:query(name, "A", function () order[#order + 1] = "second"; end);
				order[#order + 1] = "first returns";
			end);
			order[#order + 1] = "timer returns";
		end);
		while #order < 4 do assert.is_true(resolver:wait(60)); end
		assert.same({ "first", "first returns", "timer returns", "second" }, order);
	end);

	it("gives a number as it gives a name for the type, and raw bytes for a type that it does not know", function ()
		local calls, record = recorder();
		server:records("raw.resolver.example", "TYPE65280", { "\\# 3 010203" });
		resolver:query("raw.resolver.example", "TYPE65280", record);
		wait_for(calls, 1);
		assert.same({ "TYPE65280", "\1\2\3" }, { calls[1].answer.type, calls[1].answer[1].raw });
	end);

	it("raises for an unknown record type, and for options of the wrong kind", function ()
		assert.error_matches(function () resolver:query("a.example", "SVR", print); end, 'unknown record type "SVR"');
		assert.error_matches(function () resolver:query("a.example", 0, print); end, "a record type is 1 to 65535");
		assert.error_matches(function () resolver:query("a.example", "A", print, { timeout = "1" }); end, 'option "timeout" must be a number');
		assert.error_matches(function () resolver:query("a.example", "A", print, { attempts = 1.5 }); end, 'option "attempts" must be');
	end);

	it("ends in the error name for what is no domain name", function ()
		for _, name in ipairs({ "", ".a", "a..b", "a\0b", ("x"):rep(64) .. ".example", ("abcdefg."):rep(33), "bücher.example" }) do
			local calls, record = recorder();
			resolver:query(name, "A", record);
			assert.same(1, #calls);
			assert.same("name", calls[1].err.code);
		end
		assert.same(0, resolver:stats().attempts);
	end);

	it("shares the question of an identical one under way", function ()
		local calls, record = recorder();
		local name = slow_name(50);
		for _ = 1, 10 do resolver:query(name, "A", record); end
		wait_for(calls, 10);
		assert.same({ 9, 1 }, { resolver:stats().shared, server:tally(name).udp });
	end);

	it("is not canceled by dropping its lookup", function ()
		local calls, record = recorder();
		resolver:query(slow_name(20), "A", record);
		collectgarbage();
		collectgarbage();
		wait_for(calls, 1);
		assert.same("192.0.2.1", calls[1].answer[1].a);
	end);

	it("does not stop others when its callback raises", function ()
		local problems, calls, record = record_problems(), recorder();
		resolver:query(slow_name(20), "A", function () error("oops", 0); end);
		resolver:query(slow_name(20), "A", record);
		wait_for(calls, 1);
		while #problems < 1 do resolver:wait(1); end
		assert.same({ "oops" }, problems);
	end);

	it("waits its turn beyond max_lookups, and is asked in the order of submission", function ()
		local one = assert(new({ forward = server.forward, dnssec = "off", max_lookups = 1 }));
		local order, expected = {}, {};
		for i = 1, 5 do
			local name = fresh_name();
			expected[i] = name;
			one:query(name, "A", function (answer) order[#order + 1] = answer.qname; end);
		end
		assert.same({ 1, 4 }, { one:stats().in_flight, one:stats().waiting });
		while #order < 5 do assert.is_true(one:wait(60)); end
		assert.same(expected, order);
		one:close();
	end);

	it("waits its turn beyond max_lookups, and of those that wait the one with the earliest deadline is asked first", function ()
		local one = assert(new({ forward = server.forward, dnssec = "off", max_lookups = 1 }));
		local order, by_timeout = {}, {};
		one:query(slow_name(50), "A", function () end);
		for _, timeout in ipairs({ 90, 30, 70, 50 }) do
			local name = fresh_name();
			by_timeout[timeout] = name;
			one:query(name, "A", function (answer) order[#order + 1] = answer.qname; end, { timeout = timeout, attempts = 1 });
		end
		assert.same({ 1, 4 }, { one:stats().in_flight, one:stats().waiting });
		while #order < 4 do assert.is_true(one:wait(60)); end
		assert.same({ by_timeout[30], by_timeout[50], by_timeout[70], by_timeout[90] }, order);
		one:close();
	end);

	it("that waits too long for its turn ends in timeout, and was never asked", function ()
		local one = assert(new({ forward = server.forward, dnssec = "off", max_lookups = 1, timeout = 0.2, attempts = 1 }));
		local calls, record = recorder();
		server:rule({ name = "silent.resolver.example", fault = "silence" });
		local waiting = fresh_name();
		one:query("silent.resolver.example", "A", record, { timeout = 1 });
		one:query(waiting, "A", record);
		while #calls < 1 do one:wait(2); end
		assert.same({ "timeout", waiting }, { calls[1].err.code, calls[1].err.qname });
		assert.matches("not asked", calls[1].err.text);
		assert.same(0, #server:log(waiting));
		one:close();
	end);
end);

describe("resolver: canceling a lookup", function ()
	it("calls back once with the error canceled, and not with the answer that comes later", function ()
		local calls, record = recorder();
		local lookup = resolver:query(slow_name(50), "A", record);
		lookup:cancel();
		lookup:cancel();
		wait_for(calls, 1);
		assert.same("canceled", calls[1].err.code);
		assert.is_false(resolver:wait(0.2));
		assert.same(1, #calls);
	end);

	it("does nothing once it has ended, whoever has its place now", function ()
		local calls, record = recorder();
		local ended = resolver:query(fresh_name(), "A", record);
		wait_for(calls, 1);
		resolver:query(slow_name(50), "A", record);
		ended:cancel();
		wait_for(calls, 2);
		assert.is_nil(calls[2].err);
	end);

	it("ends that one of a thousand, and each callback gets its own answer", function ()
		local asked, lookups, got, count = {}, {}, {}, 0;
		for i = 1, 1000 do asked[i] = fresh_name({ ("192.0.2.%d"):format(i % 250 + 1) }); end
		for i, name in ipairs(asked) do
			lookups[i] = resolver:query(name, "A", function (answer, err)
				assert.is_nil(got[i]);
				got[i], count = answer and answer[1].a or err.code, count + 1;
			end);
		end
		for i = 7, 1000, 7 do lookups[i]:cancel(); end
		while count < 1000 do assert.is_true(resolver:wait(60)); end
		for i = 1, 1000 do
			assert.same(i % 7 == 0 and "canceled" or ("192.0.2.%d"):format(i % 250 + 1), got[i]);
		end
	end);

	it("leaves the others that share its question", function ()
		local calls, record = recorder();
		local canceled, record_canceled = recorder();
		local name = slow_name(50);
		resolver:query(name, "A", record);
		resolver:query(name, "A", record_canceled):cancel();
		wait_for(calls, 1);
		assert.same("192.0.2.1", calls[1].answer[1].a);
		assert.same("canceled", canceled[1].err.code);
	end);

	it("before it was sent never sends it", function ()
		local one = assert(new({ forward = server.forward, dnssec = "off", max_lookups = 1 }));
		local calls, record = recorder();
		local name = fresh_name();
		one:query(slow_name(50), "A", record);
		one:query(name, "A", record):cancel();
		while #calls < 2 do one:wait(2); end
		assert.same("canceled", calls[1].err.code);
		assert.same(0, #server:log(name));
		one:close();
	end);

	it("whose answer is already in the pipe calls back once, with canceled", function ()
		local calls, record = recorder();
		local lookup = resolver:query(fresh_name(), "A", record);
		assert.is_true(resolver.core:poll(60)); -- the answer waits: nobody has called process
		lookup:cancel();
		wait_for(calls, 1);
		assert.is_false(resolver:wait(0.1));
		assert.same({ 1, "canceled" }, { #calls, calls[1].err.code });
	end);

	it("inside another's callback calls back once", function ()
		local calls, record = recorder();
		local lookup = resolver:query(slow_name(200), "A", record);
		resolver:query(fresh_name(), "A", function () lookup:cancel(); end);
		wait_for(calls, 1);
		assert.same("canceled", calls[1].err.code);
	end);

	it("inside its own callback does nothing", function ()
		local count, lookup = 0, nil;
		lookup = resolver:query(fresh_name(), "A", function ()
			count = count + 1;
			lookup:cancel();
		end);
		assert.is_true(resolver:wait(60));
		assert.is_false(resolver:wait(0.1));
		assert.same(1, count);
	end);

	it("in masses leaves nothing under way", function ()
		local calls, record = recorder();
		local lookups = {};
		for i = 1, 500 do lookups[i] = resolver:query(slow_name(100), "A", record); end
		for i = 1, 500 do lookups[i]:cancel(); end
		wait_for(calls, 500);
		local stats = resolver:stats();
		assert.same({ 0, 0, 500 }, { stats.waiting, stats.in_flight, stats.outcomes.canceled });
		resolver:query(fresh_name(), "A", record);
		wait_for(calls, 501);
		assert.same("192.0.2.1", calls[501].answer[1].a);
	end);
end);

describe("resolver: close", function ()
	it("cancels what is under way, each once, and may be called again", function ()
		local calls, record = recorder();
		resolver:query(slow_name(50), "A", record);
		resolver:query(slow_name(50), "A", record);
		resolver:close();
		resolver:close();
		assert.same({ "canceled", "canceled" }, { calls[1].err.code, calls[2].err.code });
		assert.same(2, #calls);
	end);

	it("makes every other use raise", function ()
		resolver:close();
		for _, method in ipairs({ "getfd", "process", "stats", "settings", "flush", "cached", "reconfigure", "knows" }) do
			assert.error_matches(function () resolver[method](resolver); end, "the resolver is closed");
		end
		assert.error_matches(function () resolver:query("a.example", "A", print); end, "the resolver is closed");
	end);

	it("inside a callback ends the rest with canceled", function ()
		local calls, record = recorder();
		resolver:query(slow_name(500), "A", record);
		resolver:query(fresh_name(), "A", function () resolver:close(); end);
		assert.is_true(resolver:wait(60));
		assert.same({ 1, "canceled" }, { #calls, calls[1].err.code });
	end);

	it("ends in what at_close was told, each once, in that order, after the lookups, whatever one of them raises", function ()
		local problems, ends = record_problems(), {};
		resolver:at_close(function (name) ends[#ends + 1] = name; end, "first");
		resolver:at_close(error, "raised");
		resolver:at_close(function (name) ends[#ends + 1] = name; end, "last");
		resolver:query(slow_name(500), "A", function (_, err) ends[#ends + 1] = err.code; end);
		resolver:close();
		resolver:close();
		assert.same({ { "canceled", "first", "last" }, { "raised" } }, { ends, problems });
		assert.error_matches(function () resolver:at_close(print); end, "the resolver is closed");
	end);

	it("15.8: by a finalizer, wherever it comes in process: each lookup ends once, answered or canceled", function ()
		for closing_run = 1, 40, 3 do
			local one = assert(new({ forward = server.forward, dnssec = "off", timeout = 2 }));
			local ends, problems = {}, {};
			function one.on_error(problem) problems[#problems + 1] = problem; end
			local asked = {};
			for i = 1, 20 do asked[i] = fresh_name(); end
			for i, name in ipairs(asked) do
				one:query(name, "A", function (answer, err)
					ends[i] = (ends[i] or "") .. (answer and answer[1].a or err.code);
				end);
			end
			local ok, problem = finalizers.during(function ()
				while not one.closed and one:wait(5) do one:cached(); end
			end, function (run)
				if run >= closing_run then one:close(); end
			end);
			one:close();
			assert.is_true(ok or tostring(problem):find("the resolver is closed", 1, true) ~= nil, tostring(problem));
			assert.same({}, problems);
			for i = 1, 20 do assert.is_true(ends[i] == "192.0.2.1" or ends[i] == "canceled", ends[i]); end
		end
	end);

	it("makes the lookups raise that its callbacks ask for: nobody would call back", function ()
		local problems, asked = record_problems(), 0;
		resolver:query(slow_name(500), "A", function ()
			asked = asked + 1;
			resolver:query(fresh_name(), "A", print);
		end);
		resolver:close();
		assert.same({ 1, 1 }, { asked, #problems });
		assert.matches("the resolver is closed", problems[1]);
	end);

	it("is not needed: a resolver that is collected with lookups in flight takes its threads and descriptors along", function ()
		assert.same("4 times nothing is left\n", child.run(([[
			local held = require "spec.support.held";
			local new = require "xmppdns.resolver".new;
			local function drop_one()
				local dropped, before = assert(new({ forward = %q, dnssec = "off" })), held.now();
				dropped:query(%q, "A", print);
				return before;
			end
			drop_one();
			local none, times = held.settled(), 0;
			for _ = 1, 4 do
				assert(drop_one().threads > none.threads);
				collectgarbage();
				collectgarbage();
				if held.becomes(none) then times = times + 1; end
			end
			print(times .. " times nothing is left");
		]]):format(server.forward, slow_name(1000))));
	end);
end);

describe("resolver: process", function ()
	-- So many that are complete, with that callback.
	local function complete(count, callback)
		local name = fresh_name();
		local lookups = {};
		for i = 1, count do lookups[i] = resolver:query(name .. i, "A", callback); end
		for i = 1, count do lookups[i]:cancel(); end
	end

	it("runs at most 64 callbacks a call and leaves the descriptor readable for the rest", function ()
		local calls, record = recorder();
		complete(100, record);
		while #calls < 100 do
			assert.is_true(resolver.core:poll(0));
			assert.is_true(resolver:process() <= 64);
		end
		assert.same(0, resolver:process());
	end);

	local function work()
		local started = core.now();
		while core.now() - started < 0.005 do end
	end

	it("lets answers and timers take turns when they take long, and leaves the descriptor readable", function ()
		local order = {};
		complete(3, function ()
			order[#order + 1] = "answer";
			work();
		end);
		for _ = 1, 3 do
			resolver:after(0, function (argument)
				order[#order + 1] = argument;
				work();
			end, "timer");
		end
		for i = 1, 6 do
			assert.is_true(resolver.core:poll(1));
			assert.same(1, resolver:process());
			assert.is_true(i == 1 or order[i] ~= order[i - 1]);
		end
		assert.same(0, resolver:process());
	end);

	it("starts no further callback once they have taken some milliseconds, and leaves the descriptor readable", function ()
		local ran = 0;
		complete(3, function ()
			ran = ran + 1;
			work();
		end);
		assert.same({ 1, 1, 1, 0 }, { resolver:process(), resolver:process(), resolver:process(), resolver:process() });
		assert.same(3, ran);
	end);
end);

describe("resolver: timers", function ()
	it("20.2: come when a callback has set them, whatever process raises then", function ()
		local order = {};
		resolver:after(0, function ()
			resolver:after(0.01, function () order[#order + 1] = "later"; end);
			resolver:after(0, function () order[#order + 1] = "next"; end);
			error("raised");
		end);
		assert.has_error(function () -- on_error raises, too
			while true do
				resolver.core:poll(60);
				resolver:process();
			end
		end);
		while #order < 2 do
			assert.is_true(resolver.core:poll(60)); -- an alarm is set for them
			resolver:process();
		end
		assert.same({ "next", "later" }, order);
	end);

	it("call back in their order, once, and not when canceled", function ()
		local order = {};
		resolver:after(0.04, function () order[#order + 1] = "late"; end);
		resolver:after(0.01, function () order[#order + 1] = "early"; end);
		resolver:cancel_timer(resolver:after(0.02, function () order[#order + 1] = "never"; end));
		while resolver:wait(0.2) do end
		assert.same({ "early", "late" }, order);
	end);

	it("tell how much time was left when they are canceled", function ()
		local ran = resolver:after(0, function () end);
		local timer = resolver:after(300, function () end);
		assert.is_true(resolver:wait(60));
		local left = resolver:cancel_timer(timer);
		assert.is_true(left > 200 and left <= 300, tostring(left));
		assert.same({ 0, 0 }, { resolver:cancel_timer(timer), resolver:cancel_timer(ran) });
	end);
end);

describe("resolver: the cache", function ()
	it("remembers a failure for a while, and forgets it when the resolver is rebuilt", function ()
		local calls, record = recorder();
		local name = fresh_name();
		server:rule({ name = name, fault = "servfail", times = 100 });
		resolver:query(name, "A", record);
		wait_for(calls, 1);
		resolver:query(name, "A", record);
		assert.same({ "servfail", "servfail" }, { calls[1].err.code, calls[2].err.code });
		server:clear();
		assert.is_true(resolver:reconfigure());
		resolver:query(name, "A", record);
		wait_for(calls, 3);
		assert.same("192.0.2.1", calls[3].answer[1].a);
	end);

	it("keeps answers when the resolver is rebuilt", function ()
		local calls, record = recorder();
		local name = fresh_name();
		resolver:query(name, "A", record);
		wait_for(calls, 1);
		assert.is_true(resolver:reconfigure());
		assert.is_true(resolver:peek(name, "A").from_cache);
		assert.same({ name }, { resolver:cached()[1].qname });
		assert.is_true(resolver:flush(name));
		assert.is_nil(resolver:peek(name, "A"));
	end);

	it("says whether it knows, an answer or a failure, and asks nobody", function ()
		local calls, record = recorder();
		local name, broken, other = fresh_name(), fresh_name(), fresh_name();
		server:rule({ name = broken, fault = "servfail", times = 100 });
		resolver:query(name, "A", record);
		resolver:query(broken, "A", record);
		wait_for(calls, 2);
		server:clear();
		assert.same({ true, true, false, false, false },
			{ resolver:knows(name, "A"), resolver:knows(broken, 1), resolver:knows(name, "AAAA"), resolver:knows(other, "A"), resolver:knows("a..b", "A") });
		assert.same(2, resolver:stats().lookups);
	end);

	it("is emptied by flush, of one name or of all, and libunbound's with it", function ()
		local calls, record = recorder();
		local name = fresh_name();
		for i, flushed in ipairs({ name, false }) do
			resolver:query(name, "A", record);
			wait_for(calls, i);
			assert.is_true(resolver:flush(flushed or nil));
		end
		resolver:query(name, "A", record);
		wait_for(calls, 3);
		assert.same(3, server:tally(name).udp);
	end);

	it("serves an expired, insecure answer when every attempt fails, and says so", function ()
		local calls, record = recorder();
		local name = "stale.resolver.example";
		server:records(name, "A", { "192.0.2.9" }, 1);
		resolver:query(name, "A", record);
		wait_for(calls, 1);
		os.execute("sleep 2.1"); -- libunbound counts in whole seconds
		server:rule({ name = name, fault = "servfail" });
		resolver:query(name, "A", record);
		wait_for(calls, 2);
		assert.same({ "192.0.2.9", true, 30 }, { calls[2].answer[1].a, calls[2].answer.stale, calls[2].answer.ttl });
		resolver:query(name, "A", record); -- the failure is remembered
		assert.same({ "192.0.2.9", true, true }, { calls[3].answer[1].a, calls[3].answer.stale, calls[3].answer.from_cache });
	end);
end);

describe("resolver: reconfigure", function ()
	it("lets lookups in flight finish, and ends the old contexts after the last of them", function ()
		local calls, record = recorder();
		resolver:query(slow_name(100), "A", record);
		assert.is_true(resolver:reconfigure());
		resolver:query(fresh_name(), "A", record);
		assert.same(2, resolver:stats().contexts);
		wait_for(calls, 2);
		assert.same({ "192.0.2.1", "192.0.2.1" }, { calls[1].answer[1].a, calls[2].answer[1].a });
		assert.same({ 1, 1 }, { resolver:stats().contexts, resolver:stats().rebuilds });
	end);

	it("refuses bad settings, and changes nothing", function ()
		local ok, err = resolver:reconfigure({ forwrad = "127.0.0.1" });
		assert.is_nil(ok);
		assert.same("config", err.code);
		assert.matches("forwrad", err.text);
		assert.same({ server.forward }, resolver:settings().forward);
	end);
end);

describe("resolver: threads", function ()
	it("share the lookups by name, and one cache", function ()
		local two = assert(new({ forward = server.forward, dnssec = "off", threads = 2 }));
		local names_asked, done = {}, 0;
		for i = 1, 20 do
			names_asked[i] = fresh_name();
			two:query(names_asked[i], "A", function (answer) done = done + (answer[1].a == "192.0.2.1" and 1 or 0); end);
		end
		while done < 20 do assert.is_true(two:wait(60)); end
		assert.same(2, two:stats().contexts);
		for _, name in ipairs(names_asked) do assert.is_true(two:peek(name, "A").from_cache); end
		two:close();
	end);
end);

describe("resolver: new", function ()
	it("raises without a table, and gives the error config for bad settings", function ()
		assert.error_matches(function () new(); end, "settings must be a table, not nil");
		local none, err = new({ timeout = -1 });
		assert.is_nil(none);
		assert.same("config", err.code);
	end);
end);

describe("resolver: on_done", function ()
	it("is told of each lookup before its callback is, cached and failed ones too", function ()
		local name, told = fresh_name(), {};
		function resolver.on_done(...) told[#told + 1] = { ... }; end
		local calls, callback = recorder();
		resolver:query(name, "A", function (...)
			assert.equal(1, #told);
			callback(...);
		end);
		wait_for(calls, 1);
		resolver:query(name, 1, callback);
		resolver:query("a..b", "SRV", callback);
		assert.equal(3, #calls);
		assert.same({ { name, "A" }, { name, 1 }, { "a..b", "SRV" } }, { { told[1][1], told[1][2] }, { told[2][1], told[2][2] }, { told[3][1], told[3][2] } });
		for i = 1, 3 do
			assert.equal(calls[i].answer, told[i][3]);
			assert.equal(calls[i].err, told[i][4]);
			assert.equal("number", type(told[i][5]));
		end
	end);

	it("20.3: is told each lookup's own name, callback for callback, where known and open ones begin inside of others", function ()
		local known, told, given = fresh_name(), {}, {};
		local calls, callback = recorder();
		resolver:query(known, "A", callback);
		wait_for(calls, 1);
		function resolver.on_done(name) told[#told + 1] = name; end
		local function ask(name, after)
			resolver:query(name, "A", function ()
				given[#given + 1] = name;
				if after then after(); end
			end);
		end
		local late, last = fresh_name(), fresh_name();
		ask(known, function ()
			ask(late, function () ask(known); end);
			function resolver.on_done(name)
				told[#told + 1] = name;
				if name == late then ask(last); end -- from on_done itself
			end
		end);
		ask(known);
		while #given < 5 do assert.is_true(resolver:wait(60)); end
		assert.same(given, told);
		table.sort(given);
		local wanted = { known, known, known, late, last };
		table.sort(wanted);
		assert.same(wanted, given);
	end);

	it("stops no callback when it fails", function ()
		local problems = record_problems();
		function resolver.on_done() error("out of order", 0); end
		local calls, callback = recorder();
		resolver:query(fresh_name(), "A", callback);
		wait_for(calls, 1);
		assert.same({ "out of order" }, problems);
	end);
end);

describe("resolver: libunbound, which takes some milliseconds to say what it thinks of settings,", function ()
	local ANCHOR = ". IN DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D";
	local OTHER = ". IN DS 38696 8 2 683D2D0ACB8C9B712A1948B27F741219298D0A450D612C483AF444A4C0FB2B16";
	local BROKEN = ". IN DS 20326 8 2 xyz";
	local folder, one;

	local function write(name, text)
		process.write(folder .. name, text);
	end

	local function settings(extra)
		local all = { forward = server.forward, resolvconf = false, hoststxt = folder .. "hosts", trustfile = folder .. "anchors" };
		for key, value in pairs(extra or {}) do all[key] = value; end
		return all;
	end

	-- Whether it is asked by reconfigure: then there is a context before the first lookup.
	local function is_asked(extra)
		assert(one:reconfigure(settings(extra)));
		return one:stats().contexts == 1;
	end

	before_each(function ()
		folder = process.directory("settings") .. "/";
		write("hosts", "192.0.2.1 host.example");
		write("anchors", ANCHOR);
		one = assert(new(settings()));
	end);
	after_each(function () one:close(); end);

	it("is asked when a resolver is made", function ()
		assert.same(1, one:stats().contexts);
	end);

	it("is not asked about what it has accepted", function ()
		assert.is_false(is_asked());
		assert.is_false(is_asked());
		assert.is_true(one:reconfigure());
		assert.is_false(is_asked());
	end);

	it("is not asked about what is our business alone", function ()
		assert.is_false(is_asked({ forward = "127.0.0.1@1", attempts = 1, timeout = 2, max_lookups = 3, threads = 2, dnssec = "required", min_ttl = 1 }));
	end);

	for name, extra in pairs({
		stub = { stub = { ["stub.example"] = "127.0.0.1" } },
		options = { options = { ["do-ip6"] = false } },
		["an option's value"] = { options = { ["do-ip6"] = true } },
		trusted = { trusted = OTHER },
	}) do
		it("is asked about another " .. name, function ()
			assert.is_true(is_asked(extra));
			assert.is_false(is_asked(extra));
		end);
	end

	it("is asked about other hosts", function ()
		write("hosts", "192.0.2.2 host.example");
		assert.is_true(is_asked());
	end);

	it("is asked about other files, and what it refuses changes nothing", function ()
		write("broken", BROKEN);
		local ok, err = one:reconfigure(settings({ trustfile = folder .. "broken" }));
		assert.same({ nil, "config" }, { ok, err.code });
		assert.matches(folder .. "broken", err.text, 1, true);
		assert.same({ folder .. "anchors", 0 }, { one:settings().trustfile, one:stats().rebuilds });
	end);

	it("is asked about files that have changed", function ()
		write("anchors", BROKEN);
		local ok, err = one:reconfigure(settings());
		assert.same({ nil, "config" }, { ok, err.code });
		write("anchors", "; the same\n" .. ANCHOR .. "\n");
		assert.is_false(is_asked());
		write("anchors", ANCHOR .. "\n" .. OTHER .. "\n");
		assert.is_true(is_asked());
	end);

	it("is never asked about a file that cannot be read: what was in it before stays", function ()
		write("anchors", BROKEN);
		assert.is_true(one:reconfigure());
		assert.same({ ANCHOR }, one:settings().anchors);
		local ok, err = one:reconfigure(settings());
		assert.same({ nil, "config" }, { ok, err.code });
	end);
end);
