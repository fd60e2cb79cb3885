-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- A real dnsmasq on loopback, which knows some names itself and forwards the rest to one server, if any.

local process = require "spec.support.process";

-- options: more of its command line, such as "--host-record=xmpp.lan,127.5.5.5"; upstream: "address@port", or nil.
-- { address, port, forward = "address@port", server = the process }.
local function start(options, upstream)
	local address = process.free_address();
	local port = process.free_port(address);
	local argv = {
		"dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv", "--no-hosts", "--bind-interfaces", "--pid-file=", "--user=root";
		"--listen-address=" .. address, "--port=" .. port;
	};
	if upstream then argv[#argv + 1] = "--server=" .. upstream:gsub("@", "#"); end
	for _, option in ipairs(options) do argv[#argv + 1] = option; end
	local server = process.start(argv);
	assert(process.wait_for_tcp(address, port), server:output());
	return { address = address, port = port, forward = ("%s@%d"):format(address, port), server = server };
end

return { start = start };
