-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- The contexts of one generation. In a process whose clock can be set.

local child = require "spec.support.child";
local misdns = require "spec.support.misdns";

describe("generation: 15.10, contexts for later attempts", function ()
	local server;
	setup(function ()
		server = misdns.start({});
		server:records("a.example", "A", { "192.0.2.1" }, 300);
		server:rule({ name = "*.silent.example", fault = "silence" });
	end);
	teardown(function () server:stop(); end);

	-- With ten attempts for a name that nobody answers behind it.
	local function run(body)
		return child.run(([[
			local testclock = require "xmppdns.testclock";
			local forward = %q;
			local resolver = assert(require "xmppdns.resolver".new({ forward = forward, dnssec = "off", resolvconf = false, hoststxt = false }));
			local function ask(name, options)
				local code;
				resolver:query(name, "A", function (_, err) code = err and err.code or "answered"; end, options);
				while not code do resolver:wait(0.01); end -- the kernel knows nothing of our clock: its timer is late
				return code;
			end
			assert(ask("a.silent.example", { attempts = 10, timeout = 0.02 }) == "timeout");
			%s
		]]):format(server.forward, body), "xmppdns.testclock");
	end

	it("are four, however many attempts there are", function ()
		assert.equal("5\n", run("print(resolver:stats().contexts);"));
	end);

	it("end when nobody has needed them for a minute; the first attempts' one stays", function ()
		assert.equal("5\n1\nanswered\ntimeout\n3\n", run([[
			testclock.sleep(50);
			resolver:process();
			print(resolver:stats().contexts);
			testclock.sleep(11);
			resolver:process();
			print(resolver:stats().contexts);
			print(ask("a.example"));
			print(ask("b.silent.example", { attempts = 3, timeout = 0.02 }));
			print(resolver:stats().contexts);
		]]));
	end);

	it("stay while one of their questions is out", function ()
		assert.equal("2\n1\n", run([[
			local ended;
			testclock.sleep(61);
			resolver:process();
			resolver:query("c.silent.example", "A", function () ended = true; end, { attempts = 3, timeout = 200 });
			for _ = 1, 2 do -- its second attempt, and its third
				resolver:process();
				testclock.sleep(201);
			end
			resolver:process();
			testclock.sleep(100);
			resolver:process();
			assert(not ended);
			print(resolver:stats().contexts);
			testclock.sleep(101);
			resolver:process();
			resolver:process();
			assert(ended);
			testclock.sleep(61);
			resolver:process();
			print(resolver:stats().contexts);
		]]));
	end);

	it("are no more for the third attempt on where there are more threads: of first attempts, and of second ones, each thread has one", function ()
		assert.equal("6\n", run([[
			resolver:close();
			resolver = assert(require "xmppdns.resolver".new({ forward = forward, dnssec = "off", resolvconf = false, hoststxt = false, threads = 2 }));
			local ended = 0;
			for i = 1, 30 do
				resolver:query(("t%d.silent.example"):format(i), "A", function () ended = ended + 1; end, { attempts = 4, timeout = 0.02 });
			end
			while ended < 30 do resolver:wait(60); end
			print(resolver:stats().contexts);
		]]));
	end);
end);
