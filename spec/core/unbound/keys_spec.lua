-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
local find_missing_key = require "xmppdns.testcontext".missing_key;

local CHAIN = { ". DNSKEY", "example DS", "example DNSKEY", "a.example DS", "a.example DNSKEY" };

-- What is missing for that answer, the first of them, while the chain's from that place on are.
local function missing(from, qname, qtype, is_signed)
	local asked = {};
	for i = from, #CHAIN do asked[#asked + 1] = CHAIN[i]; end
	return find_missing_key(asked, qname, qtype, is_signed);
end

describe("xmppdns.core: the keys under way", function ()
	it("are missing for what lies in their zone, and for nothing else", function ()
		assert.equal("a.example DS", missing(4, "_x._tcp.a.example", "SRV", true));
		assert.equal("a.example DNSKEY", missing(5, "a.example", "A", true));
		assert.is_nil(missing(4, "b.example", "A", true));
		assert.is_nil(missing(4, "xa.example", "A", true));
		assert.equal(". DNSKEY", missing(1, "b.example", "A", true));
		assert.is_nil(missing(6, "a.example", "A", true));
	end);

	it("are those above a zone for its DS, and its DS too for its keys", function ()
		assert.equal("example DNSKEY", missing(3, "a.example", "DS", true));
		assert.is_nil(missing(4, "a.example", "DS", true));
		assert.equal("a.example DS", missing(4, "a.example", "DNSKEY", true));
		assert.is_nil(missing(5, "a.example", "DNSKEY", true));
		assert.is_nil(missing(1, ".", "DNSKEY", true));
	end);

	it("are no DNSKEY for what is not signed: the proof that it need not be is in the DS above it", function ()
		assert.equal("a.example DS", missing(3, "a.example", "A", false));
		assert.is_nil(missing(5, "a.example", "A", false));
	end);

	it("are DS and DNSKEY", function ()
		assert.is_nil(find_missing_key({ "a.example A", "a.example SRV" }, "a.example", "TLSA", true));
	end);

	it("are missing until they are taken", function ()
		assert.is_nil(find_missing_key({ "a.example DS", taken = 1 }, "a.example", "A", true));
	end);
end);
