-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- The plugin: with a stand-in for Prosody where no server is needed, and inside a real one.

local certificates = require "spec.support.certificates";
local hostile = require "spec.support.hostile";
local made_by_prosody = require "spec.support.prosody_resolvers";
local misdns = require "spec.support.misdns";
local process = require "spec.support.process";
local prosody = require "spec.support.prosody";
local prosody_util = require "spec.support.prosody_util";
local xmppdns = require "xmppdns";
local zones = require "spec.support.zones";

for _, name in ipairs({ "async", "cache", "dns", "encodings", "error", "hashes", "jid", "logger", "promise", "stanza", "x509" }) do
	prosody_util(name);
end

local PLUGIN = "mod_xmppdns/mod_xmppdns.lua";

local current; -- the stand-in that what the library required once belongs to

local function provide(name, module)
	package.loaded[name], package.loaded["prosody."..name] = module, module;
end

local captured = { ["net.server"] = true, ["core.configmanager"] = true };
for name in pairs(captured) do
	provide(name, setmetatable({}, { __index = function (_, key) return current.modules[name][key]; end }));
end

-- A Prosody of tables: options, log (lines), hooks, watched (descriptors), and the modules that the plugin changes.
local function new_prosody(version, options, change)
	local stand_in = {
		options = options, log = {}, hooks = {}, handlers = {}, timers = {}, gauges = {}, watched = {}, shared = {};
		start_time = 1, hosts = { ["one.test"] = {} };
	};
	stand_in.paths = { data = process.directory("stand-in") };
	stand_in.modules = {
		["net.server"] = { watchfd = function (fd, on_readable)
			stand_in.watched[fd] = on_readable;
			return { close = function () stand_in.watched[fd] = nil; end };
		end };
		["net.adns"] = { lookup = "stock", resolver = "stock", dns = "stock" };
		["net.resolvers.service"] = { new = function (hostname, service, _, extra) return made_by_prosody.service(hostname, service, extra); end };
		["net.resolvers.chain"] = { new = function () return "stock"; end };
		["core.configmanager"] = {
			rawget = function (host, name)
				return host == "*" and stand_in.options[name] or stand_in.options[host] and stand_in.options[host][name] or nil;
			end;
			getconfig = function () return { ["*"] = stand_in.options }; end;
		};
		["net.connect"] = { connect = function (resolver)
			resolver:next(version == 13 and function (_, _, _, _, _) end or function (_, _, _, _) end); -- luacheck: ignore 212
		end };
		["core.features"] = { available = { contains = function (_, name)
			return version == 13 and name == "s2sout-pre-connect-event";
		end } };
	};
	for name, value in pairs(change or {}) do stand_in[name] = value; end
	current = stand_in;
	for name, module in pairs(stand_in.modules) do
		if not captured[name] then provide(name, module); end
	end
	return stand_in;
end

-- stand_in.hooks[event](...) calls the handlers by their priorities.
local function add_hook(stand_in, event, handler, priority)
	local handlers = stand_in.handlers[event] or {};
	stand_in.handlers[event] = handlers;
	table.insert(handlers, { handler = handler, priority = priority or 0 });
	table.sort(handlers, function (a, b) return a.priority > b.priority; end);
	stand_in.hooks[event] = function (...)
		for _, one in ipairs(handlers) do
			local result = one.handler(...);
			if result ~= nil then return result; end
		end
	end
end

local function new_module(stand_in)
	local module = {};
	function module.set_global() end
	function module.shared(_, path)
		stand_in.shared[path] = stand_in.shared[path] or {};
		return stand_in.shared[path];
	end
	function module.add_item() end
	function module.add_timer(_, _, callback) stand_in.timers[#stand_in.timers + 1] = callback; end
	function module.metric(_, _, name)
		local metric = { add = function () end, sample = function () end, set = function (_, value) stand_in.gauges[name] = value; end };
		return { with_labels = function () return metric; end };
	end
	function module.get_option(_, name, default)
		local value = stand_in.options[name];
		if value == nil then return default; end
		return value;
	end
	module.get_option_boolean = module.get_option;
	function module.hook(_, event, handler, priority) add_hook(stand_in, event, handler, priority); end
	function module.context() return module; end
	function module.log(_, level, text, ...)
		if level == "debug" then return; end
		stand_in.log[#stand_in.log + 1] = level..": "..text:format(...);
	end
	return module;
end

-- Loads the plugin into it: its module.
local function load_plugin(stand_in)
	local module = new_module(stand_in);
	local env = setmetatable({
		module = module, prosody = stand_in;
		require = function (name)
			if stand_in.broken == name then error(stand_in.broken_because, 0); end
			return require(name);
		end;
	}, { __index = _G });
	local chunk;
	if setfenv then -- luacheck: ignore 113
		chunk = setfenv(assert(loadfile(PLUGIN)), env); -- luacheck: ignore 113
	else
		chunk = assert(loadfile(PLUGIN, "t", env));
	end
	chunk();
	return module;
end

local function snapshot(stand_in)
	local adns = stand_in.modules["net.adns"];
	return { adns.lookup, adns.resolver, adns.dns, adns.cancel, stand_in.modules["net.resolvers.service"].new, stand_in.modules["net.resolvers.chain"].new };
end

local function count(t)
	local n = 0;
	for _ in pairs(t) do n = n + 1; end
	return n;
end

describe("mod_xmppdns", function ()
	local dns, faulty;

	setup(function ()
		dns = zones.serve({
			["secure.example"] = { records = "_xmpp-server._tcp SRV 0 0 5269 xmpp\nxmpp A 192.0.2.1" };
			["bogus.example"] = { records = "_xmpp-server._tcp SRV 0 0 5269 xmpp\nxmpp A 127.0.0.1\n@ A 127.0.0.1", fault = "signature" };
		});
		faulty = misdns.start({ upstream = dns.forward });
	end);

	teardown(function ()
		faulty:stop();
		dns:stop();
	end);

	before_each(function ()
		faulty:clear();
	end);

	describe("with a stand-in for Prosody", function ()
		local stand_in;

		-- Lets the resolver work until f() gives something true.
		local function run_until(f)
			for _ = 1, 600 do
				if f() then return; end
				local on_readable = select(2, next(stand_in.watched));
				if on_readable then on_readable(); end
				process.wait_until(function () return false; end, 0.02);
			end
			error("nothing came", 2);
		end

		after_each(function ()
			xmppdns.reconfigure_resolver();
		end);

		for _, version in ipairs({ 12, 13 }) do
			it("puts itself in place on Prosody "..version.." and takes everything back when unloaded", function ()
				stand_in = new_prosody(version, { xmppdns = dns:settings() });
				local before = snapshot(stand_in);
				local module = load_plugin(stand_in);
				local during = snapshot(stand_in);
				for i = 1, 3 do assert.not_equal(before[i], during[i]); end
				assert.equal(version == 13, before[5] == during[5]);
				assert.equal(version == 13, before[6] == during[6]);
				assert.equal(1, count(stand_in.watched));
				module.unload();
				assert.same(before, snapshot(stand_in));
				assert.same({}, stand_in.watched);
			end);
		end

		it("says at the start which libunbound, which upstream and which anchors", function ()
			stand_in = new_prosody(12, { xmppdns = dns:settings() });
			load_plugin(stand_in);
			local tag = stand_in.log[1]:match("DNSKEY (%d+)");
			assert.same({ ("info: DNS through libunbound %s, asking %s; DNSSEC opportunistic, trust anchors: %s (. DNSKEY %s)"):format(
				xmppdns.version().libunbound, dns.forward, dns.anchors, tag) }, stand_in.log);
		end);

		it("makes no resolver before the server has started", function ()
			stand_in = new_prosody(12, { xmppdns = dns:settings() });
			stand_in.start_time = nil;
			load_plugin(stand_in);
			assert.same({ 0, 0 }, { count(stand_in.watched), #stand_in.log });
			stand_in.hooks["server-started"]();
			assert.same({ 1, 1 }, { count(stand_in.watched), #stand_in.log });
		end);

		it("takes Prosody's own option unbound when it has none", function ()
			stand_in = new_prosody(12, { unbound = dns:settings() });
			load_plugin(stand_in);
			assert.matches("asking "..dns.forward:gsub("%p", "%%%0"), stand_in.log[1]);
		end);

		it("leaves everything to Prosody, with one line of error, when the library cannot be loaded", function ()
			stand_in = new_prosody(12, {}, { broken = "xmppdns.prosody.plugin", broken_because = "error loading module 'xmppdns.core':\n\tfile too short" });
			local before = snapshot(stand_in);
			load_plugin(stand_in);
			assert.same({ "error: Cannot load the xmppdns library: error loading module 'xmppdns.core':; file too short "
				.."(prosodyctl mod_xmppdns check says more); Prosody goes on with its own resolver" }, stand_in.log);
			assert.same(before, snapshot(stand_in));
		end);

		it("leaves everything to Prosody, and names the option, when a setting is bad", function ()
			for option, bad in pairs({ nonsense = true, timeout = "soon", forward = "not an address", trustfile = "/does/not/exist" }) do
				stand_in = new_prosody(12, { xmppdns = { [option] = bad } });
				local before = snapshot(stand_in);
				load_plugin(stand_in);
				assert.equal(1, #stand_in.log);
				assert.matches("^error: The option \"xmppdns\": .*"..option..".*; Prosody goes on with its own resolver$", stand_in.log[1]);
				assert.same(before, snapshot(stand_in));
			end
			stand_in = new_prosody(12, { xmppdns = "192.0.2.1" });
			load_plugin(stand_in);
			assert.same({ "error: The option \"xmppdns\" must be a table of settings, not string; Prosody goes on with its own resolver" }, stand_in.log);
		end);

		it("looks every few seconds whether a file that was missing has come, without a word until it has", function ()
			local key = process.directory("coming").."/root.key";
			stand_in = new_prosody(12, { xmppdns = dns:settings({ trustfile = key }) });
			local before = snapshot(stand_in);
			load_plugin(stand_in);
			for _ = 1, 3 do assert.equal(5, stand_in.timers[1]()); end
			assert.same({ 1, 1, 0 }, { #stand_in.timers, #stand_in.log, stand_in.gauges.active });
			assert.same(before, snapshot(stand_in));
			process.write(key, process.read(dns.anchors));
			assert.is_nil(stand_in.timers[1]());
			assert.same({ 2, 1 }, { #stand_in.log, stand_in.gauges.active });
			assert.matches("^info: DNS through", stand_in.log[2]);
		end);

		describe("and a setting that is bad", function ()
			local far;

			before_each(function ()
				stand_in = new_prosody(12, {
					xmppdns = { tiemout = 5 };
					xmppdns_remote = { ["Far.example."] = { dnssec = "required" }, ["far.example"] = { dnssec = "off", dane = "off" }, [".."] = { dnssec = "off" } };
					["strict.test"] = { xmppdns = { dane = "required" } };
				}, { hosts = { ["one.test"] = {}, ["strict.test"] = {} } });
				load_plugin(stand_in);
				far = { direction = "incoming", type = "s2sin", to_host = "one.test", from_host = "lax.example", log = function () end };
				function far.close(session) session.is_closed = true; end
			end);

			local function routes(from, to)
				local stanza = { attr = { type = "error" } };
				return stand_in.hooks["route/remote"]({ from_host = from, to_host = to, stanza = stanza }) == nil;
			end

			it("refuses what one of several entries for the same domain requires, whatever else there is", function ()
				assert.same({ false, true, false }, { routes("one.test", "far.example"), routes("one.test", "lax.example"), routes("strict.test", "lax.example") });
			end);

			it("refuses stanzas to a strict host over a session that was let in for another", function ()
				stand_in.hooks["s2s-authenticated"]({ session = far, host = "lax.example" });
				local function send(to)
					return stand_in.hooks["message/bare"]({ origin = far, stanza = { attr = { from = "somebody@lax.example/x", to = to } } });
				end
				assert.is_nil(send("us@one.test"));
				assert.is_nil(far.is_closed);
				assert.is_true(send("us@strict.test"));
				assert.is_true(far.is_closed);
			end);
		end);

		it("starts when the configuration is reloaded and what was wrong in it is mended", function ()
			stand_in = new_prosody(12, { xmppdns = { timeout = "soon" } });
			load_plugin(stand_in);
			stand_in.options.xmppdns = dns:settings({ timeout = 4 });
			stand_in.hooks["config-reloaded"]();
			assert.same({ 2, 1, 4 }, { #stand_in.log, stand_in.gauges.active, xmppdns.get_resolver():settings().timeout });
			assert.is_nil(stand_in.timers[1]());
		end);

		it("leaves everything to Prosody, and names the domain and the setting, when a setting for a remote domain is bad", function ()
			local bad = {
				[ [[ ["a.test"] must be a table, not string]] ] = "required", [ [[ ["a.test"]: unknown setting "dnsec": did you mean "dnssec"?]] ] = { dnsec = "required" };
				[ [[ ["a.test"]: dane cannot be yes]] ] = { dane = "yes" }, [ [[ ["a.test"]: port cannot be 0]] ] = { host = "b.test", port = 0 };
				[ [[ ["a.test"]: tls cannot be true]] ] = { host = "b.test", tls = true }, [ [[ ["a.test"]: port and tls need a host]] ] = { port = 5269 };
			};
			for problem, remote in pairs(bad) do
				stand_in = new_prosody(12, { xmppdns = dns:settings(), xmppdns_remote = { ["a.test"] = remote } });
				local before = snapshot(stand_in);
				load_plugin(stand_in);
				assert.same({ "error: The option \"xmppdns_remote\":"..problem.."; Prosody goes on with its own resolver" }, stand_in.log);
				assert.same(before, snapshot(stand_in));
			end
		end);

		it("warns of an option whose name is nearly one of its own, and runs", function ()
			stand_in = new_prosody(12, { xmppdns = dns:settings(), xmppdns_remotes = { ["a.test"] = { dnssec = "required" } } });
			load_plugin(stand_in);
			assert.equal("warn: the global section: unknown option \"xmppdns_remotes\": did you mean \"xmppdns_remote\"?; it has no effect", stand_in.log[1]);
			assert.matches("^info: DNS through", stand_in.log[2]);
		end);

		it("takes changed settings over when the configuration is reloaded, and keeps the lookups under way", function ()
			faulty:rule({ delay = 300 });
			stand_in = new_prosody(12, { xmppdns = dns:settings({ timeout = 30, forward = faulty.forward }) });
			load_plugin(stand_in);
			local answer;
			stand_in.modules["net.adns"].lookup(function (given) answer = given; end, "xmpp.secure.example", "A");
			local fd = next(stand_in.watched);
			stand_in.options.xmppdns = dns:settings({ timeout = 4 });
			stand_in.hooks["config-reloaded"]();
			assert.equal(fd, next(stand_in.watched));
			assert.equal(4, xmppdns.get_resolver():settings().timeout);
			run_until(function () return answer; end);
			assert.equal("192.0.2.1", answer[1].a);
			assert.equal(1, #stand_in.log);
		end);

		it("17.1: has the negative trust anchors of xmppdns_remote in its resolver, as of the last reload", function ()
			stand_in = new_prosody(12, { xmppdns = dns:settings({ insecure = { "lan" } }), xmppdns_remote = { ["Far.example"] = { dnssec = "off" } } });
			load_plugin(stand_in);
			local epoch = xmppdns.get_resolver():trust_epoch();
			assert.same({ "lan", "far.example" }, xmppdns.get_resolver():settings().insecure);
			stand_in.options.xmppdns_remote = nil;
			stand_in.hooks["config-reloaded"]();
			assert.same({ "lan" }, xmppdns.get_resolver():settings().insecure);
			assert.is_true(xmppdns.get_resolver():trust_epoch() > epoch);
		end);

		it("keeps the settings, and says so, when those of a reloaded configuration are bad", function ()
			local options = { xmppdns = dns:settings({ timeout = 3 }) };
			stand_in = new_prosody(12, options);
			load_plugin(stand_in);
			options.xmppdns = dns:settings({ timeout = "soon" });
			stand_in.hooks["config-reloaded"]();
			options.xmppdns, options.xmppdns_remote = dns:settings({ timeout = 4 }), { ["a.test"] = { dane = "yes" } };
			stand_in.hooks["config-reloaded"]();
			assert.equal(3, xmppdns.get_resolver():settings().timeout);
			assert.matches("^error: The option \"xmppdns\": .*timeout.*; the settings from before stay in force$", stand_in.log[2]);
			assert.equal("error: The option \"xmppdns_remote\": [\"a.test\"]: dane cannot be yes; the settings from before stay in force", stand_in.log[3]);
		end);

		it("tells what its resolver notices", function ()
			local directory = process.directory("noticed");
			local resolvconf = process.write(directory.."/resolv.conf", "nameserver 192.0.2.53\n");
			stand_in = new_prosody(12, { xmppdns = { resolvconf = resolvconf, trustfile = dns.anchors, dnssec = "off" } });
			load_plugin(stand_in);
			xmppdns.get_resolver().on_notice("resolv.conf was changed");
			assert.equal("warn: resolv.conf was changed", stand_in.log[#stand_in.log]);
		end);

		it("lets the lookups under way end when it is unloaded, and only then ends the resolver", function ()
			faulty:rule({ delay = 300 });
			local settings = dns:settings({ timeout = 30 });
			settings.forward = faulty.forward;
			stand_in = new_prosody(12, { xmppdns = settings });
			local module = load_plugin(stand_in);
			local answer;
			stand_in.modules["net.adns"].lookup(function (given) answer = given; end, "xmpp.secure.example", "A");
			module.unload();
			assert.is_nil(answer);
			assert.equal(1, count(stand_in.watched));
			run_until(function () return answer; end);
			assert.equal("192.0.2.1", answer[1].a);
			assert.same({}, stand_in.watched);
		end);

		it("keeps its resolver and its lookups over a reload", function ()
			faulty:rule({ delay = 300 });
			local settings = dns:settings({ timeout = 30 });
			settings.forward = faulty.forward;
			stand_in = new_prosody(13, { xmppdns = settings });
			local module = load_plugin(stand_in);
			local answer;
			stand_in.modules["net.adns"].lookup(function (given) answer = given; end, "xmpp.secure.example", "A");
			local fd = next(stand_in.watched);
			module.reloading = true;
			module.unload();
			load_plugin(stand_in);
			assert.equal(fd, next(stand_in.watched));
			run_until(function () return answer; end);
			assert.equal("192.0.2.1", answer[1].a);
			assert.equal(1, count(stand_in.watched));
		end);

		it("ends a resolver that was kept when the settings have become bad in between", function ()
			stand_in = new_prosody(13, { xmppdns = dns:settings() });
			local module = load_plugin(stand_in);
			local before = count(stand_in.watched);
			module.reloading = true;
			module.unload();
			stand_in.options = { xmppdns = { nonsense = 1 } };
			load_plugin(stand_in);
			assert.same({ 1, 0 }, { before, count(stand_in.watched) });
			assert.equal("stock", stand_in.modules["net.adns"].lookup);
		end);

		it("can be loaded again after it was unloaded", function ()
			stand_in = new_prosody(12, { xmppdns = dns:settings() });
			load_plugin(stand_in).unload();
			load_plugin(stand_in);
			local answer;
			stand_in.modules["net.adns"].lookup(function (given) answer = given; end, "xmpp.secure.example", "A");
			run_until(function () return answer; end);
			assert.equal("192.0.2.1", answer[1].a);
		end);

		it("on Prosody 13 replaces the resolver of mod_s2s before each connection, until it is unloaded", function ()
			stand_in = new_prosody(13, { xmppdns = dns:settings() });
			local module = load_plugin(stand_in);
			local function pre_connect()
				local stock = made_by_prosody.service("secure.example", "xmpp-server", { default_port = 5269 });
				local event = { session = { from_host = "one.test", to_host = "secure.example" }, resolver = stock };
				stand_in.hooks["s2sout-pre-connect"](event);
				return event.resolver, stock;
			end
			local target;
			pre_connect():next(function (...) target = { ... }; end);
			run_until(function () return target; end);
			assert.same({ "tcp4", "192.0.2.1", 5269 }, { target[1], target[2], target[3] });
			module.unload();
			local given, stock = pre_connect();
			assert.equal(stock, given);
		end);

		it("18.7: logs why no connection was possible, each time with one line: as a warning, or at info where that was given a moment ago", function ()
			stand_in = new_prosody(12, { xmppdns = dns:settings() });
			load_plugin(stand_in);
			for _ = 1, 2 do
				local ended;
				stand_in.hooks["s2sout-created"]({ session = { from_host = "one.test", to_host = "bogus.example" } });
				stand_in.modules["net.resolvers.service"].new("bogus.example", "xmpp-server", "tcp", { default_port = 5269 })
					:next(function (conn_type) ended = conn_type or "nothing"; end);
				run_until(function () return ended; end);
				assert.equal("nothing", ended);
			end
			assert.matches("^warn: %u+ of .*bogus%.example: bogus: validation failure", stand_in.log[2]);
			assert.matches("^info: Cannot connect to bogus%.example: SRV of _xmpps?%-server%._tcp%.bogus%.example: bogus: ", stand_in.log[3]);
			assert.is_nil(stand_in.log[4]);
		end);

		it("18.7: warns of an option unbound that is ignored", function ()
			stand_in = new_prosody(12, { xmppdns = dns:settings(), unbound = { forward = "192.0.2.1" } });
			load_plugin(stand_in);
			assert.matches("^warn: the global section: the option \"unbound\" is ignored, because there is \"xmppdns\"; ", stand_in.log[1]);
			assert.matches("^info: DNS through", stand_in.log[2]);
		end);
	end);

	describe("in a real Prosody", function ()
		local authority, server, number = nil, nil, 0;

		setup(function ()
			authority = certificates.new_authority();
		end);

		after_each(function ()
			if server then server:stop(); end
			server = nil;
		end);

		local function start(config)
			number = number + 1;
			server = prosody.start({
				name = "plugin-"..number, authority = authority, modules = { "xmppdns" }, config = config;
				hosts = { ["one.test"] = "one.test", ["two.test"] = "two.test" };
			});
		end

		local function option(forward)
			return ("xmppdns = { forward = %q, trustfile = %q, resolvconf = false, timeout = 5 }"):format(forward, dns.anchors);
		end

		-- The same with a libunbound that waits for an answer that is held: however long a busy machine takes for what happens meanwhile.
		local function patient_option(forward)
			return (option(forward):gsub("timeout = 5", "timeout = 60, options = { [\"infra-cache-min-rtt\"] = 20000 }"));
		end

		local function log_lines(level)
			local lines = {};
			for line in server:log():gmatch("[^\n]+") do
				if line:find("mod_xmppdns\t"..level, 1, true) then lines[#lines + 1] = line:match("\t"..level.."\t(.*)"); end
			end
			return lines;
		end

		local function change_configuration(from, to)
			local text = process.read(server.config);
			local first, last = text:find(from, 1, true);
			process.write(server.config, text:sub(1, first - 1)..to..text:sub(last + 1));
			server:shell("config:reload()");
		end

		local A = [[dns:lookup("xmpp.secure.example", "A")]];

		it("answers the admin shell, is reloaded and unloaded, and gives everything back", function ()
			start(option(dns.forward));
			assert.matches("Status: No Error, Secure\nxmpp.secure.example\tIN\tA\t192.0.2.1", server:shell(A), 1, true);
			assert.matches("Bogus: ", server:shell([[dns:lookup("bogus.example", "A")]]), 1, true);
			assert.matches("xmpp.secure.example\tA\t", server:shell("dns:cache()"), 1, true);
			process.wait_until(function () return server:log():find("DNSKEY of .: NoError", 1, true); end); -- the look at its health is over
			server:shell("dns:purge()");
			assert.matches("0 answers", server:shell("dns:cache()"), 1, true);
			server:shell([[module:reload("xmppdns")]]);
			assert.matches("Secure", server:shell(A), 1, true);
			server:shell([[module:unload("xmppdns")]]);
			assert.not_matches("192.0.2.1", server:shell(A), 1, true);
			server:shell([[module:load("xmppdns")]]);
			assert.matches("Secure", server:shell(A), 1, true);
			assert.same({}, log_lines("error"));
			assert.equal(3, #log_lines("info"));
		end);

		it("has its section in the shell, whatever else this Prosody can do", function () -- 0.12.5 has the event of 13, and not its shell
			start(option(dns.forward)..[[

				require "core.features".available:add("s2sout-pre-connect-event")]]);
			assert.matches("1 record, secure", server:shell([[xmppdns:lookup("xmpp.secure.example", "A")]]));
			server:shell([[module:reload("admin_shell")]]);
			assert.matches("1 record, secure", server:shell([[xmppdns:lookup("xmpp.secure.example", "A")]]));
			server:shell([[module:unload("xmppdns")]]);
			assert.is_false(pcall(server.shell, server, [[xmppdns:lookup("xmpp.secure.example", "A")]]));
		end);

		it("refuses a bogus domain and tells the sender why", function ()
			start(option(dns.forward));
			local ok, output = pcall(server.shell, server, [[xmpp:ping("one.test", "bogus.example")]]);
			assert.is_false(ok);
			assert.matches("SRV of _xmpp%-server%._tcp%.bogus%.example: bogus: .*validation failure", output);
		end);

		it("loses no lookup to a reload or an unload", function ()
			start(patient_option(faulty.forward));
			server:shell(A);
			server:shell("dns:purge()");
			for _, change in ipairs({ "reload", "unload" }) do
				faulty:clear();
				local rule = faulty:rule({ name = change..".secure.example", hold = true });
				local lookup = process.start(server:shell_argv(([[dns:lookup("%s.secure.example", "A")]]):format(change)));
				assert.is_truthy(process.wait_until(function () return faulty:log(change..".secure.example")[1]; end));
				server:shell(([[module:%s("xmppdns")]]):format(change));
				assert.is_true(lookup:alive());
				faulty:release(rule);
				process.wait_until(function () return not lookup:alive(); end);
				assert.matches("Status: Non-Existent Domain, Secure", lookup:output(), 1, true);
			end
			assert.same({}, log_lines("error"));
		end);

		it("takes other settings from a reloaded configuration without dropping a lookup, and keeps them when the next ones are bad", function ()
			start(patient_option(faulty.forward));
			local rule = faulty:rule({ name = "waiting.secure.example", hold = true });
			local lookup = process.start(server:shell_argv([[dns:lookup("waiting.secure.example", "A")]]));
			assert.is_truthy(process.wait_until(function () return faulty:log("waiting.secure.example")[1]; end));
			change_configuration(faulty.forward, dns.forward);
			assert.matches("Secure", server:shell(A), 1, true);
			assert.same({}, faulty:log("xmpp.secure.example"));
			assert.is_true(lookup:alive());
			faulty:release(rule);
			process.wait_until(function () return not lookup:alive(); end);
			assert.matches("Status: Non-Existent Domain, Secure", lookup:output(), 1, true);
			change_configuration("timeout", "tiemout");
			server:shell("dns:purge()");
			assert.matches("Secure", server:shell(A), 1, true);
			assert.same({ "The option \"xmppdns\": unknown setting \"tiemout\": did you mean \"timeout\"?; the settings from before stay in force" },
				log_lines("error"));
		end);

		it("goes on with its own resolver, after one line of error, when the C module is broken, until it is mended", function ()
			local broken = process.directory("broken/xmppdns");
			process.write(broken.."/core.so", "this is no shared object");
			start(("package.cpath = %q..package.cpath\n%s"):format(broken:gsub("/xmppdns$", "/?.so;"), option(dns.forward)));
			assert.matches("%s%ss2s%s", server:shell([[module:list("one.test")]]));
			local lines = log_lines("error");
			assert.equal(1, #lines);
			assert.matches("^Cannot load the xmppdns library: .*core%.so.*; Prosody goes on with its own resolver$", lines[1]);
			os.remove(broken.."/core.so"); -- the next one on the path is good
			assert.is_truthy(process.wait_until(function () return log_lines("info")[1]; end, 60));
			assert.matches("Secure", server:shell(A), 1, true);
			assert.equal(1, #log_lines("error"));
		end);

		describe("beside another one,", function ()
			local far, places, zone;

			setup(function ()
				places = { near = process.free_address(), far = process.free_address() };
				places.port = process.free_port(places.near, places.far);
				local records = {};
				for domain, place in pairs({ ["near.example"] = "near", ["far.example"] = "far", ["lax.example"] = "far" }) do
					records[domain] = { records = ("_xmpp-server._tcp SRV 0 0 %d xmpp\nxmpp A %s"):format(places.port, places[place]) };
				end
				zone = zones.serve(records);
				far = prosody.start({
					name = "plugin-far", address = places.far, s2s_ports = { places.port }, authority = authority, modules = { "xmppdns" };
					hosts = { ["far.example"] = "far.example", ["lax.example"] = "lax.example" };
					config = ("xmppdns = { forward = %q, trustfile = %q, resolvconf = false }"):format(zone.forward, zone.anchors);
				});
			end);

			teardown(function ()
				far:stop();
				zone:stop();
			end);

			local function start_near(settings)
				number = number + 1;
				server = prosody.start({
					name = "plugin-"..number, address = places.near, s2s_ports = { places.port }, authority = authority, modules = { "xmppdns" };
					hosts = { ["near.example"] = "near.example" };
					config = ([[
						unbound = { forward = %q, resolvconf = false }
						xmppdns = { forward = %q, resolvconf = false, %s }
						xmppdns_remote = { ["Far.example."] = { dnssec = "required" } }
					]]):format(zone.forward, zone.forward, settings);
				});
			end

			-- true, or the text of the error that comes back
			local function ping(from, to, by)
				local ok, output = pcall(by.shell, by, ([[xmpp:ping(%q, %q)]]):format(from, to));
				return ok or output:match("Server%-to%-server connection failed: ([^\n]*)>") or output;
			end

			it("while a setting is bad: refuses what is required, in both directions and with the reason; a reload heals it", function ()
				start_near(("tiemout = 5, trustfile = %q"):format(zone.anchors));
				assert.is_true(ping("near.example", "lax.example", server));
				assert.equal("what is required for this domain cannot be checked: The option \"xmppdns\": "
					.."unknown setting \"tiemout\": did you mean \"timeout\"?", ping("near.example", "far.example", server));
				assert.is_true(ping("lax.example", "near.example", far));
				assert.matches("What is required for your domain cannot be checked here", ping("far.example", "near.example", far), 1, true);
				local file = process.directory("plugin-far/certificates").."/lax.example";
				local further = { name = "further", address = places.near, port = places.port, from = "lax.example", to = "near.example", tls = "starttls";
					certificate = file..".crt", key = file..".key";
					steps = { { ["do"] = "external" }, { ["do"] = "dialback", from = "FAR.example", to = "near.example" } } };
				assert.equal("internal-server-error What is required for your domain cannot be checked here", hostile.play({ further }).further.ending);
				change_configuration("tiemout", "timeout");
				assert.is_true(ping("near.example", "far.example", server));
				assert.is_true(ping("far.example", "near.example", far));
			end);

			it("while a file is missing: refuses what is required; the file's appearance heals it", function ()
				local key = process.directory("plugin-key").."/root.key";
				start_near(("trustfile = %q"):format(key));
				assert.is_true(ping("near.example", "lax.example", server));
				assert.matches("cannot be checked: .*root%.key", ping("near.example", "far.example", server));
				process.write(key, process.read(zone.anchors));
				assert.is_truthy(process.wait_until(function () return log_lines("info")[1]; end));
				assert.is_true(ping("near.example", "far.example", server));
				assert.equal(1, #log_lines("error"));
			end);
		end);

		it("goes on with its own resolver, after one line of error, when a setting is bad", function ()
			start([[xmppdns = { tiemout = 5 }]]);
			server:shell("module:list()");
			local lines = log_lines("error");
			assert.equal(1, #lines);
			assert.matches("^The option \"xmppdns\": .*tiemout.*; Prosody goes on with its own resolver$", lines[1]);
		end);
	end);
end);
