-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- Names in C: the canonical text, and A-labels beside Prosody's.

local core = require "xmppdns.core";
local testcore = require "xmppdns.testcore";
local encodings = require "spec.support.prosody_util" "encodings";

local canonical_name, idna_to_ascii, idna_to_unicode = core.canonical_name, core.idna_to_ascii, core.idna_to_unicode;

local problem = {
	empty = "the name is empty";
	empty_label = "a label is empty";
	label_length = "a label is longer than 63 bytes";
	length = "the name is too long";
	character = "a character is not allowed in a domain name";
	idna = "it is not a valid internationalized domain name";
};

local label63 = ("a"):rep(63);
local name253 = table.concat({ label63, label63, label63, ("b"):rep(61) }, ".");
local name254 = name253 .. "b";

local zwj, zwnj, soft_hyphen = "\226\128\141", "\226\128\140", "\194\173";

local function refused(translate, text)
	local translated, why = translate(text);
	assert.same({ nil, "name", text }, { translated, why.code, why.qname });
	return why.text;
end

describe("name: the canonical text", function ()
	local function is_canonical(text, expected)
		assert.equal(expected, (canonical_name(text)));
		assert.equal(expected, (canonical_name(expected))); -- and stays as it is
	end

	it("is in lower case and without the trailing dot", function ()
		is_canonical("_XMPP-Server._TCP.Example.ORG.", "_xmpp-server._tcp.example.org");
		is_canonical("example", "example");
		is_canonical("A.", "a");
		is_canonical("@[`{", "@[`{");
	end);

	it("is a dot for the root", function ()
		is_canonical(".", ".");
	end);

	it("has escapes only where they are needed, for each byte of a label", function ()
		for byte = 0, 255 do
			local character = string.char(byte);
			local expected = byte > 32 and byte < 127 and character:lower() or ("\\%03d"):format(byte);
			if character == "." or character == "\\" then expected = "\\" .. character; end
			is_canonical(("x\\%03d.y"):format(byte), "x" .. expected .. ".y");
			if not character:match("^%d$") and byte > 0 and byte < 128 then
				is_canonical("\\" .. character, expected);
			end
		end
	end);

	it("takes any ASCII but NUL as it is", function ()
		for byte = 1, 127 do
			if not string.char(byte):match("[.\\]") then
				assert.equal(canonical_name(("%s\\%03d"):format("a", byte)), (canonical_name("a" .. string.char(byte))));
			end
		end
	end);

	it("refuses an empty name, and empty labels", function ()
		assert.equal(problem.empty, refused(canonical_name, ""));
		for _, text in ipairs { "..", ".a", "a..b", "a..", "...", "a.b..c." } do
			assert.equal(problem.empty_label, refused(canonical_name, text));
		end
	end);

	it("refuses NUL bytes, bytes outside ASCII and broken escapes", function ()
		for _, text in ipairs {
			"\0", "a\0", "example.org\0", "\0example.org", "stra\195\159e.de", "\128", "\255.a",
			"\\", "a\\", "a.\\", "\\1", "\\12", "\\12x", "\\1x2", "\\256", "\\999", "\\\0", "\\\195\159", "\\\128",
		} do
			assert.equal(problem.character, refused(canonical_name, text));
		end
	end);

	it("has labels of 63 bytes at most", function ()
		is_canonical(label63, label63);
		is_canonical(label63 .. ".a." .. label63 .. ".", label63 .. ".a." .. label63);
		assert.equal(problem.label_length, refused(canonical_name, label63 .. "a"));
		assert.equal(problem.label_length, refused(canonical_name, "a." .. label63 .. "\\."));
	end);

	it("has 255 bytes at most in wire form", function ()
		is_canonical(name253, name253);
		is_canonical(name253 .. ".", name253);
		is_canonical(("a."):rep(127), ("a."):rep(127):sub(1, -2));
		assert.equal(problem.length, refused(canonical_name, name254));
		assert.equal(problem.length, refused(canonical_name, name254 .. "."));
		assert.equal(problem.length, refused(canonical_name, ("a."):rep(127) .. "b"));
		assert.equal(problem.length, refused(canonical_name, ("a."):rep(100000)));
	end);

	it("fits when each byte is escaped", function ()
		local escaped63 = ("\\000"):rep(63);
		local escaped = table.concat({ escaped63, escaped63, escaped63, ("\\255"):rep(61) }, ".");
		is_canonical(escaped, escaped);
		assert.equal(problem.length, refused(canonical_name, escaped .. "\\255"));
	end);

	it("is that of a record's name too", function ()
		for byte = 0, 255 do
			if not string.char(byte):match("%u") then
				local text = core.parse_record(5, "\2x" .. string.char(byte) .. "\1y\0").cname;
				is_canonical(text, text);
			end
		end
	end);
end);

-- What a person or a JID may contain: the name; our A-labels, or the problem; and why, where Prosody says something else.
local names = {
	{ "example.org", "example.org" },
	{ "example.org.", "example.org" },
	{ "UPPER.Example", "upper.example" },
	{ "straße.de", "strasse.de" },
	{ "faß.example", "fass.example" },
	{ "ΒΌΛΟΣ.com", "xn--nxasmq6b.com" },
	{ "βόλος.com", "xn--nxasmq6b.com" },
	{ "bücher.example", "xn--bcher-kva.example" },
	{ "BÜCHER.example", "xn--bcher-kva.example" },
	{ "e\204\129.example", "xn--9ca.example" }, -- e, combining acute accent
	{ "xn--bcher-kva.example", "xn--bcher-kva.example" },
	{ "XN--BCHER-KVA.Example", "xn--bcher-kva.example" },
	{ "xn--strae-oqa.de", "xn--strae-oqa.de" },
	{ "xn--fa-hia.example", "xn--fa-hia.example" },
	{ "☃.net", "xn--n3h.net" },
	{ "💩.la", "xn--ls8h.la" },
	{ "xn--ls8h.la", "xn--ls8h.la" },
	{ "xn--n3h.net", "xn--n3h.net" },
	{ "क्" .. zwj .. "ष.com", "xn--11b2ezc.com" },
	{ "क्" .. zwnj .. "ष.com", "xn--11b2ezc.com" },
	{ "نامه" .. zwnj .. "ای.ایران", "xn--mgba3gch31f.xn--mgba3a4f16a" },
	{ "مثال.إختبار", "xn--mgbh0fb.xn--kgbechtv" },
	{ "אבג.com", "xn--4dbcd.com" },
	{ "ไทย.ไทย", "xn--o3cw4h.xn--o3cw4h" },
	{ "例え。テスト", "xn--r8jz45g.xn--zckzah" },
	{ "例え．テスト｡", "xn--r8jz45g.xn--zckzah" },
	{ "example。org", "example.org" },
	{ "Ａ.com", "a.com" },
	{ "①.com", "1.com" },
	{ "ﬁ.example", "fi.example" },
	{ "½.example", "xn--12-c6t.example" },
	{ "a" .. soft_hyphen .. "b.com", "ab.com" },
	{ "192.0.2.1", "192.0.2.1" },
	{ "1.2.3.4.5", "1.2.3.4.5" },
	{ "a-b.example", "a-b.example" },
	{ label63 .. ".example", label63 .. ".example" },
	{ ("é"):rep(57) .. ".example", "xn--9c" .. ("a"):rep(57) .. ".example" },
	{ name253, name253 },
	{ "", nil, problem.empty },
	{ "a..b", nil, problem.empty_label },
	{ "é..b", nil, problem.empty_label },
	{ ".a", nil, problem.empty_label },
	{ soft_hyphen .. ".com", nil, problem.empty_label },
	{ "a b.example", nil, problem.character },
	{ "a!b.example", nil, problem.character },
	{ "user@example.org", nil, problem.character },
	{ "[2001:db8::1]", nil, problem.character },
	{ "a\\.b", nil, problem.character },
	{ "é/b.example", nil, problem.idna },
	{ "a\0.example", nil, problem.character },
	{ "é\0.example", nil, problem.character },
	{ "ab--cd.example", nil, problem.idna },
	{ "ab--é.example", nil, problem.idna },
	{ "-a.example", nil, problem.idna },
	{ "a-.example", nil, problem.idna },
	{ "a.b-", nil, problem.idna },
	{ "-é.example", nil, problem.idna },
	{ "xn--.example", nil, problem.idna },
	{ "xn--a.example", nil, problem.idna },
	{ "xn--a-ecp.ru", nil, problem.idna },
	{ "xn--6a.example", nil, problem.idna }, -- a no-break space
	{ "xn--55-k4t.example", nil, problem.idna }, -- a narrow one
	{ "xn--2a-h2t.example", nil, problem.idna }, -- a double low line
	{ "⒈.com", nil, problem.idna },
	{ "\204\129a.example", nil, problem.idna },
	{ "\255.example", nil, problem.idna },
	{ "\195.example", nil, problem.idna },
	{ label63 .. "a.example", nil, problem.label_length },
	{ ("é"):rep(58) .. ".example", nil, problem.label_length },
	-- A-labels of both kinds (17.8): one that only transitional mapping leaves as it is, one that only the other does.
	{ "xn--fa-hia.xn--n3h.example", "xn--fa-hia.xn--n3h.example" },
	{ "xn--n3h.xn--fa-hia.xn--ls8h.la", "xn--n3h.xn--fa-hia.xn--ls8h.la" },
	{ "xn--fa-hia.xn--6a.xn--n3h.example", nil, problem.idna },
	{ name254, nil, problem.length },
	{ ("é."):rep(60), nil, problem.length },
	{ ("é"):rep(1000), nil, problem.length },
	-- Names of services are names that are asked for, so the underscore passes; Prosody's rules are for hosts only (STD3).
	{ "host_name.example", "host_name.example", prosody = false },
	{ "_xmpp-server._tcp.é.example", "_xmpp-server._tcp.xn--9ca.example", prosody = false },
	{ "é_b.example", "xn--_b-9ia.example", prosody = false },
	-- The root is a name, though no server lives there.
	{ ".", ".", prosody = false },
};

-- What Prosody asks for: the domain of a JID is nameprepped first (where nameprep refuses, no JID has it), and the trailing dot goes.
local function prosody_to_ascii(text)
	local ascii = encodings.idna.to_ascii(encodings.stringprep.nameprep(text) or text);
	return ascii and ascii:gsub("(.)%.$", "%1");
end

describe("name: R36, R37: A-labels", function ()
	for _, case in ipairs(names) do
		local shown = #case[1] > 60 and case[1]:sub(1, 40) .. "... (" .. #case[1] .. " bytes)" or case[1]:gsub("%c", "?");

		it("are " .. tostring(case[2] or "refused"):sub(1, 60) .. " for \"" .. shown .. "\"", function ()
			local ascii, why = idna_to_ascii(case[1]);
			assert.same({ case[2], why = case[3] }, { ascii, why = why and why.text });
		end);

		if case.prosody == nil then
			it("are the same in Prosody for \"" .. shown .. "\"", function ()
				assert.equal(case[2], (prosody_to_ascii(case[1])));
			end);
		else
			it("are refused by Prosody, and not by us, for \"" .. shown .. "\"", function ()
				assert.is_nil((prosody_to_ascii(case[1])));
			end);
		end
	end

	it("are given for signs that decompose to an ASCII sign, as Prosody does with ICU's data since Unicode 15.1", function ()
		for unicode, ascii in pairs { ["≠.example"] = "xn--1ch.example", ["≮.example"] = "xn--gdh.example", ["≯.example"] = "xn--hdh.example" } do
			assert.equal(ascii, (idna_to_ascii(unicode)));
			assert.equal(ascii, (idna_to_ascii(ascii)));
		end
	end);

	it("are their own A-labels", function ()
		for _, case in ipairs(names) do
			if case[2] then assert.equal(case[2], (idna_to_ascii(case[2]))); end
		end
	end);

	it("are valid label by label: names of two names that are", function ()
		for _, one in ipairs(names) do
			for _, two in ipairs(names) do
				if one[2] and two[2] and one[2] ~= "." and two[2] ~= "." and #one[2] + #two[2] < 250 then
					assert.equal(one[2] .. "." .. two[2], (idna_to_ascii(one[2] .. "." .. two[2])));
				end
			end
		end
	end);

	it("of plain ASCII are the same by the quick way as through libidn2", function ()
		-- libidn2 drops a soft hyphen, so a name with one gives what libidn2 thinks of the name without.
		local alphabet, seed = { "a", "Z", "0", "-", "_", ".", "x", "n", "!", "\\", " " }, 1;
		for _ = 1, 20000 do
			local text = {};
			for i = 1, 8 do
				seed = seed * 16807 % 2147483647;
				text[i] = alphabet[seed % #alphabet + 1];
			end
			text = table.concat(text, "", 1, 1 + seed % 8);
			assert.same(idna_to_ascii(soft_hyphen .. text) or false, idna_to_ascii(text) or false, text);
		end
	end);

	it("survive random bytes", function ()
		local seed = 7;
		for _ = 1, 20000 do
			local bytes = {};
			for i = 1, 12 do
				seed = seed * 16807 % 2147483647;
				bytes[i] = string.char(seed % 3 == 0 and 128 + seed % 128 or 32 + seed % 96);
			end
			local ascii = idna_to_ascii(table.concat(bytes));
			assert(ascii == nil or canonical_name(ascii) == ascii);
		end
	end);
end);

describe("name: R37: A-labels back to Unicode", function ()
	it("are what a person reads", function ()
		for ascii, unicode in pairs {
			["xn--bcher-kva.example"] = "bücher.example", ["XN--BCHER-KVA.Example."] = "bücher.example", ["xn--strae-oqa.de"] = "straße.de",
			["xn--ls8h.la"] = "💩.la", ["xn--r8jz45g.xn--zckzah"] = "例え.テスト", ["example.org"] = "example.org",
			["_xmpp-server._tcp.xn--9ca.example"] = "_xmpp-server._tcp.é.example", ["xn--9c" .. ("a"):rep(57)] = ("é"):rep(57), ["."] = ".",
		} do
			assert.equal(unicode, (idna_to_unicode(ascii)));
			if not ascii:find("_") and ascii ~= "." then
				assert.equal(unicode, (encodings.idna.to_unicode(ascii):gsub("%.$", "")));
			end
		end
	end);

	it("are refused when they are none, with the same problem as on the way there", function ()
		for _, case in ipairs(names) do
			if not case[2] then assert.equal(case[3], refused(idna_to_unicode, case[1])); end
		end
	end);

	it("fit when each of the longest name is decoded", function ()
		local label = "xn--" .. idna_to_ascii(("💩"):rep(40)):sub(5);
		local name = table.concat({ label, label, label, label }, ".");
		assert.is_true(#name < 254);
		assert.equal(table.concat({ ("💩"):rep(40), ("💩"):rep(40), ("💩"):rep(40), ("💩"):rep(40) }, "."), (idna_to_unicode(name)));
	end);
end);

describe("name: an error", function ()
	it("is of the kind name, but for want of memory (15.11)", function ()
		assert.same({ "name", "name", "system" }, {
			testcore.name_error("empty").code, testcore.name_error("IDNA").code, testcore.name_error("memory").code;
		});
	end);

	it("has the whole name, also with NUL bytes", function ()
		local _, err = idna_to_ascii("a\0b");
		assert.same({ code = "name", text = problem.character, qname = "a\0b", attempts = 0 }, err);
	end);
end);

describe("name: what is not text", function ()
	it("raises", function ()
		for _, translate in ipairs { canonical_name, idna_to_ascii, idna_to_unicode } do
			for _, wrong in ipairs { 12, true, {}, print } do
				assert.has_error(function () translate(wrong); end);
			end
			assert.has_error(function () translate(); end);
		end
	end);
end);
