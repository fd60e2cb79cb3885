-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- The timers, against a sorted list.

local new = require "xmppdns.timers".new;

-- Takes what is due by then, and calls it.
local function run(timers, now)
	local callback = timers:take(now);
	while callback do
		callback();
		callback = timers:take(now);
	end
end

describe("xmppdns.timers: timers", function ()
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

	-- A finalizer may run at a call, where Lua's stack grows: hook stands for it, and is told which call it is.
	local function with_calls(body, hook)
		local calls, is_inside = 0, false;
		debug.sethook(function ()
			if is_inside then return; end
			is_inside, calls = true, calls + 1;
			hook(calls);
			is_inside = false;
		end, "c");
		body();
		debug.sethook();
		return calls;
	end

	it("15.8: may be set, canceled and taken by a finalizer while one is: each comes once, and in order", function ()
		local hook, mask, count = debug.gethook();
		for round = 1, 200 do
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
			with_calls(function ()
				for _ = 1, 40 do
					add();
					if math.random(1, 4) == 1 then cancel(); end
				end
			end, function (calls)
				if calls % 7 == round % 7 then add(); end
				if calls % 11 == round % 11 then cancel(); end
				if calls % 5 == round % 5 then assert.is_nil(timers:take(0)); end
			end);
			local next_time = timers:next_time();
			while next_time do
				assert.is_true(next_time >= last);
				last = next_time;
				local callback = timers:take(next_time);
				if callback then callback(); end
				next_time = timers:next_time();
			end
			for _, one in ipairs(wanted) do assert.same(one.canceled and 0 or 1, one.came, round); end
		end
		debug.sethook(hook, mask, count);
	end);

	it("15.8: may be cleared by a finalizer while one is set: none comes", function ()
		local hook, mask, count = debug.gethook();
		for at = 1, 60 do
			local timers = new();
			for i = 1, 20 do timers:add(21 - i, error); end
			with_calls(function () timers:add(0, error); end, function (calls)
				if calls == at then timers:clear(); end
			end);
			if timers:next_time() == nil or timers:take(0) == nil then assert.is_nil(timers:take(100)); end
			timers:add(5, print);
			local callback = timers:take(100);
			assert.is_true(callback == print or callback == error);
		end
		debug.sethook(hook, mask, count);
	end);
end);
