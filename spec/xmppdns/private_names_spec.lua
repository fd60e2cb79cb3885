-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- Zones of one's own: those in which nothing is validated, and those that have servers of their own.

local check = require "xmppdns.check.command";
local dnsmasq = require "spec.support.dnsmasq";
local misdns = require "spec.support.misdns";
local process = require "spec.support.process";
local unbound = require "spec.support.unbound";
local xmppdns = require "xmppdns";
local zones = require "spec.support.zones";

local SRV = "_xmpp-server._tcp SRV 0 0 5269 xmpp\nxmpp A 127.5.5.5\n";
local TLSA = "_5269._tcp.xmpp TLSA 3 1 1 " .. ("ab"):rep(32);

local public, forwarder, router, private, resolver; -- forwarder: notes what public is asked

setup(function ()
	public = zones.serve({
		["good.example"] = { records = SRV .. TLSA };
		["broken.example"] = { records = SRV .. TLSA, fault = "signature" };
	});
	forwarder = misdns.start({ upstream = public.forward });
	router = dnsmasq.start({ "--local=/lan/", "--srv-host=_xmpp-server._tcp.lan,xmpp.lan,5269", "--host-record=xmpp.lan,127.5.5.5";
		"--host-record=own.good.example,127.5.5.6" }, public.forward);
	private = zones.serve({ ["corp"] = { records = "alias CNAME xmpp.dept" }, ["dept.corp"] = { records = SRV .. TLSA } });
end);
teardown(function ()
	private:stop();
	router.server:stop();
	forwarder:stop();
	public:stop();
end);
before_each(function () forwarder:clear(); end);
after_each(function ()
	if resolver then resolver:close(); end
	resolver = nil;
end);

local function new(extra)
	local settings = public:settings({ forward = forwarder.forward, timeout = 30 });
	for key, value in pairs(extra or {}) do settings[key] = value; end
	resolver = assert(xmppdns.new(settings));
	return resolver;
end

-- "secure 127.5.5.5", "insecure nothing", or the error's code.
local function look_up(name)
	local answer, err = xmppdns.repeated_query(name, "A", { resolver = resolver, raw = true });
	if not answer then return err.code; end
	return ("%s %s"):format(answer.secure and "secure" or "insecure", answer[1] and answer[1].a or "nothing");
end

-- "xmpp.good.example secure DANE"
local function plan(domain)
	local found = assert(xmppdns.endpoints(domain, { resolver = resolver }));
	if found.error then return found.error.code; end
	local first = found.endpoints[1];
	return ("%s %s%s"):format(first.host, first.secure and "secure" or "insecure", first.dane and " DANE" or "");
end

describe("private names: 17.1, the setting insecure", function ()
	it("lets a domain of broken DNSSEC be reached, as one that is not signed", function ()
		new();
		assert.same({ "bogus", "bogus" }, { look_up("xmpp.broken.example"), plan("broken.example") });
		resolver:close();
		new({ insecure = "broken.example" });
		assert.same({ "insecure 127.5.5.5", "xmpp.broken.example insecure" }, { look_up("xmpp.broken.example"), plan("broken.example") });
		assert.same("xmpp.good.example secure DANE", plan("good.example"));
	end);

	it("lets it be reached through a server that validates, and refuses to give what it finds forged", function ()
		local address = process.free_address();
		local port = process.free_port(address);
		local server = unbound.start(("\tinterface: %s@%d\n\ttrust-anchor-file: %q\n"):format(address, port, public.anchors), address, port,
			process.directory("private-validating"), public.forward);
		finally(function () server:stop(); end);
		local forward = ("%s@%d"):format(address, port);
		new({ forward = forward });
		assert.same({ "bogus", "secure 127.5.5.5" }, { look_up("xmpp.broken.example"), look_up("xmpp.good.example") });
		resolver:close();
		new({ forward = forward, insecure = { "broken.example", "good.example" } });
		assert.same({ "insecure 127.5.5.5", "xmpp.broken.example insecure" }, { look_up("xmpp.broken.example"), plan("broken.example") });
		assert.same("xmpp.good.example insecure", plan("good.example"));
	end);

	it("makes nothing secure below it, whatever signatures say: no TLSA record counts, and what must be secure fails", function ()
		new({ insecure = { "example" } });
		assert.same({ "insecure 127.5.5.5", "xmpp.good.example insecure" }, { look_up("xmpp.good.example"), plan("good.example") });
		resolver:close();
		new({ insecure = { "good.example" }, dnssec = "required" });
		assert.same({ "insecure", "insecure" }, { look_up("xmpp.good.example"), plan("good.example") });
	end);

	it("makes nothing secure by way of an alias either, where it has an anchor of its own", function ()
		local key = process.read(private.anchors):gsub("\n", "");
		local settings = { stub = { corp = private.forward }, trusted = { (key:gsub("^%.", "corp.")), (key:gsub("^%.", "dept.corp.")) } };
		new(settings);
		assert.same({ "secure 127.5.5.5", "secure 127.5.5.5" }, { look_up("xmpp.dept.corp"), look_up("alias.corp") });
		resolver:close();
		settings.insecure = "dept.corp";
		new(settings);
		assert.same({ "insecure 127.5.5.5", "insecure 127.5.5.5" }, { look_up("xmpp.dept.corp"), look_up("alias.corp") });
	end);

	it("is about whole labels", function ()
		new({ insecure = { "ood.example", "x.good.example" } });
		assert.same("xmpp.good.example secure DANE", plan("good.example"));
	end);
end);

-- Whether public was asked for the name or one below it.
local function has_leaked(name)
	for _, query in ipairs(forwarder:log()) do
		if ("." .. query.name):sub(-#name - 1) == "." .. name then return true; end
	end
	return false;
end

describe("private names: 17.2, a zone with servers of its own", function ()
	it("may have a resolver, which is asked for it and for nothing else", function ()
		new({ forward_zones = { lan = router.forward }, insecure = "lan" });
		assert.same({ "insecure 127.5.5.5", "insecure nothing", "xmpp.lan insecure" }, { look_up("xmpp.lan"), look_up("nobody.lan"), plan("lan") });
		assert.same({ "secure 127.5.5.5", false }, { look_up("xmpp.good.example"), has_leaked("lan") });
	end);

	for _, kind in ipairs({ "stub", "forward_zones" }) do
		it("may have several of them, and all are asked: " .. kind, function ()
			local servers = { misdns.start(), misdns.start() };
			finally(function ()
				for _, server in ipairs(servers) do server:stop(); end
			end);
			new({ [kind] = { corp = { servers[1].forward, servers[2].forward } }, dnssec = "off" });
			for _, server in ipairs(servers) do server:records("*.corp", "A", {}); end
			local number = 0;
			repeat
				number = number + 1;
				assert.equal("insecure nothing", look_up(("host%d.corp"):format(number)));
			until next(servers[1]:log()) and next(servers[2]:log()) or number == 200;
			assert.is_true(number < 200, "only one was asked");
		end);

		it("may lie in or below what libunbound has built in, whose other names it goes on answering itself: " .. kind, function ()
			local server = misdns.start();
			finally(function () server:stop(); end);
			local own = { "home.arpa", "corp.test", "localhost", "invalid", "a.b.onion", "internal", "1.10.in-addr.arpa", "168.192.in-addr.arpa", "8.e.f.ip6.arpa" };
			local settings, expected, found = { [kind] = {}, insecure = own }, {}, {};
			for i, zone in ipairs(own) do
				settings[kind][zone] = server.forward;
				server:records("host." .. zone, "A", { "127.7.7.7" });
				server:records(zone, "A", { "127.7.7.8" });
				expected[i] = zone .. ": insecure 127.7.7.7, insecure 127.7.7.8";
			end
			new(settings);
			for i, zone in ipairs(own) do found[i] = ("%s: %s, %s"):format(zone, look_up("host." .. zone), look_up(zone)); end
			assert.same(expected, found);
			assert.same({ "insecure nothing", "insecure nothing" }, { look_up("other.test"), look_up("1.2.10.in-addr.arpa") });
			assert.same({ false, false, false }, { has_leaked("test"), has_leaked("onion"), has_leaked("10.in-addr.arpa") });
		end);

		it("may be signed and have an anchor of its own, which the root's denial does not touch: " .. kind, function ()
			local anchor = process.read(private.anchors):gsub("^%.", "corp."):gsub("\n", "");
			new({ [kind] = { corp = private.forward }, trusted = anchor });
			assert.same({ "xmpp.dept.corp secure DANE", false }, { plan("dept.corp"), has_leaked("corp") });
			resolver:flush();
			for _, name in ipairs({ "coro", "corp", "corq" }) do -- the root says that there is nothing between example and itself
				local answer = assert(xmppdns.repeated_query(name, "DS", { resolver = resolver, raw = true }));
				assert.same({ true, true }, { answer.secure, answer.nxdomain });
			end
			assert.same({ "secure 127.5.5.5", "xmpp.dept.corp secure DANE" }, { look_up("xmpp.dept.corp"), plan("dept.corp") });
		end);
	end
end);

-- Why a lookup fails.
local function failure_of(name)
	local answer, err = xmppdns.repeated_query(name, "A", { resolver = resolver, raw = true });
	assert.is_nil(answer);
	return err.code .. ": " .. err.text;
end

describe("private names: 17.3, a bogus answer", function ()
	local CURE = "; if this zone is yours and unsigned: insecure = { \"%s\" }";

	it("names the setting where the server in use knows a top-level domain that the root does not", function ()
		new({ forward = router.forward });
		assert.matches("^bogus: .*" .. CURE:format("lan"):gsub("%p", "%%%0"), failure_of("xmpp.lan"));
		assert.matches(CURE:format("lan"), failure_of("nobody.lan"), 1, true); -- by what libunbound remembers
		assert.not_matches("insecure =", failure_of("xmpp.broken.example"), 1, true);
		assert.same("secure 127.5.5.5", look_up("xmpp.good.example"));
	end);

	it("names it also where that server has but the name, and passes on what the root says of its DS", function ()
		new();
		forwarder:records("host.office", "A", { "127.5.5.7" });
		assert.matches("^bogus: .*" .. CURE:format("office"):gsub("%p", "%%%0"), failure_of("host.office"));
		assert.is_true(has_leaked("office"));
	end);

	it("names it for a stub and for a forward zone, also where the zone above is signed", function ()
		for _, kind in ipairs({ "stub", "forward_zones" }) do
			new({ [kind] = { lan = router.forward, ["good.example"] = router.forward } });
			assert.matches("^bogus: .*" .. CURE:format("lan"):gsub("%p", "%%%0"), failure_of("xmpp.lan"));
			assert.matches("^bogus: .*" .. CURE:format("good.example"):gsub("%p", "%%%0"), failure_of("own.good.example"));
			resolver:close();
		end
		new({ stub = { lan = router.forward }, insecure = "lan" });
		assert.same("insecure 127.5.5.5", look_up("xmpp.lan"));
	end);

	it("does not name it for a top-level domain that has been seen to be there", function ()
		new();
		assert.is_true(assert(xmppdns.repeated_query("example", "DNSKEY", { resolver = resolver })).secure);
		assert(resolver:reconfigure()); -- libunbound knows it no more, we do
		forwarder:rule({ name = "example", type = "DS", fault = "nxdomain" });
		assert.not_matches("insecure =", failure_of("xmpp.good.example"), 1, true);
	end);
end);

describe("private names: 17.3, xmppdns-check", function ()
	-- Its output, with names for the servers, and its exit status.
	local function run(settings, ...)
		local written, all = {}, public:settings({ forward = forwarder.forward, timeout = 5 });
		local file = { write = function (_, text) written[#written + 1] = text; end };
		for key, value in pairs(settings) do all[key] = value; end
		local status = check.main({ ... }, { settings = all, out = file, err = file, unicode = false });
		return (table.concat(written):gsub(router.forward, "ROUTER"):gsub(private.forward, "PRIVATE")), status;
	end

	local DEAD = "127.0.0.1@9";

	it("looks at the servers of stubs and forward zones, each over UDP and TCP", function ()
		local output, status = run({ stub = { corp = private.forward }, forward_zones = { lan = router.forward }, insecure = { "corp", "lan" } });
		assert.matches("good: PRIVATE for corp answers over UDP and TCP", output, 1, true);
		assert.matches("good: ROUTER for lan answers over UDP and TCP", output, 1, true);
		assert.matches("good: insecure by your setting: corp, lan", output, 1, true);
		assert.equal(0, status);
	end);

	it("says which of them is dead", function ()
		local output, status = run({ forward_zones = { lan = { router.forward, DEAD } }, insecure = { "lan" } });
		assert.matches("good: ROUTER for lan answers over UDP and TCP", output, 1, true);
		assert.matches("problem: 127.0.0.1@9 for lan does not answer over UDP", output, 1, true);
		assert.matches("is it the right address", output, 1, true);
		assert.equal(1, status);
	end);

	it("names a stub's server that is a resolver, and the setting for it (17.2)", function ()
		local address = process.free_address();
		local at = ("%s@%d"):format(address, process.free_port(address));
		local lines = ("\tinterface: %s\n\tmodule-config: \"iterator\"\n"):format(at);
		local server = unbound.start(lines, address, tonumber(at:match("%d+$")), process.directory("private-unbound"), public.forward);
		finally(function () server:stop(); end);
		local output, status = run({ stub = { ["good.example"] = at } });
		output = output:gsub(at, "RESOLVER"):gsub("[%s|]+", " "); -- whatever the width
		assert.matches("problem: RESOLVER is a resolver, and does not have the zone good.example", output, 1, true);
		assert.matches("forward_zones = { [\"good.example\"] = \"RESOLVER\" } instead of stub", output, 1, true);
		assert.equal(1, status);
	end);

	it("says what to do about a domain that is one's own and unsigned", function ()
		local output, status = run({ forward = router.forward }, "lan");
		assert.matches("if this zone is yours and unsigned: insecure = { \"lan\" }", output, 1, true);
		assert.equal(1, status);
		output, status = run({ forward = router.forward, insecure = "lan" }, "--chain", "lan");
		assert.matches("lan: insecure by your setting\n", output, 1, true);
		assert.matches("SRV _xmpp-server._tcp.lan: insecure by your setting, TTL", output, 1, true);
		assert.equal(0, status);
	end);
end);

describe("private names: 17, the README's section", function ()
	local section = process.read("README.md"):match("\n(## Private names\n.-)\n## ");
	local servers; -- what stands in the place of its addresses

	-- A resolver of a company's: it knows corp.example, and forwards the rest.
	local function start_unbound(address, port)
		return unbound.start(([[
	interface: %s@%d
	module-config: "iterator"
	local-zone: "corp.example." static
	local-data: "_xmpp-server._tcp.corp.example. SRV 0 0 5269 xmpp.corp.example."
	local-data: "xmpp.corp.example. A 127.5.5.5"
]]):format(address, port), address, port, process.directory("private-company"), public.forward);
	end

	setup(function ()
		local address = process.free_address();
		local port = process.free_port(address);
		servers = { company = start_unbound(address, port), home = zones.serve({ ["home.arpa"] = { records = SRV, signed = false } }) };
		servers["10.0.0.53"], servers["10.0.0.54"] = ("%s@%d"):format(address, port), servers.home.forward;
	end);
	teardown(function ()
		servers.company:stop();
		servers.home:stop();
	end);

	it("is one look long", function ()
		assert.is_true(select(2, section:gsub("\n", "\n")) <= 25);
	end);

	-- The settings of the example in which the zone is.
	local function read_example(zone)
		for code in section:gmatch("```lua\n(.-)```") do
			local settings = code:find(zone, 1, true) and code:match("xmppdns = (%b{})");
			if settings then return load("return " .. settings:gsub("10%.0%.0%.5%d", servers))(); end
		end
	end

	for _, zone in ipairs({ "lan", "corp.example", "home.arpa" }) do
		it("has an example for which " .. zone .. " is found, and for which the failure without its insecure asks", function ()
			local settings = read_example(zone);
			if zone == "lan" then settings.forward = router.forward; end
			local insecure = settings.insecure;
			settings.insecure = nil;
			new(settings);
			assert.matches(('if this zone is yours and unsigned: insecure = { "%s" }'):format(zone), failure_of("xmpp." .. zone), 1, true);
			resolver:close();
			settings.insecure = insecure;
			new(settings);
			assert.same({ ("xmpp.%s insecure"):format(zone), "xmpp.good.example secure DANE" }, { plan(zone), plan("good.example") });
		end);
	end
end);
