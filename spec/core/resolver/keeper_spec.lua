-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- What is known over a restart (20.2): the file of the setting cache_file, whole and damaged, and whom it makes us believe.

local child = require "spec.support.child";
local core = require "xmppdns.core";
local misdns = require "spec.support.misdns";
local new = require "xmppdns.resolver".new;
local process = require "spec.support.process";
local testprocess = require "xmppdns.testprocess";
local zones = require "spec.support.zones";

local LUA = arg and arg[-1] or "lua5.4";
local VERSION_AT, BOOT_AT, BOOT_SIZE, SUM_SIZE = 17, 66, 36, 32; -- in the file

local QUESTIONS = {
	{ "secure.example", "A" }, { "_xmpp-server._tcp.secure.example", "SRV" }, { "_5269._tcp.secure.example", "TLSA" },
	{ "alias.secure.example", "A" }, { "nothing.secure.example", "A" }, { "secure.example", "AAAA" }, { "raw.secure.example", "TYPE65280" },
	{ "plain.example", "A" }, { "plain.example", "AAAA" }, { "empty.secure.example", "TYPE65281" },
};

describe("keeper: 20.2,", function ()
	local dns, server, path, notices;

	setup(function ()
		dns = zones.serve({
			["secure.example"] = { records = table.concat({
				"@ A 127.9.8.7", "_xmpp-server._tcp SRV 5 0 5269 @", "_5269._tcp TLSA 3 1 1 " .. ("ab"):rep(32), "alias CNAME @";
				"raw TYPE65280 \\# 3 010203", "empty TYPE65281 \\# 0";
			}, "\n"), ttl = 3600 };
			["plain.example"] = { records = "@ A 127.9.8.6\nshort 0 A 127.9.8.5", signed = false, ttl = 3600 };
			["bogus.example"] = { records = "@ A 127.9.8.7", fault = "signature" };
		});
		server = misdns.start({ upstream = dns.forward });
		server:rule({ name = "broken.plain.example", fault = "servfail" });
	end);
	teardown(function ()
		server:stop();
		dns:stop();
	end);
	before_each(function ()
		path = process.directory("keeper") .. "/kept";
		process.run({ "rm", "-rf", path, path .. ".new" });
		notices = {};
	end);

	local function open(extra)
		local settings = dns:settings({ forward = server.forward, cache_file = path, timeout = 60 });
		for key, value in pairs(extra or {}) do settings[key] = value; end
		local resolver = assert(new(settings));
		resolver.on_error = error;
		function resolver.on_notice(text) notices[#notices + 1] = text; end
		return resolver;
	end

	-- A line for each answer: all that it says, but for the seconds left.
	local function ask(resolver, questions)
		local ended, lines = 0, {};
		for i, question in ipairs(questions) do
			resolver:query(question[1], question[2], function (answer, err)
				ended = ended + 1;
				lines[i] = answer and ("%s %s %s %s %s"):format(tostring(answer), tostring(answer.secure), tostring(answer.nxdomain), answer.rcode,
					tostring(answer.canonname)):gsub("from cache", "") or err.code;
			end);
		end
		while ended < #questions do assert.is_true(resolver:wait(60)); end
		return lines;
	end

	-- What a process would leave behind that was told all this.
	local function write_file(questions, extra)
		local resolver = open(extra);
		local lines = ask(resolver, questions or QUESTIONS);
		resolver:close();
		server:clear_log();
		return lines, process.read(path);
	end

	-- Whether the next process knows what was known, and what it says: "known", "" or "asked", notice.
	local function restart(extra)
		local resolver = open(extra);
		ask(resolver, { QUESTIONS[1] });
		local said = table.concat(notices, "\n"):gsub("^cache_file = \"[^\"]*\": ", "");
		local learnt = resolver:stats().learnt;
		resolver:close();
		return { learnt > 0 and "known" or "asked", said };
	end

	local function checksummed(text)
		return text .. core.sha256(text);
	end

	local function edit(text, at, bytes)
		text = text:sub(1, at - 1) .. bytes .. text:sub(at + #bytes, -SUM_SIZE - 1);
		return checksummed(text);
	end

	it("all answers are what they were, and nobody is asked", function ()
		local before = write_file();
		local resolver = open();
		assert.same(before, ask(resolver, QUESTIONS));
		assert.same({ 0, #QUESTIONS, {} }, { #server:log(), resolver:stats().learnt, notices });
		for _, question in ipairs(QUESTIONS) do assert.is_true(resolver:peek(question[1], question[2]).ttl <= 3600); end
		resolver:close();
		assert.same("600 1", (process.run({ "stat", "-c", "%a %h", path }):gsub("\n", "")));
		assert.is_nil(process.read(path .. ".new"));
	end);

	it("failures, verdicts of bogus, answers of TTL 0, and keys, which libunbound has to know by itself, are asked anew", function ()
		local questions = {
			{ "bogus.example", "A" }, { "broken.plain.example", "A" }, { "short.plain.example", "A" }, { "secure.example", "DNSKEY" }, { "secure.example", "DS" };
		};
		local before = write_file(questions);
		assert.same({ "bogus", "servfail" }, { before[1], before[2] });
		local resolver = open();
		assert.same(0, resolver:stats().learnt);
		ask(resolver, questions);
		for _, question in ipairs(questions) do assert.is_true(server:tally(question[1]).udp > 0); end
		resolver:close();
	end);

	it("who asks before the file is read waits for it, however many there are", function ()
		local questions = {};
		for i = 1, 300 do questions[i] = { ("n%d.secure.example"):format(i), "A" }; end
		write_file(questions);
		local resolver = open();
		ask(resolver, questions);
		assert.same({ 300, 0 }, { resolver:stats().learnt, #server:log() });
		assert.same({ 300, 0, 0 }, { resolver:stats().outcomes.answered, resolver:stats().waiting, resolver:stats().in_flight });
		ask(resolver, { { "other.secure.example", "A" } }); -- what it does not know is asked
		resolver:close();
	end);

	it("is written again without what was flushed", function ()
		write_file();
		local resolver = open();
		while resolver:stats().learnt < #QUESTIONS do resolver:wait(0.01); end
		assert(resolver:flush("secure.example"));
		resolver:close();
		server:clear_log();
		resolver = open();
		ask(resolver, QUESTIONS);
		assert.same({ #QUESTIONS - 2, true }, { resolver:stats().learnt, server:tally("secure.example").udp > 0 });
		resolver:close();
	end);

	it("nothing of it comes back when all is flushed before it was learnt", function ()
		write_file();
		local resolver = open();
		assert(resolver:flush());
		ask(resolver, { QUESTIONS[1] });
		assert.same({ 0, true }, { resolver:stats().learnt, server:tally("secure.example").udp > 0 });
		resolver:close();
	end);

	describe("a file", function ()
		local whole;
		local DAMAGED, CUT = "is damaged: its checksum is another one, and is ignored", "is cut off, and is ignored";

		before_each(function () whole = select(2, write_file()); end);

		local function restart_with(text)
			process.write(path, text);
			return restart();
		end

		it("that is cut off anywhere is ignored with one line", function ()
			for size = 0, #whole - 1, 100 do
				local result = restart_with(whole:sub(1, size));
				assert.same({ "asked", true }, { result[1], result[2] == CUT or result[2] == DAMAGED });
				notices = {};
			end
			assert.same({ "asked", DAMAGED }, restart_with(whole:sub(1, -2)));
		end);

		it("of which a byte was altered is ignored with one line", function ()
			for at = 1, #whole, 60 do
				local byte = string.char((whole:byte(at) + 1) % 256);
				local result = restart_with(whole:sub(1, at - 1) .. byte .. whole:sub(at + 1));
				assert.same("asked", result[1]);
				assert.same(1, #notices);
				notices = {};
			end
		end);

		it("of another version, or none of ours, is ignored with one line", function ()
			assert.same({ "asked", "is another version's, and is ignored" }, restart_with(edit(whole, VERSION_AT, "\2")));
			notices = {};
			assert.same({ "asked", "is not such a file, and is ignored" }, restart_with(("x"):rep(1000)));
		end);

		it("with a right checksum and wrong answers is ignored with one line", function ()
			local head = whole:sub(1, BOOT_AT + BOOT_SIZE - 1);
			for _, answer in ipairs({
				"\0\0\0\1\0\1\0\0\0\0\1\0\1a\0\0\0\1\0\3abc", -- an address of 3 bytes
				"\0\0\0\1\0\1\0\0\0\0\1\0\1A\0\0\0\0", -- a name that is not canonical
				"\0\0\0\1\0\1\0\0\0\0\1\0\1a\0\1B\0\0", -- likewise
				"\0\0\0\0\0\1\0\0\0\0\1\0\1a\0\0\0\0", -- nothing left
				"\0\0\0\1\0\0\0\0\0\0\1\0\1a\0\0\0\0", "\0\0\0\1\0\255\0\0\0\0\1\0\1a\0\0\0\0", -- no types of records
				"\0\0\0\1\0\1\4\0\0\0\1\0\1a\0\0\0\0", -- an unknown flag
				"\0\0\0\1\0\1\2\0\0\0\1\0\1a\0\0\0\1\0\4abcd", -- NXDOMAIN with data
				"\0\0\0\1\0\1\0\0\0\0\1\0\1a\0\0\0", "\0\0\0\1\0\1\0\0\0\0\1\0\9a", "x", -- cut off
			}) do
				assert.same({ "asked", "is damaged: there are no answers in it, and is ignored" }, restart_with(checksummed(head .. answer)));
				notices = {};
			end
			assert.same({ "known", "" }, restart_with(checksummed(head .. "\0\0\255\0\0\1\0\0\0\0\1\0\1a\0\0\0\1\0\4abcd")));
		end);

		it("that others own, or may write, is ignored with one line", function ()
			local FOREIGN = "is not this user's alone, and is ignored";
			for _, command in ipairs({ { "chown", "65534", path }, { "chmod", "620", path }, { "chmod", "602", path } }) do
				write_file();
				process.run(command);
				assert.same({ "asked", FOREIGN }, restart());
				assert.same({ "asked", "600 0" }, { "asked", (process.run({ "stat", "-c", "%a %u", path }):gsub("\n", "")) }); -- it was replaced
				notices = {};
			end
			process.run({ "chmod", "644", path });
			assert.same({ "known", "" }, restart());
		end);

		it("that is none, or a link, is ignored with one line", function ()
			for _, case in ipairs({
				{ "rm $1; mkdir $1", "Is a directory, and is ignored" }, { "rm -r $1; mkfifo $1", "Invalid argument, and is ignored" };
				{ "rm $1; touch $1.real; ln -s $1.real $1", "Too many levels of symbolic links, and is ignored" };
			}) do
				process.run({ "sh", "-c", case[1], "sh", path });
				assert.same({ "asked", case[2] }, restart());
				notices = {};
				process.run({ "rm", "-rf", path });
				write_file();
			end
		end);

		it("that is larger than the cache may be is ignored with one line", function ()
			assert.same({ "asked", "File too large, and is ignored" }, (function ()
				process.write(path, whole .. ("x"):rep(10000));
				return restart({ cache_size = 5000 });
			end)());
		end);

		local other = { "anchors", "dnssec", "a stub", "insecure zones", "an option", "hosts" };
		for _, change in ipairs(other) do
			it("from other settings is ignored with one line: " .. change, function ()
				local hosts = process.write(process.directory() .. "/keeper.hosts", "192.0.2.1 other.example\n");
				local anchors = process.write(process.directory() .. "/keeper.anchors",
					process.read(dns.anchors) .. ". IN DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D\n");
				local extra = ({
					["anchors"] = { trustfile = anchors }, ["dnssec"] = { dnssec = "off" }, ["a stub"] = { stub = { ["other.example"] = server.forward } };
					["insecure zones"] = { insecure = "other.example" };
					["an option"] = { options = { ["do-not-query-localhost:"] = "no" } }, ["hosts"] = { hoststxt = hosts };
					})[change];
				assert.same({ "asked", "comes from other settings, trust anchors or another libunbound, and is ignored" }, restart(extra));
			end);
		end

		it("from settings that mean the same is believed: other servers, limits, DANE", function ()
			assert.same({ "known", "" }, restart({ forward = "127.0.0.1@1", timeout = 3, dane = "required", max_lookups = 7 }));
		end);

		it("gives nothing that lives longer than max_ttl has it", function ()
			local resolver = open({ max_ttl = 20 });
			ask(resolver, { QUESTIONS[1] });
			assert.same({ true, 0 }, { resolver:peek("secure.example", "A").ttl <= 20, #server:log() });
			resolver:close();
		end);

		it("gives nothing once something else is believed than when it was begun to be read", function ()
			local resolver = open();
			assert(resolver:reconfigure(dns:settings({ forward = server.forward, cache_file = path, timeout = 60,
				insecure = "secure.example" })));
			assert.is_not_nil(ask(resolver, { QUESTIONS[1] })[1]:find("false"));
			assert.same(0, resolver:stats().learnt);
			resolver:close();
		end);

		it("is written with what was asked beside it, and at once where that is wanted", function ()
			local resolver, beside = open(), { { "one.plain.example", "A" } };
			ask(resolver, beside);
			assert.is_true(resolver:save());
			resolver:close();
			server:clear_log();
			resolver = open();
			ask(resolver, QUESTIONS);
			ask(resolver, beside);
			assert.same({ 0, #QUESTIONS + 1 }, { #server:log(), resolver:stats().learnt });
			resolver:close();
		end);

		it("stays as it was where nothing was learnt beside it", function ()
			local before = process.run({ "stat", "-c", "%i %Y", path });
			local resolver = open();
			ask(resolver, QUESTIONS);
			resolver:close();
			assert.same(before, process.run({ "stat", "-c", "%i %Y", path }));
		end);
	end);

	-- In a process of its own, with clocks of its own, which are that much ahead.
	local function restart_later(clock, more)
		return (child.run(([[
			local testclock = require "xmppdns.testclock";
			local new = require "xmppdns.resolver".new;
			%s
			local resolver = assert(new({ forward = %q, trustfile = %q, resolvconf = false, hoststxt = false, timeout = 60, cache_file = %q }));
			function resolver.on_notice(text) print((text:gsub("^.-: ", "", 1))); end
			local function ask(name)
				local calls, found = 0, nil;
				resolver:query(name, "A", function (answer) calls, found = calls + 1, answer; end);
				while calls == 0 do resolver:wait(0.01); end -- the kernel's timers know nothing of our clocks
				return found;
			end
			print(ask("plain.example").ttl, resolver:stats().learnt);
			%s
		]]):format(clock, server.forward, dns.anchors, path, more or ""), "xmppdns.testclock"):gsub("\t", " "));
	end

	it("TTLs are counted over the time between two processes", function ()
		write_file({ { "plain.example", "A" } });
		local ttl = tonumber(restart_later("testclock.sleep(100);"):match("^(%d+) 1\n$"));
		assert.is_true(ttl <= 3500 and ttl > 3000, tostring(ttl));
		assert.equal("3600 0\n", restart_later("testclock.sleep(3601);"));
	end);

	it("what comes from the future, or from before the clock was set, is ignored with one line", function ()
		write_file({ { "plain.example", "A" } });
		assert.equal("comes from the future: the clock was set back, and is ignored\n3600 0\n", restart_later("testclock.set(-1000);"));
		write_file({ { "plain.example", "A" } });
		assert.equal("comes from before the clock was set, and is ignored\n3600 0\n", restart_later("testclock.set(100);"));
	end);

	it("after another start of the machine the wall clock alone counts", function ()
		local _, text = write_file({ { "plain.example", "A" } });
		process.write(path, edit(text, BOOT_AT, ("0"):rep(BOOT_SIZE)));
		local ttl = tonumber(restart_later("testclock.set(100);"):match("^(%d+) 1\n$"));
		assert.is_true(ttl <= 3500 and ttl > 3000, tostring(ttl));
	end);

	it("it is written every ten minutes, where something has changed, and a second after a flush", function ()
		local WRITTEN = [[
			local function is_written()
				local file = io.open(%q);
				if file then file:close(); os.remove(%q); end
				return file ~= nil;
			end
			local function wait_until_written()
				for _ = 1, 3000 do
					if is_written() then return "written"; end
					resolver:wait(0.01);
				end
				return "not written";
			end
			print(is_written());
			testclock.sleep(590);
			for _ = 1, 20 do resolver:wait(0.01); end
			print(is_written());
			testclock.sleep(20);
			print(wait_until_written());
			testclock.sleep(1000);
			for _ = 1, 20 do resolver:wait(0.01); end
			print(is_written());
			resolver:flush();
			testclock.sleep(2);
			print(wait_until_written());
		]];
		assert.equal("3600 0\nfalse\nfalse\nwritten\nfalse\nwritten\n", restart_later("", WRITTEN:format(path, path)));
	end);

	-- Learns something new and writes it, for ever.
	local WRITER = [[
		local new = require "xmppdns.resolver".new;
		local resolver = assert(new({ forward = arg[1], trustfile = arg[2], resolvconf = false, hoststxt = false, timeout = 60, cache_file = arg[3] }));
		for i = 1, 1e9 do
			local done;
			resolver:query(("w%d.secure.example"):format(i), "A", function () done = true; end);
			while not done do resolver:wait(60); end
			local saved, err = resolver:save();
			assert(saved or err.text:find("Resource temporarily unavailable", 1, true), err);
			if i == 1 then io.stdout:write("ready\n"); io.stdout:flush(); end
		end
	]];

	local function start_writer()
		local program = process.write(process.directory("keeper") .. "/writer.lua", WRITER);
		local writer = process.start({ LUA, program, server.forward, dns.anchors, path }, { cwd = process.run({ "pwd" }):gsub("\n", "");
			env = { LUA_CPATH = package.cpath, LUA_PATH = "./lua/?.lua;./?.lua;;" } });
		assert(process.wait_until(function () return writer:output() ~= ""; end));
		assert.equal("ready\n", writer:output());
		return writer;
	end

	it("two processes that write it, and are killed, leave a whole one", function ()
		local one, other = start_writer(), start_writer();
		local seen, texts = 0, {};
		process.wait_until(function ()
			local text = process.read(path);
			seen = seen + (texts[text] and 0 or 1);
			texts[text] = true;
			assert.equal(core.sha256(text:sub(1, -SUM_SIZE - 1)), text:sub(-SUM_SIZE));
			return seen > 20;
		end);
		one:signal("KILL");
		other:signal("KILL");
		process.wait_until(function () return not one:alive() and not other:alive(); end);
		local resolver = open();
		ask(resolver, { { "w1.secure.example", "A" } });
		assert.same({ true, {} }, { resolver:stats().learnt > 0, notices });
		resolver:close();
	end);

	it("a full disk costs a line, the file from before stays, and the next writing succeeds", function ()
		local program = process.write(process.directory("keeper") .. "/full.lua", [[
			local testclock = require "xmppdns.testclock";
			local new = require "xmppdns.resolver".new;
			local path = arg[3] .. "/kept";
			local resolver = assert(new({ forward = arg[1], trustfile = arg[2], resolvconf = false, hoststxt = false, timeout = 60, cache_file = path }));
			function resolver.on_notice(text) print((text:gsub("^.-: ", "", 1))); end
			local function learn(count)
				local ended = 0;
				for i = 1, count do
					resolver:query(("f%d-%d.secure.example"):format(count, i), "A", function () ended = ended + 1; end);
				end
				while ended < count do resolver:wait(60); end
			end
			local function size()
				local file = io.open(path);
				local found = file:seek("end");
				file:close();
				return found;
			end
			learn(1);
			print(resolver:save());
			local before = size();
			learn(1500);
			local _, err = resolver:save();
			print(err.code, (err.text:gsub("^.-: ", "")));
			for _ = 1, 2 do -- and in the background
				testclock.sleep(601);
				for _ = 1, 100 do resolver:wait(0.01); end
			end
			print(size() == before);
			os.remove(arg[3] .. "/ballast");
			print(resolver:save(), size() > before);
			os.exit(0, false);
		]]);
		local mount = process.directory("keeper-mount");
		local output = process.run_with_own_mounts(
			("mount -t tmpfs -o size=200k none %s\nhead -c 150000 /dev/zero >%s/ballast\n%s %s %s %s %s %s"):format(
				mount, mount, child.preload("xmppdns.testclock"), LUA, program, server.forward, dns.anchors, mount),
			{ env = { LUA_CPATH = package.cpath, LUA_PATH = "./lua/?.lua;./?.lua;;" } });
		assert.equal("true\nsystem\tNo space left on device\n"
			.. "cannot be written, so what is known ends with this process: No space left on device\ntrue\ntrue\ttrue\n", output);
	end);

	it("the child of a fork goes on without the file, and its parent with it", function ()
		write_file();
		local resolver = open();
		local wait_for_child = testprocess.fork(function ()
			local found;
			resolver:query("secure.example", "A", function (answer) found = answer; end);
			while not found do
				if not resolver:wait(60) then return false; end
			end
			return found.secure and resolver:stats().learnt == 0;
		end);
		ask(resolver, QUESTIONS);
		assert.same({ 0, #QUESTIONS }, { wait_for_child(), resolver:stats().learnt });
		resolver:close();
	end);

	it("where its folder is not there, all goes on, with a line", function ()
		path = process.directory("keeper") .. "/gone/kept";
		local resolver = open();
		ask(resolver, { QUESTIONS[1] });
		local saved, err = resolver:save();
		assert.same({ nil, "config", ("cache_file = \"%s\": No such file or directory"):format(path) }, { saved, err.code, err.text });
		resolver:close();
	end);

	it("other settings have another file from then on, or none", function ()
		local resolver = open();
		ask(resolver, { QUESTIONS[1] });
		local function settings(file) return dns:settings({ forward = server.forward, timeout = 60, cache_file = file }); end
		assert(resolver:reconfigure(settings(path .. ".other")));
		assert.equal(path .. ".other", resolver:settings().cache_file);
		assert.is_true(resolver:save());
		assert.is_nil(process.read(path));
		assert.is_not_nil(process.read(path .. ".other"));
		os.remove(path .. ".other");
		assert(resolver:reconfigure(settings(nil)));
		resolver:close();
		assert.same({ nil, nil }, { process.read(path), process.read(path .. ".other") });
	end);
end);
