-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- make bench: measures each case against its peers in turn, prints the table, and writes build/bench.json; what was there becomes
-- build/bench.before.json. Never fails.
-- build/bench.json: { seconds = { [case] = for one round }, rows = { { case, unit, goal, ours, ours_min, ours_max, peer, ratio, ratio_min,
-- ratio_max, more_is_better, rounds, holds, error } } }.
-- Environment: CASES (names in spec/bench/cases, or all), ROUNDS (5), BINARIES (directory of the helpers), LUA.

package.path = "./?.lua;./lua/?.lua;" .. package.path;

local json = require "dkjson";
local process = require "spec.support.process";
local upstream = require "spec.bench.upstream";
local zones = require "spec.bench.zones";

local ALL = {
	"cached", "cold", "fleet", "burst", "plan", "jitter", "domains", "storm", "restart", "late", "dead", "waiting", "starvation", "cache", "parse", "start";
};
local WIDTHS = { 52, 11, 11, 12, 20, 24, 6 };
local LONGEST = 120; -- seconds for one measurement
local ROUND = 11; -- seconds of one round of a case, about, where neither a run before nor the case tells
local FILE, BEFORE = "build/bench.json", "build/bench.before.json";

local lua, binaries = os.getenv("LUA") or "lua5.4", os.getenv("BINARIES") or "build/5.4/bench";
local rounds = tonumber(os.getenv("ROUNDS") or "") or 5;

local function progress(text, ...)
	io.stderr:write("bench: ", text:format(...), "\n");
end

local function wanted_cases()
	local names = {};
	for name in (os.getenv("CASES") or ""):gmatch("[%w_]+") do names[#names + 1] = name; end
	return names[1] and names or ALL;
end

local function read_seconds()
	local last = json.decode(process.read(FILE) or "");
	return type(last) == "table" and last.seconds or {};
end

-- The case, or nil and why it cannot run; and its rounds.
local function load_case(name)
	local found, case = pcall(require, "spec.bench.cases." .. name);
	if not found then return nil, case, 0; end
	return case, nil, math.min(rounds, case.most_rounds or rounds);
end

-- How often a round's time passes: those of a case that only waits go on side by side.
local function count_turns(case, count)
	return case and case.is_parallel and 1 or count;
end

local function announce(names)
	local known, seconds = read_seconds(), 0;
	for _, name in ipairs(names) do
		local case, _, count = load_case(name);
		seconds = seconds + count_turns(case, count) * (known[name] or case and case.seconds or ROUND);
	end
	progress("%d of %d cases, %d rounds: about %d minutes. CASES= chooses among %s", #names, #ALL, rounds, math.ceil(seconds / 60), table.concat(ALL, " "));
end

local function quote(text)
	return "'" .. text:gsub("'", "'\\''") .. "'";
end

-- Begins one measurement; the result gives its numbers, or { error = text }.
local function begin(name, side, setup, longest)
	local pipe = io.popen(("exec timeout -k 5 %d %s spec/bench/measure.lua %s %s %s 2>&1"):format(longest or LONGEST, lua, name, side, quote(json.encode(setup))));
	return function ()
		local output = pipe:read("*a");
		pipe:close();
		local last = output:match("([^\n]*)\n$") or "";
		local result = last:sub(1, 1) == "{" and json.decode(last);
		return result or { error = output == "" and "it did not end in time" or output:sub(-300) };
	end;
end

-- samples[round][side] = numbers, in the order A B A B; all at once for a case that only waits.
local function measure_case(name, case, setup, count)
	local samples, running = {}, {};
	for round = 1, count do
		samples[round] = {};
		for _, side in ipairs(case.order) do
			progress("%s, round %d: %s", name, round, side);
			local finish = begin(name, side, setup, case.longest);
			if case.is_parallel then
				running[#running + 1] = function () samples[round][side] = finish(); end;
			else
				samples[round][side] = finish();
			end
		end
	end
	for _, finish in ipairs(running) do finish(); end
	return samples;
end

local function median(values)
	if not values[1] then return nil; end
	local sorted = { table.unpack(values) };
	table.sort(sorted);
	local middle = math.floor((#sorted + 1) / 2);
	return #sorted % 2 == 1 and sorted[middle] or (sorted[middle] + sorted[middle + 1]) / 2, sorted[1], sorted[#sorted];
end

-- "side.field" of one round, or the sum of several, "side.field + side.field": number | nil, problem
local function pick(sample, paths)
	local sum = 0;
	for side, field in paths:gmatch("([%w_]+)%.([%w_]+)") do
		local numbers = sample[side];
		if numbers.error then return nil, side .. ": " .. numbers.error; end
		if not numbers[field] then return nil, ("%s gave no %s"):format(side, field); end
		sum = sum + numbers[field];
	end
	return sum;
end

local function fill_row(row, samples)
	local ours, peers, ratios, problem = {}, {}, {}, nil;
	for _, sample in ipairs(samples) do
		local a, a_problem = pick(sample, row.ours);
		local b, b_problem;
		if row.peer then b, b_problem = pick(sample, row.peer); end
		ours[#ours + 1], peers[#peers + 1] = a, b;
		if a and b and a > 0 and b > 0 then ratios[#ratios + 1] = row.ratio(a, b); end
		problem = problem or (not a and a_problem) or (row.peer and not b and b_problem) or nil;
	end
	local result = { case = row.case, unit = row.unit, goal = row.goal, peer = median(peers), rounds = #samples };
	result.ours, result.ours_min, result.ours_max = median(ours);
	if row.is_lowest then result.ours = result.ours_min; end
	result.more_is_better = row.more_is_better;
	result.ratio, result.ratio_min, result.ratio_max = median(ratios);
	result.error = problem;
	result.holds = not problem and row.holds(result.ours, result.ratio, result.peer);
	return result;
end

local function number(value)
	if not value then return "-"; end
	return value >= 1000 and ("%.0f"):format(value) or value >= 100 and ("%.1f"):format(value) or value == 0 and "0" or ("%.3g"):format(value);
end

local function print_cells(cells)
	for i, width in ipairs(WIDTHS) do
		io.write(cells[i], (" "):rep(width - #cells[i]), " ");
	end
	io.write("\n");
end

local function print_row(row)
	local spread = row.ratio and ("%s (%s-%s)"):format(number(row.ratio), number(row.ratio_min), number(row.ratio_max)) or "-";
	print_cells({ row.case, number(row.ours), number(row.peer), row.unit, spread, row.goal, row.holds and "yes" or "NO" });
	if row.error then io.write("    could not run: ", (row.error:gsub("%s+", " ")), "\n"); end
end

local function prepare()
	local setup = upstream.serve(zones.prepare(), (process.run({ "realpath", binaries }):gsub("\n", "")));
	setup.domains = zones.DOMAINS;
	return setup, upstream.open_targets(zones.DEAD, zones.LIVE, zones.PORT);
end

local function run_case(name, setup, rows, seconds)
	local case, problem, count = load_case(name);
	if not case then
		rows[#rows + 1] = { case = name, unit = "", goal = "", holds = false, error = problem };
		return;
	end
	local begun = os.time();
	local samples = measure_case(name, case, setup, count);
	seconds[name] = (os.time() - begun) / count_turns(case, count);
	for _, row in ipairs(case.rows) do rows[#rows + 1] = fill_row(row, samples); end
end

local function run()
	local names, rows, seconds = wanted_cases(), {}, {};
	announce(names);
	local setup, targets = prepare();
	for _, name in ipairs(names) do
		run_case(name, setup, rows, seconds);
	end
	for _, target in ipairs(targets) do target:close(); end
	return rows, seconds;
end

-- What was not measured now keeps its time from before.
local function write_file(rows, seconds)
	for name, before in pairs(read_seconds()) do seconds[name] = seconds[name] or before; end
	os.rename(FILE, BEFORE);
	process.write(FILE, json.encode({ seconds = seconds, rows = rows }, { indent = true }) .. "\n");
end

local started = os.time();
local ok, rows, seconds = xpcall(run, debug.traceback);
if not ok then
	progress("it broke off: %s", rows);
	rows, seconds = {}, {};
end
print_cells({ "case", "ours", "peer", "unit", "ratio (spread)", "goal", "holds" });
for _, row in ipairs(rows) do print_row(row); end
write_file(rows, seconds);
progress("%d rows in %d seconds, also in %s; make bench-compare shows them beside the run before", #rows, os.time() - started, FILE);
process.stop_all();
