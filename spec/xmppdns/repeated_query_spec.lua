-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- repeated_query against a DNS server that misbehaves on purpose: the seed's promises S10 to S38, each by its number, on the wire.

local misdns = require "spec.support.misdns";
local wait_until = require "spec.support.process".wait_until;
local xmppdns = require "xmppdns";
local zones = require "spec.support.zones";

local server;
local names = 0;

-- Names of its own for each case: no cache knows them.
local function fresh_name()
	names = names + 1;
	return ("s%d.seed.example"):format(names);
end

local function settings(extra)
	local all = { forward = server.forward, dnssec = "off", timeout = 2, reconfigure_interval = 0 };
	for key, value in pairs(extra or {}) do all[key] = value; end
	return all;
end

local IMPATIENT = { timeout = 0.3 }; -- where no answer comes

local function use_automatic(extra)
	assert(xmppdns.configure(settings(extra)));
	return assert(xmppdns.reconfigure_resolver());
end

local function new_fixed(extra)
	return assert(xmppdns.new(settings(extra)));
end

-- What was done for it: the counters that moved since before.
local function count(resolver)
	local stats = resolver:stats();
	return { attempts = stats.attempts, tcp = stats.tcp_attempts, probes = stats.probes, rebuilds = stats.rebuilds };
end

-- The transports over which the server was asked, in the order of their first use: libunbound repeats a question by itself, and goes on with it
-- for a while after it was given up.
local function wire(name)
	local steps = {};
	for _, query in ipairs(server:log(name)) do
		local step = query.transport .. (query.cd and " cd" or "");
		if not steps[step] then
			steps[step] = true;
			steps[#steps + 1] = step;
		end
	end
	return table.concat(steps, ", ");
end

local function query(name, options)
	return xmppdns.repeated_query(name, "A", options);
end

local function fault(name, kind, more)
	local rule = { name = name, fault = kind };
	for key, value in pairs(more or {}) do rule[key] = value; end
	return server:rule(rule);
end

-- As query does, with a fault that is over once the second attempt has begun.
local function query_until_second(name, resolver, kind)
	local rule = fault(name, kind);
	local before, result = resolver:stats().attempts, nil;
	xmppdns.repeated_query(name, "A", nil, function (...) result = { ... }; end);
	while not result do
		if rule and resolver:stats().attempts >= before + 2 then
			server:release(rule);
			rule = nil;
		end
		resolver:wait(0.05);
	end
	return result[1], result[2];
end

local function answerable_name()
	local name = fresh_name();
	server:records(name, "A", { "192.0.2.7" });
	return name;
end

local function addresses(answer, err)
	assert.is_nil(err);
	local list = {};
	for i, record in ipairs(answer) do list[i] = record.a; end
	return list;
end

setup(function () server = misdns.start(); end);
teardown(function () server:stop(); end);

describe("repeated_query with the number of attempts", function ()
	it("S10: raises for 0 and below, before any query", function ()
		local name = answerable_name();
		for _, attempts in ipairs({ 0, -1 }) do
			local ok, problem = pcall(query, name, { attempts = attempts, resolver = new_fixed() });
			assert.is_false(ok);
			assert.matches("query cannot succeed with non%-positive amount of attempts", problem);
		end
		assert.same("", wire(name));
	end);

	it("S31: makes 3 with the automatic resolver, else 2", function ()
		local silent = fresh_name();
		fault(silent, "silence");
		local resolver = use_automatic(IMPATIENT);
		local _, err = query(silent);
		assert.same({ "timeout", 3 }, { err.code, err.attempts });
		assert.same(3, count(resolver).attempts);
		_, err = query(silent, { resolver = new_fixed(IMPATIENT) });
		assert.same({ "timeout", 2 }, { err.code, err.attempts });
	end);
end);

describe("repeated_query with a fixed resolver", function ()
	local resolver;
	before_each(function () resolver = new_fixed(); end);
	after_each(function () resolver:close(); end);

	it("S11: gives the first good answer and touches no other resolver", function ()
		local automatic = use_automatic();
		local name = answerable_name();
		assert.same({ "192.0.2.7" }, addresses(query(name, { resolver = resolver })));
		assert.same({ attempts = 1, tcp = 0, probes = 0, rebuilds = 0 }, count(resolver));
		assert.same(0, automatic:stats().lookups);
		assert.same("udp", wire(name));
	end);

	it("S12, S13: runs in libunbound's thread, not in the caller's", function ()
		local result;
		xmppdns.repeated_query(answerable_name(), "A", { resolver = resolver }, function (answer) result = answer; end);
		assert.is_nil(result);
		repeat resolver:wait(1); until result;
		assert.same({ "192.0.2.7" }, addresses(result));
	end);

	it("S14: goes over TCP after silence over UDP", function ()
		local name = answerable_name();
		fault(name, "silence", { transport = "udp" });
		assert.same({ "192.0.2.7" }, addresses(query(name, { resolver = resolver })));
		assert.same({ attempts = 2, tcp = 1, probes = 0, rebuilds = 0 }, count(resolver));
		assert.same("udp, tcp", wire(name));
	end);

	it("S15: ends in timeout after exactly two attempts", function ()
		local name = fresh_name();
		fault(name, "silence");
		local impatient = new_fixed(IMPATIENT);
		local answer, err = query(name, { resolver = impatient });
		assert.is_nil(answer);
		assert.same("timeout", err.code);
		assert.same({ attempts = 2, tcp = 1, probes = 0, rebuilds = 0 }, count(impatient));
		server:wait_for_query(name, { transport = "tcp" });
		assert.same("udp, tcp", wire(name));
	end);

	it("S32: probes at the first SERVFAIL and rebuilds nothing", function ()
		local name = fresh_name();
		fault(name, "servfail");
		local _, err = query(name, { resolver = resolver });
		assert.same("servfail", err.code);
		assert.same({ attempts = 1, tcp = 0, probes = 1, rebuilds = 0 }, count(resolver));
		assert.same("udp, udp cd", wire(name));
	end);

	it("S33: takes the probe's silence as silence, and goes over TCP", function ()
		local name = answerable_name();
		fault(name, "servfail", { transport = "udp", cd = false });
		fault(name, "silence", { transport = "udp", cd = true });
		assert.same({ "192.0.2.7" }, addresses(query(name, { resolver = resolver })));
		assert.same({ attempts = 2, tcp = 1, probes = 1, rebuilds = 0 }, count(resolver));
		assert.same("udp, udp cd, tcp", wire(name));
	end);

	it("S34: asks with CD in a probe only", function ()
		local name = answerable_name();
		fault(name, "servfail", { transport = "udp", cd = false });
		query(name, { resolver = resolver });
		assert.same("udp, udp cd, tcp", wire(name));
		for _, entry in ipairs(server:log(name)) do assert.is_true(entry.rd); end
	end);

	it("needs two witnesses for bogus: SERVFAIL unless CD, over UDP and over TCP", function ()
		local name = answerable_name();
		fault(name, "servfail", { cd = false });
		local _, err = query(name, { resolver = resolver });
		assert.same("bogus", err.code);
		assert.same({ attempts = 2, tcp = 1, probes = 1, rebuilds = 0 }, count(resolver));
		assert.same("udp, udp cd, tcp", wire(name));
	end);
end);

describe("repeated_query with the automatic resolver", function ()
	local resolver;
	before_each(function () resolver = use_automatic(); end);

	it("S16: gives the first good answer and rebuilds nothing", function ()
		local name = answerable_name();
		assert.same({ "192.0.2.7" }, addresses(query(name)));
		assert.same({ attempts = 1, tcp = 0, probes = 0, rebuilds = 0 }, count(resolver));
	end);

	it("S17: rebuilds after silence, and asks over UDP again", function ()
		local name = answerable_name();
		assert.same({ "192.0.2.7" }, addresses(query_until_second(name, resolver, "silence")));
		assert.same({ attempts = 2, tcp = 0, probes = 0, rebuilds = 1 }, count(resolver));
		assert.same("udp", wire(name));
	end);

	it("S18: rebuilds after SERVFAIL, and asks again without a probe", function ()
		local name = answerable_name();
		local first = fresh_name();
		fault(first, "servfail");
		query(first, { attempts = 1 });
		local resends = server:tally(first).udp - server:tally(first).cd; -- libunbound's own, in one attempt
		local before = count(resolver);
		fault(name, "servfail", { times = resends });
		assert.same({ "192.0.2.7" }, addresses(query(name)));
		local after = count(resolver);
		assert.same({ 2, 0, 1 }, { after.attempts - before.attempts, after.probes - before.probes, after.rebuilds - before.rebuilds });
		assert.same("udp", wire(name));
	end);

	it("S19: goes over TCP after two silent attempts, with one rebuild", function ()
		local name = answerable_name();
		fault(name, "silence", { transport = "udp" });
		assert.same({ "192.0.2.7" }, addresses(query(name)));
		assert.same({ attempts = 3, tcp = 1, probes = 0, rebuilds = 1 }, count(resolver));
		assert.same("udp, tcp", wire(name));
	end);

	it("S20, S37: ends in timeout after exactly three", function ()
		resolver = use_automatic(IMPATIENT);
		local name = fresh_name();
		fault(name, "silence");
		local _, err = query(name);
		assert.same({ "timeout", 3 }, { err.code, err.attempts });
		assert.same({ attempts = 3, tcp = 1, probes = 0, rebuilds = 1 }, count(resolver));
	end);

	it("S21: behaves as a fixed one once it was set", function ()
		local fixed = new_fixed(IMPATIENT);
		xmppdns.set_resolver(fixed);
		local name = fresh_name();
		fault(name, "silence");
		local _, err = query(name);
		assert.same({ "timeout", 2 }, { err.code, err.attempts });
		assert.same({ attempts = 2, tcp = 1, probes = 0, rebuilds = 0 }, count(fixed));
		assert.equal(fixed, xmppdns.get_resolver());
	end);

	it("S26: ends in bogus when it gets SERVFAIL, and the probe an answer", function ()
		local name = answerable_name();
		fault(name, "servfail", { cd = false });
		local _, err = query(name);
		assert.same("bogus", err.code);
		assert.matches("DNSSEC validation failed", err.text);
		assert.same({ attempts = 3, tcp = 1, probes = 1, rebuilds = 1 }, count(resolver));
		assert.same("udp, udp cd, tcp", wire(name));
	end);

	it("S27: ends in bogus also when the probe finds no data", function ()
		local name = fresh_name();
		server:records(name, "A", {});
		fault(name, "servfail", { cd = false });
		local _, err = query(name);
		assert.same("bogus", err.code);
	end);

	it("S28: ends in bogus also when the probe finds no such name", function ()
		local name = fresh_name();
		fault(name, "servfail", { cd = false });
		fault(name, "nxdomain", { cd = true });
		local _, err = query(name);
		assert.same("bogus", err.code);
	end);

	it("S30: ends in servfail when the probe fails too", function ()
		local name = fresh_name();
		fault(name, "servfail");
		local _, err = query(name);
		assert.same("servfail", err.code);
		assert.same({ attempts = 2, tcp = 0, probes = 1, rebuilds = 1 }, count(resolver));
	end);

	it("S35: rebuilds at most once for one lookup", function ()
		resolver = use_automatic(IMPATIENT);
		local name = fresh_name();
		fault(name, "silence");
		local _, err = query(name, { attempts = 4 });
		assert.same({ "timeout", 4 }, { err.code, err.attempts });
		assert.same({ attempts = 4, tcp = 2, probes = 0, rebuilds = 1 }, count(resolver));
		assert.is_true(wait_until(function () return server:tally(name).udp >= 2 and server:tally(name).tcp >= 2; end));
	end);

	it("S36: with one attempt, rebuilds after silence, for the next", function ()
		resolver = use_automatic(IMPATIENT);
		local name = fresh_name();
		fault(name, "silence");
		local _, err = query(name, { attempts = 1 });
		assert.same("timeout", err.code);
		assert.same({ attempts = 1, tcp = 0, probes = 0, rebuilds = 1 }, count(resolver));
	end);

	it("S36: with one attempt, tells servfail from timeout by a probe", function ()
		local name = fresh_name();
		fault(name, "servfail");
		local _, err = query(name, { attempts = 1 });
		assert.same("servfail", err.code);
		assert.same({ attempts = 1, tcp = 0, probes = 1, rebuilds = 0 }, count(resolver));
	end);

	it("does not rebuild again within reconfigure_interval, but goes over TCP", function ()
		resolver = use_automatic({ reconfigure_interval = 60 });
		local first, second = answerable_name(), answerable_name();
		fault(second, "silence", { transport = "udp" });
		assert.same({ "192.0.2.7" }, addresses(query_until_second(first, resolver, "silence")));
		assert.same({ "192.0.2.7" }, addresses(query(second)));
		assert.same({ attempts = 4, tcp = 1, probes = 0, rebuilds = 1 }, count(resolver));
		assert.same("udp, tcp", wire(second));
	end);

	it("rebuilds once for a thousand lookups that fail together", function ()
		resolver = use_automatic({ reconfigure_interval = 60, timeout = 0.3 });
		fault("*.thousand.example", "silence");
		local outcomes = {};
		for i = 1, 1000 do
			xmppdns.repeated_query(("n%d.thousand.example"):format(i), "A", { attempts = 2 }, function (_, err)
				outcomes[err.code] = (outcomes[err.code] or 0) + 1;
			end);
		end
		while (outcomes.timeout or 0) < 1000 and resolver:wait(60) do end
		assert.same({ timeout = 1000 }, outcomes);
		assert.same(1, resolver:stats().rebuilds);
	end);
end);

describe("repeated_query", function ()
	local dns, resolver;

	setup(function ()
		dns = zones.serve({
			["signed.example"] = { records = "host A 192.0.2.8" },
			["unsigned.example"] = { records = "host A 192.0.2.9", signed = false },
		});
		resolver = assert(xmppdns.new(dns:settings()));
	end);
	teardown(function ()
		resolver:close();
		dns:stop();
	end);

	it("S22: ends in insecure, without a retry, where the answer must be secure and is not", function ()
		local _, err = query("host.unsigned.example", { resolver = resolver, require_secure = true });
		assert.same({ "insecure", 1 }, { err.code, err.attempts });
		assert.same(1, resolver:stats().attempts);
	end);

	it("S23: gives an answer that must be secure and is", function ()
		assert.same({ "192.0.2.8" }, addresses(query("host.signed.example", { resolver = resolver, require_secure = true })));
	end);

	it("S24: gives nil where there is no data, proven when it must be", function ()
		local answer, err = xmppdns.repeated_query("host.signed.example", "AAAA", { resolver = resolver, require_secure = true });
		assert.same({}, { answer, err });
	end);

	it("S25: gives nil where there is no such name, proven when it must be", function ()
		local answer, err = query("nobody.signed.example", { resolver = resolver, require_secure = true });
		assert.same({}, { answer, err });
	end);

	it("S66: does not believe an unproven denial where the answer must be secure", function ()
		for _, name in ipairs({ "nobody.unsigned.example", "unsigned.example" }) do
			local answer, err = query(name, { resolver = resolver, require_secure = true });
			assert.is_nil(answer);
			assert.same("insecure", err.code);
			answer, err = query(name, { resolver = resolver, require_secure = true, allow_insecure_denial = true });
			assert.same({}, { answer, err });
		end
	end);

	it("gives the empty answer when it is asked for it raw", function ()
		local answer = query("nobody.signed.example", { resolver = resolver, raw = true });
		assert.same({ 0, 3, true, true, "NXDomain" }, { #answer, answer.rcode, answer.nxdomain, answer.secure, answer.status });
	end);

	it("S29: takes an answer over TCP after SERVFAIL and silence", function ()
		local name = answerable_name();
		local automatic = use_automatic();
		fault(name, "servfail", { transport = "udp", times = 5 });
		fault(name, "silence", { transport = "udp" });
		assert.same({ "192.0.2.7" }, addresses(query(name)));
		assert.same({ attempts = 3, tcp = 1, probes = 0, rebuilds = 1 }, count(automatic));
		assert.same("udp, tcp", wire(name));
	end);

	it("S38: ends at once for a name that cannot be asked", function ()
		local automatic = use_automatic();
		local _, err = query("a..b");
		assert.same("name", err.code);
		assert.same(0, count(automatic).attempts);
	end);
end);
