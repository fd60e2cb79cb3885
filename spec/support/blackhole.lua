-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- A place which swallows packets: whoever connects to it gets no answer at all, neither yes nor no.
-- A listening socket whose queue is full and which never accepts: Linux then drops each further SYN.
-- It is a program too, so that it outlives a demo: lua blackhole.lua ADDRESS PORT

local socket = require "socket";

local blackhole = {};

local function listen(address, port)
	local sockets = { assert(socket.bind(address, port, 0)) };
	for i = 1, 3 do -- the first fills the queue, the others are swallowed already
		local client = (address:find(":", 1, true) and socket.tcp6 or socket.tcp4)();
		client:settimeout(0);
		client:connect(address, port);
		sockets[i + 1] = client;
	end
	return sockets;
end

-- Starts one as a process of its own, and returns once it swallows.
function blackhole.start(address, port)
	local process = require "spec.support.process";
	local root = process.run({ "pwd" }):gsub("\n", "");
	local started = process.start({ "lua5.4", root .. "/spec/support/blackhole.lua", address, port });
	if not process.wait_until(function () return started:output():find("ready"); end) then
		error(("nothing swallows at %s port %d:\n%s"):format(address, port, started:output()), 2);
	end
	return started;
end

if not arg or not arg[0]:find("blackhole%.lua$") then return blackhole; end

local sockets = listen(arg[1], tonumber(arg[2]));
print("ready");
io.stdout:flush();
while sockets do socket.sleep(3600); end
