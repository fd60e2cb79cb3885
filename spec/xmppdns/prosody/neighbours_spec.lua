-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- Beside other modules, which choose resolvers, refuse certificates, and fail: real Prosodys.

local certificates = require "spec.support.certificates";
local process = require "spec.support.process";
local prosody = require "spec.support.prosody";
local zones = require "spec.support.zones";

-- Refuses what it has a pin for, at a low and a high priority, and notes each certificate that it hears of.
local PINS = [[
module:set_global();
local pins = { ["low.example"] = 0, ["high.example"] = 850 };
module:hook("s2s-check-certificate", function (event)
	if event.host ~= "tolerated.example" then return; end
	event.session.cert_chain_status, event.session.cert_identity_status = "valid", "valid";
	return true;
end, 100);
for _, priority in ipairs({ 850, 0 }) do
	module:hook("s2s-check-certificate", function (event)
		module:log("info", "heard of %s at %d: %s", event.host, priority, tostring(event.cert ~= nil));
		if pins[event.host] ~= priority then return; end
		event.session:close({ condition = "not-authorized", text = "pinned" }, nil, "pinned");
		return false;
	end, priority);
end
]];

-- Chooses where to connect for some domains, in each way that a module may have; where: "event" or "wrapped".
local CHOOSING = [[
local service, basic = require "net.resolvers.service", require "net.resolvers.basic";
local PORT, ADDRESS = %d, %q;
local choices = {
	["service.example"] = function (extra) return service.new("plain.example", "xmpp-server", "tcp", extra); end;
	["basic.example"] = function (extra) return basic.new(ADDRESS, PORT, "tcp", extra); end;
	["own.example"] = function (extra)
		local targets = { { "tcp4", ADDRESS, PORT, extra } };
		return { hostname = "own.example", service = "xmpp-server", next = function (_, callback)
			callback((table.unpack or unpack)(table.remove(targets) or {}));
		end };
	end;
};
local extra = { default_port = 5269, use_ipv4 = true, use_ipv6 = true };
local function choose(event)
	local choice = choices[event.session.to_host];
	if choice then event.resolver = choice(setmetatable({}, { __index = extra })); end
end
if module.name == "choosing_wrapped" then
	module:set_global();
	local stock = service.new;
	service.new = function (hostname, name, ...)
		local choice = choices[hostname];
		if not choice then return stock(hostname, name, ...); end
		return choice(setmetatable({}, { __index = extra }));
	end
else
	module:hook("s2sout-pre-connect", choose, module.name == "choosing_first" and 2000000 or module.name == "choosing_last" and -1000 or 0);
end
]];

-- Fails in the artificial route/remote by which a queue moves on, or in what follows from it.
local FAILING = [[
module:hook("route/remote", function (event)
	if event.to_host == "unheard.example" and event.stanza.attr.type == "error" then error("unheard of"); end
	if event.to_host == "origin.example" then module:log("info", "origin: %s", tostring(event.origin.type)); end
end, 500);
local count = 0;
module:hook("s2sout-created", function (event)
	if event.session.to_host ~= "created.example" then return; end
	count = count + 1;
	if count > 1 then error("uncreated"); end
end, -500);
]];

describe("mod_xmppdns beside other modules", function ()
	local authority, address, far_address, port, dns, near, far, plugins, has_event;
	local started = 0;

	local function write_plugin(name, text)
		process.write(plugins .. "/mod_" .. name .. ".lua", text);
	end

	setup(function ()
		authority = certificates.new_authority();
		address, far_address = process.free_address(), process.free_address();
		port = process.free_port(address, far_address);
		plugins = process.directory("neighbours");
		local hosts, all = {}, { ["near.example"] = { records = ("_xmpp-server._tcp SRV 0 0 %d xmpp\nxmpp A %s"):format(port, address) } };
		for _, name in ipairs({ "low", "high", "matching" }) do
			local domain = name .. ".example";
			local file = authority:issue(domain, process.directory("neighbours-far/certificates"));
			hosts[domain], all[domain] = domain, { records = ("_xmpp-server._tcp SRV 0 0 %d xmpp\nxmpp A %s\n_%d._tcp.xmpp TLSA 3 1 1 %s"):format(
				port, far_address, port, certificates.digest(file, 1)) };
		end
		for _, domain in ipairs({ "mismatch.example", "tolerated.example" }) do
			hosts[domain], all[domain] = domain, { records = ("_xmpp-server._tcp SRV 0 0 %d xmpp\nxmpp A %s\n_%d._tcp.xmpp TLSA 3 1 1 %s"):format(
				port, far_address, port, ("00"):rep(32)) };
		end
		for _, name in ipairs({ "plain", "service", "basic", "own" }) do
			local domain = name .. ".example"; -- who asks for the chosen ones by their own names finds nobody
			hosts[domain], all[domain] = domain, { signed = false, records = ("_xmpp-server._tcp SRV 0 0 %d xmpp\nxmpp A %s"):format(
				name == "plain" and port or process.free_port(far_address), far_address) };
		end
		for _, name in ipairs({ "unheard", "created", "origin" }) do
			local domain = name .. ".example";
			local file = authority:issue(domain, process.directory("neighbours-far/certificates"));
			hosts[domain], all[domain] = domain, { records = ("_xmpp-server._tcp SRV 0 0 %d wrong\n_xmpp-server._tcp SRV 1 0 %d xmpp\nxmpp A %s\nwrong A %s"
				.. "\n_%d._tcp.wrong TLSA 3 1 1 %s\n_%d._tcp.xmpp TLSA 3 1 1 %s"):format(port, port, far_address, far_address, port, ("00"):rep(32),
				port, certificates.digest(file, 1)) };
		end
		local direct_port = process.free_port(far_address);
		for domain, service in pairs({ ["starttls.example"] = ("_xmpp-server._tcp SRV 0 0 %d"):format(port),
			["direct.example"] = ("_xmpps-server._tcp SRV 0 0 %d"):format(direct_port) }) do
			hosts[domain], all[domain] = domain, { records = ("%s xmpp\n_xmpp-server._tcp SRV 1 0 %d other\nxmpp A %s\nother A %s"):format(
				service, port, far_address, far_address) };
		end
		dns = zones.serve(all);
		far = prosody.start({
			name = "neighbours-far", address = far_address, s2s_ports = { port }, direct_tls_ports = { direct_port };
			authority = authority, modules = { "xmppdns" }, hosts = hosts;
			config = ("xmppdns = { forward = %q, trustfile = %q, resolvconf = false }"):format(dns.forward, dns.anchors);
		});
		write_plugin("pins", PINS);
		write_plugin("failing", FAILING);
		for _, when in ipairs({ "first", "middle", "last", "wrapped" }) do write_plugin("choosing_" .. when, CHOOSING:format(port, far_address)); end
		has_event = process.read("/usr/lib/prosody/loader.lua") ~= nil;
	end);

	teardown(function ()
		far:stop();
		dns:stop();
	end);

	after_each(function ()
		if near then near:stop(); end
		near = nil;
	end);

	local function start(...)
		started = started + 1;
		near = prosody.start({
			name = "neighbours-" .. started, address = address, s2s_ports = { port }, authority = authority, modules = { ... };
			hosts = { ["near.example"] = "near.example" };
			config = ("plugin_paths = { %q, %q }\nxmppdns = { forward = %q, trustfile = %q, resolvconf = false }\nunbound = { forward = %q, resolvconf = false }")
				:format(process.run({ "pwd" }):gsub("\n", "") .. "/mod_xmppdns", plugins, dns.forward, dns.anchors, dns.forward);
		});
	end

	-- true, or what the shell says
	local function ping(from, to, server)
		local ok, output = pcall(server.shell, server, ([[xmpp:ping(%q, %q)]]):format(from, to));
		return ok or output;
	end

	describe("that look at certificates", function ()
		it("is no reason for them to be silent after a match", function ()
			start("xmppdns", "pins");
			assert.is_true(ping("near.example", "matching.example", near));
			assert.is_true(ping("matching.example", "near.example", far));
			assert.equal(4, select(2, near:log():gsub("heard of matching%.example at %d+: true", "")));
		end);

		it("is no reason for them to be silent after a mismatch, or to let it pass", function ()
			start("xmppdns", "pins");
			assert.matches("does not match its TLSA records", ping("near.example", "mismatch.example", near));
			assert.equal(2, select(2, near:log():gsub("heard of mismatch%.example at %d+: true", "")));
			assert.matches("does not match its TLSA records", ping("near.example", "tolerated.example", near));
		end);

		it("lets them refuse a certificate that a TLSA record matches, in both directions", function ()
			start("xmppdns", "pins");
			for _, domain in ipairs({ "low.example", "high.example" }) do
				assert.matches("pinned", ping("near.example", domain, near));
				assert.matches("pinned", ping(domain, "near.example", far));
			end
		end);
	end);

	describe("that choose a resolver", function ()
		local function check_choices(...)
			start(...);
			for _, domain in ipairs({ "service.example", "basic.example", "own.example", "plain.example", "matching.example" }) do
				assert.is_true(ping("near.example", domain, near), domain);
			end
		end

		it("leaves what they put over net.resolvers.service alone, loaded after them", function () check_choices("choosing_wrapped", "xmppdns"); end);
		it("leaves what they put over net.resolvers.service alone, loaded before them", function ()
			start("xmppdns");
			near:shell([[module:load("choosing_wrapped")]]);
			assert.is_true(ping("near.example", "basic.example", near));
			assert.is_true(ping("near.example", "matching.example", near));
		end);

		for _, when in ipairs({ "first", "middle", "last" }) do
			it("leaves their choice alone where they come "..when, function ()
				if has_event then check_choices("xmppdns", "choosing_"..when); end
			end);
		end
	end);

	it("makes one connection at a peer that has several endpoints, and no other before it", function ()
		start("xmppdns");
		local function count() return select(2, far:log():gsub("Incoming s2s connection\n", "")); end
		for _, domain in ipairs({ "starttls.example", "direct.example" }) do
			local before = count();
			assert.is_true(ping("near.example", domain, near), domain);
			assert.equal(before + 1, count(), domain);
		end
		assert.matches("direct.example.-complete", near:log());
	end);

	describe("that fail while a queue moves on", function ()
		it("lets a failing handler cost a line in the log, not the queue", function ()
			start("xmppdns", "failing");
			assert.is_true(ping("near.example", "unheard.example", near));
			assert.matches("does not match its TLSA records", ping("near.example", "created.example", near));
			assert.equal(2, select(2, near:log():gsub("A module has failed while", "")));
		end);

		it("says who the origin is", function ()
			start("xmppdns", "failing");
			assert.is_true(ping("near.example", "origin.example", near));
			assert.matches("origin: local", near:log());
		end);
	end);
end);
