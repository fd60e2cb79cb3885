-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- What a real Prosody knows over a restart (20.2).

local certificates = require "spec.support.certificates";
local keep_answers = require "xmppdns.prosody.keep_answers";
local misdns = require "spec.support.misdns";
local process = require "spec.support.process";
local prosody = require "spec.support.prosody";
local zones = require "spec.support.zones";

local FILE = "/xmppdns-answers";
local REMOTE = "remote.example";

describe("keep_answers", function ()
	it("is a file in Prosody's data directory, unless it is false", function ()
		local given = { forward = "127.0.0.1" };
		assert.same({ forward = "127.0.0.1", cache_file = "/data/xmppdns-answers" }, keep_answers.place(given, "/data"));
		assert.same({ forward = "127.0.0.1" }, given);
		assert.same({ cache_file = "/data/xmppdns-answers" }, keep_answers.place({ keep_answers = true }, "/data"));
		assert.same({ cache_file = "/a/path" }, keep_answers.place({ cache_file = "/a/path" }, "/data"));
		assert.same({}, keep_answers.place({ keep_answers = false, cache_file = "/a/path" }, "/data"));
	end);

	it("is refused where it is neither true nor false", function ()
		assert.same({ nil, "keep_answers = \"yes\": expected true or false" }, { keep_answers.place({ keep_answers = "yes" }, "/data") });
		assert.same({ nil, "keep_answers = 1: expected true or false" }, { keep_answers.place({ keep_answers = 1 }, "/data") });
	end);

	it("is nothing for other processes", function ()
		assert.same({ timeout = 3 }, keep_answers.without({ timeout = 3, keep_answers = true, cache_file = "/a/path" }));
	end);

	describe("20.2: a restart of Prosody", function ()
		local dns, server, authority, number = nil, nil, nil, 0;

		setup(function ()
			authority = certificates.new_authority();
			dns = zones.serve({ [REMOTE] = { records = table.concat({
				"_xmpp-server._tcp SRV 0 0 1 xmpp", "xmpp A 127.9.8.7", "_1._tcp.xmpp TLSA 3 1 1 " .. ("ab"):rep(32);
			}, "\n") } });
			server = misdns.start({ upstream = dns.forward });
		end);
		teardown(function ()
			server:stop();
			dns:stop();
		end);
		before_each(function () number = number + 1; end);

		local function start(extra)
			return prosody.start({
				name = "keep-" .. number, authority = authority, modules = { "xmppdns" }, hosts = { ["one.test"] = "one.test" };
				config = ("xmppdns = { forward = %q, trustfile = %q, resolvconf = false, timeout = 60, plan_timeout = 60%s }"):format(server.forward, dns.anchors,
					extra or "");
			});
		end

		local function file_of(prosody_server)
			return prosody_server.directory .. "/data" .. FILE;
		end

		-- Sends a stanza to the domain, whose server nobody listens for: it comes back once all of the plan was known.
		local function connect(prosody_server)
			local _, text = pcall(prosody_server.shell, prosody_server, ("xmpp:ping(\"one.test\", %q, 60)"):format(REMOTE));
			assert.is_not_nil(text:lower():find("connection refused", 1, true), text);
		end

		-- What was asked but for the root's keys, with which the health check tries the servers a second after the start.
		local function list_asked()
			local asked = {};
			for _, query in ipairs(server:log()) do
				if query.name ~= "." then asked[#asked + 1] = query.name .. " " .. query.type; end
			end
			return asked;
		end

		it("asks the server nothing of what was known, however it ended", function ()
			local prosody_server = start();
			finally(function () prosody_server:stop(); end);
			connect(prosody_server);
			assert.is_true(#list_asked() > 0);
			prosody_server:stop();
			assert.equal("600\n", process.run({ "stat", "-c", "%a", file_of(prosody_server) }));
			for _ = 1, 2 do
				server:clear_log();
				prosody_server = start();
				connect(prosody_server);
				assert.same({}, list_asked());
				prosody_server.process:signal("KILL");
				prosody_server:stop();
			end
			assert.is_nil(prosody_server:log():find("cache_file", 1, true));
		end);

		it("says so in one line where the file is damaged, and asks", function ()
			local prosody_server = start();
			finally(function () prosody_server:stop(); end);
			connect(prosody_server);
			prosody_server:stop();
			local path = file_of(prosody_server);
			process.write(path, process.read(path):sub(1, 200));
			server:clear_log();
			os.remove(prosody_server.log_file);
			prosody_server = start();
			connect(prosody_server);
			assert.is_true(#list_asked() > 0);
			local _, lines = prosody_server:log():gsub("cache_file = \"[^\n]* is damaged: its checksum is another one, and is ignored", "");
			assert.equal(1, lines);
		end);

		it("asks for all where keep_answers is false", function ()
			local prosody_server = start(", keep_answers = false");
			finally(function () prosody_server:stop(); end);
			connect(prosody_server);
			prosody_server:stop();
			assert.is_nil(process.read(file_of(prosody_server)));
			server:clear_log();
			prosody_server = start(", keep_answers = false");
			connect(prosody_server);
			assert.is_true(#list_asked() > 0);
		end);
	end);
end);
