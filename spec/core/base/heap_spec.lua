-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- The heap of deadlines, against a sorted list.

local testcore = require "xmppdns.testcore";

-- The same draws in every Lua (Park and Miller's generator).
local function new_random(seed)
	return function (most)
		seed = seed * 16807 % 2147483647;
		return seed % most + 1;
	end
end

-- Takes the top until the heap is empty, and gives the order.
local function drain(heap)
	local order = {};
	local top = heap:top();
	while top do
		table.insert(order, top);
		heap:take(top);
		top = heap:top();
	end
	return order;
end

local function goes_before(a, b)
	if a.deadline ~= b.deadline then return a.deadline < b.deadline; end
	return a.order < b.order;
end

local function sorted_numbers(model)
	local list, numbers = {}, {};
	for _, item in pairs(model) do table.insert(list, item); end
	table.sort(list, goes_before);
	for i, item in ipairs(list) do numbers[i] = item.number; end
	return numbers;
end

describe("heap: a heap of deadlines", function ()
	it("is empty at first", function ()
		assert.same({ nil, 0, n = 2 }, (function (...) return { n = select("#", ...), ... }; end)(testcore.new_heap(1):top()));
	end);

	it("gives the earliest deadline first", function ()
		local heap = testcore.new_heap(4);
		heap:push(1, 30, 0);
		heap:push(2, -10, 0);
		heap:push(3, 20, 0);
		heap:push(4, 10, 0);
		assert.same({ 2, 4, 3, 1 }, drain(heap));
	end);

	it("gives the lower order first among equal deadlines", function ()
		local heap = testcore.new_heap(4);
		for i, order in ipairs { 7, 3, 9, 1 } do heap:push(i, 5, order); end
		assert.same({ 4, 2, 1, 3 }, drain(heap));
	end);

	it("ignores an item that is not in it", function ()
		local heap = testcore.new_heap(2);
		heap:push(1, 5, 1);
		heap:take(2);
		heap:take(1);
		heap:take(1);
		assert.same({}, drain(heap));
	end);

	it("tells of each item whether it is in", function ()
		local heap = testcore.new_heap(2);
		heap:push(2, 5, 1);
		local before = { heap:holds(1), heap:holds(2) };
		heap:take(2);
		assert.same({ { false, true }, { false, false } }, { before, { heap:holds(1), heap:holds(2) } });
	end);

	it("orders as a sorted list does, with items taken from the middle", function ()
		local items = 300;
		for seed = 1, 10 do
			local random, heap, model = new_random(seed), testcore.new_heap(items), {};
			for step = 1, 2000 do
				local number = random(items);
				if model[number] then
					heap:take(number);
					model[number] = nil;
				else
					model[number] = { number = number, deadline = random(50), order = step };
					assert.is_true(heap:push(number, model[number].deadline, step));
				end
				if step % 100 == 0 then
					local numbers = sorted_numbers(model);
					assert.same({ numbers[1], #numbers }, { heap:top() });
				end
			end
			assert.same(sorted_numbers(model), drain(heap));
		end
	end);

	it("refuses an item when there is no memory, and takes it later", function ()
		local heap = testcore.new_heap(20);
		for i = 1, 16 do heap:push(i, 100 - i, 0); end
		testcore.fail_allocation(1);
		local refused = heap:push(17, 1, 0);
		testcore.fail_allocation(0);
		assert.same({ false, false, true }, { refused, heap:holds(17), heap:push(17, 1, 0) });
		assert.same({ 17, 16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1 }, drain(heap));
	end);

	it("gives its memory back", function ()
		collectgarbage();
		local before = testcore.live_allocations();
		local heap = testcore.new_heap(100);
		for i = 1, 100 do heap:push(i, i, 0); end
		assert.equal(before + 1, testcore.live_allocations());
		heap = nil; -- luacheck: ignore
		collectgarbage();
		collectgarbage();
		assert.equal(before, testcore.live_allocations());
	end);
end);
