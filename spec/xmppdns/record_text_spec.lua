-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- The text of records. Only the last part needs Prosody, whose util.dns it compares ours with.

local child = require "spec.support.child";
local core = require "xmppdns.core";
local records = require "spec.support.records";

require "xmppdns.record_text".install(core);

local parse_record = core.parse_record;
local u16, text, name, param = records.u16, records.text, records.name, records.param;
local samples, new_generator = records.samples, records.new_generator;

local texts = {
	A = "192.0.2.255", NS = "ns.Example.org", CNAME = "canon.example.org", PTR = "host.example.org", AAAA = "2001:db8::1";
	SOA = "ns.example.org. hostmaster.example.org. 4294967295 1 2 3 65536", MX = "65535 mail.example.org", TXT = [[onetwo\000]];
	SRV = "10 65535 5269 xmpp.example.org", DS = "38696 13 2 " .. ("0123456789abcdef"):rep(4), SSHFP = "4 2 " .. ("0123456789abcdef"):rep(4);
	DNSKEY = "257 3 13 YW55IGNhcm5hbCBwbGVhc3VyZQ==", TLSA = "DANE-EE SPKI SHA2-256 " .. ("0123456789abcdef"):rep(4), SVCB = "0 svc.example.org ";
	HTTPS = [[1 web.example.org. key0="\000\001" alpn="h2, http/1.1" no-default-alpn="" port="5269" ipv4hint="192.0.2.1, 192.0.2.2"]]
		.. [[ ech="\"ech\"\010\\" ipv6hint="2001:db8::" key65535=""]];
	CAA = "128 issue \"ca.example\\\\\\\"\\010\"";
};

describe("record_text: the text of a record", function ()
	for type_name, sample in pairs(samples) do
		it("is that of its value: " .. type_name, function ()
			local record = parse_record(sample.type, sample.rdata);
			assert.same({ texts[type_name], texts[type_name] }, { tostring(record), tostring(record[type_name:lower()]) });
		end);
	end

	it("has a dot for the root", function ()
		assert.equal("0 0 0 .", tostring(parse_record(33, ("\0"):rep(7))));
		assert.equal(". . 0 0 0 0 0", tostring(parse_record(6, ("\0"):rep(22))));
		assert.equal("1 . port=\"443\"", tostring(parse_record(64, u16(1) .. "\0" .. param(3, "\1\187"))));
	end);

	it("has keys in base64, as the vectors of RFC 4648 want it", function ()
		for key, base64 in pairs { [""] = "", f = "Zg==", fo = "Zm8=", foo = "Zm9v", foob = "Zm9vYg==", fooba = "Zm9vYmE=", foobar = "Zm9vYmFy" } do
			assert.equal("257 3 8 " .. base64, tostring(parse_record(48, u16(257) .. "\3\8" .. key)));
		end
		assert.equal("0 0 0 //79+/A=", tostring(parse_record(48, "\0\0\0\0\255\254\253\251\240")));
	end);

	it("is that of RFC 3597 for another type, whether or not one was met before", function ()
		for _, rdtype in ipairs { 65280, 65281, 0, 65280 } do
			assert.equal([[\# 3 01ff61]], tostring(parse_record(rdtype, "\1\255a")));
			assert.equal([[\# 0 ]], tostring(parse_record(rdtype, "")));
		end
	end);

	it("exists for all that is a record, whatever its bytes", function ()
		for _, sample in pairs(samples) do
			local random = new_generator(sample.type);
			for _ = 1, 500 do
				local at, byte = random(#sample.rdata) + 1, string.char(random(256));
				local record = parse_record(sample.type, sample.rdata:sub(1, at - 1) .. byte .. sample.rdata:sub(at + 1, -1 - random(2)));
				if record then assert.is_nil(tostring(record):find("[^ -~]")); end
			end
		end
	end);

	it("is made of what a user left there, or raises", function ()
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

	it("is not the C core's, which does without", function ()
		assert.same("192.0.2.1 table", child.run [[
			local record = require "xmppdns.core".parse_record(1, "\192\0\2\1");
			io.write(record.a, " ", tostring(record):match("^%a+"));
		]]);
	end);
end);

describe("record_text: bytes that cannot be printed", function ()
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

	it("are escaped once in SVCB's alpn", function ()
		local record = parse_record(64, u16(1) .. "\0" .. param(1, text "a\1\"" .. text "h2"));
		assert.same({ [[1 . alpn="a\001\", h2"]], [[a\001", h2]] }, { tostring(record), tostring(record.svcb.fields[1].value) });
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

describe("record_text: a TLSA record", function ()
	it("has methods that name usage, selector and matching type", function ()
		local tlsa = parse_record(52, samples.TLSA.rdata).tlsa;
		assert.same({ "DANE-EE", "SPKI", "SHA2-256" }, { tlsa:getUsage(), tlsa:getSelector(), tlsa:getMatchType() });
		tlsa.use = 77;
		assert.is_nil(tlsa:getUsage());
	end);
end);

-- Well-formed rdata of random content, all of it printable: what is not, Prosody shows as it is.
local function new_source(random)
	local source = {};

	local function bytes(least, most)
		local all = {};
		for i = 1, least + random(most - least + 1) do all[i] = string.char(random(256)); end
		return table.concat(all);
	end

	local function printable(least, most)
		return (bytes(least, most):gsub(".", function (byte) return string.char(32 + byte:byte() % 95); end));
	end

	local function some_name(least)
		local labels = {};
		for i = 1, (least or 0) + random(5) do
			labels[i] = printable(1, 20):gsub("[%s.\\]", "x");
		end
		return name(table.concat(labels, "."));
	end

	local function params()
		local values = {
			{ 1, function () return text(printable(1, 8)) .. text(printable(1, 8)) end }, { 3, function () return bytes(2, 2); end };
			{ 4, function () return bytes(4, 4):rep(1 + random(3)); end }, { 5, function () return printable(0, 30); end };
			{ 6, function () return bytes(16, 16):rep(1 + random(3)); end }, { 7 + random(60000), function () return printable(0, 30); end };
		};
		local all = {};
		for _, value in ipairs(values) do
			if random(2) == 0 then all[#all + 1] = param(value[1], value[2]()); end
		end
		return table.concat(all);
	end

	function source.A() return bytes(4, 4); end
	function source.AAAA() return bytes(16, 16):gsub("%z", function () return random(2) == 0 and "\0" or nil; end); end
	function source.NS() return some_name(1); end -- of the root alone Prosody's raises
	source.CNAME, source.PTR = source.NS, source.NS;
	function source.SOA() return some_name() .. some_name() .. bytes(20, 20); end
	function source.MX() return bytes(2, 2) .. some_name(); end
	function source.SRV() return bytes(6, 6) .. some_name(); end
	function source.TLSA() return string.char(random(6), random(4), random(4)) .. bytes(0, 64); end
	function source.TXT() return text(printable(0, 60)) .. text(printable(0, 60)) .. text(printable(1, 60)); end
	function source.SVCB() return bytes(2, 2) .. some_name() .. params(); end
	source.HTTPS = source.SVCB;
	function source.TYPE65280() return bytes(0, 64); end
	return source;
end

describe("record_text, beside Prosody's util.dns:", function ()
	local prosody_dns = require "spec.support.prosody_util" "dns";

	for type_name in pairs(new_source(new_generator(1))) do
		it(type_name .. " has the same fields and the same text, for 1,000 random records", function ()
			local number = core.type_number(type_name);
			local source = new_source(new_generator(number));
			for _ = 1, 1000 do
				local rdata = source[type_name]();
				local ours, theirs = parse_record(number, rdata), prosody_dns.parsers[type_name](rdata);
				assert.equal(tostring(theirs), tostring(ours));
				assert.same(theirs, ours[type_name:lower()] or ours);
			end
		end);
	end

	it("knows every type that Prosody has a parser for", function ()
		local source = new_source(new_generator(1));
		for type_name in pairs(prosody_dns.parsers) do
			assert(source[type_name] or type_name == "SPF", type_name);
		end
	end);

	it("TLSA records' usage, selector and matching type have the same names, for all values", function ()
		for value = 0, 255 do
			local bytes = string.char(value, value, value) .. "\171";
			local ours, theirs = parse_record(52, bytes), prosody_dns.parsers.TLSA(bytes);
			assert.equal(tostring(theirs), tostring(ours));
			assert.same({ theirs:getUsage(), theirs:getSelector(), theirs:getMatchType(), "end" },
				{ ours.tlsa:getUsage(), ours.tlsa:getSelector(), ours.tlsa:getMatchType(), "end" });
		end
	end);
end);
