-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- The signed zones that make bench asks, made once and kept in build/bench/zones until they are a week old.
--
-- names.bench      n1 to n20000, each with two SRV records _xmpp-server._tcp
-- d1.bench ...     usual domains, a zone each: SRV of xmpp-server to xmpp.d1.bench with A (FAR), AAAA and TLSA (of the file wildcard.crt, for *.bench and
--                  with its key); A and AAAA of its own; no xmpps-server
-- alias1.bench ... the same, but the target is a CNAME
-- bare1.bench ...  A and AAAA, no SRV
-- dead.bench       two targets of one priority, but for one time in 65,536 in this order: the first at the address DEAD, the second at LIVE
-- backup.bench     the same with two priorities
-- live.bench       the same, both at LIVE

local certificates = require "spec.support.certificates";
local process = require "spec.support.process";

local NAMES, DOMAINS, BARE, ALIASES = 20000, tonumber(os.getenv("DOMAINS") or "") or 5000, 40, 40;
local DEAD, LIVE, FAR, PORT = "127.201.7.33", "127.201.7.34", "127.201.7.35", 15269;
local VERSION = 4; -- of what this file makes
local DAY = 86400;

local function header(origin)
	return ("$ORIGIN %s\n$TTL 3600\n@ SOA ns.bench. hostmaster.bench. 1 3600 600 86400 3600\n@ NS ns.bench.\n"):format(origin);
end

local function name_records(count)
	local lines = {};
	for i = 1, count do
		lines[i] = ("_xmpp-server._tcp.n%d SRV 10 5 5269 xmpp%d.n%d\n_xmpp-server._tcp.n%d SRV 20 5 5269 backup%d.n%d\n"):format(i, i, i, i, i, i);
	end
	return table.concat(lines);
end

local ADDRESSES = "@ A 127.0.0.1\n@ AAAA ::1\n";
local SERVICE = ("_xmpp-server._tcp SRV 0 0 %d xmpp\n"):format(PORT);

local function host_records(host, digest)
	return ("%s A %s\n%s AAAA ::1\n_%d._tcp.xmpp TLSA 3 1 1 %s\n"):format(host, FAR, host, PORT, digest);
end

local function domain_records(digest)
	return ADDRESSES .. SERVICE .. host_records("xmpp", digest);
end

local function alias_records(digest)
	return ADDRESSES .. SERVICE .. "xmpp CNAME host\n" .. host_records("host", digest);
end

local function target_records(first, second, second_priority)
	return ("_xmpp-server._tcp SRV 1 65535 %d one\n_xmpp-server._tcp SRV %d 0 %d two\none A %s\ntwo A %s\n"):format(
		PORT, second_priority, PORT, first, second);
end

-- All zones but the two above them: name -> records. digest: of the certificate's key.
local function child_zones(digest)
	local zones = {
		["names.bench."] = name_records(NAMES);
		["dead.bench."] = target_records(DEAD, LIVE, 1);
		["backup.bench."] = target_records(DEAD, LIVE, 2);
		["live.bench."] = target_records(LIVE, LIVE, 1);
	};
	for i = 1, DOMAINS do zones[("d%d.bench."):format(i)] = domain_records(digest); end
	for i = 1, ALIASES do zones[("alias%d.bench."):format(i)] = alias_records(digest); end
	for i = 1, BARE do zones[("bare%d.bench."):format(i)] = ADDRESSES; end
	return zones;
end

local function make_key(directory)
	local base = process.run({ "dnssec-keygen", "-q", "-a", "ECDSAP256SHA256", "-f", "KSK", "-K", directory, "." }):match("(K%S+)");
	local public = process.read(directory .. "/" .. base .. ".key"):match("DNSKEY%s+([^\n]+)");
	return { tag = base:match("%d+$"), public = public, private = process.read(directory .. "/" .. base .. ".private") };
end

local function filename(name)
	return name == "." and "root." or name;
end

-- One key pair for all zones: nothing here is secret.
local function write_zone(directory, key, name, records)
	local base = ("%s/K%s+013+%s"):format(directory, name, key.tag);
	process.write(base .. ".key", ("%s IN DNSKEY %s\n"):format(name, key.public));
	process.write(base .. ".private", key.private);
	process.write(directory .. "/" .. filename(name), header(name) .. records .. "@ DNSKEY " .. key.public .. "\n");
end

-- Two at a time.
local function sign_zones(directory, key, names)
	local lines = {};
	for i, name in ipairs(names) do
		lines[i] = ("-o %s -f %ssigned %s K%s+013+%s.key\n"):format(name, filename(name), filename(name), name, key.tag);
	end
	process.write(directory .. "/to-sign", table.concat(lines));
	process.run({ "sh", "-c", ("xargs -P 2 -L 1 dnssec-signzone -q -P -z -O full -e +%d <to-sign >/dev/null"):format(30 * DAY) }, { cwd = directory });
end

-- The delegations to zones, each with its DS.
local function delegations(directory, zones)
	local lines = { "ns A 127.0.0.1\n" };
	for name in pairs(zones) do
		lines[#lines + 1] = ("%s NS ns.bench.\n"):format(name);
		lines[#lines + 1] = process.read(directory .. "/dsset-" .. name) or "";
	end
	return table.concat(lines);
end

local function write_config(directory, names)
	local lines = {};
	for _, name in ipairs(names) do
		lines[#lines + 1] = ("zone:\n\tname: \"%s\"\n\tzonefile: \"%ssigned\"\n"):format(name, filename(name));
	end
	process.write(directory .. "/zones.conf", table.concat(lines));
end

local function make_certificate(directory)
	local path = directory .. "/wildcard.crt";
	process.run({ "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30", "-subj", "/CN=bench",
		"-addext", "subjectAltName=DNS:*.bench", "-keyout", directory .. "/wildcard.key", "-out", path });
	return path;
end

local function make_zones(directory)
	io.stderr:write(("bench: signing %d zones, which takes a minute once a week ...\n"):format(DOMAINS + ALIASES + BARE + 6));
	local digest = certificates.digest(make_certificate(directory), 1);
	local key, children, names = make_key(directory), child_zones(digest), { ".", "bench." };
	local signed = {};
	for name, records in pairs(children) do
		write_zone(directory, key, name, records);
		signed[#signed + 1] = name;
		names[#names + 1] = name;
	end
	sign_zones(directory, key, signed);
	write_zone(directory, key, "bench.", delegations(directory, children));
	sign_zones(directory, key, { "bench." });
	write_zone(directory, key, ".", "bench. NS ns.bench.\nns.bench. A 127.0.0.1\n" .. process.read(directory .. "/dsset-bench."));
	sign_zones(directory, key, { "." });
	write_config(directory, names);
	process.write(directory .. "/anchors", ". IN DNSKEY " .. key.public .. "\n");
end

-- The directory of the zones, made if need be: zones.conf for NSD, anchors for resolvers.
local function prepare()
	local directory = ("%s/build/bench/zones-%d-%d"):format(process.run({ "pwd" }):gsub("\n", ""), VERSION, DOMAINS);
	local made = tonumber(process.read(directory .. "/made") or 0);
	if os.time() - made > 7 * DAY then
		local fresh = process.directory("zones");
		make_zones(fresh);
		process.write(fresh .. "/made", tostring(os.time()));
		process.run({ "rm", "-rf", directory });
		process.run({ "mkdir", "-p", "build/bench" });
		process.run({ "cp", "-r", fresh, directory });
	end
	return directory;
end

return { prepare = prepare, NAMES = NAMES, DOMAINS = DOMAINS, DEAD = DEAD, LIVE = LIVE, FAR = FAR, PORT = PORT };
