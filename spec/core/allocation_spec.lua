-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- Every allocation of the C core fails in turn, through the life of a resolver. In a process of its own, so that its end is seen whatever it is.

local child = require "spec.support.child";
local misdns = require "spec.support.misdns";
local process = require "spec.support.process";

describe("xmppdns.core: without memory", function ()
	local server, hosts, resolvconf;

	setup(function ()
		server = misdns.start();
		for i = 1, 3 do server:records(("a%d.memory.example"):format(i), "A", { "192.0.2.1", "192.0.2.2" }); end
		server:records("alias.memory.example", "CNAME", { "a1.memory.example." });
		server:records("slow.memory.example", "A", { "192.0.2.3" });
		server:records("broken.memory.example", "A", { "192.0.2.4" });
		server:rule({ name = "slow.memory.example", delay = 60000 });
		server:records("early.memory.example", "A", { "192.0.2.5" });
		server:rule({ name = "broken.memory.example", fault = "servfail", cd = false });
		hosts = process.write(process.directory() .. "/memory.hosts", "192.0.2.9 one.memory.example two\n192.0.2.10 three\nnonsense\n");
		resolvconf = process.write(process.directory() .. "/memory.resolv.conf", "nameserver 127.0.0.1\nnameserver nonsense\noptions timeout:3\n");
	end);

	teardown(function () server:stop(); end);

	-- Runs the life again and again, with another allocation failing each time, until it is lived without a failure. Life gives what went wrong.
	local function fail_each(and_all_after, life)
		return child.run(([[
			local testcore = require "xmppdns.testcore";
			local core = testcore.open_core();
			package.loaded["xmppdns.core"] = core;
			local forward, hosts, resolvconf, and_all_after = %q, %q, %q, %s;
			local function is_system(err) return err ~= nil and err.code == "system"; end
			%s
			assert(live(function () end) == nil); -- what is made once, at first use
			local n, problems = 0, {};
			repeat
				n = n + 1;
				collectgarbage();
				local before = testcore.live_allocations();
				testcore.fail_allocation(n, and_all_after);
				local has_failed;
				local problem = live(function () has_failed = testcore.fail_allocation(0); end);
				collectgarbage();
				local lost = testcore.live_allocations() - before;
				if problem then problems[#problems + 1] = ("allocation %%d: %%s"):format(n, problem); end
				if lost ~= 0 then problems[#problems + 1] = ("allocation %%d: %%d blocks lost"):format(n, lost); end
			until not has_failed or #problems > 20;
			io.write(table.concat(problems, "\n"), n > 30 and "" or "only " .. n, "\n");
		]]):format(server.forward, hosts, resolvconf, tostring(and_all_after), life));
	end

	local SETTINGS = [[
		local function live(recover)
			local ok, problem = core.check_settings({
				forward = { "127.0.0.1@53", "::1" }, stub = { ["stub.example"] = { "127.0.0.1", "127.0.0.2" } }, hoststxt = hosts, resolvconf = resolvconf,
				trusted = { ". IN DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D" },
				options = { ["do-ip6:"] = true, ["edns-buffer-size:"] = 1232 };
				forward_zones = { lan = "127.0.0.1", ["bücher.example"] = "127.0.0.1" }, insecure = { "lan", "bücher.example" };
			});
			recover();
			if not ok and problem ~= "out of memory" then return problem; end
		end
	]];

	it("settings are refused for want of memory, and nothing is lost", function ()
		assert.same("\n", fail_each(false, SETTINGS));
		assert.same("\n", fail_each(true, SETTINGS));
	end);

	local RESOLVER = [[
		local new = require "xmppdns.resolver".new;
		local settings = { forward = forward, resolvconf = false, hoststxt = hosts, dnssec = "off", timeout = 5, attempts = 2, reconfigure_interval = 0,
			cache_file = hosts .. ".kept",
			options = { ["outgoing-range:"] = 16, ["outgoing-num-tcp:"] = 2 } }; -- each port and slot takes an allocation

		-- A lookup whose end is noted in ends, which has how often it was called too.
		local function ask(resolver, ends, name, options)
			local function note(answer, err)
				ends.count = (ends.count or 0) + 1;
				ends[#ends + 1] = { name = name, answer = answer, err = err };
				ends[name] = ends[#ends];
			end
			ends.asked = (ends.asked or 0) + 1;
			return resolver:query(name, "A", note, options);
		end

		local function wait(resolver, ends, count)
			while (ends.count or 0) < count do
				if not resolver:wait(10) then return "a lookup did not end"; end
			end
		end

		local expected = { ["slow.memory.example"] = "canceled", ["broken.memory.example"] = "bogus" };

		local function judge(ends)
			if ends.count ~= ends.asked then return ("%d lookups, %d ends"):format(ends.asked, ends.count); end
			for _, ended in ipairs(ends) do
				local code = ended.err and ended.err.code;
				if (code or expected[ended.name]) and code ~= expected[ended.name] and code ~= "system" then
					return ("%s: %s"):format(ended.name, tostring(ended.err or ended.answer));
				end
			end
		end

		local function use(resolver, ends, recover)
			resolver.on_error = error;
			local function all() return wait(resolver, ends, ends.asked - 1); end
			local slow = ask(resolver, ends, "slow.memory.example");
			ask(resolver, ends, "a1.memory.example");
			ask(resolver, ends, "a1.memory.example");
			local problem = all();
			ask(resolver, ends, "a1.memory.example");
			resolver:peek("a1.memory.example", "A");
			ask(resolver, ends, "alias.memory.example", { automatic = true });
			ask(resolver, ends, "broken.memory.example", { automatic = true });
			problem = problem or all();
			ask(resolver, ends, "broken.memory.example", { attempts = 1, timeout = 4 });
			problem = problem or all();
			resolver:flush("a1.memory.example");
			local ok, err = resolver:reconfigure();
			if not ok and not is_system(err) then problem = problem or tostring(err); end
			resolver:ask_early("early.memory.example", "A");
			resolver:ask_early("a2.memory.example", "A"); -- the next one joins it
			ask(resolver, ends, "a2.memory.example");
			resolver:ask_early("slow.memory.example", "AAAA"); -- it ends with the resolver
			problem = problem or all();
			ok, err = resolver:reconfigure(settings);
			if not ok and not is_system(err) then problem = problem or tostring(err); end
			ok, err = resolver:save();
			if not ok and not is_system(err) then problem = problem or tostring(err); end
			slow:cancel();
			recover();
			ask(resolver, ends, "a3.memory.example");
			problem = problem or wait(resolver, ends, ends.asked);
			local last = ends["a3.memory.example"];
			if not last or last.err then problem = problem or "the next lookup: " .. tostring(last and last.err); end
			resolver:close();
			return problem or judge(ends);
		end

		local function live(recover)
			local resolver, err = new(settings);
			if resolver then return use(resolver, {}, recover); end
			recover();
			return not is_system(err) and tostring(err) or nil;
		end
	]];

	it("lookups that are hit end in the error system, once, and the next lookup works: one allocation fails", function ()
		assert.same("\n", fail_each(false, RESOLVER));
	end);

	it("lookups that are hit end in the error system, once, and the next lookup works: all fail from one on", function ()
		assert.same("\n", fail_each(true, RESOLVER));
	end);

	local TIMERS = [[
		local function live(recover)
			local timers, set, problem = core.new_timers(), {}, nil;
			for i = 1, 100 do
				local ok, timer = pcall(timers.add, timers, i % 7, print, i);
				if ok then set[i] = timer; elseif timer ~= "not enough memory" then problem = timer; end
			end
			recover();
			for i, timer in pairs(set) do
				if i % 3 == 0 and timers:cancel(timer) ~= i % 7 then return "not to be canceled: " .. i; end
			end
			local callback, argument = timers:take(7);
			while callback do
				if not set[argument] or argument % 3 == 0 then return "not to be taken: " .. argument; end
				set[argument] = nil;
				callback, argument = timers:take(7);
			end
			for i in pairs(set) do
				if i % 3 ~= 0 then return "has not come: " .. i; end
			end
			return problem;
		end
	]];

	it("timers are set or refused, and what is set comes once", function ()
		assert.same("\n", fail_each(false, TIMERS));
		assert.same("\n", fail_each(true, TIMERS));
	end);
end);
