-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- Whatever Lua may run while C works (finalizers at any allocation, an __index of the caller's tables) may use the resolver that C works with.
-- Nothing is freed under a reader, and each callback runs once; make sanitize looks at the same.

local core = require "xmppdns.core";
local finalizers = require "spec.support.finalizers";

require "xmppdns.record_text".install(core);

local NAMES = debug.gethook() and 40 or 600; -- few beside spec/support/busy_collector.lua, which is slow

local lines = {};
for i = 1, NAMES do
	lines[2 * i - 1] = ("n%d.local.example. 300 IN A 192.0.2.%d"):format(i, i % 250);
	lines[2 * i] = ("n%d.local.example. 300 IN A 198.51.100.%d"):format(i, i % 250);
end
local settings = { forward = "127.0.0.1@1", dnssec = "off", hoststxt = false, timeout = 60, options = { ["local-data"] = lines } };

local function name_of(i)
	return ("n%d.local.example"):format(i);
end

local resolver;
local ended = {}; -- how often each callback was given back, by its number

local function expected(i)
	local all = { [("192.0.2.%d"):format(i % 250)] = true, [("198.51.100.%d"):format(i % 250)] = true };
	return all;
end

local function check_answer(answer, i)
	assert.equal(name_of(i), answer.qname);
	assert.same(2, #answer);
	assert.same(expected(i), { [answer[1].a] = true, [answer[2].a] = true });
end

local function fetch_all()
	while true do
		local number, answer, err = resolver:fetch();
		if number == nil then return; end
		ended[number] = (ended[number] or 0) + 1;
		if answer then check_answer(answer, (number - 1) % NAMES + 1); else assert.equal("canceled", err.code); end
	end
end

local function wait_for(count)
	local done, deadline = 0, os.time() + 600; -- valgrind beside others is slow
	while os.time() < deadline do
		resolver:process();
		fetch_all();
		done = 0;
		for _ in pairs(ended) do done = done + 1; end
		if done >= count then return; end
		resolver:poll(0.1);
	end
	error(("%d of %d callbacks"):format(done, count));
end

local function assert_each_once(count)
	for i = 1, count do assert.equal(1, ended[i] or 0, "callback " .. i); end
end

local function fill_cache()
	resolver:flush();
	for i = 1, NAMES do resolver:submit(name_of(i), "A", i); end
	wait_for(NAMES);
	ended = {};
end

-- Asks for all, cached or not.
local function submit_all(from)
	for i = 1, NAMES do
		local lookup, answer = resolver:submit(name_of(i), "A", from + i);
		if not lookup then
			ended[from + i] = 1;
			check_answer(answer, i);
		end
	end
end

before_each(function ()
	resolver = assert(core.new_resolver(settings));
	ended = {};
end);
after_each(function () resolver:close(); end);

describe("core: while C works with a resolver, a finalizer", function ()
	it("may submit while one is submitted: each callback runs once", function ()
		local extra = NAMES;
		local ok, problem, runs = finalizers.during(function () submit_all(0); end, function ()
			if extra >= 2 * NAMES then return; end
			extra = extra + 1;
			local lookup = resolver:submit(name_of(extra - NAMES), "A", extra, nil, true);
			assert(lookup);
		end);
		assert.is_true(ok, problem);
		assert.is_true(runs > 0, runs);
		wait_for(extra);
		assert_each_once(extra);
	end);

	it("may flush and ask again while answers from the cache are made", function ()
		local current;
		for round = 0, 1 do
			fill_cache();
			local answers = {}; -- looked at afterwards: what allocates much takes long meanwhile
			local ok, problem = finalizers.during(function ()
				for i = 1, NAMES do
					current = i;
					answers[i] = round == 0 and resolver:peek(name_of(i), "A") or select(2, resolver:submit(name_of(i), "A", i)) or false;
				end
			end, function () resolver:flush(name_of(current or 1)); end);
			assert.is_true(ok, problem);
			assert.equal(NAMES, #answers);
			for i, answer in ipairs(answers) do
				if answer then check_answer(answer, i); end
			end
			resolver:cancel();
			fetch_all();
		end
	end);

	it("may flush while the cache is listed", function ()
		for _ = 1, 3 do
			fill_cache();
			local listed;
			local ok, problem = finalizers.during(function () listed = resolver:cached(); end, function () resolver:flush(); end);
			assert.is_true(ok, problem);
			for _, answer in ipairs(listed) do check_answer(answer, tonumber(answer.qname:match("%d+"))); end
		end
	end);

	it("may fetch, flush and cancel while one is fetched: each callback runs once", function ()
		fill_cache();
		local lookups = {};
		for i = 1, NAMES do lookups[i] = assert(resolver:submit(name_of(i), "A", i, nil, true)); end
		resolver:flush();
		local ok, problem = finalizers.during(fetch_all, function (run)
			lookups[run % NAMES + 1]:cancel();
			local number, answer = resolver:fetch();
			if not number then return; end
			ended[number] = (ended[number] or 0) + 1;
			check_answer(answer, number);
		end);
		assert.is_true(ok, problem);
		assert_each_once(NAMES);
	end);

	it("15.4: may begin a new trust while what is known is put by for later: none of the old one's answers comes then", function ()
		local function with_addresses(net)
			local data = {};
			for i = 1, 20 do data[i] = ("%s. 300 IN A %s.%d"):format(name_of(i), net, i); end
			return { forward = "127.0.0.1@1", dnssec = "off", hoststxt = false, options = { ["local-data"] = data } };
		end
		local function fetch_addresses()
			local addresses, deadline = {}, os.time() + 60;
			while #addresses < 20 and os.time() < deadline do
				resolver:process();
				local number, answer = resolver:fetch();
				if number then addresses[#addresses + 1] = answer[1].a; end
			end
			return table.concat(addresses, " ");
		end
		local old, new, names = with_addresses("192.0.2"), with_addresses("203.0.113"), {};
		for i = 1, 20 do names[i] = name_of(i); end
		for at = 1, 60, 3 do
			assert(resolver:reconfigure(old));
			for i = 1, 20 do resolver:submit(names[i], "A", i); end
			assert.equal(20, select(2, fetch_addresses():gsub("192%.0%.2%.", "")));
			local ok, problem, runs = finalizers.during(function ()
				for i = 1, 20 do resolver:submit(names[i], "A", i, nil, true); end -- without an allocation of Lua's own
			end, function (run)
				if run == at then assert(resolver:reconfigure(new)); end
			end);
			assert.is_true(ok, problem);
			if runs < at then assert(resolver:reconfigure(new)); end
			assert.equal(20, select(2, fetch_addresses():gsub("203%.0%.113%.", "")));
		end
	end);

	it("may reconfigure while settings are read and shown", function ()
		local ok, problem = finalizers.during(function ()
			for _ = 1, 3 do
				assert(resolver:reconfigure(settings));
				local shown = resolver:settings();
				assert.same({ "off", #lines }, { shown.dnssec, #shown.options["local-data:"] });
			end
		end, function (run)
			if run % 50 == 0 then assert(resolver:reconfigure()); end
			if run % 50 == 25 then assert(resolver:settings()); end
		end);
		assert.is_true(ok, problem);
	end);

	it("may change the table of settings while it is read: it is accepted or refused", function ()
		local changing = { forward = "127.0.0.1@1", dnssec = "off", options = {} };
		for _ = 1, 20 do
			local ok, problem = finalizers.during(function ()
				for _ = 1, 5 do core.check_settings(changing); end
			end, function (run)
				for i = 1, 300 do
					local key = ("x-%d-%d"):format(run, i);
					changing.options[key], changing[key] = "yes", "yes";
				end
				for i = 1, 300 do
					local key = ("x-%d-%d"):format(run - 1, i);
					changing.options[key], changing[key] = nil, nil;
				end
			end);
			assert.is_true(ok or type(problem) == "string");
		end
	end);

	-- What is asked of a resolver that a finalizer closes meanwhile: it works, or it raises that it is closed.
	local uses = {
		submit = function () submit_all(0); end;
		fetch = function () submit_all(0); wait_for(NAMES); end;
		peek = function () for i = 1, NAMES do resolver:peek(name_of(i), "A"); end end;
		cached = function () for _ = 1, 20 do resolver:cached(); end end;
		settings = function () for _ = 1, 20 do resolver:settings(); end end;
		stats = function () for _ = 1, NAMES do resolver:stats(); end end;
		reconfigure = function () for _ = 1, 3 do resolver:reconfigure(settings); end end;
		["submit of known answers later"] = function ()
			for i = 1, NAMES do resolver:submit(name_of(i), "A", i, nil, true); end
		end;
		ask_early = function () for i = 1, NAMES do resolver:ask_early(name_of(i), "A", { shard = resolver:shard(name_of(i)) }); end end;
		["submit of what is no name"] = function () for i = 1, NAMES do resolver:submit("a..b", "A", i); end end;
	};
	for what, use in pairs(uses) do
		it("may close during " .. what, function ()
			for _, closing_run in ipairs { 1, 2, 3, 5, 20, 100 } do
				fill_cache();
				if what == "fetch" or what == "submit" then resolver:flush(); end
				local is_closed = false;
				local ok, problem = finalizers.during(use, function (run)
					if run < closing_run then return; end
					resolver:close();
					is_closed = true;
				end);
				assert.is_true(ok or is_closed and tostring(problem):find("is closed", 1, true) ~= nil, tostring(problem));
				resolver:close();
				assert.same(0, select("#", resolver:fetch()));
				resolver = assert(core.new_resolver(settings));
				ended = {};
			end
		end);
	end
end);

describe("core: while a resolver reads its options, their __index", function ()
	local function options_that(act)
		return setmetatable({}, { __index = function (_, key) return act(key); end });
	end

	it("gives them", function ()
		local asked = {};
		assert.is_userdata((resolver:submit(name_of(1), "A", 1, options_that(function (key)
			asked[key] = true;
			return key == "attempts" and 1 or nil;
		end))));
		assert.same({ attempts = true, timeout = true, automatic = true, pressing = true, glimpse = true, require_secure = true,
			allow_insecure_denial = true, shard = true, bare = true }, asked);
		wait_for(1);
	end);

	for _, method in ipairs { "submit", "peek", "ask_early" } do
		local function ask(options)
			if method == "ask_early" then return resolver:ask_early(name_of(1), "A", options); end
			if method == "submit" then return resolver:submit(name_of(1), "A", 1, options); end
			return resolver:peek(name_of(1), "A", options);
		end

		it("may close it: then it is closed for " .. method, function ()
			local ok, problem = pcall(ask, options_that(function () resolver:close(); end));
			assert.is_false(ok);
			assert.matches("the resolver is closed", problem, 1, true);
		end);

		it("may flush and submit meanwhile: " .. method, function ()
			fill_cache();
			local number = 1;
			local _, answer = ask(options_that(function ()
				resolver:flush();
				number = number + 1;
				resolver:submit(name_of(number), "A", number);
			end));
			assert.is_nil(answer);
			wait_for(method == "submit" and number or number - 1);
		end);

		it("may raise: " .. method .. " raises that, and has done nothing", function ()
			local ok, problem = pcall(ask, options_that(function () error("no such option", 0); end));
			assert.same({ false, "no such option" }, { ok, problem });
			assert.same({ 0, 0 }, { resolver:stats().lookups, resolver:stats().in_flight });
		end);

		it("may not yield through C: " .. method .. " raises", function ()
			local thread = coroutine.create(function () return ask(options_that(coroutine.yield)); end);
			assert.is_false((coroutine.resume(thread)));
			assert.same(0, resolver:stats().lookups);
		end);
	end
end);

describe("core: a resolver used by coroutines", function ()
	it("gives each callback once, whichever asked, and when those that asked are gone", function ()
		for i = 1, NAMES do
			coroutine.wrap(function ()
				local lookup = resolver:submit(name_of(i), "A", i);
				coroutine.yield();
				return lookup;
			end)();
		end
		collectgarbage();
		coroutine.wrap(function () wait_for(NAMES); end)();
		assert_each_once(NAMES);
	end);
end);
