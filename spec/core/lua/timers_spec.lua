-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- The timers, against a sorted list.

local finalizers = require "spec.support.finalizers";
local new = require "xmppdns.core".new_timers;

-- Takes what is due by then, and calls it.
local function run(timers, now)
	local callback = timers:take(now);
	while callback do
		callback();
		callback = timers:take(now);
	end
end

describe("xmppdns.core: timers", function ()
	it("have none at first", function ()
		local timers = new();
		assert.is_nil(timers:next_time());
		assert.is_nil(timers:take(1000));
	end);

	it("are taken once, from their time on", function ()
		local timers, ran = new(), 0;
		timers:add(5, function () ran = ran + 1; end);
		assert.same(5, timers:next_time());
		assert.is_nil(timers:take(4.9));
		run(timers, 5);
		run(timers, 6);
		assert.same(1, ran);
	end);

	it("give their argument", function ()
		local timers = new();
		local argument = {};
		timers:add(5, print, argument);
		assert.same({ print, argument }, { timers:take(5) });
	end);

	it("keep their order when they are due at the same time", function ()
		local timers, order = new(), {};
		for i = 1, 50 do timers:add(1, function () order[i] = true; assert.is_true(i == 1 or order[i - 1]); end); end
		run(timers, 1);
		assert.same(50, #order);
	end);

	it("come in the order of their times, however little these differ", function ()
		local timers, order = new(), {};
		local times = { 1 + 2 ^ -52, 1, math.huge, 2 ^ -1060, 0, 1e300, 0.1 + 0.2, 0.3 };
		for _, at in ipairs(times) do timers:add(at, function () order[#order + 1] = at; end); end
		run(timers, math.huge);
		table.sort(times);
		assert.same(times, order);
	end);

	it("come in the order of a sorted list, whichever of them are canceled", function ()
		math.randomseed(7);
		local timers, model, order = new(), {}, {};
		for i = 1, 2000 do
			local at = math.random(1, 300);
			local timer = timers:add(at, function () order[#order + 1] = i; end);
			if math.random(1, 3) == 1 then
				assert.equal(at, timers:cancel(timer));
				assert.is_nil(timers:cancel(timer));
			else
				model[#model + 1] = { at = at, number = i, timer = timer };
			end
			local victim = math.random(1, 5) == 1 and #model > 0 and table.remove(model, math.random(1, #model));
			if victim then timers:cancel(victim.timer); end
		end
		table.sort(model, function (a, b) return a.at < b.at or a.at == b.at and a.number < b.number; end);
		for i, one in ipairs(model) do model[i] = one.number; end
		run(timers, 300);
		assert.same(model, order);
	end);

	it("are gone once cleared, and those set later are others", function ()
		local timers = new();
		local first = timers:add(1, print);
		timers:add(2, print);
		timers:clear();
		assert.is_nil(timers:next_time());
		local later = timers:add(3, print);
		assert.is_nil(timers:cancel(first));
		assert.same({ 3, 3 }, { timers:next_time(), timers:cancel(later) });
	end);

	it("may be canceled after they ran, and from inside one another", function ()
		local timers, ran = new(), {};
		local second;
		local first = timers:add(1, function ()
			ran[#ran + 1] = "first";
			timers:cancel(second);
		end);
		second = timers:add(2, function () ran[#ran + 1] = "second"; end);
		timers:add(3, function () ran[#ran + 1] = "third"; end);
		run(timers, 3);
		timers:cancel(first);
		assert.same({ "first", "third" }, ran);
		assert.is_nil(timers:next_time());
	end);

	it("refuse what is no time, and know no timer by what is none", function ()
		local timers = new();
		assert.has_error(function () timers:add(0 / 0, print); end);
		assert.has_error(function () timers:add("soon", print); end);
		assert.has_error(function () timers:add(1); end);
		local timer = timers:add(math.huge, print);
		for _, other in ipairs({ 0, -1, timer + 1, timer + 0.5, 2 ^ 53, math.huge, "x", {} }) do assert.is_nil(timers:cancel(other)); end
		assert.is_nil(timers:cancel(nil));
		assert.equal(math.huge, timers:cancel(timer));
	end);

	it("15.8: may be set, canceled and taken by a finalizer while one is: each comes once, and in order", function ()
		for round = 1, 20 do
			math.randomseed(round);
			local timers, wanted, last = new(), {}, 0;
			local function add()
				local one = { came = 0 };
				wanted[#wanted + 1] = one;
				one.timer = timers:add(math.random(1, 50), function () one.came = one.came + 1; end);
			end
			local function cancel()
				local victim = #wanted > 0 and wanted[math.random(1, #wanted)];
				if victim and victim.timer and timers:cancel(victim.timer) then victim.canceled = true; end
			end
			local ok, _, runs = finalizers.during(function ()
				for _ = 1, 400 do -- more than a page of callbacks
					add();
					if math.random(1, 4) == 1 then cancel(); end
				end
			end, function (runs)
				if runs % 7 == round % 7 and runs < 1000 then add(); end
				if runs % 11 == round % 11 then cancel(); end
				if runs % 5 == round % 5 then assert.is_nil(timers:take(0)); end
			end);
			assert.is_true(ok and runs > 100);
			local next_time = timers:next_time();
			while next_time do
				assert.is_true(next_time >= last);
				last = next_time;
				timers:take(next_time)();
				next_time = timers:next_time();
			end
			for _, one in ipairs(wanted) do assert.same(one.canceled and 0 or 1, one.came, round); end
		end
	end);

	it("15.8: may be cleared by a finalizer while one is set: none of those before it comes", function ()
		local timers, cleared = new(), 0;
		local ok = finalizers.during(function ()
			for i = 1, 2000 do timers:add(i, error, {}); end
		end, function ()
			timers:clear();
			cleared = cleared + 1;
		end);
		assert.is_true(ok and cleared > 100);
		timers:clear();
		assert.is_nil(timers:take(1e9));
		local timer = timers:add(5, print);
		assert.same({ 5, print }, { timers:next_time(), (timers:take(5)) });
		assert.is_nil(timers:cancel(timer));
	end);

	it("are the collector's once nobody has them, with what they were for", function ()
		local known = setmetatable({}, { __mode = "k" });
		local timers = new();
		for i = 1, 1000 do
			local argument = {};
			known[argument] = true;
			local timer = timers:add(i, print, argument);
			if i % 2 == 0 then timers:cancel(timer); end
		end
		collectgarbage();
		collectgarbage();
		local count = 0;
		for _ in pairs(known) do count = count + 1; end
		assert.equal(500, count);
		timers = nil; -- luacheck: ignore 311
		collectgarbage();
		collectgarbage();
		assert.is_nil(next(known));
	end);
end);
