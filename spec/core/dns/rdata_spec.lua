-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- Record data in C, seen as the tables that Lua gets.

local core = require "xmppdns.core";
local prosody_dns = require "spec.support.prosody_util" "dns";

local parse_record = core.parse_record;

local function u16(number)
	return string.char(math.floor(number / 256), number % 256);
end

local function u32(number)
	return u16(math.floor(number / 65536)) .. u16(number % 65536);
end

local function text(string) -- a character-string
	return string.char(#string) .. string;
end

local function name(labels)
	return (labels:gsub("[^.]+%.?", function (label) return text((label:gsub("%.", ""))); end)) .. "\0";
end

local function param(key, value)
	return u16(key) .. u16(#value) .. value;
end

local digest = ("\1\35\69\103\137\171\205\239"):rep(4);

local function at_least(size)
	return function (length) return length >= size; end;
end

-- type: number; rdata; record: what Lua gets; text: tostring(record), where Prosody has no parser; visible: the same where Prosody's would have
-- control characters; whole: at which lengths a cut record is still one.
local samples = {
	A = { type = 1, rdata = "\192\0\2\255", record = { a = "192.0.2.255" } };
	NS = { type = 2, rdata = name "ns.Example.org", record = { ns = "ns.Example.org" } };
	CNAME = { type = 5, rdata = name "canon.example.org", record = { cname = "canon.example.org" } };
	SOA = {
		type = 6; rdata = name "ns.example.org" .. name "hostmaster.example.org" .. u32(4294967295) .. u32(1) .. u32(2) .. u32(3) .. u32(65536);
		record = { soa = {
			mname = "ns.example.org", rname = "hostmaster.example.org",
			serial = 4294967295, refresh = 1, retry = 2, expire = 3, minimum = 65536,
		} };
	};
	PTR = { type = 12, rdata = name "host.example.org", record = { ptr = "host.example.org" } };
	MX = { type = 15, rdata = u16(65535) .. name "mail.example.org", record = { mx = { pref = 65535, mx = "mail.example.org" } } };
	TXT = {
		type = 16, rdata = text "one" .. text "" .. text "two\0", record = { txt = { "one", "", "two\0" } };
		whole = function (length) return length == 4 or length == 5 end, visible = "onetwo\\000";
	};
	AAAA = { type = 28, rdata = "\32\1\13\184" .. ("\0"):rep(11) .. "\1", record = { aaaa = "2001:db8::1" } };
	SRV = {
		type = 33, rdata = u16(10) .. u16(65535) .. u16(5269) .. name "xmpp.example.org";
		record = { srv = { priority = 10, weight = 65535, port = 5269, target = "xmpp.example.org" } };
	};
	DS = {
		type = 43, rdata = u16(38696) .. "\13\2" .. digest, whole = at_least(4);
		record = { ds = { key_tag = 38696, algorithm = 13, digest_type = 2, digest = digest } };
		text = "38696 13 2 " .. ("0123456789abcdef"):rep(4);
	};
	SSHFP = {
		type = 44, rdata = "\4\2" .. digest, record = { sshfp = { algorithm = 4, type = 2, fingerprint = digest } }, whole = at_least(2);
		text = "4 2 " .. ("0123456789abcdef"):rep(4);
	};
	DNSKEY = {
		type = 48, rdata = u16(257) .. "\3\13" .. "any carnal pleasure", whole = at_least(4);
		record = { dnskey = { flags = 257, protocol = 3, algorithm = 13, key = "any carnal pleasure" } };
		text = "257 3 13 YW55IGNhcm5hbCBwbGVhc3VyZQ==";
	};
	TLSA = {
		type = 52, rdata = "\3\1\1" .. digest, record = { tlsa = { use = 3, select = 1, match = 1, data = digest } }, whole = at_least(3);
	};
	SVCB = {
		type = 64, rdata = u16(0) .. name "svc.example.org", record = { svcb = { prio = 0, name = "svc.example.org", fields = {} } };
	};
	HTTPS = {
		type = 65;
		rdata = u16(1) .. name "web.example.org" .. param(0, "\0\1") .. param(1, text "h2" .. text "http/1.1") .. param(2, "") .. param(3, "\20\149")
			.. param(4, "\192\0\2\1\192\0\2\2") .. param(5, "\"ech\"\n\\") .. param(6, "\32\1\13\184" .. ("\0"):rep(12)) .. param(65535, "");
		record = { https = { prio = 1, name = "web.example.org", fields = {
			{ key = 0, len = 2, value = "\0\1" };
			{ key = 1, len = 12, value = { "h2", "http/1.1" } };
			{ key = 2, len = 0, value = "" };
			{ key = 3, len = 2, value = 5269 };
			{ key = 4, len = 8, value = { "192.0.2.1", "192.0.2.2" } };
			{ key = 5, len = 7, value = "\"ech\"\n\\" };
			{ key = 6, len = 16, value = { "2001:db8::" } };
			{ key = 65535, len = 0, value = "" };
		} } };
		visible = [[1 web.example.org. key0="\000\001" alpn="h2, http/1.1" no-default-alpn="" port="5269" ipv4hint="192.0.2.1, 192.0.2.2"]]
			.. [[ ech="\"ech\"\010\\" ipv6hint="2001:db8::" key65535=""]];
		whole = function (length) -- between two parameters
			local ends = { [19] = true, [25] = true, [41] = true, [45] = true, [51] = true, [63] = true, [74] = true, [94] = true };
			return ends[length];
		end;
	};
	CAA = {
		type = 257, rdata = "\128" .. text "issue" .. "ca.example\\\"\n", whole = at_least(7);
		record = { caa = { flags = 128, tag = "issue", value = "ca.example\\\"\n" } };
		text = "128 issue \"ca.example\\\\\\\"\\010\"";
	};
};

-- Numbers that look random and are the same each time (Park and Miller).
local function new_generator(seed)
	return function (limit)
		seed = seed * 16807 % 2147483647;
		return seed % limit;
	end;
end

-- Parses, reads all there is, and gives whether it was a record.
local function digest_record(type, rdata)
	local record = parse_record(type, rdata);
	if record == nil then return false; end
	assert(#tostring(record) >= 0 and record.type and record.class == "IN");
	return true;
end

for type_name, sample in pairs(samples) do
	describe("rdata: " .. type_name, function ()
		it("has the fields of Prosody's util.dns, or the RFC's where Prosody has no parser", function ()
			assert.same(sample.record, parse_record(sample.type, sample.rdata));
		end);

		it("knows its type and class", function ()
			local record = parse_record(sample.type, sample.rdata);
			assert.same({ type_name, "IN" }, { record.type, record.class });
		end);

		it("reads as text like Prosody's, or like a zone file where Prosody has no parser", function ()
			local expected = sample.text or sample.visible or tostring(prosody_dns.parsers[type_name](sample.rdata));
			local record = parse_record(sample.type, sample.rdata);
			assert.equal(expected, tostring(record));
			assert.equal(sample.text == nil, rawget(prosody_dns.parsers, type_name) ~= nil);
			assert.equal(expected, type(record[type_name:lower()]) == "string" and expected or tostring(record[type_name:lower()]));
		end);

		it("is refused when it is cut short, at every length", function ()
			for length = 0, #sample.rdata - 1 do
				local still_whole = sample.whole ~= nil and not not sample.whole(length);
				assert.equal(still_whole, digest_record(sample.type, sample.rdata:sub(1, length)), "cut at " .. length);
			end
		end);

		it("is refused with a byte too many, unless its last field takes it", function ()
			local open_ended = { DS = true, SSHFP = true, DNSKEY = true, TLSA = true, CAA = true, TXT = true };
			assert.equal(not not open_ended[type_name], digest_record(sample.type, sample.rdata .. "\0"));
		end);

		it("survives every value of each of its bytes", function ()
			for at = 1, #sample.rdata do
				for byte = 0, 255 do
					digest_record(sample.type, sample.rdata:sub(1, at - 1) .. string.char(byte) .. sample.rdata:sub(at + 1));
				end
			end
		end);

		it("survives random bytes", function ()
			local random, accepted = new_generator(sample.type), 0;
			for _ = 1, 2000 do
				local bytes = {};
				for i = 1, random(48) do bytes[i] = string.char(random(random(4) == 0 and 256 or 5)); end
				if digest_record(sample.type, table.concat(bytes)) then accepted = accepted + 1; end
			end
			assert.is_true(accepted > 0 and accepted < 2000, accepted .. " accepted");
		end);
	end);
end

describe("rdata: a name", function ()
	local function parse_name(wire)
		local record = parse_record(5, wire);
		return record and record.cname;
	end

	it("is a dot for the root", function ()
		assert.equal(".", parse_name("\0"));
		assert.equal("0 0 0 .", tostring(parse_record(33, ("\0"):rep(7))));
		assert.equal(". . 0 0 0 0 0", tostring(parse_record(6, ("\0"):rep(22))));
		assert.equal(tostring(prosody_dns.parsers.SOA(("\0"):rep(22))), tostring(parse_record(6, ("\0"):rep(22))));
	end);

	it("keeps its case, and escapes what would be read as something else", function ()
		assert.equal([[A\.b\\c\032\000\127\255"(;.x]], parse_name(text("A.b\\c \0\127\255\"(;") .. text "x" .. "\0"));
	end);

	it("has 255 bytes at most", function ()
		local most = text(("a"):rep(63)):rep(3) .. text(("b"):rep(61)) .. "\0";
		assert.equal(255, #most);
		assert.equal(("a"):rep(63) .. "." .. ("a"):rep(63) .. "." .. ("a"):rep(63) .. "." .. ("b"):rep(61), parse_name(most));
		assert.is_nil(parse_name(text(("a"):rep(63)):rep(3) .. text(("b"):rep(62)) .. "\0"));
		assert.is_nil(parse_name(("\1a"):rep(2000) .. "\0"));
	end);

	it("fits as text when each of its bytes is escaped", function ()
		local label = text(("\200"):rep(63));
		local expected = ("\\200"):rep(63);
		assert.equal(table.concat({ expected, expected, expected, ("\\200"):rep(61) }, "."), parse_name(label:rep(3) .. text(("\200"):rep(61)) .. "\0"));
	end);

	it("is refused with a label of more than 63 bytes, a pointer, or nothing after its last label", function ()
		for _, wire in ipairs { "\64" .. ("a"):rep(64) .. "\0", "\192\0", "\1a\192\0", "\128a\0", "\1a", "\2a\0", "" } do
			assert.is_nil(parse_name(wire));
		end
	end);
end);

describe("rdata: a TLSA record", function ()
	local function parse_tlsa(use, select, match, data)
		return parse_record(52, string.char(use, select, match) .. (data or "x"));
	end

	it("names its usage, selector and matching type as Prosody's does, for all values", function ()
		for value = 0, 255 do
			local bytes = string.char(value, value, value) .. "\171";
			local ours, theirs = parse_record(52, bytes), prosody_dns.parsers.TLSA(bytes);
			assert.equal(tostring(theirs), tostring(ours));
			assert.same({ theirs:getUsage(), theirs:getSelector(), theirs:getMatchType(), "end" },
				{ ours.tlsa:getUsage(), ours.tlsa:getSelector(), ours.tlsa:getMatchType(), "end" });
		end
	end);

	it("may be without data", function ()
		assert.same({ tlsa = { use = 3, select = 1, match = 1, data = "" } }, parse_tlsa(3, 1, 1, ""));
	end);
end);

describe("rdata: bytes that cannot be printed", function ()
	local all = {};
	for byte = 0, 255 do all[byte] = string.char(byte); end
	local every_byte = table.concat(all, "", 0, 127) .. table.concat(all, "", 128, 255);

	local function assert_visible(value)
		assert.is_nil(tostring(value):find("[^ -~]"));
	end

	it("are escaped in the text of TXT, and are what they were in its strings", function ()
		local record = parse_record(16, text(every_byte:sub(1, 128)) .. text(every_byte:sub(129)));
		assert.same({ every_byte:sub(1, 128), every_byte:sub(129) }, { record.txt[1], record.txt[2] });
		assert_visible(record);
		assert.equal([[a\027[31mb\010c]], tostring(parse_record(16, text("a\27[31mb\nc"))));
	end);

	it("are escaped in the text of SVCB and HTTPS, and are what they were in the values", function ()
		for rdtype, field in pairs({ [64] = "svcb", [65] = "https" }) do
			local record = parse_record(rdtype, u16(1) .. "\0" .. param(1, text(every_byte:sub(1, 128))) .. param(5, every_byte) .. param(65000, every_byte));
			local fields = record[field].fields;
			assert.same({ every_byte:sub(1, 128), every_byte, every_byte }, { fields[1].value[1], fields[2].value, fields[3].value });
			assert_visible(record);
			assert_visible(fields[1].value);
		end
	end);

	it("are escaped in the text of every other type", function ()
		local label = text(every_byte:sub(1, 33)) .. text(every_byte:sub(96, 140)) .. text(every_byte:sub(200)) .. "\0";
		for type, rdata in pairs({
			[2] = label, [5] = label, [6] = label .. label .. ("\0"):rep(20), [12] = label, [15] = u16(1) .. label, [33] = ("\0"):rep(6) .. label;
			[43] = every_byte, [44] = every_byte, [48] = every_byte, [52] = every_byte, [257] = "\0" .. text("issue") .. every_byte, [65280] = every_byte;
		}) do
			assert_visible(parse_record(type, rdata));
		end
	end);
end);

describe("rdata: an SVCB record", function ()
	local function parse_params(...)
		return parse_record(64, u16(1) .. "\0" .. table.concat { ... });
	end

	it("reads as Prosody's does when its name is the root", function ()
		for _, params in ipairs { "", param(3, "\1\187"), param(5, "a \\\"b") } do
			local rdata = u16(1) .. "\0" .. params;
			assert.equal(tostring(prosody_dns.parsers.SVCB(rdata)), tostring(parse_record(64, rdata)));
		end
	end);

	it("is refused when its parameters do not ascend", function ()
		assert.is_nil(parse_params(param(3, "\0\1"), param(1, text "h2")));
		assert.is_nil(parse_params(param(3, "\0\1"), param(3, "\0\1")));
	end);

	it("is refused when the value of a known parameter has another form", function ()
		for _, bad in ipairs {
			param(1, ""), param(1, "\0"), param(1, "\3h2"), param(1, text "h2" .. "\0"), param(2, "x"), param(3, ""), param(3, "\1"), param(3, "\1\2\3"),
			param(4, ""), param(4, "\1\2\3"), param(4, "\1\2\3\4\5"), param(6, ""), param(6, ("\1"):rep(15)), param(6, ("\1"):rep(17)),
		} do
			assert.is_nil(parse_params(bad));
		end
	end);
end);

describe("rdata: a DNSKEY record", function ()
	it("shows its key in base64, as the vectors of RFC 4648 want it", function ()
		for key, base64 in pairs { [""] = "", f = "Zg==", fo = "Zm8=", foo = "Zm9v", foob = "Zm9vYg==", fooba = "Zm9vYmE=", foobar = "Zm9vYmFy" } do
			assert.equal("257 3 8 " .. base64, tostring(parse_record(48, u16(257) .. "\3\8" .. key)));
		end
		assert.equal("0 0 0 //79+/A=", tostring(parse_record(48, "\0\0\0\0\255\254\253\251\240")));
	end);
end);

describe("rdata: a CAA record", function ()
	it("is refused without a tag, or with one that is not letters and digits", function ()
		for _, tag in ipairs { "", "is sue", "issue\0", "\255" } do
			assert.is_nil(parse_record(257, "\0" .. text(tag) .. "value"));
		end
	end);
end);

describe("rdata: a record of another type", function ()
	it("is its bytes, and reads as Prosody's does", function ()
		for _, bytes in ipairs { "", "\0", "\1\255abc" } do
			local record = parse_record(65280, bytes);
			assert.same({ raw = bytes }, record);
			assert.same({ "TYPE65280", "IN" }, { record.type, record.class });
			assert.equal(tostring(prosody_dns.parsers.TYPE65280(bytes)), tostring(record));
		end
	end);

	it("keeps its own type beside others", function ()
		local first, second, first_again = parse_record(65280, ""), parse_record(35, ""), parse_record(65280, "");
		assert.same({ "TYPE65280", "NAPTR", "TYPE65280" }, { first.type, second.type, first_again.type });
		assert.equal(getmetatable(first), getmetatable(first_again));
	end);

	it("is accepted for each of the 65536 types", function ()
		for type = 0, 65535 do
			assert(digest_record(type, "\0") or core.type_name(type):sub(1, 4) ~= "TYPE");
		end
	end);
end);

describe("rdata: text of a record that a user has changed", function ()
	it("is made of what is there, or raises", function ()
		local srv = parse_record(33, samples.SRV.rdata);
		srv.srv.port, srv.srv.target = "many", nil;
		assert.equal("10 65535 many nil", tostring(srv));
		local tlsa = parse_record(52, samples.TLSA.rdata);
		tlsa.tlsa.use, tlsa.tlsa.data = -1, 12;
		assert.equal("-1 SPKI SHA2-256 3132", tostring(tlsa));
		local https = parse_record(65, samples.HTTPS.rdata);
		https.https.fields = { {} };
		assert.equal("1 web.example.org. keynil=\"nil\"", tostring(https));
		https.https.fields = { 1 };
		assert.has_error(function () return tostring(https); end);
		https.https.fields = nil;
		assert.has_error(function () return tostring(https); end);
		for _, sample in pairs(samples) do
			local record = parse_record(sample.type, sample.rdata);
			assert.has_error(function () getmetatable(record).__tostring(1); end);
		end
	end);
end);

describe("rdata: a type", function ()
	it("has the name that Prosody knows, and is found by it in any case", function ()
		local named = 0;
		for number = 1, 65535 do
			local type_name = core.type_name(number);
			if type_name ~= "TYPE" .. number then
				named = named + 1;
				assert.equal(prosody_dns.types[number], type_name);
				assert.equal(number, core.type_number(type_name:lower()));
			end
			assert.equal(number, core.type_number(type_name));
			assert.equal(number, core.type_number("type" .. number));
		end
		assert.is_true(named >= 16);
	end);

	it("is not found by anything else", function ()
		for _, wrong in ipairs {
			"", "X", "SRVX", "SR", "SRV\0", "SRV ", "33",
			"TYPE", "TYPE0", "TYPE65536", "TYPE99999", "TYPE4294967329", "TYPE000033", "TYPE-1", "TYPE+1", "TYPE 1", "TYPE1x",
		} do
			assert.is_nil(core.type_number(wrong));
		end
	end);

	it("is a whole number from 0 to 65535, else the caller is told", function ()
		for _, wrong in ipairs { -1, 65536, 1.5, 0 / 0, math.huge, -math.huge, "33", {}, false } do
			assert.has_error(function () core.type_name(wrong); end);
			assert.has_error(function () parse_record(wrong, ""); end);
		end
		for _, wrong in ipairs { 33, {}, true } do
			assert.has_error(function () core.type_number(wrong); end);
			assert.has_error(function () parse_record(33, wrong); end);
		end
	end);
end);
