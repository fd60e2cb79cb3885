-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- Compares a certificate that was presented with usable TLSA records, where OpenSSL did not do it during the handshake.
--
-- An authority matches only where signatures lead from it to the certificate: another key under the same name is an attack. What OpenSSL cannot
-- verify for us is a mismatch.

local from_prosody = require "xmppdns.prosody.modules";
local authority = require "xmppdns.prosody.authority";
local hashes = from_prosody "util.hashes";
local x509 = from_prosody "util.x509";

local MOST_CERTIFICATES = 10; -- of a chain that are looked at: who presents hundreds must not make us work
local MOST_PATHS = 32;        -- of signatures that are followed, for all records together

local PKIX_TA, PKIX_EE, DANE_TA, DANE_EE = 0, 1, 2, 3;

local digests = { [0] = function (data) return data; end, hashes.sha256, hashes.sha512 };

local function select_part(certificate, selector)
	if selector == 0 then return x509.pem2der(certificate:pem()); end
	return (x509.pem2der((certificate:pubkey())));
end

local known_digests = setmetatable({}, { __mode = "k" }); -- by certificate

local function get_digest(certificate, selector, matching)
	local known, key = known_digests[certificate] or {}, selector * 3 + matching;
	known_digests[certificate] = known;
	if known[key] == nil then
		local part = select_part(certificate, selector);
		known[key] = part and digests[matching](part) or false;
	end
	return known[key];
end

local function is_match(certificate, record)
	return get_digest(certificate, record.select, record.match) == record.data;
end

-- Whether signatures lead from the root that make(...) gives to the peer's certificate.
local function leads_to_peer(peer, make, ...)
	if peer.paths == MOST_PATHS then return false; end
	peer.paths = peer.paths + 1;
	return authority.leads(make(...), peer.chain);
end

local function matches_presented(peer, record)
	for place = 2, #peer.chain do
		local certificate = peer.chain[place];
		if is_match(certificate, record) and leads_to_peer(peer, authority.from_certificate, certificate) then return true; end
	end
	return false;
end

-- The record is the authority itself, or its key.
local function matches_published(peer, record)
	if record.match ~= 0 then return false; end
	if record.select == 0 then
		local certificate = authority.load(record.data);
		return certificate ~= nil and leads_to_peer(peer, authority.from_certificate, certificate);
	end
	for _, certificate in ipairs(peer.chain) do
		if leads_to_peer(peer, authority.from_key, record.data, certificate) then return true; end
	end
	return false;
end

-- Trusted authorities are most often left out of the chain.
local function matches_trusted(peer, record)
	for _, certificate in ipairs(peer.list_trusted and peer.list_trusted() or {}) do
		if is_match(certificate, record) and leads_to_peer(peer, authority.from_certificate, certificate) then return true; end
	end
	return false;
end

local function matches_authority(peer, record)
	return matches_presented(peer, record) or matches_published(peer, record) or record.use == PKIX_TA and matches_trusted(peer, record);
end

local matchers = {
	[PKIX_TA] = function (peer, record) return peer.is_trusted and peer.is_named() and matches_authority(peer, record); end;
	[PKIX_EE] = function (peer, record) return peer.is_trusted and peer.is_named() and is_match(peer.chain[1], record); end;
	[DANE_TA] = function (peer, record) return peer.is_named() and matches_authority(peer, record); end;
	[DANE_EE] = function (peer, record) return is_match(peer.chain[1], record); end; -- R25: no names, no dates
};

local function cut(chain)
	local kept = {};
	for place = 1, math.min(#chain, MOST_CERTIFICATES) do kept[place] = chain[place]; end
	return kept;
end

-- given: chain (of certificates, the peer's own first, as presented), is_trusted (by the trust store), is_named() (R26), list_trusted() (the trust
-- store's certificates; optional). records: usable ones.
local function matches(given, records)
	local peer = setmetatable({ chain = cut(given.chain), paths = 0 }, { __index = given });
	for _, record in ipairs(records) do
		if matchers[record.use](peer, record) then return true; end
	end
	return false;
end

return { matches = matches };
