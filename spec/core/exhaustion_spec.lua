-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- The system gives no descriptor or no thread: an error then, and lookups again as soon as it does. Each in a process of its own.

local child = require "spec.support.child";
local misdns = require "spec.support.misdns";

describe("xmppdns.core: with too few", function ()
	local server;

	setup(function ()
		server = misdns.start();
		for i = 0, 60 do server:records(("d%d.exhaustion.example"):format(i), "A", { "192.0.2.1" }); end
		server:records("first.exhaustion.example", "A", { "192.0.2.1" });
		server:records("last.exhaustion.example", "A", { "192.0.2.1" });
	end);

	teardown(function () server:stop(); end);

	local HEAD = [[
		local new = require "xmppdns.resolver".new;
		local testprocess = require "xmppdns.testprocess";
		local forward = %q;
		local settings = { forward = forward, resolvconf = false, hoststxt = false, dnssec = "off", timeout = 1, attempts = 2 };
		local function ask(resolver, name)
			local calls, code = 0, nil;
			resolver:query(name .. ".exhaustion.example", "A", function (answer, err)
				calls, code = calls + 1, err and err.code or #answer > 0 and "answered" or "empty";
			end);
			while calls == 0 and resolver:wait(10) do end
			resolver:wait(0);
			return calls == 1 and code or calls .. " calls";
		end
		local function count_descriptors()
			local listing = io.popen("ls /proc/$PPID/fd");
			local _, count = listing:read("*a"):gsub("\n", "");
			listing:close();
			return count - 1; -- the listing's own
		end
	]];

	local function run(body)
		return child.run(HEAD:format(server.forward) .. body);
	end

	it("15.11: descriptors to read a file: the error system, never another server, no hosts or other anchors", function ()
		assert.same("system only\nkept\n", run([[
			local function write(text)
				local path = os.tmpname();
				local file = io.open(path, "w");
				file:write(text);
				file:close();
				return path;
			end
			local ANCHOR = ". IN DS 1 13 2 " .. ("AB"):rep(32);
			local files = { resolvconf = write("nameserver 127.0.0.99\n"), hoststxt = write("192.0.2.9 host.example\n"), trustfile = write(ANCHOR .. "\n") };
			local function describe(resolver)
				local all = resolver:settings();
				return ("%s %s %s %s"):format(tostring(all.recursive), all.servers[1], all.hosts[1], table.concat(all.anchors, ","));
			end
			local expected = "false 127.0.0.99@53 host.example. IN A 192.0.2.9 " .. ANCHOR;
			local seen, free, resolver, err = {}, -1, nil, nil;
			repeat
				free = free + 1;
				testprocess.limit_descriptors(free);
				resolver, err = new(files);
				testprocess.limit_descriptors();
				if resolver then assert(describe(resolver) == expected, describe(resolver)); else seen[err.code] = true; end
			until resolver or free == 100;
			assert(seen.system and next(seen) == "system" and next(seen, "system") == nil, next(seen));
			print("system only");
			testprocess.limit_descriptors(0);
			resolver:reconfigure();
			testprocess.limit_descriptors();
			assert(describe(resolver) == expected, describe(resolver));
			for _, path in pairs(files) do os.remove(path); end
			print("kept");
		]]));
	end);

	it("15.11: descriptors to read the system's anchors: the error system, and not fewer anchors", function ()
		assert.same("nil\t/var/lib/unbound/root.key: Too many open files\nas before\n", run([[
			local upstream = require "xmppdns.testcontext";
			local settings = { upstream = "recursive" };
			local all = table.concat(upstream.read_upstream(settings).anchors, " ");
			testprocess.limit_descriptors(0);
			print(upstream.read_upstream(settings));
			testprocess.limit_descriptors();
			print(all == table.concat(upstream.read_upstream(settings).anchors, " ") and "as before");
		]]));
	end);

	it("descriptors to make a resolver: the error system, and a resolver once there are enough", function ()
		assert.same("system only\n", run([[
			local seen, open = {}, count_descriptors();
			local free = -1;
			repeat
				free = free + 1;
				testprocess.limit_descriptors(free);
				local resolver, err = new(settings);
				testprocess.limit_descriptors();
				seen[not resolver and (err.code == "system" and "system" or tostring(err)) or "made"] = true;
				if resolver then resolver:close(); end
			until resolver or free == 100;
			seen.made = nil;
			local deadline = os.time() + 60; -- a closed context's thread ends a little later
			while count_descriptors() ~= open do assert(os.time() < deadline, "descriptors stay open"); end
			for what in pairs(seen) do io.write(what, " only\n"); end
		]]));
	end);

	-- What lookups under the limit end with, of a resolver that had contexts before, or had none.
	local function lookups_with_few_descriptors(has_contexts)
		return run(([[
			local seen = {};
			for free = 0, 60 do
				local resolver = assert(new(settings));
				if %s then assert(ask(resolver, "first") == "answered"); end
				resolver:flush();
				testprocess.limit_descriptors(free);
				local code = ask(resolver, "d" .. free);
				resolver:reconfigure();
				local after = ask(resolver, "d" .. free);
				testprocess.limit_descriptors();
				seen[code], seen[after] = true, true;
				resolver:flush();
				local last = ask(resolver, "last");
				if last ~= "answered" then io.write(free, " free descriptors, and then enough: ", last, "\n"); end
				resolver:close();
			end
			local codes = {};
			for code in pairs(seen) do codes[#codes + 1] = code; end
			table.sort(codes);
			io.write(table.concat(codes, " "), "\n");
		]]):format(tostring(has_contexts)));
	end

	it("descriptors for a context: lookups end in the error system, and work once there are enough", function ()
		assert.same("answered system\n", lookups_with_few_descriptors(false));
	end);

	it("descriptors for a question: lookups end in an error, and work once there are enough", function ()
		assert.same("answered system\n", lookups_with_few_descriptors(true));
	end);

	it("descriptors for the child of a fork: lookups end in the error system, and work once there are enough", function ()
		assert.same("system answered\nin the parent answered\n", run([[
			local resolver = assert(new(settings));
			assert(ask(resolver, "first") == "answered");
			io.stdout:setvbuf("no");
			local wait_for_child = testprocess.fork(function ()
				testprocess.limit_descriptors(0);
				resolver:process();
				local few = ask(resolver, "d1");
				testprocess.limit_descriptors();
				io.write(few, " ", ask(resolver, "d2"), "\n");
				return true;
			end);
			assert(wait_for_child() == 0);
			io.write("in the parent ", ask(resolver, "d3"), "\n");
		]]));
	end);

	it("threads to make a resolver: the error system, and a resolver once there are enough", function ()
		assert.same("nil system answered", run([[
			testprocess.leave_root();
			testprocess.limit_threads(1);
			local none, err = new(settings);
			testprocess.limit_threads();
			local resolver = assert(new(settings));
			io.write(tostring(none), " ", err.code, " ", ask(resolver, "d1"));
			resolver:close();
		]]));
	end);

	it("threads for a context: lookups end in the error system, and work once there are enough", function ()
		assert.same("answered system answered", run([[
			testprocess.leave_root();
			local resolver = assert(new(settings));
			local first = ask(resolver, "d1");
			testprocess.limit_threads(1);
			resolver:reconfigure();
			local rebuilt = ask(resolver, "d2");
			testprocess.limit_threads();
			io.write(table.concat({ first, rebuilt, ask(resolver, "d2") }, " "));
			resolver:close();
		]]));
	end);
end);
