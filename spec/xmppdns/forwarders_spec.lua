-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- Forwarders with limits (17.5): what they cannot do costs time at most, and is never called a forgery.

local misdns = require "spec.support.misdns";
local xmppdns = require "xmppdns";
local zones = require "spec.support.zones";

local LOOKUPS = 40;
local HOST = "_xmpp-server._tcp SRV 0 0 5269 xmpp\nxmpp A 127.9.8.7\n";
local TLSA = "_5269._tcp.xmpp TLSA 3 1 1 " .. ("ab"):rep(32);

local dns, forwarder, resolver;

setup(function ()
	local all = { ["dane.example"] = { records = HOST .. TLSA }, ["plain.example"] = { records = HOST, signed = false } };
	for i = 1, LOOKUPS do all[("d%d.example"):format(i)] = { records = HOST }; end
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
		resolver:query(("xmpp.d%d.example"):format(i), "A", function (answer, err)
			local how = answer and (answer.secure and "secure" or "insecure") or err.code;
			ended[how], count = (ended[how] or 0) + 1, count + 1;
		end);
	end
	while count < LOOKUPS do assert.is_true(resolver:wait(60)); end
	return ended;
end

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

describe("a forwarder that does not answer for keys", function ()
	-- The error of a lookup below it.
	local function fail(fault, name, rdtype)
		forwarder:rule({ name = name, type = rdtype, fault = fault });
		open();
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
