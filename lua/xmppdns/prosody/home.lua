-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- The domains of this server as its configuration has them, and the certificates that it would show for them.

local from_prosody = require "xmppdns.prosody.modules";

local configmanager = from_prosody "core.configmanager";

-- No other server looks for these (RFC 6761).
local function is_private(domain)
	return domain == "localhost" or domain:find("%.localhost$") ~= nil or domain:find("%.localdomain$") ~= nil;
end

-- The addresses of this machine as a set; those of loopback beside it.
local function list_addresses()
	local set = {};
	for _, address in ipairs(from_prosody "util.net".local_addresses("both", true) or {}) do set[address] = true; end
	return set;
end

local function new_is_local()
	local addresses = list_addresses();
	return function (address)
		return addresses[address] or address:find("^127%.") ~= nil or address == "::1";
	end
end

-- Every VirtualHost and Component that speaks with other servers, sorted: { domain, client = whether it serves clients, is_local(address) }.
local function list_hosts()
	local get_modules = from_prosody "core.modulemanager".get_modules_for_host;
	local hosts, is_local = {}, new_is_local();
	for domain in pairs(configmanager.getconfig()) do
		if domain ~= "*" and not is_private(domain) and configmanager.get(domain, "enabled") ~= false then
			local modules, component = get_modules(domain);
			if modules:contains("s2s") and configmanager.get(domain, "disallow_s2s") ~= true then
				hosts[#hosts + 1] = { domain = domain, client = not component and modules:contains("c2s"), is_local = is_local };
			end
		end
	end
	table.sort(hosts, function (a, b) return a.domain < b.domain; end);
	return hosts;
end

-- The path of the certificate that Prosody would show for that domain of its own, or nil.
local function find_certificate(domain)
	if not rawget(configmanager.getconfig(), domain) then return nil; end
	local made, _, _, settings = pcall(from_prosody "core.certmanager".create_context, domain, "server");
	return made and type(settings) == "table" and type(settings.certificate) == "string" and settings.certificate or nil;
end

return { list_hosts = list_hosts, find_certificate = find_certificate };
