-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- The turnstile before connection plans.

local new = require "xmppdns.turnstile".new;

describe("xmppdns.turnstile: a turnstile", function ()
	local turnstile, entered, passes, problems;

	before_each(function ()
		entered, passes, problems = {}, {}, {};
		turnstile = new(2, function (problem) problems[#problems + 1] = problem; end);
	end);

	local function enter(name, callback)
		passes[name] = turnstile:enter(function ()
			entered[#entered + 1] = name;
			if callback then callback(); end
		end);
	end

	it("lets in as many as it may, then one for each that leaves, in their order", function ()
		for _, name in ipairs({ "a", "b", "c", "d" }) do enter(name); end
		assert.same({ "a", "b" }, entered);
		passes.b:leave();
		assert.same({ "a", "b", "c" }, entered);
		passes.a:leave();
		assert.same({ "a", "b", "c", "d" }, entered);
	end);

	it("counts who leaves twice once", function ()
		for _, name in ipairs({ "a", "b", "c", "d" }) do enter(name); end
		passes.a:leave();
		passes.a:leave();
		assert.same({ "a", "b", "c" }, entered);
	end);

	it("never lets in who has left while waiting", function ()
		for _, name in ipairs({ "a", "b", "c", "d" }) do enter(name); end
		passes.c:leave();
		passes.a:leave();
		assert.same({ "a", "b", "d" }, entered);
	end);

	it("does not grow the stack when thousands leave as soon as they are let in", function ()
		enter("a");
		enter("b");
		local deepest = 0;
		for i = 1, 5000 do
			enter(i, function ()
				deepest = math.max(deepest, select(2, debug.traceback():gsub("\n", "")));
				turnstile:enter(function () end):leave();
			end);
		end
		passes.a:leave();
		for i = 1, 5000 do passes[i]:leave(); end
		assert.same(5002, #entered);
		assert.is_true(deepest < 60);
	end);

	it("reports a callback that raises and lets in the next one", function ()
		enter("a");
		enter("b", function () error("oops", 0); end);
		enter("c");
		passes.b:leave();
		assert.same({ "a", "b", "c" }, entered);
		assert.same({ "oops" }, problems);
	end);
end);
