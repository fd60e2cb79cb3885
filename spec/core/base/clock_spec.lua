-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- Clocks: a machine that sleeps, and a wall clock that is set. In processes of their own, whose clocks are not the machine's.

local child = require "spec.support.child";
local misdns = require "spec.support.misdns";
local zones = require "spec.support.zones";

local YEAR = 365 * 86400;

describe("clock: 15.7,", function ()
	local dns, server;

	setup(function ()
		dns = zones.serve({ ["clock.example"] = { records = "@ A 127.9.8.7\nother A 127.9.8.6" } });
		server = misdns.start({ upstream = dns.forward });
		for i = 1, 20 do server:records(("c%d.plain.example"):format(i), "A", { "192.0.2.1" }, 300); end
	end);
	teardown(function ()
		server:stop();
		dns:stop();
	end);

	local function run(body)
		return child.run(([[
			local testclock = require "xmppdns.testclock";
			local core = require "xmppdns.core";
			local new = require "xmppdns.resolver".new;
			local YEAR, anchors = %d, %q;
			local plain = { forward = %q, dnssec = "off", resolvconf = false, hoststxt = false, timeout = 60 };
			local signed = { forward = plain.forward, trustfile = anchors, resolvconf = false, hoststxt = false, timeout = 60 };
			local resolver;
			local function open(settings)
				resolver = assert(new(settings));
				resolver.on_error = error;
			end
			local function ask(name, options)
				local calls, answer, err = 0, nil, nil;
				resolver:query(name, "A", function (...)
					calls = calls + 1;
					answer, err = ...;
				end, options);
				while calls == 0 do assert(resolver:wait(60)); end
				return answer, err;
			end
			%s
		]]):format(YEAR, dns.anchors, server.forward, body), "xmppdns.testclock");
	end

	it("TTLs, memories of failure and deadlines go on while the machine sleeps", function ()
		server:rule({ name = "silent.plain.example", fault = "silence" });
		server:rule({ name = "broken.plain.example", fault = "servfail" });
		assert.equal("300 nil\nservfail nil\ntimeout\n", run([[
			open(plain);
			local ttl = ask("c1.plain.example").ttl;
			testclock.sleep(301);
			print(ttl, resolver:peek("c1.plain.example", "A"));
			ask("broken.plain.example");
			local _, err = resolver:peek("broken.plain.example", "A");
			testclock.sleep(6);
			print(err.code, (select(2, resolver:peek("broken.plain.example", "A"))));
			local code;
			resolver:query("silent.plain.example", "A", function (_, failure) code = failure.code; end, { timeout = 200, attempts = 1 });
			resolver:process();
			testclock.sleep(201);
			resolver:process();
			print(code);
		]]):gsub("\t", " "));
	end);

	it("the machine's sleep is no step of the wall clock", function ()
		assert.equal("1\n", run([[
			open(plain);
			ask("c2.plain.example");
			testclock.sleep(YEAR);
			ask("c2.plain.example");
			print(resolver:stats().generation);
		]]));
	end);

	for _, step in ipairs({ 2, -2, 3 * 3600, -3 * 3600, 10 * YEAR, -10 * YEAR }) do
		it(("a wall clock that is set by %d s: nothing of before is known, and no TTL grows"):format(step), function ()
			server:clear_log();
			assert.equal("new generation, new trust, TTL 300, nothing else\n", run(([[
				open(plain);
				ask("c3.plain.example");
				local before = resolver:trust_epoch();
				testclock.set(%d);
				resolver.core:flush("c3.plain.example"); -- what libunbound knows stays
				local notices = {};
				function resolver.on_notice(text) notices[#notices + 1] = text; end
				local answer = ask("c3.plain.example");
				assert(#notices == 1 and notices[1]:find("clock was set by [+-]%%d+ s"), notices[1]);
				io.write(resolver:stats().generation == 2 and "new generation, " or "", resolver:trust_epoch() ~= before and "new trust, " or "");
				io.write("TTL ", answer.ttl, ", ");
				for _ = 1, 5 do ask("c3.plain.example"); end
				print(resolver:stats().generation == 2 and "nothing else" or "and more");
			]]):format(step)));
			assert.equal(2, server:tally("c3.plain.example").udp);
		end);
	end

	for name, look in pairs({
		["asking again"] = [[print(ask("c4.plain.example").from_cache == true)]];
		["looking into the cache"] = [[print(resolver:peek("c4.plain.example", "A") ~= nil)]];
		["comparing trust epochs"] = [[print(resolver:trust_epoch() == before)]];
	}) do
		it("what is known when the wall clock is set is not believed any more, whatever comes first: " .. name, function ()
			assert.equal("false\n", run(([[
				open(plain);
				ask("c4.plain.example");
				local before = resolver:trust_epoch();
				testclock.set(-YEAR);
				%s
			]]):format(look)));
		end);
	end

	it("a question that is out when the wall clock is set is asked anew: no TTL is counted by two clocks", function ()
		server:rule({ name = "slow.plain.example", fault = "silence", times = 1 });
		server:records("slow.plain.example", "A", { "192.0.2.1" }, 300);
		assert.equal("TTL 300, 2 generations, 1 call\n", run([[
			open(plain);
			local calls, answer = 0, nil;
			resolver:query("slow.plain.example", "A", function (given) calls, answer = calls + 1, given; end);
			resolver:process();
			testclock.set(-YEAR);
			while calls == 0 do resolver:wait(60); end
			resolver:wait(0);
			print(("TTL %d, %d generations, %d call"):format(answer.ttl, resolver:stats().generation, calls));
		]]));
	end);

	it("what the right time proved, another does not, and the other way round", function ()
		assert.equal("secure bogus secure\n", run([[
			open(signed);
			local words = {};
			for _, step in ipairs({ 0, 10 * YEAR, -10 * YEAR }) do
				testclock.set(step);
				resolver:process();
				local answer, err = ask("clock.example");
				words[#words + 1] = err and err.code or answer.secure and "secure" or "insecure";
			end
			print(table.concat(words, " "));
		]]));
	end);
end);
