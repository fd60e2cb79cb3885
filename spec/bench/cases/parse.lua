-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- What the largest answers cost whoever has to read them: strangers send them.

local goals = require "spec.bench.goals";

local function u16(number)
	return string.char(math.floor(number / 256), number % 256);
end

-- An answer of that many records to name's question: qtype, and rdata(i). All owners are a pointer at the question, as libunbound writes them.
local function make_packet(name, qtype, count, rdata)
	local records = {};
	for i = 1, count do
		local data = rdata(i);
		records[i] = "\192\12" .. u16(qtype) .. "\0\1\0\0\0\60" .. u16(#data) .. data;
	end
	local packet = "\0\0\129\128\0\1" .. u16(count) .. "\0\0\0\0" .. name .. u16(qtype) .. "\0\1" .. table.concat(records);
	return #packet < 65536 and packet or error("a packet of " .. #packet .. " bytes");
end

-- The shortest time of some.
local function measure_least(parse, count, ...)
	local least = math.huge;
	for _ = 1, 20 do
		local time, found = parse(...);
		if found ~= count then error(("%d of %d records"):format(found, count)); end
		least = math.min(least, time);
	end
	return least;
end

local function measure(name, text, qtype, count, rdata)
	return function ()
		local bench, packet = require "bench.parse", make_packet(name, qtype, count, rdata);
		return {
			time = measure_least(bench.parse, count, packet, text, qtype);
			libc = measure_least(bench.parse_with_libc, count, packet);
		};
	end;
end

local short = { "\1a\7example\0", "a.example" };
local long = { ("\1a"):rep(126) .. "\0", ("a."):rep(125) .. "a" }; -- as many labels as a name can have

return {
	order = { "a", "srv" };
	sides = {
		a = measure(short[1], short[2], 1, 4090, function (i) return "\192\0" .. u16(i); end);
		srv = measure(long[1], long[2], 33, 3250, function (i) return u16(i) .. "\0\0\20\149\192\12"; end);
	};
	rows = {
		goals.within("an answer of 64 KB, 4,090 addresses; read only", "a.time", "a.libc", "ms", 4);
		goals.within("an answer of 64 KB, 3,250 SRV of 126 labels; read only", "srv.time", "srv.libc", "ms", 1.5);
	};
};
