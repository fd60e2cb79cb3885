-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
local contexts = require "xmppdns.testcontext";
local held = require "spec.support.held";
local misdns = require "spec.support.misdns";
local own_seconds = require "xmppdns.testprocess".own_seconds;
local process = require "spec.support.process";
local socket = require "socket";
local zones = require "spec.support.zones";

local SECURE = "\127\9\8\7";

describe("xmppdns.core: a context", function ()
	local dns, server;
	local opened, begun;

	setup(function ()
		dns = zones.serve({
			["secure.example"] = { records = "a A 127.9.8.7\n_xmpp-server._tcp SRV 5 0 5269 A\nAlias CNAME a\nout CNAME a.plain.example." };
			["plain.example"] = { records = "a A 127.9.8.6\n_xmpp-server._tcp SRV 5 0 5269 a", signed = false };
			["bogus.example"] = { records = "a A 127.9.8.5", fault = "signature" };
			["expired.example"] = { records = "a A 127.9.8.4", fault = "expired" };
		});
		server = misdns.start({});
	end);

	teardown(function ()
		server:stop();
		dns:stop();
	end);

	before_each(function ()
		opened, begun = {}, socket.gettime();
		server:clear();
		server:clear_log();
	end);

	after_each(function ()
		for _, context in ipairs(opened) do
			context:delete();
		end
	end);

	local function open(settings, role)
		local context = assert(contexts.new(settings, role));
		table.insert(opened, context);
		return context;
	end

	-- A context that asks the misbehaving server.
	local function open_misled(extra, role)
		local settings = { forward = server.forward, dnssec = "off" };
		for key, value in pairs(extra or {}) do
			settings[key] = value;
		end
		return open(settings, role);
	end

	local function wait_for(context, question)
		return process.wait_until(function ()
			context:process(0.05);
			return context:answered(question) > 0;
		end);
	end

	local function ask(context, qname, qtype)
		local question = assert(context:ask(qname, qtype));
		assert(wait_for(context, question), "no answer for " .. qname);
		assert.equal(1, context:answered(question));
		local answer = context:answer(question);
		-- What libunbound knew already is as old as this spec at most.
		if answer.ttl < 300 and answer.ttl >= 300 - math.ceil(socket.gettime() - begun) then answer.ttl = 300; end
		return answer;
	end

	-- An answer with data or a denial.
	local function answered(qname, fields)
		local answer = { outcome = "answered", qname = qname, rcode = 0, secure = false, nxdomain = false, ttl = 300 };
		for key, value in pairs(fields) do
			answer[key] = value;
		end
		return answer;
	end

	describe("that validates", function ()
		local context;
		before_each(function ()
			context = open(dns:settings());
		end);

		it("gives signed data as secure, names inside it in wire form", function ()
			assert.same(answered("a.secure.example", { secure = true, SECURE }), ask(context, "a.secure.example", "A"));
			assert.same(answered("_xmpp-server._tcp.secure.example", { secure = true, "\0\5\0\0\20\149\1a\6secure\7example\0" }),
				ask(context, "_xmpp-server._tcp.secure.example", "SRV"));
		end);

		it("gives data of unsigned zones as insecure", function ()
			assert.same(answered("a.plain.example", { "\127\9\8\6" }), ask(context, "a.plain.example", "A"));
		end);

		it("gives denials, secure only where they are proven", function ()
			assert.same(answered("no.secure.example", { secure = true, nxdomain = true, rcode = 3 }), ask(context, "no.secure.example", "A"));
			assert.same(answered("a.secure.example", { secure = true }), ask(context, "a.secure.example", "TLSA"));
			assert.same(answered("no.plain.example", { nxdomain = true, rcode = 3 }), ask(context, "no.plain.example", "A"));
			assert.same(answered("a.plain.example", {}), ask(context, "a.plain.example", "TLSA"));
		end);

		it("gives where a chain of CNAMEs ended, and is secure only when all of it is (R3)", function ()
			assert.same(answered("alias.secure.example", { canonname = "a.secure.example", secure = true, SECURE }),
				ask(context, "alias.secure.example", "A"));
			assert.same(answered("out.secure.example", { canonname = "a.plain.example", "\127\9\8\6" }), ask(context, "out.secure.example", "A"));
			assert.same(answered("alias.secure.example", { canonname = "a.secure.example", secure = true }),
				ask(context, "alias.secure.example", "TLSA"));
		end);

		it("calls bad signatures bogus, with a reason each time, and gives no data", function ()
			for _ = 1, 2 do
				local answer = ask(context, "a.bogus.example", "A");
				assert.same({ "bogus", false, 0 }, { answer.outcome, answer.secure, #answer });
				assert.matches("signature", answer.reason, 1, true);
			end
			assert.matches("signature expired", ask(context, "a.expired.example", "A").reason, 1, true);
		end);

		-- Ends with the spec that it is for; from stop_clock on no time passes but what the spec lets pass. So nothing is held for too long, and libunbound, of
		-- which some releases set CD when they send a question again, sends none again.
		local function open_timeless()
			local misled = misdns.start({ upstream = dns.forward });
			finally(function ()
				contexts.start_clock();
				misled:stop();
			end);
			return misled, open(dns:settings({ forward = misled.forward }));
		end

		local function wait_until_seen(asker, name)
			assert(process.wait_until(function ()
				asker:process(0.05);
				return asker:glimpse() == name;
			end), "nobody has seen " .. name);
		end

		-- Asks for data and for a key of its chain, whose answer comes once that to the data was seen. known: the name whose DS or DNSKEY is asked for before.
		-- Gives how often the key was asked for with CD, as libunbound does it for itself, and the data's answer.
		local function overtake(known, known_type, data, zone, key_type)
			local misled, asker = open_timeless();
			ask(asker, known, known_type);
			misled:clear_log();
			local kept_data, kept_key = misled:rule({ name = data, hold = true }), misled:rule({ name = zone, type = key_type, hold = true });
			contexts.stop_clock(0);
			local overtaking, key = assert(asker:ask(data, "SRV", true)), assert(asker:ask(zone, key_type));
			misled:wait_for_query(zone, { type = key_type });
			contexts.stop_clock(0.04); -- so long has the key been under way: too short for libunbound to send again
			misled:release(kept_data);
			wait_until_seen(asker, data);
			misled:release(kept_key);
			assert(wait_for(asker, overtaking) and wait_for(asker, key));
			return misled:tally(zone).cd, asker:answer(overtaking);
		end

		it("20.1: does not ask for a key again that signed data overtake", function ()
			local again, answer = overtake("secure.example", "DS", "_xmpp-server._tcp.secure.example", "secure.example", "DNSKEY");
			assert.same({ 0, true }, { again, answer.secure });
		end);

		it("20.1: does not ask for the proof again that unsigned data overtake", function ()
			local again, answer = overtake("example", "DNSKEY", "_xmpp-server._tcp.plain.example", "plain.example", "DS");
			assert.same({ 0, "answered", false }, { again, answer.outcome, answer.secure });
		end);

		it("20.1: validates what overtakes a key that does not come, once it has waited", function ()
			local misled, asker = open_timeless();
			local data = "_xmpp-server._tcp.secure.example";
			ask(asker, "example", "DNSKEY");
			misled:rule({ name = "secure.example", type = "DNSKEY", cd = false, fault = "silence" });
			contexts.stop_clock(0);
			local key = assert(asker:ask("secure.example", "DNSKEY"));
			misled:wait_for_query("secure.example", { type = "DNSKEY" });
			contexts.stop_clock(0.02);
			local overtaking = assert(asker:ask(data, "SRV", true));
			wait_until_seen(asker, data);
			ask(asker, "example", "DNSKEY"); -- known, and answered after the hold has begun
			contexts.stop_clock(0.02); -- twice as long as it waits
			assert(wait_for(asker, overtaking));
			assert.same({ true, 0 }, { asker:answer(overtaking).secure, asker:answered(key) });
		end);

		it("20.4: looks at no packet while questions wait for a place", function ()
			local misled, asker = open_timeless();
			local data, seen = "_xmpp-server._tcp.secure.example", nil;
			misled:rule({ name = "*.silent.example", fault = "silence" });
			contexts.stop_clock(0);
			assert(asker:ask("_xmpp-server._tcp.plain.example", "SRV", true));
			wait_until_seen(asker, "_xmpp-server._tcp.plain.example");
			for i = 1, 1500 do assert(asker:ask(("n%d.silent.example"):format(i), "A")); end -- more than there are places
			local last = assert(asker:ask(data, "SRV", true));
			assert(process.wait_until(function ()
				asker:process(0.05);
				seen = seen or asker:glimpse();
				return asker:answered(last) > 0;
			end));
			assert.same({ true, nil }, { asker:answer(last).secure, seen });
		end);

		it("calls a denial that is not proven bogus", function ()
			local answer = ask(context, "no.bogus.example", "A");
			assert.same({ "bogus", false }, { answer.outcome, answer.nxdomain });
		end);
	end);

	it("with dnssec = \"off\" validates nothing, but as a probe it has the anchors", function ()
		local settings = dns:settings({ dnssec = "off" });
		assert.same({ "answered", false }, { ask(open(settings), "a.bogus.example", "A").outcome, ask(open(settings), "a.secure.example", "A").secure });
		assert.is_true(ask(open(settings, "probe_udp"), "a.secure.example", "A").secure);
	end);

	it("as a probe gives bogus data as insecure, over UDP and TCP", function ()
		for _, role in ipairs({ "probe_udp", "probe_tcp" }) do
			local answer = ask(open(dns:settings(), role), "a.bogus.example", "A");
			assert.same({ "answered", false, "\127\9\8\5" }, { answer.outcome, answer.secure, answer[1] });
		end
	end);

	it("asks over the transport of its role", function ()
		server:records("a.example", "A", { "127.9.8.7" }, 60);
		for role, tally in pairs({ udp = { udp = 1, tcp = 0 }, tcp = { udp = 0, tcp = 1 }, probe_udp = { udp = 1, tcp = 0 },
			probe_tcp = { udp = 0, tcp = 1 } }) do
			server:clear_log();
			assert.equal("answered", ask(open_misled({ insecure = "example" }, role), "a.example", "A").outcome);
			local counted = server:tally("a.example");
			assert.same(tally, { udp = counted.udp, tcp = counted.tcp });
		end
	end);

	it("reports the name server's failures", function ()
		server:rule({ fault = "servfail", name = "fails.example" });
		server:rule({ fault = "refused", name = "refuses.example" });
		local context = open_misled();
		for _, qname in ipairs({ "fails.example", "refuses.example" }) do
			assert.same({ outcome = "servfail", reason = "name server failure: SERVFAIL", qname = qname, rcode = 2, secure = false, nxdomain = false, ttl = 0 },
				ask(context, qname, "A"));
		end
	end);

	it("calls an answer that outgrows 64 KiB a failure, not a denial", function ()
		server:rule({ fault = "big", type = "SRV" });
		local answer = ask(open_misled(), "big.example", "SRV");
		local reason = require "spec.support.releases".refuses_large and "name server failure: SERVFAIL" or "the answer is too large";
		assert.same({ "servfail", reason, 0 }, { answer.outcome, answer.reason, #answer });
	end);

	it("leaves out malformed records, and calls an answer of only such a failure", function ()
		server:records("short.example", "TLSA", { "3 1 1 " .. ("00"):rep(32) }, 60);
		server:rule({ fault = "short", name = "short.example" });
		local answer = ask(open_misled(), "short.example", "TLSA");
		assert.same({ "servfail", "malformed record data", 0 }, { answer.outcome, answer.reason, #answer });
	end);

	it("says when a name is none", function ()
		assert.same({ outcome = "name", reason = "libunbound: syntax error", qname = "a..b", rcode = 0, secure = false, nxdomain = false, ttl = 0 },
			ask(open_misled(), "a..b", "A"));
	end);

	it("knows the names of a hosts file, each in any case", function ()
		local path = process.write(process.directory("context") .. "/hosts", "127.9.8.1 Host.Example\n::1 host.example\n");
		local context = open(dns:settings({ hoststxt = path }));
		assert.same({ "\127\9\8\1" }, { ask(context, "host.example", "A")[1] });
		assert.same({ ("\0"):rep(15) .. "\1" }, { ask(context, "host.example", "AAAA")[1] });
		assert.is_true(ask(context, "a.secure.example", "A").secure); -- and lets others through
		assert.is_true(ask(context, "no.secure.example", "A").nxdomain);
	end);

	it("asks servers of a scoped IPv6 address", function ()
		local directory = process.directory("scoped");
		local port = process.free_port("127.0.0.1");
		process.write(directory .. "/zone", "$ORIGIN example.\n@ 60 SOA ns ns 1 2 3 4 5\n@ 60 NS ns\nns 60 AAAA ::1\na 60 A 127.9.8.7\n");
		local config = process.write(directory .. "/nsd.conf", ([[
server:
	ip-address: ::1@%d
	server-count: 1
	username: ""
	zonesdir: "%s"
	pidfile: ""
	xfrdfile: "%s/xfrd.state"
	zonelistfile: "%s/zone.list"
	cookie-secret-file: ""
remote-control:
	control-enable: no
zone:
	name: "example"
	zonefile: "zone"
]]):format(port, directory, directory, directory));
		local nsd = process.start({ "nsd", "-d", "-c", config });
		assert.is_true(process.wait_for_tcp("::1", port));
		assert.equal("answered", ask(open_misled({ forward = "::1%lo@" .. port }), "a.example", "A").outcome);
		nsd:stop();
	end);

	it("asks the servers of stub zones for them", function ()
		server:records("a.stub.example", "A", { "127.9.8.3" }, 60);
		local context = open(dns:settings({ dnssec = "off", stub = { ["stub.example"] = server.forward } }));
		assert.same({ "\127\9\8\3" }, { ask(context, "a.stub.example", "A")[1] });
		assert.same({ "\127\9\8\6" }, { ask(context, "a.plain.example", "A")[1] });
	end);

	it("takes raw options last", function ()
		server:rule({ fault = "silence" });
		local context = open_misled({ options = { ["local-data"] = { "raw.example. A 127.9.8.2", "raw.example. A 127.9.8.1" } } });
		assert.equal(2, #ask(context, "raw.example", "A"));
	end);

	describe("whose server is silent", function ()
		local context;
		before_each(function ()
			server:rule({ fault = "silence", name = "*.silent" });
			context = open_misled();
		end);

		local asked = 0; -- each name only once: libunbound asks for a name once at a time

		local function fill(count)
			local questions = {};
			for i = 1, count do
				asked = asked + 1;
				questions[i] = context:ask(("host%d.silent"):format(asked), "A");
			end
			return questions;
		end

		-- How often this thread had to wait for something.
		local function count_waits()
			return tonumber(process.read("/proc/thread-self/status"):match("\nvoluntary_ctxt_switches:%s*(%d+)"));
		end

		it("takes as many questions as there are, none of which waits, and none of those that were dropped is answered", function ()
			server:records("a.example", "A", { "127.9.8.7" }, 60);
			local before, questions = count_waits(), {};
			for i = 1, 4000 do questions[i] = fill(1)[1]; end
			local waits = count_waits() - before;
			assert.is_true(waits < 40, waits .. " waits"); -- some for the allocator's lock
			assert.equal(4000, context:in_flight());
			for _, question in ipairs(questions) do
				context:drop(question);
				context:drop(question);
			end
			assert.equal(0, context:in_flight());
			context:process(0.5);
			for _, question in ipairs(questions) do
				assert.equal(0, context:answered(question));
			end
		end);

		-- How the others end, asked behind count questions that nobody answers, which are in so many zones.
		local function ask_behind(count, silent_zones)
			local silent, others, outcomes = {}, {}, {};
			-- milliseconds, so that libunbound gives no silent one up, however slow the machine is
			local context = open_misled({ options = { ["infra-cache-min-rtt"] = "4000" } }); -- luacheck: ignore 431/context
			for i = 1, 100 do server:records(("a.other%d.example"):format(i), "A", { "127.9.8.7" }, 60); end
			for i = 1, count do
				silent[i] = context:ask(("host%d.zone%d.silent"):format(i, i % silent_zones), "A");
			end
			for i = 1, 100 do others[i] = context:ask(("a.other%d.example"):format(i), "A"); end
			for i, question in ipairs(others) do
				assert.is_true(wait_for(context, question));
				outcomes[i] = context:answer(question).outcome;
			end
			for _, question in ipairs(silent) do -- else the others have waited for them
				assert.equal(0, context:answered(question));
			end
			return outcomes;
		end

		local ANSWERED = {};
		for i = 1, 100 do ANSWERED[i] = "answered"; end

		it("answers others meanwhile, however many questions for one silent zone there are", function ()
			assert.same(ANSWERED, ask_behind(3900, 1));
		end);

		it("answers others meanwhile, however many questions for twenty silent zones there are", function ()
			assert.same(ANSWERED, ask_behind(3900, 20));
		end);

		it("answers others meanwhile, also when those who asked for the silent ones have given up", function ()
			local silent = fill(3900);
			process.wait_until(function () return #server:log() >= 150; end);
			context:process(1); -- libunbound has as many as it gets
			for _, question in ipairs(silent) do context:drop(question); end
			server:records("a.other.example", "A", { "127.9.8.7" }, 60);
			assert.equal("answered", ask(context, "a.other.example", "A").outcome);
		end);

		it("can be deleted at once, and runs no callback then", function ()
			fill(50);
			local before = socket.gettime();
			context:delete();
			assert.is_true(socket.gettime() - before < 8); -- libunbound gives the questions up after 17 s
			context:delete();
		end);

		it("sends every question during an outage, however long, and the next one after it, and forgets none of those that wait", function ()
			local started = socket.gettime(); -- libunbound by itself gives the server up for six seconds, the first time after 12 to 18
			local waiting, refused = {}, 0;
			repeat
				local seconds = socket.gettime() - started;
				for _, question in ipairs(fill(10)) do
					context:process(0.05);
					refused = refused + context:answered(question);
					if seconds > 10 and #waiting < 100 then table.insert(waiting, question); else context:drop(question); end
				end
			until seconds > 25;
			assert.equal(0, refused);
			server:clear();
			server:clear_log();
			server:records("back.silent", "A", { "127.9.8.7" }, 60);
			assert.equal("answered", ask(context, "back.silent", "A").outcome);
			assert.is_true(server:tally("back.silent").udp > 0);
			for _, question in ipairs(waiting) do
				assert.is_true(wait_for(context, question));
				assert.equal(1, context:answered(question));
			end
		end);
	end);

	it("may have a question dropped after its answer, and from the callback of another", function ()
		server:records("a.example", "A", { "127.9.8.7" }, 60);
		server:rule({ delay = 20 });
		local context = open_misled();
		local first, second = context:ask("a.example", "A"), context:ask("a.example", "A");
		context:drop_from(first, second);
		context:drop_from(second, first);
		assert.is_true(process.wait_until(function ()
			context:process(0.05);
			return context:answered(first) + context:answered(second) > 0;
		end));
		context:process(0.2);
		assert.equal(1, context:answered(first) + context:answered(second));
		context:drop(first);
		context:drop(second);
		assert.equal(0, context:in_flight());
	end);

	it("has a thread of its own that takes no signals", function ()
		local function masks() -- by thread; one may end while it is looked at
			local list = {};
			local files = ("cd /proc/%d/task; grep -sH SigBlk */status; :"):format(contexts.pid());
			for id, mask in process.run({ "sh", "-c", files }):gmatch("(%d+)/status:SigBlk:%s+(%x+)") do list[id] = mask; end
			return list;
		end
		local before = masks();
		local context = open(dns:settings());
		ask(context, "a.secure.example", "A");
		local ours, found = nil, {};
		for id, mask in pairs(masks()) do
			if not before[id] then
				ours = id;
				table.insert(found, mask);
			end
		end
		assert.same({ "fffffffe7ffbfeff" }, found); -- all but KILL, STOP and the C library's own two
		context:delete();
		assert.is_true(process.wait_until(function () return not masks()[ours]; end));
	end);

	it("leaves no descriptor open", function ()
		local before = held.settled();
		for _, role in ipairs({ "udp", "tcp", "probe_udp", "probe_tcp" }) do
			local context = open(dns:settings(), role);
			ask(context, "a.secure.example", "A");
			context:ask("a.plain.example", "A");
			context:delete();
		end
		assert.is_true(held.becomes(before));
	end);

	it("can be given up in a child process, which neither hangs nor disturbs the parent's", function ()
		server:records("a.example", "A", { "127.9.8.7" }, 60);
		local rule = server:rule({ hold = true, name = "a.example" });
		local context = open_misled();
		local question = context:ask("a.example", "A");
		server:wait_for_query("a.example");
		assert.is_true(context:fork(dns:settings(), "a.secure.example"));
		assert.equal(0, context:answered(question));
		server:release(rule);
		assert.is_true(wait_for(context, question));
		assert.same({ 1, "answered" }, { context:answered(question), context:answer(question).outcome });
		server:records("b.example", "A", { "127.9.8.7" }, 60);
		assert.equal("answered", ask(context, "b.example", "A").outcome);
	end);

	it("has the anchors as they were read, whatever has become of the file when libunbound is asked first", function ()
		for _, text in ipairs({ "", ". IN DS 20326 8 2 xyz\n", false }) do
			local path = process.write(process.directory("context") .. "/anchor", process.read(dns.anchors));
			local context = open({ forward = dns.forward, trustfile = path });
			if text then process.write(path, text); else os.remove(path); end
			local answer = ask(context, "a.secure.example", "A");
			assert.same({ "answered", true }, { answer.outcome, answer.secure });
			context:delete();
		end
	end);

	it("is made in milliseconds", function ()
		local before = own_seconds();
		for _ = 1, 10 do
			open(dns:settings()):delete();
		end
		assert.is_true(own_seconds() - before < 1);
	end);
end);
