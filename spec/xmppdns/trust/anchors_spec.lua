-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders

local anchors = require "xmppdns.trust.anchors";
local process = require "spec.support.process";

local KEY_20326 = "AwEAAaz/tAm8yTn4Mfeh5eyI96WSVexTBAvkMgJzkKTOiW1vkIbzxeF3+/4RgWOq7HrxRixHlFlExOLAJr5emLvN7SWXgnLh4+B5xQlNVz8Og8kv"
	.. "ArMtNROxVQuCaSnIDdD5LKyWbRd2n9WGe2R8PzgCmr3EgVLrjyBxWezF0jLHwVN8efS3rCj/EWgvIWgb9tarpVUDK/b58Da+sqqls3eNbuv7pr+eoZG+SrDK6nWe"
	.. "L3c6H5Apxz7LjVc1uTIdsIXxuOLYA4/ilBmSVIzuDWfdRUfhHdY6+cn8HFRm+2hM8AnXGXws9555KrUB5qihylGa8subX2Nn6UwNR1AkUTV74bU=";
local KEY_38696 = "AwEAAa96jeuknZlaeSrvyAJj6ZHv28hhOKkx3rLGXVaC6rXTsDc449/cidltpkyGwCJNnOAlFNKF2jBosZBU5eeHspaQWOmOElZsjICMQMC3aeHb"
	.. "GiShvZsx4wMYSjH8e7Vrhbu6irwCzVBApESjbUdpWWmEnhathWu1jo+siFUiRAAxm9qyJNg/wOZqqzL/dL/q8PkcRU5oUKEpUge71M3ej2/7CPqpdVwuMoTvoB+Z"
	.. "OT4YeGyxMvHmbrxlFzGOHOijtzN+u1TQNatX2XBuzZNQ1K+s2CXkPIZo7s6JgZyvaBevYtxPvYLw4z9mR7K2vaF18UYH9Z9GNUUeayffKC73PYc=";

local AUTUMN_2026 = os.time({ year = 2026, month = 11, day = 20 });

local function read_text(text, now)
	local path = process.write(process.directory() .. "/anchors", text);
	return anchors.read({ anchor_file = path, anchor_source = path, anchors = {} }, now or AUTUMN_2026);
end

-- "zone kind tag state verdict" of each
local function list(found)
	local texts = {};
	for i, anchor in ipairs(found) do
		texts[i] = ("%s %s %d %s %s"):format(anchor.zone, anchor.kind, anchor.tag, tostring(anchor.state), tostring(anchor.verdict));
	end
	return texts;
end

describe("anchors: read", function ()
	it("computes the tags of the root's keys", function ()
		assert.same({ ". DNSKEY 20326 nil retired", ". DNSKEY 38696 nil current" },
			list(read_text((". IN DNSKEY 257 3 8 %s ; a comment\n.\t172800\tIN\tDNSKEY\t257 3 8 %s\n"):format(KEY_20326, KEY_38696))));
	end);

	it("understands records over several lines, DS records, other zones, and skips the rest", function ()
		local text = "; (nothing\n$TTL 5\n. IN DNSKEY ( 257 3 8 ; (\n\t" .. KEY_38696:sub(1, 60) .. "\n\t" .. KEY_38696:sub(61)
			.. " )\nExample.ORG. DS 12345 13 2 AB CD\n. DS x y\nrubbish\n";
		assert.same({ ". DNSKEY 38696 nil current", "example.org DS 12345 nil nil" }, list(read_text(text)));
	end);

	it("judges the root's keys by the day", function ()
		local text = ". DS 20326 8 2 AA\n. DS 38696 8 2 AA\n. DS 19036 8 2 AA\n. DS 4711 8 2 AA\n";
		local function verdicts(year, month, day)
			local found = read_text(text, os.time({ year = year, month = month, day = day }));
			return { found[1].verdict, found[2].verdict, found[3].verdict, found[4].verdict };
		end
		assert.same({ "current", "current", "revoked", "unknown" }, verdicts(2026, 10, 1));
		assert.same({ "retired", "current", "revoked", "unknown" }, verdicts(2026, 10, 12));
		assert.same({ "revoked", "current", "revoked", "unknown" }, verdicts(2027, 1, 12));
	end);

	it("reads an autotrust file: states, when it was last asked for, and only valid keys as trusted", function ()
		local path = process.write(process.directory() .. "/auto.key", ([[
; autotrust trust anchor file
;;id: . 1
;;last_queried: 1790000000 ;;Mon Sep 21 2026
.	86400	IN	DNSKEY	385 3 8 %s ;{id = 20454 (ksk)} ;;state=4 [ REVOKED ] ;;count=0 ;;lastchange=1790000000
.	86400	IN	DNSKEY	257 3 8 %s ;{id = 38696 (ksk)} ;;state=2 [  VALID  ] ;;count=0 ;;lastchange=1780000000
.	86400	IN	DNSKEY	257 3 13 AAAA ;{id = 1} ;;state=1 [ ADDPEND ] ;;count=1 ;;lastchange=1780000000
]]):format(KEY_20326, KEY_38696));
		local found = anchors.read({ autotrust = path, anchors = {}, anchor_source = path }, AUTUMN_2026);
		assert.same({ ". DNSKEY 20454 revoked revoked", ". DNSKEY 38696 valid current", ". DNSKEY 1038 pending unknown" }, list(found));
		assert.equal(1790000000, found.changed);
		assert.same({ ". 86400 IN DNSKEY 257 3 8 " .. KEY_38696 }, anchors.trusted_lines(found));
		assert.same({ current = { 38696 }, revoked = { 20454 } }, anchors.root_tags(found));
	end);

	it("finds nothing where there is no file", function ()
		assert.same({ source = "nowhere" }, anchors.read({ anchor_file = "/nonexistent", anchor_source = "nowhere" }, AUTUMN_2026));
	end);
end);
