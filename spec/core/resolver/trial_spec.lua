-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- Which question is tried another way when UDP leaves some unanswered, and what its trial says about the forwarder.

local misdns = require "spec.support.misdns";
local new = require "xmppdns.resolver".new;

local server, resolver, notices;

local function open(extra)
	local settings = { forward = server.forward, dnssec = "off", resolvconf = false, hoststxt = false, timeout = 60 };
	for key, value in pairs(extra or {}) do settings[key] = value; end
	resolver = assert(new(settings));
	function resolver.on_notice(text) table.insert(notices, text); end
end

before_each(function ()
	notices, server = {}, misdns.start();
	local many = {};
	for i = 1, 40 do many[i] = "192.0.2." .. i; end -- more than 512 bytes
	server:records("small.example", "A", { "192.0.2.1" });
	server:records("other.example", "A", { "192.0.2.1" });
	server:records("large.example", "A", many);
end);
after_each(function ()
	resolver:close();
	server:stop();
end);

local function wait_until(condition)
	while not condition() do resolver:wait(0.05); end
end

-- Asks, without waiting, by default as a plan does: "ended" is its outcome once it has one.
local function ask(name, options)
	local question = {};
	resolver:query(name, "A", function (_, err) question.ended = err and err.code or "answered"; end, options or { pressing = true });
	return question;
end

local function outcome_of(name, options)
	local question = ask(name, options);
	wait_until(function () return question.ended; end);
	return question.ended;
end

local function asked_over(transport, name)
	return server:tally(name)[transport];
end

describe("trial: 17.5, of a question that UDP leaves unanswered", function ()
	it("finds out in one step that nothing comes over UDP: a small answer does not either", function ()
		server:rule({ fault = "silence", transport = "udp" });
		open();
		assert.same("answered", outcome_of("small.example"));
		assert.same({ 1, 1 }, { resolver:stats().rebuilds, #notices });
		assert.matches(server.forward .. ": what is not answered over UDP is answered over TCP: asking over TCP now", notices[1], 1, true);
		server:clear_log();
		assert.same("answered", outcome_of("other.example"));
		assert.same(0, asked_over("udp"));
	end);

	it("finds out that large answers get lost: a small one comes", function ()
		server:rule({ fault = "lose_large", size = 512 });
		open();
		assert.same("answered", outcome_of("large.example"));
		assert.same({ 1, 1 }, { resolver:stats().rebuilds, #notices });
		assert.matches("asking for at most 512 bytes over UDP now", notices[1], 1, true);
		server:clear_log();
		assert.same("answered", outcome_of("other.example"));
		assert.same({ 1, 0 }, { asked_over("udp"), asked_over("tcp") });
	end);

	it("goes on where that does not help: then nothing comes over UDP", function ()
		server:rule({ fault = "lose_large", size = 512 });
		open();
		assert.same("answered", outcome_of("large.example"));
		server:clear();
		server:rule({ fault = "silence", transport = "udp" });
		assert.same("answered", outcome_of("small.example"));
		assert.same({ 2, 2 }, { resolver:stats().rebuilds, #notices });
		assert.matches("asking over TCP now", notices[2], 1, true);
	end);

	it("begins also where no connection waits for it, but not before it is answered over TCP", function ()
		server:rule({ fault = "silence", transport = "udp" });
		open({ timeout = 0.3 });
		assert.same("answered", outcome_of("small.example", {}));
		assert.same({ 1, 0 }, { asked_over("tcp"), resolver:stats().rebuilds });
		wait_until(function () return resolver:stats().rebuilds > 0; end);
		server:clear_log();
		assert.same("answered", outcome_of("other.example", {}));
		assert.same({ 0, 1 }, { asked_over("udp"), asked_over("tcp") });
	end);

	it("says nothing where TCP brings no answer either, and is followed by that of another question", function ()
		server:rule({ name = "*.silent.example", fault = "silence" });
		server:rule({ name = "lost.example", fault = "silence", transport = "udp" });
		server:records("lost.example", "A", { "192.0.2.1" });
		open();
		ask("a.silent.example");
		wait_until(function () return asked_over("tcp", "a.silent.example") > 0; end);
		local lost = ask("lost.example");
		wait_until(function () return asked_over("tcp", "lost.example") > 0; end);
		assert.same(0, resolver:stats().rebuilds);
		wait_until(function () return lost.ended; end);
		assert.same({ "answered", 2 }, { lost.ended, resolver:stats().rebuilds }); -- small answers come, but asking for these does not help
	end);

	it("says nothing where UDP brings the answer by then", function ()
		local slow = server:rule({ name = "small.example", hold = true, transport = "udp" });
		open();
		local question = ask("small.example");
		wait_until(function () return asked_over("tcp", "small.example") > 0; end);
		server:release(slow);
		wait_until(function () return question.ended; end);
		assert.same({ "answered", 0, 0 }, { question.ended, resolver:stats().rebuilds, #notices });
	end);

	it("is none of a zone with servers of its own, of what is over TCP anyway, or where an option says how to ask", function ()
		server:rule({ name = "*.example", fault = "silence" });
		open({ stub = { ["own.example"] = server.forward }, forward_zones = { ["zone.example"] = server.forward } });
		for i = 1, 5 do
			ask(("n%d.own.example"):format(i));
			ask(("n%d.zone.example"):format(i));
		end
		ask("n.tried.example");
		wait_until(function () return asked_over("tcp", "n.tried.example") > 0; end);
		assert.same(1, asked_over("tcp"));
	end);
end);
