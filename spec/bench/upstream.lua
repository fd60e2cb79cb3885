-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- The DNS of the benchmarks: NSD with the zones of zones.lua, and before it a forwarder that counts questions and delays answers (late.c).

local process = require "spec.support.process";
local socket = require "socket";

local upstream = {};

-- Sends a command to the forwarder and gives the questions counted until then.
local function tell(address, port, command)
	local udp = socket.udp();
	udp:setpeername(address, port);
	udp:settimeout(1);
	for _ = 1, 20 do
		udp:send(command);
		local count = udp:receive();
		if count then
			udp:close();
			return tonumber(count);
		end
	end
	error("the delaying forwarder does not answer");
end

local function write_config(directory, zones, address, port)
	return process.write(directory .. "/nsd.conf", ([[
server:
	ip-address: %s@%d
	server-count: 1
	username: ""
	zonesdir: "%s"
	pidfile: "%s/nsd.pid"
	xfrdfile: "%s/xfrd.state"
	zonelistfile: "%s/zone.list"
	cookie-secret-file: ""
	rrl-ratelimit: 0
	database: ""
remote-control:
	control-enable: no
include: "%s/zones.conf"
]]):format(address, port, zones, directory, directory, directory, zones));
end

-- Serves the zones in directory: { forward = "address@port", address, port, anchors, wildcard };
-- legacy_address: the same as forward, on port 53, or nil.
function upstream.serve(zones, binaries)
	local run = process.directory("bench");
	local address = process.free_address();
	local port, nsd_port = process.free_port(address), process.free_port(address);
	process.start({ "nsd", "-d", "-c", write_config(run, zones, address, nsd_port) }, { cwd = run });
	local question = "\5\6\0\0\0\1\0\0\0\0\0\0\5bench\0\0\6\0\1";

	assert(process.wait_until(function ()
		local answer = process.wait_for_udp(address, nsd_port, question, 1);
		return answer and answer:byte(4) % 16 == 0; -- it refuses until the zones are loaded
	end, 60), "NSD does not answer");
	process.start({ binaries .. "/late", address, port, address, nsd_port });
	local legacy_address = process.free_address();
	process.start({ binaries .. "/late", legacy_address, 53, address, nsd_port });
	assert(process.wait_for_udp(address, port, question, 5), "the delaying forwarder does not answer");
	local direct = ("%s@%d"):format(address, nsd_port);
	return {
		address = address, port = port, forward = ("%s@%d"):format(address, port), anchors = zones .. "/anchors";
		wildcard = zones .. "/wildcard"; -- .crt and .key, for *.bench
		direct = direct; -- NSD itself, which counts and delays nothing
		legacy_address = process.wait_for_udp(legacy_address, 53, question, 1) and legacy_address;
	};
end

-- Where dead.bench and live.bench point to: one accepts connections, the other swallows packets, because its queue of connections is full.
function upstream.open_targets(dead, live, port)
	local listeners = { assert(socket.bind(live, port, 1000)), assert(socket.bind(dead, port, 0)) };
	for _ = 1, 4 do
		local tcp = socket.tcp();
		tcp:settimeout(0);
		tcp:connect(dead, port);
		listeners[#listeners + 1] = tcp;
	end
	return listeners;
end

-- For a measurement: setup is what serve gave.

-- jitter: by how many milliseconds more or less, 0 unless given.
function upstream.set_delay(setup, milliseconds, jitter)
	tell(setup.address, setup.port, ("d%d+-%d"):format(milliseconds, jitter or 0));
end

function upstream.count(setup)
	return tell(setup.address, setup.port, "c");
end

return upstream;
