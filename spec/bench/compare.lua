-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- make bench-compare: the last run of make bench beside the one before it, row by row. What has a peer is compared by its ratio to that peer, for the
-- machine's speed is in both of them; a row is worse or better when the two spreads do not meet.

local json = require "dkjson";

local WIDTHS = { 58, 12, 12, 24, 24, 7 };
local ROUNDS = 3; -- fewer have no spread

local function read(path)
	local file = io.open(path);
	if not file then return nil; end
	local run = json.decode(file:read("*a"));
	file:close();
	return type(run) == "table" and run.rows and run or nil;
end

local function by_case(run)
	local rows = {};
	for _, row in ipairs(run.rows) do rows[row.case] = row; end
	return rows;
end

-- Which of two rows is higher as a whole: 1 the second one, -1 the first, 0 where the spreads meet, one could not run, or a few rounds tell nothing.
local function higher(before, after)
	local low, high = before.ratio_min or before.ours_min, before.ratio_max or before.ours_max;
	local new_low, new_high = after.ratio_min or after.ours_min, after.ratio_max or after.ours_max;
	if not low or not new_low or math.min(before.rounds, after.rounds) < ROUNDS then return 0; end
	return new_low > high and 1 or new_high < low and -1 or 0;
end

local function judge(before, after)
	local change = higher(before, after);
	if change == 0 then return ""; end
	return (change == 1) == (after.more_is_better == true) and "better" or "WORSE";
end

local function number(value)
	return type(value) == "number" and ("%.4g"):format(value) or "-";
end

local function spread(row)
	return row.ratio and ("%s (%s-%s)"):format(number(row.ratio), number(row.ratio_min), number(row.ratio_max)) or "-";
end

local function print_cells(cells)
	local line = {};
	for i, width in ipairs(WIDTHS) do line[i] = cells[i] .. (" "):rep(width - #cells[i]); end
	print((table.concat(line, " "):gsub(" +$", "")));
end

local function compare(before, after)
	local known, missing = by_case(before), 0;
	print_cells({ "case", "before", "now", "ratio before (spread)", "ratio now (spread)", "" });
	for _, row in ipairs(after.rows) do
		local old = known[row.case];
		if old then
			print_cells({ ("%s, %s"):format(row.case, row.unit), number(old.ours), number(row.ours), spread(old), spread(row), judge(old, row) });
		else
			missing = missing + 1;
		end
	end
	if missing > 0 then print(("%d rows are new: the run before did not have them"):format(missing)); end
end

local before, after = read("build/bench.before.json"), read("build/bench.json");
if not before or not after then
	io.stderr:write("bench-compare: it takes two runs of make bench, of the same cases: build/bench.before.json and build/bench.json\n");
	os.exit(1);
end
compare(before, after);
