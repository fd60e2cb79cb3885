-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- The keys of the zones above a name, asked for before the answers that need them: libunbound would only ask when such an answer waits,
-- one link after the other.

local CHAIN_DEPTH = 4; -- labels, from the top, whose keys are asked for
local ASKED_AT_MOST = 32; -- for one plan: who names hosts in many zones must not make us ask for the keys of all of them

local one_attempt = {}; -- options, by shard
for shard = 1, 64 do one_attempt[shard] = { attempts = 1, shard = shard }; end

-- Our own cache does not count: it outlives libunbound's, which are small, and begin anew with each context.
local function ask(resolver, asked, name, rdtype, shard)
	if asked.count == ASKED_AT_MOST then return; end
	asked.count = asked.count + 1;
	resolver:ask_early(name, rdtype, one_attempt[shard]);
end

-- Whether nobody has asked about that zone; somebody has by then.
local function is_first(asked, zone)
	local key = zone.."."; -- no name of another field
	local first = not asked[key];
	asked[key] = true;
	return first;
end

-- The zones that a name may be in, the longest first.
local function list_zones(name, is_host)
	local zones = {};
	local zone = is_host and name:match("%.(.+)$") or not is_host and name;
	while zone do
		zones[#zones + 1] = zone;
		zone = zone:match("%.(.+)$");
	end
	return zones;
end

-- name: canonical. is_host: it is a host's, so hardly a zone. asked: remembers what was asked already; at first { count = 0 }. shard: of the domain
-- that needs them (resolver:shard).
local function ask_chain(resolver, asked, name, is_host, shard)
	local anchor = resolver:find_anchor(name);
	if not anchor then return; end
	local zones = list_zones(name, is_host);
	if is_first(asked, anchor) then ask(resolver, asked, anchor, "DNSKEY", shard); end
	for i = #zones, math.max(1, #zones - CHAIN_DEPTH + 1), -1 do
		local zone = zones[i];
		if (anchor == "." or #zone > #anchor) and is_first(asked, zone) then -- what is above a private zone knows nothing of it
			ask(resolver, asked, zone, "DS", shard);
			ask(resolver, asked, zone, "DNSKEY", shard);
		end
	end
end

return { ask_chain = ask_chain };
