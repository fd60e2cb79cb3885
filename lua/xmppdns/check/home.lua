-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- Whether the endpoints of a domain lead to this very server.

local evidence = require "xmppdns.check.evidence";

local PORTS = {
	["xmpp-server"] = { s2s = true, multiplex = true }, ["xmpps-server"] = { s2s_direct_tls = true, multiplex_ssl = true };
	["xmpp-client"] = { c2s = true, multiplex = true }, ["xmpps-client"] = { c2s_direct_tls = true, legacy_ssl = true, multiplex_ssl = true };
};
local ANY = { ["*"] = true, ["::"] = true, ["0.0.0.0"] = true };

local function listens(home, shown)
	for _, one in ipairs(home.ports) do
		if one.port == shown.port and PORTS[shown.service or "xmpp-server"][one.service] then
			for _, address in ipairs(shown.addresses) do
				if ANY[one.address] or one.address == address then return true; end
			end
		end
	end
	return false;
end

-- Whether this server listens at the endpoints that lead to this machine. home: { ports (nil where the server cannot be asked), is_local(address) }.
local function note(report, home, endpoints)
	for _, shown in ipairs(home.ports and endpoints or {}) do
		local is_local = false;
		for _, address in ipairs(shown.addresses) do is_local = is_local or home.is_local(address); end
		if listens(home, shown) then
			shown.here = { level = "good", text = "this server listens there" };
		elseif is_local then
			shown.here = { level = "problem", text = ("this server does not listen there for %s"):format(shown.service or "xmpp-server") };
			evidence.note_problem(report, ("%s port %d: %s"):format(shown.host, shown.port, shown.here.text));
		elseif not shown.error then
			shown.here = { level = "faint", text = "no address of this machine" };
		end
	end
end

return { note = note };
