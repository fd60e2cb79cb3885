-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- The states of a zone's keys over time (RFC 5011): each is what the last one, the keys seen, and the time make of it.
--
-- libunbound could follow keys too, but ends the whole process when it cannot write beside its file, and leaves an empty one behind when the disk is
-- full; a private copy for it would have to be watched, checked and published all the same. This is less, and can be tried over years in a moment.
--
-- A state is { zone = "." or "example.org", keys = { { flags, protocol, algorithm, public = base64, state, changed } ... },
-- ds = { "zone. IN DS ..." ... } (anchors of which the key has not been seen yet), queried =, succeeded = (when last) }. Times are seconds since 1970.

local anchors_of = require "xmppdns.trust.anchors";
local core = require "xmppdns.core";

local floor, max, min = math.floor, math.max, math.min;

local HOUR, DAY = 3600, 86400;
local HOLD_DOWN = 30 * DAY;  -- RFC 5011, 2.4.1 and 2.4.2: before a new key is trusted, and before a revoked one may go
local MOST_UNSEEN = 15 * DAY; -- of the hold-down, between two looks: neither a clock set forward nor a machine switched off shall shorten it
local ZONE_FLAG, REVOKED_FLAG, ENTRY_FLAG = 256, 128, 1;
local DIGEST_SIZES = { [1] = 40, [2] = 64, [4] = 96 }; -- of a DS record, in hexadecimal digits

-- libunbound's numbers, in whose format the file is.
local STATES = { pending = 1, valid = 2, missing = 3, revoked = 4, removed = 5 };
local SHOWN = { pending = " ADDPEND ", valid = "  VALID  ", missing = " MISSING ", revoked = " REVOKED ", removed = " REMOVED " };

local TRUSTED = { valid = true, missing = true };

local function has_flag(flags, flag)
	return floor(flags / flag) % 2 == 1;
end

local function without_revoked(flags)
	return has_flag(flags, REVOKED_FLAG) and flags - REVOKED_FLAG or flags;
end

-- What stays the same when a key is revoked, which its tag does not.
local function identity(key)
	return ("%d %d %d %s"):format(without_revoked(key.flags), key.protocol, key.algorithm, key.public);
end

local function tag_of(key)
	return anchors_of.key_tag(key.flags, key.protocol, key.algorithm, key.public);
end

local function absolute(zone)
	return zone == "." and "." or zone .. ".";
end

local function key_line(zone, key)
	return ("%s IN DNSKEY %d %d %d %s"):format(absolute(zone), key.flags, key.protocol, key.algorithm, key.public);
end

local function describe(state, key)
	return ("%s DNSKEY %d"):format(state.zone, tag_of(key));
end

-- The DS record (SHA-256: the others are not in use at the root) of a key, in core's form.
local function ds_line(zone, key)
	local owner = zone == "." and "\0" or zone:gsub("([^.]+)%.?", function (label) return string.char(#label) .. label; end) .. "\0";
	local rdata = string.char(floor(key.flags / 256), key.flags % 256, key.protocol, key.algorithm) .. anchors_of.read_base64(key.public);
	local digest = core.sha256(owner .. rdata):gsub(".", function (byte) return ("%02X"):format(byte:byte()); end);
	return ("%s IN DS %d %d 2 %s"):format(absolute(zone), tag_of(key), key.algorithm, digest);
end

-- Whether it is the record of that key, as it is, or was, when it is not revoked.
local function is_ds_of(line, zone, key)
	local flags = key.flags;
	key.flags = without_revoked(flags);
	local is_its = ds_line(zone, key) == line;
	key.flags = flags;
	return is_its;
end

-- Reading and writing

-- The records of a zone file, as core reads them: { body, comment, owner }. One may go over several lines, in parentheses, and leave out its owner, which is
-- then that of the one before.
local function read_records(text)
	local records, body, comment, depth, owner = {}, "", "", 0, ".";
	for line in (text .. "\n"):gmatch("([^\n]*)\n") do
		local said, remark = line:match("^([^;]*)(.*)$");
		depth = depth + select(2, said:gsub("%(", "")) - select(2, said:gsub("%)", ""));
		body = (body == "" and said or body .. " " .. said):gsub("[()]", " ");
		comment = remark:find(";;state=", 1, true) and remark or comment;
		if depth <= 0 then
			owner = body:match("^%S+") or owner;
			if depth == 0 and body:find("%S") then records[#records + 1] = { body = body:gsub("^%S+", ""), comment = comment, owner = owner }; end
			body, comment, depth = "", "", 0;
		end
	end
	return records;
end

-- A record's type, in capitals, and the words behind it.
local function read_type(body)
	local words = {};
	for word in body:gmatch("%S+") do words[#words + 1] = word; end
	for _ = 1, 2 do
		local is_ttl = words[1] and words[1]:find("^%d[%dsmhdwSMHDW]*$");
		if is_ttl or words[1] and words[1]:upper() == "IN" then table.remove(words, 1); end
	end
	return words[1] and table.remove(words, 1):upper(), words;
end

local function read_number(word, most)
	local number = word and #word <= 5 and word:find("^%d+$") and tonumber(word);
	return number and number <= most and number or nil;
end

-- The three numbers that both kinds begin with, and what is behind them; nil where they are none.
local function read_fields(words, most)
	local first, second, third = read_number(words[1], most), read_number(words[2], 255), read_number(words[3], 255);
	if not (first and second and third) then return nil; end
	return first, second, third, table.concat(words, "", 4);
end

local function read_key(words)
	local flags, protocol, algorithm, public = read_fields(words, 65535);
	local is_key = flags and has_flag(flags, ZONE_FLAG) and protocol == 3 and #public % 4 == 0 and public:find("^[%w+/]+=?=?$");
	return is_key and { flags = flags, protocol = protocol, algorithm = algorithm, public = public } or nil;
end

local function read_ds(zone, words)
	local tag, algorithm, kind, digest = read_fields(words, 65535);
	if not tag or #digest ~= DIGEST_SIZES[kind] or digest:find("%X") then return nil; end
	return ("%s IN DS %d %d %d %s"):format(absolute(zone), tag, algorithm, kind, digest:upper());
end

-- Nil for one that we do not know: such a record does not count.
local function read_state(comment)
	local mark = comment:match(";;state=(%d*)");
	if not mark then return "valid"; end -- as an operator writes it
	for state, number in pairs(STATES) do
		if mark == tostring(number) then return state; end
	end
end

local function complete_key(key, state, comment)
	key.state = has_flag(key.flags, REVOKED_FLAG) and state ~= "removed" and "revoked" or state;
	key.changed = tonumber((comment:match(";;lastchange=(%d+)"))) or math.huge; -- now
	return key;
end

-- "." or "example.org"; nil for what is none.
local function read_zone(owner)
	if not owner:find("^[%w._-]+$") then return nil; end
	return owner == "." and "." or (owner:lower():gsub("%.$", ""));
end

local function add_record(state, record)
	local zone, its_state = read_zone(record.owner), read_state(record.comment);
	if not zone or zone ~= (state.zone or zone) or not its_state then return; end
	local kind, words = read_type(record.body);
	local key, ds = kind == "DNSKEY" and read_key(words), kind == "DS" and TRUSTED[its_state] and read_ds(zone, words);
	if key then
		state.zone, state.keys[#state.keys + 1] = zone, complete_key(key, its_state, record.comment);
	elseif ds then
		state.zone, state.ds[#state.ds + 1] = zone, ds;
	end
end

-- The lines by which the zone is validated: of every key that is valid, or is missing from the zone without having been revoked.
local function trusted(state)
	local lines = {};
	for _, key in ipairs(state.keys) do
		if TRUSTED[key.state] then lines[#lines + 1] = key_line(state.zone, key); end
	end
	for _, line in ipairs(state.ds) do lines[#lines + 1] = line; end
	return lines;
end

-- From a file of ours, of libunbound's or an operator's; nil without a key that is trusted.
local function read(text)
	local state = { keys = {}, ds = {}, queried = tonumber(text:match(";;last_queried: (%d+)")), succeeded = tonumber(text:match(";;last_success: (%d+)")) };
	for _, record in ipairs(read_records(text)) do add_record(state, record); end
	return trusted(state)[1] and state or nil;
end

-- From the anchors of that zone that are in force: lines in core's form. Nil when there are none.
local function begin(zone, lines)
	local state = { zone = zone, keys = {}, ds = {} };
	for _, record in ipairs(read_records(table.concat(lines, "\n"))) do add_record(state, record); end
	return trusted(state)[1] and state or nil;
end

local function date(time)
	return os.date("!%Y-%m-%d %H:%M:%S", time);
end

local function write_key(zone, key)
	return ("%s\t0\tIN\tDNSKEY\t%d %d %d %s ;{id = %d (ksk)} ;;state=%d [%s] ;;count=0 ;;lastchange=%d ;;%s"):format(absolute(zone), key.flags,
		key.protocol, key.algorithm, key.public, tag_of(key), STATES[key.state], SHOWN[key.state], key.changed, date(key.changed));
end

-- The text of its file.
local function write(state)
	local lines = { "; autotrust trust anchor file (RFC 5011); written by xmppdns in libunbound's format", (";;id: %s 1"):format(absolute(state.zone)) };
	for _, time in ipairs({ { "last_queried", state.queried }, { "last_success", state.succeeded } }) do
		if time[2] then lines[#lines + 1] = (";;%s: %d ;;%s"):format(time[1], time[2], date(time[2])); end
	end
	for _, key in ipairs(state.keys) do lines[#lines + 1] = write_key(state.zone, key); end
	for _, line in ipairs(state.ds) do lines[#lines + 1] = line .. " ;;state=2 [  VALID  ]"; end
	return table.concat(lines, "\n") .. "\n";
end

-- Time

-- The state of a key that is known already, nil for none. present: it is in the zone; revoked: there it says of itself, signed by itself, that it is
-- revoked; age: seconds since its state changed.
local function next_state(key, present, revoked, age, hold_down)
	if key.state == "pending" then
		if not present then return nil; end -- it has to begin again
		return age >= hold_down.add and "valid" or "pending";
	elseif TRUSTED[key.state] then
		if revoked then return "revoked"; end
		return present and "valid" or "missing";
	end
	return (key.state == "removed" or age >= hold_down.remove) and "removed" or "revoked"; -- for ever: no such key comes back
end

-- unseen: seconds that do not count. A clock that was wrong makes nobody wait for years.
local function advance_key(key, seen, now, unseen, hold_down)
	local id = identity(key);
	local changed = min(key.changed + (key.state == "pending" and unseen or 0), now);
	local following = next_state(key, seen.present[id] ~= nil, seen.revoked[id] ~= nil, now - changed, hold_down);
	if not following then return nil; end
	return {
		flags = following == "revoked" and without_revoked(key.flags) + REVOKED_FLAG or key.flags, protocol = key.protocol, algorithm = key.algorithm;
		public = key.public, state = following, changed = following == key.state and changed or now;
	};
end

-- Keys by identity; of the revoked ones only those that have signed it themselves, for nobody else may revoke a key.
local function sort_keys(keys)
	local seen = { present = {}, revoked = {} };
	for _, key in ipairs(keys) do
		if not has_flag(key.flags, REVOKED_FLAG) then
			seen.present[identity(key)] = key;
		elseif key.signs then
			seen.revoked[identity(key)] = key;
		end
	end
	return seen;
end

-- Takes the DS record of that key out of the list. Gives whether it was there.
local function take_ds(ds, zone, key)
	for i, line in ipairs(ds) do
		if is_ds_of(line, zone, key) then return table.remove(ds, i) ~= nil; end
	end
	return false;
end

-- New keys: trusted at once with a DS record among the anchors, else when they have been there for long enough.
local function add_new(following, known, keys, now)
	for _, key in ipairs(keys) do
		local is_revoked = has_flag(key.flags, REVOKED_FLAG);
		local is_new = not known[identity(key)] and has_flag(key.flags, ENTRY_FLAG) and (not is_revoked or key.signs);
		local is_anchor = is_new and take_ds(following.ds, following.zone, key);
		if is_new and (is_anchor or not is_revoked) then
			known[identity(key)] = true;
			table.insert(following.keys, {
				flags = key.flags, protocol = key.protocol, algorithm = key.algorithm, public = key.public;
				state = is_revoked and "revoked" or is_anchor and "valid" or "pending", changed = now;
			});
		end
	end
end

local VERBS = { pending = "is new, and trusted when it has been there for long enough", valid = "is trusted now", missing = "is missing from its zone",
	revoked = "is revoked, and trusted no longer", removed = "is forgotten" };

local function list_changes(state, following)
	local before, changes = {}, {};
	for _, key in ipairs(state.keys) do before[identity(key)] = key.state; end
	for _, key in ipairs(following.keys) do
		if before[identity(key)] ~= key.state then changes[#changes + 1] = describe(following, key) .. " " .. VERBS[key.state]; end
		before[identity(key)] = nil;
	end
	for _, key in ipairs(state.keys) do
		if before[identity(key)] then changes[#changes + 1] = describe(state, key) .. " has gone before it was trusted"; end
	end
	return changes;
end

-- What the state becomes when these keys were seen at that time, all that the zone has, in an answer that the trusted ones validate: the state, and
-- the changes as sentences. keys: { flags, protocol, algorithm, public, signs = of a revoked one: whether it has signed the answer }.
-- nil, problem when none would be left to trust: then nothing may change. hold_down: { add, remove } in seconds, by default 30 days each.
local function advance(state, keys, now, hold_down)
	hold_down = { add = hold_down and hold_down.add or HOLD_DOWN, remove = hold_down and hold_down.remove or HOLD_DOWN };
	local following = { zone = state.zone, keys = {}, ds = {}, queried = now, succeeded = now };
	for i, line in ipairs(state.ds) do following.ds[i] = line; end
	local seen, known = sort_keys(keys), {};
	local unseen = max(0, now - (state.succeeded or now) - MOST_UNSEEN);
	for _, key in ipairs(state.keys) do
		local advanced = advance_key(key, seen, now, unseen, hold_down);
		known[identity(key)] = true;
		if advanced then table.insert(following.keys, advanced); end
	end
	add_new(following, known, keys, now);
	if not trusted(following)[1] then return nil, ("%s: all its trusted keys are revoked"):format(state.zone); end
	return following, list_changes(state, following);
end

-- Whether the key is one of those that are trusted, although it says that it is revoked: then it matters whether it has signed that itself.
local function revokes_trust(state, key)
	if not has_flag(key.flags, REVOKED_FLAG) then return false; end
	for _, known in ipairs(state.keys) do
		if TRUSTED[known.state] and identity(known) == identity(key) then return true; end
	end
	for _, line in ipairs(state.ds) do
		if is_ds_of(line, state.zone, key) then return true; end
	end
	return false;
end

-- Seconds until the keys are to be asked for again (RFC 5011, 2.3); ttl: of the answer, nil when there was none.
local function refresh_interval(ttl)
	if ttl then return max(HOUR, min(MOST_UNSEEN, ttl / 2)); end
	return HOUR;
end

return {
	begin = begin;
	read = read;
	write = write;
	advance = advance;
	trusted = trusted;
	revokes_trust = revokes_trust;
	ds_line = ds_line;
	refresh_interval = refresh_interval;
	HOLD_DOWN = HOLD_DOWN;
};
