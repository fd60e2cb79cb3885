-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- A real ejabberd with a directory, addresses and certificates of its own. It is no node of a cluster, so that no epmd is needed,
-- and does what it is told over its HTTP API.

local http = require "socket.http";
local ltn12 = require "ltn12";
local process = require "spec.support.process";
local socket = require "socket";

local ejabberd = {};
local server_methods = {};
local server_mt = { __index = server_methods };

local CONFIG = [[
loglevel: debug
hosts: [%s]
certfiles: [%s]
ca_file: "%s"
s2s_use_starttls: required
s2s_dns_timeout: 5
listen:
  - { module: ejabberd_s2s_in, ip: "%s", port: %d }
  - { module: ejabberd_s2s_in, ip: "%s", port: %d, tls: true }
  - { module: ejabberd_http, ip: "%s", port: %d, request_handlers: { /api: mod_http_api } }
api_permissions:
  specs: { who: all, what: [status, send_stanza] }
modules:
  mod_admin_extra: {}
  mod_http_api: {}
  mod_ping: {}
]];

-- Where Erlang asks for SRV records: nowhere but there. In this order, because an empty resolv_conf forgets the name servers before it.
-- Addresses ejabberd asks the C library for, which cannot be pointed at a port: they come from a hosts file, by libnss-wrapper.
local INETRC = [[
{resolv_conf, ""}.
{hosts_file, ""}.
{nameserver, {%s}, %d}.
{lookup, [dns]}.
]];

local function quote_all(words)
	local quoted = {};
	for i, word in ipairs(words) do
		quoted[i] = ("%q"):format(word);
	end
	return table.concat(quoted, ", ");
end

-- certfiles: of each domain the certificate, the key behind it.
local function join_certificates(directory, domains)
	local files = {};
	for i, domain in ipairs(domains) do
		local base = directory .. "/" .. domain;
		files[i] = process.write(base .. ".pem", process.read(base .. ".crt") .. process.read(base .. ".key"));
	end
	return files;
end

local function write_hosts(directory, addresses)
	local lines = {};
	for host, address in pairs(addresses) do
		table.insert(lines, address .. " " .. host .. "\n");
	end
	return process.write(directory .. "/hosts", table.concat(lines));
end

local function library_path()
	local found = process.run({ "sh", "-c", "ls -d /usr/lib/*/ejabberd-*/ebin | head -n 1" });
	return assert(found:match("^(.*)/ejabberd%-[^/]*/ebin"), "ejabberd is not installed");
end

-- The answer's status, or nil and why.
local function call(server, command, arguments)
	local _, status = http.request({
		url = ("http://%s:%d/api/%s"):format(server.address, server.http_port, command), method = "POST",
		source = ltn12.source.string(arguments), headers = { ["content-length"] = #arguments }, sink = ltn12.sink.null(),
	});
	return status == 200 or nil, status;
end

-- Starts a server; wait() returns once it runs. options: name (of its directory), domains, certificates (a directory with a .crt and
-- .key for each of them), authority (the only one that it trusts), dns (of spec.support.zones), addresses ({ [host] = address } of
-- its peers), address, s2s_port, direct_tls_port.
function ejabberd.start(options)
	local directory = process.directory(options.name);
	local server = setmetatable({ address = options.address, log_file = directory .. "/ejabberd.log", serial = 0 }, server_mt);
	server.http_port = process.free_port(server.address);
	local config = process.write(directory .. "/ejabberd.yml", CONFIG:format(quote_all(options.domains),
		quote_all(join_certificates(options.certificates, options.domains)), options.authority.file, server.address, options.s2s_port,
		server.address, options.direct_tls_port, server.address, server.http_port));
	local dns_address = options.dns.address:gsub("%.", ",");
	local inetrc = process.write(directory .. "/inetrc", INETRC:format(dns_address, options.dns.port));
	server.process = process.start({ "erl", "-noinput", "-mnesia", "dir", ("%q"):format(directory), "-s", "ejabberd" }, {
		cwd = directory,
		env = {
			EJABBERD_CONFIG_PATH = config, EJABBERD_LOG_PATH = server.log_file, ERL_INETRC = inetrc, ERL_LIBS = library_path(),
			ERL_CRASH_DUMP = directory .. "/crash", HOME = directory,
			LD_PRELOAD = "libnss_wrapper.so", NSS_WRAPPER_HOSTS = write_hosts(directory, options.addresses),
		},
	});
	return server;
end

-- Returns once it runs. Not part of start, because it takes a second or more in which there is other work.
function server_methods:wait()
	local running = process.wait_until(function ()
		return process.wait_for_tcp(self.address, self.http_port, 0.1) and call(self, "status", "{}") or not self.process:alive();
	end, 30);
	if running and self.process:alive() then return; end
	error(("ejabberd does not start:\n%s\n%s"):format(self.process:output(), self:log()), 2);
end

function server_methods:log()
	return process.read(self.log_file) or "";
end

-- How the log says that the ping with that id has ended: "result", or why there was no connection.
local function find_answer(log, id, from, to)
	for iq in log:gmatch("<iq [^>]*>") do
		if iq:find("'" .. id .. "'", 1, true) and iq:find("'result'", 1, true) then return "result"; end
	end
	local failure = ("Failed to establish outbound s2s connection %s -> %s: "):format(from, to);
	local _, last = log:find(failure, 1, true);
	return last and log:match("^[^\n]*", last + 1);
end

-- Pings a domain from one of its own: { domain, seconds, pong, reason }. The answer comes over a connection of the pinged server's.
function server_methods:ping(from, to, seconds)
	self.serial = self.serial + 1;
	local id = "ping-" .. self.serial;
	local started = socket.gettime();
	local stanza = ("<iq type='get' id='%s' from='%s' to='%s'><ping xmlns='urn:xmpp:ping'/></iq>"):format(id, from, to);
	assert(call(self, "send_stanza", ('{"from":"%s","to":"%s","stanza":"%s"}'):format(from, to, stanza)));
	local answer = process.wait_until(function ()
		return find_answer(self:log(), id, from, to);
	end, seconds);
	local pong = answer == "result";
	return { domain = to, seconds = socket.gettime() - started, pong = pong, reason = not pong and (answer or "no answer") or nil };
end

function server_methods:stop()
	self.process:stop();
end

return ejabberd;
