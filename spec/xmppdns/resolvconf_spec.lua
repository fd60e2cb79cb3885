-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- A resolver follows its resolv.conf, and takes nothing of an old generation along.

local held = require "spec.support.held";
local misdns = require "spec.support.misdns";
local new = require "xmppdns.resolver".new;
local process = require "spec.support.process";
local socket = require "socket";
local zones = require "spec.support.zones";

local MORE_THAN_A_SECOND = 1.1; -- the file is looked at once a second at most

local servers;
local names = 0;

-- resolv.conf cannot name a port.
local function start_server()
	return misdns.start({ address = process.free_address(), port = 53 });
end

local function nameserver(server)
	return "nameserver " .. server.address .. "\n";
end

-- A name to which each server answers with its own address, so that the answer tells who was asked.
local function fresh_name()
	names = names + 1;
	local name = ("n%d.where.example"):format(names);
	for _, server in ipairs(servers) do server:records(name, "A", { server.address }); end
	return name;
end

-- A resolver with a file of its own.
local user_methods = {};
local user_mt = { __index = user_methods };

local function new_user()
	names = names + 1;
	return setmetatable({ path = process.directory("resolvconf-" .. names) .. "/resolv.conf", notices = {} }, user_mt);
end

function user_methods:open(content, extra)
	self:close();
	process.write(self.path, content);
	local settings = { resolvconf = self.path, hoststxt = false, dnssec = "off", timeout = 20 };
	for key, value in pairs(extra or {}) do settings[key] = value or nil; end
	self.resolver = assert(new(settings));
	function self.resolver.on_notice(text) table.insert(self.notices, text); end
end

function user_methods:close()
	if self.resolver then self.resolver:close(); end
	self.resolver = nil;
end

-- Waits for it: answer | nil, err
function user_methods:ask(name, options)
	local answer, err;
	self.resolver:query(name, "A", function (...) answer, err = ...; end, options);
	while not answer and not err do assert.is_true(self.resolver:wait(60)); end
	return answer, err;
end

-- "first", "second", or the error's code: who answers a question that nobody asked before.
function user_methods:who_answers()
	local answer, err = self:ask(fresh_name());
	if err then return err.code; end
	return answer[1].a == servers[1].address and "first" or "second";
end

function user_methods:replace(content)
	process.write(self.path .. ".new", content);
	assert(os.rename(self.path .. ".new", self.path));
end

function user_methods:stats()
	return self.resolver:stats();
end

-- Scenarios wait more than a second now and then: all of them together, so they must stand in one describe.
local scenarios = {};

local function wait_more_than_a_second()
	coroutine.yield();
end

local function step_all()
	local unfinished = 0;
	for _, scenario in ipairs(scenarios) do
		if coroutine.status(scenario.thread) == "suspended" then
			local ok, problem = coroutine.resume(scenario.thread, scenario.user);
			if not ok then scenario.problem = problem; end
			if coroutine.status(scenario.thread) == "suspended" then unfinished = unfinished + 1; else scenario.user:close(); end
		end
	end
	return unfinished;
end

local function run_all()
	for _, scenario in ipairs(scenarios) do
		scenario.user = new_user();
		scenario.thread = coroutine.create(scenario.body);
	end
	while step_all() > 0 do socket.sleep(MORE_THAN_A_SECOND); end
end

local function scenario(description, body)
	local this = { body = body };
	table.insert(scenarios, this);
	it(description, function ()
		if not this.thread then run_all(); end
		if this.problem then error(this.problem, 0); end
	end);
end

setup(function () servers = { start_server(), start_server() }; end);
teardown(function ()
	for _, server in ipairs(servers) do server:stop(); end
end);

describe("resolvconf:", function ()
	local function start(user, extra)
		user:open(nameserver(servers[1]), extra);
		assert.same("first", user:who_answers());
	end

	local function expect_second(user)
		wait_more_than_a_second();
		assert.same("second", user:who_answers());
		local stats = user:stats();
		assert.same({ 2, 2, 0, 1 }, { stats.lookups, stats.attempts, stats.retries, stats.rebuilds });
		assert.same({ servers[2].address .. "@53" }, user.resolver:settings().servers);
		assert.same(1, #user.notices);
		assert.matches(user.path, user.notices[1], 1, true);
		assert.matches(servers[2].address, user.notices[1], 1, true);
	end

	scenario("a change of the file is followed by the next lookup, without a failure first, when the file is replaced", function (user)
		start(user);
		user:replace(nameserver(servers[2]));
		expect_second(user);
	end);

	-- Both servers' files in one size.
	local function padded(server)
		local size = math.max(#nameserver(servers[1]), #nameserver(servers[2]));
		return nameserver(server) .. ("#"):rep(size - #nameserver(server));
	end

	scenario("a change of the file is followed when the file is replaced by one of the same size and time", function (user)
		user:open(padded(servers[1]));
		assert.same("first", user:who_answers());
		process.write(user.path .. ".new", padded(servers[2]));
		process.run({ "touch", "-r", user.path, user.path .. ".new" });
		assert(os.rename(user.path .. ".new", user.path));
		expect_second(user);
	end);

	scenario("a change of the file is followed when the file is written in place with the same size", function (user)
		user:open(padded(servers[1]));
		assert.same("first", user:who_answers());
		process.write(user.path, padded(servers[2]));
		expect_second(user);
	end);

	scenario("a change of the file is followed when the file grows in place and keeps its time", function (user)
		start(user);
		process.run({ "touch", "-r", user.path, user.path .. ".time" });
		process.write(user.path, "# another server, and a longer file\n" .. nameserver(servers[2]));
		process.run({ "touch", "-r", user.path .. ".time", user.path });
		expect_second(user);
	end);

	scenario("a change of the file is followed when the file is a symbolic link that now points elsewhere", function (user)
		start(user);
		process.write(user.path .. ".second", nameserver(servers[2]));
		os.remove(user.path);
		process.run({ "ln", "-s", user.path .. ".second", user.path });
		expect_second(user);
	end);

	scenario("a change of the file is looked for once a second at most", function (user)
		local before, rebuilds, answered;
		repeat -- until the machine is quick enough to ask again within that second
			before = socket.gettime();
			start(user);
			user:replace(nameserver(servers[2]));
			answered, rebuilds = user:who_answers(), user:stats().rebuilds;
		until socket.gettime() - before < 1;
		assert.same({ "first", 0 }, { answered, rebuilds });
	end);

	scenario("a change of the file keeps cached answers, and what is in flight", function (user)
		start(user, { options = { ["infra-cache-min-rtt"] = 20000 } }); -- libunbound is patient with a question that is kept while others have their turn
		local cached, slow = fresh_name(), fresh_name();
		assert.is_table(user:ask(cached));
		user:replace(nameserver(servers[2]));
		local rule = servers[1]:rule({ name = slow, hold = true });
		local answer;
		user.resolver:query(slow, "A", function (...) answer = { ... }; end, { timeout = 60, attempts = 1 });
		socket.sleep(MORE_THAN_A_SECOND); -- not as the others: libunbound gives a question up after 17 s, which they all may take
		assert.same("second", user:who_answers());
		assert.is_nil(answer);
		servers[1]:release(rule);
		while not answer do assert.is_true(user.resolver:wait(60)); end
		answer = assert(answer[1], answer[2]);
		assert.same(servers[1].address, answer[1].a);
		answer = user:ask(cached);
		assert.same({ servers[1].address, true }, { answer[1].a, answer.from_cache });
	end);

	scenario("a change of the file is none when only its time changed: the servers stay, and a rebuild costs no answer", function (user)
		start(user);
		process.write(user.path, nameserver(servers[1]));
		wait_more_than_a_second();
		assert.same({ "first", 0 }, { user:who_answers(), user:stats().retries });
	end);

	scenario("a change of the file is needed: a file that stays as it was rebuilds nothing", function (user)
		start(user);
		wait_more_than_a_second();
		assert.same("first", user:who_answers());
		assert.same({ 0, 0 }, { user:stats().rebuilds, #user.notices });
	end);

	local function expect_old_server(user, why)
		wait_more_than_a_second();
		assert.same("first", user:who_answers());
		assert.same({ servers[1].address .. "@53" }, user.resolver:settings().servers);
		assert.same(1, #user.notices);
		assert.matches(user.path, user.notices[1], 1, true);
		assert.matches("the old ones stay in use (" .. why .. ")", user.notices[1], 1, true);
	end

	local function expect_recovery(user)
		user:replace(nameserver(servers[2]));
		wait_more_than_a_second();
		assert.same("second", user:who_answers());
		assert.same(2, #user.notices);
	end

	scenario("a file without servers keeps the old ones in use when it was emptied, says so, and is followed when it has servers again", function (user)
		start(user);
		process.write(user.path, "");
		expect_old_server(user, "empty");
		expect_recovery(user);
	end);

	scenario("a file without servers keeps the old ones in use when it was replaced by one that names none", function (user)
		start(user);
		user:replace("search example\nnameserver nonsense\n");
		expect_old_server(user, "no usable nameserver in it");
		expect_recovery(user);
	end);

	scenario("a file without servers keeps the old ones in use when it was removed, and is followed when it is back again", function (user)
		start(user);
		os.remove(user.path);
		expect_old_server(user, "not there yet");
		expect_recovery(user);
	end);

	scenario("a file without servers keeps the old ones in use when it cannot be read", function (user)
		start(user);
		os.remove(user.path);
		process.run({ "mkdir", user.path });
		expect_old_server(user, "a directory");
		process.run({ "rmdir", user.path });
		expect_recovery(user);
	end);

	scenario("a file without servers keeps the old ones in use when it is a dangling link, and a pipe is not waited for (17.4)", function (user)
		start(user);
		os.remove(user.path);
		process.run({ "ln", "-s", user.path .. ".gone", user.path });
		expect_old_server(user, "a symbolic link to a file that is not there yet");
		os.remove(user.path);
		process.run({ "mkfifo", user.path });
		wait_more_than_a_second();
		assert.same("first", user:who_answers());
		assert.matches("the old ones stay in use (a pipe)", user.notices[2], 1, true);
	end);

	scenario("a file without servers at the start is looked at again: its servers are asked once it has some (17.4)", function (user)
		user:open("", { options = { ["do-ip4"] = "no", ["do-ip6"] = "no" }, timeout = 0.1 }); -- the root itself is not asked
		assert.same({ user.path .. ": empty: asking from the root instead" }, user.resolver:settings().warnings);
		user:replace(nameserver(servers[2]));
		wait_more_than_a_second();
		user:ask(fresh_name());
		assert.same({ servers[2].address .. "@53" }, user.resolver:settings().servers);
		assert.same({ user.path .. " was changed: asking " .. servers[2].address .. "@53 now" }, user.notices);
	end);

	scenario("a file without servers says so once, and not at each lookup", function (user)
		start(user);
		process.write(user.path, "");
		expect_old_server(user, "empty");
		expect_old_server(user, "empty");
	end);

	scenario("a file without servers keeps the old ones in use also when a failing lookup rebuilds the resolver", function (user)
		start(user, { reconfigure_interval = 0, timeout = 2 });
		process.write(user.path, "");
		local silent = fresh_name();
		servers[1]:rule({ name = silent, fault = "silence" });
		local _, err = user:ask(silent, { automatic = true });
		assert.same({ "timeout", 1 }, { err.code, user:stats().rebuilds });
		assert.same("first", user:who_answers());
		assert.same(1, #user.notices);
	end);

	scenario("a file without servers is refused by upstream = \"forward\" at the start, and keeps the old ones in use later", function (user)
		process.write(user.path, "");
		local none, err = new({ resolvconf = user.path, hoststxt = false, upstream = "forward" });
		assert.is_nil(none);
		assert.same("config", err.code);
		assert.matches(user.path, err.text, 1, true);
		start(user, { upstream = "forward" });
		process.write(user.path, "");
		expect_old_server(user, "empty");
	end);

	scenario("options that changed count with the next lookup more than a second later", function (user)
		user:open(nameserver(servers[1]) .. "options timeout:7\n", { timeout = false });
		assert.same({ "first", 7 }, { user:who_answers(), user.resolver:settings().timeout });
		user:replace(nameserver(servers[1]) .. "options timeout:1 attempts:1\n");
		wait_more_than_a_second();
		local silent = fresh_name();
		servers[1]:rule({ name = silent, fault = "silence" });
		local _, err = user:ask(silent);
		assert.same({ "timeout", 1, 1 }, { err.code, err.attempts, user.resolver:settings().timeout });
	end);
end);

describe("resolvconf: a rebuild by a failing lookup", function ()
	local user;
	before_each(function () user = new_user(); end);
	after_each(function () user:close(); end);

	it("reads the file anew, at once", function ()
		user:open(nameserver(servers[1]), { reconfigure_interval = 0, timeout = 3 });
		local name = fresh_name();
		servers[1]:rule({ name = name, fault = "silence" });
		user:replace(nameserver(servers[2]));
		local answer = user:ask(name, { automatic = true });
		assert.same({ servers[2].address, 1 }, { answer[1].a, user:stats().rebuilds });
	end);

	it("reads hosts and trust anchors anew", function ()
		local hosts, anchors = user.path .. ".hosts", user.path .. ".anchors";
		process.write(hosts, "192.0.2.1 name.hosts.example\n");
		process.write(anchors, ". IN DS 1 13 2 " .. ("01"):rep(32) .. "\n");
		local dns = zones.serve({ ["signed.example"] = { records = "host A 192.0.2.8" } });
		user:open("", { forward = dns.forward, resolvconf = false, hoststxt = hosts, trustfile = anchors, dnssec = "required", cache_size = 0;
			timeout = 20, reconfigure_interval = 0 });
		local function ask(name)
			local answer, err = user:ask(name, { automatic = true });
			return err and err.code or answer[1].a;
		end
		assert.same("bogus", ask("host.signed.example"));
		local rebuilds = user:stats().rebuilds;
		process.write(anchors, process.read(dns.anchors));
		assert.same("192.0.2.8", ask("host.signed.example"));
		assert.same(rebuilds + 1, user:stats().rebuilds);
		user:open("", { forward = dns.forward, resolvconf = false, hoststxt = hosts, cache_size = 0 });
		assert.same("192.0.2.1", ask("name.hosts.example"));
		process.write(hosts, "192.0.2.2 name.hosts.example\n");
		assert.is_true(user.resolver:reconfigure());
		assert.same("192.0.2.2", ask("name.hosts.example"));
		os.remove(hosts);
		assert.is_true(user.resolver:reconfigure());
		assert.same("192.0.2.2", ask("name.hosts.example"));
		dns:stop();
	end);
end);

describe("resolvconf: options", function ()
	local user;
	before_each(function () user = new_user(); end);
	after_each(function () user:close(); end);

	-- What becomes of a question that is never answered.
	local function ask_silence(options)
		local name, started = fresh_name(), socket.gettime();
		servers[1]:rule({ name = name, fault = "silence" });
		local _, err = user:ask(name, options);
		return { err.code, err.attempts }, socket.gettime() - started;
	end

	it("timeout and attempts count where the settings name none", function ()
		user:open(nameserver(servers[1]) .. "options rotate timeout:1 attempts:1\n", { timeout = false });
		assert.same(1, user.resolver:settings().timeout);
		local outcome, seconds = ask_silence();
		assert.same({ "timeout", 1 }, outcome);
		assert.is_true(seconds >= 0.9 and seconds < 8); -- not the default's 2 times 5
	end);

	it("use-vc means TCP from the first attempt on, and no UDP (17.4)", function ()
		user:open(nameserver(servers[1]) .. "options use-vc\n");
		local name = fresh_name();
		assert.same(servers[1].address, user:ask(name)[1].a);
		assert.same({ udp = 0, tcp = 1, cd = 0 }, servers[1]:tally(name));
		assert.same({ 1, 0 }, { user:stats().attempts, user:stats().retries });
	end);

	it("timeout and attempts give way to the settings, and those to the lookup's own", function ()
		user:open(nameserver(servers[1]) .. "options timeout:9 attempts:4\n", { timeout = 0.2, attempts = 1 });
		assert.same(0.2, user.resolver:settings().timeout);
		assert.same({ "timeout", 1 }, (ask_silence()));
		assert.same({ "timeout", 2 }, (ask_silence({ attempts = 2 })));
	end);
end);

describe("resolvconf: servers", function ()
	local user;
	before_each(function () user = new_user(); end);
	after_each(function () user:close(); end);

	it("that are IPv6 with a scope are used, and one of an unknown interface is skipped", function ()
		user:open("nameserver fe80::1%lo\nnameserver fe80::2%nosuchinterface\nnameserver ::1\n");
		assert.same({ "fe80::1%lo@53", "::1@53" }, user.resolver:settings().servers);
		local _, err = user:ask(fresh_name(), { timeout = 0.2, attempts = 1 });
		assert.is_not.same("system", err.code); -- libunbound takes the address
	end);

	it("that are 0.0.0.0 or :: are this host's (17.4)", function ()
		user:open("nameserver 0.0.0.0\nnameserver ::\n");
		assert.same({ "127.0.0.1@53", "::1@53" }, user.resolver:settings().servers);
	end);

	it("that are dead leave the question to the others", function ()
		user:open("nameserver " .. process.free_address() .. "\n" .. nameserver(servers[2]), { timeout = 20 });
		assert.same("second", user:who_answers());
	end);
end);

describe("resolvconf: an old generation", function ()
	local user, before;
	before_each(function ()
		user = new_user();
		user:open(nameserver(servers[1]), { timeout = 60, attempts = 1 });
		assert.same("first", user:who_answers());
		before = held.now();
	end);
	after_each(function () user:close(); end);

	local function expect_gone()
		assert.is_true(process.wait_until(function ()
			user.resolver:process();
			local now = held.now();
			return now.threads <= before.threads and now.descriptors <= before.descriptors;
		end, 8)); -- libunbound gives a question up after 17 s
		assert.same(1, user:stats().contexts);
	end

	it("is gone, with its threads and descriptors, soon after its last lookup", function ()
		local slow = fresh_name();
		local rule = servers[1]:rule({ name = slow, hold = true });
		local answer;
		user.resolver:query(slow, "A", function (a) answer = a; end);
		for round = 1, 5 do
			user:replace(nameserver(servers[round % 2 + 1]));
			assert.is_true(user.resolver:reconfigure());
			assert.same(round % 2 == 1 and "second" or "first", user:who_answers());
		end
		assert.same(2, user:stats().contexts); -- the one with the slow lookup, and the newest
		servers[1]:release(rule);
		while not answer do assert.is_true(user.resolver:wait(60)); end
		expect_gone();
	end);

	it("is gone though its last lookup was never answered", function ()
		local silent = fresh_name();
		servers[1]:rule({ name = silent, fault = "silence" });
		local failure;
		user.resolver:query(silent, "A", function (_, err) failure = err; end, { timeout = 0.2 });
		assert.is_true(user.resolver:reconfigure());
		assert.same("first", user:who_answers());
		while not failure do assert.is_true(user.resolver:wait(60)); end
		expect_gone();
	end);

	it("is gone though its last lookup was canceled", function ()
		local silent = fresh_name();
		servers[1]:rule({ name = silent, fault = "silence" });
		local lookup = user.resolver:query(silent, "A", function () end);
		assert.is_true(user.resolver:reconfigure());
		assert.same("first", user:who_answers());
		assert.same(2, user:stats().contexts);
		lookup:cancel();
		expect_gone();
	end);
end);
