-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- The admission of connection plans.

local new = require "xmppdns.plan.admission".new;

describe("xmppdns.plan.admission: an admission", function ()
	local admission, entered, visitors, problems, later;

	before_each(function ()
		entered, visitors, problems, later = {}, {}, {}, {};
		admission = new(2, function (f, argument)
			later[#later + 1] = function () f(argument); end;
		end, function (problem) problems[#problems + 1] = problem; end);
	end);

	-- One turn of the loop; gives whether anything was due.
	local function turn()
		local due = later;
		later = {};
		for _, f in ipairs(due) do f(); end
		return due[1] ~= nil;
	end

	local function enter(name, on_entry)
		visitors[name] = {
			come_in = function (self)
				entered[#entered + 1] = name;
				if on_entry then on_entry(self); end
			end;
		};
		admission:enter(visitors[name]);
	end

	local function leave(name)
		admission:leave(visitors[name]);
	end

	local function enter_all(names)
		for name in names:gmatch(".") do enter(name); end
	end

	it("lets in at once as many as it may, then one for each that leaves, in their order", function ()
		enter_all("abcd");
		assert.same({ "a", "b" }, entered);
		leave("b");
		turn();
		assert.same({ "a", "b", "c" }, entered);
		leave("a");
		turn();
		assert.same({ "a", "b", "c", "d" }, entered);
		assert.is_false(turn());
	end);

	it("is crowded while anybody waits", function ()
		enter_all("ab");
		assert.is_false(admission:is_crowded());
		enter_all("cd");
		assert.is_true(admission:is_crowded());
		leave("a");
		leave("d");
		assert.is_true(admission:is_crowded());
		turn();
		assert.is_false(admission:is_crowded());
	end);

	it("lets in nobody while another leaves, and one on each turn", function ()
		enter_all("abcde");
		leave("a");
		leave("b");
		assert.same({ "a", "b" }, entered);
		turn();
		assert.same({ "a", "b", "c" }, entered);
		turn();
		assert.same({ "a", "b", "c", "d" }, entered);
		assert.is_false(turn());
	end);

	it("lets nobody overtake who waits for the next turn", function ()
		enter_all("abc");
		leave("a");
		enter("d");
		assert.same({ "a", "b" }, entered);
		turn();
		leave("b");
		turn();
		assert.same({ "a", "b", "c", "d" }, entered);
	end);

	it("counts who leaves twice once, and who never entered not at all", function ()
		enter_all("abcd");
		leave("a");
		leave("a");
		admission:leave({});
		while turn() do end -- luacheck: ignore 542
		assert.same({ "a", "b", "c" }, entered);
	end);

	it("never lets in who has left while waiting", function ()
		enter_all("abcde");
		leave("e");
		leave("c");
		leave("a");
		turn();
		assert.same({ "a", "b", "d" }, entered);
		leave("b");
		turn();
		enter("f"); -- e is gone, so there is room
		assert.same({ "a", "b", "d", "f" }, entered);
	end);

	it("lets in all who wait when it is opened", function ()
		enter_all("abcde");
		leave("d");
		admission:let_all_in();
		assert.same({ "a", "b", "c", "e" }, entered);
		turn();
		assert.same(4, #entered);
	end);

	it("does not grow the stack when thousands leave as soon as they are let in", function ()
		enter_all("ab");
		local deepest = 0;
		for i = 1, 5000 do
			enter(i, function (self)
				deepest = math.max(deepest, select(2, debug.traceback():gsub("\n", "")));
				admission:leave(self);
			end);
		end
		leave("a");
		while turn() do end -- luacheck: ignore 542
		assert.same(5002, #entered);
		assert.is_true(deepest < 60);
	end);

	it("reports one that raises and lets in the next one", function ()
		enter("a");
		enter("b", function () error("oops", 0); end);
		enter("c");
		leave("b");
		turn();
		assert.same({ "a", "b", "c" }, entered);
		assert.same({ "oops" }, problems);
	end);

	describe("15.6, of domains in zones that nobody answers,", function ()
		local function enter_domains(most, count, format)
			admission = new(most, function (f, argument) later[#later + 1] = function () f(argument); end; end, error);
			for i = 1, count do
				local visitor = { domain = format(i), come_in = function () entered[#entered + 1] = format(i); end };
				admission:enter(visitor);
			end
			while turn() do end -- luacheck: ignore 542
			return #entered;
		end

		it("leaves places for others: one zone", function ()
			assert.is_true(enter_domains(100, 1000, function (i) return ("d%d.silent.example"):format(i); end) <= 25);
			enter("another");
			assert.same("another", entered[#entered]);
		end);

		it("leaves places for others: twenty zones", function ()
			assert.is_true(enter_domains(100, 1000, function (i) return ("d%d.silent%d.example"):format(i, i % 20); end) <= 90);
			enter("another");
			assert.same("another", entered[#entered]);
		end);

		it("lets all of them in, one after the other", function ()
			local inside, count = {}, 0;
			admission = new(10, function (f, argument) later[#later + 1] = function () f(argument); end; end, error);
			for i = 1, 500 do
				admission:enter({ domain = ("d%d.silent.example"):format(i), come_in = function (self) inside[#inside + 1] = self; end });
			end
			repeat
				local leaving = table.remove(inside, 1);
				if leaving then
					count = count + 1;
					admission:leave(leaving);
				end
				while turn() do end -- luacheck: ignore 542
			until not leaving;
			assert.same(500, count);
		end);
	end);
end);
