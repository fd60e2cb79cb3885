-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- Negative trust anchors (RFC 7646) of the option xmppdns_remote: where it says dnssec = "off", the resolver does not validate.

local copy = require "xmppdns.resolver".copy;
local list_insecure = require "xmppdns.prosody.policy".list_insecure;

-- The settings with those domains in insecure. remotes: what the global section has as xmppdns_remote, or nil.
local function place(settings, remotes)
	local domains, given = list_insecure(remotes), settings.insecure;
	if not domains[1] or given ~= nil and type(given) ~= "string" and type(given) ~= "table" then return settings; end
	local placed = copy(settings);
	placed.insecure = type(given) == "table" and copy(given) or { given };
	for _, domain in ipairs(domains) do table.insert(placed.insecure, domain); end
	return placed;
end

return { place = place };
