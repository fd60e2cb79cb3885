-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- Compares a certificate that was presented with usable TLSA records, where OpenSSL did not do it during the handshake.

local from_prosody = require "xmppdns.prosody.modules";
local hashes = from_prosody "util.hashes";
local x509 = from_prosody "util.x509";
local unpack = table.unpack or unpack; -- luacheck: ignore 113/unpack

local PKIX_TA, PKIX_EE, DANE_TA, DANE_EE = 0, 1, 2, 3;

local digests = { [0] = function (data) return data; end, hashes.sha256, hashes.sha512 };

local function select_part(certificate, selector)
	if selector == 0 then return x509.pem2der(certificate:pem()); end
	return (x509.pem2der((certificate:pubkey())));
end

local function is_match(certificate, record)
	local part = select_part(certificate, record.select);
	return part ~= nil and digests[record.match](part) == record.data;
end

-- The chain's certificates between its first and its last one that is asked for, without the one at that place.
local function between(chain, last, without)
	local found = {};
	for place = 2, last do
		if place ~= without then found[#found + 1] = chain[place]; end
	end
	return found;
end

-- Whether signatures lead from the authority, the certificate at that place of the chain, to its first. LuaSec follows them down from
-- certificates that signed themselves: the authority, or one in the chain that needs the authority for its way to the first. Where no such
-- one was presented, but the trust store vouches for the chain, the names have to do.
local function leads_to_leaf(peer, place)
	local chain, leaf = peer.chain, peer.leaf;
	local is_root, problem = chain[place]:issued(leaf, unpack(between(chain, place - 1)));
	if is_root then return true; end
	for i = place + 1, #chain do
		if chain[i]:issued(leaf, unpack(between(chain, i - 1))) and not chain[i]:issued(leaf, unpack(between(chain, i - 1, place))) then
			return true;
		end
	end
	return peer.is_trusted and problem == "unable to get issuer certificate";
end

local function matches_authority(peer, record)
	for place = 2, #peer.chain do
		if is_match(peer.chain[place], record) and leads_to_leaf(peer, place) then return true; end
	end
	return false;
end

local matchers = {
	[PKIX_TA] = function (peer, record) return peer.is_trusted and peer.is_named() and matches_authority(peer, record); end;
	[PKIX_EE] = function (peer, record) return peer.is_trusted and peer.is_named() and is_match(peer.leaf, record); end;
	[DANE_TA] = function (peer, record) return peer.is_named() and matches_authority(peer, record); end;
	[DANE_EE] = function (peer, record) return is_match(peer.leaf, record); end; -- R25: no names, no dates
};

-- peer: leaf, chain (leaf first, as presented), is_trusted (by the trust store), is_named() (R26). records: usable ones.
local function matches(peer, records)
	for _, record in ipairs(records) do
		if matchers[record.use](peer, record) then return true; end
	end
	return false;
end

-- Whether a record is about an authority that the peer need not have presented: then a mismatch proves nothing.
local function may_be_unseen(peer, records)
	for _, record in ipairs(records) do
		if record.use == PKIX_TA and peer.is_trusted and peer.is_named() then return true; end
	end
	return false;
end

return { matches = matches, may_be_unseen = may_be_unseen };
