-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- Whether a server has a zone itself, or asks others for it: what the flags of one answer say, which libunbound tells nobody. Needs LuaSocket.

local POLL_INTERVAL = require "xmppdns.trust.witness".POLL_INTERVAL;
local core = require "xmppdns.core";

local SOA = "\0\6\0\1"; -- the type, and the class IN
local AUTHORITATIVE, RECURSIVE, RESPONSE = 0x04, 0x80, 0x80; -- AA in the third byte, RA in the fourth, QR in the third

-- A question that asks for recursion, as a resolver wants it; others do not mind. nil for a name that is not one of letters and digits.
local function make_question(zone)
	local name = "";
	for label in (zone == "." and "" or zone):gmatch("[^.]+") do
		if not label:find("^[%w_-]+$") then return nil; end
		name = name .. string.char(#label) .. label;
	end
	return string.char(math.random(0, 255), math.random(0, 255)) .. "\1\0\0\1\0\0\0\0\0\0" .. name .. "\0" .. SOA;
end

local function has_bit(byte, bit)
	return math.floor(byte / bit) % 2 == 1;
end

-- "resolver", "authority", or nil where it cannot be told.
local function read_flags(question, answer)
	if #answer < 12 or answer:sub(1, 2) ~= question:sub(1, 2) or not has_bit(answer:byte(3), RESPONSE) then return nil; end
	if has_bit(answer:byte(3), AUTHORITATIVE) then return "authority"; end
	return has_bit(answer:byte(4), RECURSIVE) and "resolver" or nil;
end

-- A socket that has asked, or nil.
local function send(address, question)
	local has_socket, socket = pcall(require, "socket");
	local host, port = address:match("^([^@#]+)@?(%d*)");
	if not has_socket or not question then return nil; end
	local udp = (host:find(":", 1, true) and socket.udp6 or socket.udp4 or socket.udp)();
	if not udp then return nil; end
	udp:settimeout(0);
	if udp:setpeername(host, tonumber(port) or 53) and udp:send(question) then return udp; end
	udp:close();
end

-- callback("resolver"|"authority"|nil), once, within so many seconds and not before ask returns; not at all when the resolver, whose timers drive it, is
-- closed before.
local function ask(resolver, address, zone, seconds, callback)
	local question = make_question(zone);
	local udp, deadline = send(address, question), core.now() + seconds;
	local function poll()
		local answer = udp and udp:receive();
		if udp and not answer and core.now() < deadline then return resolver:after(POLL_INTERVAL, poll); end
		if udp then udp:close(); end
		callback(answer and read_flags(question, answer));
	end
	resolver:after(0, poll);
end

return { ask = ask };
