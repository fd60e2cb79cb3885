-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- The order of SRV records in C. Odds are exact: every draw that the order can take is tried.

local core = require "xmppdns.core";

local function records_of(weights)
	local records = {};
	for i, weight in ipairs(weights) do records[i] = { 0, weight }; end
	return records;
end

-- The order that comes of these draws (0 once they are used up), and the limit of each draw that was asked for.
local function order_by(records, draws)
	local limits = {};
	local order = core.order_srv(records, function (low, high)
		assert(low == 0 and high > 0);
		limits[#limits + 1] = high;
		return draws[#limits] or 0;
	end);
	return order, limits;
end

-- The draws that follow these in counting order, or nil after the last.
local function next_draws(draws, limits)
	for i = #limits, 1, -1 do
		local draw = draws[i] or 0;
		if draw < limits[i] then
			local following = {};
			for j = 1, i - 1 do following[j] = draws[j] or 0; end
			following[i] = draw + 1;
			return following;
		end
	end
end

-- { ["1 2 3"] = odds of this order, ... }
local function odds_of_orders(records)
	local odds, draws = {}, {};
	while draws do
		local order, limits = order_by(records, draws);
		local chance = 1;
		for _, limit in ipairs(limits) do chance = chance / (limit + 1); end
		local key = table.concat(order, " ");
		odds[key] = (odds[key] or 0) + chance;
		draws = next_draws(draws, limits);
	end
	return odds;
end

local function odds_of_first(records)
	local odds = {};
	for i = 1, #records do odds[i] = 0; end
	for order, chance in pairs(odds_of_orders(records)) do
		local first = tonumber(order:match("^%d+"));
		odds[first] = odds[first] + chance;
	end
	return odds;
end

local function assert_odds(expected, odds)
	for key, chance in pairs(expected) do assert.near(chance, odds[key] or 0, 1e-9, "odds of " .. key); end
	for key, chance in pairs(odds) do assert(expected[key] or chance == 0, "unexpected: " .. key); end
end

-- RFC 2782 once more, by its own words: the list is in any order, but zeros first, and a draw from 0 to the sum picks the first record
-- whose running sum reaches it. Given are all permutations of the list that S51 and S68 leave: ascending weights, the equal ones in any order.
local function expected_odds(weights)
	local odds = {};
	local function pick(left, order, chance)
		if #left == 0 then
			local key = table.concat(order, " ");
			odds[key] = (odds[key] or 0) + chance;
			return;
		end
		local total = 0;
		for _, i in ipairs(left) do total = total + weights[i]; end
		for at, i in ipairs(left) do
			local before, same, lowest = 0, 0, true;
			for _, other in ipairs(left) do
				if weights[other] < weights[i] then before, lowest = before + weights[other], false; end
				if weights[other] == weights[i] then same = same + 1; end
			end
			local hits = same * weights[i] + (lowest and 1 or 0); -- draws above before, and for the lowest the 0
			if same == #left then hits = total + 1; end
			local rest, longer = {}, {};
			for j, other in ipairs(left) do if j ~= at then rest[#rest + 1] = other; end end
			for j, earlier in ipairs(order) do longer[j] = earlier; end
			longer[#longer + 1] = i;
			if hits > 0 then pick(rest, longer, chance * hits / (total + 1) / same); end
		end
	end
	local all = {};
	for i = 1, #weights do all[i] = i; end
	pick(all, {}, 1);
	return odds;
end

describe("srv: the order of records", function ()
	it("S44: is the one record, without a draw", function ()
		assert.same({ { 1 }, {} }, { order_by({ { 0, 0 } }, {}) });
	end);

	it("S45, S52: puts weights 0, 0, 5 first with odds of 1/12, 1/12 (mended: 1/6 and 0) and 5/6", function ()
		assert_odds({ 1 / 12, 1 / 12, 5 / 6 }, odds_of_first(records_of { 0, 0, 5 }));
	end);

	it("S46, S52: puts weights 10, 20 first with odds of 11/31 and 20/31", function ()
		assert_odds({ ["1 2"] = 11 / 31, ["2 1"] = 20 / 31 }, odds_of_orders(records_of { 10, 20 }));
		assert_odds({ ["2 1"] = 11 / 31, ["1 2"] = 20 / 31 }, odds_of_orders(records_of { 20, 10 }));
	end);

	it("S47: follows the priority, without a draw", function ()
		assert.same({ { 2, 4, 3, 1 }, {} }, { order_by({ { 65535, 0 }, { 0, 65535 }, { 256, 0 }, { 255, 7 } }, {}) });
	end);

	it("S48: draws inside each priority, evenly for equal weights, and never across", function ()
		local records = { { 1, 10 }, { 0, 10 }, { 1, 10 }, { 0, 10 } };
		assert_odds({ ["2 4 1 3"] = 1 / 4, ["2 4 3 1"] = 1 / 4, ["4 2 1 3"] = 1 / 4, ["4 2 3 1"] = 1 / 4 }, odds_of_orders(records));
	end);

	it("S49, S50: never looks at what else a record carries, and leaves its input alone", function ()
		local incomparable = setmetatable({}, { __lt = error, __le = error, __eq = error });
		local function make()
			return { { 1, 1, incomparable }, { 0, 1, {} }, { 1, 0, "x" }, { 0, 1, incomparable, port = 1 }, note = true };
		end
		local records = make();
		local first, second = records[1], records[2];
		for _ = 1, 20 do core.order_srv(records); end
		assert.same(make(), records);
		assert.is_true(rawequal(first, records[1]) and rawequal(second, records[2]));
	end);

	it("S51: takes one draw a pick, from 0 to the weights left, and none for the last", function ()
		assert.same({ { 1, 2, 3 }, { 60, 50 } }, { order_by(records_of { 10, 20, 30 }, { 0, 0 }) });
		assert.same({ { 3, 2, 1 }, { 60, 30 } }, { order_by(records_of { 10, 20, 30 }, { 60, 30 }) });
		assert.same({ { 2, 3, 1 }, { 60, 40 } }, { order_by(records_of { 10, 20, 30 }, { 11, 40 }) });
	end);

	it("S51, S68: takes a second draw where records of one weight are left to choose from", function ()
		assert.same({ { 2, 3, 1 }, { 5, 1, 5 } }, { order_by(records_of { 0, 0, 5 }, { 0, 1, 1 }) });
		assert.same({ { 3, 2, 1 }, { 5, 1 } }, { order_by(records_of { 0, 0, 5 }, { 5, 1 }) });
		assert.same({ { 2, 3, 1 }, { 2, 1 } }, { order_by(records_of { 7, 7, 7 }, { 1, 1 }) });
	end);

	it("S52: has the odds of the seed, but that equal weights share theirs", function ()
		assert_odds({ 1 / 2, 1 / 2 }, odds_of_first(records_of { 10, 10 }));
		assert_odds({ 1 / 11, 10 / 11 }, odds_of_first(records_of { 0, 10 }));
		assert_odds({ 41 / 202, 41 / 202, 60 / 101 }, odds_of_first(records_of { 20, 20, 60 }));
	end);

	it("S53: has the seed's boundaries between draws", function ()
		for draw = 0, 30 do
			assert.same(draw <= 10 and { 1, 2 } or { 2, 1 }, (order_by(records_of { 10, 20 }, { draw })));
		end
		for draw = 0, 5 do
			assert.equal(draw == 0 and 1 or 3, order_by(records_of { 0, 0, 5 }, { draw, 0 })[1]);
		end
	end);

	it("S54: is empty for no records", function ()
		assert.same({ {}, {} }, { order_by({}, {}) });
		assert.same({}, core.order_srv({}));
	end);

	it("S54: draws from math.random unless it is given another", function ()
		local function orders(rng)
			local list = {};
			math.randomseed(1234);
			for i = 1, 100 do list[i] = table.concat(core.order_srv(records_of { 10, 20, 20, 0, 0 }, rng), " "); end
			return list;
		end
		assert.same(orders(math.random), orders(nil));
		assert.same(orders(math.random), orders());
	end);

	it("S68: is every shuffle with the same odds for a group of zeros", function ()
		local odds = odds_of_orders(records_of { 0, 0, 0, 0 });
		local orders = 0;
		for _, chance in pairs(odds) do
			orders = orders + 1;
			assert.near(1 / 24, chance, 1e-9);
		end
		assert.equal(24, orders);
	end);

	it("has the odds of RFC 2782 for all weights from 0 to 3 of up to four records", function ()
		local function try(weights, count)
			if count > 0 then
				for weight = 0, 3 do
					weights[count] = weight;
					try(weights, count - 1);
				end
				return;
			end
			assert_odds(expected_odds(weights), odds_of_orders(records_of(weights)));
		end
		for count = 1, 4 do
			local weights = {};
			for i = 1, count do weights[i] = 0; end
			try(weights, count);
		end
	end);

	it("is a permutation by priority for thousands of the heaviest records", function ()
		local records, seen = {}, {};
		for i = 1, 3000 do records[i] = { i % 3, 65535 - i % 2 }; end
		local order = core.order_srv(records);
		for i, index in ipairs(order) do
			assert(not seen[index] and (i == 1 or records[order[i - 1]][1] <= records[index][1]));
			seen[index] = true;
		end
		assert.equal(3000, #order);
	end);
end);

describe("srv: the caller's mistakes", function ()
	local function problem_of(...)
		local ok, problem = pcall(core.order_srv, ...);
		assert.is_false(ok);
		return tostring(problem);
	end

	it("raise for records that are not a table", function ()
		for _, wrong in ipairs { "x", 1, false } do problem_of(wrong); end
		problem_of();
	end);

	it("raise naming the record", function ()
		local good = { 0, 0 };
		assert.matches("record 2: table expected, got string", problem_of { good, "x", good }, 1, true);
		assert.matches("record 1: table expected, got boolean", problem_of { true }, 1, true);
		for _, wrong in ipairs { -1, 65536, 1.5, 0 / 0, math.huge, "10", {}, false } do
			assert.matches("record 3: priority is not an integer from 0 to 65535", problem_of { good, good, { wrong, 0 } }, 1, true);
			assert.matches("record 2: weight is not an integer from 0 to 65535", problem_of { good, { 0, wrong } }, 1, true);
		end
		assert.matches("record 1: priority", problem_of { {} }, 1, true);
		assert.matches("record 1: weight", problem_of { { 1 } }, 1, true);
	end);

	it("raise for an rng that gives something else than an integer in the range it was given", function ()
		for _, wrong in ipairs { -1, 31, 0.5, 0 / 0, math.huge, "5", {}, true } do
			assert.matches("rng(0, 30) gave " .. tostring(wrong), problem_of(records_of { 10, 20 }, function () return wrong; end), 1, true);
		end
		assert.matches("rng(0, 30) gave nil", problem_of(records_of { 10, 20 }, function () end), 1, true);
		problem_of(records_of { 10, 20 }, "not a function");
	end);

	it("raise what the rng raises", function ()
		assert.matches("out of entropy", problem_of(records_of { 1, 2 }, function () error("out of entropy"); end), 1, true);
	end);

	it("do not matter when the rng changes the records meanwhile", function ()
		local records = records_of { 1, 1, 1 };
		assert.same({ 1, 2, 3 }, core.order_srv(records, function ()
			for i = 1, 3 do records[i] = nil; end
			collectgarbage();
			return 0;
		end));
	end);

	it("are not integers written as floats", function ()
		assert.same({ 2, 1 }, core.order_srv({ { 10.0, 5.0 }, { 5.0, 65535.0 } }));
		assert.same({ 2, 1 }, core.order_srv(records_of { 10, 20 }, function () return 30.0; end));
	end);
end);
