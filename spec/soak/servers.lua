-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- What a soak runs: the zones, two misbehaving upstreams of which resolv.conf names one, and two Prosodys with mod_soak. "near" looks
-- up all the domains and is reloaded and flushed; both ping each other.

local certificates = require "spec.support.certificates";
local process = require "spec.support.process";
local prosody = require "spec.support.prosody";
local upstream = require "spec.soak.upstream";
local zones = require "spec.support.zones";

local load_text = loadstring or load; -- luacheck: ignore 113

local DOMAINS, ZONES = 2000, 20;
local FLAWS = { [3] = { signed = false }, [10] = { signed = false }, [17] = { fault = "signature" } }; -- zones that are not as the others
local TIMEOUTS = { 2, 3 }; -- seconds an attempt, by turns

local server_methods = {};
local server_mt = { __index = server_methods };

-- A server under test: { name, prosody, figures (the last line of mod_soak), kept (what earlier lines alone told) }

-- Small caches are full soon: what grows then is a leak. Prosody's own resolver, if it ever came to that, would find nobody.
local function config_text(options)
	return ([[
log = { info = %q }
xmppdns = {
	upstream = "forward", resolvconf = %q, trustfile = %q, timeout = %d, cache_size = 1048576;
	options = { ["rrset-cache-size"] = "1m", ["msg-cache-size"] = "512k", ["key-cache-size"] = "512k" };
}
unbound = { forward = "127.0.0.1@9", resolvconf = false, hoststxt = false }
soak_output = %q
soak_go = %q
soak_partner = %q
]]):format(options.log, options.resolvconf, options.anchors, TIMEOUTS[1], options.output, options.go, options.partner);
end

-- The lines that mod_soak has written since the last call; the newest is server.figures then.
function server_methods:read()
	for line in self.output:lines() do
		self.figures = assert(load_text("return " .. line))();
		for _, kind in ipairs({ "lost", "pauses" }) do
			for _, one in ipairs(self.figures[kind]) do table.insert(self[kind], one); end
		end
		table.insert(self.samples, { time = self.figures.time, memory = self.figures.memory, descriptors = self.figures.descriptors });
	end
	self.output:seek("cur", 0); -- clears the end of the file
end

function server_methods:is_alive()
	return self.prosody.process:alive();
end

-- prosodyctl reload, with another value for a setting.
function server_methods:reload_config()
	self.turn = self.turn % #TIMEOUTS + 1;
	local text = process.read(self.prosody.config):gsub("timeout = %d", "timeout = " .. TIMEOUTS[self.turn]);
	process.write(self.prosody.config, text);
	self.prosody.process:signal("HUP");
end

function server_methods:shell(command)
	return self.prosody:shell(command);
end

local function start_server(name, options)
	local directory = process.directory(name);
	options.output = process.write(directory .. "/figures", "");
	options.log = directory .. "/prosody.log";
	local server = setmetatable({ name = name, turn = 1, lost = {}, pauses = {}, samples = {} }, server_mt);
	server.output = assert(io.open(options.output, "r"));
	server.prosody = prosody.start({
		name = name, hosts = options.hosts, authority = options.authority, address = options.address, s2s_ports = { options.port },
		modules = { "xmppdns", "soak" }, config = config_text(options) .. (options.config or ""),
	});
	return server;
end

-- DNS

local function domain_zones()
	local all = {};
	for i = 1, ZONES do
		local zone = { records = {}, ttl = 10 };
		for field, value in pairs(FLAWS[i] or {}) do zone[field] = value; end
		for domain = i, DOMAINS, ZONES do
			table.insert(zone.records, ("_xmpp-server._tcp.d%d SRV 0 0 5269 xmpp.d%d\nxmpp.d%d A 127.0.0.1\n_5269._tcp.xmpp.d%d TLSA 3 1 1 %s"):format(
				domain, domain, domain, domain, ("0123456789abcdef"):rep(4)));
		end
		zone.records = table.concat(zone.records, "\n");
		all[("z%d.soak"):format(i)] = zone;
	end
	return all;
end

-- What a connection to each domain asks for.
local function write_questions(path)
	local lines = {};
	for domain = 1, DOMAINS do
		local name = ("d%d.z%d.soak"):format(domain, (domain - 1) % ZONES + 1);
		table.insert(lines, ("_xmpps-server._tcp.%s SRV\n_xmpp-server._tcp.%s SRV\nxmpp.%s A\n_5269._tcp.xmpp.%s TLSA\n"):format(name, name, name, name));
	end
	return process.write(path, table.concat(lines));
end

local function host_records(place)
	return ("_xmpp-server._tcp.%s SRV 0 0 %d xmpp.%s\nxmpp.%s A %s\n"):format(place.name, place.port, place.name, place.name, place.address);
end

-- One host each: at a reload Prosody itself takes some milliseconds for the certificates of every host.
local function host_of(place)
	return place.name .. ".pings";
end

local function find_place(name)
	local address = process.free_address();
	return { name = name, address = address, port = process.free_port(address) };
end

-- All of it

local place_methods = {};
local place_mt = { __index = place_methods };

-- Names the other upstream in resolv.conf, as who administers it would: the file is replaced.
function place_methods:switch_upstream()
	self.current = self.upstreams[self.current == self.upstreams[1] and 2 or 1];
	process.write(self.resolvconf .. ".new", ("# rewritten\nnameserver %s\n"):format(self.current.address));
	assert(os.rename(self.resolvconf .. ".new", self.resolvconf));
end

function place_methods:read()
	for _, server in ipairs(self.servers) do server:read(); end
end

function place_methods:is_done()
	for _, server in ipairs(self.servers) do
		if server:is_alive() and not (server.figures and server.figures.done) then return false; end
	end
	return true;
end

-- Lets the servers look up and ping until then.
function place_methods:begin(stop_at)
	process.write(self.go .. ".new", ("%.1f\n"):format(stop_at));
	assert(os.rename(self.go .. ".new", self.go));
end

local function start()
	local near, far = find_place("near"), find_place("far");
	local all = domain_zones();
	all["pings"] = { records = host_records(near) .. host_records(far), ttl = 1 };
	local dns = zones.serve(all);
	local place = setmetatable({
		upstreams = { upstream.start("first", dns), upstream.start("second", dns) }, resolvconf = process.directory() .. "/resolv.conf",
		go = process.directory() .. "/go",
	}, place_mt);
	place:switch_upstream();
	local authority = certificates.new_authority();
	local function launch(own, partner, config)
		return start_server(own.name, {
			address = own.address, port = own.port, hosts = { [host_of(own)] = host_of(own) }, authority = authority,
			resolvconf = place.resolvconf, anchors = dns.anchors,
			go = place.go, partner = host_of(partner), config = config,
		});
	end
	local questions = write_questions(process.directory() .. "/questions");
	place.far = launch(far, near);
	place.near = launch(near, far, ("soak_names = %q\n"):format(questions));
	place.servers = { place.near, place.far };
	return place;
end

return { start = start };
