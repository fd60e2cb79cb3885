-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- Forwarders with limits (17.5): what they cannot do costs time at most, and is never called a forgery.

local dnsmasq = require "spec.support.dnsmasq";
local misdns = require "spec.support.misdns";
local xmppdns = require "xmppdns";
local zones = require "spec.support.zones";

local LOOKUPS, ZONES = 40, 8;
local HOST = "_xmpp-server._tcp SRV 0 0 5269 xmpp\nxmpp A 127.9.8.7\n";
local TLSA = "_5269._tcp.xmpp TLSA 3 1 1 " .. ("ab"):rep(32);

local dns, forwarder, resolver;

-- The plan once all is known.
local function plan_for(domain)
	local planned;
	xmppdns.endpoints(domain, { resolver = resolver }, function (...) planned = assert(...); end);
	while not planned do assert.is_true(resolver:wait(60)); end
	return planned;
end

setup(function ()
	local all = { ["dane.example"] = { records = HOST .. TLSA }, ["plain.example"] = { records = HOST, signed = false } };
	all["none.example"] = { records = HOST };
	all["half.example"] = { records = "_xmpp-server._tcp SRV 0 0 5269 xmpp.plain.example." };
	for _, domain in ipairs({ "large1.example", "large2.example" }) do
		local many = {};
		for i = 1, 40 do many[i] = ("_xmpp-server._tcp SRV %d 0 5269 xmpp"):format(i); end
		all[domain] = { records = HOST .. table.concat(many, "\n"), keys = { 1, 2, 3 } };
	end
	for i = 1, ZONES do all[("d%d.example"):format(i)] = { records = HOST .. "*.xmpp A 127.9.8.7" }; end
	dns = zones.serve(all);
end);
teardown(function () dns:stop(); end);
before_each(function () forwarder = misdns.start({ upstream = dns.forward }); end);
after_each(function ()
	if resolver then resolver:close(); end
	resolver = nil;
	forwarder:stop();
end);

local function open(extra)
	local settings = dns:settings({ forward = forwarder.forward, timeout = 20 });
	for key, value in pairs(extra or {}) do settings[key] = value; end
	resolver = assert(xmppdns.new(settings));
end

-- answer | nil, err
local function ask(name, rdtype, options)
	local answer, err;
	resolver:query(name, rdtype, function (...) answer, err = ...; end, options);
	while not answer and not err do assert.is_true(resolver:wait(60)); end
	return answer, err;
end

-- How many lookups, all at once, ended in each way.
local function tally_lookups()
	local ended, count = {}, 0;
	for i = 1, LOOKUPS do
		resolver:query(("n%d.xmpp.d%d.example"):format(i, i % ZONES + 1), "A", function (answer, err)
			local how = answer and (answer.secure and "secure" or "insecure") or err.code;
			ended[how], count = (ended[how] or 0) + 1, count + 1;
		end);
	end
	while count < LOOKUPS do assert.is_true(resolver:wait(60)); end
	return ended;
end

describe("a forwarder with a process for each TCP connection", function ()
	it("answers every lookup that is asked over TCP (dnsmasq, which has twenty)", function ()
		local few = dnsmasq.start({ "--proxy-dnssec" }, dns.forward);
		open({ forward = few.forward, options = { ["tcp-upstream"] = true } });
		assert.same({ secure = LOOKUPS }, tally_lookups());
		assert.same({ 0, 0 }, { resolver:stats().retries, resolver:stats().probes });
		few.server:stop();
	end);
end);

describe("a forwarder that closes TCP after one answer", function ()
	before_each(function () forwarder:rule({ fault = "only" }); end);

	it("answers every lookup that is asked over TCP at once", function ()
		open({ options = { ["tcp-upstream"] = true } });
		assert.same({ secure = LOOKUPS }, tally_lookups());
		assert.same({ 0, 0 }, { resolver:stats().retries, resolver:stats().probes });
	end);

	it("answers every lookup whose answer is too large for UDP", function ()
		forwarder:rule({ fault = "truncate" });
		open();
		assert.same({ secure = LOOKUPS }, tally_lookups());
		assert.same({ 0, 0 }, { resolver:stats().retries, resolver:stats().probes });
	end);
end);

for _, limit in ipairs({ 512, 1200 }) do
	describe(("a forwarder whose UDP answers above %d bytes get lost"):format(limit), function ()
		local notices;

		before_each(function ()
			notices = {};
			forwarder:rule({ fault = "lose_large", size = limit });
			open();
			function resolver.on_notice(text) table.insert(notices, text); end
		end);

		it("is found out with the first of them, once, and is asked for small ones from then on", function ()
			assert.equal(1, #plan_for("large1.example").endpoints);
			assert.same({ 0, 1, 1 }, { resolver:stats().retries, resolver:stats().rebuilds, #notices }); -- no attempt's 20 s have passed
			assert.matches(forwarder.forward .. ": what is not answered over UDP is answered over TCP", notices[1], 1, true);
			forwarder:clear_log();
			assert.equal(1, #plan_for("large2.example").endpoints);
			for _, query in ipairs(forwarder:log()) do
				assert.is_true(query.transport == "tcp" or query.edns == 512);
			end
			assert.same({ 0, 1, 1 }, { resolver:stats().retries, resolver:stats().rebuilds, #notices });
		end);
	end);
end

describe("a forwarder whose UDP answers all get lost", function ()
	it("is asked over TCP alone from then on", function ()
		forwarder:rule({ fault = "silence", transport = "udp" });
		open();
		assert.is_true(ask("xmpp.d1.example", "A", { pressing = true }).secure);
		forwarder:clear_log();
		assert.is_true(ask("xmpp.d2.example", "A").secure);
		assert.equal(0, forwarder:tally().udp);
		assert.equal(0, resolver:stats().retries);
	end);
end);

describe("a slow zone behind a forwarder", function ()
	it("says nothing about the forwarder", function ()
		local slow = forwarder:rule({ name = "xmpp.plain.example", type = "A", hold = true });
		open();
		local answer;
		resolver:query("xmpp.plain.example", "A", function (...) answer = assert(...); end, { pressing = true });
		repeat resolver:wait(0.1); until forwarder:tally("xmpp.plain.example").tcp > 0; -- it is tried
		forwarder:release(slow);
		while not answer do assert.is_true(resolver:wait(60)); end
		assert.is_true(ask("xmpp.d1.example", "A").secure);
		assert.equal(0, resolver:stats().rebuilds);
	end);
end);

describe("a forwarder that does not serve TLSA and SVCB", function ()
	-- What becomes of the domain's only endpoint: { addresses, the error's code }.
	local function dial(domain)
		local endpoints = plan_for(domain).endpoints;
		assert.equal(1, #endpoints);
		return { endpoints[1].addresses, endpoints[1].error and endpoints[1].error.code };
	end

	for fault, code in pairs({ servfail = "servfail", notimp = "servfail", refused = "servfail", silence = "timeout" }) do
		it(("is no reason to skip an endpoint, unless TLSA records may be there: %s"):format(fault), function ()
			forwarder:rule({ type = "TLSA", fault = fault });
			forwarder:rule({ type = "SVCB", fault = fault });
			open({ timeout = 2, attempts = 1 });
			assert.same({ { "127.9.8.7" } }, dial("plain.example"));
			assert.same({ { "127.9.8.7" } }, dial("half.example")); -- the way to its host is signed, the host's zone is not
			assert.same({ { "127.9.8.7" } }, dial("none.example")); -- it is proven that there are none
			assert.same({ {}, code }, dial("dane.example"));
			local _, err = ask("xmpp.dane.example", "SVCB");
			assert.is_true(err == nil or err.code == code);
			assert.is_true(ask("new.dane.example", "A", { raw = true }).secure); -- nothing else is thought worse of
		end);
	end
end);

describe("a forwarder that does not answer for keys", function ()
	-- The error of a lookup below it.
	local function fail(fault, name, rdtype, extra)
		forwarder:rule({ name = name, type = rdtype, fault = fault });
		open(extra);
		local _, err = ask("xmpp.dane.example", "A");
		return err.code;
	end

	for _, fault in ipairs({ "servfail", "refused", "notimp", "garbled" }) do
		it(("is broken, and no forger: %s"):format(fault), function ()
			assert.equal("servfail", fail(fault, ".", "DNSKEY"));
			assert.equal("servfail", fail(fault, "dane.example", "DNSKEY"));
			assert.equal("servfail", fail(fault, "dane.example", "DS"));
		end);
	end

	for option, value in pairs({ ["val-sig-skew-max"] = "90000", ["add-holddown"] = "1", ["serve-expired"] = "yes" }) do
		it("is broken, and no forger, whatever option makes proofs weaker: " .. option, function ()
			assert.equal("servfail", fail("servfail", "dane.example", "DNSKEY", { options = { [option] = value } }));
		end);
	end

	it("is a forger when it says that there are none", function ()
		assert.equal("bogus", fail("strip", "dane.example", "DNSKEY"));
		assert.equal("bogus", fail("strip", "dane.example", "DS"));
	end);

	it("over UDP alone is asked over TCP", function ()
		forwarder:rule({ name = "dane.example", type = "DNSKEY", fault = "servfail", transport = "udp" });
		open();
		assert.is_true(ask("xmpp.dane.example", "A").secure);
	end);
end);
