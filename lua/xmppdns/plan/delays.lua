-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- Every waiting time on the way from the answers of DNS to a connection, in seconds, with its reason.

return {
	resolution = 0.05; -- for which an endpoint's IPv4 addresses wait for its IPv6 addresses (RFC 8305, 3; XEP-0495)
	overtaking = 0.05; -- for which an endpoint waits for the answers of one before it in the same priority
	attempt = 0.25;    -- between two attempts to connect, while the earlier one has not failed (RFC 8305, 5); also net.connect's in Prosody 13
	group = 2;         -- without an answer, before the next priority is tried too: a lost SYN is sent again after one second
	slow = 0.5;        -- after which a plan that still waits for answers no longer keeps others from starting
	proof = 1;         -- without an answer about TLSA, before it is asked whether the name exists at all
	lag = 0.01;        -- by which a server's timer may be early
};
