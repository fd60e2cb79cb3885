-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- Plans against real zones, or behind a server that misbehaves on purpose.

local core = require "xmppdns.core";
local delays = require "xmppdns.plan.delays";
local planning = require "spec.support.planning";
local plans = require "xmppdns.plan.plan";
local socket = require "socket";

local list, asked = planning.list, planning.asked;

local wanted = {
	["plain.example"] = { signed = false, records = "_xmpp-server._tcp SRV 0 0 5269 xmpp\nxmpp A 192.0.2.1\nxmpp AAAA 2001:db8::1" };
	["secure.example"] = { records = "_xmpp-server._tcp SRV 0 0 5269 xmpp\nxmpp A 192.0.2.1\nxmpp AAAA 2001:db8::1\n@ A 192.0.2.99" };
	["bogus.example"] = { records = "_xmpp-server._tcp SRV 0 0 5269 xmpp\nxmpp A 192.0.2.1\n@ A 192.0.2.99", fault = "signature" };
	["bogus-aaaa.example"] = { records = "_xmpp-server._tcp SRV 0 0 5269 xmpp\nxmpp A 192.0.2.1\nxmpp AAAA 2001:db8::1";
		fault = "signature", fault_at = "xmpp AAAA" };
	["bogus-target.example"] = { fault = "signature", fault_at = "first A";
		records = "_xmpp-server._tcp SRV 0 0 5269 first\n_xmpp-server._tcp SRV 1 0 5269 second\nfirst A 192.0.2.1\nsecond A 192.0.2.2" };
	["mixed.example"] = { records = [[
_xmpp-server._tcp  SRV 10 0 5269 a
_xmpps-server._tcp SRV 20 0 5270 a
_xmpp-server._tcp  SRV 30 0 5269 b
_xmpps-server._tcp SRV 40 0 5270 b
a A 192.0.2.1
b A 192.0.2.2]] };
	["nosrv.example"] = { records = "@ A 192.0.2.3\n@ AAAA 2001:db8::3" };
	["cname.example"] = { records = "_xmpp-server._tcp SRV 0 0 5269 alias\nalias CNAME xmpp\nxmpp A 192.0.2.1" };
	["elsewhere.example"] = { records = [[
_xmpp-server._tcp SRV 0 0 5269 xmpp.plain.example.
_xmpp-server._tcp SRV 1 0 5269 xmpp.secure.example.]] };
	["groups.example"] = { records = [[
_xmpp-server._tcp SRV 0 9 5269 a
_xmpp-server._tcp SRV 0 0 5269 b
_xmpp-server._tcp SRV 1 0 5269 c
a A 192.0.2.1
b A 192.0.2.2
c A 192.0.2.3]] };
	["interleaved.example"] = { records = [[
_xmpp-server._tcp SRV 0 0 5269 xmpp
xmpp A 192.0.2.1
xmpp AAAA 2001:db8::1
xmpp AAAA 2001:db8::2]] };
	["moving.example"] = { ttl = 1, signed = false, records = "_xmpp-server._tcp SRV 0 0 5269 xmpp\nxmpp A 192.0.2.1" };
	["many.example"] = { signed = false, records = (function ()
		local lines = {};
		for i = 1, 40 do lines[i] = ("_xmpp-server._tcp SRV 0 0 5269 host%d\nhost%d A 192.0.2.%d"):format(i, i, i); end
		return table.concat(lines, "\n");
	end)() };
};

describe("xmppdns.plan.plan: a plan", function ()
	local here;

	setup(function () here = planning.start(wanted); end);
	teardown(function () here:stop(); end);
	before_each(function () here:begin(); end);
	after_each(function () here:finish(); end);

	describe("15.4, when a new trust begins while it is under way,", function ()
		local function change_trust()
			assert(here.resolver:reconfigure(here.dns:settings({ dnssec = "off", timeout = 20, attempts = 1 })));
		end

		it("gives no endpoint that the old one proved: the domain is asked again", function ()
			local plan = plans.new(here.resolver, "groups.example");
			local first = here:next(plan);
			assert.is_true(first.secure);
			change_trust();
			local given = {};
			for endpoint in function () return here:next(plan); end do
				given[#given + 1] = endpoint.host;
				assert.is_false(endpoint.secure);
			end
			assert.equal("c.groups.example", given[3]);
			table.sort(given); -- the first two are of one priority
			assert.same({ "a.groups.example", "b.groups.example", "c.groups.example" }, given);
			assert.is_false(plan.secure);
		end);

		it("does not mix: SRV records of one trust, addresses of another", function ()
			here:use_faulty({ timeout = 60, attempts = 1 });
			here.faulty:rule({ name = "xmpp.secure.example", fault = "silence" });
			local plan, endpoint = plans.new(here.resolver, "secure.example"), nil;
			plan:next(function (given) endpoint = given; end);
			here:wait_until(function () return plan.ready; end);
			assert.is_true(plan.secure);
			change_trust();
			here.faulty:clear();
			here:wait_until(function () return endpoint; end);
			assert.same({ false, false, "xmpp.secure.example" }, { plan.secure, endpoint.secure, endpoint.host });
		end);

		it("ends where there is nothing to ask but what it was given", function ()
			local plan = plans.new(here.resolver, "secure.example", { endpoint = { host = "groups.example", port = 5269, tls = "starttls" } });
			local ended, err;
			plan:next(function (endpoint, problem) ended, err = endpoint or "nothing", problem; end);
			change_trust();
			here:wait_until(function () return ended; end);
			assert.same({ "nothing", "canceled" }, { ended, err.code });
		end);
	end);

	it("names its endpoints with everything that dialling needs", function ()
		local endpoint = here:collect("secure.example").endpoints[1];
		assert.same({ "xmpp.secure.example", 5269, "xmpp-server", "starttls", 0, 0, { "2001:db8::1", "192.0.2.1" }, true, true }, {
			endpoint.host, endpoint.port, endpoint.service, endpoint.tls, endpoint.priority, endpoint.weight, endpoint.addresses;
			endpoint.secure, endpoint.srv_secure;
		});
	end);

	it("R2: tells a timeout, a refusal and a bogus answer from a denial", function ()
		here:use_faulty({ timeout = 3, attempts = 1 });
		here.faulty:rule({ name = "_xmpp-server._tcp.plain.example", fault = "silence" });
		assert.equal("timeout", here:collect("plain.example").error.code);
		here.faulty:clear();
		here.resolver:flush();
		here.faulty:rule({ name = "_xmpp-server._tcp.nosrv.example", fault = "refused" });
		assert.is_truthy(here:collect("nosrv.example").error);
		assert.equal("bogus", here:collect("bogus.example").error.code);
		assert.is_nil(here:collect("interleaved.example").error);
	end);

	it("R4: takes two round trips with SRV records, not more, though no key is known yet", function ()
		-- over UDP libunbound repeats a question after 376 ms, and it asks for a key again that data overtake
		here:use_faulty({ timeout = 20, options = { ["tcp-upstream"] = "yes" } });
		for _, rdtype in ipairs({ "DNSKEY", "DS" }) do here.faulty:rule({ type = rdtype, delay = 800 }); end
		here.faulty:rule({ delay = 1000 });
		local before = core.now();
		assert.same({ "xmpp.secure.example:5269 starttls: 2001:db8::1 192.0.2.1" }, list(here:collect("secure.example")));
		assert.is_true(core.now() - before < 2.9);
	end);

	it("asks nobody when all is cached", function ()
		here:use_faulty({ timeout = 20 });
		here:collect("secure.example");
		here.faulty:clear_log();
		assert.same({ "xmpp.secure.example:5269 starttls: 2001:db8::1 192.0.2.1" }, list(here:collect("secure.example")));
		assert.same({}, here.faulty:log());
	end);

	it("R15: does not use a target whose addresses are bogus, but the next", function ()
		local plan = here:collect("bogus-target.example");
		assert.same({
			"first.bogus-target.example:5269 starttls: bogus";
			"second.bogus-target.example:5269 starttls: 192.0.2.2";
		}, list(plan));
		assert.matches("^A of first%.bogus%-target%.example: bogus: ", plan.endpoints[1].error.text);
		assert.is_nil(plan.error);
	end);

	it("R15: uses the secure family when the other is bogus", function ()
		assert.same({ "xmpp.bogus-aaaa.example:5269 starttls: 192.0.2.1" }, list(here:collect("bogus-aaaa.example")));
	end);

	it("R17: follows a target that is a CNAME", function ()
		assert.same({ "alias.cname.example:5269 starttls: 192.0.2.1" }, list(here:collect("cname.example")));
	end);

	it("R30: keeps targets of different security in their order", function ()
		local plan = here:collect("elsewhere.example");
		assert.same({ false, true }, { plan.endpoints[1].secure, plan.endpoints[2].secure });
	end);

	it("R31: asks for the addresses of one priority at a time", function ()
		here:use_faulty({ timeout = 20 });
		local plan = assert(plans.new(here.resolver, "groups.example"));
		local first = here:next(plan);
		here:next(plan);
		assert.equal(0, first.priority);
		assert.is_nil(asked(here.faulty, "A")["c.groups.example"]);
		assert.is_false(plan:has_alternative());
		assert.equal("c.groups.example", here:next(plan).host);
		assert.is_true(asked(here.faulty, "A")["c.groups.example"]);
		assert.is_nil(here:next(plan));
		assert.is_nil(plan.error);
	end);

	it("R31: interleaves the families, IPv6 first", function ()
		here:collect("interleaved.example"); -- one family may have come long before the other
		local addresses = here:collect("interleaved.example").endpoints[1].addresses;
		assert.equal("192.0.2.1", addresses[2]);
		assert.same({ 3, "2001:db8::", "2001:db8::" }, { #addresses, addresses[1]:sub(1, -2), addresses[3]:sub(1, -2) });
	end);

	it("R31: does not ask for thousands of targets because a stranger names them", function ()
		here:use_faulty({ timeout = 20 });
		local plan = assert(plans.new(here.resolver, "many.example"));
		here:next(plan);
		local count = 0;
		for _ in pairs(asked(here.faulty, "A")) do count = count + 1; end
		assert.is_true(count <= 11);
	end);

	it("R32: shares no table between endpoints", function ()
		local endpoints = here:collect("mixed.example").endpoints;
		assert.not_equal(endpoints[1].addresses, endpoints[2].addresses);
	end);

	it("R35: asks again once the records have expired", function ()
		here:use_faulty({ timeout = 20 });
		assert.same({ "xmpp.moving.example:5269 starttls: 192.0.2.1" }, list(here:collect("moving.example")));
		here.faulty:records("xmpp.moving.example", "A", { "192.0.2.2" }, 1);
		local before = core.now();
		while core.now() - before < 2.2 do here.resolver:wait(0.2); end
		assert.same({ "xmpp.moving.example:5269 starttls: 192.0.2.2" }, list(here:collect("moving.example")));
	end);

	it("hands out an endpoint while the answers of the next are missing", function ()
		here:use_faulty({ timeout = 3, attempts = 1 });
		here.faulty:rule({ name = "b.groups.example", fault = "silence" });
		local plan = assert(plans.new(here.resolver, "groups.example", { rng = function () return 1; end }));
		assert.equal("a.groups.example", here:next(plan).host);
		assert.is_true(here.resolver:stats().in_flight > 0);
		assert.is_true(plan:has_alternative());
		assert.equal("c.groups.example", here:next(plan).host);
		assert.equal("timeout", plan.endpoints[2].error.code);
	end);

	it("S69: ends at its deadline: what has its answers is handed out, the rest is a timeout", function ()
		here:use_faulty({ timeout = 300, attempts = 1, plan_timeout = 3 }); -- the minute that we wait would be over before the lookups
		here.faulty:rule({ name = "first.bogus-target.example", fault = "silence" });
		local plan = here:collect("bogus-target.example");
		assert.equal("timeout", plan.endpoints[1].error.code);
		assert.matches("^AA?A?A? of first%.bogus%-target%.example: timeout: ", plan.endpoints[1].error.text);
		here.faulty:rule({ name = "_xmpp-server._tcp.nosrv.example", fault = "silence" });
		plan = here:collect("nosrv.example");
		assert.same({ "timeout", 0 }, { plan.error.code, #plan.endpoints });
	end);

	it("counts for its deadline only the time for which somebody waits", function ()
		here:use_faulty({ timeout = 20, plan_timeout = 3 });
		local plan = assert(plans.new(here.resolver, "mixed.example"));
		local hosts = {};
		for i = 1, 4 do
			hosts[i] = here:next(plan).host;
			local before = core.now();
			while core.now() - before < 1 do here.resolver:wait(0.1); end
		end
		assert.same({ "a.mixed.example", "a.mixed.example", "b.mixed.example", "b.mixed.example" }, hosts);
	end);

	it("gives nil to whoever waits when it is closed, and asks nothing more", function ()
		here:use_faulty({ timeout = 1, attempts = 1 });
		here.faulty:rule({ fault = "silence" });
		local plan = assert(plans.new(here.resolver, "secure.example"));
		local given = {};
		plan:next(function (endpoint) given[#given + 1] = endpoint or "nil"; end);
		plan:close();
		plan:close();
		local attempts = here.resolver:stats().attempts;
		plan:next(function (endpoint) given[#given + 1] = endpoint or "nil"; end);
		assert.same({ "nil", "nil" }, given);
		assert.equal("canceled", plan.error.code);
		while here.resolver:stats().in_flight > 0 do here.resolver:wait(60); end
		assert.equal(attempts, here.resolver:stats().attempts);
	end);

	it("fails as canceled when its resolver is closed", function ()
		here:use_faulty({ timeout = 20 });
		here.faulty:rule({ fault = "silence" });
		local plan = assert(plans.new(here.resolver, "secure.example"));
		local given = {};
		plan:next(function (endpoint) given[#given + 1] = endpoint or "nil"; end);
		here.resolver:close();
		plan:next(function (endpoint) given[#given + 1] = endpoint or "nil"; end);
		assert.same({ "nil", "nil" }, given);
		assert.equal("canceled", plan.error.code);
	end);

	it("goes on after a callback that raises", function ()
		local problems = {};
		function here.resolver.on_error(problem) problems[#problems + 1] = tostring(problem); end
		local plan = assert(plans.new(here.resolver, "groups.example"));
		local raised;
		plan:next(function ()
			raised = true;
			error("a caller's mistake");
		end);
		while not raised do here.resolver:wait(60); end
		assert.is_truthy(here:next(plan));
		assert.equal(1, #problems);
	end);

	it("calls each caller once, in order, when several ask at the same time", function ()
		local plan = assert(plans.new(here.resolver, "mixed.example"));
		local given, count = {}, 0;
		for i = 1, 6 do
			plan:next(function (endpoint)
				given[i] = endpoint and endpoint.port or false;
				count = count + 1;
			end);
		end
		while count < 6 do here.resolver:wait(60); end
		assert.same({ 5269, 5270, 5269, 5270, false, false }, given);
	end);

	-- What an outcome says, without the times.
	local function evidence(found)
		return { found.name, found.rdtype, found.dnssec, #found.records, found.canonname or "no alias", found.error and found.error.code or "no error" };
	end

	it("keeps how every question ended: what was asked, its security, alias and error (issue 14)", function ()
		local plan = here:collect("bogus-aaaa.example");
		local one = plan.endpoints[1];
		assert.same({ "_xmpps-server._tcp.bogus-aaaa.example", "SRV", "secure", 0, "no alias", "no error" }, evidence(plan.srv["xmpps-server"]));
		assert.same({ "absent", "data" }, { plan.srv["xmpps-server"].state, plan.srv["xmpp-server"].state });
		assert.same({ "xmpp.bogus-aaaa.example", "AAAA", "bogus", 0, "no alias", "bogus" }, evidence(one.outcomes.AAAA));
		assert.same({ "xmpp.bogus-aaaa.example", "A", "secure", 1, "no alias", "no error" }, evidence(one.outcomes.A));
		assert.same({ "_5269._tcp.xmpp.bogus-aaaa.example", "TLSA", "secure", 0, "no alias", "no error" }, evidence(one.tlsa[one.host]));
		one = here:collect("plain.example").endpoints[1];
		assert.same({ { "xmpp.plain.example", "A", "insecure", 1, "no alias", "no error" }, {} }, { evidence(one.outcomes.A), one.tlsa });
		one = here:collect("cname.example").endpoints[1];
		assert.same({ "alias.cname.example", "A", "secure", 1, "xmpp.cname.example", "no error" }, evidence(one.outcomes.A));
	end);

	it("keeps when it asked, and the TTL of what came (issue 14)", function ()
		local before, plan = os.time(), here:collect("secure.example");
		for _, found in ipairs({ plan.srv["xmpp-server"], plan.srv["xmpps-server"], plan.endpoints[1].outcomes.A }) do
			assert.is_true(found.ttl > 0 and found.ttl <= 300);
			assert.is_true(found.asked >= before and found.asked <= os.time());
		end
	end);

	it("asks for no keys where what they would prove is known (issue 20, 20.3)", function ()
		here:collect("secure.example");
		for _, name in ipairs({ ".", "example", "secure.example" }) do here.resolver.core:flush(name); end
		local lookups = {};
		function here.resolver.on_done(name, rdtype) lookups[#lookups + 1] = ("%s %s"):format(rdtype, name); end
		local one = here:collect("secure.example").endpoints[1];
		assert.is_true(one.secure);
		table.sort(lookups);
		assert.same({ "A xmpp.secure.example", "AAAA xmpp.secure.example", "SRV _xmpp-server._tcp.secure.example", "SRV _xmpps-server._tcp.secure.example",
			"TLSA _5269._tcp.xmpp.secure.example" }, lookups);
	end);

	it("is collected with the answers about addresses for which no endpoint waits any more (issue 14)", function ()
		here:use_faulty({ timeout = 10 });
		here.faulty:rule({ name = "xmpp.plain.example", type = "AAAA", delay = 500 });
		local one = here:collect("plain.example", { dane = "required" }).endpoints[1];
		assert.same({ "insecure", "insecure", "insecure" }, { one.error.code, one.outcomes.A.dnssec, one.outcomes.AAAA.dnssec });
	end);
end);

describe("xmppdns.plan.plan: more plans than begin side by side", function ()
	local PLANS_AT_ONCE = 100;
	local here;

	setup(function () here = planning.start({ ["plain.example"] = wanted["plain.example"] }); end);
	teardown(function () here:stop(); end);
	before_each(function ()
		here:begin();
		here:use_faulty({ timeout = 20 });
	end);
	after_each(function () here:finish(); end);

	-- Starts that many plans, for domains that do not exist; gives the list of those that have ended.
	local function start(count, prefix)
		local ended, started = {}, {};
		for i = 1, count do
			started[i] = plans.new(here.resolver, ("%s%d.example"):format(prefix, i));
			started[i]:next(function () ended[#ended + 1] = i; end);
		end
		return ended, started;
	end

	-- When each domain was asked for first, in order.
	local function first_asked()
		local known, times = {}, {};
		for _, question in ipairs(here.faulty:log()) do
			local domain = question.type == "SRV" and question.name:match("_tcp%.(.*)");
			if domain and not known[domain] then
				known[domain] = true;
				times[#times + 1] = question.time;
			end
		end
		return times;
	end

	it("all end, in the order in which they were started", function ()
		local ended = start(3 * PLANS_AT_ONCE, "quick");
		while #ended < 3 * PLANS_AT_ONCE do assert.is_true(here.resolver:wait(60)); end
		assert.same(3 * PLANS_AT_ONCE, #ended);
		local late = 0;
		for place, i in ipairs(ended) do late = math.max(late, i - place); end
		assert.is_true(late <= PLANS_AT_ONCE);
	end);

	it("wait while the first ones wait for answers, but not for those of a slow server", function ()
		here.faulty:rule({ fault = "silence" });
		local started = socket.gettime();
		start(PLANS_AT_ONCE + 10, "slow"); -- not so many that lookups wait
		while #first_asked() < PLANS_AT_ONCE + 10 do assert.is_true(here.resolver:wait(60)); end
		local times = first_asked();
		assert.same(PLANS_AT_ONCE + 10, #times);
		assert.is_true(times[PLANS_AT_ONCE + 1] - started >= delays.slow);
	end);

	it("are begun without waiting when their services are known", function ()
		local plan = plans.new(here.resolver, "plain.example");
		local known;
		plan:next(function (endpoint) known = endpoint; end);
		while not known do here.resolver:wait(60); end
		here.faulty:rule({ fault = "silence" });
		start(2 * PLANS_AT_ONCE, "slow");
		local again;
		plans.new(here.resolver, "plain.example"):next(function (endpoint) again = endpoint; end);
		assert.same(known.addresses, again and again.addresses);
	end);

	it("20.2: ask nobody for the domain's own addresses where its services are known, begun within a callback too", function ()
		for _, name in ipairs({ "_xmpp-server._tcp.plain.example", "_xmpps-server._tcp.plain.example" }) do
			local known = false;
			here.resolver:query(name, "SRV", function () known = true; end);
			while not known do assert.is_true(here.resolver:wait(60)); end
		end
		here.faulty:clear_log();
		local found;
		here.resolver:after(0, function ()
			plans.new(here.resolver, "plain.example"):next(function (endpoint) found = endpoint; end);
		end);
		while not found do assert.is_true(here.resolver:wait(60)); end
		assert.same({ nil, nil }, { asked(here.faulty, "A")["plain.example"], asked(here.faulty, "AAAA")["plain.example"] });
		assert.is_true(asked(here.faulty, "A")["xmpp.plain.example"]);
	end);

	it("end when they are closed while they wait, and when the resolver is", function ()
		here.faulty:rule({ fault = "silence" });
		local ended, started = start(3 * PLANS_AT_ONCE, "closed");
		started[2 * PLANS_AT_ONCE]:close();
		assert.same({ 2 * PLANS_AT_ONCE }, ended);
		here.resolver:close();
		assert.same(3 * PLANS_AT_ONCE, #ended);
	end);

	it("end in the order of their deadlines when nobody answers, with one lookup at a time and no cache", function ()
		here:use_faulty({ timeout = 300, max_lookups = 1, cache_size = 0 }); -- as above
		here.faulty:rule({ fault = "silence" });
		local ended = {};
		for i = 1, 3 * PLANS_AT_ONCE do
			local plan = plans.new(here.resolver, ("storm%d.example"):format(i), { plan_timeout = 0.5 + i * 37 % 100 / 100 });
			local one, time_left = { not_before = core.now() + plan.time_left }, plan.time_left;
			plan:next(function (endpoint, err)
				one.endpoint, one.code = endpoint, err.code;
				ended[#ended + 1] = one;
			end);
			one.at_latest = core.now() + time_left;
		end
		while #ended < 3 * PLANS_AT_ONCE do assert.is_true(here.resolver:wait(60)); end
		local now = 0; -- at least
		for i, one in ipairs(ended) do
			assert.same({ nil, "timeout" }, { one.endpoint, one.code });
			now = math.max(now, one.not_before);
			assert.is_true(one.at_latest >= now, i);
		end
	end);

	it("end at their deadline while they wait", function ()
		here.faulty:rule({ fault = "silence" });
		start(PLANS_AT_ONCE, "before");
		local plan, ended = plans.new(here.resolver, "late.example", { plan_timeout = 0.1 }), nil;
		plan:next(function (...) ended = { ... }; end);
		while not ended do assert.is_true(here.resolver:wait(60)); end
		assert.same({ nil, plan.error }, ended);
		assert.same("timeout", plan.error.code);
	end);

	it("take less than 512 bytes each while they wait", function ()
		local COUNT = 4000;
		local function ignore() end
		local domains, query_options = {}, {};
		for i = 1, PLANS_AT_ONCE + COUNT do domains[i] = ("waiting%d.example"):format(i); end
		local function plan_all(first, last)
			for i = first, last do plans.new(here.resolver, domains[i], nil, query_options):next(ignore); end
			collectgarbage();
			collectgarbage();
			return collectgarbage("count") * 1024;
		end
		here.faulty:rule({ fault = "silence" });
		local before = plan_all(1, PLANS_AT_ONCE);
		local size = (plan_all(PLANS_AT_ONCE + 1, PLANS_AT_ONCE + COUNT) - before) / COUNT;
		assert.is_true(size < 512, size);
	end);
end);
