-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- Two Prosody servers which find each other through a DNS of their own: "near", which pings, and "far", which answers for
-- every domain of the rows. Shared by the demo and its spec.

local certificates = require "spec.support.certificates";
local process = require "spec.support.process";
local prosody = require "spec.support.prosody";
local zones = require "spec.support.zones";

local load_text = loadstring or load; -- luacheck: ignore 113

local federation = {};
local federation_methods = {};
local federation_mt = { __index = federation_methods };

local NEAR = "near.example";

local function all_zones(rows, places)
	local all = {
		[NEAR] = { records = ("_xmpp-server._tcp SRV 0 0 %d xmpp\nxmpp A %s"):format(places.NEAR_PORT, places.NEAR) },
	};
	for _, row in ipairs(rows) do
		local zone = {};
		for field, value in pairs(row.zone) do
			zone[field] = value;
		end
		zone.records = zone.records:gsub("%$([A-Z]+)", places);
		all[row.alabels or row.domain] = zone;
	end
	return all;
end

local function far_hosts(rows)
	local hosts = {};
	for _, row in ipairs(rows) do
		hosts[row.domain] = row.alabels or row.domain;
	end
	return hosts;
end

local function ping_config(rows, output)
	local domains = {};
	for i, row in ipairs(rows) do
		domains[i] = ("%q"):format(row.domain);
	end
	return ("demo_ping_output = %q\ndemo_ping_domains = { %s }\n"):format(output, table.concat(domains, ", "));
end

-- stock: Prosody's own resolver over lua-unbound instead of mod_xmppdns.
local function resolver_config(dns, stock)
	return ("%s = { forward = %q, trustfile = %q, resolvconf = false }\n"):format(stock and "unbound" or "xmppdns", dns.forward, dns.anchors);
end

-- Starts everything; near begins to ping at once. options: stock, as above; progress(text): called before each step.
function federation.start(rows, options)
	local progress = options.progress or function () end;
	-- Without it Prosody would go on with its own resolver, and that with the system's name servers.
	assert(options.stock or process.read(prosody.core_path), prosody.core_path .. " is missing: run make first");
	local self = setmetatable({ rows = rows }, federation_mt);
	local near, far = process.free_address(), process.free_address();
	local places = {
		ADDRESS = far, STARTTLS = process.free_port(far), DIRECT = process.free_port(far), DEAD = process.free_address(),
		NEAR = near, NEAR_PORT = process.free_port(near),
	};
	self.endpoints = { starttls = places.STARTTLS, direct = places.DIRECT, ["5269"] = 5269 };

	progress("signing the zones");
	self.dns = zones.serve(all_zones(rows, places));
	progress("making certificates, starting the far server");
	local authority = certificates.new_authority();
	local modules = { not options.stock and "xmppdns" or nil };
	self.far = prosody.start({
		name = "far", address = far, hosts = far_hosts(rows), authority = authority,
		s2s_ports = { places.STARTTLS, 5269 }, direct_tls_ports = { places.DIRECT },
		modules = modules, config = resolver_config(self.dns, options.stock),
	});
	progress("starting the near server");
	table.insert(modules, "demo_ping");
	self.output = process.directory() .. "/pings";
	self.near = prosody.start({
		name = "near", address = near, hosts = { [NEAR] = NEAR }, authority = authority, s2s_ports = { places.NEAR_PORT },
		modules = modules, config = resolver_config(self.dns, options.stock) .. ping_config(rows, self.output),
	});
	return self;
end

local function read_result(path, number)
	local text = process.read(path) or "";
	local i = 0;
	for line in text:gmatch("([^\n]*)\n") do
		i = i + 1;
		if i == number then return assert(load_text("return " .. line))(); end
	end
	return nil;
end

-- Waits for the result of the row with that number: what mod_demo_ping wrote, or, when the near server died or says nothing
-- for too long, a result which no row expects.
function federation_methods:result(number)
	local result;
	process.wait_until(function ()
		local alive = self.near.process:alive();
		result = read_result(self.output, number);
		return result or not alive;
	end, 20);
	return result or { pong = false, reason = "no result; see " .. self.near.log_file };
end

-- Name of the endpoint that a result has reached: "starttls", "direct", "5269", nil, or "elsewhere".
function federation_methods:endpoint_name(result)
	if not result.endpoint then return nil; end
	for name, port in pairs(self.endpoints) do
		if result.endpoint.address == self.far.address and result.endpoint.port == port then return name; end
	end
	return "elsewhere";
end

-- The result in the form of a row's "expect"; the reason is the expected pattern where it matches, else the text itself.
function federation_methods:outcome(row, result)
	local reason = result.reason;
	if reason and row.expect.reason and reason:find(row.expect.reason) then reason = row.expect.reason; end
	return { pong = result.pong, dnssec = result.dnssec, endpoint = self:endpoint_name(result), reason = reason };
end

function federation_methods:stop()
	self.near:stop();
	self.far:stop();
	self.dns:stop();
end

return federation;
