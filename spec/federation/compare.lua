-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- make compare: a table in Markdown of what becomes of every row of rows.lua with mod_xmppdns, and with stock Prosody over lua-unbound
-- and the same trust anchor. Slow: stock Prosody is given as long as it takes. It has no xmppdns_remote; its policy rows show what that is for.

package.path = "./?.lua;" .. package.path;

local federation = require "spec.federation.federation";
local groups = require "spec.federation.rows";
local process = require "spec.support.process";

local PATIENCE = 30; -- seconds for one ping

local function progress(text)
	io.stderr:write(text, " ...\n");
end

local function prosody_version()
	return process.run({ "dpkg-query", "-W", "-f", "${Version}", "prosody" }):match("^[%d.]+");
end

-- What became of the row in one cell, and whether that is as it should be: the wording of a refusal does not count.
local function describe(place, row, result)
	local _, field = place:difference(row, result);
	local good = field == nil or field == "reason";
	local ending = result.pong and "pong " .. (place:endpoint_name(result) or "") or field == "reason" and "refused for no clear reason" or "refused";
	return ("%s %s, %.2f s"):format(good and "✓" or "✗", (ending:gsub(" $", "")), result.seconds or 0), good;
end

-- The cells of all rows, by row, and how many are as they should be.
local function ping_all(stock)
	progress(stock and "stock Prosody" or "Prosody with mod_xmppdns");
	local place = federation.start(groups, { stock = stock, timeout = PATIENCE });
	local cells, count = {}, 0;
	for _, row in ipairs(place.rows) do
		local text, good = describe(place, row, place:ping(row));
		cells[row] = text;
		count = count + (good and 1 or 0);
	end
	place:stop();
	return cells, count;
end

local function print_row(...)
	print("| " .. table.concat({ ... }, " | ") .. " |");
end

local function describe_expectation(expect)
	if not expect.pong then return "refused"; end
	return expect.endpoint and "pong " .. expect.endpoint or "pong";
end

local ours, our_good = ping_all(false);
local stock, stock_good = ping_all(true);
local version = prosody_version();
print_row("", "", "must be", "mod_xmppdns on Prosody " .. version, "stock Prosody " .. version);
print_row("---", "---", "---", "---", "---");
for _, group in ipairs(groups) do
	print_row(("**%s** (%s)"):format(group.title, group.about), "", "", "", "");
	for _, row in ipairs(group.rows) do
		print_row(row.domain, row.about, describe_expectation(row.expect), ours[row], stock[row]);
	end
end
local total = #federation.flatten(groups);
print_row("as it should be", "", total, our_good, stock_good);
process.stop_all();
