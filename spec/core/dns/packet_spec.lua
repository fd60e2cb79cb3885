-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
local testcore = require "xmppdns.testcore";

local A, CNAME, SOA, MX, SRV = 1, 5, 6, 15, 33;

local function u16(number)
	return string.char(math.floor(number / 256) % 256, number % 256);
end

local function u32(number)
	return u16(math.floor(number / 65536)) .. u16(number % 65536);
end

local function name(text)
	return (text:gsub("[^.]+%.?", function (label)
		label = label:gsub("%.", "");
		return string.char(#label) .. label;
	end)) .. "\0";
end

local function record(owner, qtype, ttl, rdata)
	return owner .. u16(qtype) .. "\0\1" .. u32(ttl) .. u16(#rdata) .. rdata;
end

local QNAME = "\192\12"; -- a pointer to the question's name

-- flags: the low byte is the rcode. answers, authorities: lists of records.
local function packet(flags, qtype, answers, authorities)
	return "\0\0" .. u16(0x8180 + flags) .. "\0\1" .. u16(#answers) .. u16(#(authorities or {})) .. "\0\0" .. name("a.example") .. u16(qtype) .. "\0\1"
		.. table.concat(answers) .. table.concat(authorities or {});
end

local function read(qtype, ...)
	return testcore.packet_answer(packet(...), "a.example", qtype, true);
end

-- An answer as testcore gives it.
local function answer(qtype, fields)
	local all = { outcome = "answered", qname = "a.example", qtype = qtype, qclass = 1, rcode = 0, attempts = 0, secure = true, nxdomain = false, ttl = 0 };
	for key, value in pairs(fields) do
		all[key] = value;
	end
	all.size = nil;
	return all;
end

local function without_size(source)
	source.size = nil;
	return source;
end

local function assert_answer(qtype, fields, ...)
	assert.same(answer(qtype, fields), without_size(read(qtype, ...)));
end

local function assert_failure(reason, qtype, flags, ...)
	assert_answer(qtype, { outcome = "servfail", reason = reason, secure = false, rcode = flags % 16 }, flags, qtype, ...);
end

local SOA_RDATA = "\192\12\192\12" .. ("\0\0\0\1"):rep(4) .. u32(30);

describe("xmppdns.core: a packet", function ()
	it("gives the records of the type, in their order, each once, with the least TTL", function ()
		assert_answer(A, { ttl = 50, "\1\2\3\4", "\1\2\3\5" }, 0, A,
			{ record(QNAME, A, 60, "\1\2\3\4"), record(QNAME, A, 50, "\1\2\3\5"), record(QNAME, A, 60, "\1\2\3\4") });
	end);

	it("gives a TTL of more than 31 bits as 0 (RFC 2181, 8)", function ()
		assert_answer(A, { ttl = 0, "\1\2\3\4" }, 0, A, { record(QNAME, A, 0x80000001, "\1\2\3\4") });
	end);

	it("follows a chain of CNAMEs, whatever their case, and gives the least TTL of all of it", function ()
		assert_answer(A, { canonname = "c.example", ttl = 20, "\1\2\3\4" }, 0, A,
			{ record(name("A.Example"), CNAME, 60, name("B.example")), record(name("b.example"), CNAME, 20, name("C.example")),
			record(name("x.example"), A, 60, "\9\9\9\9"), record(name("c.Example"), A, 60, "\1\2\3\4") });
		assert_answer(CNAME, { ttl = 60, name("B.example") }, 0, CNAME, { record(QNAME, CNAME, 60, name("B.example")) });
	end);

	it("ends with a chain that comes back to itself", function ()
		assert_answer(A, { ttl = 0 }, 0, A, { record(QNAME, CNAME, 60, QNAME) });
	end);

	it("expands names inside records", function ()
		assert_answer(SRV, { ttl = 60, "\0\1\0\2\0\3\1x\1a\7example\0" }, 0, SRV, { record(QNAME, SRV, 60, "\0\1\0\2\0\3\1x\192\12") });
		assert_answer(MX, { ttl = 60, "\0\1\7example\0" }, 0, MX, { record(QNAME, MX, 60, "\0\1\192\14") });
		assert_answer(SOA, { ttl = 60, name("a.example"):rep(2) .. ("\0\0\0\1"):rep(4) .. u32(30) }, 0, SOA, { record(QNAME, SOA, 60, SOA_RDATA) });
	end);

	it("gives records whose names differ only in case once, as the first of them (RFC 4343; 15.12)", function ()
		local first = "\0\1\0\2\0\3" .. name("Xmpp.Example");
		assert_answer(SRV, { ttl = 60, first, "\0\1\0\2\0\4" .. name("xmpp.example") }, 0, SRV, {
			record(QNAME, SRV, 60, first), record(QNAME, SRV, 60, "\0\1\0\2\0\3" .. name("xMPP.eXAMPLE")),
			record(QNAME, SRV, 60, "\0\1\0\2\0\4" .. name("xmpp.example")),
		});
		local NS, PTR, SOA_TYPE, HTTPS, NAPTR, RRSIG, NSEC = 2, 12, 6, 65, 35, 46, 47;
		for qtype, parts in pairs({
			[NS] = { "", "" }, [PTR] = { "", "" }, [MX] = { "\0\65", "" }, [SOA_TYPE] = { name("A.example"), ("\65"):rep(20) }, [HTTPS] = { "\0\65", "" };
			[NAPTR] = { "\0\65\0\66\1A\1B\1C", "" }, [RRSIG] = { ("\65"):rep(18), "AAA" }, [NSEC] = { "", "\0\1A" };
		}) do
			local upper, lower = parts[1] .. name("B.Example") .. parts[2], parts[1] .. name("b.example") .. parts[2];
			assert_answer(qtype, { ttl = 60, upper }, 0, qtype, { record(QNAME, qtype, 60, upper), record(QNAME, qtype, 60, lower) });
		end
	end);

	it("keeps records apart whose other bytes differ as letters do in case", function ()
		local TXT, TLSA, HTTPS, NAPTR = 16, 52, 65, 35;
		for qtype, pair in pairs({
			[TXT] = { "\1A", "\1a" }, [TLSA] = { "\3\1\1A", "\3\1\1a" }, [SRV] = { "\0\65\0\2\0\3\0", "\0\97\0\2\0\3\0" };
			[HTTPS] = { "\0\1\0\255\0\0\1A", "\0\1\0\255\0\0\1a" }, [NAPTR] = { "\0\0\0\0\1A\0\0\0", "\0\0\0\0\1a\0\0\0" };
		}) do
			assert_answer(qtype, { ttl = 60, pair[1], pair[2] }, 0, qtype, { record(QNAME, qtype, 60, pair[1]), record(QNAME, qtype, 60, pair[2]) });
		end
	end);

	-- Seconds for one with that many records, each once, on the processor's own clock.
	local function parsing_time(count)
		local records = {};
		for i = 1, count do records[i] = record(QNAME, A, 60, u32(i)); end
		local whole, least = packet(0, A, records), math.huge;
		for _ = 1, 5 do
			local started = os.clock();
			for _ = 1, 4000 / count do testcore.parse_packet(whole, "a.example", A); end
			least = math.min(least, os.clock() - started);
		end
		return least;
	end

	it("of 64 KB takes eight times as long as one of 8 KB, not sixty-four times (15.10)", function ()
		local ratio = parsing_time(4000) / parsing_time(500);
		assert.is_true(ratio < 3, ratio); -- the same number of records in all: 1 when each record takes as long
	end);

	it("has no name with more than 126 pointers: thousands of them in each of thousands of names would take seconds", function ()
		local pointers = { QNAME };
		for i = 2, 200 do pointers[i] = u16(0xc000 + 39 + 2 * (i - 2)); end -- each at the one before it
		local chain = record(QNAME, 65280, 60, table.concat(pointers));
		local function owner(count) return u16(0xc000 + 39 + 2 * (count - 2)); end
		assert_answer(A, { ttl = 60, "\1\2\3\4" }, 0, A, { chain, record(owner(125), A, 60, "\1\2\3\4") });
		assert_failure("malformed answer", A, 0, { chain, record(owner(128), A, 60, "\1\2\3\4") });
	end);

	it("gives denials, with the least TTL of both sections and the SOA's minimum", function ()
		assert_answer(A, { nxdomain = true, rcode = 3, ttl = 30 }, 3, A, {}, { record(QNAME, SOA, 60, SOA_RDATA) });
		assert_answer(A, { ttl = 20, canonname = "b.example" }, 0, A, { record(QNAME, CNAME, 20, name("b.example")) }, { record(QNAME, SOA, 60, SOA_RDATA) });
	end);

	it("gives a denial without SOA no TTL, behind an alias neither: it is not to be cached (RFC 2308, 5; 15.5)", function ()
		local NS = 2;
		local authority = { record(QNAME, NS, 60, name("ns.example")) };
		assert_answer(A, { ttl = 0 }, 0, A, {}, authority);
		assert_answer(A, { ttl = 0, nxdomain = true, rcode = 3 }, 3, A, {}, authority);
		assert_answer(A, { ttl = 0, canonname = "b.example" }, 0, A, { record(QNAME, CNAME, 20, name("b.example")) }, authority);
		assert_answer(A, { ttl = 0, canonname = "b.example", nxdomain = true, rcode = 3 }, 3, A, { record(QNAME, CNAME, 20, name("b.example")) });
		assert_answer(A, { ttl = 60, "\1\2\3\4" }, 0, A, { record(QNAME, A, 60, "\1\2\3\4") }, authority);
	end);

	it("gives the alias that was asked for, also where its target does not exist: the rcode is that of the chain's last name (RFC 6604; 15.5)", function ()
		assert_answer(CNAME, { ttl = 60, name("gone.example") }, 3, CNAME, { record(QNAME, CNAME, 60, name("gone.example")) },
			{ record(name("example"), SOA, 30, SOA_RDATA) });
		assert_answer(A, { ttl = 30, canonname = "gone.example", nxdomain = true, rcode = 3 }, 3, A, { record(QNAME, CNAME, 60, name("gone.example")) },
			{ record(name("example"), SOA, 40, SOA_RDATA) });
	end);

	it("is a failure when it says that the name does not exist, and has its data", function ()
		assert_failure("data of a name that does not exist", A, 3, { record(QNAME, A, 60, "\192\0\2\1") });
	end);

	it("is a failure with any other rcode", function ()
		assert_failure("name server failure: SERVFAIL", A, 2, {});
		assert_failure("name server failure: REFUSED", A, 5, {});
		assert_failure("name server failure: rcode 9", A, 9, {});
	end);

	it("that was cut off is a failure, not a denial", function ()
		assert_failure("the answer is too large", A, 0x200, {});
		assert_answer(A, { ttl = 60, "\1\2\3\4" }, 0x200, A, { record(QNAME, A, 60, "\1\2\3\4") });
	end);

	it("loses malformed records, and is a failure when it has no others", function ()
		assert_answer(A, { ttl = 60, "\1\2\3\4" }, 0, A, { record(QNAME, A, 60, "\1\2\3"), record(QNAME, A, 60, "\1\2\3\4") });
		assert_failure("malformed record data", A, 0, { record(QNAME, A, 60, "\1\2\3") });
		assert_failure("malformed record data", SRV, 0, { record(QNAME, SRV, 60, "\0\1\0\2\0\3\192\255") });
	end);

	it("is malformed wherever it is cut", function ()
		local whole = packet(0, SRV, { record(QNAME, SRV, 60, "\0\1\0\2\0\3\1x\192\12"), record(QNAME, SRV, 60, "\0\1\0\2\0\4\1x\192\12") });
		for size = 0, #whole - 1 do
			local cut = testcore.packet_answer(whole:sub(1, size), "a.example", SRV, true);
			assert.same({ "servfail", "malformed answer", false, 0 }, { cut.outcome, cut.reason, cut.secure, #cut }, size);
		end
	end);

	it("has no names with pointers forward, to themselves, or longer than 255 bytes", function ()
		local long = ("\63" .. ("x"):rep(63)):rep(4) .. "\0";
		for _, owner in ipairs({ "\192\27", "\192\255", "\1x\192\27", long, "\64" .. ("x"):rep(64) .. "\0" }) do
			assert_failure("malformed answer", A, 0, { record(owner, A, 60, "\1\2\3\4") });
		end
	end);

	it("gives nothing without memory, and leaves none behind", function ()
		local whole = packet(0, SRV, { record(QNAME, SRV, 60, "\0\1\0\2\0\3\1x\192\12") });
		local before = testcore.live_allocations();
		for nth = 1, 3 do
			testcore.fail_allocation(nth);
			assert.is_nil((testcore.packet_answer(whole, "a.example", SRV, true)));
		end
		testcore.fail_allocation(0);
		assert.equal(before, testcore.live_allocations());
	end);
end);

describe("xmppdns.core: what a packet claims to answer", function ()
	local RRSIG, NSEC = 46, 47;

	local function claim(...)
		return { testcore.read_claim(packet(...)) };
	end

	it("is its question, and whether there are signatures beside the answer or the denial", function ()
		local data, signature = record(QNAME, A, 60, "\1\2\3\4"), record(QNAME, RRSIG, 60, "\0\1");
		assert.same({ "a.example", A, false }, claim(0, A, { data }));
		assert.same({ "a.example", A, true }, claim(0, A, { data, signature }));
		assert.same({ "a.example", SRV, true }, claim(3, SRV, {}, { record(QNAME, NSEC, 60, "\0"), signature }));
	end);

	it("is nothing in a question, without one, in what is cut off before its signatures, and in a stream's first bytes", function ()
		local whole = packet(0, A, { record(QNAME, A, 60, "\1\2\3\4"), record(QNAME, RRSIG, 60, "\0\1") });
		assert.same({}, { testcore.read_claim(whole:sub(1, 2) .. "\1\0" .. whole:sub(5)) });
		assert.same({}, { testcore.read_claim(whole:sub(1, 4) .. "\0\0" .. whole:sub(7)) });
		assert.same({}, { testcore.read_claim(u16(#whole) .. whole) });
		for size = 0, #whole - 1 do assert.same({}, { testcore.read_claim(whole:sub(1, size)) }, size); end
	end);

	it("has the canonical name", function ()
		local whole = packet(0, A, {});
		assert.equal("a.example", (testcore.read_claim((whole:gsub("example", "ExAmPlE")))));
	end);
end);
