-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders

local anchors = require "xmppdns.trust.anchors";
local process = require "spec.support.process";
local root_keys = require "spec.support.root_keys";

local AUTUMN_2026 = os.time({ year = 2026, month = 11, day = 20 });

local function read_lines(lines, now)
	return anchors.read({ anchors = lines, anchor_source = "settings" }, now or AUTUMN_2026);
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
			list(read_lines({ ". IN DNSKEY 257 3 8 " .. root_keys[20326], ". IN DNSKEY 257 3 8 " .. root_keys[38696] })));
	end);

	it("understands DS records and other zones", function ()
		assert.same({ ". DS 20326 nil retired", "example.org DS 12345 nil nil" },
			list(read_lines({ ". IN DS 20326 8 2 ABCD", "example.org. IN DS 12345 13 2 ABCD" })));
	end);

	it("judges the root's keys by the day", function ()
		local lines = { ". IN DS 20326 8 2 AA", ". IN DS 38696 8 2 AA", ". IN DS 19036 8 2 AA", ". IN DS 4711 8 2 AA" };
		local function verdicts(year, month, day)
			local found = read_lines(lines, os.time({ year = year, month = month, day = day }));
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
]]):format(root_keys[20326], root_keys[38696]));
		local found = anchors.read({ autotrust = path, anchors = { ". IN DNSKEY 257 3 8 " .. root_keys[38696] }, anchor_source = path }, AUTUMN_2026);
		assert.same({ ". DNSKEY 20454 revoked revoked", ". DNSKEY 38696 valid current", ". DNSKEY 1038 pending unknown" }, list(found));
		assert.equal(1790000000, found.changed);
		assert.same({ current = { 38696 }, revoked = { 20454 } }, anchors.root_tags(found));
	end);

	it("goes by the anchors in force where there is no file", function ()
		local found = anchors.read({ autotrust = "/nonexistent", anchors = { ". IN DS 38696 8 2 AA" }, anchor_source = "built in" }, AUTUMN_2026);
		assert.same({ { ". DS 38696 nil current" }, "built in", nil }, { list(found), found.source, found.changed });
	end);
end);
