-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- Each fault of the misbehaving DNS server, as it looks on the wire: asked through plain sockets, and through dig where records matter.

local misdns = require "spec.support.misdns";
local process = require "spec.support.process";
local socket = require "socket";

local types = { A = 1, TXT = 16, SRV = 33, TLSA = 52 };
local QUIET = 0.15; -- seconds without a further packet, once the server has done its part
local PATIENCE = 60; -- seconds for what comes
local right_address = { "a.example. 300 IN A 192.0.2.1" };

local function u16(number)
	return string.char(math.floor(number / 256), number % 256);
end

local function query(name, type, options)
	options = options or {};
	local question = (name .. "."):gsub("([^.]+)%.", function (label) return string.char(#label) .. label; end) .. "\0" .. u16(types[type]) .. u16(1);
	local edns = options.edns and "\0" .. u16(41) .. u16(options.edns) .. "\0\0" .. u16(options.do_ and 0x8000 or 0) .. u16(0) or "";
	return u16(options.id or 0x1234) .. u16(options.cd and 0x0110 or 0x0100) .. u16(1) .. u16(0) .. u16(0) .. u16(options.edns and 1 or 0) .. question .. edns;
end

-- The parts of a message that the faults bend.
local function parse(message)
	local function at(offset)
		return message:byte(offset) * 256 + message:byte(offset + 1);
	end
	local flags = at(3);
	local function flag(mask)
		return flags % (mask * 2) >= mask;
	end
	return {
		id = at(1), qr = flag(0x8000), tc = flag(0x0200), ad = flag(0x20), cd = flag(0x10), rcode = flags % 16;
		counts = { at(5), at(7), at(9), at(11) }, question = message:sub(13, 13 + 14);
	};
end

-- What a plain answer to "a.example A" is like, with the differences given.
local function answer(differences)
	local expected = {
		id = 0x1234, qr = true, tc = false, ad = false, cd = false, rcode = 0;
		counts = { 1, 1, 0, 0 }, question = query("a.example", "A"):sub(13);
	};
	for key, value in pairs(differences or {}) do
		expected[key] = value;
	end
	return expected;
end

describe("spec.support.misdns", function ()
	local server;

	setup(function ()
		server = misdns.start();
	end);

	teardown(function ()
		server:stop();
	end);

	before_each(function ()
		server:clear();
		server:records("a.example", "A", { "192.0.2.1" }, 300);
	end);

	-- Returns once the server has seen one query more, and sent what it sends without a delay, its upstream or a release.
	local function wait_for_server(seen)
		assert.is_true(process.wait_until(function () return #server:log() > seen; end));
	end

	-- Sends it, and gives what comes back until it is quiet, or that many packets: { { message, address, port, after }, ... }
	local function ask_udp(message, count)
		local udp = socket.udp();
		udp:setsockname("127.0.0.1", 0);
		local seen, packets, started = #server:log(), {}, socket.gettime();
		udp:sendto(message, server.address, server.port);
		if not count then wait_for_server(seen); end
		udp:settimeout(count and PATIENCE or QUIET);
		while #packets ~= count do
			local packet, address, port = udp:receivefrom(65535);
			if not packet then break; end
			table.insert(packets, { packet, address, port, socket.gettime() - started });
		end
		udp:close();
		return packets;
	end

	local function ask(name, type, options)
		return ask_udp(query(name or "a.example", type or "A", options), 1)[1][1];
	end

	local function fault(name, more)
		local rule = { name = "a.example", fault = name };
		for key, value in pairs(more or {}) do
			rule[key] = value;
		end
		server:rule(rule);
	end

	local function connect()
		local tcp = socket.tcp();
		tcp:settimeout(PATIENCE);
		return tcp, tcp:connect(server.address, server.port);
	end

	-- The bytes that come back over TCP, and how it ends: "timeout" (stays open), "closed".
	local function ask_tcp(message, size)
		local tcp = connect();
		local seen = #server:log();
		tcp:send(u16(#message) .. message);
		wait_for_server(seen);
		tcp:settimeout(size and PATIENCE or QUIET);
		local bytes, problem, partial = tcp:receive(size or "*a");
		tcp:close();
		return bytes or partial, problem;
	end

	-- One message over TCP.
	local function ask_tcp_once(message)
		local tcp = connect();
		tcp:send(u16(#message) .. message);
		local high, low = tcp:receive(2):byte(1, 2);
		local received = tcp:receive(high * 256 + low);
		tcp:close();
		return received;
	end

	local function dig(arguments, at)
		at = at or server;
		local pipe = io.popen(("dig @%s -p %d +tries=1 +time=60 +noall +nocookie %s"):format(at.address, at.port, arguments));
		local lines = {};
		for line in pipe:lines() do
			if line ~= "" and not line:match("^;") then
				table.insert(lines, (line:gsub("%s+", " ")));
			end
		end
		pipe:close();
		return lines;
	end

	describe("answers", function ()
		it("from records, over UDP and TCP", function ()
			assert.same(answer(), parse(ask()));
			local bytes, state = ask_tcp(query("a.example", "A"));
			assert.same({ "timeout", u16(#bytes - 2), answer() }, { state, bytes:sub(1, 2), parse(bytes:sub(3)) });
			assert.same(right_address, dig("+answer a.example A"));
		end);

		it("with no data or NXDOMAIN where there is no record, and a SOA to both", function ()
			server:records("only.example", "A", {}, 300);
			assert.same({ 0, { 1, 0, 1, 0 } }, { parse(ask("a.example", "TXT")).rcode, parse(ask("a.example", "TXT")).counts });
			assert.same({ 0, { 1, 0, 1, 0 } }, { parse(ask("only.example", "A")).rcode, parse(ask("only.example", "A")).counts });
			assert.same({ 3, { 1, 0, 1, 0 } }, { parse(ask("no.example", "A")).rcode, parse(ask("no.example", "A")).counts });
		end);

		it("with a CNAME and what it leads to", function ()
			server:records("alias.example", "CNAME", { "a.example." }, 60);
			assert.same({ "alias.example. 60 IN CNAME a.example.", right_address[1] }, dig("+answer alias.example A"));
		end);

		it("anew after the records changed", function ()
			server:records("a.example", "A", { "192.0.2.7", "192.0.2.8" }, 60);
			assert.same({ "a.example. 60 IN A 192.0.2.7", "a.example. 60 IN A 192.0.2.8" }, dig("+answer a.example A"));
			server:records("a.example", "A", nil);
			server:records("a.example", "TXT", { '"x"' });
			assert.same({}, dig("+answer a.example A"));
			server:records("a.example", "TXT", nil);
		end);

		it("by TC where an answer is larger than the query allows over UDP", function ()
			local texts = {};
			for i = 1, 40 do
				texts[i] = ('"%03d %s"'):format(i, ("x"):rep(40));
			end
			server:records("large.example", "TXT", texts);
			assert.same({ true, { 1, 0, 0, 0 } }, { parse(ask("large.example", "TXT")).tc, parse(ask("large.example", "TXT")).counts });
			assert.same({ false, { 1, 40, 0, 1 } },
				{ parse(ask("large.example", "TXT", { edns = 4096 })).tc, parse(ask("large.example", "TXT", { edns = 4096 })).counts });
			assert.equal(40, #dig("+answer large.example TXT"));
		end);

		it("to nothing that is not a query", function ()
			local udp = socket.udp();
			udp:setsockname("127.0.0.1", 0);
			for _, message in ipairs{ "", "\18\52\1\0\0\1", query("a.example", "A"):sub(1, -3);
				u16(0x1234) .. u16(0x8000) .. query("a.example", "A"):sub(5), query("a.example", "A", { id = 7 }) } do
				udp:sendto(message, server.address, server.port);
			end
			udp:settimeout(PATIENCE);
			assert.equal(7, parse(udp:receive()).id); -- the server has seen the others before
			udp:settimeout(QUIET);
			assert.is_nil((udp:receive()));
			udp:close();
			assert.equal(1, #server:log());
		end);
	end);

	describe("the log", function ()
		local function logged(name)
			local entries = server:log(name);
			for _, entry in ipairs(entries) do
				assert.is_true(math.abs(socket.gettime() - entry.time) < PATIENCE);
				assert.is_true(entry.port > 0);
				entry.time, entry.port = nil, nil;
			end
			return entries;
		end

		it("tells transport, name, type, flags and EDNS size of each query", function ()
			ask("A.Example", "A", { cd = true, edns = 1400, do_ = true });
			ask_tcp(query("b.example", "SRV", { id = 7 }));
			local first = { transport = "udp", name = "a.example", type = "A", id = 0x1234, rd = true, ad = false, cd = true, do_ = true, edns = 1400 };
			local second = { transport = "tcp", name = "b.example", type = "SRV", id = 7, rd = true, ad = false, cd = false, do_ = false, edns = 0 };
			assert.same({ first, second }, logged());
			assert.same({ second }, logged("b.example"));
			assert.same({ udp = 1, tcp = 1, cd = 1 }, server:tally());
			assert.same({ udp = 0, tcp = 1, cd = 0 }, server:tally("B.example."));
		end);

		it("tells the rule that took a query", function ()
			local number = server:rule{ name = "b.example", fault = "refused" };
			ask("a.example", "A");
			ask("b.example", "A");
			assert.same({ nil, number }, { server:log("a.example")[1].rule, server:log("b.example")[1].rule });
		end);

		it("is forgotten by clear_log, and the rules too by clear", function ()
			fault("refused");
			ask();
			server:clear_log();
			assert.same({ {}, 5 }, { server:log(), parse(ask()).rcode });
			server:clear();
			assert.same({ {}, 0 }, { server:log(), parse(ask()).rcode });
		end);
	end);

	describe("a rule", function ()
		local function rcodes(count, ...)
			local found = {};
			for i = 1, count do
				found[i] = parse(ask(...)).rcode;
			end
			return found;
		end

		it("is for times queries after the first ones", function ()
			fault("servfail", { after = 1, times = 2 });
			assert.same({ 0, 2, 2, 0, 0 }, rcodes(5));
		end);

		it("gives way to the next once it is used up", function ()
			fault("servfail", { times = 1 });
			fault("refused", { times = 1 });
			fault("nxdomain", { after = 1 });
			assert.same({ 2, 5, 0, 3, 3 }, rcodes(5));
		end);

		it("without a name is for all names, and with *. for those below", function ()
			server:rule{ name = "*.example", fault = "refused", times = 2 };
			assert.same({ 5, 3, 5, 0 }, { rcodes(1, "a.example", "A")[1], rcodes(1, "b.net", "A")[1], rcodes(1, "x.y.example", "A")[1], rcodes(1)[1] });
			server:rule{ fault = "servfail" };
			assert.same({ 2, 2 }, { rcodes(1)[1], rcodes(1, "other.net", "A")[1] });
		end);

		it("asks for type, transport, CD, DO and EDNS", function ()
			fault("refused", { type = "TXT" });
			fault("formerr", { edns = true, do_ = false });
			fault("nxdomain", { do_ = true });
			fault("servfail", { cd = true });
			fault("notimp", { transport = "tcp" });
			assert.same({ 5, 1, 3, 2, 0, 4 }, {
				parse(ask("a.example", "TXT")).rcode, parse(ask("a.example", "A", { edns = 512 })).rcode,
				parse(ask("a.example", "A", { edns = 512, do_ = true })).rcode, parse(ask("a.example", "A", { cd = true })).rcode,
				parse(ask()).rcode, parse(ask_tcp_once(query("a.example", "A"))).rcode,
			});
		end);

		it("makes SERVFAIL unless CD, and then silence", function ()
			fault("servfail", { cd = false });
			fault("silence", { cd = true });
			assert.same({ 2, {} }, { parse(ask()).rcode, ask_udp(query("a.example", "A", { cd = true })) });
		end);

		it("that is wrong raises where it is made", function ()
			local here = debug.getinfo(1, "Sl");
			local _, problem = pcall(function () server:rule{ fault = "nosuch" }; end);
			assert.equal(("%s:%d: unknown fault: nosuch"):format(here.short_src, here.currentline + 1), problem);
			assert.error_matches(function () server:rule{ names = "a.example" }; end, "unknown in a rule: names");
			assert.error_matches(function () server:rule{ transport = "tls" }; end, "unknown transport: tls");
			assert.error_matches(function () server:records("a.example", "A", { "nonsense" }); end, "malformed");
		end);
	end);

	describe("fault", function ()
		it("silence: nothing comes, and TCP stays open", function ()
			fault("silence");
			assert.same({}, ask_udp(query("a.example", "A")));
			assert.same({ "", "timeout" }, { ask_tcp(query("a.example", "A")) });
		end);

		for name, rcode in pairs{ formerr = 1, servfail = 2, nxdomain = 3, notimp = 4, refused = 5 } do
			it(name .. ": the code, no records, and EDNS as the code allows", function ()
				fault(name);
				assert.same(answer{ rcode = rcode, counts = { 1, 0, 0, 0 } }, parse(ask()));
				local edns = (name == "formerr" or name == "notimp") and 0 or 1;
				assert.same(answer{ rcode = rcode, cd = true, counts = { 1, 0, 0, edns } }, parse(ask("a.example", "A", { cd = true, edns = 1232 })));
			end);
		end

		it("truncate: TC over UDP, the answer over TCP", function ()
			fault("truncate");
			assert.same(answer{ tc = true, counts = { 1, 0, 0, 0 } }, parse(ask()));
			assert.same(right_address, dig("+answer a.example A"));
			assert.same({ udp = 2, tcp = 1, cd = 0 }, server:tally());
		end);

		it("garbage: random bytes", function ()
			fault("garbage", { size = 30 });
			local first, second = ask(), ask();
			assert.same({ 30, 30 }, { #first, #second });
			assert.is_not.equal(first, second);
		end);

		it("garbled: this question, then random bytes", function ()
			fault("garbled", { size = 30 });
			local message = ask();
			assert.same({ answer{ counts = { 1, 2, 0, 0 } }, #query("a.example", "A") + 30 }, { parse(message), #message });
		end);

		it("empty: zero bytes, over TCP a length of zero", function ()
			fault("empty");
			assert.equal("", ask());
			assert.same({ "\0\0", "timeout" }, { ask_tcp(query("a.example", "A")) });
		end);

		it("loop: a record whose owner points to itself", function ()
			fault("loop");
			local message, start = ask(), #query("a.example", "A");
			assert.same(answer(), parse(message));
			assert.equal("\192" .. string.char(start), message:sub(start + 1, start + 2));
		end);

		for _, type in ipairs{ "A", "SRV", "TLSA", "TXT" } do
			it("big: 64 KiB of " .. type .. " records over TCP, TC over UDP", function ()
				fault("big");
				assert.is_true(parse(ask("a.example", type)).tc);
				local size, body = ask_tcp(query("a.example", type), 2 + 65535):match("^(..)(.*)$");
				assert.same({ u16(65535), 65535 }, { size, #body });
				local records = dig("+answer +tcp +noedns a.example " .. type);
				assert.equal(parse(body).counts[2], #records);
				assert.is_true(#records > 1000);
			end);
		end

		it("big: as large as wanted, with EDNS", function ()
			fault("big", { size = 2000 });
			local bytes = ask_tcp(query("a.example", "SRV", { edns = 4096 }), 2 + 2000);
			assert.same({ 2000, 2 }, { #bytes - 2, parse(bytes:sub(3)).counts[4] });
			assert.is_true(#dig("+answer +tcp a.example SRV") > 20);
		end);

		it("wrong_id: another ID, and nothing else", function ()
			fault("wrong_id");
			local message = ask();
			assert.is_not.equal(0x1234, parse(message).id);
			assert.same(answer{ id = parse(message).id }, parse(message));
		end);

		it("wrong_question: the answer to another name", function ()
			fault("wrong_question");
			assert.same(answer{ question = query("x.example", "A"):sub(13) }, parse(ask()));
		end);

		it("not_response: QR clear", function ()
			fault("not_response");
			assert.same(answer{ qr = false }, parse(ask()));
		end);

		it("ad and no_ad: AD set and cleared", function ()
			fault("ad", { times = 1 });
			fault({ "ad", "no_ad" });
			assert.same({ answer{ ad = true }, answer() }, { parse(ask()), parse(ask()) });
		end);

		it("short: record data cut, or any other bytes", function ()
			server:records("a.example", "SRV", { "1 2 3 a.example." });
			fault("short", { times = 3 });
			fault("short", { rdata = "deadbeef" });
			assert.equal("\0\3\192\0\2", ask():sub(-5));
			assert.equal("\0\3\0\1\0", ask("a.example", "SRV"):sub(-5));
			assert.equal("\0\2\0\0", ask("a.example", "TLSA"):sub(-4));
			assert.equal("\0\4\222\173\190\239", ask():sub(-6));
			server:records("a.example", "SRV", nil);
		end);

		it("unasked: records out of bailiwick in every section, or those wanted", function ()
			fault("unasked", { times = 1 });
			fault("unasked", { records = { answer = { "bank.example. 60 IN A 192.0.2.99" } } });
			assert.same({ right_address[1], "unasked.example. 300 IN A 192.0.2.66", "example. 300 IN NS unasked.example.", "unasked.example. 300 IN A 192.0.2.66" },
				dig("+answer +authority +additional a.example A"));
			assert.same({ right_address[1], "bank.example. 60 IN A 192.0.2.99" }, dig("+answer +authority +additional a.example A"));
		end);

		it("duplicate: the answer several times", function ()
			fault("duplicate", { count = 3 });
			local packets = ask_udp(query("a.example", "A"));
			assert.same({ 3, answer(), packets[1][1], packets[1][1] }, { #packets, parse(packets[1][1]), packets[2][1], packets[3][1] });
		end);

		it("duplicate_records: each record several times", function ()
			fault("duplicate_records");
			assert.same({ right_address[1], right_address[1] }, dig("+answer a.example A"));
		end);

		it("reorder: the records backwards", function ()
			server:records("alias.example", "CNAME", { "a.example." }, 300);
			server:rule{ name = "alias.example", fault = "reorder" };
			assert.same({ right_address[1], "alias.example. 300 IN CNAME a.example." }, dig("+answer alias.example A"));
		end);

		it("other_address and other_port: the answer comes from elsewhere", function ()
			fault("other_address", { times = 1 });
			fault("other_port");
			local first, second = ask_udp(query("a.example", "A"), 1)[1], ask_udp(query("a.example", "A"), 1)[1];
			assert.same({ answer(), answer() }, { parse(first[1]), parse(second[1]) });
			assert.same({ false, server.port }, { first[2] == server.address, tonumber(first[3]) });
			assert.same({ server.address, false }, { second[2], tonumber(second[3]) == server.port });
			assert.equal(0, parse(ask_tcp_once(query("a.example", "A"))).rcode);
		end);

		it("close: the connection ends without an answer", function ()
			fault("close");
			assert.same({ "", "closed" }, { ask_tcp(query("a.example", "A")) });
			assert.same(answer(), parse(ask()));
		end);

		it("lose_large: silence over UDP for what is larger than that", function ()
			local size = #ask();
			fault("lose_large", { size = size, times = 1 });
			assert.equal(size, #ask());
			fault("lose_large", { size = size - 1 });
			assert.same({}, ask_udp(query("a.example", "A")));
			assert.equal(size, #ask_tcp_once(query("a.example", "A")));
		end);

		it("only: the answer, and then the connection ends", function ()
			fault("only");
			local bytes, state = ask_tcp(query("a.example", "A"));
			assert.is_nil(state); -- all there is to come: no timeout
			assert.same(answer(), parse(bytes:sub(3)));
		end);

		it("stall: half of the message, then nothing", function ()
			fault("stall");
			local bytes, state = ask_tcp(query("a.example", "A"));
			local whole = #ask();
			assert.same({ "timeout", u16(whole), 2 + math.floor(whole / 2) }, { state, bytes:sub(1, 2), #bytes });
		end);

		it("reset: half of the message, then the connection is reset", function ()
			fault("reset");
			local bytes, state = ask_tcp(query("a.example", "A"));
			assert.same({ false, true }, { state == "timeout", #bytes < 2 + #ask() });
		end);

		it("may be one of several", function ()
			fault({ "servfail", "ad", "duplicate" });
			local packets = ask_udp(query("a.example", "A"));
			assert.same({ 2, answer{ rcode = 2, ad = true, counts = { 1, 0, 0, 0 } } }, { #packets, parse(packets[2][1]) });
			server:clear();
			fault({ "big", "reset" });
			local bytes = ask_tcp(query("a.example", "A"));
			assert.is_true(#bytes < 2 + 65535);
		end);
	end);

	it("delays the right answer, and the wrong one", function ()
		fault(nil, { delay = 60, times = 1 });
		fault("servfail", { delay = 60 });
		local first, second = ask_udp(query("a.example", "A"), 1)[1], ask_udp(query("a.example", "A"), 1)[1];
		assert.same({ answer(), 2 }, { parse(first[1]), parse(second[1]).rcode });
		assert.is_true(first[4] >= 0.06 and second[4] >= 0.06);
	end);

	it("keeps answers until their rule is released, which then takes no further query", function ()
		local held, silent = server:rule{ name = "a.example", hold = true, times = 2 }, server:rule{ name = "a.example", fault = "silence" };
		local udp = socket.udp();
		udp:setsockname("127.0.0.1", 0);
		for id = 1, 3 do udp:sendto(query("a.example", "A", { id = id }), server.address, server.port); end
		assert.is_truthy(process.wait_until(function () return #server:log() == 3; end));
		udp:settimeout(QUIET);
		assert.is_nil((udp:receive()));
		server:release(held);
		udp:settimeout(PATIENCE);
		local ids = { parse(udp:receive()).id, parse(udp:receive()).id };
		udp:close();
		table.sort(ids);
		assert.same({ 1, 2 }, ids);
		assert.same({}, ask_udp(query("a.example", "A")));
		server:release(silent);
		assert.same(answer(), parse(ask()));
	end);

	it("waits for a query of the kind that is told", function ()
		ask();
		server:wait_for_query("a.example", { transport = "udp", cd = false });
		ask_tcp_once(query("a.example", "A", { cd = true }));
		server:wait_for_query("a.example", { transport = "tcp", cd = true });
	end);

	it("sends the right answer after the wrong one", function ()
		fault("wrong_id", { right_after = 0, times = 1 });
		fault("nxdomain", { right_after = 60 });
		local packets = ask_udp(query("a.example", "A"), 2);
		assert.same(answer(), parse(packets[2][1]));
		packets = ask_udp(query("a.example", "A"), 2);
		assert.same({ 3, answer() }, { parse(packets[1][1]).rcode, parse(packets[2][1]) });
		assert.is_true(packets[2][4] >= 0.06);
	end);

	it("refuses TCP once closed, open connections too, and takes it again", function ()
		local tcp = connect();
		ask_tcp(query("a.example", "A"), 2); -- the server has accepted the connection before this one
		server:close_tcp();
		assert.same({ nil, "closed", "" }, { tcp:receive(1) });
		assert.same({ nil, "connection refused" }, { select(2, connect()) });
		assert.same(answer(), parse(ask()));
		server:open_tcp();
		assert.same(answer(), parse(ask_tcp_once(query("a.example", "A"))));
		tcp:close();
	end);

	it("answers several queries of one connection, in its own order", function ()
		local first = server:rule{ hold = true, times = 1 };
		local tcp = connect();
		for id = 1, 2 do
			local message = query("a.example", "A", { id = id });
			tcp:send(u16(#message) .. message);
		end
		local ids = {};
		for i = 1, 2 do
			ids[i] = parse(tcp:receive(tcp:receive(2):byte(2))).id;
			server:release(first);
		end
		tcp:close();
		assert.same({ 2, 1 }, ids);
	end);

	it("gets a thousand queries that come at once", function ()
		local udp = socket.udp();
		udp:setsockname("127.0.0.1", 0);
		for id = 1, 1000 do
			udp:sendto(query("a.example", "A", { id = id }), server.address, server.port);
		end
		udp:close();
		process.wait_until(function () return server:tally().udp == 1000; end);
		assert.same({ udp = 1000, tcp = 0, cd = 0 }, server:tally());
	end);

	describe("in front of another server", function ()
		local upstream, own;

		setup(function ()
			upstream, own = server, misdns.start{ upstream = server.forward };
		end);

		teardown(function ()
			own:stop();
		end);

		before_each(function ()
			own:clear();
			server = own;
		end);

		after_each(function ()
			server = upstream;
		end);

		it("forwards over the transport it was asked by, with the query's flags and EDNS", function ()
			assert.same(answer{ cd = true, counts = { 1, 1, 0, 1 } }, parse(ask("a.example", "A", { cd = true, edns = 1400, do_ = true })));
			assert.same(answer(), parse(ask_tcp_once(query("a.example", "A"))));
			local entries = upstream:log();
			assert.same({ 2, "udp", true, true, 1400, "tcp", false, 0 }, {
				#entries, entries[1].transport, entries[1].cd, entries[1].do_, entries[1].edns, entries[2].transport, entries[2].do_, entries[2].edns,
			});
		end);

		it("puts its own records before the upstream's", function ()
			own:records("a.example", "TXT", { '"own"' });
			own:records("b.example", "A", { "192.0.2.9" });
			assert.same({ right_address, { 'a.example. 300 IN TXT "own"' }, { "b.example. 300 IN A 192.0.2.9" } },
				{ dig("+answer a.example A", own), dig("+answer a.example TXT", own), dig("+answer b.example A", own) });
		end);

		it("bends the upstream's answers", function ()
			fault("no_ad", { times = 1 });
			fault("short");
			upstream:rule{ name = "a.example", fault = "ad" };
			assert.same({ answer(), "\0\3\192\0\2" }, { parse(ask()), ask():sub(-5) });
		end);

		it("strips DNSSEC", function ()
			upstream:rule{ name = "a.example", fault = { "ad", "unasked" }, records = {
				answer = { "a.example. 300 IN RRSIG A 13 2 300 20300101000000 20200101000000 1 example. AAAA", "a.example. 300 IN DNSKEY 257 3 13 AAAA" },
				authority = { "a.example. 300 IN NSEC b.example. A RRSIG NSEC", "a.example. 300 IN DS 1 13 2 " .. ("00"):rep(32), "example. 300 IN NS a.example." },
			} };
			local before = parse(ask("a.example", "A", { edns = 1232, do_ = true }));
			fault("strip");
			local after = ask("a.example", "A", { edns = 1232, do_ = true });
			assert.same(answer{ ad = true, counts = { 1, 3, 3, 1 } }, before);
			assert.same(answer{ counts = { 1, 1, 1, 1 } }, parse(after));
			assert.equal("\0\41", after:sub(-10, -9));
			assert.equal("\0\0", after:sub(-4, -3)); -- DO
		end);

		it("is silent where the upstream is, and faults that need no answer still work", function ()
			upstream:rule{ fault = "silence" };
			upstream:close_tcp();
			assert.same({ {}, { "", "timeout" } }, { ask_udp(query("a.example", "A")), { ask_tcp(query("a.example", "A")) } });
			fault("servfail");
			assert.equal(2, parse(ask()).rcode);
			upstream:open_tcp();
		end);
	end);

	it("ends when it is stopped", function ()
		local first, second = misdns.start(), misdns.start(); -- the second inherits what the spec has open
		first:stop();
		second:stop();
		for _, ended in ipairs{ first, second } do
			local tcp = socket.tcp();
			assert.same({ nil, "connection refused" }, { tcp:connect(ended.address, ended.port) });
			tcp:close();
		end
	end);

	it("listens where it is told, and says so when it cannot", function ()
		local other = misdns.start{ address = "127.3.2.1" };
		assert.equal("127.3.2.1", other.address);
		assert.error_matches(function () misdns.start{ address = "192.0.2.1", port = 20000 }; end, "did not start: cannot listen on 192.0.2.1 port 20000");
		other:stop();
	end);
end);
