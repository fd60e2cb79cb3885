-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- Lookups that share a resolver: what one asks is not what all get, and none keeps the others waiting.

local misdns = require "spec.support.misdns";
local new = require "xmppdns.resolver".new;

local server, resolver;
local names = 0;

-- A name with an address, and what happens to questions for it.
local function fresh_name(rule)
	names = names + 1;
	local name = ("l%d.lookups.example"):format(names);
	server:records(name, "A", { "192.0.2.1" });
	if rule then
		rule.name = name;
		server:rule(rule);
	end
	return name;
end

local function open(extra)
	local settings = { forward = server.forward, dnssec = "off", resolvconf = false, hoststxt = false, timeout = 0.3 };
	for key, value in pairs(extra or {}) do settings[key] = value; end
	resolver = assert(new(settings));
end

-- "answered", or the error's code.
local function ask(name, options)
	local ended;
	resolver:query(name, "A", function (_, err) ended = err and err.code or "answered"; end, options);
	while not ended do assert.is_true(resolver:wait(60)); end
	return ended;
end

local function remembered(name)
	local _, err = resolver:peek(name, "A");
	return err and err.code;
end

setup(function () server = misdns.start(); end);
teardown(function () server:stop(); end);
after_each(function () resolver:close(); end);

describe("lookups: 15.5, a failure is remembered", function ()
	it("of a question that was asked with the usual patience, or more", function ()
		open();
		local silent, broken = fresh_name({ fault = "silence" }), fresh_name({ fault = "servfail" });
		assert.same({ "timeout", "timeout" }, { ask(silent), remembered(silent) });
		assert.same({ "servfail", "servfail" }, { ask(broken, { timeout = 50, attempts = 4 }), remembered(broken) });
	end);

	it("not of one that was given up sooner: the next is asked, and answered", function ()
		open({ timeout = 60 });
		local name = fresh_name({ fault = "silence", times = 1 });
		assert.same({ "timeout", nil }, { ask(name, { timeout = 0.02, attempts = 1 }), remembered(name) });
		assert.same("answered", ask(name));
	end);

	it("not of one with fewer attempts: one more might have been answered", function ()
		open({ timeout = 60 });
		local name = fresh_name({ fault = "servfail", cd = false });
		assert.same({ "bogus", nil }, { ask(name, { attempts = 1 }), remembered(name) });
		assert.same({ "bogus", "bogus" }, { ask(name), remembered(name) });
	end);

	it("not of one that waited in the queue", function ()
		open({ max_lookups = 1 });
		local calls = 0;
		resolver:query(fresh_name({ fault = "silence" }), "A", function () calls = calls + 1; end, { timeout = 60 });
		local name = fresh_name();
		assert.same({ "timeout", nil, 0 }, { ask(name), remembered(name), calls });
		assert.same({ udp = 0, tcp = 0, cd = 0 }, server:tally(name));
	end);

	it("not of one that waited where libunbound has too many of its zone already", function ()
		open({ max_lookups = 100000, timeout = 2, attempts = 1 });
		server:rule({ name = "*.many.example", fault = "silence" });
		local ended, on_the_wire, kept = 0, {}, {};
		for i = 1, 1500 do
			local name = ("n%d.many.example"):format(i);
			resolver:query(name, "A", function ()
				ended = ended + 1;
				if remembered(name) then kept[#kept + 1] = name; end
			end);
		end
		while ended < 1500 do assert.is_true(resolver:wait(60)); end
		for _, question in ipairs(server:log()) do on_the_wire[question.name] = true; end
		for _, name in ipairs(kept) do assert.is_true(on_the_wire[name]); end
		assert.is_true(#kept > 0 and #kept < 1500);
	end);
end);

describe("lookups: 15.6, questions that nobody answers", function ()
	local SILENT = 3000;

	-- Asks for names in so many silent zones, and then for others: how many of the silent ones had ended when those were answered.
	local function ended_before_others(settings, zones, name_format)
		open(settings);
		local ended = 0;
		for i = 1, SILENT do
			resolver:query(name_format:format(i, i % zones), "A", function () ended = ended + 1; end);
		end
		for i = 1, 50 do
			server:records(("o%d.zone%d.other"):format(i, i), "A", { "192.0.2.1" });
			assert.same("answered", ask(("o%d.zone%d.other"):format(i, i)));
		end
		return ended;
	end

	before_each(function ()
		for zone = 0, 19 do server:rule({ name = ("*.silent%d.example"):format(zone), fault = "silence" }); end
		server:rule({ name = "*.silent.co.uk", fault = "silence" });
	end);

	it("keep no other waiting: of one zone", function ()
		assert.same(0, ended_before_others({ timeout = 20 }, 1, "n%d.silent%d.example"));
	end);

	it("keep no other waiting: of twenty zones", function ()
		assert.same(0, ended_before_others({ timeout = 20 }, 20, "n%d.silent%d.example"));
	end);

	it("keep no other waiting: of twenty zones, where few may be asked at a time", function ()
		assert.same(0, ended_before_others({ timeout = 20, max_lookups = 30 }, 20, "n%d.silent%d.example"));
	end);

	it("keep no other waiting that has the same two labels at its end", function ()
		server:records("host.other.co.uk", "A", { "192.0.2.1" });
		ended_before_others({ timeout = 20 }, 1, "n%d.silent.co.uk");
		assert.same("answered", ask("host.other.co.uk"));
	end);

	it("end at their own deadlines, asked or not", function ()
		open({ timeout = 0.2, max_lookups = 10 });
		local codes, count = {}, 0;
		for i = 1, 200 do
			resolver:query(("n%d.silent1.example"):format(i), "A", function (_, err)
				count = count + 1;
				codes[err.code] = (codes[err.code] or 0) + 1;
			end);
		end
		while count < 200 do assert.is_true(resolver:wait(60)); end
		assert.same({ timeout = 200 }, codes);
		assert.same({ 0, 0 }, { resolver:stats().waiting, resolver:stats().in_flight });
	end);

	it("leave their places to others when they are canceled", function ()
		open({ timeout = 60, max_lookups = 4 });
		local lookups = {};
		for i = 1, 20 do lookups[i] = resolver:query(("n%d.silent1.example"):format(i), "A", function () end); end
		local answered = 0;
		server:records("a.silent30.example", "A", { "192.0.2.1" });
		resolver:query("a.silent30.example", "A", function () answered = answered + 1; end);
		for _, lookup in ipairs(lookups) do lookup:cancel(); end
		while answered == 0 do assert.is_true(resolver:wait(60)); end
		assert.same({ 0, 0 }, { resolver:stats().waiting, resolver:stats().in_flight });
	end);
end);
