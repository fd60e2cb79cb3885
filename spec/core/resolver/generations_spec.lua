-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- Generations of contexts: what passes from one to the next, and what does not when something else is believed from then on.

local core = require "xmppdns.core";
local misdns = require "spec.support.misdns";
local new = require "xmppdns.resolver".new;
local process = require "spec.support.process";
local zones = require "spec.support.zones";

local dns, server, resolver;

local function ask(name, options)
	local calls, answer, err = 0, nil, nil;
	resolver:query(name, "A", function (...)
		calls = calls + 1;
		answer, err = ...;
	end, options);
	while calls == 0 do assert.is_true(resolver:wait(60)); end
	return answer, err;
end

-- "secure 127.9.8.7", "insecure 127.9.8.7", or the error's code.
local function verdict(answer, err)
	if err then return err.code; end
	return (answer.secure and "secure " or "insecure ") .. (answer[1] and answer[1].a or "nothing");
end

local function settings(extra)
	local all = dns:settings({ timeout = 60, hoststxt = process.directory() .. "/generations.hosts" });
	for key, value in pairs(extra or {}) do all[key] = value; end
	return all;
end

local function write_hosts(text)
	process.write(process.directory() .. "/generations.hosts", text);
end

setup(function ()
	dns = zones.serve({ ["secure.example"] = { records = "@ A 127.9.8.7" }, ["bogus.example"] = { records = "@ A 127.9.8.7", fault = "signature" } });
	server = misdns.start({ upstream = dns.forward });
end);
teardown(function ()
	server:stop();
	dns:stop();
end);
before_each(function ()
	write_hosts("");
	resolver = assert(new(settings()));
end);
after_each(function () resolver:close(); end);

describe("generations: 15.4, a new trust", function ()
	local function other_anchors() -- the internet's
		return process.write(process.directory() .. "/generations.anchors",
			". IN DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D\n");
	end

	local function own_anchor() -- all zones of the run are signed by the same key
		return (process.read(dns.anchors):gsub("^%.", "secure.example."):gsub("\n", ""));
	end

	local changes = {
		{ "anchors", function () return { trustfile = other_anchors() }; end, "bogus" },
		{ "dnssec", function () return { dnssec = "off" }; end, "insecure 127.9.8.7" },
		{ "a stub", function () return { stub = { ["secure.example"] = server.forward } }; end, "secure 127.9.8.7" },
		{ "17.2: a forward zone", function () return { forward_zones = { ["secure.example"] = server.forward } }; end, "secure 127.9.8.7" },
		{ "an option", function () return { options = { ["val-permissive-mode:"] = "yes" } }; end, "secure 127.9.8.7" },
		{ "17.1: insecure", function () return { insecure = "secure.example" }; end, "insecure 127.9.8.7" },
		{ "17.1: insecure, also where an anchor of the zone's own says otherwise", function ()
			return { insecure = "example", trusted = own_anchor() };
		end, "insecure 127.9.8.7" },
		{ "a hosts file of other contents", function () write_hosts("192.0.2.1 secure.example\n"); end, "insecure 192.0.2.1" },
	};
	for _, change in ipairs(changes) do
		it("forgets what was known: " .. change[1], function ()
			local before = resolver:trust_epoch();
			assert.same("secure 127.9.8.7", verdict(ask("secure.example")));
			assert.is_table(resolver:peek("secure.example", "A"));
			local extra = change[2]();
			assert(resolver:reconfigure(extra and settings(extra)));
			assert.is_nil(resolver:peek("secure.example", "A"));
			assert.same(change[3], verdict(ask("secure.example")));
			assert.is_true(resolver:trust_epoch() > before);
			assert.same(resolver:trust_epoch(), resolver:stats().trust_epoch);
		end);
	end

	it("is none where only servers change, or nothing: what is known stays", function ()
		local before = resolver:trust_epoch();
		assert.same("secure 127.9.8.7", verdict(ask("secure.example")));
		assert(resolver:reconfigure());
		assert(resolver:reconfigure(settings()));
		assert(resolver:reconfigure(settings({ forward = server.forward, timeout = 50 })));
		local known = resolver:peek("secure.example", "A");
		assert.same({ before, "secure 127.9.8.7", true }, { resolver:trust_epoch(), verdict(known), known.from_cache });
	end);

	it("begins also with a rebuild after a failure, where files say something else than before", function ()
		resolver:close();
		resolver = assert(new(settings({ forward = server.forward, timeout = 3, reconfigure_interval = 0 })));
		assert.same("secure 127.9.8.7", verdict(ask("secure.example")));
		write_hosts("192.0.2.1 secure.example\n");
		server:rule({ name = "silent.example", fault = "silence" });
		local _, err = ask("silent.example", { automatic = true });
		assert.same("timeout", err.code);
		assert.same("insecure 192.0.2.1", verdict(ask("secure.example")));
	end);
end);

describe("generations: 15.4, lookups under way when a new trust begins", function ()
	local function local_data(address)
		return { forward = server.forward, dnssec = "off", timeout = 60, resolvconf = false, hoststxt = false;
			options = { ["local-data:"] = { ("host.example. 300 IN A %s"):format(address) } } };
	end

	it("are asked again, and joined by later ones", function ()
		resolver:close();
		resolver = assert(new(settings({ forward = server.forward })));
		server:rule({ name = "secure.example", type = "A", fault = "silence" });
		local verdicts = {};
		local function note(...) verdicts[#verdicts + 1] = verdict(...); end
		resolver:query("secure.example", "A", note);
		while server:tally("secure.example").udp == 0 do resolver:wait(0.01); end
		write_hosts("192.0.2.1 secure.example\n");
		assert(resolver:reconfigure());
		resolver:query("secure.example", "A", note);
		server:clear(); -- the old context's next packet is answered
		while #verdicts < 2 do assert.is_true(resolver:wait(60)); end
		assert.same({ "insecure 192.0.2.1", "insecure 192.0.2.1" }, verdicts);
		assert.same({ 2, 2 }, { resolver:stats().lookups, resolver:stats().outcomes.answered });
	end);

	-- Answered, with nothing fetched.
	local function complete(core_resolver, name)
		core_resolver:submit(name, "A", print, nil, true);
		local answered = core_resolver:stats().outcomes.answered;
		while core_resolver:stats().outcomes.answered == answered and not core_resolver:peek(name, "A") do
			core_resolver:poll(60);
			core_resolver:process();
		end
	end

	local function fetch(core_resolver)
		repeat
			core_resolver:process();
			local callback, answer, err = core_resolver:fetch();
			if callback then return verdict(answer, err); end
		until not core_resolver:poll(60);
	end

	it("are asked again when they are complete, and not handed out yet", function ()
		local core_resolver = assert(core.new_resolver(local_data("192.0.2.1")));
		complete(core_resolver, "host.example");
		assert.same(1, core_resolver:stats().outcomes.answered);
		assert(core_resolver:reconfigure(local_data("192.0.2.2")));
		assert.same("insecure 192.0.2.2", fetch(core_resolver));
		assert.same({ 1, 1 }, { core_resolver:stats().lookups, core_resolver:stats().outcomes.answered });
		complete(core_resolver, "host.example"); -- what was known already waits just the same
		assert(core_resolver:reconfigure(local_data("192.0.2.3")));
		assert.same("insecure 192.0.2.3", fetch(core_resolver));
		core_resolver:close();
	end);

	it("stay canceled", function ()
		local core_resolver = assert(core.new_resolver(local_data("192.0.2.1")));
		core_resolver:submit("host.example", "A", print):cancel();
		assert(core_resolver:reconfigure(local_data("192.0.2.2")));
		assert.same("canceled", fetch(core_resolver));
		core_resolver:close();
	end);

	it("end once each where there are many, in every stage", function ()
		local core_resolver = assert(core.new_resolver(local_data("192.0.2.1")));
		local ends = {};
		for i = 1, 300 do core_resolver:submit(("n%d.example"):format(i), "A", i); end
		for round = 1, 5 do
			core_resolver:process();
			core_resolver:fetch();
			assert(core_resolver:reconfigure(local_data("192.0.2." .. round)));
		end
		core_resolver:cancel();
		for callback in core_resolver.fetch, core_resolver do ends[callback] = (ends[callback] or 0) + 1; end
		for _, count in pairs(ends) do assert.same(1, count); end
		assert.same({ 0, 0 }, { core_resolver:stats().waiting, core_resolver:stats().in_flight });
		core_resolver:close();
	end);
end);

describe("generations: 15.4, other limits of the cache", function ()
	it("take effect: its size", function ()
		assert.same("secure 127.9.8.7", verdict(ask("secure.example")));
		assert(resolver:reconfigure(settings({ cache_size = 0 })));
		assert.is_nil(resolver:peek("secure.example", "A"));
		ask("secure.example");
		assert.is_nil(resolver:peek("secure.example", "A"));
		assert(resolver:reconfigure(settings()));
		ask("secure.example");
		assert.is_table(resolver:peek("secure.example", "A"));
	end);

	it("take effect: the longest TTL, also for what is there", function ()
		assert.same("secure 127.9.8.7", verdict(ask("secure.example")));
		assert.is_true(resolver:peek("secure.example", "A").ttl > 10);
		assert(resolver:reconfigure(settings({ max_ttl = 10 })));
		assert.is_true(resolver:peek("secure.example", "A").ttl <= 10);
	end);
end);
