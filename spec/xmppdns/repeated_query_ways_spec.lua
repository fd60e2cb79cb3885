-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- repeated_query in every way in which it can be asked: through the automatic, an overriding or a given resolver, with one to four attempts, where the
-- answer must be secure or need not be. The seed's numbers, on the wire.

local misdns = require "spec.support.misdns";
local socket = require "socket";
local xmppdns = require "xmppdns";
local zones = require "spec.support.zones";

local TIMEOUT = 3;  -- seconds an attempt: an answer that comes is there by then, on a busy machine too
local AT_ONCE = 48; -- lookups

local dns, server, parked;
local finished = {}; -- what became of each lookup, by its key

-- How many attempts are made, and how many of them over TCP, when each one's deadline passes.
local function tcp_after_silence(kind, attempts)
	return math.max(0, kind == "automatic" and attempts - 2 or attempts - 1);
end

-- Cases: numbers and sentence, rule, what the name is (zone, type), and what is expected of (kind, attempts, secure): the outcome, and the counters
-- { attempts, over TCP, probes, rebuilds }.
local cases = {
	{ "S11, S16, S23: gives the first good answer", zone = "signed", expect = function ()
		return "secure answer", { 1, 0, 0, 0 };
	end },
	{ "S22: ends in insecure, without a retry, only where it must be secure", zone = "plain", expect = function (_, _, secure)
		return secure and "insecure" or "answer", { 1, 0, 0, 0 };
	end },
	{ "S24: gives nil where there are no data", zone = "signed", type = "AAAA", expect = function ()
		return "nil", { 1, 0, 0, 0 };
	end },
	{ "S25, S66: gives nil where there is no such name, and insecure where that is not proven but must be", zone = "plain", rule = { fault = "nxdomain" };
		expect = function (_, _, secure)
			return secure and "insecure" or "nil", { 1, 0, 0, 0 };
		end };
	{ "S15, S20, S21, S35, S36, S37: ends in timeout after silence in all attempts", zone = "signed", rule = { fault = "silence" };
		expect = function (kind, attempts)
			return "timeout", { attempts, tcp_after_silence(kind, attempts), 0, kind == "automatic" and 1 or 0 };
		end };
	{ "S14, S19, S36: takes the answer over TCP after silence over UDP, where an attempt over TCP is left", zone = "signed";
		rule = { fault = "silence", transport = "udp" };
		expect = function (kind, attempts)
			local udp = kind == "automatic" and 2 or 1;
			local enough = attempts > udp;
			return enough and "secure answer" or "timeout", { math.min(attempts, udp + 1), enough and 1 or 0, 0, kind == "automatic" and 1 or 0 };
		end };
	{ "S18, S30, S32, S36: ends in servfail when the probe fails too", zone = "signed", rule = { fault = "servfail" };
		expect = function (kind, attempts)
			local rebuilds = kind == "automatic" and attempts > 1;
			return "servfail", { rebuilds and 2 or 1, 0, 1, rebuilds and 1 or 0 };
		end };
	{ "S26, S27, S28: ends in bogus when nothing is validated here and the probe is answered", zone = "signed", dnssec = "off";
		rule = { fault = "servfail", cd = false };
		expect = function (kind, attempts)
			local before = kind == "automatic" and attempts > 1 and 2 or 1;
			local witnesses = attempts > before;
			return "bogus", { before + (witnesses and 1 or 0), witnesses and 1 or 0, 1, before - 1 };
		end };
	{ "S33, S34: goes on after a silent probe as after silence", zone = "signed", dnssec = "off", rule = { fault = "servfail", cd = false };
		second_rule = { fault = "silence", cd = true, transport = "udp" };
		expect = function (kind, attempts) -- over TCP the probe is answered
			local before = kind == "automatic" and attempts > 1 and 2 or 1;
			if attempts == before then return "timeout", { attempts, 0, 1, kind == "automatic" and 1 or 0 }; end
			local witnesses = attempts > before + 1;
			return "bogus", { before + (witnesses and 2 or 1), witnesses and 2 or 1, 2, kind == "automatic" and 1 or 0 };
		end };
	{ "15.12: asks again after one FORMERR to EDNS, which makes all names of a cold context bogus", zone = "plain";
		rule = { fault = "formerr", edns = true, times = 1 };
		expect = function (kind, attempts, secure)
			if attempts == 1 then return "bogus", { 1, 0, 0, 0 }; end
			return secure and "insecure" or "answer", kind == "automatic" and { 2, 0, 0, 1 } or { 2, 1, 0, 0 };
		end };
	{ "15.12: asks again after one NOTIMP to EDNS, which makes all names of a cold context bogus", zone = "signed";
		rule = { fault = "notimp", edns = true, times = 1 };
		expect = function (kind, attempts)
			if attempts == 1 then return "bogus", { 1, 0, 0, 0 }; end
			return "secure answer", kind == "automatic" and { 2, 0, 0, 1 } or { 2, 1, 0, 0 };
		end };
};

local ways = {};
for _, kind in ipairs({ "automatic", "overriding", "given" }) do
	for attempts = 1, 4 do
		for _, secure in ipairs({ false, true }) do
			table.insert(ways, { kind = kind, attempts = attempts, secure = secure;
				text = ("%s resolver, attempts = %d%s"):format(kind, attempts, secure and ", require_secure" or "") });
		end
	end
end

local function new_settings(case)
	return dns:settings({ forward = server.forward, timeout = TIMEOUT, reconfigure_interval = 0, dnssec = case.dnssec });
end

-- The resolver for it, in place, and the options of the call.
local function prepare(case, way)
	xmppdns.set_resolver(parked); -- configure would rebuild the automatic one of the case before
	local options = { attempts = way.attempts, require_secure = way.secure };
	if way.kind == "automatic" then
		assert(xmppdns.configure(new_settings(case)));
		return assert(xmppdns.reconfigure_resolver()), options;
	end
	local resolver = assert(xmppdns.new(new_settings(case)));
	if way.kind == "overriding" then xmppdns.set_resolver(resolver); else options.resolver = resolver; end
	return resolver, options;
end

local function describe_result(answer, err)
	if err then return err.code; end
	return answer == nil and "nil" or (answer.secure and "secure " or "") .. "answer";
end

local function start(key, case, way)
	local name = ("%s.%s.example"):format(key, case.zone);
	for _, rule in pairs({ case.rule or false, case.second_rule or false }) do
		if rule then
			local named = { name = name };
			for field, value in pairs(rule) do named[field] = value; end
			server:rule(named);
		end
	end
	local resolver, options = prepare(case, way);
	local result = { calls = 0, resolver = resolver, name = name, options = options };
	xmppdns.repeated_query(name, case.type or "A", options, function (answer, err)
		result.calls = result.calls + 1;
		result.outcome = describe_result(answer, err);
		result.err = err;
	end);
	return result;
end

local function finish(result)
	local stats = result.resolver:stats();
	result.counters = { stats.attempts, stats.tcp_attempts, stats.probes, stats.rebuilds };
	result.resolver:close();
	result.tally = server:tally(result.name);
end

local function process_all(active)
	local resolvers = {};
	for i, result in ipairs(active) do resolvers[i] = result.resolver; end
	socket.select(resolvers, nil, 0.05);
	for i = #active, 1, -1 do
		active[i].resolver:process();
		if active[i].calls > 0 then finish(table.remove(active, i)); end
	end
end

local function key_of(case_place, way_place)
	return ("c%dw%d"):format(case_place, way_place);
end

local function run_all()
	local records = {};
	for case_place in ipairs(cases) do
		for way_place in ipairs(ways) do
			table.insert(records, ("%s A 192.0.2.7"):format(key_of(case_place, way_place)));
		end
	end
	dns = zones.serve({
		["signed.example"] = { records = table.concat(records, "\n") },
		["plain.example"] = { records = table.concat(records, "\n"), signed = false },
	});
	server = misdns.start({ upstream = dns.forward });
	parked = assert(xmppdns.new(dns:settings()));
	local active = {};
	for case_place, case in ipairs(cases) do
		for way_place, way in ipairs(ways) do
			while #active >= AT_ONCE do process_all(active); end
			local key = key_of(case_place, way_place);
			finished[key] = start(key, case, way);
			table.insert(active, finished[key]);
		end
	end
	while #active > 0 do process_all(active); end
	assert(xmppdns.configure({}));
	assert(xmppdns.reconfigure_resolver());
	parked:close();
end

describe("repeated_query", function ()
	setup(run_all);
	teardown(function ()
		server:stop();
		dns:stop();
	end);

	for case_place, case in ipairs(cases) do
		for way_place, way in ipairs(ways) do
			it(("%s (%s)"):format(case[1], way.text), function ()
				local result = finished[key_of(case_place, way_place)];
				local outcome, counters = case.expect(way.kind, way.attempts, way.secure);
				assert.same({ outcome, counters, 1 }, { result.outcome, result.counters, result.calls });
				if result.err then assert.same(counters[1], result.err.attempts); end
				local tally, over_tcp = result.tally, counters[2]; -- each attempt sends, whatever libunbound remembers of the one before
				assert.is_true(tally.tcp >= over_tcp and tally.udp >= counters[1] - over_tcp);
			end);
		end
	end

	it("S67: lets no other lookup of its resolver set CD while one is probed", function ()
		local resolver = assert(xmppdns.new(dns:settings({ forward = server.forward, timeout = 60, dnssec = "off" })));
		local asked, ended = {}, 0;
		local function ask(name)
			xmppdns.repeated_query(name, "A", { resolver = resolver }, function () ended = ended + 1; end);
		end
		server:rule({ name = "probed.signed.example", fault = "servfail", cd = false });
		local held = server:rule({ name = "probed.signed.example", cd = true, hold = true });
		ask("probed.signed.example");
		while resolver:stats().probes == 0 do resolver:wait(0.01); end
		for i = 1, 50 do
			asked[i] = ("beside%d.signed.example"):format(i);
			ask(asked[i]);
		end
		while ended < 50 do resolver:wait(1); end
		server:wait_for_query("probed.signed.example", { cd = true });
		server:release(held);
		while ended < 51 do resolver:wait(1); end
		assert.is_true(server:tally("probed.signed.example").cd > 0);
		for _, name in ipairs(asked) do
			local tally = server:tally(name);
			assert.same({ true, 0, 0 }, { tally.udp > 0, tally.tcp, tally.cd });
		end
		resolver:close();
	end);
end);
