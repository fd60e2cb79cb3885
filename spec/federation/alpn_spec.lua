-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- What a real Prosody with mod_xmppdns says in the handshake of direct TLS, to openssl s_server.

local federation = require "spec.federation.federation";
local process = require "spec.support.process";

local rows = { {
	domain = "alpn.example",
	zone = { records = "_xmpps-server._tcp SRV 0 0 $ALPN xmpp\nxmpp A $ADDRESS" },
} };

local KEEP_INPUT = "sleep 60 | openssl s_server \"$@\""; -- it leaves when its input ends

-- Starts it where the row's zone points.
local function start_s_server(place)
	local certificate = place.authority:issue("alpn.example", process.directory("s_server"));
	local server = process.start({ "sh", "-c", KEEP_INPUT, "sh", "-accept", ("%s:%d"):format(place.places.ADDRESS, place.places.ALPN),
		"-cert", certificate, "-key", (certificate:gsub("crt$", "key")), "-alpn", "xmpp-server", "-tlsextdebug" });
	process.wait_until(function () return server:output():find("ACCEPT"); end);
	return server;
end

-- The bytes of a TLS extension of the client's, from the hexadecimal dump.
local function read_extension(said, name)
	local dump = (said:match('TLS client extension "' .. name .. '"[^\n]*\n(.*)') or ""):match("^(.-\n)[^%x]") or "";
	local bytes = {};
	for line in dump:gmatch("%x%x%x%x %- ([%x%- ]-)   ") do
		for byte in line:gmatch("%x%x") do
			table.insert(bytes, string.char(tonumber(byte, 16)));
		end
	end
	return table.concat(bytes);
end

describe("direct TLS of a real Prosody with mod_xmppdns", function ()
	local place, server, said;

	setup(function ()
		place = federation.start({ { rows = rows } }, {});
		server = start_s_server(place);
		place:begin_ping("alpn.example");
		process.wait_until(function () return server:output():find("<stream:stream", 1, true); end);
		said = server:output();
	end);

	teardown(function ()
		if server then server:stop(); end
		if place then place:stop(); end
	end);

	it("offers the protocol xmpp-server (R28)", function ()
		assert.equal("xmpp-server", said:match("ALPN protocols selected: (%S+)") or said);
	end);

	it("asks for the domain by SNI, not for the SRV target (R28)", function ()
		assert.equal("\0\15\0\0\12alpn.example", read_extension(said, "server name"));
	end);

	it("names the domain in the stream's to", function ()
		assert.equal("alpn.example", said:match("<stream:stream[^>]* to='([^']*)'") or said);
	end);
end);
