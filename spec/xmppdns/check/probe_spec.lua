-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders

local probe = require "xmppdns.check.probe";
local core = require "xmppdns.core";
local process = require "spec.support.process";
local socket = require "socket";
local tasks_of = require "xmppdns.check.tasks";
local xmppdns = require "xmppdns";

local certificate, resolver, address;

local function request(name, names)
	local base = process.directory("dial") .. "/" .. name;
	process.run({ "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=ignored.example";
		"-addext", "subjectAltName=" .. names, "-out", base .. ".crt", "-keyout", base .. ".key" });
	return base;
end

setup(function ()
	address = process.free_address();
	resolver = assert(xmppdns.new({ forward = address, dnssec = "off" })); -- for its loop alone: it asks nobody
	certificate = request("names", "DNS:plain.example,DNS:*.wild.example,otherName:1.3.6.1.5.5.7.8.7;IA5STRING:_xmpp-server.srv.example,"
		.. "otherName:1.3.6.1.5.5.7.8.7;IA5STRING:_xmpp-client.client.example,otherName:1.3.6.1.5.5.7.8.5;UTF8:address.example");
end);
teardown(function () resolver:close(); end);

local function dial(target, timeout)
	local tasks, result = tasks_of.new(resolver), nil;
	target.address, target.domain = target.address or address, target.domain or "plain.example";
	target.names = target.names or { target.domain };
	tasks:spawn(function ()
		local cafile = not target.ca_files and certificate .. ".crt" or nil;
		result = probe.dial(tasks, target, { timeout = timeout or 60, cafile = cafile, ca_files = target.ca_files });
	end);
	if target.serve then tasks:spawn(function () target.serve(tasks); end); end
	tasks:run();
	return result;
end

-- A server of ours which accepts once, says these lines, each after it has read something, and waits for the end.
local function scripted_server(...)
	local lines = { ... };
	local listener = assert(socket.bind(address, 0));
	local _, port = listener:getsockname();
	listener:settimeout(0);
	return tonumber(port), function (tasks)
		tasks:wait_for(listener, "read", core.now() + 60);
		local conn = listener:accept();
		listener:close();
		conn:settimeout(0);
		for _, line in ipairs(lines) do
			tasks:wait_for(conn, "read", core.now() + 60);
			conn:receive(65536);
			conn:send(line);
		end
		tasks:wait_for(conn, "read", core.now() + 60);
		conn:close();
	end
end

describe("xmppdns.check.probe: direct TLS", function ()
	local server, port;

	setup(function ()
		port = process.free_port(address);
		server = process.start({ "openssl", "s_server", "-accept", address .. ":" .. port, "-cert", certificate .. ".crt", "-key", certificate .. ".key";
			"-alpn", "xmpp-server,xmpp-client", "-quiet" });
		assert(process.wait_for_tcp(address, port));
	end);
	teardown(function () server:stop(); end);

	local function match_of(...)
		local result = dial({ port = port, tls = "direct", names = { ... } });
		return { result.match, result.name or result.problem };
	end

	it("speaks the ALPN protocol xmpp-server", function ()
		local result = dial({ port = port, tls = "direct" });
		assert.same({ true, "TLSv1.3", "xmpp-server", "name" }, { result.connected, result.protocol, result.alpn, result.match });
	end);

	it("matches DNS names, a wildcard for one label, SRV names of the server's service, and XMPP addresses", function ()
		assert.same({ "name", "plain.example" }, match_of("plain.example"));
		assert.same({ "name", "a.wild.example" }, match_of("a.wild.example"));
		assert.same({ "name", "srv.example" }, match_of("srv.example"));
		assert.same({ "name", "address.example" }, match_of("address.example"));
		assert.same({ "name", "plain.example" }, match_of("other.example", "plain.example"));
	end);

	it("as a client speaks xmpp-client, and takes the names of that service, not the server's", function ()
		assert.equal("xmpp-client", dial({ port = port, tls = "direct", party = "client" }).alpn);
		local function match(name) return dial({ port = port, tls = "direct", party = "client", names = { name } }).match or "none"; end
		assert.same({ "name", "none", "name" }, { match("client.example"), match("srv.example"), match("plain.example") });
	end);

	it("says that nobody can judge a certificate where this machine has no authorities", function ()
		local result = dial({ port = port, tls = "direct", ca_files = {} });
		assert.same({ true, "the certificate cannot be judged: this machine has no bundle of authorities (Debian: ca-certificates; or --cafile)" },
			{ result.unjudged, result.problem });
	end);

	it("matches nothing else", function ()
		for _, name in ipairs({ "wild.example", "a.b.wild.example", "sub.plain.example", "client.example", "ignored.example", "*.wild.example2" }) do
			assert.same({ nil, "the certificate is for plain.example, *.wild.example, _xmpp-server.srv.example, _xmpp-client.client.example, "
				.. "address.example, not for " .. name }, match_of(name));
		end
	end);

	it("matches by DANE whatever the names, or not at all", function ()
		local digest = process.run({ "sh", "-c", "openssl x509 -in \"$0\" -outform DER | openssl dgst -sha256 -r", certificate .. ".crt" }):match("^%x+");
		local data = digest:gsub("%x%x", function (hex) return string.char(tonumber(hex, 16)); end);
		local function dane(bytes)
			local result = dial({ port = port, tls = "direct", names = { "other.example" };
				dane = { base = "other.example", records = { { use = 3, select = 0, match = 1, data = bytes } } } });
			return { result.match, result.problem };
		end
		assert.same({ "dane" }, dane(data));
		assert.same({ nil, "the certificate matches no TLSA record: no matching DANE TLSA records" }, dane(("\0"):rep(32)));
	end);
end);

describe("xmppdns.check.probe: what goes wrong", function ()
	it("is told: refused, silent, closed", function ()
		local refused = dial({ port = process.free_port(address), tls = "direct" });
		assert.same({ false, "connection refused" }, { refused.connected, refused.problem });
		local port, serve = scripted_server("");
		local silent = dial({ port = port, tls = "starttls", serve = serve }, 2);
		assert.same({ true, "no answer in time" }, { silent.connected, silent.problem });
		port, serve = scripted_server();
		assert.equal("closed", dial({ port = port, tls = "starttls", serve = serve }).problem);
		port, serve = scripted_server("");
		assert.equal("TLS: no answer in time", dial({ port = port, tls = "direct", serve = serve }, 2).problem);
	end);

	it("is told before TLS: no STARTTLS, STARTTLS refused, a stream error, too much", function ()
		local function problem_of(...)
			local port, serve = scripted_server(...);
			return dial({ port = port, tls = "starttls", serve = serve }).problem;
		end
		local features = "<stream:stream><stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:features>";
		assert.equal("STARTTLS is not offered", problem_of("<stream:stream><stream:features/>"));
		assert.equal("STARTTLS is refused", problem_of(features, "<failure xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"));
		assert.equal("stream error: host-unknown", problem_of("<stream:stream><stream:error>"
			.. "<host-unknown xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>"));
		assert.equal("too much data before TLS", problem_of(("x"):rep(70000)));
	end);
end);

describe("xmppdns.check.probe: available", function ()
	it("refuses a file without certificates", function ()
		assert.is_true(probe.available({}));
		assert.is_nil((probe.available({ cafile = "/dev/null" })));
	end);
end);
