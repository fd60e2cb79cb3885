-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- Resolvers among threads, forks and signals.

local misdns = require "spec.support.misdns";
local new = require "xmppdns.resolver".new;
local process = require "spec.support.process";
local testprocess = require "xmppdns.testprocess";

local server;

local function settings(extra)
	local all = { forward = server.forward, dnssec = "off", timeout = 30 };
	for key, value in pairs(extra or {}) do all[key] = value; end
	return all;
end

local function run_threads(count, script)
	return testprocess.threads(count, ("local forward = %q;\n"):format(server.forward) .. script, package.path, package.cpath);
end

local function lines(command)
	local listing = io.popen(command);
	local all = {};
	for line in listing:lines() do all[#all + 1] = line; end
	listing:close();
	return all;
end

-- Answer for this name, or nil with the error: through a resolver, waiting at most so long.
local function ask(resolver, name)
	local answer, failure;
	resolver:query(name, "A", function (a, err) answer, failure = a, err; end);
	for _ = 1, 300 do
		if answer or failure then break; end
		resolver:wait(0.2);
	end
	return answer, failure;
end

setup(function ()
	server = misdns.start();
	for i = 1, 40 do server:records(("n%d.process.example"):format(i), "A", { "192.0.2.1" }); end
end);
teardown(function () server:stop(); end);

describe("process: threads", function ()
	it("S4: each have a resolver of their own, which all of them use at once", function ()
		local results = run_threads(8, [[
			local xmppdns = require "xmppdns";
			assert(xmppdns.configure({ forward = forward, dnssec = "off", cache_size = 0, max_lookups = 50 }));
			local resolver = assert(xmppdns.get_resolver());
			assert(resolver == xmppdns.get_resolver());
			local good, bad = 0, 0;
			for round = 1, 1250 do
				local name = ("n%d.process.example"):format(round % 40 + 1);
				resolver:query(name, "A", function (answer)
					if answer and answer[1] and answer[1].a == "192.0.2.1" then good = good + 1; else bad = bad + 1; end
				end);
				if round % 100 == 0 then resolver:process(); end
			end
			while good + bad < 1250 do resolver:wait(); end
			return ("%d good, %d bad, %s"):format(good, bad, tostring(require "xmppdns.core".thread()));
		]]);
		local marks = {};
		for _, result in ipairs(results) do
			local outcome, mark = result:match("^(.*), (userdata.*)$");
			assert.same("1250 good, 0 bad", outcome or result);
			marks[mark] = true;
		end
		local count = 0;
		for _ in pairs(marks) do count = count + 1; end
		assert.same(8, count);
	end);

	it("may end with lookups in flight: closing a Lua state drops them", function ()
		local results = run_threads(4, [[
			local xmppdns = require "xmppdns";
			assert(xmppdns.configure({ forward = forward, dnssec = "off" }));
			for i = 1, 100 do xmppdns.repeated_query(("n%d.gone.example"):format(i), "A", print); end
			return "left";
		]]);
		assert.same({ "left", "left", "left", "left" }, results);
	end);

	it("with two Lua states in one do not disturb each other", function ()
		local first, second = assert(new(settings())), assert(new(settings()));
		first:query("n1.process.example", "A", function () end);
		second:close();
		assert.is_true(first:wait(60));
		first:close();
	end);
end);

describe("process: libunbound's threads", function ()
	it("have every signal blocked that can be", function ()
		local before = {};
		for _, id in ipairs(lines("ls /proc/$PPID/task")) do before[id] = true; end
		local resolver = assert(new(settings()));
		assert.is_table((ask(resolver, "n1.process.example")));
		local checked = 0;
		for _, id in ipairs(lines("ls /proc/$PPID/task")) do
			if not before[id] then
				local status = assert(io.open("/proc/self/task/" .. id .. "/status")):read("*a");
				local blocked = status:match("SigBlk:%s*(%x+)"):lower();
				assert.same("fffffffe7ffbfeff", blocked); -- all but KILL and STOP, and the two that the C library keeps to itself
				checked = checked + 1;
			end
		end
		assert.is_true(checked > 0);
		resolver:close();
	end);
end);

describe("process: after a fork", function ()
	it("the child has working contexts of its own, and the parent keeps its own", function ()
		local resolver = assert(new(settings()));
		assert.is_table((ask(resolver, "n1.process.example")));
		local wait_for_child = testprocess.fork(function ()
			local answer = ask(resolver, "n2.process.example");
			local cached = ask(resolver, "n1.process.example");
			resolver:close();
			return answer ~= nil and answer[1].a == "192.0.2.1" and cached.from_cache;
		end);
		assert.same("192.0.2.1", ask(resolver, "n3.process.example")[1].a);
		assert.same(0, wait_for_child());
		assert.same("192.0.2.1", ask(resolver, "n4.process.example")[1].a);
		resolver:close();
	end);

	it("the number of forks tells the child, and it alone, to watch the descriptor anew", function ()
		local resolver = assert(new(settings()));
		local fd, forks = resolver:getfd(), resolver:forks();
		local wait_for_child = testprocess.fork(function ()
			local changed = resolver:forks();
			return changed ~= forks and changed == resolver:forks() and resolver:getfd() == fd;
		end);
		assert.same({ 0, forks }, { wait_for_child(), resolver:forks() });
		resolver:close();
	end);

	it("the child may rebuild before anything else", function ()
		local resolver = assert(new(settings()));
		assert.is_table((ask(resolver, "n1.process.example")));
		local wait_for_child = testprocess.fork(function ()
			return resolver:reconfigure() and ask(resolver, "n5.process.example") ~= nil;
		end);
		assert.same(0, wait_for_child());
		assert.same("192.0.2.1", ask(resolver, "n6.process.example")[1].a);
		assert.same(0, resolver:stats().retries); -- its context is still alive
		resolver:close();
	end);

	it("a lookup in flight ends once in each of both", function ()
		local resolver = assert(new(settings()));
		server:rule({ name = "slow.process.example", delay = 200 });
		server:records("slow.process.example", "A", { "192.0.2.5" });
		local calls, answer = 0, nil;
		resolver:query("slow.process.example", "A", function (a) calls, answer = calls + 1, a; end);
		local function finish()
			while calls == 0 do resolver:wait(1); end
			resolver:wait(0.3);
			return calls == 1 and answer ~= nil and answer[1].a == "192.0.2.5";
		end
		local wait_for_child = testprocess.fork(finish);
		assert.is_true(finish());
		assert.same(0, wait_for_child());
		resolver:close();
	end);

	it("the child may close or cancel what the parent goes on with", function ()
		local resolver = assert(new(settings()));
		server:rule({ name = "later.process.example", delay = 200 });
		server:records("later.process.example", "A", { "192.0.2.6" });
		local answer;
		local lookup = resolver:query("later.process.example", "A", function (a) answer = a; end);
		local wait_for_child = testprocess.fork(function ()
			lookup:cancel();
			resolver:close();
			return answer == nil;
		end);
		assert.same(0, wait_for_child());
		assert.is_true(resolver:wait(60));
		assert.same("192.0.2.6", answer[1].a);
		resolver:close();
	end);

	it("15.9: the child never sets the parent's timer", function ()
		local resolver = assert(new(settings()));
		resolver.core:alarm(0.05);
		local wait_for_child = testprocess.fork(function ()
			local due = resolver.core:poll(60);
			resolver.core:alarm(3600);
			return due;
		end);
		assert.same(0, wait_for_child());
		assert.is_true(resolver.core:poll(60));
		resolver.core:process();
		resolver.core:alarm(3600);
		wait_for_child = testprocess.fork(function ()
			resolver.core:alarm(0.001);
			return resolver.core:poll(60);
		end);
		assert.same(0, wait_for_child());
		assert.is_false(resolver.core:poll(0));
		resolver:close();
	end);

	it("15.9: the child that only waits for the descriptor is woken for what was under way", function ()
		local resolver = assert(new(settings({ timeout = 60 })));
		server:records("once.process.example", "A", { "192.0.2.7" });
		server:rule({ name = "once.process.example", fault = "silence", times = 1 }); -- the parent's question
		local answer;
		resolver:query("once.process.example", "A", function (a) answer = a; end);
		while server:tally("once.process.example").udp == 0 do resolver.core:poll(0.01); end
		local wait_for_child = testprocess.fork(function ()
			while not answer do
				if not resolver.core:poll(20) then return false; end
				resolver:process();
			end
			return answer[1].a == "192.0.2.7";
		end);
		assert.same(0, wait_for_child());
		while not answer do assert.is_true(resolver:wait(60)); end
		assert.same("192.0.2.7", answer[1].a);
		resolver:close();
	end);

	it("15.9: the child is told that another descriptor is behind the number, and so is its own child", function ()
		local resolver = assert(new(settings()));
		local fd = resolver:getfd();
		assert.same(0, resolver.core:forks());
		local wait_for_child = testprocess.fork(function ()
			local in_grandchild = testprocess.fork(function () return resolver.core:forks() == 2 and ask(resolver, "n8.process.example") ~= nil; end)();
			return resolver.core:forks() == 1 and resolver:getfd() == fd and in_grandchild == 0 and ask(resolver, "n7.process.example") ~= nil;
		end);
		assert.same(0, wait_for_child());
		assert.same({ 0, fd }, { resolver.core:forks(), resolver:getfd() });
		resolver:close();
	end);

	it("15.9: a child without descriptors leaves the parent's alone, and works once there are some", function ()
		local resolver = assert(new(settings()));
		resolver.core:alarm(3600);
		testprocess.limit_descriptors(0);
		local wait_for_child = testprocess.fork(function ()
			resolver.core:alarm(0.001);
			resolver.core:process();
			local was_parents = resolver.core:forks() == 0 and not resolver.core:poll(0.05);
			testprocess.limit_descriptors();
			return was_parents and resolver.core:forks() == 1 and ask(resolver, "n9.process.example") ~= nil;
		end);
		testprocess.limit_descriptors();
		assert.same(0, wait_for_child());
		assert.is_false(resolver.core:poll(0));
		assert.is_table((ask(resolver, "n10.process.example")));
		resolver:close();
	end);

	it("15.9: a child without descriptors does not take the parent's contexts out of its descriptor, whatever has changed meanwhile", function ()
		local path = process.write(process.directory() .. "/process.resolv.conf", "nameserver 127.0.0.1\n");
		local resolver = assert(new(settings({ resolvconf = path, trusted = ". IN DS 1 13 2 " .. ("AB"):rep(32) })));
		local watched = process.read("/proc/self/fdinfo/" .. resolver:getfd());
		assert.is_false(resolver.core:poll(1.1)); -- until it looks at the file again
		process.write(path, "nameserver 127.0.0.1\noptions timeout:3\n");
		testprocess.limit_descriptors(0);
		local wait_for_child = testprocess.fork(function ()
			resolver:query("n12.process.example", "A", function () end);
			return true;
		end);
		testprocess.limit_descriptors();
		assert.same(0, wait_for_child());
		assert.equal(watched, process.read("/proc/self/fdinfo/" .. resolver:getfd()));
		resolver:close();
	end);

	it("15.9: a child without descriptors says so to who waits, and asks no thread of the parent's", function ()
		local resolver = assert(new(settings()));
		server:rule({ name = "n13.process.example", fault = "silence" });
		local codes = {};
		for _ = 1, 3 do resolver:query("n13.process.example", "A", function (_, err) codes[#codes + 1] = err and err.code or "answered"; end); end
		resolver:process();
		testprocess.limit_descriptors(0);
		local wait_for_child = testprocess.fork(function ()
			local function process_until(count) -- a slow machine runs some callbacks at a time
				for _ = 1, 1000 do if #codes < count then resolver:process(); end end
			end
			process_until(3);
			resolver:query("n14.process.example", "A", function (_, err) codes[#codes + 1] = err and err.code or "answered"; end);
			process_until(4);
			testprocess.limit_descriptors();
			return table.concat(codes, " ") == "system system system system" and ask(resolver, "n15.process.example") ~= nil;
		end);
		testprocess.limit_descriptors();
		assert.same(0, wait_for_child());
		assert.same({}, codes);
		resolver:close();
	end);

	it("15.9: resolvers that were closed before are none of the child's", function ()
		local closed, resolver = assert(new(settings())), assert(new(settings()));
		closed:close();
		assert.same(0, testprocess.fork(function () return ask(resolver, "n11.process.example") ~= nil; end)());
		resolver:close();
	end);
end);
