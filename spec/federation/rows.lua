-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- The domains which are pinged: what their DNS says, what waits there, and how a ping to them must end.
--
-- A list of groups { title, about, rows }. A row:
-- domain, alabels (where they differ), about (for the reader), demo (false: too much for a demo)
-- zone (as in spec.support.zones), below ({ [name below the domain] = zone }), both with places (see below) in all texts
-- certificate (of the domain): nil (by the authority that all trust), "self-signed", or "stranger" (by an authority that nobody
--   trusts, whose own certificate is in the handshake), or "twin" (by an authority of the stranger's name that a trusted one has made; the
--   stranger's own certificate is in the handshake too). names (in the certificate): default the domain's
-- alone (true, and wherever the certificate is unusual): the ping is answered over its own connection, so that the row is about one
--   direction alone; elsewhere the domain connects to near.example
-- peer: "ejabberd" (default: Prosody), or "hostile": it sends a stanza as the domain; through: over a stream that proves to be this other one's,
--   with a dialback key for the domain
-- direction: "in" (the domain pings near.example, and near's view of the domain counts)
-- remote: what near's xmppdns_remote has for the domain
-- moves: { records of the zone to which it changes once there is a connection }; the row is about the ping after that one has ended
-- expect: pong, dnssec, endpoint (nil where no connection may come about), reason (of the bounce: patterns that must all be found),
--   within (seconds, default 3)
--
-- Places: $ADDRESS with the ports $STARTTLS (endpoint "starttls"), $SECOND ("second"), 5269 ("5269") and $DIRECT ("direct", which is
-- also on ::1: "direct6"): the far server. $EJABBERD with $EJABBERDSTARTTLS ("ejabberd"), $EJABBERDDIRECT ("ejabberd direct").
-- $HOSTILE with $HOSTILEPORT: says yes to every dialback key.
-- $DEAD: nobody there. $SWALLOW with $SWALLOWPORT and $DIRECT, and ::1 with $STARTTLS: swallow packets. $ALPN: an openssl s_server.
-- Digests of the domain's certificate: $SPKI (its key), $CERT; $TACERT, $TASPKI: of the stranger's authority; $OTHER: of nothing at all.

local STARTTLS = "_xmpp-server._tcp SRV 0 0 $STARTTLS xmpp\nxmpp A $ADDRESS\n";
local TWO_TARGETS = "_xmpp-server._tcp SRV 0 0 $STARTTLS xmpp\n_xmpp-server._tcp SRV 1 0 $SECOND xmpp\nxmpp A $ADDRESS\n";
local DIRECT = "_xmpps-server._tcp SRV 0 0 $DIRECT xmpp\nxmpp A $ADDRESS\n";
local EJABBERD = "_xmpp-server._tcp SRV 0 0 $EJABBERDSTARTTLS xmpp\nxmpp A $EJABBERD\n";
local TLSA = "_$STARTTLS._tcp.xmpp TLSA ";
local MATCHING = TLSA .. "3 1 1 $SPKI\n";
local WRONG = TLSA .. "3 1 1 $OTHER\n";

local basics = {
	{
		domain = "secure.example",
		about = "signed zone",
		zone = { records = STARTTLS },
		expect = { pong = true, dnssec = "secure", endpoint = "starttls" },
	},
	{
		domain = "plain.example",
		about = "unsigned delegation",
		zone = { records = STARTTLS, signed = false },
		expect = { pong = true, dnssec = "insecure", endpoint = "starttls" },
	},
	{
		domain = "bogus.example",
		about = "broken signature, live server",
		zone = { records = "@ A $ADDRESS\n" .. STARTTLS, fault = "signature", fault_at = "_xmpp-server._tcp SRV" },
		expect = { pong = false, dnssec = "bogus", reason = { "SRV", "_xmpp%-server%._tcp%.bogus%.example", "validation failure" } },
	},
	{
		domain = "direct.example",
		about = "_xmpps-server only",
		zone = { records = DIRECT },
		expect = { pong = true, dnssec = "secure", endpoint = "direct" },
	},
	{
		domain = "nosrv.example",
		about = "only an address: fallback",
		zone = { records = "@ A $ADDRESS" },
		expect = { pong = true, dnssec = "secure", endpoint = "5269" },
	},
	{
		domain = "dot.example",
		about = "target \".\": no service",
		zone = { records = "@ A $ADDRESS\n_xmpp-server._tcp SRV 0 0 0 ." },
		expect = { pong = false, dnssec = "secure", reason = { "unavailable" } },
	},
	{
		domain = "dead.example",
		about = "first target refuses",
		zone = {
			records = "_xmpp-server._tcp SRV 0 0 $STARTTLS dead\n_xmpp-server._tcp SRV 1 0 $STARTTLS alive\ndead A $DEAD\nalive A $ADDRESS",
		},
		expect = { pong = true, dnssec = "secure", endpoint = "starttls" },
	},
	{
		domain = "bücher.example",
		alabels = "xn--bcher-kva.example",
		about = "internationalised name",
		zone = { records = STARTTLS },
		expect = { pong = true, dnssec = "secure", endpoint = "starttls" },
	},
};

local dane = {
	{
		domain = "ee.example",
		about = "TLSA 3 1 1, self-signed",
		certificate = "self-signed",
		zone = { records = STARTTLS .. MATCHING },
		expect = { pong = true, dnssec = "secure", endpoint = "starttls" },
	},
	{
		domain = "ta.example",
		about = "TLSA 2 0 1, unknown authority",
		certificate = "stranger",
		names = { "ta.example", "xmpp.ta.example" },
		zone = { records = STARTTLS .. TLSA .. "2 0 1 $TACERT" },
		expect = { pong = true, dnssec = "secure", endpoint = "starttls" },
	},
	{
		domain = "ta-domain.example",
		about = "the same, for the domain's name",
		certificate = "stranger",
		zone = { records = STARTTLS .. TLSA .. "2 0 1 $TACERT" },
		expect = { pong = true, dnssec = "secure", endpoint = "starttls" },
	},
	{
		domain = "ta-target.example",
		demo = false,
		about = "the same, for the target's name",
		certificate = "stranger",
		names = { "xmpp.ta-target.example" },
		zone = { records = STARTTLS .. TLSA .. "2 0 1 $TACERT" },
		expect = { pong = true, dnssec = "secure", endpoint = "starttls" },
	},
	{
		domain = "ta-other.example",
		demo = false,
		about = "the same, for another name",
		certificate = "stranger",
		names = { "other.example" },
		zone = { records = STARTTLS .. TLSA .. "2 0 1 $TACERT" },
		expect = { pong = false, dnssec = "secure", reason = { "certificate" } },
	},
	{
		domain = "pkix.example",
		demo = false,
		about = "TLSA 1 1 1, good certificate",
		names = { "pkix.example", "xmpp.pkix.example" },
		zone = { records = STARTTLS .. TLSA .. "1 1 1 $SPKI" },
		expect = { pong = true, dnssec = "secure", endpoint = "starttls" },
	},
	{
		domain = "pkix-self.example",
		demo = false,
		about = "TLSA 1 1 1, self-signed",
		certificate = "self-signed",
		names = { "pkix-self.example", "xmpp.pkix-self.example" },
		zone = { records = STARTTLS .. TLSA .. "1 1 1 $SPKI" },
		expect = { pong = false, dnssec = "secure", reason = { "certificate" } },
	},
	{
		domain = "ee-direct.example",
		about = "direct TLS, TLSA 3 0 1",
		certificate = "self-signed",
		zone = { records = DIRECT .. "_$DIRECT._tcp.xmpp TLSA 3 0 1 $CERT" },
		expect = { pong = true, dnssec = "secure", endpoint = "direct" },
	},
	{
		domain = "none.example",
		about = "no TLSA, self-signed",
		certificate = "self-signed",
		zone = { records = STARTTLS },
		expect = { pong = false, dnssec = "secure", reason = { "certificate" } },
	},
	{
		domain = "denied.example",
		demo = false,
		about = "no TLSA, good certificate",
		zone = { records = STARTTLS .. "_$SECOND._tcp.xmpp TLSA 3 1 1 $OTHER" },
		expect = { pong = true, dnssec = "secure", endpoint = "starttls" },
	},
	{
		domain = "mismatch.example",
		about = "TLSA of another certificate",
		zone = { records = STARTTLS .. WRONG },
		expect = { pong = false, dnssec = "secure", reason = { "TLSA", "xmpp%.mismatch%.example" } },
	},
	{
		domain = "second.example",
		about = "only the second target matches",
		alone = true,
		zone = { records = TWO_TARGETS .. WRONG .. "_$SECOND._tcp.xmpp TLSA 3 1 1 $SPKI" },
		expect = { pong = true, dnssec = "secure", endpoint = "second" },
	},
	{
		domain = "direct-first.example",
		about = "mismatch at direct TLS, then good",
		alone = true,
		zone = {
			records = "_xmpps-server._tcp SRV 0 0 $DIRECT xmpp\n_xmpp-server._tcp SRV 1 0 $STARTTLS xmpp\nxmpp A $ADDRESS\n"
				.. MATCHING .. "_$DIRECT._tcp.xmpp TLSA 3 1 1 $OTHER",
		},
		expect = { pong = true, dnssec = "secure", endpoint = "starttls" },
	},
	{
		domain = "bogus-tlsa.example",
		about = "broken signature over TLSA",
		zone = { records = STARTTLS .. MATCHING, fault = "signature", fault_at = "_$STARTTLS._tcp.xmpp TLSA" },
		expect = { pong = false, dnssec = "secure", reason = { "TLSA", "xmpp%.bogus%-tlsa%.example", "validation failure" } },
	},
	{
		domain = "forged.example",
		about = "forged denial of TLSA",
		zone = { records = STARTTLS .. MATCHING, fault = "denied", fault_at = "_$STARTTLS._tcp.xmpp" },
		expect = { pong = false, dnssec = "secure", reason = { "TLSA", "xmpp%.forged%.example", "validation failure" } },
	},
	{
		domain = "servfail.example",
		about = "TLSA's name server fails",
		zone = { records = "_xmpp-server._tcp SRV 0 0 $STARTTLS xmpp" },
		below = { ["xmpp"] = { records = "@ A $ADDRESS" }, ["_tcp.xmpp"] = { fault = "servfail" } },
		expect = { pong = false, dnssec = "secure", reason = { "TLSA", "xmpp%.servfail%.example" } },
	},
	{
		domain = "next.example",
		about = "TLSA fails at the first target",
		alone = true,
		zone = { records = "_xmpp-server._tcp SRV 0 0 $STARTTLS first\n_xmpp-server._tcp SRV 1 0 $SECOND xmpp\nxmpp A $ADDRESS" },
		below = { ["first"] = { records = "@ A $ADDRESS" }, ["_tcp.first"] = { fault = "servfail" } },
		expect = { pong = true, dnssec = "secure", endpoint = "second" },
	},
	{
		domain = "unusable.example",
		about = "TLSA 3 9 9: unusable, so PKIX",
		zone = { records = STARTTLS .. TLSA .. "3 9 9 $OTHER" },
		expect = { pong = true, dnssec = "secure", endpoint = "starttls" },
	},
	{
		domain = "unusable-self.example",
		demo = false,
		about = "TLSA 3 9 9, self-signed",
		certificate = "self-signed",
		zone = { records = STARTTLS .. TLSA .. "3 9 9 $OTHER" },
		expect = { pong = false, dnssec = "secure", reason = { "certificate" } },
	},
	{
		domain = "plain-tlsa.example",
		about = "unsigned: TLSA does not count",
		zone = { records = STARTTLS .. WRONG, signed = false },
		expect = { pong = true, dnssec = "insecure", endpoint = "starttls" },
	},
	{
		domain = "expanded.example",
		about = "CNAME, TLSA at its target",
		certificate = "self-signed",
		zone = { records = "_xmpp-server._tcp SRV 0 0 $STARTTLS alias\nalias CNAME xmpp\nxmpp A $ADDRESS\n" .. MATCHING },
		expect = { pong = true, dnssec = "secure", endpoint = "starttls" },
	},
	{
		domain = "original.example",
		demo = false,
		about = "CNAME, TLSA at its own name",
		certificate = "self-signed",
		zone = {
			records = "_xmpp-server._tcp SRV 0 0 $STARTTLS alias\nalias CNAME xmpp\nxmpp A $ADDRESS\n_$STARTTLS._tcp.alias TLSA 3 1 1 $SPKI",
		},
		expect = { pong = true, dnssec = "secure", endpoint = "starttls" },
	},
};

local hard = {
	{
		domain = "delegated.example",
		about = "certificate of the SRV target",
		names = { "xmpp.delegated.example" },
		zone = { records = STARTTLS },
		expect = { pong = true, dnssec = "secure", endpoint = "starttls" },
	},
	{
		domain = "misdirected.example",
		demo = false,
		about = "the same, but unsigned",
		names = { "xmpp.misdirected.example" },
		zone = { records = STARTTLS, signed = false },
		expect = { pong = false, dnssec = "insecure", reason = { "certificate" } },
	},
	{
		domain = "swallow-first.example",
		demo = false,
		about = "first priority swallows packets",
		zone = {
			records = "_xmpp-server._tcp SRV 0 0 $DIRECT hole\n_xmpp-server._tcp SRV 1 0 $STARTTLS xmpp\nhole A $SWALLOW\nxmpp A $ADDRESS",
		},
		expect = { pong = true, dnssec = "secure", endpoint = "starttls", within = 5 },
	},
	{
		domain = "swallow.example",
		about = "first target swallows packets",
		zone = {
			records = "_xmpp-server._tcp SRV 0 65535 $SWALLOWPORT hole\n_xmpp-server._tcp SRV 0 0 $STARTTLS xmpp\nhole A $SWALLOW\nxmpp A $ADDRESS",
		},
		expect = { pong = true, dnssec = "secure", endpoint = "starttls", within = 1.5 },
	},
	{
		domain = "dead6.example",
		about = "AAAA swallows packets, A alive",
		zone = { records = STARTTLS .. "xmpp AAAA ::1" },
		expect = { pong = true, dnssec = "secure", endpoint = "starttls", within = 1.5 },
	},
	{
		domain = "dead4.example",
		demo = false,
		about = "A swallows packets, AAAA alive",
		zone = { records = "_xmpps-server._tcp SRV 0 0 $DIRECT xmpp\nxmpp A $SWALLOW\nxmpp AAAA ::1" },
		expect = { pong = true, dnssec = "secure", endpoint = "direct6", within = 1.5 },
	},
	{
		domain = "ipv6.example",
		about = "IPv6 only",
		zone = { records = "_xmpps-server._tcp SRV 0 0 $DIRECT xmpp\nxmpp AAAA ::1" },
		expect = { pong = true, dnssec = "secure", endpoint = "direct6" },
	},
	{
		domain = "interleaved.example",
		about = "xmpps 0 (dead), xmpp 1, xmpps 2",
		zone = {
			records = "_xmpps-server._tcp SRV 0 0 $DIRECT dead\n_xmpp-server._tcp SRV 1 0 $STARTTLS xmpp\n"
				.. "_xmpps-server._tcp SRV 2 0 $DIRECT xmpp\ndead A $DEAD\nxmpp A $ADDRESS",
		},
		expect = { pong = true, dnssec = "secure", endpoint = "starttls" },
	},
	{
		domain = "stale.example",
		about = "xmpps record of a STARTTLS port",
		zone = {
			records = "_xmpps-server._tcp SRV 0 0 $STARTTLS xmpp\n_xmpp-server._tcp SRV 1 0 $SECOND xmpp\nxmpp A $ADDRESS",
		},
		expect = { pong = true, dnssec = "secure", endpoint = "second" },
	},
	{
		domain = "bogus-first.example",
		demo = false,
		about = "first target's address bogus",
		alone = true,
		zone = {
			records = "_xmpp-server._tcp SRV 0 0 $STARTTLS first\n_xmpp-server._tcp SRV 1 0 $SECOND xmpp\nfirst A $ADDRESS\nxmpp A $ADDRESS",
			fault = "signature", fault_at = "first A",
		},
		expect = { pong = true, dnssec = "secure", endpoint = "second" },
	},
	{
		domain = "expired.example",
		demo = false,
		about = "expired signatures",
		zone = { records = "@ A $ADDRESS\n" .. STARTTLS, fault = "expired" },
		expect = { pong = false, dnssec = "bogus", reason = { "SRV", "_xmpp%-server%._tcp%.expired%.example", "expired" } },
	},
	{
		domain = "moved.example",
		about = "moves while connected",
		zone = { records = STARTTLS, ttl = 1 },
		moves = { records = "_xmpp-server._tcp SRV 0 0 $SECOND xmpp\nxmpp A $ADDRESS" },
		expect = { pong = true, dnssec = "secure", endpoint = "second" },
	},
};

local policy = {
	{
		domain = "strict.example",
		about = "unsigned, dnssec = \"required\"",
		zone = { records = STARTTLS, signed = false },
		remote = { dnssec = "required" },
		expect = { pong = false, dnssec = "insecure", reason = { "SRV", "not secure" } },
	},
	{
		domain = "strict-dane.example",
		about = "no TLSA, dane = \"required\"",
		zone = { records = STARTTLS },
		remote = { dane = "required" },
		expect = { pong = false, dnssec = "secure", reason = { "TLSA" } },
	},
	{
		domain = "lax-dane.example",
		about = "TLSA mismatch, dane = \"off\"",
		zone = { records = STARTTLS .. WRONG },
		remote = { dane = "off" },
		expect = { pong = true, dnssec = "secure", endpoint = "starttls" },
	},
	{
		domain = "static.example",
		about = "static host and port, dead in DNS",
		zone = { records = "_xmpp-server._tcp SRV 0 0 $STARTTLS xmpp\nxmpp A $DEAD" },
		remote = { host = "$ADDRESS", port = "$SECOND" },
		expect = { pong = true, dnssec = "secure", endpoint = "second" },
	},
	{
		domain = "static-direct.example",
		demo = false,
		about = "static, direct TLS",
		zone = { records = "_xmpp-server._tcp SRV 0 0 $STARTTLS xmpp\nxmpp A $DEAD" },
		remote = { host = "$ADDRESS", port = "$DIRECT", tls = "direct" },
		expect = { pong = true, dnssec = "secure", endpoint = "direct" },
	},
};

local inbound = {
	{
		domain = "in.example",
		about = "no TLSA, good certificate",
		direction = "in",
		zone = { records = STARTTLS },
		expect = { pong = true, dnssec = "secure", endpoint = "near" },
	},
	{
		domain = "in-ee.example",
		about = "TLSA 3 1 1, self-signed",
		direction = "in",
		certificate = "self-signed",
		zone = { records = STARTTLS .. MATCHING },
		expect = { pong = true, dnssec = "secure", endpoint = "near" },
	},
	{
		domain = "in-ta.example",
		about = "TLSA 2 0 1, unknown authority",
		direction = "in",
		certificate = "stranger",
		zone = { records = STARTTLS .. TLSA .. "2 0 1 $TACERT" },
		expect = { pong = true, dnssec = "secure", endpoint = "near" },
	},
	{
		domain = "in-none.example",
		about = "no TLSA, self-signed",
		direction = "in",
		certificate = "self-signed",
		zone = { records = STARTTLS },
		expect = { pong = false, dnssec = "secure" },
	},
	{
		domain = "in-mismatch.example",
		about = "TLSA of another certificate",
		direction = "in",
		zone = { records = STARTTLS .. WRONG },
		expect = { pong = false, dnssec = "secure" },
	},
	{
		domain = "in-bogus.example",
		demo = false,
		about = "broken signature over TLSA",
		direction = "in",
		zone = { records = STARTTLS .. MATCHING, fault = "signature", fault_at = "_$STARTTLS._tcp.xmpp TLSA" },
		expect = { pong = false, dnssec = "secure" },
	},
	{
		domain = "in-servfail.example",
		about = "TLSA's name server fails",
		direction = "in",
		zone = { records = "_xmpp-server._tcp SRV 0 0 $STARTTLS xmpp" },
		below = { ["xmpp"] = { records = "@ A $ADDRESS" }, ["_tcp.xmpp"] = { fault = "servfail" } },
		expect = { pong = false, dnssec = "secure" },
	},
};

local ejabberd = {
	{
		domain = "ejabberd.example",
		about = "STARTTLS",
		peer = "ejabberd",
		zone = { records = EJABBERD },
		expect = { pong = true, dnssec = "secure", endpoint = "ejabberd" },
	},
	{
		domain = "ejabberd-direct.example",
		about = "direct TLS",
		peer = "ejabberd",
		zone = { records = "_xmpps-server._tcp SRV 0 0 $EJABBERDDIRECT xmpp\nxmpp A $EJABBERD" },
		expect = { pong = true, dnssec = "secure", endpoint = "ejabberd direct" },
	},
	{
		domain = "ejabberd-ee.example",
		about = "TLSA 3 1 1, self-signed",
		peer = "ejabberd",
		certificate = "self-signed",
		zone = { records = EJABBERD .. "_$EJABBERDSTARTTLS._tcp.xmpp TLSA 3 1 1 $SPKI" },
		expect = { pong = true, dnssec = "secure", endpoint = "ejabberd" },
	},
	{
		domain = "ejabberd-mismatch.example",
		about = "TLSA of another certificate",
		peer = "ejabberd",
		zone = { records = EJABBERD .. "_$EJABBERDSTARTTLS._tcp.xmpp TLSA 3 1 1 $OTHER" },
		expect = { pong = false, dnssec = "secure", reason = { "TLSA", "xmpp%.ejabberd%-mismatch%.example" } },
	},
};

local ejabberd_in = {
	{
		domain = "ejabberd-in.example",
		about = "good certificate",
		peer = "ejabberd",
		direction = "in",
		zone = { records = EJABBERD },
		expect = { pong = true },
	},
	{
		domain = "ejabberd-in-ee.example",
		about = "TLSA 3 1 1, self-signed",
		peer = "ejabberd",
		direction = "in",
		certificate = "self-signed",
		zone = { records = EJABBERD .. "_$EJABBERDSTARTTLS._tcp.xmpp TLSA 3 1 1 $SPKI" },
		expect = { pong = true },
	},
	{
		domain = "ejabberd-in-none.example",
		demo = false,
		about = "no TLSA, self-signed",
		peer = "ejabberd",
		direction = "in",
		certificate = "self-signed",
		zone = { records = EJABBERD },
		expect = { pong = false },
	},
};

local HOSTILE = "_xmpp-server._tcp SRV 0 0 $HOSTILEPORT xmpp\nxmpp A $HOSTILE\n";
local HOSTILE_TLSA = HOSTILE .. "_$HOSTILEPORT._tcp.xmpp TLSA ";

local hostile = {
	{
		domain = "honest.example",
		about = "itself, TLSA 3 1 1",
		peer = "hostile",
		zone = { records = HOSTILE_TLSA .. "3 1 1 $SPKI" },
		expect = { pong = true },
	},
	{
		domain = "victim.example",
		about = "dialback through honest.example",
		peer = "hostile",
		through = "honest.example",
		zone = { records = HOSTILE_TLSA .. "3 1 1 $SPKI" },
		expect = { pong = false, reason = { "does not match your TLSA records" } },
	},
	{
		domain = "twin.example",
		about = "TLSA 2 1 1, twin of the authority",
		peer = "hostile",
		certificate = "twin",
		zone = { records = HOSTILE_TLSA .. "2 1 1 $TASPKI" },
		expect = { pong = false, reason = { "does not match your TLSA records" } },
	},
};

return {
	{ title = "near.example pings", about = "their DNS", rows = basics },
	{ title = "DANE", about = "TLSA and certificate", rows = dane },
	{ title = "hard cases", about = "what is odd", rows = hard },
	{ title = "policy", about = "xmppdns_remote", rows = policy },
	{ title = "near.example is pinged by", about = "TLSA and certificate", rows = inbound },
	{ title = "near.example pings", about = "ejabberd", rows = ejabberd },
	{ title = "near.example is pinged by", about = "ejabberd", rows = ejabberd_in },
	{ title = "near.example hears from", about = "a peer of bad faith", rows = hostile },
};
