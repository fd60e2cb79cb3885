-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- The chain of trust to a name: every zone from the root down, its keys, and where it stops being secure.

local automatic = require "xmppdns.resolver".AUTOMATIC;
local outcome = require "xmppdns.plan.outcome";

local DAY = 86400;
local NEAR = 7; -- days until a signature ends, unless told otherwise

-- "a.b.example" -> { ".", "example", "b.example", "a.b.example" }, or from its anchor on
local function list_names(domain, anchor)
	local names, name = {}, domain;
	while name do
		table.insert(names, 1, name);
		name = name ~= anchor and name:match("^[^.]+%.(.+)$") or nil;
	end
	if names[1] ~= anchor then table.insert(names, 1, "."); end
	return names;
end

local function ask(run, name, rdtype)
	return run.tasks:await(function (done) outcome.ask(run.resolver, name, rdtype, automatic, done); end);
end

-- RFC 4034, appendix B.
local function key_tag(key)
	local bytes, sum = key.key, key.flags + key.protocol * 256 + key.algorithm;
	for i = 1, #bytes do sum = sum + bytes:byte(i) * (i % 2 == 1 and 256 or 1); end
	return (sum + math.floor(sum / 65536)) % 65536;
end

local function add_tag(tags, tag)
	for _, known in ipairs(tags) do
		if known == tag then return; end
	end
	tags[#tags + 1] = tag;
	table.sort(tags);
end

local function read_uint32(bytes, place)
	local a, b, c, d = bytes:byte(place, place + 3);
	return ((a * 256 + b) * 256 + c) * 256 + d;
end

-- Signatures

-- The days until the first of the zone's signatures at its apex ends. They are asked for by their type, for libunbound keeps those that it has
-- checked to itself; who does not give them has told nothing.
local function note_signatures(run, zone)
	local answer = run.tasks:await(function (done) run.resolver:query(zone.zone, "RRSIG", done, automatic); end);
	for _, record in ipairs(answer or {}) do
		local bytes = record.raw or record.rrsig;
		if type(bytes) == "string" and #bytes > 18 then
			local ends = read_uint32(bytes, 9);
			if not zone.signed_until or ends < zone.signed_until then zone.signed_until = ends; end
		end
	end
	if not zone.signed_until then return; end
	zone.days = math.floor((zone.signed_until - os.time()) / DAY);
	local near = run.expires or NEAR;
	zone.level = zone.days < 0 and "problem" or zone.days < near and "warning" or "good";
end

-- Zones

local function read_keys(zone, found)
	for _, key in ipairs(found.records) do add_tag(zone.keys, key_tag(key)); end
end

local function note_failure(zone, found)
	zone.dnssec, zone.error = found.dnssec, { code = found.error.code, text = tostring(found.error) };
	return zone;
end

-- A zone that its parent vouches for.
local function inspect_signed(run, zone)
	local keys = ask(run, zone.zone, "DNSKEY");
	zone.dnssec = keys.dnssec;
	read_keys(zone, keys);
	note_signatures(run, zone);
	if keys.error then return note_failure(zone, keys); end
	local soa = ask(run, zone.zone, "SOA");
	return soa.error and note_failure(zone, soa) or zone;
end

-- The next zone, when one begins at that name; nil where none does. And whether the chain ends there, because there is no such name, or by a setting.
local function inspect_name(run, name, parent)
	local zone = { zone = name, keys = {}, ds = {} };
	if name == run.anchor then return inspect_signed(run, zone); end
	if run.resolver:is_insecure_by_setting(name) then
		zone.dnssec, zone.by_setting = "insecure", true;
		return zone, true;
	end
	local ds = ask(run, name, "DS");
	if ds.error then return note_failure(zone, ds); end
	for _, record in ipairs(ds.records) do add_tag(zone.ds, record.key_tag); end
	if zone.ds[1] and ds.secure then return inspect_signed(run, zone); end
	if ds.nxdomain then
		zone.dnssec, zone.note = ds.dnssec, "there is no such name";
		return zone, true;
	end
	local soa = ask(run, name, "SOA");
	if not soa.error and not soa.records[1] then return nil; end
	if soa.error then return note_failure(zone, soa); end
	zone.dnssec = soa.dnssec;
	zone.note = parent.dnssec == "secure" and ("%s has no DS for it: nothing from here on is validated"):format(parent.zone) or nil;
	return zone;
end

-- In a task: the list of zones on the way to the domain: { zone, dnssec = "secure", "insecure", "bogus" or "failed", ds, keys (lists of tags), note,
-- error = { code, text }, signed_until (seconds since 1970), days, level }. expires: days; nearer ends of signatures are a warning.
local function inspect(tasks, resolver, domain, expires)
	local run = { tasks = tasks, resolver = resolver, expires = expires, anchor = resolver:find_anchor(domain) or "." };
	local chain = {};
	for _, name in ipairs(list_names(domain, run.anchor)) do
		local zone, is_last = inspect_name(run, name, chain[#chain]);
		chain[#chain + 1] = zone;
		if zone and (is_last or zone.error) then break; end
	end
	return chain;
end

return { inspect = inspect };
