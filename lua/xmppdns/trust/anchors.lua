-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- Which trust anchors a resolver has, and what is known about the root's keys.

local floor = math.floor;

local KEY_TAG_MODULUS = 65536;
local REVOKED_FLAG = 128; -- of a DNSKEY (RFC 5011)

-- The root's key signing keys so far. retired: when the root's keys stopped being signed by it, revoked: when it is or was revoked (UTC).
local ROOT_KEYS = {
	[19036] = { retired = "2018-10-11", revoked = "2019-01-11" };
	[20326] = { retired = "2026-10-11", revoked = "2027-01-11" };
	[38696] = {};
};

-- RFC 5011's states as libunbound and rfc5011 write them into an autotrust file; only these are trusted: valid, and valid but missing at the moment.
local STATES = { [0] = "start", "pending", "valid", "missing", "revoked", "removed" };
local TRUSTED_STATES = { valid = true, missing = true };

local DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

-- The bytes of base64 text; nil when it is none.
local function read_base64(text)
	local bytes, bits, value = {}, 0, 0;
	for digit in text:gsub("=+$", ""):gmatch(".") do
		local number = DIGITS:find(digit, 1, true);
		if not number then return nil; end
		bits, value = bits + 6, value * 64 + number - 1;
		if bits >= 8 then
			bits = bits - 8;
			bytes[#bytes + 1] = string.char(floor(value / 2 ^ bits));
			value = value % 2 ^ bits;
		end
	end
	return table.concat(bytes);
end

-- RFC 4034, appendix B. nil without a readable key.
local function key_tag(flags, protocol, algorithm, key)
	local bytes = read_base64(key);
	if not bytes then return nil; end
	local sum = flags + protocol * 256 + algorithm;
	for i = 1, #bytes do
		sum = sum + (i % 2 == 1 and bytes:byte(i) * 256 or bytes:byte(i));
	end
	return (sum + floor(sum / KEY_TAG_MODULUS)) % KEY_TAG_MODULUS;
end

local function read_dnskey(words, place)
	local flags, protocol, algorithm = tonumber(words[place + 1]), tonumber(words[place + 2]), tonumber(words[place + 3]);
	if not (flags and protocol and algorithm) then return nil; end
	return key_tag(flags, protocol, algorithm, table.concat(words, "", place + 4)), floor(flags / REVOKED_FLAG) % 2 == 1;
end

-- { zone, tag, kind = "DS"|"DNSKEY", state } from a line of a zone file, or nil.
local function read_anchor(line)
	local state = STATES[tonumber(line:match(";;state=(%d)"))];
	local words = {};
	for word in line:gsub(";.*", ""):gmatch("%S+") do words[#words + 1] = word; end
	for place = 2, #words do
		local kind = words[place]:upper();
		local tag, is_revoked;
		if kind == "DS" then
			tag = tonumber(words[place + 1]);
		elseif kind == "DNSKEY" then
			tag, is_revoked = read_dnskey(words, place);
		end
		if tag then
			local zone = words[1] == "." and "." or words[1]:lower():gsub("%.$", "");
			return { zone = zone, tag = tag, kind = kind, state = is_revoked and "revoked" or state };
		end
	end
end

-- The whole file's bytes, or "" where it cannot be read.
local function read_file(path)
	local file = path and io.open(path, "rb");
	if not file then return ""; end
	local text = file:read("*a");
	file:close();
	return text or "";
end

local function modified(path)
	local found, lfs = pcall(require, "lfs");
	return path and found and lfs.attributes(path, "modification") or nil;
end

local function date_to_time(date)
	local year, month, day = date:match("^(%d+)-(%d+)-(%d+)$");
	return os.time({ year = tonumber(year), month = tonumber(month), day = tonumber(day), hour = 0 });
end

-- "current"; "retired" (the root is no longer signed by it); "revoked"; or "unknown" (not the public root's, or of a later day than this code).
local function judge_root_key(anchor, now)
	if anchor.state == "revoked" then return "revoked"; end
	local key = ROOT_KEYS[anchor.tag];
	if not key then return "unknown"; end
	if key.revoked and now >= date_to_time(key.revoked) then return "revoked"; end
	return key.retired and now >= date_to_time(key.retired) and "retired" or "current";
end

local function add_anchor(anchors, seen, line)
	local anchor = read_anchor(line);
	local name = anchor and ("%s %s %d"):format(anchor.zone, anchor.kind, anchor.tag);
	if not anchor or seen[name] then return; end
	seen[name], anchors[#anchors + 1] = true, anchor;
end

-- What the resolver's effective settings trust: { [1..n] = { zone, tag, kind, state, verdict }, source = "built in"|"settings"|paths,
-- changed = when the file last changed, or its keys were last asked for (seconds since 1970, or nil) }.
-- state: RFC 5011's, of keys in the file of autotrust; those that are not trusted are in the list, too. verdict, of the root's keys: see judge_root_key.
local function read(settings, now)
	local anchors, seen = { source = settings.anchor_source }, {};
	local followed = read_file(settings.autotrust);
	for line in followed:gmatch("[^\n]+") do add_anchor(anchors, seen, line); end
	for _, line in ipairs(settings.anchors or {}) do add_anchor(anchors, seen, line); end
	anchors.changed = tonumber(followed:match(";;last_queried: (%d+)")) or modified(settings.autotrust or settings.trustfile);
	for _, anchor in ipairs(anchors) do
		if anchor.zone == "." then anchor.verdict = judge_root_key(anchor, now); end
	end
	return anchors;
end

local function is_trusted(anchor)
	return anchor.state == nil or TRUSTED_STATES[anchor.state] == true;
end

-- The root's tags by verdict: { current = { 38696 }, retired = { 20326 }, ... }, only of trusted and revoked anchors, each once.
local function root_tags(anchors)
	local tags, seen = {}, {};
	for _, anchor in ipairs(anchors) do
		local verdict = anchor.verdict;
		if verdict and (is_trusted(anchor) or verdict == "revoked") and not seen[anchor.tag] then
			seen[anchor.tag] = true;
			tags[verdict] = tags[verdict] or {};
			table.insert(tags[verdict], anchor.tag);
		end
	end
	return tags;
end

-- ". DS 20326 (retired), . DS 38696 (current)", or "none".
local function describe(anchors)
	local texts = {};
	for i, anchor in ipairs(anchors) do
		local note = anchor.state or (anchor.verdict ~= "unknown" and anchor.verdict) or nil;
		texts[i] = ("%s %s %d%s"):format(anchor.zone, anchor.kind, anchor.tag, note and " (" .. note .. ")" or "");
	end
	return #texts == 0 and "none" or table.concat(texts, ", ");
end

-- The day of a known root key's revocation: "2027-01-11", or nil.
local function revocation_day(tag)
	return ROOT_KEYS[tag] and ROOT_KEYS[tag].revoked;
end

return {
	read = read;
	root_tags = root_tags;
	describe = describe;
	revocation_day = revocation_day;
	key_tag = key_tag;
	read_base64 = read_base64;
	read_file = read_file;
};
