-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- The servers that this one is connected with, or lately failed to be: what is known, and proven, about each.

local from_prosody = require "xmppdns.prosody.modules";
local lifetime = require "xmppdns.plan.lifetime";

local LATELY = 86400; -- seconds for which a failure is of interest

-- "TLSv1.3", or nil.
local function read_tls(session)
	local socket = session.secure and session.conn and session.conn:socket();
	local info = socket and socket.info and socket:info();
	return session.secure and (type(info) == "table" and info.protocol or "TLS") or nil;
end

-- What the certificate has proven by itself when the stream began.
local function read_certificate_proof(session, remote)
	local of_header = session.direction == "incoming" and session.from_host or session.to_host;
	local is_proven = remote == of_header and session.cert_chain_status == "valid" and session.cert_identity_status == "valid";
	return is_proven and (session.xmppdns_is_by_dane and "DANE" or "PKIX") or nil;
end

-- How the remote domain has proven to be itself: "DANE", "PKIX" (a certificate of a trusted authority) or "dialback".
local function read_proof(session, remote, verdict)
	if verdict and verdict.state == "dane" then return "DANE"; end
	if verdict and verdict.state == "pkix" then return "PKIX"; end
	return read_certificate_proof(session, remote) or "dialback";
end

-- Seconds left.
local function to_ttl(ends)
	return ends and math.max(0, ends - os.time()) or nil;
end

local function describe_endpoint(one)
	return one and { host = one.host, port = one.port, tls = one.tls } or nil;
end

-- What DNS says: of the endpoint that was dialled, or of those by which the peer was judged.
local function add_evidence(peer, session, verdict)
	local extra = session.direction == "outgoing" and session.conn and session.conn.extra or {};
	local reached = extra.xmppdns;
	if reached then
		peer.endpoint, peer.srv_secure = describe_endpoint(reached.endpoint), reached.endpoint.srv_secure or false;
		peer.address, peer.ttl = reached.address, to_ttl(reached.ends or lifetime.find_end(reached.plan, reached.endpoint));
	elseif verdict then
		peer.endpoint, peer.srv_secure, peer.ttl = verdict.endpoint, verdict.srv_secure, to_ttl(verdict.ends);
	end
	peer.address = peer.address or session.ip;
end

local function describe(session, host, remote, verdict)
	local is_known = session.type == "s2sin" or session.type == "s2sout";
	local peer = {
		remote = remote, host = host, tls = read_tls(session), state = is_known and "connected" or "connecting";
		direction = session.incoming and session.outgoing and "both" or session.direction;
		proven = is_known and read_proof(session, remote, verdict) or nil;
	};
	add_evidence(peer, session, verdict);
	return peer;
end

-- The remote domains that the session is for.
local function list_remotes(session)
	if session.direction == "outgoing" then return { session.to_host }; end
	local remotes = {};
	for domain, of_domain in pairs(session.hosts or {}) do
		if of_domain.authed then remotes[#remotes + 1] = domain; end
	end
	return remotes[1] and remotes or { session.from_host };
end

-- Those with a connection, and those that wait for one.
local function list_sessions(prosody, connected)
	local sessions = {};
	for _, session in pairs(connected) do sessions[session] = true; end
	for _, host in pairs(prosody.hosts) do
		for _, session in pairs(host.s2sout or {}) do sessions[session] = true; end
	end
	return sessions;
end

local function add_sessions(peers, self)
	for session in pairs(list_sessions(self.prosody, self.sessions)) do
		local host = session.direction == "outgoing" and session.from_host or session.to_host;
		for _, remote in ipairs(session.destroyed and {} or list_remotes(session)) do
			peers[#peers + 1] = describe(session, host, remote, self.verdicts:get(session, host, remote));
		end
	end
end

local function sort(peers)
	table.sort(peers, function (a, b)
		for _, field in ipairs({ "remote", "host", "direction", "address" }) do
			local one, other = a[field] or "", b[field] or "";
			if one ~= other then return one < other; end
		end
		return false;
	end);
end

-- Adds each failure to the connection that there is in its direction, else as one that there is not.
local function add_failures(peers, failures, now)
	local known = {};
	for _, peer in ipairs(peers) do
		for _, direction in ipairs(peer.direction == "both" and { "outgoing", "incoming" } or { peer.direction }) do
			known[("%s %s %s"):format(direction, peer.host, peer.remote)] = peer;
		end
	end
	for _, failure in ipairs(failures) do
		local peer = known[("%s %s %s"):format(failure.direction, failure.host, failure.remote)];
		if not peer then
			peer = { remote = failure.remote, host = failure.host, direction = failure.direction, state = "failed" };
			peers[#peers + 1] = now - failure.at < LATELY and peer or nil;
		end
		peer.failure = { at = failure.at, text = failure.text };
	end
end

-- sources: prosody; sessions: mod_s2s's; verdicts (xmppdns.prosody.verdict); failed (xmppdns.prosody.failed_peers). Sorted by remote:
-- { { remote, host (of ours), direction = "outgoing"|"incoming"|"both", state = "connected"|"connecting"|"failed", tls ("TLSv1.3"), proven = "DANE"|"PKIX"|
-- "dialback", srv_secure, endpoint = { host, port, tls = "direct"|"starttls" }, address, ttl (seconds for which that still holds),
-- failure = { at, text } } ... }; what is not known, or does not apply, is nil.
local function list(sources)
	local peers = from_prosody "util.array"();
	add_sessions(peers, sources);
	add_failures(peers, sources.failed:list(), os.time());
	sort(peers);
	return peers;
end

-- The host of ours and the remote domain of the stream's own header.
local function pair_of(session)
	if session.direction == "incoming" then return session.to_host, session.from_host; end
	return session.from_host, session.to_host;
end

-- For the column "proven" of s2s:show, which takes any field of a session: what it shows is about the pair of the stream's header.
local function mark(session, host, remote, verdict)
	local its_host, its_remote = pair_of(session);
	if host == its_host and remote == its_remote then session.proven = read_proof(session, remote, verdict); end
end

-- The same for a session that was just established.
local function mark_established(session, verdicts)
	local host, remote = pair_of(session);
	if remote then mark(session, host, remote, verdicts:get(session, host, remote)); end
end

return { list = list, mark = mark, mark_established = mark_established };
