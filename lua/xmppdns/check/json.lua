-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- What a check has found as JSON, for programs. Needs dkjson.

local FIELDS = [[
JSON: an object with
  xmppdns, libunbound   versions
  ok                    whether the exit status is 0
  configuration         what is wrong with Prosody's: list of { section, text, advice, level: "warning", or none }
  server                the running Prosody, with prosodyctl and without a domain:
    ok, state           no problem found; "active", "closed" (loaded, but does not serve), "absent" (not loaded), "stopped" (Prosody does not run),
                        "deaf" (it has no admin socket), "unreadable" (that may not be used) or "silent"
    since, problem      of that state, in seconds since 1970; why it is closed
    dnssec, dane, servers, anchors, cache: { entries, bytes }   as they are in force
    failures            the last lookups that failed: list of { at: seconds since 1970, text }
    differences         settings that are other in the file: list of { setting, running, file }
    findings            as those of health; more: list of texts
    ports               where it listens: list of { service, address, port }
  health                without a domain, and when the root's keys do not validate:
    ok, seconds, stripped   no problem found; how long it took; whether the servers strip DNSSEC
    findings            list of { level: "good", "warning" or "problem", topic, text, advice }
    root                { state: "good", "insecure", "bogus", "silent" or "failed", cause: "stripped", "clock", "anchors", "machine" (it
                        lacks descriptors, memory or threads) or "other", text, seconds }
    servers             list of { address, stripped, udp, tcp, tls: each as root, those that were asked }
    zones               the servers of stub and forward_zones: list of { zone, address, setting, kind: "resolver" or "authority", of a stub's, udp, tcp,
                        tls: as of servers }
    anchors             { source, changed: seconds since 1970, keys: list of { zone, tag, kind: "DS" or "DNSKEY",
                        state: of RFC 5011, verdict: of the root's keys: "current", "retired", "revoked" or "unknown" } }
  recovery              after a sick health: { recovered: whether the root is asked instead, text }
  domains               list, in the order of the command line, of
    given, domain       as typed, and as A-labels
    status              "good", "degraded" (reachable, but with problems) or "unreachable"
    problems            list of texts; empty when status is "good"
    warnings            list of texts
    exists, advice      false where the domain's name does not exist; what to do then about one of this server
    error               why nothing is dialled: { code, text }
    secure              whether both SRV answers, or their absence, are secured by DNSSEC
    srv                 list, for each service, of { service, name, state: "data", "absent", "unavailable" or "failed",
                        dnssec: "secure", "insecure", "bogus" or "failed", by_setting: true where it is insecure by the setting of
                        that name, asked: seconds since 1970, ttl,
                        alias: where a CNAME led, error: { code, text }, records: list of { priority, weight, port, target } }
    targets             list of { host, addresses: list of { type, dnssec, by_setting, asked, ttl, alias, error, addresses }, tlsa: list of { port, name,
                        dnssec, by_setting, asked, ttl, alias, error, usable, skipped: why none is used,
                        records: list of { usage, selector, matching, data: hexadecimal, usable, reason: why not } } }
    endpoints           list, in the order of dialling, of { host, service, priority, weight, port, tls: "direct" or "starttls",
                        error: { code, text }: why it is skipped, addresses, secure, dane: whether TLSA records decide,
                        connections: with --connect, list of { address, connected, protocol, cipher, alpn, names: of the certificate,
                        expires: its last day, ends: the same in seconds since 1970, days: until then, level, match: "dane" or "name",
                        name: which one, problem, unjudged: no authorities are known here; without_dane: for a domain of this server that matches by
                        DANE, "good" or what is wrong for servers that do not look at TLSA; published, served: lists of { usage, selector,
                        matching, data } that do not match }, here: for a domain of this server, whether it listens there: { level, text } }
    client              for a domain of this server, the services for its clients: { srv, targets, endpoints, left_out }
    chain               with --chain, list of { zone, dnssec, by_setting, ds, keys: lists of key tags, note, error, days, level,
                        signed_until: seconds since 1970 }
    tlsa_source         with --tlsa, where the certificate is from
    tlsa                with --tlsa, list of { host, port, name, records: to publish, list of { usage, selector, matching, data }, published,
                        others: published ones of other keys, ttl, stage: "first", "publish", "wait", "remove", "done", "switch", "broken", "unsigned",
                        "unknown" or "silent", text: what to do next }
    left_out            how many endpoints more there would be without max_endpoints
  What does not apply is left out. Bytes that are not UTF-8 are written as \DDD.
]];

-- In which the fields of every object are written: as FIELDS lists them.
local ORDER = {
	"xmppdns", "libunbound", "ok", "configuration", "server", "health", "recovery", "domains", "section", "level", "topic", "address", "source", "changed";
	"keys", "zone", "tag", "kind", "recovered", "given", "domain", "status", "problems", "warnings", "exists", "code";
	"host", "service", "priority", "weight", "port", "target", "type", "usage", "selector", "matching", "data", "connected", "protocol", "cipher", "alpn";
	"names", "expires", "ends", "days", "match", "name", "state", "since", "cause", "text", "seconds", "stripped", "findings", "root", "servers", "zones";
	"anchors", "setting", "advice", "more", "udp", "tcp", "tls", "verdict", "dnssec", "by_setting", "ds", "asked", "ttl", "alias", "error", "addresses", "secure";
	"srv", "targets", "endpoints", "client", "chain", "tlsa_source", "tlsa", "usable", "skipped", "records", "published", "served", "others", "stage", "reason";
	"dane", "connections", "problem", "unjudged", "left_out";
};

-- true, or nil and what is missing.
local function available()
	if pcall(require, "dkjson") then return true; end
	return nil, ("JSON needs dkjson (Debian: lua-dkjson, LuaRocks: dkjson) for %s"):format(_VERSION);
end

-- One character of UTF-8 (RFC 3629).
local CHARACTERS = {
	"^[\194-\223][\128-\191]$", "^\224[\160-\191][\128-\191]$", "^[\225-\236\238\239][\128-\191][\128-\191]$", "^\237[\128-\159][\128-\191]$";
	"^\240[\144-\191][\128-\191][\128-\191]$", "^[\241-\243][\128-\191][\128-\191][\128-\191]$", "^\244[\128-\143][\128-\191][\128-\191]$";
};

local function repair_character(bytes)
	for _, character in ipairs(CHARACTERS) do
		if bytes:find(character) then return bytes; end
	end
	return (bytes:gsub(".", function (byte) return ("\\\\%03d"):format(byte:byte()); end));
end

-- JSON is UTF-8, and dkjson passes on what it gets; what the network says can be any bytes, which are inside of strings then.
local function repair(encoded)
	return (encoded:gsub("[\128-\255][\128-\191]*", repair_character));
end

local function result_fields(result)
	return result and { state = result.state, cause = result.cause, text = result.text, seconds = result.seconds };
end

local function health_fields(findings)
	local fields = {
		ok = findings.ok, seconds = findings.seconds, stripped = findings.stripped, root = result_fields(findings.root);
		findings = {}, servers = {}, zones = {};
		anchors = { source = findings.anchors.source, changed = findings.anchors.changed, keys = {} };
	};
	for i, finding in ipairs(findings) do fields.findings[i] = finding; end
	for i, server in ipairs(findings.servers) do
		fields.servers[i] = {
			address = server.address, stripped = server.stripped;
			udp = result_fields(server.udp), tcp = result_fields(server.tcp), tls = result_fields(server.tls);
		};
	end
	for i, server in ipairs(findings.zones) do
		fields.zones[i] = {
			zone = server.zone, address = server.address, setting = server.setting, kind = server.kind;
			udp = result_fields(server.udp), tcp = result_fields(server.tcp), tls = result_fields(server.tls);
		};
	end
	for i, anchor in ipairs(findings.anchors) do
		fields.anchors.keys[i] = { zone = anchor.zone, tag = anchor.tag, kind = anchor.kind, state = anchor.state, verdict = anchor.verdict };
	end
	return fields;
end

-- found: { version = of xmppdns.version(), ok, configuration (of xmppdns.prosody.configuration), server (of xmppdns.prosody.running),
-- health (of xmppdns.trust.health), recovery, domains (of xmppdns.check.domain) }. An empty table is an empty list: no object is ever empty.
local function write(found)
	return repair(require "dkjson".encode({
		xmppdns = found.version.xmppdns, libunbound = found.version.libunbound, ok = found.ok, configuration = found.configuration;
		server = found.server, health = found.health and health_fields(found.health), recovery = found.recovery, domains = found.domains;
	}, { indent = true, keyorder = ORDER })) .. "\n";
end

return { FIELDS = FIELDS, available = available, write = write };
