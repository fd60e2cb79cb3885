-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
local child = require "spec.support.child";
local contexts = require "xmppdns.testcontext";
local misdns = require "spec.support.misdns";
local zones = require "spec.support.zones";

describe("threads:", function ()
	local dns, server;

	setup(function ()
		dns = zones.serve({ ["secure.example"] = { records = "a A 127.9.8.7" } });
		server = misdns.start({});
	end);

	teardown(function ()
		server:stop();
		dns:stop();
	end);

	it("one of ours has the stack that libunbound needs, however small the C library's default is", function ()
		assert.same("answered\ttrue\n", child.run(([[
			local contexts = require "xmppdns.testcontext";
			contexts.stack_by_default(32 * 1024);
			local context = assert(contexts.new({ forward = %q, trustfile = %q, options = { verbosity = "5" } }));
			local question = context:ask("a.secure.example", "A");
			while context:answered(question) == 0 do context:process(1); end
			print(context:answer(question).outcome, context:answer(question).secure);
			context:delete();
		]]):format(dns:settings().forward, dns.anchors)));
	end);

	it("15.10: one that reads or writes files has it too", function ()
		assert.same("true\n", child.run([[
			local contexts = require "xmppdns.testcontext";
			contexts.stack_by_default(32 * 1024);
			print(contexts.stack_of_errand() >= 2 * 1024 * 1024);
		]]));
	end);

	it("a fork in the middle of libunbound's work leaves no lock behind, and neither side loses a lookup", function ()
		local settings = { forward = server.forward, dnssec = "off", options = { verbosity = "5" } };
		local context = assert(contexts.new(settings));
		local questions = {};
		for round = 1, 40 do
			for i = 1, 50 do
				table.insert(questions, context:ask(("host%d-%d.fork.example"):format(round, i), "A"));
			end
			assert.is_true(context:fork(settings, ("child%d.fork.example"):format(round)));
		end
		for _, question in ipairs(questions) do
			while context:answered(question) == 0 do
				assert.is_true(context:process(60));
			end
			assert.equal("answered", context:answer(question).outcome);
		end
		context:delete();
	end);
end);
