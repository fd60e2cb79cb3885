-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- What a packet says before it is validated, with real zones behind a server that keeps their keys, or forges.

local new_admission = require "xmppdns.plan.admission".new;
local planning = require "spec.support.planning";
local plans = require "xmppdns.plan.plan";
local process = require "spec.support.process";

local HOSTS = 10; -- that one plan asks about on the word of a packet
local OWNER = "_xmpp-server._tcp.secure.example";

local TLSA = "TLSA 3 1 1 " .. ("ab"):rep(32);
local wanted = {
	["secure.example"] = { records = "_xmpp-server._tcp SRV 1 0 5269 xmpp\n_xmpp-server._tcp SRV 2 0 5269 backup\nxmpp A 192.0.2.1\nxmpp AAAA 2001:db8::1\n"
		.. "backup A 192.0.2.2\n_5269._tcp.xmpp " .. TLSA };
	["plain.example"] = { signed = false, records = "_xmpp-server._tcp SRV 0 0 5269 xmpp\nxmpp A 192.0.2.1\nxmpp AAAA 2001:db8::1" };
	["evil.example"] = { signed = false, records = "* A 192.0.2.66" };
};

-- prefix: of the hosts' names; another one in each spec, for what one asked may still be under way in the next.
local function forge(prefix, count)
	local lines = {};
	for i = 1, count do lines[i] = ("%s. 300 IN SRV 0 0 5269 %s%d.evil.example."):format(OWNER, prefix, i); end
	return lines;
end

describe("xmppdns.plan.hint: 20.1, what a packet says before it is validated", function ()
	local here;

	setup(function () here = planning.start(wanted); end);
	teardown(function () here:stop(); end);
	before_each(function ()
		here:begin();
		here:use_faulty({ timeout = 60, attempts = 1 });
	end);
	after_each(function () here:finish(); end);

	local function is_asked(name, rdtype)
		return planning.asked(here.faulty, rdtype)[name] == true;
	end

	local function wait_until_asked(name, rdtype)
		assert(process.wait_until(function ()
			here.resolver:wait(0.01);
			return is_asked(name, rdtype);
		end, 60), "nobody has asked for " .. rdtype .. " of " .. name);
	end

	local function count_evil(prefix, rdtype)
		local count = 0;
		for name in pairs(planning.asked(here.faulty, rdtype)) do
			if name:find("^" .. prefix .. "%d+%.evil%.example$") then count = count + 1; end
		end
		return count;
	end

	-- Begins a plan; the result, once it has one, is in it.
	local function begin(domain, options)
		local run = { plan = assert(plans.new(here.resolver, domain, options)) };
		run.plan:next(function (endpoint, err) run.endpoint, run.err, run.is_done = endpoint, err, true; end);
		return run;
	end

	local function finish(run)
		here:wait_until(function () return run.is_done; end);
		return run.endpoint, run.err;
	end

	it("tells the hosts of the first priority, which are asked about while the zone's keys are missing; nothing is given out before they come", function ()
		local keys = here.faulty:rule({ type = "DNSKEY", name = "secure.example", hold = true });
		local run = begin("secure.example");
		wait_until_asked("xmpp.secure.example", "A");
		wait_until_asked("xmpp.secure.example", "AAAA");
		wait_until_asked("_5269._tcp.xmpp.secure.example", "TLSA");
		assert.same({ nil, false }, { run.is_done, is_asked("backup.secure.example", "A") });
		assert.is_nil(run.plan.ready);
		assert.is_nil(here.resolver:peek(OWNER, "SRV"));
		here.faulty:release(keys);
		local endpoint = finish(run);
		assert.same({ "xmpp.secure.example", true, "usable" }, { endpoint.host, endpoint.secure, endpoint.dane.verdict });
	end);

	it("of an unsigned domain does so while it is not proven to be one, and nobody asks for TLSA", function ()
		local proof = here.faulty:rule({ type = "DS", name = "plain.example", hold = true });
		local run = begin("plain.example");
		wait_until_asked("xmpp.plain.example", "A");
		assert.is_nil(run.plan.ready);
		here.faulty:release(proof);
		assert.same({ "xmpp.plain.example", false }, { finish(run).host, run.endpoint.secure });
		assert.same({}, planning.asked(here.faulty, "TLSA"));
	end);

	it("leads to no endpoint where it is forged, to questions about ten hosts at most, and to no word about them", function ()
		local records = {};
		for i = 1, HOSTS + 5 do records[i] = ("0 0 5269 h%d.evil.example."):format(i); end
		here.faulty:records(OWNER, "SRV", records);
		local told = {};
		function here.resolver.on_done(name) told[#told + 1] = name:match("evil"); end
		local endpoint, err = finish(begin("secure.example"));
		here.faulty:records(OWNER, "SRV", nil);
		assert.same({ nil, "bogus" }, { endpoint, err.code });
		assert.same({ HOSTS, 0 }, { count_evil("h", "A"), count_evil("_5269%._tcp%.h", "TLSA") });
		assert.same({}, told); -- who forges has no name of his choice in a log
	end);

	it("costs the plan nothing where what it names fails: it was no answer, and the right one follows", function ()
		here.faulty:rule({ name = "*.evil.example", fault = "refused" });
		here.faulty:rule({ name = OWNER, fault = { "unasked", "wrong_id" }, records = { answer = forge("f", HOSTS + 5) }, right_after = 0 });
		local run = begin("secure.example");
		assert.same({ "xmpp.secure.example", true }, { finish(run).host, run.endpoint.secure });
		assert.same({ 0, 2 }, { run.plan.failed, #run.plan.endpoints });
	end);

	it("20.4: is not listened to while other plans wait for a place", function ()
		local resolver = here.resolver;
		resolver.admission = new_admission(1, function (callback, argument) resolver:after(0, callback, argument); end, error);
		here.faulty:rule({ name = OWNER, fault = { "unasked", "wrong_id" }, records = { answer = forge("crowd", 5) }, right_after = 0 });
		local proof = here.faulty:rule({ type = "DS", name = "plain.example", hold = true });
		local runs = { begin("plain.example"), begin("secure.example"), begin("evil.example") };
		assert.is_true(resolver.admission:is_crowded());
		wait_until_asked("xmpp.plain.example", "A"); -- who came in before anybody waited listens
		here.faulty:release(proof);
		for _, run in ipairs(runs) do finish(run); end
		assert.same({ "xmpp.plain.example", "xmpp.secure.example" }, { runs[1].endpoint.host, runs[2].endpoint.host });
		assert.same({ 0, false }, { count_evil("crowd", "A"), resolver.admission:is_crowded() });
	end);

	it("is not listened to where nothing is validated, nor below a zone that is insecure by setting", function ()
		here.faulty:rule({ name = OWNER, fault = { "unasked", "wrong_id" }, records = { answer = forge("off", 5) }, right_after = 0 });
		assert.equal("xmpp.secure.example", finish(begin("secure.example", { dnssec = "off" })).host);
		here:use_faulty({ timeout = 60, attempts = 1, insecure = { "secure.example" } });
		assert.equal("xmpp.secure.example", finish(begin("secure.example")).host);
		assert.equal(0, count_evil("off", "A"));
	end);
end);
