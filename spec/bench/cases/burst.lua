-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- Cold lookups submitted in a row, as fast as they can be: how long one submission takes at most, and all of them.

local goals = require "spec.bench.goals";
local ours = require "spec.bench.ours";
local stock = require "spec.bench.stock";
local work = require "spec.bench.work";

local function ignore() end

local function submit(names, ask)
	local longest, total = 0, 0;
	for i = 1, #names do
		local spent = ours.time(ask, names[i], ignore);
		total = total + spent;
		longest = math.max(longest, spent);
	end
	return { longest = longest * 1e3, total = total * 1e3 };
end

local function submit_ours(setup, count)
	local resolver = ours.new(setup);
	local function ask(name, callback) resolver:query(name, "SRV", callback); end
	work.ask_all(work.names(1, 20000), 1, ask, function () resolver:wait(); end); -- its context is made then
	return submit(work.names(count), ask);
end

local function submit_unbound(setup, count)
	local resolver, server = stock.unbound(setup).resolver(), stock.server();
	local function ask(name, callback) resolver:lookup(callback, name, "SRV", "IN"); end
	work.ask_all(work.names(1, 20000), 1, ask, function () server.loop(true); end);
	return submit(work.names(count), ask);
end

return {
	order = { "ours500", "unbound500", "ours20000", "unbound20000" };
	sides = {
		ours500 = function (setup) return submit_ours(setup, 500); end;
		ours20000 = function (setup) return submit_ours(setup, 20000); end;
		unbound500 = function (setup) return submit_unbound(setup, 500); end;
		unbound20000 = function (setup) return submit_unbound(setup, 20000); end;
	};
	rows = {
		goals.pause("burst of 500: longest call", "ours500.longest", "unbound500.longest", 1);
		goals.pause("burst of 20,000: longest call", "ours20000.longest", "unbound20000.longest", 1);
		goals.faster("burst of 20,000: all calls", "ours20000.total", "unbound20000.total", "ms", 1);
	};
};
