-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- TLSA records (RFC 6698, 7671), as far as a plan judges them.

local DIGEST_SIZES = { [1] = 32, [2] = 64 };
local SEQUENCE, BIT_STRING = 0x30, 0x03;
local CONTENTS = { [0] = { SEQUENCE, SEQUENCE, BIT_STRING }, [1] = { SEQUENCE, BIT_STRING } }; -- by selector: a certificate, a public key
local WHOLE = { [0] = "certificate", [1] = "public key" };

-- The name at which the TLSA records for that host and TCP port lie.
local function owner_name(base, port)
	return ("_%d._tcp.%s"):format(port, base);
end

-- The DER element at first: its tag, and where its contents begin and end; nil when it is not inside of data.
local function read_element(data, first)
	local tag, length = data:byte(first, first + 1);
	if not length then return nil; end
	local start = first + 2;
	if length >= 0x80 then
		local size = length - 0x80;
		if size < 1 or size > 3 then return nil; end -- more than 16 MB does not fit into a record
		length = 0;
		for i = start, start + size - 1 do
			length = length * 256 + (data:byte(i) or 0);
		end
		start = start + size;
	end
	local last = start + length - 1;
	if last > #data then return nil; end
	return tag, start, last;
end

-- Whether data is, as far as its outer elements tell, one certificate or public key and nothing else.
local function is_whole(data, selector)
	local tag, place, last = read_element(data, 1);
	if tag ~= SEQUENCE or last ~= #data then return false; end
	for _, wanted in ipairs(CONTENTS[selector]) do
		local inner, _, inner_last = read_element(data, place);
		if inner ~= wanted then return false; end
		place = inner_last + 1;
	end
	return place == last + 1;
end

-- Why the record { use, select, match, data } can never be used (R23), or nil.
local function refuse(record)
	if record.use > 3 then return "unknown usage"; end
	if record.select > 1 then return "unknown selector"; end
	if record.match > 2 then return "unknown matching type"; end
	if #record.data == 0 then return "no data"; end
	local size = DIGEST_SIZES[record.match];
	if size and #record.data ~= size then return ("a digest of %d bytes instead of %d"):format(#record.data, size); end
	if not size and not is_whole(record.data, record.select) then return "not a "..WHOLE[record.select]; end
end

local function kind(record)
	return record.use * 2 + record.select;
end

local function find_strongest(records, reasons)
	local strongest = {};
	for place, record in ipairs(records) do
		if not reasons[place] then strongest[kind(record)] = math.max(strongest[kind(record)] or 0, record.match); end
	end
	return strongest;
end

-- Why records do not count (R23), by their place in the list: of the digests of one usage and selector only the strongest counts, beside the
-- records in full. A record that can never be used does not count for that. is_secure: whether the answer was validated.
local function list_reasons(records, is_secure)
	local reasons = {};
	for place, record in ipairs(records) do reasons[place] = refuse(record); end
	local strongest = records[2] and find_strongest(records, reasons);
	for place, record in ipairs(records) do
		local is_weaker = strongest and record.match ~= 0 and record.match ~= strongest[kind(record)];
		reasons[place] = reasons[place] or is_weaker and "there is a stronger digest" or not is_secure and "not secured by DNSSEC" or nil;
	end
	return reasons;
end

local function list_usable(records)
	if records[1] and not records[2] and not refuse(records[1]) then return records; end -- most often
	local reasons, usable = list_reasons(records, true), {};
	for place, record in ipairs(records) do
		if not reasons[place] then usable[#usable + 1] = record; end
	end
	return usable;
end

-- records: a list of { use, select, match, data } as LuaSec and Prosody want them, from a validated answer. Gives "none" (there are no records),
-- "unusable" or "usable", with a list of those that are usable.
local function judge(records)
	local usable = list_usable(records);
	return usable[1] and "usable" or records[1] and "unusable" or "none", usable;
end

return { owner_name = owner_name, list_reasons = list_reasons, judge = judge };
