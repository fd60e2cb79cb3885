-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- The names for which a certificate may be (R26, R27), in either direction.

local from_prosody = require "xmppdns.prosody.modules";
local verify_identity = from_prosody "util.x509".verify_identity;

-- Whether the certificate is for one of the names.
local function is_named(cert, names)
	for _, name in ipairs(names) do
		if verify_identity(name, "xmpp-server", cert) then return true; end
	end
	return false;
end

-- For s2s-check-certificate, once the certificate was compared with the domain: a target that secure SRV records name is as good.
-- targets: such targets, or nil.
local function check_targets(event, targets)
	local session, cert = event.session, event.cert;
	if not cert or not targets or session.cert_chain_status ~= "valid" or session.cert_identity_status == "valid" then return; end
	if is_named(cert, targets) then
		session.log("info", "The certificate is for a target of secure SRV records of %s", event.host);
		session.cert_identity_status = "valid";
	end
end

return { is_named = is_named, check_targets = check_targets };
