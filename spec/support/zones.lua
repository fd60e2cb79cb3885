-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- A small DNS of one's own for specs: a signed root, the zones below it, and one NSD which serves them all.
--
-- local dns = zones.serve({
--	["example"] = {},                                       -- a parent that is not named here is made all the same
--	["secure.example"] = { records = "_xmpp-server._tcp SRV 0 0 5269 xmpp\nxmpp A 127.9.8.7" },
--	["plain.example"] = { records = "@ A 127.9.8.7", signed = false }, -- proven to be unsigned by its parent
--	["bogus.example"] = { records = "@ A 127.9.8.7", fault = "signature" },
-- });
-- local resolver = xmppdns.new(dns:settings({ timeout = 2 }));
--
-- A zone: records (lines of a zone file, relative to the zone; SOA, NS and "ns" are there already), signed (default true), keys
-- (numbers of the key pairs that sign it, default { 1 }, as in dns.anchors; the run makes a pair for each number at its first use; -2: key pair 2,
-- revoked (RFC 5011); 2.5: it is there, but signs nothing),
-- nsec3 (true, or the number of iterations: NSEC3 instead of NSEC), edit (a function from the text of the signed zone to what is served),
-- ttl (seconds, default 300), fault: "signature" (damaged; all of them except those of the keys, or only those over
-- fault_at = "name type", such as "_xmpp-server._tcp SRV"), "expired", "not-yet", "denied" (the name in fault_at is cut out of the signed
-- zone, as a forger of denials would), "servfail" (the zone cannot be loaded).

local process = require "spec.support.process";

local DAY = 86400;
local VALIDITY = { ["expired"] = { -60, -30 }, ["not-yet"] = { 30, 60 } };

local zones = {};
local dns_methods = {};
local dns_mt = { __index = dns_methods };
local keys = {}; -- key pairs for all zones of the run: making keys is slow, and nothing here needs to be secret

local function absolute(name)
	return name == "." and "." or name .. ".";
end

local function parent_of(name)
	if name == "." then return nil; end
	return name:match("^[^.]*%.(.+)$") or ".";
end

local function filename(name)
	return name == "." and "root" or name;
end

local function add_parents(wanted)
	local all = { ["."] = {} };
	for name, zone in pairs(wanted) do
		all[name] = zone;
	end
	for name in pairs(wanted) do
		local parent = parent_of(name);
		while parent and not all[parent] do
			all[parent] = {};
			parent = parent_of(parent);
		end
	end
	return all;
end

-- The names, each before its parent, because a parent contains its children's DS.
local function children_first(all)
	local function depth(name)
		local _, dots = absolute(name):gsub("%.", "");
		return name == "." and 0 or dots;
	end
	local names = {};
	for name in pairs(all) do
		table.insert(names, name);
	end
	table.sort(names, function (a, b)
		if depth(a) ~= depth(b) then return depth(a) > depth(b); end
		return a < b;
	end);
	return names;
end

local function make_key(directory)
	local base = process.run({ "dnssec-keygen", "-q", "-a", "ECDSAP256SHA256", "-f", "KSK", "-K", directory, "." }):match("(K%S+)");
	local public = process.read(directory .. "/" .. base .. ".key"):match("DNSKEY%s+([^\n]+)");
	return { tag = base:match("%d+$"), public = public, private = process.read(directory .. "/" .. base .. ".private") };
end

-- The run's key pair of that number, made at first use.
local function get_key(directory, number)
	local place = math.floor(math.abs(number));
	keys[place] = keys[place] or make_key(directory);
	local key = keys[place];
	if number > 0 then return key; end
	local flagged = { tag = ("%05d"):format((key.tag + 128) % 65536), public = key.public:gsub("^257", "385"), private = key.private };
	return flagged;
end

-- A key pair under the zone's name: the path of its files without their extension.
local function write_key(directory, name, key)
	local base = ("%s/K%s+013+%s"):format(directory, absolute(name), key.tag);
	process.write(base .. ".key", ("%s IN DNSKEY %s\n"):format(absolute(name), key.public));
	process.write(base .. ".private", key.private);
	return base;
end

-- The lines which a parent has about its child: the delegation and, for a signed child, its DS.
local function delegation(dns, name, zone)
	local lines = ("%s NS ns.%s\nns.%s A %s\n"):format(absolute(name), absolute(name), absolute(name), dns.address):gsub("%.%.", ".");
	if zone.signed == false then return lines; end
	return lines .. process.read(("%s/dsset-%s"):format(dns.directory, absolute(name)));
end

local function zone_text(dns, name, zone)
	local origin = absolute(name);
	local lines = {
		"$ORIGIN " .. origin,
		"$TTL " .. (zone.ttl or 300),
		("@ SOA ns hostmaster %d 3600 600 86400 %d"):format(dns.serial, zone.ttl or 300),
		"@ NS ns",
		"ns A " .. dns.address,
		zone.records or "",
		"",
	};
	for child, child_zone in pairs(dns.zones) do
		if parent_of(child) == name then
			table.insert(lines, delegation(dns, child, child_zone));
		end
	end
	return table.concat(lines, "\n");
end

local function sign_zone(dns, name, zone, path)
	local argv = { "dnssec-signzone", "-q", "-P", "-z", "-O", "full", "-o", absolute(name), "-d", dns.directory, "-f", path .. ".signed" };
	local function add(...)
		for _, word in ipairs({ ... }) do
			table.insert(argv, word);
		end
	end
	local validity = VALIDITY[zone.fault] or { -1, 30 };
	for i, option in ipairs({ "-s", "-e" }) do
		add(option, os.date("!%Y%m%d%H%M%S", os.time() + validity[i] * DAY));
	end
	if zone.nsec3 then add("-3", "-", "-H", tostring(tonumber(zone.nsec3) or 0)); end
	add(path);
	for _, number in ipairs(zone.keys or { 1 }) do
		local base = write_key(dns.directory, name, get_key(dns.directory, number));
		process.write(path, process.read(path) .. "\n$INCLUDE " .. base .. ".key\n");
		if number % 1 == 0 then add(base .. ".key"); end
	end
	process.run(argv, { cwd = dns.directory });
	os.rename(path .. ".signed", path);
end

-- Swaps two different characters inside a signature, which stays well-formed: base64 text of the same length.
local function damage_signature(line)
	local head, signature = line:match("^(.*%s)(%S+)$");
	for i = 10, #signature - 10 do
		local a, b = signature:sub(i, i), signature:sub(i + 1, i + 1);
		if a ~= b then
			return head .. signature:sub(1, i - 1) .. b .. a .. signature:sub(i + 2);
		end
	end
end

local function damage_zone(name, zone, path)
	local damaged_name, damaged_type = (zone.fault_at or ""):match("^(%S+)%s+(%S+)$");
	local owner = damaged_name == "@" and absolute(name) or damaged_name and damaged_name .. "." .. absolute(name);
	local lines, count = {}, 0;
	for line in io.lines(path) do
		local found, covered = line:match("^(%S+)%s+%d+%s+IN%s+RRSIG%s+(%S+)");
		if found and (owner and found:lower() == owner:lower() and covered == damaged_type or not owner and covered ~= "DNSKEY") then
			line = damage_signature(line);
			count = count + 1;
		end
		table.insert(lines, line);
	end
	assert(count > 0, ("zone %s has no signature over %s to damage"):format(name, zone.fault_at or "anything"));
	process.write(path, table.concat(lines, "\n") .. "\n");
end

-- All that is there under the name of fault_at vanishes, the proof of its existence too.
local function deny_name(name, zone, path)
	local denied = (zone.fault_at .. "." .. absolute(name)):lower();
	local lines, count = {}, 0;
	for line in io.lines(path) do
		if line:match("^%S*"):lower() == denied then
			count = count + 1;
		else
			table.insert(lines, line);
		end
	end
	assert(count > 0, ("zone %s has nothing at %s to deny"):format(name, zone.fault_at));
	process.write(path, table.concat(lines, "\n") .. "\n");
end

local function write_zone(dns, name)
	local zone = dns.zones[name];
	local path = process.write(dns.directory .. "/" .. filename(name), zone_text(dns, name, zone));
	if zone.signed == false then return; end
	sign_zone(dns, name, zone, path);
	if zone.fault == "signature" then damage_zone(name, zone, path); end
	if zone.fault == "denied" then deny_name(name, zone, path); end
	if zone.edit then process.write(path, zone.edit(process.read(path))); end
	if zone.fault == "servfail" then os.remove(path); end
end

local function write_config(dns)
	local lines = { ([[
server:
	ip-address: %s@%d
	server-count: 1
	username: ""
	zonesdir: "%s"
	pidfile: "%s/nsd.pid"
	xfrdfile: "%s/xfrd.state"
	zonelistfile: "%s/zone.list"
	database: ""
	cookie-secret-file: ""
	rrl-ratelimit: 0
	reuseport: no
remote-control:
	control-enable: no
]]):format(dns.address, dns.port, dns.directory, dns.directory, dns.directory, dns.directory) };
	for name in pairs(dns.zones) do
		table.insert(lines, ("zone:\n\tname: \"%s\"\n\tzonefile: \"%s\"\n"):format(name, filename(name)));
	end
	return process.write(dns.directory .. "/nsd.conf", table.concat(lines));
end

local function uint32(number)
	return string.char(math.floor(number / 0x1000000) % 0x100, math.floor(number / 0x10000) % 0x100, math.floor(number / 0x100) % 0x100, number % 0x100);
end

-- Whether NSD gives the current serial for the zone within so many seconds.
local function serves_serial(dns, name, seconds)
	local qname = name:gsub("[^.]+%.?", function (label)
		label = label:gsub("%.", "");
		return string.char(#label) .. label;
	end);
	local question = "\5\6\0\0\0\1\0\0\0\0\0\0" .. (name == "." and "" or qname) .. "\0\0\6\0\1";
	return process.wait_until(function ()
		local answer = process.wait_for_udp(dns.address, dns.port, question, 0.05);
		return answer and answer:find(uint32(dns.serial), 1, true);
	end, seconds);
end

local function fail_to_serve(dns, name)
	error(("NSD does not serve %s:\n%s"):format(name, dns.server:output()), 0);
end

-- Signs and serves the zones (a table from name to zone, as above) and returns once they are answered, on the port given (53 for who starts
-- from dns.hints, because root hints cannot say another one) or a free one:
-- { address, port, forward = "address@port", anchors = path of the root's trust anchor, hints = path of root hints, server = the process of NSD }.
function zones.serve(wanted, port)
	local address = process.free_address();
	local dns = setmetatable({ address = address, port = port or process.free_port(address), zones = add_parents(wanted), serial = os.time() }, dns_mt);
	dns.directory = process.directory(("dns-%s-%d"):format(dns.address, dns.port));
	dns.forward = ("%s@%d"):format(dns.address, dns.port);
	for _, name in ipairs(children_first(dns.zones)) do
		write_zone(dns, name);
	end
	dns.hints = process.write(dns.directory .. "/root.hints", (". 3600 IN NS ns.\nns. 3600 IN A %s\n"):format(dns.address));
	dns.anchors = process.write(dns.directory .. "/root.anchor", ". IN DNSKEY " .. get_key(dns.directory, 1).public .. "\n");
	dns.server = process.start({ "nsd", "-d", "-c", write_config(dns) }, { cwd = dns.directory, stdout = dns.directory .. "/nsd.log" });
	if not serves_serial(dns, ".", 60) then fail_to_serve(dns, "."); end
	return dns;
end

-- Settings for xmppdns.new, which make this DNS the only one; extra ones are added.
function dns_methods:settings(extra)
	local settings = { forward = self.forward, trustfile = self.anchors, resolvconf = false, hoststxt = false };
	for name, value in pairs(extra or {}) do
		settings[name] = value;
	end
	return settings;
end

-- Gives a zone other records, or, with a table, other fields of the zone; returns once they are served.
function dns_methods:update(name, change)
	local zone = assert(self.zones[name], "no such zone");
	for field, value in pairs(type(change) == "table" and change or { records = change }) do
		zone[field] = value;
	end
	self.serial = self.serial + 1;
	write_zone(self, name);
	self.server:signal("HUP");
	if not serves_serial(self, name, 60) then fail_to_serve(self, name); end
end

function dns_methods:stop()
	self.server:stop();
end

return zones;
