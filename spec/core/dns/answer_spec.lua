-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- Answers in C, and the tables made of them and of errors.

local testcore = require "xmppdns.testcore";

require "xmppdns.record_text".install(testcore);

local function source(fields)
	local answer = {
		outcome = "answered", qtype = 33, qclass = 1, rcode = 0, attempts = 1, secure = false, nxdomain = false, ttl = 300,
		qname = "_xmpp-server._tcp.example.org",
	};
	for field, value in pairs(fields or {}) do answer[field] = value; end
	return answer;
end

local srv = "\0\10\0\5\20\149\4xmpp\7example\3org\0";

describe("answer: an answer in C", function ()
	it("copies everything that it is made from", function ()
		local made_from = source {
			outcome = "bogus", qtype = 65280, qclass = 3, rcode = 5, attempts = 3, secure = true, nxdomain = true, ttl = 4294967295,
			canonname = "canon.example", reason = "signature expired", "first", "", "\0third\0",
		};
		assert.same(made_from, (testcore.copy_answer(made_from)));
	end);

	it("has no records, chain or reason when there are none", function ()
		assert.same(source(), (testcore.copy_answer(source())));
	end);

	it("holds the records of a whole message", function ()
		local made_from = source { qtype = 16 };
		for i = 1, 256 do made_from[i] = ("x"):rep(i - 1); end
		assert.same(made_from, (testcore.copy_answer(made_from)));
	end);

	it("takes the bytes of its records and 16 for each, in units of 16", function ()
		local _, empty = testcore.copy_answer(source());
		local _, large = testcore.copy_answer(source { ("x"):rep(64000), ("y"):rep(1600) });
		assert.equal(64000 + 1600 + 2 * 16, large - empty);
	end);

	it("refuses a record of negative size", function ()
		assert.is_nil(testcore.copy_answer(source { srv, negative_size = true }));
	end);

	it("is one allocation, and none when that fails", function ()
		local before = testcore.live_allocations();
		testcore.fail_allocation(1);
		assert.is_nil(testcore.copy_answer(source { srv }));
		testcore.fail_allocation(2);
		assert.is_table(testcore.copy_answer(source { srv }));
		testcore.fail_allocation(0);
		assert.equal(before, testcore.live_allocations());
	end);
end);

describe("answer: an answer in Lua", function ()
	local srv_table = { priority = 10, weight = 5, port = 5269, target = "xmpp.example.org" };

	it("has the fields of Prosody's net.unbound, and ours", function ()
		assert.same({
			qname = "_xmpp-server._tcp.example.org", qtype = 33, qclass = 1, type = "SRV", class = "IN", status = "NoError", rcode = 0,
			secure = true, nxdomain = false, ttl = 17, from_cache = true, canonname = "canon.example", { srv = srv_table },
		}, testcore.lua_answer(source { secure = true, canonname = "canon.example", srv }, 17, true));
	end);

	it("says that a name does not exist", function ()
		assert.same({
			qname = "_xmpp-server._tcp.example.org", qtype = 33, qclass = 1, type = "SRV", class = "IN", status = "NXDomain", rcode = 3,
			secure = false, nxdomain = true, ttl = 60, from_cache = false,
		}, testcore.lua_answer(source { rcode = 3, nxdomain = true }, 60, false));
	end);

	it("names types, classes and response codes without a name by their number", function ()
		local answer = testcore.lua_answer(source { qtype = 65280, qclass = 77, rcode = 4000 }, 0, false);
		assert.same({ "TYPE65280", "CLASS77", "RCODE4000" }, { answer.type, answer.class, answer.status });
	end);

	it("keeps a TTL of 32 bits whole", function ()
		assert.equal(4294967295, testcore.lua_answer(source(), 4294967295, false).ttl);
	end);

	it("skips a record that is none of its type", function ()
		local answer = testcore.lua_answer(source { "\0", srv, "\0\10\0\5\20", srv }, 1, false);
		assert.same({ { srv = srv_table }, { srv = srv_table } }, { answer[1], answer[2], answer[3] });
	end);

	it("reads as Prosody 13's net.unbound writes it", function ()
		assert.equal("Status: No Error\n_xmpp-server._tcp.example.org\tIN\tSRV\t10 5 5269 xmpp.example.org",
			tostring(testcore.lua_answer(source { srv }, 1, false)));
	end);

	it("reads as secure, and with its CNAME chain", function ()
		assert.equal("Status: No Error, Secure\n_xmpp-server._tcp.example.org\tIN\tCNAME\tcanon.example\n"
			.. "canon.example\tIN\tSRV\t10 5 5269 xmpp.example.org\ncanon.example\tIN\tSRV\t10 5 5269 xmpp.example.org",
			tostring(testcore.lua_answer(source { secure = true, canonname = "canon.example", srv, srv }, 1, false)));
	end);

	it("reads as a name that does not exist", function ()
		assert.equal("Status: Non-Existent Domain", tostring(testcore.lua_answer(source { rcode = 3, nxdomain = true }, 1, false)));
	end);

	it("reads as bogus when it was marked so", function ()
		local answer = testcore.lua_answer(source { rcode = 4000 }, 1, false);
		answer.bogus = "signature expired";
		assert.equal("Status: RCODE4000, Bogus: signature expired", tostring(answer));
	end);

	it("reads even when its user has changed it", function ()
		local answer = testcore.lua_answer(source { canonname = "canon.example", srv }, 1, false);
		answer.qname, answer.class, answer.type, answer.canonname, answer.rcode, answer.bogus = {}, false, false, {}, "x", print;
		answer[1] = "record";
		assert.equal("Status: No Error, Bogus: \n\nrecord", tostring(answer));
	end);
end);

describe("answer: an error in Lua", function ()
	it("has code, text, name, type and attempts", function ()
		assert.same({
			code = "bogus", text = "signature expired", qname = "_xmpp-server._tcp.bogus.example", qtype = 33, type = "SRV", attempts = 3,
		}, testcore.lua_error("bogus", "signature expired", "_xmpp-server._tcp.bogus.example", 33, 3));
	end);

	it("reads as a sentence", function ()
		assert.same({
			"SRV of _xmpp-server._tcp.bogus.example: bogus: signature expired (3 attempts)",
			"TYPE65280 of x.example: timeout: no answer in time (1 attempt)",
			"A of x.example: canceled: the lookup was canceled",
			'config: unknown setting "foo"',
		}, {
			tostring(testcore.lua_error("bogus", "signature expired", "_xmpp-server._tcp.bogus.example", 33, 3)),
			tostring(testcore.lua_error("timeout", nil, "x.example", 65280, 1)),
			tostring(testcore.lua_error("canceled", nil, "x.example", 1, 0)),
			tostring(testcore.lua_coded_error("config", 'unknown setting "foo"')),
		});
	end);

	it("has a text for each outcome that comes without one", function ()
		for _, code in ipairs { "timeout", "bogus", "servfail", "insecure", "canceled", "name", "system" } do
			local err = testcore.lua_error(code);
			assert.same({ code, "string" }, { err.code, type(err.text) });
		end
	end);

	it("shows control characters and broken UTF-8 of the network as numbers", function ()
		assert.equal([[a\010b\127\027[31m\194\133\255\192\175\237\160\128\244\144\128\128\226\130é漢😀\]],
			testcore.lua_error("bogus", "a\nb\127\27[31m\194\133\255\192\175\237\160\128\244\144\128\128\226\130é漢😀\\").text);
	end);

	it("shows a refused name as it came, and visibly in its sentence", function ()
		local err = testcore.lua_error("name", "a byte that no name can hold", "a\nb..example", 0, 0);
		assert.same({ "a\nb..example", [[a\010b..example: name: a byte that no name can hold]] }, { err.qname, tostring(err) });
	end);

	it("can be longer than any buffer", function ()
		local long = ("\n"):rep(20000);
		assert.same({ 80000, 80008 }, { #testcore.lua_error("bogus", long).text, #tostring(testcore.lua_coded_error("config", long)) });
	end);

	it("can be made in Lua", function ()
		assert.same({
			{ code = "unavailable", text = "not here", attempts = 0 },
			{ code = "name", text = "too long", qname = "x", qtype = 52, type = "TLSA", attempts = 2 },
		}, { testcore.new_error("unavailable", "not here"), testcore.new_error("name", "too long", "x", 52, 2) });
		assert.equal("TLSA of x: name: too long (2 attempts)", tostring(testcore.new_error("name", "too long", "x", 52, 2)));
	end);

	it("is not made from nonsense", function ()
		assert.has_error(function () testcore.new_error(); end);
		assert.has_error(function () testcore.new_error("name", {}); end);
		assert.has_error(function () testcore.new_error("name", "x", "y", 65536); end);
		assert.has_error(function () testcore.new_error("name", "x", "y", -1); end);
		assert.has_error(function () testcore.new_error("name", "x", "y", 1, -1); end);
	end);
end);
