-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- Turns among groups of strangers.

local testturns = require "xmppdns.testturns";

describe("turns:", function ()
	-- What can be taken at once, in order.
	local function take_all(turns)
		local taken = {};
		for number in turns.take, turns do table.insert(taken, number); end
		return taken;
	end

	-- So many of each group, numbered from first on: group by group.
	local function wait(turns, first, count, group, subgroup)
		for number = first, first + count - 1 do
			assert.is_true(turns:wait(number, group, subgroup or group));
		end
		return first + count;
	end

	it("the longest waiting of a group comes first, and each only once", function ()
		local turns = testturns.new(100);
		wait(turns, 1, 5, "a");
		assert.same({ 1, 2, 3, 4, 5 }, take_all(turns));
		assert.same({}, take_all(turns));
	end);

	it("the earliest deadline of a group comes first, whatever groups are within it", function ()
		local turns = testturns.new(100);
		for number, deadline in ipairs({ 9, 3, 7, 5, 3 }) do turns:wait(number, "a", "sub" .. number % 3, deadline); end
		assert.same({ 2, 5, 4, 3, 1 }, take_all(turns));
	end);

	it("the earliest deadline of a group comes first among those of which more may have a place", function ()
		local turns = testturns.new(30); -- of a group 8, of one within it 4
		for number = 1, 20 do turns:wait(number, "a", "greedy", 1); end
		turns:wait(21, "a", "other", 3);
		turns:wait(22, "a", "another", 2);
		local taken = take_all(turns);
		assert.same({ 22, 21 }, { taken[#taken - 1], taken[#taken] });
	end);

	it("who comes first comes first, of whatever group, while each may have more", function ()
		local turns = testturns.new(100);
		for number, group in ipairs({ "a", "b", "b", "a", "c", "b" }) do turns:wait(number, group, group); end
		assert.same({ 1, 2, 3, 4, 5, 6 }, take_all(turns));
	end);

	it("one group alone gets a fifth of the places, and another what it needs then", function ()
		local turns = testturns.new(1000);
		wait(turns, 1, 2000, "greedy.example", "greedy.example");
		local held = #take_all(turns);
		assert.is_true(held > 50 and held <= 201, held);
		wait(turns, 3001, 50, "other.example");
		assert.equal(50, #take_all(turns));
	end);

	it("twenty groups that want all of them leave places for others", function ()
		local turns = testturns.new(1000);
		for group = 1, 20 do
			wait(turns, group * 150, 150, "greedy" .. group);
		end
		local held = #take_all(turns);
		assert.is_true(held > 300 and held < 1000 - 100, held);
		for number = 1, 100 do
			assert.is_true(turns:wait(number, "other" .. number, "other" .. number));
		end
		assert.equal(100, #take_all(turns));
	end);

	it("a group within one leaves places for the others in it", function ()
		local turns = testturns.new(1000);
		wait(turns, 1, 2000, "co.example", "greedy.co.example");
		take_all(turns);
		wait(turns, 3001, 20, "co.example", "other.co.example");
		assert.equal(20, #take_all(turns));
	end);

	it("names made up within a group are still of that group", function ()
		local turns = testturns.new(1000);
		for number = 1, 2000 do
			turns:wait(number, "greedy.example", ("host%d.greedy.example"):format(number));
		end
		assert.is_true(#take_all(turns) <= 201);
	end);

	it("all get their turn, however many groups there are", function ()
		local turns = testturns.new(7);
		local waiting, seen = 0, {};
		for number = 1, 2000 do
			turns:wait(number, "group" .. number % 60, "subgroup" .. number % 300);
			waiting = waiting + 1;
		end
		while waiting > 0 do
			local taken = take_all(turns);
			assert.is_true(#taken >= 1);
			for _, number in ipairs(taken) do
				assert.is_nil(seen[number]);
				seen[number], waiting = true, waiting - 1;
				turns:leave(number);
			end
		end
		assert.equal(0, turns:groups());
	end);

	it("who leaves gives the place back, or waits no more; leaving twice changes nothing", function ()
		local turns = testturns.new(1);
		wait(turns, 1, 3, "a");
		assert.same({ 1 }, take_all(turns));
		turns:leave(2);
		turns:leave(2);
		assert.same({}, take_all(turns));
		turns:leave(1);
		assert.same({ 3 }, take_all(turns));
		turns:leave(3);
		assert.equal(0, turns:groups());
	end);

	it("there may be more places, or fewer: who has one keeps it", function ()
		local turns = testturns.new(0);
		for number = 1, 10 do wait(turns, number, 1, "group" .. number); end
		assert.same({}, take_all(turns));
		turns:set_places(4);
		assert.same({ 1, 2, 3, 4 }, take_all(turns));
		turns:set_places(2);
		turns:leave(1);
		turns:leave(2);
		assert.same({}, take_all(turns));
		turns:leave(3);
		assert.same({ 5 }, take_all(turns));
	end);

	it("all that wait can be walked through", function ()
		local turns = testturns.new(2);
		local expected = {};
		for number = 1, 200 do
			turns:wait(number, "group" .. number % 7, "subgroup" .. number % 21);
		end
		local taken = {};
		for _, number in ipairs(take_all(turns)) do taken[number] = true; end
		for number = 1, 200 do
			if not taken[number] then table.insert(expected, number); end
		end
		local waiting = turns:waiting();
		table.sort(waiting);
		assert.same(expected, waiting);
	end);
end);

describe("turns: the groups of a name", function ()
	it("are its last labels", function ()
		local last_labels = testturns.last_labels;
		assert.equal("example.org", last_labels("_xmpp-server._tcp.example.org", 2));
		assert.equal("_tcp.example.org", last_labels("_xmpp-server._tcp.example.org", 3));
		assert.equal("example.org", last_labels("example.org", 3));
		assert.equal("org", last_labels("org", 2));
		assert.equal(".", last_labels(".", 1));
		assert.equal("a\\.b.c", last_labels("x.a\\.b.c", 2));
		assert.equal("b.c", last_labels("a\\\\.b.c", 2));
	end);
end);
