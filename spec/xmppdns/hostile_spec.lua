-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- What the owner of a domain, or whoever answers for it, can publish on purpose: it costs little time, few questions and no trust.
--
-- Answers under another ID, from another address or port, and unasked records behind a forwarder are in faults_spec.lua.

local certificates = require "spec.support.certificates";
local plans = require "xmppdns.plan.plan";
local keytrap = require "spec.support.keytrap";
local misdns = require "spec.support.misdns";
local prosody = require "spec.support.prosody";
local prosody_util = require "spec.support.prosody_util";
local releases = require "spec.support.releases";
local own_seconds = require "xmppdns.testprocess".own_seconds;
local xmppdns = require "xmppdns";
local zones = require "spec.support.zones";

prosody_util("cache");
local new_logging = require "xmppdns.prosody.logging".new;

local PAUSE = 10;           -- for which one call may hold its thread: times what the tables of a large answer cost in Lua alone, just then
local PATIENCE = 120;       -- seconds until a lookup must have ended
local MAX_ENDPOINTS = 32;   -- the default
local MAX_LOOKUPS = 2 + 3 + 5 * MAX_ENDPOINTS + 32; -- of one plan: SRV, the domain's own addresses and TLSA, its endpoints', keys

-- Where libunbound has to ask for more keys than any honest domain needs, and a slow machine has more under way when it is given up.
local MAX_PACKETS = 3000;

local EVIL = [[ev\027[31m\010il\ a\.b\\c\"\200]]; -- a label of a zone file
local EVIL_TEXT = [[ev\027[31m\010il\032a\.b\\c"\200]];

local function lines_of(count, line)
	local lines = {};
	for i = 1, count do lines[i] = line(i); end
	return table.concat(lines, "\n");
end

-- As many as an answer of 64 KiB has, in seconds.
local function measure_tables()
	local started, records = own_seconds(), {};
	for i = 1, 4096 do records[i] = { a = ("192.0.2.%d"):format(i % 256) }; end
	return #records / 4096 * (own_seconds() - started);
end

-- Ends of plans and lookups, and the longest that one call has held its thread meanwhile.
local function new_loop(resolver)
	collectgarbage(); -- what the specs before have left is not the resolver's
	local loop = { longest = 0, tables = measure_tables() };
	function loop.call(f, ...)
		local started = own_seconds();
		f(...);
		loop.longest = math.max(loop.longest, own_seconds() - started);
	end
	function loop.run_until(is_over)
		for _ = 1, PATIENCE * 20 do
			loop.call(resolver.process, resolver);
			if is_over() then return; end
			resolver.core:poll(0.05);
		end
		error("it does not end", 2);
	end
	return loop;
end

-- { answer, err } for each name, asked at once; and the loop.
local function ask_all(resolver, names, rdtype, options)
	local loop, results, count = new_loop(resolver), {}, 0;
	for i, name in ipairs(names) do
		loop.call(resolver.query, resolver, name, rdtype, function (answer, err)
			count = count + 1;
			results[i] = { answer = answer, err = err };
		end, options);
	end
	loop.run_until(function () return count == #names; end);
	return results, loop;
end

local function ask(resolver, name, rdtype, options)
	local results, loop = ask_all(resolver, { name }, rdtype, options);
	return results[1].answer, results[1].err, loop;
end

local function collect(resolver, domain)
	local loop, plan, finished = new_loop(resolver), nil, false;
	loop.call(plans.endpoints, resolver, domain, nil, nil, function (found)
		plan, finished = found, true;
	end);
	loop.run_until(function () return finished; end);
	return plan, loop;
end

local function assert_brief(loop)
	local tables = math.max(loop.tables, measure_tables()); -- both on a machine as busy as it was meanwhile
	assert.is_true(loop.longest < PAUSE * tables, ("one call took %.1f ms, the tables of a large answer %.1f ms"):format(loop.longest * 1000, tables * 1000));
end

describe("hostile: signatures", function ()
	local KEYS, SIGNATURES, HOSTS = 100, 100, 40;
	local dns, resolver;

	setup(function ()
		local keys, tag = keytrap.keys(KEYS);
		local hosts = lines_of(HOSTS, function (i) return ("h%d A 192.0.2.%d"):format(i, i); end);
		dns = zones.serve({
			["keytrap.example"] = { records = "_xmpp-server._tcp SRV 0 0 5269 xmpp\n" .. keys, edit = keytrap.forge("SRV", SIGNATURES, 8, tag) };
			["few.example"] = { records = hosts .. "\n" .. keys, edit = keytrap.forge("A", 8, 8, tag) };
			["jam.example"] = { records = hosts, edit = keytrap.forge("A", SIGNATURES) };
			["iterations.example"] = { records = hosts .. "\n*.wild A 192.0.2.1", nsec3 = releases.most_iterations() };
			["thousands.example"] = { records = hosts, nsec3 = true, edit = function (text)
				return (text:gsub("(NSEC3%u*%s+1 %d+) 0 ", "%1 2500 "));
			end };
		});
	end);
	teardown(function () dns:stop(); end);
	before_each(function () resolver = assert(xmppdns.new(dns:settings({ timeout = 30, attempts = 1 }))); end);
	after_each(function () resolver:close(); end);

	local function names_in(zone)
		local names = {};
		for i = 1, HOSTS do names[i] = ("h%d.%s"):format(i, zone); end
		return names;
	end

	it("that may each be by any of a hundred keys end as bogus, and hold up nobody (CVE-2023-50387)", function ()
		local answer, err, loop = ask(resolver, "_xmpp-server._tcp.keytrap.example", "SRV");
		assert.same({ nil, "bogus" }, { answer, err.code });
		assert_brief(loop);
		local plan, second_loop = collect(resolver, "keytrap.example");
		assert.same({ "bogus", 0 }, { plan.error.code, #plan.endpoints });
		assert_brief(second_loop);
	end);

	for zone, what in pairs({ ["few.example"] = "eight of a hundred keys", ["jam.example"] = "a hundred of one key" }) do
		it("in masses, " .. what .. " over each of many answers at once, end as bogus, and hold up nobody", function ()
			local results, loop = ask_all(resolver, names_in(zone), "A");
			for _, result in ipairs(results) do assert.equal("bogus", result.err and result.err.code); end
			assert_brief(loop);
		end);
	end

	it("over NSEC3 of as many iterations as a zone can be signed with prove what they prove, and hold up nobody", function ()
		local missing = {};
		for i = 1, HOSTS do missing[i] = ("a.b.c.d.e.f.g.missing%d.iterations.example"):format(i); end
		local results, loop = ask_all(resolver, missing, "A");
		for _, result in ipairs(results) do assert.same({ true, true }, { result.answer.secure, result.answer.nxdomain }); end
		assert_brief(loop);
		local answer = ask(resolver, "a.b.c.wild.iterations.example", "A");
		assert.same({ "192.0.2.1", true }, { answer[1].a, answer.secure });
		local plan, plan_loop = collect(resolver, "iterations.example");
		assert.equal("unavailable", plan.error.code);
		assert_brief(plan_loop);
	end);

	it("over NSEC3 of thousands of iterations prove nothing, and hold up nobody", function ()
		local plan, loop = collect(resolver, "thousands.example");
		assert.is_false(plan.secure);
		assert.same({}, plan.endpoints);
		assert_brief(loop);
	end);
end);

describe("hostile: records about other names", function ()
	local dns, server, resolver;

	setup(function ()
		dns = zones.serve({ ["bank.example"] = { records = "www A 192.0.2.7\n@ A 192.0.2.8", signed = false } });
		server = misdns.start();
	end);
	teardown(function ()
		server:stop();
		dns:stop();
	end);
	before_each(function ()
		server:clear();
		resolver = assert(xmppdns.new(dns:settings({ stub = { ["evil.example"] = server.forward }, dnssec = "off", timeout = 30 })));
	end);
	after_each(function () resolver:close(); end);

	local function address_of(name)
		local answer = ask(resolver, name, "A");
		return answer and answer[1] and answer[1].a;
	end

	it("are neither returned nor remembered when a zone's own servers slip them in", function ()
		server:records("host.evil.example", "A", { "192.0.2.1" });
		server:rule({ name = "host.evil.example", fault = "unasked", records = {
			answer = { "www.bank.example. 86400 IN A 192.0.2.66", "bank.example. 86400 IN A 192.0.2.66" };
			authority = { "bank.example. 86400 IN NS ns.evil.example.", "example. 86400 IN NS ns.evil.example.", ". 86400 IN NS ns.evil.example." };
			additional = { "ns.evil.example. 86400 IN A " .. server.address, "www.bank.example. 86400 IN A 192.0.2.66" };
		} });
		local answer = ask(resolver, "host.evil.example", "A");
		assert.same({ 1, "192.0.2.1" }, { #answer, answer[1].a });
		local cached = {};
		for i, one in ipairs(resolver:cached()) do cached[i] = one.qname; end
		assert.same({ "host.evil.example" }, cached);
		assert.same({ "192.0.2.7", "192.0.2.8" }, { address_of("www.bank.example"), address_of("bank.example") });
	end);

	it("are asked for where they belong when an alias leads to them", function ()
		server:records("alias.evil.example", "CNAME", { "www.bank.example." });
		server:records("www.bank.example", "A", { "192.0.2.66" }); -- which misdns adds to the CNAME
		assert.same({ "192.0.2.7", "192.0.2.7" }, { address_of("alias.evil.example"), address_of("www.bank.example") });
	end);
end);

describe("hostile: aliases", function ()
	local server, dns;

	setup(function ()
		local chain = lines_of(300, function (i) return ("c%d CNAME c%d"):format(i, i + 1); end) .. "\nc301 A 192.0.2.1\n";
		local loop = "self CNAME self\nx CNAME y\ny CNAME x\n_xmpp-server._tcp SRV 0 0 5269 x\n_xmpp-server._tcp SRV 1 0 5269 c1\n";
		dns = zones.serve({ ["signed.example"] = { records = chain .. loop }, ["plain.example"] = { records = chain .. loop, signed = false } });
		server = misdns.start();
		server:records("x.loop.example", "CNAME", { "y.loop.example." });
		server:records("y.loop.example", "CNAME", { "x.loop.example." });
		for i = 1, 300 do server:records(("c%d.loop.example"):format(i), "CNAME", { ("c%d.loop.example."):format(i + 1) }); end
		server:records("c301.loop.example", "A", { "192.0.2.1" });
	end);
	teardown(function ()
		server:stop();
		dns:stop();
	end);

	it("that lead to each other, and three hundred in a row, end in an error", function ()
		for _, dnssec in ipairs({ "off", "opportunistic" }) do
			local resolver = assert(xmppdns.new(dns:settings({ stub = { ["loop.example"] = server.forward }, dnssec = dnssec, timeout = 30 })));
			local names = { "x.loop.example", "c1.loop.example" };
			for _, zone in ipairs({ "signed", "plain" }) do
				for _, label in ipairs({ "self", "x", "c1" }) do names[#names + 1] = ("%s.%s.example"):format(label, zone); end
			end
			local results, loop = ask_all(resolver, names, "A");
			for i, result in ipairs(results) do
				assert.is_nil(result.answer, names[i]);
				assert.is_truthy(result.err.code == "servfail" or result.err.code == "bogus", names[i]);
			end
			assert_brief(loop);
			resolver:close();
		end
	end);

	it("as SRV targets leave an error for each, and no endpoint", function ()
		local resolver = assert(xmppdns.new(dns:settings({ timeout = 30 })));
		for _, zone in ipairs({ "signed.example", "plain.example" }) do
			local plan = collect(resolver, zone);
			assert.same({ "servfail", "servfail", "servfail" }, { plan.error.code, plan.endpoints[1].error.code, plan.endpoints[2].error.code });
		end
		resolver:close();
	end);
end);

describe("hostile: many records", function ()
	local TARGETS = 1000;
	local dns, server;

	setup(function ()
		server = misdns.start();
		local targets = {};
		for i = 1, TARGETS do -- in no order
			local priority = i * 7 % TARGETS;
			targets[i] = ("%d 0 5269 h%d.many.example."):format(priority, priority);
			server:records(("h%d.many.example"):format(i), "A", { "192.0.2.1" });
		end
		server:records("h0.many.example", "A", { "192.0.2.1" });
		server:records("_xmpp-server._tcp.many.example", "SRV", targets);
		server:records("_xmpps-server._tcp.many.example", "SRV", {});
		local texts = {};
		for i = 1, 240 do texts[i] = ("\"%03d%s\""):format(i, ("x"):rep(250)); end
		server:records("text.many.example", "TXT", texts);
		server:records("long.many.example", "TXT", { table.concat(texts, " ") });
		server:rule({ name = "*.big.example", fault = "big" });

		local deep = {}; -- the most expensive of all: secure, each target in a zone of its own for all that we know, and behind two aliases
		for i = 1, 60 do
			for _, service in ipairs({ "xmpps", "xmpp" }) do
				deep[#deep + 1] = ("_%s-server._tcp SRV %d 0 %d h.a%d.b%d.c%d"):format(service, i, 5000 + i, i, i, i);
			end
			deep[#deep + 1] = ("h.a%d.b%d.c%d CNAME real%d"):format(i, i, i, i);
			deep[#deep + 1] = ("real%d A 192.0.2.1\nreal%d AAAA 2001:db8::1"):format(i, i);
		end
		local walk = lines_of(40, function (i)
			local host = ("x."):rep(90) .. "host" .. i;
			return ("_xmpp-server._tcp SRV %d 0 5269 %s\n%s A 192.0.2.%d\n%s AAAA 2001:db8::%d"):format(i, host, host, i, host, i);
		end);
		dns = zones.serve({ ["deep.example"] = { records = table.concat(deep, "\n") .. "\n@ A 192.0.2.9" }, ["walk.example"] = { records = walk } });
	end);
	teardown(function ()
		server:stop();
		dns:stop();
	end);

	local function read_readme(pattern)
		local file = assert(io.open("README.md"));
		local number = tonumber(file:read("*a"):match(pattern));
		file:close();
		return number;
	end

	local function open(settings)
		local all = { forward = server.forward, resolvconf = false, dnssec = "off", timeout = 30 };
		for key, value in pairs(settings or {}) do all[key] = value; end
		return assert(xmppdns.new(all));
	end

	it("a thousand SRV targets give an ordered plan of max_endpoints endpoints, and few questions", function ()
		for _, most in ipairs({ MAX_ENDPOINTS, 5 }) do
			local resolver = open({ max_endpoints = most });
			server:clear_log();
			local plan, loop = collect(resolver, "many.example");
			local hosts, expected = {}, {};
			for i, endpoint in ipairs(plan.endpoints) do hosts[i], expected[i] = endpoint.host, ("h%d.many.example"):format(i - 1); end
			assert.same(expected, hosts);
			assert.same({ most, TARGETS - most }, { #plan.endpoints, plan.left_out });
			assert.is_true(resolver:stats().attempts <= 2 + 2 + 2 * most, "no DNSSEC, so neither keys nor TLSA");
			local names = {};
			for _, query in ipairs(server:log()) do names[query.type .. " " .. query.name] = true; end
			assert.is_nil(names[("A h%d.many.example"):format(most)]);
			assert_brief(loop);
			resolver:close();
		end
	end);

	describe("a domain behind a server that counts", function ()
		local front, resolver;
		before_each(function ()
			front = misdns.start({ upstream = dns.forward });
			resolver = assert(xmppdns.new(dns:settings({ forward = front.forward, timeout = 30, plan_timeout = 300;
				options = { ["infra-cache-min-rtt:"] = 10000 } }))); -- a busy machine's late answers have libunbound send nothing again
		end);
		after_each(function ()
			resolver:close();
			front:stop();
		end);

		it("that costs most makes no more lookups than the README says", function ()
			local count = 0;
			function resolver.on_done() count = count + 1; end
			local plan, loop = collect(resolver, "deep.example");
			assert.same({ MAX_ENDPOINTS, 120 - MAX_ENDPOINTS }, { #plan.endpoints, plan.left_out });
			for _, endpoint in ipairs(plan.endpoints) do assert.same({ true, 2 }, { endpoint.secure, #endpoint.addresses }); end
			assert.equal(MAX_LOOKUPS, read_readme("37 %+ 5 × `max_endpoints` lookups, which is (%d+):"));
			local attempts, packets = resolver:stats().attempts, #front:log();
			assert.is_true(count <= MAX_LOOKUPS, count .. " lookups");
			assert.is_true(attempts <= MAX_LOOKUPS, attempts .. " attempts");
			assert.is_true(packets <= 2 * MAX_LOOKUPS, packets .. " packets");
			assert.is_true(count > 4 * MAX_ENDPOINTS, "addresses, and TLSA at both names");
			assert_brief(loop);
		end);

		it("whose answers are bogus, and take a question for each of ninety labels to find that out, is given up", function ()
			front:rule({ name = "*.walk.example", type = "A", fault = "strip" });
			front:rule({ name = "*.walk.example", type = "AAAA", fault = "strip" });
			local plan, loop = collect(resolver, "walk.example");
			assert.equal("bogus", plan.error.code);
			assert.matches("too many lookups for this domain have failed", plan.endpoints[MAX_ENDPOINTS].error.text);
			assert.equal(MAX_PACKETS, read_readme("The worst domain of our specs stays under (%d+) packets"));
			assert.is_true(#front:log() < MAX_PACKETS, #front:log() .. " packets");
			assert_brief(loop);
		end);

		it("is not given up because of its first endpoints", function ()
			for i = 1, 7 do front:rule({ name = ("x."):rep(90) .. ("host%d.walk.example"):format(i), fault = "strip" }); end
			local plan = collect(resolver, "walk.example");
			assert.equal("bogus", plan.endpoints[7].error.code);
			for i = 8, MAX_ENDPOINTS do assert.same({ nil, 2 }, { plan.endpoints[i].error, #plan.endpoints[i].addresses }); end
		end);
	end);

	it("TXT records of nearly 64 KiB arrive whole, as many and as one", function ()
		local resolver = open();
		local answer, _, loop = ask(resolver, "text.many.example", "TXT");
		assert.equal(240, #answer);
		assert_brief(loop);
		local long, _, long_loop = ask(resolver, "long.many.example", "TXT");
		assert.same({ 1, 240, "240" }, { #long, #long[1].txt, long[1].txt[240]:sub(1, 3) });
		assert.equal(240 * 253, #tostring(long[1]));
		assert_brief(long_loop);
		resolver:close();
	end);

	it("answers of 64 KiB do not hold up the loop, and SRV records that do not fit are no denial", function ()
		local resolver = open();
		for _, rdtype in ipairs({ "A", "AAAA", "TXT", "TLSA" }) do
			local answer, err, loop = ask(resolver, rdtype:lower() .. ".big.example", rdtype);
			local is_whole = answer ~= nil and #answer > 1000;
			assert.is_true(is_whole or releases.refuses_large and err ~= nil and err.code == "servfail", rdtype);
			assert_brief(loop);
		end
		local plan, loop = collect(resolver, "big.example");
		assert.equal("servfail", plan.error.code);
		if not releases.refuses_large then assert.matches("the answer is too large", plan.error.text); end
		assert.same({}, plan.endpoints);
		assert_brief(loop);
		resolver:close();
	end);

	it("an answer larger than max_answer_size is an error that says so", function ()
		local resolver = open({ max_answer_size = 512 });
		local answer, err = ask(resolver, "text.many.example", "TXT");
		assert.same({ nil, "servfail" }, { answer, err.code });
		assert.matches("the answer is too large: %d+ bytes, and max_answer_size is 512", err.text);
		assert.equal("192.0.2.1", ask(resolver, "h0.many.example", "A")[1].a);
		resolver:close();
	end);
end);

describe("hostile: names", function ()
	local dns, resolver;

	setup(function ()
		dns = zones.serve({ ["names.example"] = { records = table.concat({
			"_xmpp-server._tcp SRV 0 0 5269 " .. EVIL;
			EVIL .. " CNAME real." .. EVIL;
			"real." .. EVIL .. " A 192.0.2.1";
			"text TXT \"\\027[31m\\010x\\155\"";
		}, "\n") }, ["broken.example"] = { records = "_xmpp-server._tcp SRV 0 0 5269 " .. EVIL } });
	end);
	teardown(function () dns:stop(); end);
	before_each(function () resolver = assert(xmppdns.new(dns:settings({ timeout = 30 }))); end);
	after_each(function () resolver:close(); end);

	local function assert_printable(text)
		assert.is_nil(text:find("[^ -~\n\t]"));
	end

	it("with controls, spaces, dots and backslashes are dialled, and shown escaped", function ()
		local endpoint = collect(resolver, "names.example").endpoints[1];
		assert.same({ EVIL_TEXT .. ".names.example", { "192.0.2.1" }, true }, { endpoint.host, endpoint.addresses, endpoint.secure });
		assert_printable(endpoint.host);
	end);

	it("are escaped in the texts of answers, of errors and of plans' errors", function ()
		assert.matches(EVIL_TEXT, tostring(ask(resolver, "_xmpp-server._tcp.names.example", "SRV")), 1, true);
		local text = tostring(ask(resolver, EVIL_TEXT .. ".names.example", "A"));
		assert.matches(("%s.names.example\tIN\tCNAME\treal.%s.names.example\n"):format(EVIL_TEXT, EVIL_TEXT), text, 1, true);
		assert_printable(text);
		local _, err = ask(resolver, "a\27[31m\n..b", "A");
		assert_printable(tostring(err));
		local plan = collect(resolver, "broken.example");
		assert.matches(EVIL_TEXT .. ".broken.example: no addresses", plan.error.text, 1, true);
		assert_printable(plan.error.text);
	end);

	it("are escaped in the plugin's lines for the log", function ()
		local lines = {};
		local logging = new_logging(function (_, format, ...) lines[#lines + 1] = format:format(...); end);
		function resolver.on_done(...) logging:lookup(resolver, ...); end
		collect(resolver, "names.example");
		ask(resolver, "a\27[31m\n..b", "A");
		local all = table.concat(lines, "|");
		assert.matches(EVIL_TEXT .. ".names.example", all, 1, true);
		assert.is_nil(all:find("[^ -~]"));
	end);

	it("are escaped in the tree and in the JSON of xmppdns-check", function ()
		for _, arguments in ipairs({ {}, { "--json" } }) do
			local written = {};
			local stream = { write = function (_, ...) for _, text in ipairs({ ... }) do written[#written + 1] = text; end end, flush = function () end };
			for _, word in ipairs({ "--forward", dns.forward, "--trustfile", dns.anchors, "names.example", "broken.example" }) do
				arguments[#arguments + 1] = word;
			end
			require "xmppdns.check.command".main(arguments, { out = stream, err = stream, unicode = false });
			local text = table.concat(written);
			assert_printable(text);
			local expected = arguments[1] == "--json" and EVIL_TEXT:gsub("[\\\"]", "\\%0") or EVIL_TEXT;
			assert.matches(expected .. ".names.example", text, 1, true);
		end
	end);

	describe("in a real Prosody", function ()
		local server;
		setup(function ()
			server = prosody.start({
				name = "hostile", authority = certificates.new_authority(), modules = { "xmppdns" }, hosts = { ["one.test"] = "one.test" };
				config = ("xmppdns = { forward = %q, trustfile = %q, resolvconf = false, timeout = 30 }"):format(dns.forward, dns.anchors);
			});
		end);
		teardown(function () server:stop(); end);

		it("are escaped in what the admin shell shows", function ()
			for _, case in ipairs({
				{ [[xmppdns:lookup("_xmpp-server._tcp.names.example", "SRV")]], EVIL_TEXT };
				{ [[dns:lookup("_xmpp-server._tcp.names.example", "SRV")]], EVIL_TEXT };
				{ [[dns:lookup("text.names.example", "TXT")]], [[\027[31m\010x\155]] };
				{ [[xmppdns:lookup("text.names.example", "TXT")]], [[\027[31m\010x\155]] };
				{ [[xmppdns:plan("names.example")]], EVIL_TEXT };
				{ [[xmppdns:cache()]], EVIL_TEXT .. ".names.example A" };
				{ [[dns:cache()]], EVIL_TEXT };
			}) do
				local output = server:shell(case[1]):gsub("\226\148[\128-\191]", ""); -- the tree's branches
				assert.matches(case[2], output, 1, true);
				assert_printable(output);
			end
		end);

		it("are escaped in the error that a sender gets, and in the log", function ()
			local ok, output = pcall(server.shell, server, [[xmpp:ping("one.test", "broken.example")]]);
			assert.is_false(ok);
			assert.matches(EVIL_TEXT .. ".broken.example: no addresses", output, 1, true);
			assert.is_nil(output:find("[%z\1-\8\11-\31\127\155\200]"));
			local log = server:log();
			assert.matches(EVIL_TEXT .. ".broken.example: no addresses", log, 1, true);
			assert.is_nil(log:find("[%z\1-\8\11-\31\127\155\200]"));
		end);
	end);
end);
