-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- The servers that this one is connected with, or lately failed to be, as a tree (see xmppdns.prosody.peers).

local branches = require "xmppdns.check.branches";
local idna_to_ascii = require "xmppdns.core".idna_to_ascii;
local tree = require "xmppdns.check.tree";

local add, node, visible = branches.add, branches.node, tree.visible;

local DIRECTIONS = { outgoing = "to", incoming = "from", both = "to and from" };
local TLS = { direct = "direct TLS", starttls = "STARTTLS" };
local LEVELS = { DANE = "good", PKIX = "good", dialback = "warning" };

local UNITS = { { 86400, "day" }, { 3600, "hour" }, { 60, "minute" }, { 1, "second" } };

-- "5 minutes"
local function describe_span(seconds)
	for _, unit in ipairs(UNITS) do
		local count = math.floor(seconds / unit[1]);
		if count > 0 then return ("%d %s%s"):format(count, unit[2], count == 1 and "" or "s"); end
	end
	return "a moment";
end

-- A domain as Prosody has it.
local function show_domain(domain, unicode)
	return unicode and tree.visible_name(domain) or visible(idna_to_ascii(domain) or domain);
end

local function describe_state(peer, style)
	if peer.state == "failed" then return style("problem", "not connected"); end
	local parts = { peer.tls and visible(peer.tls) or style("warning", "no TLS") };
	if peer.srv_secure ~= nil then parts[2] = peer.srv_secure and style("good", "SRV secure") or style("warning", "SRV not secure"); end
	parts[#parts + 1] = peer.proven and style(LEVELS[peer.proven], "proven by " .. peer.proven) or style("warning", "nothing is proven yet");
	return table.concat(parts, ", ");
end

-- "xmpp.example.org port 5269, STARTTLS: 192.0.2.1, TTL 300", or as much of it as is known.
local function describe_place(peer)
	local one, parts = peer.endpoint, {};
	if peer.address then parts[1] = visible(peer.address); end
	if peer.ttl then parts[#parts + 1] = peer.ttl > 0 and ("TTL %d"):format(peer.ttl) or "TTL over"; end
	local place = one and ("%s port %d, %s"):format(visible(one.host), one.port, TLS[one.tls]);
	if not parts[1] then return place; end
	return (place and place .. ": " or "") .. table.concat(parts, ", ");
end

local function add_peer(parent, peer, style, unicode, now)
	local child = add(parent, ("%s %s: %s"):format(DIRECTIONS[peer.direction], show_domain(peer.host, unicode), describe_state(peer, style)));
	local place = describe_place(peer);
	if place then add(child, place); end
	local failure = peer.failure;
	if failure then add(child, ("failed %s ago: %s"):format(describe_span(now - failure.at), visible(failure.text))); end
end

-- One tree for each remote domain; now: in seconds since 1970.
local function draw(peers, style, unicode, width, now)
	local roots, root, remote = {}, nil, nil;
	for _, peer in ipairs(peers) do
		if peer.remote ~= remote then
			remote, root = peer.remote, node(style("title", show_domain(peer.remote, unicode)));
			roots[#roots + 1] = root;
		end
		add_peer(root, peer, style, unicode, now);
	end
	for i, one in ipairs(roots) do roots[i] = branches.draw(one, unicode, width); end
	return table.concat(roots);
end

-- "3 connections (1 by DANE, 1 by PKIX, 1 by dialback), 2 failed"
local function describe(peers)
	local counts = { DANE = 0, PKIX = 0, dialback = 0, failed = 0, connected = 0, connecting = 0 };
	for _, peer in ipairs(peers) do
		counts[peer.state] = counts[peer.state] + 1;
		if peer.proven then counts[peer.proven] = counts[peer.proven] + 1; end
	end
	return ("%d connected (%d by DANE, %d by PKIX, %d by dialback), %d connecting, %d failed"):format(counts.connected, counts.DANE, counts.PKIX,
		counts.dialback, counts.connecting, counts.failed);
end

-- Those whose remote domain has the text in it, or matches it as a Lua pattern; nil for all.
local function select_by(peers, pattern)
	local selected = {};
	for _, peer in ipairs(peers) do
		if not pattern or peer.remote:find(pattern, 1, true) or peer.remote:find(pattern) then selected[#selected + 1] = peer; end
	end
	return selected;
end

return { draw = draw, describe = describe, select = select_by };
