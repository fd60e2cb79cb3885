-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- What may be dialled, and with which TLSA records, against real zones and behind a server that misbehaves on purpose.

local plans = require "xmppdns.plan.plan";
local core = require "xmppdns.core";
local delays = require "xmppdns.plan.delays";
local misdns = require "spec.support.misdns";
local planning = require "spec.support.planning";
local xmppdns = require "xmppdns";
local zones = require "spec.support.zones";

local list = planning.list_with_dane;

local SRV = "_xmpp-server._tcp SRV 0 0 5269 xmpp\n";
local ADDRESSES = "xmpp A 192.0.2.1\nxmpp AAAA 2001:db8::1\n";
local DIGEST = ("ab"):rep(32);
local TLSA = "TLSA 3 1 1 " .. DIGEST .. "\n";
local XMPP_TLSA = "_5269._tcp.xmpp " .. TLSA;
local TWO = [[
_xmpp-server._tcp SRV 0 0 5269 xmpp
_xmpp-server._tcp SRV 1 0 5269 second
xmpp A 192.0.2.1
second A 192.0.2.2
_5269._tcp.second ]] .. TLSA;

local wanted = {
	["tlsa.example"] = { records = SRV .. ADDRESSES .. XMPP_TLSA .. "@ A 192.0.2.99\n_5269._tcp TLSA 3 1 1 " .. ("cd"):rep(32) };
	["ports.example"] = { records = "_xmpps-server._tcp SRV 0 0 5270 xmpp\n" .. SRV .. ADDRESSES .. "_5270._tcp.xmpp " .. TLSA };
	["none.example"] = { records = SRV .. ADDRESSES };
	["unusable.example"] = { records = SRV .. ADDRESSES .. "_5269._tcp.xmpp TLSA 3 2 1 " .. DIGEST };
	["agility.example"] = { records = SRV .. ADDRESSES .. XMPP_TLSA .. "_5269._tcp.xmpp TLSA 3 1 2 " .. ("cd"):rep(64) };
	["unsigned.example"] = { signed = false, records = SRV .. ADDRESSES .. XMPP_TLSA };
	["towards-unsigned.example"] = { records = "_xmpp-server._tcp SRV 0 0 5269 xmpp.unsigned.example." };
	["towards-signed.example"] = { signed = false, records = "_xmpp-server._tcp SRV 0 0 5269 xmpp.tlsa.example." };
	["bogus-tlsa.example"] = { records = TWO .. "_5269._tcp.xmpp " .. TLSA, fault = "signature", fault_at = "_5269._tcp.xmpp TLSA" };
	["two.example"] = { records = TWO .. "_5269._tcp.xmpp " .. TLSA };
	["two-plain.example"] = { signed = false, records = TWO };
	["fallback.example"] = { records = "@ A 192.0.2.3\n_5269._tcp " .. TLSA };
	["bare.example"] = { records = "@ A 192.0.2.3" };
	["bare-nsec3.example"] = { nsec3 = true, records = "@ A 192.0.2.3" };
	["bare-unsigned.example"] = { signed = false, records = "@ A 192.0.2.3" };
	["fallback-unsigned.example"] = { signed = false, records = "@ A 192.0.2.3\n@ AAAA 2001:db8::3\n_5269._tcp " .. TLSA };
	["fallback-bogus.example"] = { records = "@ A 192.0.2.3\n_5269._tcp " .. TLSA, fault = "signature", fault_at = "_5269._tcp TLSA" };
	-- the TLSA records, or their absence, in an unsigned part of a signed host
	["insecure-tlsa.example"] = { records = SRV };
	["xmpp.insecure-tlsa.example"] = { records = "@ A 192.0.2.1" };
	["_tcp.xmpp.insecure-tlsa.example"] = { signed = false, records = "_5269 " .. TLSA };
	["insecure-denial.example"] = { records = SRV };
	["xmpp.insecure-denial.example"] = { records = "@ A 192.0.2.1" };
	["_tcp.xmpp.insecure-denial.example"] = { signed = false };
	["alias-both.example"] = { records = SRV .. "xmpp CNAME host\nhost A 192.0.2.1\n" .. XMPP_TLSA .. "_5269._tcp.host TLSA 2 0 1 " .. DIGEST };
	["alias-first.example"] = { records = SRV .. "xmpp CNAME middle\nmiddle CNAME host\nhost A 192.0.2.1\n" .. XMPP_TLSA };
	["alias-none.example"] = { records = SRV .. "xmpp CNAME host\nhost A 192.0.2.1" };
	["alias-unusable.example"] = { records = SRV .. "xmpp CNAME host\nhost A 192.0.2.1\n" .. XMPP_TLSA .. "_5269._tcp.host TLSA 9 9 9 00" };
	["alias-bogus.example"] = { records = SRV .. "xmpp CNAME host\nhost A 192.0.2.1\n" .. XMPP_TLSA .. "_5269._tcp.host " .. TLSA;
		fault = "signature", fault_at = "_5269._tcp.host TLSA" };
	["alias-insecure.example"] = { records = SRV .. "xmpp CNAME xmpp.unsigned.example.\n" .. XMPP_TLSA };
	["tlsa-alias.example"] = { records = SRV .. ADDRESSES .. "_5269._tcp.xmpp CNAME tlsa\ntlsa " .. TLSA };
	["bogus-aaaa.example"] = { signed = true, records = SRV .. ADDRESSES .. XMPP_TLSA, fault = "signature", fault_at = "xmpp AAAA" };
};

local function asked(server, rdtype)
	local names = {};
	for _, question in ipairs(server:log()) do
		if question.type == rdtype then names[#names + 1] = question.name:lower(); end
	end
	table.sort(names);
	for i = #names, 2, -1 do
		if names[i] == names[i - 1] then table.remove(names, i); end
	end
	return names;
end

local ROUND = 0.8; -- seconds that an answer takes: more than those of a burst of questions lie apart, on a busy machine too

-- How many bursts of questions there were, one after the other's answers.
local function count_rounds(server)
	local times = {};
	for i, question in ipairs(server:log()) do times[i] = question.time; end
	table.sort(times);
	local rounds = times[1] and 1 or 0;
	for i = 2, #times do
		if times[i] - times[i - 1] > ROUND / 2 then rounds = rounds + 1; end
	end
	return rounds;
end

describe("xmppdns.plan.endpoint:", function ()
	local dns, faulty, resolver;

	setup(function ()
		dns = zones.serve(wanted);
		faulty = misdns.start({ upstream = dns.forward });
	end);

	teardown(function ()
		faulty:stop();
		dns:stop();
	end);

	local function use_faulty(settings)
		settings = settings or {};
		settings.timeout, settings.attempts = settings.timeout or 20, settings.attempts or 1;
		settings.forward = faulty.forward;
		resolver:close();
		resolver = assert(xmppdns.new(dns:settings(settings)));
		faulty:clear();
		faulty:clear_log();
	end

	before_each(function ()
		faulty:clear();
		resolver = assert(xmppdns.new(dns:settings({ timeout = 20, attempts = 1 })));
	end);

	after_each(function ()
		resolver:close();
	end);

	local function collect(domain, options)
		local plan;
		plans.endpoints(resolver, domain, options, nil, function (...) plan = assert(...); end);
		while not plan do assert.is_true(resolver:wait(60)); end
		return plan;
	end

	local function lines(domain, options)
		return list(collect(domain, options));
	end

	-- The next endpoint, and its addresses.
	local function take(plan)
		local given;
		plan:next(function (...) given = { ... }; end);
		while not given do assert.is_true(resolver:wait(60)); end
		return given[1], given[2];
	end

	local function pause(seconds)
		local before = core.now();
		while core.now() - before < seconds do resolver:wait(seconds); end
	end

	describe("addresses:", function ()
		it("R15: where DANE can apply, one family that fails ends the endpoint, unless the other is secure", function ()
			use_faulty({ timeout = 2 });
			faulty:rule({ name = "xmpp.unsigned.example", type = "AAAA", fault = "servfail" });
			assert.same({ "xmpp.unsigned.example:5269: servfail" }, lines("towards-unsigned.example"));
			faulty:rule({ name = "xmpp.none.example", type = "AAAA", fault = "silence" });
			assert.same({ "xmpp.none.example:5269: 192.0.2.1*" }, lines("none.example"));
		end);

		it("R15: where the SRV answer is insecure, one family that merely fails costs nothing", function ()
			for _, fault in ipairs({ "servfail", "refused", "silence" }) do
				use_faulty({ timeout = 2 });
				faulty:rule({ name = "xmpp.unsigned.example", type = "AAAA", fault = fault });
				assert.same({ "xmpp.unsigned.example:5269: 192.0.2.1" }, lines("unsigned.example"));
			end
		end);

		it("R15: the same where the fallback's SRV denial is insecure", function ()
			use_faulty({ timeout = 2 });
			faulty:rule({ name = "fallback-unsigned.example", type = "A", fault = "servfail" });
			assert.same({ "fallback-unsigned.example:5269: 2001:db8::3" }, lines("fallback-unsigned.example"));
			use_faulty({ timeout = 2 });
			faulty:rule({ name = "fallback.example", type = "A", fault = "servfail" });
			assert.same({ "fallback.example:5269: servfail" }, lines("fallback.example"));
		end);

		it("R15: with dane = \"off\" DANE cannot apply, wherever the SRV answer is from", function ()
			use_faulty({ timeout = 2 });
			faulty:rule({ name = "xmpp.unsigned.example", type = "AAAA", fault = "servfail" });
			assert.same({ "xmpp.unsigned.example:5269: 192.0.2.1" }, lines("towards-unsigned.example", { dane = "off" }));
		end);

		it("R15: a bogus family ends the endpoint also where the SRV answer is insecure, unless the other is secure", function ()
			resolver:close();
			-- the host's A record is the operator's own, so insecure
			resolver = assert(xmppdns.new(dns:settings({ attempts = 1, options = {
				["local-zone:"] = "xmpp.bogus-aaaa.example typetransparent", ["local-data:"] = "xmpp.bogus-aaaa.example A 192.0.2.7";
			} })));
			assert.same({ "xmpp.bogus-aaaa.example:5269: bogus" }, lines("bogus-aaaa.example"));
			assert.same({ "xmpp.bogus-aaaa.example:5269: bogus" }, lines("bogus-aaaa.example", { dane = "off" }));
		end);

		it("R31: one family is given out when the other's answer takes longer than 50 ms, which then follows", function ()
			use_faulty();
			lines("two-plain.example"); -- so that the keys are known
			local held = faulty:rule({ name = "xmpp.unsigned.example", type = "AAAA", hold = true });
			local plan = assert(plans.new(resolver, "unsigned.example"));
			local first, addresses = take(plan);
			assert.same({ "192.0.2.1" }, addresses);
			assert.is_true(plan:has_alternative());
			faulty:release(held);
			local again, late = take(plan);
			assert.equal(first, again);
			assert.same({ { "2001:db8::1" }, { "192.0.2.1", "2001:db8::1" } }, { late, again.addresses });
			assert.is_false(plan:has_alternative());
			assert.is_nil(take(plan));
		end);

		it("R31: one family waits for the other up to 50 ms, so that both come in their order", function ()
			use_faulty();
			lines("two-plain.example");
			local held = faulty:rule({ name = "xmpp.unsigned.example", type = "AAAA", hold = true });
			local plan = assert(plans.new(resolver, "unsigned.example"));
			local usual, addresses = delays.resolution, nil;
			delays.resolution = 60; -- a busy machine's 50 ms may be over before the answer is there
			plan:next(function (_, given) addresses = given; end);
			while not resolver:peek("xmpp.unsigned.example", "A") do assert.is_true(resolver:wait(60)); end
			delays.resolution = usual;
			assert.same({ 0.05, nil }, { usual, addresses });
			faulty:release(held);
			while not addresses do assert.is_true(resolver:wait(60)); end
			assert.same({ "2001:db8::1", "192.0.2.1" }, addresses);
		end);

		it("R31: AAAA waits for nobody: A is dialled after it in any case", function ()
			use_faulty();
			lines("two-plain.example");
			local held = faulty:rule({ name = "xmpp.unsigned.example", type = "A", hold = true });
			local plan = assert(plans.new(resolver, "unsigned.example"));
			local usual, addresses = delays.resolution, nil;
			delays.resolution = 60;
			plan:next(function (_, given) addresses = given; end);
			while not addresses do assert.is_true(resolver:wait(30)); end
			delays.resolution = usual;
			assert.same({ "2001:db8::1" }, addresses);
			faulty:release(held);
			assert.same({ "192.0.2.1" }, (select(2, take(plan))));
		end);

		it("R31: a late family that fails takes nothing back", function ()
			use_faulty({ timeout = 2 });
			faulty:rule({ name = "xmpp.unsigned.example", type = "AAAA", fault = "silence" });
			local plan = assert(plans.new(resolver, "unsigned.example"));
			local first, addresses = take(plan);
			assert.same({ "192.0.2.1" }, addresses);
			assert.is_nil(take(plan));
			assert.same({ nil, nil, 1 }, { first.error, plan.error, #first.addresses });
		end);

		it("R15, R31: an insecure family alone is not given out where the other's failure would forbid it", function ()
			use_faulty({ timeout = 2 });
			faulty:rule({ name = "xmpp.unsigned.example", type = "AAAA", fault = "silence" });
			local plan = assert(plans.new(resolver, "towards-unsigned.example"));
			assert.is_nil(take(plan));
			assert.equal("timeout", plan.error.code);
		end);

		it("R14: an address without a route is left out, and named when there is no other", function ()
			local function has_route(address) return not address:find(":", 1, true); end
			assert.same({ "xmpp.none.example:5269: 192.0.2.1*" }, lines("none.example", { has_route = has_route }));
			local plan = collect("none.example", { has_route = function () return false; end });
			assert.same({}, plan.endpoints[1].addresses);
			assert.equal("A of xmpp.none.example: no route to 192.0.2.1", plan.error.text);
			plan = collect("none.example", { has_route = has_route, use_ipv4 = false });
			assert.equal("AAAA of xmpp.none.example: no route to 2001:db8::1", plan.error.text);
		end);

		it("R31: a target whose answers are missing is overtaken by the next one of its priority", function ()
			use_faulty({ timeout = 3 });
			faulty:records("_xmpp-server._tcp.two-plain.example", "SRV", { "0 9 5269 xmpp.two-plain.example.", "0 0 5269 second.two-plain.example." });
			faulty:rule({ name = "xmpp.two-plain.example", fault = "silence" });
			local plan = assert(plans.new(resolver, "two-plain.example", { rng = function () return 1; end }));
			assert.equal("second.two-plain.example", take(plan).host);
			assert.is_true(resolver:stats().in_flight > 0);
			assert.is_nil(take(plan));
			assert.equal("timeout", plan.endpoints[1].error.code);
		end);
	end);

	describe("TLSA:", function ()
		it("R16, R18: secure records of the SRV target's port count for its secure addresses", function ()
			local plan = collect("tlsa.example");
			assert.same({ "xmpp.tlsa.example:5269: 2001:db8::1* 192.0.2.1* xmpp.tlsa.example usable 1" }, list(plan));
			assert.same({ { use = 3, select = 1, match = 1, data = ("\171"):rep(32) } }, plan.endpoints[1].dane.records);
		end);

		it("R18: the records of another port do not count", function ()
			assert.same({
				"xmpp.ports.example:5269: 2001:db8::1* 192.0.2.1*";
				"xmpp.ports.example:5270: 2001:db8::1* 192.0.2.1* xmpp.ports.example usable 1";
			}, (function (found) table.sort(found); return found; end)(lines("ports.example")));
		end);

		it("R18: in the fallback those of the domain count when the SRV denial is secure, and only then", function ()
			assert.same({ "fallback.example:5269: 192.0.2.3* fallback.example usable 1" }, lines("fallback.example"));
			assert.same({ "fallback-unsigned.example:5269: 2001:db8::3 192.0.2.3" }, lines("fallback-unsigned.example"));
			assert.same({ "fallback-bogus.example:5269: bogus" }, lines("fallback-bogus.example"));
		end);

		it("R6: an insecure SRV answer asks for none, though the target's are secure", function ()
			use_faulty();
			assert.same({ "xmpp.tlsa.example:5269: 2001:db8::1* 192.0.2.1*" }, lines("towards-signed.example"));
			assert.same({}, asked(faulty, "TLSA")); -- the fallback's neither
		end);

		it("R16: insecure addresses carry none, and do not wait for its answer either", function ()
			assert.same({ "xmpp.unsigned.example:5269: 2001:db8::1 192.0.2.1" }, lines("towards-unsigned.example"));
			use_faulty({ timeout = 300, plan_timeout = 300 }); -- the minute that we wait is over before
			faulty:rule({ name = "_5269._tcp.xmpp.unsigned.example", fault = "silence" });
			assert.same({ "xmpp.unsigned.example:5269: 2001:db8::1 192.0.2.1" }, lines("towards-unsigned.example"));
		end);

		it("R16: only the addresses of the secure family carry it", function ()
			resolver:close();
			resolver = assert(xmppdns.new(dns:settings({ attempts = 1, options = {
				["local-zone:"] = "xmpp.tlsa.example typetransparent", ["local-data:"] = "xmpp.tlsa.example A 192.0.2.7";
			} })));
			assert.same({ "xmpp.tlsa.example:5269: 2001:db8::1* 192.0.2.7 xmpp.tlsa.example usable 1" }, lines("tlsa.example"));
			assert.is_false(collect("tlsa.example").endpoints[1].secure);
			assert.same({ "xmpp.tlsa.example:5269: 2001:db8::1* xmpp.tlsa.example usable 1" }, lines("tlsa.example", { dane = "required" }));
		end);

		it("R19: behind secure aliases the expanded name comes first, then the target's own", function ()
			assert.same({ "xmpp.alias-both.example:5269: 192.0.2.1* host.alias-both.example usable 1" }, lines("alias-both.example"));
			assert.equal(2, collect("alias-both.example").endpoints[1].dane.records[1].use);
			assert.same({ "xmpp.alias-first.example:5269: 192.0.2.1* xmpp.alias-first.example usable 1" }, lines("alias-first.example"));
			assert.same({ "xmpp.alias-none.example:5269: 192.0.2.1*" }, lines("alias-none.example"));
		end);

		it("R19: the base that has records is the one, also when none of them is usable", function ()
			assert.same({ "xmpp.alias-unusable.example:5269: 192.0.2.1* host.alias-unusable.example unusable 0" }, lines("alias-unusable.example"));
		end);

		it("R19, R20: what is bogus at the expanded name does not lead back to the target's own", function ()
			local plan = collect("alias-bogus.example");
			assert.same({ "xmpp.alias-bogus.example:5269: bogus" }, list(plan));
			assert.matches("^TLSA of _5269%._tcp%.host%.alias%-bogus%.example: bogus: ", plan.error.text);
		end);

		it("R19: an alias that leaves the secure zones makes the addresses insecure, so that none counts", function ()
			assert.same({ "xmpp.alias-insecure.example:5269: 2001:db8::1 192.0.2.1" }, lines("alias-insecure.example"));
		end);

		it("the records themselves may be behind an alias", function ()
			assert.same({ "xmpp.tlsa-alias.example:5269: 2001:db8::1* 192.0.2.1* xmpp.tlsa-alias.example usable 1" }, lines("tlsa-alias.example"));
		end);

		it("R16, R18, R19: it says which base decides, and with which outcome, or else why no record counts", function ()
			local function describe_tlsa(domain, options)
				local plan = collect(domain, options);
				local base, found, reason = plan.endpoints[1]:get_tlsa(plan);
				return reason or ("%s: %s %d"):format(base, found.dnssec, #found.records);
			end
			assert.equal("xmpp.tlsa.example: secure 1", describe_tlsa("tlsa.example"));
			assert.equal("host.alias-both.example: secure 1", describe_tlsa("alias-both.example"));
			assert.equal("xmpp.alias-none.example: secure 0", describe_tlsa("alias-none.example"));
			assert.equal("host.alias-bogus.example: bogus 0", describe_tlsa("alias-bogus.example"));
			assert.equal("fallback.example: secure 1", describe_tlsa("fallback.example"));
			assert.equal("the SRV answer is not secure", describe_tlsa("towards-signed.example"));
			assert.equal("the SRV answer is not secure", describe_tlsa("fallback-unsigned.example"));
			assert.equal("no address is secure", describe_tlsa("towards-unsigned.example"));
			assert.equal("switched off by the settings", describe_tlsa("tlsa.example", { dane = "off" }));
			assert.equal("switched off by the settings", describe_tlsa("tlsa.example", { dnssec = "off" }));
		end);

		it("R27: its host is a name for a certificate where the SRV answer is secure", function ()
			local function name_of(domain) return collect(domain).endpoints[1]:reference_name(); end
			assert.same({ "xmpp.tlsa.example", "bare.example" }, { name_of("tlsa.example"), name_of("bare.example") });
			assert.same({}, { name_of("towards-signed.example"), name_of("bare-unsigned.example") });
		end);

		it("R20: bogus records end the endpoint, with the step, the record and the cause, and the next one is used", function ()
			local plan = collect("bogus-tlsa.example");
			assert.same({
				"xmpp.bogus-tlsa.example:5269: bogus";
				"second.bogus-tlsa.example:5269: 192.0.2.2* second.bogus-tlsa.example usable 1";
			}, list(plan));
			assert.matches("^TLSA of _5269%._tcp%.xmpp%.bogus%-tlsa%.example: bogus: .*signature", plan:failures()[1].text);
		end);

		it("R20: so do records that fail, timeouts included", function ()
			local codes = { servfail = "servfail", refused = "servfail", silence = "timeout", strip = "bogus" };
			for fault, code in pairs(codes) do
				use_faulty({ timeout = 2 });
				lines("none.example");
				faulty:rule({ name = "_5269._tcp.xmpp.two.example", fault = fault });
				local plan = collect("two.example");
				assert.same("second.two.example:5269: 192.0.2.2* second.two.example usable 1", list(plan)[2]);
				assert.same({ fault, code }, { fault, plan.endpoints[1].error and plan.endpoints[1].error.code });
				assert.matches("^TLSA of _5269%._tcp%.xmpp%.two%.example: ", plan.endpoints[1].error.text);
			end
		end);

		it("S66, R20: a forged absence of signed records is bogus, not an absence", function ()
			for _, fault in ipairs({ "nxdomain", { "nxdomain", "ad" } }) do
				use_faulty();
				faulty:rule({ name = "_5269._tcp.xmpp.two.example", fault = fault });
				assert.equal("bogus", collect("two.example").endpoints[1].error.code);
			end
			use_faulty();
			faulty:records("_5269._tcp.xmpp.two.example", "TLSA", {});
			assert.equal("bogus", collect("two.example").endpoints[1].error.code);
			faulty:records("_5269._tcp.xmpp.two.example", "TLSA", nil);
		end);

		it("R22: insecure records, and an insecure absence, are as none, for they are proven to lie in an unsigned zone", function ()
			assert.same({ "xmpp.insecure-tlsa.example:5269: 192.0.2.1*" }, lines("insecure-tlsa.example"));
			assert.same({ "xmpp.insecure-denial.example:5269: 192.0.2.1*" }, lines("insecure-denial.example"));
			assert.same({ "xmpp.insecure-denial.example:5269: 192.0.2.1*" }, lines("insecure-denial.example", { dnssec = "required" }));
			assert.same({ "xmpp.none.example:5269: 2001:db8::1* 192.0.2.1*" }, lines("none.example"));
		end);

		it("R23: of several records those are kept that count", function ()
			local records = collect("agility.example").endpoints[1].dane.records;
			assert.same({ { use = 3, select = 1, match = 2, data = ("\205"):rep(64) } }, records);
		end);

		it("R24: secure records of which none is usable are told from none", function ()
			assert.same({ "xmpp.unusable.example:5269: 2001:db8::1* 192.0.2.1* xmpp.unusable.example unusable 0" }, lines("unusable.example"));
		end);

		it("R32: no two endpoints share records", function ()
			local plan = collect("two.example");
			assert.not_equal(plan.endpoints[1].dane, plan.endpoints[2].dane);
			assert.not_equal(plan.endpoints[1].dane.records[1], plan.endpoints[2].dane.records[1]);
			assert.not_equal(plan.endpoints[1].dane.records, collect("two.example").endpoints[1].dane.records);
		end);

		it("dane = \"off\" asks for none, and dnssec = \"off\" leaves nothing to ask for", function ()
			for _, options in ipairs({ { dane = "off" }, { dnssec = "off" } }) do
				use_faulty();
				assert.is_nil(collect("tlsa.example", options).endpoints[1].dane);
				assert.same({}, asked(faulty, "TLSA"));
			end
			use_faulty({ dane = "off" });
			assert.is_nil(collect("tlsa.example").endpoints[1].dane);
		end);

		it("dane = \"required\" rules out every endpoint without secure and usable records, and says why", function ()
			local texts = {};
			for _, domain in ipairs({ "tlsa", "none", "unusable", "unsigned", "towards-unsigned", "insecure-tlsa", "fallback", "alias-first" }) do
				local endpoint = collect(domain .. ".example", { dane = "required" }).endpoints[1];
				texts[domain] = endpoint.error and endpoint.error.text or "used";
			end
			assert.same({
				tlsa = "used", fallback = "used", ["alias-first"] = "used";
				none = "TLSA of _5269._tcp.xmpp.none.example: required, but there is no secure record";
				unusable = "TLSA of _5269._tcp.xmpp.unusable.example: required, but no record is usable";
				unsigned = "TLSA of _5269._tcp.xmpp.unsigned.example: required, but the SRV answer is not secure";
				["towards-unsigned"] = "TLSA of _5269._tcp.xmpp.unsigned.example: required, but A and AAAA of xmpp.unsigned.example are not secure";
				["insecure-tlsa"] = "TLSA of _5269._tcp.xmpp.insecure-tlsa.example: required, but there is no secure record";
			}, texts);
		end);
	end);

	describe("an endpoint that was given out", function ()
		it("R33: ends alone: the others from its priority on are given out once more", function ()
			local plan = assert(plans.new(resolver, "two.example"));
			local first, second = take(plan), take(plan);
			assert.is_false(plan:has_more());
			plan:refuse(first, "tls", "TLS with xmpp.two.example port 5269: no shared cipher");
			assert.is_true(plan:skip(first));
			assert.equal(second, (take(plan)));
			plan:refuse(second, "tls", "TLS with second.two.example port 5269: no shared cipher");
			assert.is_false(plan:skip(second));
			assert.is_nil(take(plan));
			assert.equal("TLS with xmpp.two.example port 5269: no shared cipher; TLS with second.two.example port 5269: no shared cipher",
				plan:sum_up().text);
		end);

		it("issue 16.11: goes on with its other addresses, before the next endpoint, when one did not get as far as TLS", function ()
			collect("none.example"); -- so that both families are known at once
			local plan = assert(plans.new(resolver, "none.example"));
			local one = take(plan);
			assert.is_true(plan:spare(one, "2001:db8::1", "2001:db8::1: no TLS"));
			assert.is_true(plan:skip(one));
			local again, addresses = take(plan);
			assert.same({ one, { "192.0.2.1" } }, { again, addresses });
			assert.is_false(plan:spare(one, "192.0.2.1", "192.0.2.1: no TLS"));
		end);

		it("ends with the last of its addresses that did not answer, and names them all", function ()
			local plan = assert(plans.new(resolver, "none.example"));
			local one = take(plan);
			plan:fail_address(one, "192.0.2.1", "TCP to 192.0.2.1: refused");
			assert.same({}, plan:failures());
			plan:fail_address(one, "2001:db8::1", "TCP to 2001:db8::1: no answer");
			assert.equal("TCP to 2001:db8::1: no answer, TCP to 192.0.2.1: refused", plan:failures()[1].text);
		end);

		it("R20: whose TLSA records are missing at the plan's deadline is not used", function ()
			use_faulty({ timeout = 300, plan_timeout = 3 });
			faulty:rule({ name = "_5269._tcp.xmpp.two.example", fault = "silence" });
			local plan = collect("two.example");
			assert.matches("^TLSA of _5269%._tcp%.xmpp%.two%.example: timeout: ", plan.endpoints[1].error.text);
		end);
	end);

	describe("DNS round trips to the first endpoint, counted on the wire:", function ()
		-- Over TCP, for over UDP libunbound repeats a question after 376 ms. Keys come first: libunbound asks for one again that data overtake.
		local function use_slow()
			use_faulty({ options = { ["tcp-upstream"] = "yes" } });
			for _, rdtype in ipairs({ "DNSKEY", "DS" }) do faulty:rule({ type = rdtype, delay = 700 * ROUND }); end
			faulty:rule({ delay = 1000 * ROUND });
		end

		-- has_dane: whether the endpoint is to have TLSA records.
		local function rounds_to_first(domain, has_dane)
			faulty:clear_log();
			local endpoint = take(assert(plans.new(resolver, domain)));
			assert.equal(has_dane, endpoint.dane ~= nil);
			pause(ROUND);
			return count_rounds(faulty);
		end

		it("two with SRV records, though no key is known, and TLSA among them", function ()
			use_slow();
			assert.equal(2, rounds_to_first("tlsa.example", true));
			assert.same({ "_5269._tcp.xmpp.tlsa.example" }, asked(faulty, "TLSA"));
		end);

		it("one without: the proof that there are none says that there is no TLSA record either (RFC 8198)", function ()
			use_slow();
			assert.same({ 1, 1 }, { rounds_to_first("bare.example", false), rounds_to_first("bare-unsigned.example", false) });
			assert.same({}, asked(faulty, "TLSA"));
		end);

		it("two without when there is one, or NSEC3 leaves it open", function ()
			use_slow();
			assert.equal(2, rounds_to_first("fallback.example", true));
			assert.equal(2, rounds_to_first("bare-nsec3.example", false));
		end);

		it("none when all is cached", function ()
			use_slow();
			rounds_to_first("tlsa.example", true);
			rounds_to_first("fallback.example", true);
			assert.same({ 0, 0 }, { rounds_to_first("tlsa.example", true), rounds_to_first("fallback.example", true) });
		end);

		it("R19: two more behind an alias: libunbound asks for where it leads, and the TLSA records lie there", function ()
			use_slow();
			assert.equal(4, rounds_to_first("alias-both.example", true));
		end);
	end);
end);
