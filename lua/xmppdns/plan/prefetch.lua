-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- The keys of the zones above a name, asked for before the answers that need them: libunbound would only ask when such an answer waits,
-- one link after the other.

local CHAIN_DEPTH = 4; -- labels, from the top, whose keys are asked for
local ASKED_AT_MOST = 32; -- for one plan: who names hosts in many zones must not make us ask for the keys of all of them

local ONE_ATTEMPT = { attempts = 1 };

-- Our own cache does not count: it outlives libunbound's, which are small, and begin anew with each context.
local function ask(resolver, asked, name, rdtype, shard)
	local key = shard.." "..rdtype.." "..name;
	if asked[key] or asked.count == ASKED_AT_MOST then return; end
	asked[key] = true;
	asked.count = asked.count + 1;
	resolver:ask_early(name, rdtype, ONE_ATTEMPT, shard);
end

-- name: canonical. is_host: it is a host's, so hardly a zone. asked: remembers what was asked already; at first { count = 0 }.
local function ask_chain(resolver, asked, name, is_host)
	local anchor = resolver:find_anchor(name);
	if not anchor then return; end
	local shard = resolver:shard(name);
	ask(resolver, asked, anchor, "DNSKEY", shard);
	local labels = {};
	for label in name:gmatch("[^.]+") do
		labels[#labels + 1] = label;
	end
	local zone;
	local first = is_host and 2 or 1;
	for i = #labels, math.max(first, #labels - CHAIN_DEPTH + 1), -1 do
		zone = zone and labels[i].."."..zone or labels[i];
		if anchor == "." or #zone > #anchor then -- what is above a private zone knows nothing of it
			ask(resolver, asked, zone, "DS", shard);
			ask(resolver, asked, zone, "DNSKEY", shard);
		end
	end
end

return { ask_chain = ask_chain };
