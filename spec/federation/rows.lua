-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- The domains of the demo: what their DNS says, and how a ping to them must end.
--
-- domain, alabels (where they differ), about (for the reader), zone (as in spec.support.zones; $ADDRESS, $STARTTLS, $DIRECT:
-- where the far server lives; it is also at port 5269 of $ADDRESS; $DEAD: nobody there), expect (pong, dnssec, endpoint:
-- "starttls", "direct", "5269" or nil where no connection may come about, reason: a pattern for the bounced error's text).

return {
	{
		domain = "secure.example",
		about = "signed zone",
		zone = { records = "_xmpp-server._tcp SRV 0 0 $STARTTLS xmpp\nxmpp A $ADDRESS" },
		expect = { pong = true, dnssec = "secure", endpoint = "starttls" },
	},
	{
		domain = "plain.example",
		about = "unsigned delegation",
		zone = { records = "_xmpp-server._tcp SRV 0 0 $STARTTLS xmpp\nxmpp A $ADDRESS", signed = false },
		expect = { pong = true, dnssec = "insecure", endpoint = "starttls" },
	},
	{
		domain = "bogus.example",
		about = "broken signature, live server",
		zone = {
			records = "@ A $ADDRESS\n_xmpp-server._tcp SRV 0 0 $STARTTLS xmpp\nxmpp A $ADDRESS",
			fault = "signature",
			fault_at = "_xmpp-server._tcp SRV",
		},
		expect = { pong = false, dnssec = "bogus", reason = "validation failure <_xmpp%-server%._tcp%.bogus%.example%. SRV IN>" },
	},
	{
		domain = "direct.example",
		about = "_xmpps-server only",
		zone = { records = "_xmpps-server._tcp SRV 0 0 $DIRECT xmpp\nxmpp A $ADDRESS" },
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
		expect = { pong = false, dnssec = "secure", reason = "unavailable" },
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
		zone = { records = "_xmpp-server._tcp SRV 0 0 $STARTTLS xmpp\nxmpp A $ADDRESS" },
		expect = { pong = true, dnssec = "secure", endpoint = "starttls" },
	},
};
