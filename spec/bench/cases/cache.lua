-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- The answer cache by itself: memory, and how inserting and evicting grow with its size.

local goals = require "spec.bench.goals";

local function measure(count)
	return function ()
		local cachefill = require "bench.cachefill";
		local memory, insert, evict = cachefill.fill(count);
		return { memory = memory / 2^20, insert = insert, evict = evict, reads = cachefill.reads(math.floor(memory)) };
	end
end

return {
	order = { "thousand", "many", "million" };
	sides = { thousand = measure(1000), many = measure(100000), million = measure(1000000) };
	rows = {
		goals.limit("cache: 100,000 SRV answers", "many.memory", nil, "MB", 64);
		goals.within("cache: insert at 1,000,000; at 1,000 and two reads of that memory", "million.insert", "thousand.insert + million.reads", "us", 1.2);
		goals.shown("cache: evict at 1,000,000; at 1,000", "million.evict", "thousand.evict", "us");
		goals.within("cache: evict at 1,000,000; four reads of that memory", "million.evict", "million.reads + million.reads", "us", 1.2);
	};
};
