-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- Record data in C, seen as the tables that Lua gets.

local core = require "xmppdns.core";
local records = require "spec.support.records";
local testprocess = require "xmppdns.testprocess";

local parse_record = core.parse_record;
local u16, text, param, samples, new_generator = records.u16, records.text, records.param, records.samples, records.new_generator;

-- Whether it is a record.
local function digest_record(type, rdata)
	local record = parse_record(type, rdata);
	if record == nil then return false; end
	assert(record.type and record.class == "IN");
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
		assert.equal(".", parse_record(33, ("\0"):rep(7)).srv.target);
		assert.same({ mname = ".", rname = ".", serial = 0, refresh = 0, retry = 0, expire = 0, minimum = 0 }, parse_record(6, ("\0"):rep(22)).soa);
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

	it("may be without data", function ()
		assert.same({ tlsa = { use = 3, select = 1, match = 1, data = "" } }, parse_tlsa(3, 1, 1, ""));
	end);
end);

describe("rdata: an SVCB record", function ()
	local function parse_params(...)
		return parse_record(64, u16(1) .. "\0" .. table.concat { ... });
	end

	it("is refused when its parameters do not ascend", function ()
		assert.is_nil(parse_params(param(3, "\0\1"), param(1, text "h2")));
		assert.is_nil(parse_params(param(3, "\0\1"), param(3, "\0\1")));
	end);

	it("is refused when its mandatory list does not ascend, names itself, or names what is not there (RFC 9460, 8; 17.8)", function ()
		local alpn, port = param(1, text "h2"), param(3, "\1\187");
		for _, bad in ipairs { "", "\0", "\0\1\0", "\0\0", "\0\0\0\1", "\0\3\0\1", "\0\1\0\1", "\0\1\0\4", "\0\4", "\0\1\0\3\0\4" } do
			assert.is_nil(parse_params(param(0, bad), alpn, port), (bad:gsub(".", function (byte) return byte:byte() .. " "; end)));
		end
		for _, good in ipairs { "\0\1", "\0\3", "\0\1\0\3" } do
			assert.is_table(parse_params(param(0, good), alpn, port));
		end
	end);

	it("is refused with no-default-alpn and no alpn, which leaves no protocol (RFC 9460, 7.1.1; 17.8)", function ()
		assert.is_nil(parse_params(param(2, "")));
		assert.is_table(parse_params(param(1, text "h2"), param(2, "")));
	end);

	it("that is an alias may have parameters that do not fit together: nobody heeds them (RFC 9460, 2.4.2)", function ()
		assert.is_table(parse_record(64, u16(0) .. "\0" .. param(2, "")));
		assert.is_nil(parse_record(64, u16(0) .. "\0" .. param(3, "\1")));
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

describe("rdata: a CAA record", function ()
	it("is refused without a tag, or with one that is not letters and digits", function ()
		for _, tag in ipairs { "", "is sue", "issue\0", "\255" } do
			assert.is_nil(parse_record(257, "\0" .. text(tag) .. "value"));
		end
	end);
end);

describe("rdata: what is parsed", function ()
	it("is bytes of a type from 0 to 65535, else the caller is told", function ()
		for _, wrong in ipairs { -1, 65536, 1.5, 0 / 0, math.huge, -math.huge, "33", {}, false } do
			assert.has_error(function () parse_record(wrong, ""); end);
		end
		for _, wrong in ipairs { 33, {}, true } do
			assert.has_error(function () parse_record(33, wrong); end);
		end
	end);
end);

describe("rdata: a record of another type", function ()
	it("is its bytes", function ()
		for _, bytes in ipairs { "", "\0", "\1\255abc" } do
			local record = parse_record(65280, bytes);
			assert.same({ raw = bytes }, record);
			assert.same({ "TYPE65280", "IN" }, { record.type, record.class });
		end
	end);

	it("keeps its own type beside others", function ()
		local first, second, first_again = parse_record(65280, ""), parse_record(35, ""), parse_record(65280, "");
		assert.same({ "TYPE65280", "NAPTR", "TYPE65280" }, { first.type, second.type, first_again.type });
		assert.equal(getmetatable(first), getmetatable(first_again));
	end);

	it("is accepted for each of the 65536 types", function ()
		-- In a Lua of its own: each type seen has a metatable, which would be walked by every collection in all later specs.
		assert.same({ "65536 types" }, testprocess.threads(1, [[
			local core = require "xmppdns.core";
			local types = {};
			for type = 0, 65535 do
				local record = core.parse_record(type, "\0");
				if record or core.type_name(type):sub(1, 4) ~= "TYPE" then types[#types + 1] = type; end
				assert(not record or record.type == core.type_name(type) and record.class == "IN");
			end
			return #types .. " types";
		]], package.path, package.cpath));
	end);
end);
