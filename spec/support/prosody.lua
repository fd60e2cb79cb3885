-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- A real Prosody with a directory, addresses and certificates of its own, which sees the sources of this tree.

local process = require "spec.support.process";

local LUA_VERSION = os.getenv("LUA_VERSION") or "5.4"; -- of Prosody, not ours
local prosody = {
	core_path = "build/" .. LUA_VERSION .. "/xmppdns/core.so";
	is_installed = (os.getenv("XMPPDNS_INSTALLED") or "") ~= ""; -- then what this machine has installed is tried, not what the tree has
};
local server_methods = {};
local server_mt = { __index = server_methods };

local TREE = [[
package.path = "%s/lua/?.lua;" .. package.path;
package.cpath = "%s/build/%s/?.so;" .. package.cpath;
plugin_paths = { "%s/mod_xmppdns", "%s/spec/federation", "%s/spec/soak", "%s/spec/bench" }
]];
local INSTALLED = [[
plugin_paths = { "%s/spec/federation", "%s/spec/soak" }
]];

local CONFIG = [[
%s
run_as_root = true
pidfile = "%s/prosody.pid"
data_path = "%s/data"
certificates = "%s/certificates"
log = { debug = "%s/prosody.log" }

modules_enabled = { "s2s", "s2s_auth_certs", "tls", "saslauth", "dialback", "disco", "ping"%s }
modules_disabled = { "c2s" }

interfaces = { "%s" }
s2s_ports = { %s }
s2s_direct_tls_interfaces = { %s }
s2s_direct_tls_ports = { %s }
s2s_secure_auth = true
ssl = { cafile = "%s" }
]];

-- Stays for as long as the server that it has sent into the background, and ends it.
local DAEMON = [[
rm -f "$2"
prosody --config "$1" -D || exit
until test -s "$2"; do sleep 0.05; done
pid=$(cat "$2")
trap 'kill $pid; while kill -0 $pid; do sleep 0.05; done; exit' TERM
while kill -0 $pid; do sleep 1 & wait $!; done
]];

-- As a service manager may run it: its own user, few descriptors, and nothing to write to but its directory.
local SANDBOX = [[
root=$1.root
mkdir "$root"
chmod a+x "${1%/*}"
chown -R prosody: "$1"
mount --rbind / "$root"
awk -v root="$root" 'index($2, root) == 1 && $2 !~ "/(proc|sys|dev)(/|$)" { print $2 }' /proc/self/mounts |
	while read -r place; do mount -o remount,bind,ro "$place"; done
mount --bind "$1" "$root$1"
ulimit -n 128
exec chroot "$root" sh -c 'cd "$0" && exec setpriv --reuid=prosody --regid=prosody --clear-groups --no-new-privs prosody --config "$1" -F' "$1" "$2"
]];

local function command_line(server, options)
	if options.sandbox then
		local script = process.write(server.directory .. "/sandbox.sh", SANDBOX);
		return { "unshare", "--mount", "--propagation", "unchanged", "sh", "-e", script, server.directory, server.config };
	end
	if options.daemon then
		return { "sh", process.write(server.directory .. "/daemon.sh", DAEMON), server.config, server.directory .. "/prosody.pid" };
	end
	return { "prosody", "--config", server.config, "-F" };
end

-- '"a", "b"'
local function list_strings(strings)
	local quoted = {};
	for i, text in ipairs(strings) do
		quoted[i] = ("%q"):format(text);
	end
	return table.concat(quoted, ", ");
end

local function config_text(server, options)
	local root = process.run({ "pwd" }):gsub("\n", "");
	local directory = server.directory;
	local modules = options.modules and options.modules[1] and ", " .. list_strings(options.modules) or "";
	if not options.no_shell then modules = ", \"admin_shell\"" .. modules; end
	local sources = prosody.is_installed and INSTALLED:format(root, root) or TREE:format(root, root, LUA_VERSION, root, root, root, root);
	local text = CONFIG:format(sources, directory, directory, directory, directory,
		modules, server.address, table.concat(server.s2s_ports, ", "), list_strings({ server.address, options.direct_tls_address }),
		table.concat(server.direct_tls_ports, ", "), options.authority.file);
	local lines = { text, options.config or "", "" };
	for host in pairs(options.hosts) do
		table.insert(lines, ("VirtualHost %q"):format(host));
		table.insert(lines, options.host_config and options.host_config[host]);
	end
	return table.concat(lines, "\n") .. "\n";
end

-- Starts a server and returns once it accepts connections and commands of the shell. options:
--	name              of its directory
--	hosts             { [domain] = the same as A-labels }
--	host_config       { [domain] = more lines for that host }
--	authority         of the certificates that are not in directory/certificates yet, and the only one that it trusts
--	address           default: a free one
--	s2s_ports, direct_tls_ports   default: one free port, none
--	direct_tls_address   one more, for direct TLS alone
--	modules           enabled beside the usual ones
--	no_shell          true: without the admin shell
--	daemon            true: it goes into the background, as an init script has it
--	sandbox           true: as the user prosody, with few descriptors, and nothing to write to but its directory
--	config            more lines for the configuration file, before the hosts
function prosody.start(options)
	local address = options.address or process.free_address();
	local server = setmetatable({
		address = address;
		s2s_ports = options.s2s_ports or { process.free_port(address) };
		direct_tls_ports = options.direct_tls_ports or {};
		directory = process.directory(options.name);
	}, server_mt);
	process.directory(options.name .. "/data");
	local certificates = process.directory(options.name .. "/certificates");
	for _, alabels in pairs(options.hosts) do
		if not process.read(certificates .. "/" .. alabels .. ".crt") then options.authority:issue(alabels, certificates); end
	end
	server.config = process.write(server.directory .. "/prosody.cfg.lua", config_text(server, options));
	server.log_file = server.directory .. "/prosody.log";
	server.process = process.start(command_line(server, options), { cwd = server.directory });
	if not process.wait_for_tcp(address, server.s2s_ports[1]) then
		error(("Prosody %s does not listen:\n%s\n%s"):format(options.name, server.process:output(), server:log()), 2);
	end
	local shell_socket = server.directory .. "/data/prosody.sock"; -- it may come a moment after the ports
	if not options.no_shell and not process.wait_until(function () return os.rename(shell_socket, shell_socket); end) then
		error(("Prosody %s has no admin shell:\n%s"):format(options.name, server:log()), 2);
	end
	return server;
end

-- What it has logged until now.
function server_methods:log()
	return process.read(self.log_file) or "";
end

-- The command line which runs a command of the admin shell.
function server_methods:shell_argv(command)
	return { "prosodyctl", "--config", self.config, "shell", command };
end

-- Runs a command of the admin shell, such as "s2s:show()": its output.
function server_methods:shell(command)
	return process.run(self:shell_argv(command));
end

function server_methods:stop()
	self.process:stop();
end

return prosody;
