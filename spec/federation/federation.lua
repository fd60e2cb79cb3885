-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- Servers which find each other through a DNS of their own: "near", a Prosody about which all rows are, and behind their domains
-- "far", another Prosody, an ejabberd, and a peer of bad faith. Shared by the demo, the comparison and the specs.

local blackhole = require "spec.support.blackhole";
local certificates = require "spec.support.certificates";
local ejabberd = require "spec.support.ejabberd";
local hostile = require "spec.support.hostile";
local process = require "spec.support.process";
local prosody = require "spec.support.prosody";
local socket = require "socket";
local zones = require "spec.support.zones";

local load_text = loadstring or load; -- luacheck: ignore 113

local federation = {};
local federation_methods = {};
local federation_mt = { __index = federation_methods };

local NEAR = "near.example";
local serial = 0; -- of the federations of this run: none must read what another wrote
local DEFAULT_WITHIN = 3; -- seconds, for a row that says nothing about it
local OTHER = ("0123456789abcdef"):rep(4);

-- The groups with only those rows that are for a demo.
function federation.for_demo(groups)
	local shown = {};
	for i, group in ipairs(groups) do
		shown[i] = { title = group.title, about = group.about, rows = {} };
		for _, row in ipairs(group.rows) do
			table.insert(shown[i].rows, row.demo ~= false and row or nil);
		end
	end
	return shown;
end

-- The rows of all groups as one list.
function federation.flatten(groups)
	local rows = {};
	for _, group in ipairs(groups) do
		for _, row in ipairs(group.rows) do
			table.insert(rows, row);
		end
	end
	return rows;
end

local function peer_of(row)
	return row.peer or "far";
end

local function alabels_of(row)
	return row.alabels or row.domain;
end

local function find_places()
	local far, near, peer, hole = process.free_address(), process.free_address(), process.free_address(), process.free_address();
	local hostile_place = process.free_address();
	return {
		HOSTILE = hostile_place, HOSTILEPORT = process.free_port(hostile_place),
		ADDRESS = far, STARTTLS = process.free_port(far, "::1"), SECOND = process.free_port(far), DIRECT = process.free_port(far, "::1"),
		NEAR = near, NEARPORT = process.free_port(near),
		EJABBERD = peer, EJABBERDSTARTTLS = process.free_port(peer), EJABBERDDIRECT = process.free_port(peer),
		SWALLOW = hole, SWALLOWPORT = process.free_port(hole), DEAD = process.free_address(), OTHER = OTHER,
		ALPN = process.free_port(far),
	};
end

local function name_endpoints(places)
	return {
		starttls = { places.ADDRESS, places.STARTTLS }, second = { places.ADDRESS, places.SECOND }, ["5269"] = { places.ADDRESS, 5269 },
		direct = { places.ADDRESS, places.DIRECT }, direct6 = { "::1", places.DIRECT }, near = { places.NEAR, places.NEARPORT },
		ejabberd = { places.EJABBERD, places.EJABBERDSTARTTLS }, ["ejabberd direct"] = { places.EJABBERD, places.EJABBERDDIRECT },
	};
end

-- Certificates

-- By an authority under the stranger's name and key identifier, but with another key, that an authority which all trust has made.
local function certify_by_twin(self, name, directory, names)
	local twin = self.authority:new_authority("stranger of this run", directory, self.stranger);
	local path = twin:issue_chain(name, directory, names);
	process.write(path, process.read(path) .. process.read(self.stranger.file));
	return path;
end

local function certify(self, row)
	local name, directory = alabels_of(row), process.directory(self.name .. "/" .. peer_of(row) .. "/certificates");
	if row.certificate == "self-signed" then return certificates.sign_itself(name, directory, row.names); end
	if row.certificate == "twin" then return certify_by_twin(self, name, directory, row.names); end
	if row.certificate == "stranger" then return self.stranger:issue_chain(name, directory, row.names); end
	return self.authority:issue(name, directory, row.names);
end

local function digest(self, row, word)
	if word == "SPKI" then return certificates.digest(self.certified[row], 1); end
	if word == "CERT" then return certificates.digest(self.certified[row], 0); end
	if word == "TACERT" then return certificates.digest(self.stranger.file, 0); end
	if word == "TASPKI" then return certificates.digest(self.stranger.file, 1); end
	error("no such place: " .. word);
end

-- Zones

-- A copy of what the row says, with the places in every text.
local function fill_in(self, row, value)
	if type(value) == "table" then
		local filled = {};
		for key, part in pairs(value) do
			filled[key] = fill_in(self, row, part);
		end
		return filled;
	elseif type(value) ~= "string" then
		return value;
	end
	local whole = value:match("^%$([A-Z]+)$");
	if whole then return self.places[whole] or digest(self, row, whole); end
	return (value:gsub("%$([A-Z]+)", function (word)
		return self.places[word] or digest(self, row, word);
	end));
end

local function all_zones(self)
	local all = {
		[NEAR] = { records = fill_in(self, nil, "_xmpp-server._tcp SRV 0 0 $NEARPORT xmpp\nxmpp A $NEAR") },
	};
	for _, row in ipairs(self.rows) do
		local name = alabels_of(row);
		all[name] = fill_in(self, row, row.zone);
		for below, zone in pairs(row.below or {}) do
			all[below .. "." .. name] = fill_in(self, row, zone);
		end
	end
	return all;
end

-- Configuration

local function domains_of(self, peer)
	local domains = {};
	for _, row in ipairs(self.rows) do
		if peer_of(row) == peer then domains[row.domain] = alabels_of(row); end
	end
	return domains;
end

local function far_host_config(self)
	local config = {};
	for _, row in ipairs(self.rows) do
		if row.alone or row.certificate or row.names or row.direction == "in" then config[row.domain] = "modules_enabled = { \"s2s_bidi\" }"; end
	end
	return config;
end

local function remote_config(self)
	local lines = { "xmppdns_remote = {" };
	for _, row in ipairs(self.rows) do
		local fields = {};
		for field, value in pairs(fill_in(self, row, row.remote or {})) do
			table.insert(fields, (type(value) == "number" and "%s = %d" or "%s = %q"):format(field, value));
		end
		if row.remote then table.insert(lines, ("\t[%q] = { %s };"):format(row.domain, table.concat(fields, ", "))); end
	end
	return table.concat(lines, "\n") .. "\n}\n";
end

-- stock: Prosody's own resolver over lua-unbound instead of mod_xmppdns.
local function resolver_config(dns, stock)
	return ("use_dane = true\n%s = { forward = %q, trustfile = %q, resolvconf = false }\n"):format(
		stock and "unbound" or "xmppdns", dns.forward, dns.anchors);
end

local function ping_config(self, name)
	local base = self.directory .. "/" .. name;
	process.write(base .. ".requests", "");
	return ("demo_ping_requests = %q\ndemo_ping_output = %q\ndemo_ping_timeout = %d\n"):format(
		base .. ".requests", base .. ".results", self.timeout);
end

local function start_prosody(self, name, options)
	options.name, options.authority = self.name .. "/" .. name, self.authority;
	options.modules = options.modules or {};
	table.insert(options.modules, "demo_ping");
	table.insert(options.modules, not self.stock and "xmppdns" or nil);
	options.config = resolver_config(self.dns, self.stock) .. ping_config(self, name) .. (options.config or "");
	self[name] = prosody.start(options);
	self.requested[name] = 0;
end

-- Requests to the plugin of near and far

local function read_result(path, number)
	local text = process.read(path) or "";
	local i = 0;
	for line in text:gmatch("([^\n]*)\n") do
		i = i + 1;
		if i == number then return assert(load_text("return " .. line))(); end
	end
	return nil;
end

-- Gives "near" or "far" a line to do; the number of its result.
local function request(self, name, action, from, to)
	local file = assert(io.open(self.directory .. "/" .. name .. ".requests", "a"));
	file:write(("%s %s %s\n"):format(action, from, to));
	file:close();
	self.requested[name] = self.requested[name] + 1;
	return self.requested[name];
end

-- What mod_demo_ping wrote, or, when the server died or says nothing for too long, a result which no row expects.
local function wait_for_result(self, name, number)
	local result;
	process.wait_until(function ()
		local alive = self[name].process:alive();
		result = read_result(self.directory .. "/" .. name .. ".results", number);
		return result or not alive;
	end, self.timeout + 10);
	return result or { pong = false, reason = "no result; see " .. self[name].log_file };
end

local function ask(self, name, action, from, to)
	return wait_for_result(self, name, request(self, name, action, from, to));
end

-- Starting

local function start_ejabberd(self)
	local domains = {};
	for domain in pairs(domains_of(self, "ejabberd")) do
		table.insert(domains, domain);
	end
	if not domains[1] then return; end
	self.ejabberd = ejabberd.start({
		name = self.name .. "/ejabberd", domains = domains, certificates = process.directory(self.name .. "/ejabberd/certificates"), authority = self.authority,
		dns = self.dns, address = self.places.EJABBERD, s2s_port = self.places.EJABBERDSTARTTLS, direct_tls_port = self.places.EJABBERDDIRECT,
		addresses = { ["xmpp." .. NEAR] = self.places.NEAR },
	});
end

local function start_far(self)
	local places = self.places;
	self.holes = {
		blackhole.start("::1", places.STARTTLS), blackhole.start(places.SWALLOW, places.SWALLOWPORT), blackhole.start(places.SWALLOW, places.DIRECT),
	};
	start_prosody(self, "far", {
		address = places.ADDRESS, hosts = domains_of(self, "far"), host_config = far_host_config(self),
		s2s_ports = { places.STARTTLS, places.SECOND, 5269 }, direct_tls_ports = { places.DIRECT }, direct_tls_address = "::1",
	});
end

local function start_hostile(self)
	local certified = {};
	for _, row in ipairs(self.rows) do
		local path = self.certified[row];
		if peer_of(row) == "hostile" then certified[row.domain] = { path, (path:gsub("crt$", "key")) }; end
	end
	local _, default = next(certified);
	self.hostile_certificates = certified;
	if default then
		self.hostile = hostile.listen({ address = self.places.HOSTILE, port = self.places.HOSTILEPORT, default = default, certificates = certified });
	end
end

local function start_near(self)
	start_prosody(self, "near", {
		address = self.places.NEAR, hosts = { [NEAR] = NEAR }, s2s_ports = { self.places.NEARPORT },
		modules = { "s2s_bidi" }, config = remote_config(self),
	});
end

-- Prosody opens its ports before it has loaded its hosts: once it answers a request, it has.
local function wait_for_all(self)
	ask(self, "far", "close", (next(domains_of(self, "far"))), NEAR);
	ask(self, "near", "close", NEAR, NEAR);
	if self.ejabberd then self.ejabberd:wait(); end
end

-- Starts everything. options: stock, as above; progress(text): called before each step; timeout: seconds that a ping may take.
function federation.start(groups, options)
	local progress = options.progress or function () end;
	-- Without it Prosody would go on with its own resolver, and that with the system's name servers.
	assert(options.stock or prosody.is_installed or process.read(prosody.core_path), prosody.core_path .. " is missing: run make first");
	local self = setmetatable({
		rows = federation.flatten(groups), stock = options.stock, timeout = options.timeout or 10, places = find_places(), certified = {}, requested = {},
	}, federation_mt);
	serial = serial + 1;
	self.name = "federation-" .. serial;
	self.directory = process.directory(self.name);
	self.endpoints = name_endpoints(self.places);

	progress("making certificates");
	self.authority, self.stranger = certificates.new_authority(), certificates.new_authority("stranger");
	for _, row in ipairs(self.rows) do
		self.certified[row] = certify(self, row);
	end
	progress("signing the zones");
	self.dns = zones.serve(all_zones(self));
	progress("starting the servers");
	start_ejabberd(self);
	start_hostile(self);
	start_far(self);
	start_near(self);
	wait_for_all(self);
	return self;
end

-- Pinging

-- Begins a ping from near whose result does not matter.
function federation_methods:begin_ping(domain)
	request(self, "near", "ping", NEAR, domain);
end

-- Its connection stays while it moves; then that one ends, and the old records too.
local function move(self, row)
	self.dns:update(alabels_of(row), fill_in(self, row, row.moves));
	local meanwhile = ask(self, "near", "ping", NEAR, row.domain);
	if not meanwhile.pong then return meanwhile; end
	ask(self, "near", "close", NEAR, row.domain);
	socket.sleep(row.zone.ttl + 1.2); -- libunbound counts whole seconds
	return ask(self, "near", "ping", NEAR, row.domain);
end

-- A stanza from the row's domain, over a stream of that domain, or of row.through with a dialback key for it.
local function send_in_bad_faith(self, row)
	local speaker = row.through or row.domain;
	local steps = { { ["do"] = "external" } };
	if row.through then steps[2] = { ["do"] = "dialback", from = row.domain, to = NEAR }; end
	steps[#steps + 1] = { ["do"] = "message", from = row.domain, to = NEAR, id = "1" };
	local started, own = socket.gettime(), self.hostile_certificates[speaker];
	local result = hostile.play({ {
		name = "1", address = self.places.NEAR, port = self.places.NEARPORT, from = speaker, to = NEAR, tls = "starttls";
		certificate = own[1], key = own[2], steps = steps;
	} })["1"];
	local refusal = table.concat(result.outcomes, " "):match("dialback (error.*)") or result.ending;
	local pong = refusal == "open";
	return { domain = row.domain, seconds = socket.gettime() - started, pong = pong, reason = not pong and refusal or nil };
end

-- Pings the row's domain, or lets it ping: the result.
function federation_methods:ping(row)
	if row.peer == "hostile" then return send_in_bad_faith(self, row); end
	if row.direction == "in" and row.peer == "ejabberd" then
		return self.ejabberd:ping(row.domain, NEAR, self.timeout);
	elseif row.direction == "in" then
		return ask(self, "far", "ping", row.domain, NEAR);
	end
	local result = ask(self, "near", "ping", NEAR, row.domain);
	return row.moves and result.pong and move(self, row) or result;
end

-- Name of the endpoint that a result has reached, as rows have it, nil, or "elsewhere".
function federation_methods:endpoint_name(result)
	if not result.endpoint then return nil; end
	for name, place in pairs(self.endpoints) do
		if result.endpoint.address == place[1] and result.endpoint.port == place[2] then return name; end
	end
	return "elsewhere";
end

-- The expected patterns when they are all found in the text, else the text itself.
local function match_reason(patterns, text)
	for _, pattern in ipairs(patterns or { "^" }) do
		if not (text or ""):find(pattern) then return text; end
	end
	return patterns;
end

-- The result in the form of a row's "expect": the seconds stand in "within" when they are too many.
function federation_methods:outcome(row, result)
	local within = row.expect.within;
	if (result.seconds or 0) > (within or DEFAULT_WITHIN) then within = result.seconds; end
	return {
		pong = result.pong, dnssec = result.dnssec, endpoint = result.pong and self:endpoint_name(result) or nil,
		reason = match_reason(row.expect.reason, result.reason), within = within,
	};
end

-- What is not as the row expects it, as text, and the field that it is about; nil when all is well.
function federation_methods:difference(row, result)
	local outcome, expect = self:outcome(row, result), row.expect;
	if outcome.pong ~= expect.pong then return expect.pong and "it must be answered" or "it must be refused", "pong"; end
	for _, field in ipairs({ "dnssec", "endpoint" }) do
		if outcome[field] ~= expect[field] then return ("%s must be: %s"):format(field, expect[field] or "none"), field; end
	end
	if outcome.within ~= expect.within then return ("it must take at most %.1f s"):format(expect.within or DEFAULT_WITHIN), "within"; end
	if outcome.reason ~= expect.reason then
		return "the reason must name " .. table.concat(expect.reason or {}, ", "):gsub("%%", ""), "reason";
	end
	return nil;
end

function federation_methods:stop()
	self.near:stop();
	self.far:stop();
	if self.ejabberd then self.ejabberd:stop(); end
	if self.hostile then self.hostile:stop(); end
	for _, hole in ipairs(self.holes) do
		hole:stop();
	end
	self.dns:stop();
end

return federation;
