-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- A real unbound on loopback which forwards everything to one server.

local process = require "spec.support.process";

local SURROUNDINGS = [[
	access-control: 127.0.0.0/8 allow
	do-not-query-localhost: no
	do-daemonize: no
	use-syslog: no
	username: ""
	chroot: ""
	directory: "%s"
	pidfile: "%s/unbound.pid"
remote-control:
	control-enable: no
forward-zone:
	name: "."
	forward-addr: %s
]];

-- lines: of its server clause, with where it listens, which is address and port. directory: for its files. forward: "address@port". Gives the process.
local function start(lines, address, port, directory, forward)
	local config = "server:\n" .. lines .. SURROUNDINGS:format(directory, directory, forward);
	local server = process.start({ "unbound", "-d", "-c", process.write(directory .. "/unbound.conf", config) });
	assert(process.wait_for_tcp(address, port), server:output());
	return server;
end

return { start = start };
