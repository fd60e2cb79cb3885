-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- Years of a zone's keys in a moment.

local process = require "spec.support.process";
local rfc5011 = require "xmppdns.trust.rfc5011";
local upstream = require "xmppdns.testcontext";

local DAY = 86400;
local START = os.time({ year = 2026, month = 7, day = 1 });

local PUBLIC = {};
for i, letter in ipairs({ "A", "B", "C", "D" }) do PUBLIC[i] = letter:rep(86) .. "=="; end

local function key(number, flags)
	return { flags = flags or 257, protocol = 3, algorithm = 13, public = PUBLIC[number] };
end

-- As it is published by its owner, who alone can sign with it; or by somebody else.
local function revoked(number, signs)
	local its = key(number, 385);
	its.signs = signs ~= false;
	return its;
end

local function line(number)
	return ". IN DNSKEY 257 3 13 " .. PUBLIC[number];
end

local function tag_of_ds(ds)
	return tonumber(ds:match("DS (%d+)"));
end

-- "1 valid, 2 pending": the keys by number.
local function show(state)
	local numbers, texts = {}, {};
	for number, public in ipairs(PUBLIC) do numbers[public] = number; end
	for _, its in ipairs(state.keys) do texts[#texts + 1] = numbers[its.public] .. " " .. its.state; end
	for _, ds in ipairs(state.ds) do texts[#texts + 1] = "DS " .. tag_of_ds(ds); end
	return table.concat(texts, ", ");
end

-- A zone over time: each day its keys are asked for, and the state goes to its file and back.
local zone_methods = {};
local zone_mt = { __index = zone_methods };

local function new_zone(...)
	return setmetatable({ state = assert(rfc5011.begin(".", { ... })), now = START, changes = {} }, zone_mt);
end

function zone_methods:day(...)
	local following, changes = rfc5011.advance(self.state, { ... }, self.now);
	self.now = self.now + DAY;
	if not following then self.problem = changes; return self; end
	for _, change in ipairs(changes) do table.insert(self.changes, (change:gsub("^%. DNSKEY %d+ ", ""))); end
	self.state = assert(rfc5011.read(rfc5011.write(following)));
	assert.same(following, self.state);
	return self;
end

function zone_methods:days(count, ...)
	for _ = 1, count do self:day(...); end
	return self;
end

describe("rfc5011", function ()
	it("follows a rollover: a new key is trusted after 30 days, the old one until it is revoked, and forgotten 30 days later", function ()
		local zone = new_zone(line(1));
		assert.equal("1 valid", show(zone:day(key(1)).state));
		assert.equal("1 valid, 2 pending", show(zone:day(key(1), key(2)).state));
		assert.equal("1 valid, 2 pending", show(zone:days(29, key(1), key(2)).state));
		assert.same({ line(1) }, rfc5011.trusted(zone.state));
		assert.equal("1 valid, 2 valid", show(zone:day(key(1), key(2)).state));
		assert.same({ line(1), line(2) }, rfc5011.trusted(zone.state));
		assert.equal("1 revoked, 2 valid", show(zone:day(revoked(1), key(2)).state));
		assert.same({ line(2) }, rfc5011.trusted(zone.state));
		assert.equal("1 revoked, 2 valid", show(zone:days(29, key(2)).state));
		assert.equal("1 removed, 2 valid", show(zone:day(key(2)).state));
		assert.same({ "is new, and trusted when it has been there for long enough", "is trusted now", "is revoked, and trusted no longer", "is forgotten" },
			zone.changes);
	end);

	it("knows a revoked key by what stays the same: its tag is another one", function ()
		local zone = new_zone(line(1), line(2)):day(revoked(1), key(2));
		local tags = {};
		for tag in rfc5011.write(zone.state):gmatch("id = (%d+)") do tags[#tags + 1] = tonumber(tag); end
		local before = tonumber(rfc5011.write(new_zone(line(1)):day(key(1)).state):match("id = (%d+)"));
		assert.equal((before + 128) % 65536, tags[1]);
		assert.matches("DNSKEY\t385 3 13 AAAA", rfc5011.write(zone.state), 1, true);
	end);

	it("never trusts a key that an attacker with a stolen key publishes for 29 days", function ()
		local zone = new_zone(line(1));
		zone:day(key(1)):days(29, key(1), key(4)):day(key(1));
		assert.equal("1 valid", show(zone.state));
		zone:days(29, key(1), key(4)):day(key(1)):day(key(1), key(4));
		assert.equal("1 valid, 4 pending", show(zone.state));
	end);

	it("begins again with a pending key that was away for a moment", function ()
		local zone = new_zone(line(1)):days(20, key(1), key(2)):day(key(1)):days(30, key(1), key(2));
		assert.equal("1 valid, 2 pending", show(zone.state));
		assert.equal("1 valid, 2 valid", show(zone:day(key(1), key(2)).state));
	end);

	it("goes on to trust a key that is missing, so that who has stolen another one cannot make it forgotten", function ()
		local zone = new_zone(line(1), line(2)):days(400, key(1));
		assert.equal("1 valid, 2 missing", show(zone.state));
		assert.same({ line(1), line(2) }, rfc5011.trusted(zone.state));
		assert.equal("1 valid, 2 valid", show(zone:day(key(1), key(2)).state));
	end);

	it("takes a revocation from the key's owner alone: who has stolen another one cannot revoke it", function ()
		local zone = new_zone(line(1), line(2)):days(3, key(1), revoked(2, false));
		assert.equal("1 valid, 2 missing", show(zone.state));
		assert.equal("1 valid, 2 revoked", show(zone:day(key(1), revoked(2)).state));
	end);

	it("trusts no key again that was revoked, however long it is there", function ()
		local zone = new_zone(line(1), line(2)):day(revoked(1), key(2)):days(100, key(1), key(2));
		assert.equal("1 removed, 2 valid", show(zone.state));
	end);

	it("knows a key by its DS record at once, and no other one that has its tag", function ()
		local ds = rfc5011.ds_line(".", key(2));
		assert.equal("2 valid", show(new_zone(ds):day(key(2)).state));
		assert.equal("2 valid, 1 pending", show(new_zone(ds):day(key(2), key(1)).state));
		local forged = ds:gsub("%x%x$", function (digits) return digits == "00" and "01" or "00"; end);
		assert.equal("2 pending, DS " .. tag_of_ds(ds), show(new_zone(forged):day(key(2)).state));
	end);

	it("drops the DS record of a key that has revoked itself", function ()
		local ds = rfc5011.ds_line(".", key(2));
		local zone = new_zone(line(1), ds);
		assert.is_true(rfc5011.revokes_trust(zone.state, revoked(2)));
		assert.is_false(rfc5011.revokes_trust(zone.state, revoked(3)));
		assert.is_false(rfc5011.revokes_trust(zone.state, key(2)));
		assert.equal("1 valid, DS " .. tag_of_ds(ds), show(zone:day(key(1), revoked(2, false)).state));
		assert.equal("1 valid, 2 revoked", show(zone:day(key(1), revoked(2)).state));
	end);

	it("computes DS records as IANA does", function ()
		local its = { flags = 257, protocol = 3, algorithm = 8, public = require "spec.support.root_keys"[20326] };
		assert.equal(". IN DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D", rfc5011.ds_line(".", its));
		its.public = require "spec.support.root_keys"[38696];
		assert.equal(". IN DS 38696 8 2 683D2D0ACB8C9B712A1948B27F741219298D0A450D612C483AF444A4C0FB2B16", rfc5011.ds_line(".", its));
	end);

	it("never leaves nothing to trust", function ()
		local zone = new_zone(line(1)):day(revoked(1));
		assert.same({ "1 valid", ".: all its trusted keys are revoked" }, { show(zone.state), zone.problem });
	end);

	it("does not wait for years when the clock goes back", function ()
		local zone = new_zone(line(1)):days(10, key(1), key(2));
		zone.now = START - 365 * DAY;
		assert.equal("1 valid, 2 pending", show(zone:days(30, key(1), key(2)).state));
		assert.equal("1 valid, 2 valid", show(zone:day(key(1), key(2)).state));
	end);

	it("is hurried neither by a clock that goes forward nor by time in which nobody looked: of that 15 days count", function ()
		local zone = new_zone(line(1)):day(key(1), key(2));
		zone.now = START + 365 * DAY;
		assert.equal("1 valid, 2 pending", show(zone:days(15, key(1), key(2)).state));
		assert.equal("1 valid, 2 valid", show(zone:day(key(1), key(2)).state));
	end);

	it("ignores what is no key signing key", function ()
		assert.equal("1 valid", show(new_zone(line(1)):days(60, key(1), key(2, 256), key(3, 0)).state));
	end);

	it("asks again after half the TTL, at least an hour, at most 15 days", function ()
		assert.same({ 86400, 3600, 15 * DAY, 3600 }, { rfc5011.refresh_interval(172800), rfc5011.refresh_interval(60), rfc5011.refresh_interval(10 ^ 7),
			rfc5011.refresh_interval(nil) });
	end);

	it("may be told to wait for a shorter time", function ()
		local state = rfc5011.advance(rfc5011.begin(".", { line(1) }), { key(1), key(2) }, START);
		state = rfc5011.advance(state, { key(1), key(2) }, START + 2, { add = 1 });
		assert.equal("1 valid, 2 valid", show(state));
	end);
end);

describe("rfc5011: the file", function ()
	local LIBUNBOUND = ([[
; autotrust trust anchor file
;;id: . 1
;;last_queried: 1790000000 ;;Mon Sep 21 14:13:20 2026
;;last_success: 1790000000 ;;Mon Sep 21 14:13:20 2026
;;next_probe_time: 1790040000 ;;Tue Sep 22 01:20:00 2026
;;query_failed: 0
;;query_interval: 43200
;;retry_time: 8640
.	86400	IN	DNSKEY	385 3 13 %s ;{id = 20454 (ksk), size = 256b} ;;state=4 [ REVOKED ] ;;count=0 ;;lastchange=1789000000 ;;Wed Sep 9
.	86400	IN	DNSKEY	257 3 13 %s ;{id = 38696 (ksk), size = 256b} ;;state=2 [  VALID  ] ;;count=0 ;;lastchange=1780000000 ;;Fri May 28
.	86400	IN	DNSKEY	257 3 13 %s ;{id = 1 (ksk), size = 256b} ;;state=1 [ ADDPEND ] ;;count=1 ;;lastchange=1789900000 ;;Sun Sep 20
]]):format(PUBLIC[1], PUBLIC[2], PUBLIC[3]);

	it("is libunbound's, which may go on with it", function ()
		local state = rfc5011.read(LIBUNBOUND);
		assert.equal("1 revoked, 2 valid, 3 pending", show(state));
		assert.same({ 1790000000, 1789000000, 1780000000, 1789900000 }, { state.succeeded, state.keys[1].changed, state.keys[2].changed, state.keys[3].changed });
		assert.same(state, rfc5011.read(rfc5011.write(state)));
	end);

	it("may be as an operator wrote it", function ()
		local state = rfc5011.read("; ours\n. IN DNSKEY 257 3 13 " .. PUBLIC[1] .. "\n.\t3600\tDS 4711 13 2 " .. ("ab"):rep(32) .. " ; a comment\n");
		assert.equal("1 valid, DS 4711", show(state));
		assert.same({ line(1), ". IN DS 4711 13 2 " .. ("AB"):rep(32) }, rfc5011.trusted(state));
	end);

	it("15.2: means what it means to core, in whatever form: of every key and record the same count as trusted", function ()
		local DIGEST, path = ("AB"):rep(32), process.directory("rfc5011") .. "/parity.key";
		local function key_in(form) return (form:gsub("FIRST", PUBLIC[1]:sub(1, 56)):gsub("SECOND", PUBLIC[1]:sub(57))); end
		local good = ". IN DS 1 13 2 " .. DIGEST .. "\n";
		for text, expected in pairs({
			[key_in(". 3600 IN DNSKEY 257 3 13 FIRST SECOND ; as dig prints it")] = 2, [key_in(". DNSKEY (257 3\t13 ; (\n FIRST\r\n SECOND )")] = 2;
			[key_in(". IN TXT x\n\t1h IN dnskey 257 3 13 FIRSTSECOND")] = 2, [key_in(". IN DNSKEY 257 3 13 ( FIRST ;;state=4\nSECOND )")] = 1;
			[". IN DS 4711 13 2 " .. DIGEST:sub(1, 56) .. " " .. DIGEST:sub(57):lower()] = 2, [". DS 4711 13 2 (\n" .. DIGEST .. ")"] = 2;
			[". DS 4711 13 2 " .. DIGEST .. " ;;state=1"] = 1, [". DS 4711 13 2 " .. DIGEST .. " ;;state=4"] = 1;
			[". DS 4711 13 2 " .. DIGEST .. " ;;state=3"] = 2, [". IN A 192.0.2.1 ; DS 4711 13 2 " .. DIGEST] = 1;
			[key_in(". IN DNSKEY 257 3 13 FIRSTSECOND ;;state=25")] = 1, [key_in(". IN DNSKEY 257 3 13 FIRSTSECOND ;;state=")] = 1;
			[key_in(". IN DNSKEY 257 3 13 FIRSTSECOND ;;state=0")] = 1, [key_in(". CH DNSKEY 257 3 13 FIRSTSECOND")] = 1;
		}) do
			local lines = rfc5011.trusted(rfc5011.read(good .. text .. "\n"));
			assert.same({ expected, text }, { #lines, text });
			process.write(path, good .. text .. "\n");
			local by_core = upstream.read_upstream({ trustfile = path, resolvconf = false }).anchors;
			table.sort(lines);
			table.sort(by_core);
			assert.same(by_core, lines);
		end
	end);

	it("is of one zone", function ()
		local state = rfc5011.read("Example.ORG. IN DNSKEY 257 3 13 " .. PUBLIC[1] .. "\n. IN DNSKEY 257 3 13 " .. PUBLIC[2] .. "\n");
		assert.same({ "example.org", "1 valid" }, { state.zone, show(state) });
		assert.same({ "example.org. IN DNSKEY 257 3 13 " .. PUBLIC[1] }, rfc5011.trusted(state));
	end);

	it("is nothing without a key that is trusted", function ()
		for _, text in ipairs({ "", "; autotrust trust anchor file\n", (LIBUNBOUND:gsub("[^\n]*VALID[^\n]*\n", "")), "\0", ". IN DNSKEY 257 3 13 !\n" }) do
			assert.is_nil(rfc5011.read(text));
		end
	end);

	it("never makes a pending key trusted by what was lost of it", function ()
		local state = rfc5011.read((LIBUNBOUND:gsub(";;lastchange=%d+", "")));
		state = rfc5011.advance(state, { key(2), key(3) }, START);
		assert.equal("1 revoked, 2 valid, 3 pending", show(state));
	end);

	-- Whatever is read was there, and goes on.
	it("may be damaged in any way", function ()
		local random = 1;
		local function draw(most)
			random = (random * 16807) % 2147483647;
			return random % most + 1;
		end
		local text = LIBUNBOUND .. ". IN DS 4711 13 2 " .. ("AB"):rep(32) .. "\n";
		for _ = 1, 3000 do
			local damaged = text;
			for _ = 1, draw(8) do
				local from = draw(#damaged + 1);
				local to = from + draw(40) - 2;
				local put = ({ "", string.char(draw(256) - 1), damaged:sub(draw(#damaged), -draw(#damaged)):sub(1, 200), "\n", ";;state=2", "(", ")" })[draw(7)];
				damaged = damaged:sub(1, from - 1) .. put .. damaged:sub(to + 1);
			end
			local state = rfc5011.read(damaged);
			if state then
				local following = rfc5011.advance(state, { key(2), key(3), revoked(1) }, START);
				if following then assert.same(following, rfc5011.read(rfc5011.write(following))); end
				for _, its in ipairs(rfc5011.trusted(state)) do
					assert.same({ its }, assert(upstream.read_upstream({ trusted = its, resolvconf = false })).anchors);
				end
			end
		end
	end);
end);
