-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- The way around servers that strip DNSSEC: asking from the root.

local OTHER_SERVERS = require "xmppdns.trust.health".OTHER_SERVERS;
local resolvers = require "xmppdns.resolver";
local witness = require "xmppdns.trust.witness";

-- "#" is in the address of a server that is asked over TLS.
local function has_zone_over_tls(settings)
	for _, servers in pairs(settings.forward_zones or {}) do
		for _, address in ipairs(type(servers) == "table" and servers or { servers }) do
			if address:find("#", 1, true) then return true; end
		end
	end
	return false;
end

-- The same settings without forwarders: libunbound asks from the root, or from the hints that are in the settings.
local function recursive_settings(settings)
	local result = resolvers.copy(settings);
	result.upstream = "recursive";
	result.forward, result.resolvconf, result.tls = nil, nil, nil;
	if not has_zone_over_tls(settings) then result.tls_ca = nil; end
	return result;
end

local function new_probe(settings, timeout)
	local probe_settings = recursive_settings(settings);
	probe_settings.cache_size, probe_settings.timeout = witness.CACHE_SIZE, math.min(timeout, witness.MOST_SECONDS);
	probe_settings.cache_file = nil;
	return resolvers.new(probe_settings);
end

-- What the findings of xmppdns.trust.health ask for: with upstream = "auto" and servers that strip DNSSEC, the resolver is reconfigured to ask from the
-- root, if that works. settings: the table that the resolver was made from. Calls callback(recovered, text): recovered = true: it asks from the root
-- now; false: it should, but cannot; nil: there is nothing to do, or upstream = "forward" forbids it. text is for the operator, nil when nothing is wrong.
local function recover(resolver, settings, findings, callback)
	if not findings.stripped then return callback(nil); end
	local effective = resolver:settings();
	local servers = table.concat(effective.servers, ", ");
	if effective.upstream ~= "auto" or effective.recursive then
		return callback(nil, ("%s: DNSSEC is stripped on the way, and upstream = \"%s\" allows no other way: every lookup fails: %s"):format(
			servers, effective.upstream, OTHER_SERVERS));
	end
	local probe, problem = new_probe(settings, effective.timeout);
	witness.ask(resolver, probe, problem, ".", 1, function (answer, err)
		local ok;
		if answer and answer.secure then ok, err = resolver:reconfigure(recursive_settings(settings)); end
		if ok then
			resolver:flush();
			return callback(true, ("%s: DNSSEC is stripped on the way: asking from the root instead"):format(servers));
		end
		callback(false, ("%s: DNSSEC is stripped on the way, and the root cannot be asked instead (%s): every lookup fails: %s"):format(
			servers, err and err.text or "insecure", OTHER_SERVERS));
	end);
end

return { recover = recover };
