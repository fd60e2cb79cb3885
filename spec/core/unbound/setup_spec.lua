-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
local contexts = require "xmppdns.testcontext";
local misdns = require "spec.support.misdns";
local process = require "spec.support.process";

describe("setup:", function ()
	local server;
	setup(function () server = misdns.start({}); end);
	teardown(function () server:stop(); end);

	describe("an anchor that libunbound would ignore", function ()
		-- Of an algorithm that it does not have: everything below would be unsigned.
		local IGNORED = ". IN DS 20326 200 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D";

		local function try(options)
			return select(2, contexts.try({ forward = server.forward, trusted = { IGNORED }, options = options }));
		end

		it("is refused", function ()
			assert.matches("unusable trust anchor", try(), 1, true);
		end);

		it("is refused also where the operator has a log of their own (15.1)", function ()
			local path = process.directory("setup") .. "/log";
			assert.matches("unusable trust anchor", try({ logfile = path }), 1, true);
			assert.matches("unusable trust anchor", try({ ["use-syslog"] = "yes" }), 1, true);
			assert.matches("unusable trust anchor", try({ logfile = path, verbosity = "5" }), 1, true);
		end);

		it("stops a context as well", function ()
			local context = assert(contexts.new({ forward = server.forward, trusted = { IGNORED }, options = { logfile = "/dev/null" } }));
			local question = context:ask("a.example", "A");
			while context:answered(question) == 0 do context:process(60); end
			assert.equal("system", context:answer(question).outcome);
			assert.matches("unusable trust anchor", context:answer(question).reason, 1, true);
			context:delete();
		end);
	end);

	it("does not wait for a context with a long hosts file (15.10)", function ()
		local lines = {};
		for i = 1, 300000 do lines[i] = ("127.9.8.7 host%d.example"):format(i); end
		local hosts = process.write(process.directory("setup") .. "/hosts", table.concat(lines, "\n") .. "\n");
		local context = assert(contexts.new({ forward = server.forward, dnssec = "off", hoststxt = hosts }));
		local question = context:ask("host300000.example", "A");
		local tried = 0;
		while context:answered(question) == 0 do
			assert.is_true(contexts.try({ forward = server.forward, dnssec = "off" }));
			tried = tried + 1;
			context:process(0.01); -- else its thread might never get the lock
		end
		assert.equal("\127\9\8\7", context:answer(question)[1]);
		assert.is_true(tried >= 10, tried); -- while its second or so lasted
		context:delete();
	end);
end);
