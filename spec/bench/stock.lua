-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- The installed Prosody's own DNS, as Prosody sets it up: net.unbound in the loop of net.server, or net.dns.

local stock = {};

-- Prosody 13's loop(true) never asks the system what has happened. This one waits until something has, and sees to it, as Prosody 0.12's does.
local function mend_loop()
	local server, poller = require "net.server", getmetatable(require "util.poll".new()).__index;
	local loop, wait = server.loop, poller.wait;
	local turns = coroutine.create(function () loop(); end);
	function poller:wait(timeout)
		local fd, readable, writable = wait(self, timeout);
		if not fd and coroutine.running() == turns then coroutine.yield(); end -- after which it looks at its timers, also those that came meanwhile
		return fd, readable, writable;
	end
	function server.loop(once)
		if not once then return loop(); end
		assert(coroutine.resume(turns));
	end
end

local function load_prosody()
	if rawget(_G, "prosody") then return; end
	package.path = "/usr/lib/prosody/?.lua;" .. package.path;
	package.cpath = "/usr/lib/prosody/?.so;" .. package.cpath;
	local file = io.open("/usr/lib/prosody/loader.lua"); -- Prosody 13, which asks for "prosody.util.hex"
	if file then
		file:close();
		package.path, package.cpath = "/usr/lib/?.lua;" .. package.path, "/usr/lib/?.so;" .. package.cpath;
		require "prosody.loader";
	end
	rawset(_G, "prosody", { config_loaded = true, events = require "util.events".new() });
	if file then mend_loop(); end
end

-- For measurements of ours inside Prosody's loop, too.
function stock.server()
	load_prosody();
	return require "net.server";
end

-- Prosody's module for lookups: its net.unbound with these servers and anchors and otherwise its defaults, also in the place of net.adns.
function stock.unbound(setup)
	load_prosody();
	require "core.configmanager".set("*", "unbound", { forward = setup.forward, trustfile = setup.anchors, resolvconf = false });
	local unbound = require "net.unbound";
	package.loaded["net.adns"] = unbound;
	return unbound;
end

-- A resolver of Prosody's own net.dns, which validates nothing and asks port 53. nil where that cannot be served.
function stock.legacy(setup)
	if not setup.legacy_address then return nil; end
	load_prosody();
	local resolver = require "net.adns".resolver(); -- each has servers of its own
	resolver._resolver:setnameserver(setup.legacy_address);
	return resolver;
end

-- Whether Prosody's net.connect dials several addresses side by side, and lets a plugin replace what it dials with: 13 and later.
function stock.races_addresses()
	load_prosody();
	return require "core.features".available:contains("s2sout-pre-connect-event");
end

-- What mod_s2s dials with, without a TLS context of its own: both services of a domain, direct TLS first.
function stock.new_connection_resolver(domain)
	local service, chain = require "net.resolvers.service", require "net.resolvers.chain";
	local function new_extra(default_port)
		return { default_port = default_port, use_ipv4 = true, use_ipv6 = true, use_dane = true };
	end
	return chain.new({
		service.new(domain, "xmpps-server", "tcp", new_extra(false)),
		service.new(domain, "xmpp-server", "tcp", new_extra(5269)),
	});
end

return stock;
