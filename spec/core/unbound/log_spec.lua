-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- libunbound's own log: never on stderr, and there for whoever wants it. In a process of its own, whose stderr is seen.

local child = require "spec.support.child";
local misdns = require "spec.support.misdns";
local process = require "spec.support.process";

describe("log: libunbound's lines", function ()
	local server;
	setup(function () server = misdns.start(); end);
	teardown(function () server:stop(); end);

	-- What the code prints to stdout and stderr, with a talkative resolver that has answered a question.
	local function run(code)
		return child.run(([[
			local resolver = assert(require "xmppdns.resolver".new({ forward = %q, dnssec = "off", options = { verbosity = 4 } }));
			local lines = {};
			%s
			local done;
			resolver:query("a.log.example", "A", function () done = true; end);
			while not done do resolver:wait(1); end
			resolver:wait(0.1);
			print(#lines > 10, #lines > 0 and lines[1]:match("libunbound") or nil);
		]]):format(server.forward, code));
	end

	it("go to on_log, one at a time, and none of them to stderr", function ()
		assert.same("true\tlibunbound\n", run("function resolver.on_log(line) assert(not line:find(\"\\n\")); lines[#lines + 1] = line; end"));
	end);

	it("go nowhere where nobody wants them", function ()
		assert.same("false\tnil\n", run(""));
	end);

	it("that nobody takes are kept only as far as they are the last 199", function ()
		assert.same("true\nfalse\tnil\n", run([[
			local core, wanted = require "xmppdns.core", 0;
			for i = 1, 20 do
				local ended;
				resolver:query(i .. ".log.example", "A", function () ended = true; end);
				while not ended do resolver:wait(1); end
			end
			for _ in core.log_line do wanted = wanted + 1; end
			print(wanted > 150 and wanted <= 199);
		]]));
	end);

	it("go to the operator's own file, and nowhere else, also once other contexts have ended", function ()
		local path = process.directory("log") .. "/own.log";
		process.write(path, "before\n");
		assert.same("answered\nfalse\n", child.run(([[
			local core, new = require "xmppdns.core", require "xmppdns.resolver".new;
			local settings = { forward = %q, dnssec = "off", options = { verbosity = 4, logfile = %q } };
			local resolver = assert(new(settings));
			assert(new(settings)):close();
			local ended;
			resolver:query("own.log.example", "A", function () ended = true; end);
			while not ended do resolver:wait(1); end
			resolver:wait(0.1);
			print("answered");
			print((core.log_line() ~= nil));
		]]):format(server.forward, path)));
		local text = process.read(path);
		assert.matches("^before\n%[%d+%] libunbound%[", text);
		assert.matches("own.log.example", text, 1, true);
	end);

	it("stay with us, with the reason, where the operator's own file cannot be opened", function ()
		assert.same("logfile /nonexistent/log: No such file or directory\n", child.run(([[
			local core = require "xmppdns.core";
			local resolver = assert(require "xmppdns.resolver".new({ forward = %q, dnssec = "off", options = { logfile = "/nonexistent/log" } }));
			print(core.log_line());
		]]):format(server.forward)));
	end);

	-- Resetting a connection in the middle of an answer makes libunbound log an error now and then: often enough in some seconds.
	it("reach stderr not even while other resolvers are made and ended", function ()
		server:rule({ fault = "reset" });
		assert.same("asked\n", child.run(([[
			local core, new = require "xmppdns.core", require "xmppdns.resolver".new;
			local function settings(options) return { forward = %q, dnssec = "off", timeout = 0.2, attempts = 1, options = options }; end
			local talking = assert(new(settings({ ["tcp-upstream"] = "yes" })));
			local asked, started = 0, core.now();
			while core.now() - started < 4 or asked <= 100 do
				while talking:stats().in_flight < 30 do
					asked = asked + 1;
					talking:query(asked .. ".log.example", "A", function () end);
				end
				talking:process();
				assert(new(settings())):close();
			end
			print("asked");
		]]):format(server.forward)));
		server:clear();
	end);
end);
