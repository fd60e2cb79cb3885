-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- The keys of the zones above a name, asked for before the answers that need them: libunbound would only ask when such an answer waits,
-- one link after the other.

local CHAIN_DEPTH = 4; -- labels, from the top, whose keys are asked for
local ASKED_AT_MOST = 32; -- for one plan: who names hosts in many zones must not make us ask for the keys of all of them

local ONE_ATTEMPT = { attempts = 1, bare = true };

local function ignore() end

local function ask(resolver, asked, name, rdtype, is_early)
	local key = rdtype.." "..name;
	if asked[key] or asked.count == ASKED_AT_MOST then return; end
	asked[key] = true;
	if resolver:knows(name, rdtype) then return; end
	asked.count = asked.count + 1;
	if is_early then return resolver:ask_early(name, rdtype, ONE_ATTEMPT); end
	resolver:query(name, rdtype, ignore, ONE_ATTEMPT);
end

-- is_host: the name is a host's, so hardly a zone. asked: remembers what was asked already; at first { count = 0 }. is_early: on the
-- word of a packet that is not validated, so nobody is to hear of it.
local function ask_chain(resolver, asked, name, is_host, is_early)
	local anchor = resolver:find_anchor(name);
	if not anchor then return; end
	ask(resolver, asked, anchor, "DNSKEY", is_early);
	local labels = {};
	for label in name:gmatch("[^.]+") do
		labels[#labels + 1] = label;
	end
	local zone;
	local first = is_host and 2 or 1;
	for i = #labels, math.max(first, #labels - CHAIN_DEPTH + 1), -1 do
		zone = zone and labels[i].."."..zone or labels[i];
		if anchor == "." or #zone > #anchor then -- what is above a private zone knows nothing of it
			ask(resolver, asked, zone, "DS", is_early);
			ask(resolver, asked, zone, "DNSKEY", is_early);
		end
	end
end

return { ask_chain = ask_chain };
