-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- prosodyctl mod_xmppdns check beside a real Prosody: what that says about itself, and what others see of its domains.

local certificates = require "spec.support.certificates";
local dkjson = require "dkjson";
local process = require "spec.support.process";
local prosody = require "spec.support.prosody";
local zones = require "spec.support.zones";

local authority, dns, server, ports;

local function quote(text) return "'" .. tostring(text):gsub("'", "'\\''") .. "'"; end

-- Its output, without what Prosody says about our configuration file, and its exit status.
local function check_with(config, ...)
	local words = { "COLUMNS=200 LC_ALL=C.UTF-8 prosodyctl --config", quote(config), "mod_xmppdns check" };
	for _, word in ipairs({ ... }) do words[#words + 1] = quote(word); end
	local pipe = io.popen("exec 2>&1 </dev/null; " .. table.concat(words, " ") .. "; echo \" $?\"");
	local output, status = pipe:read("*a"):match("^(.*) (%d+)\n$");
	pipe:close();
	return ("\n" .. output):gsub("\nstartup [^\n]*", ""):sub(2), tonumber(status);
end

local function check(...) return check_with(server.config, ...); end

-- What differs from run to run as a word.
local function normalize(text)
	text = text:gsub("%d+%-%d+%-%d+ %d+:%d+ UTC", "TIME"):gsub("Prosody [%d.]+", "Prosody VERSION"):gsub("%d+%-%d+%-%d+", "DAY"):gsub("%d+ KiB", "n KiB");
	text = text:gsub("DNSKEY %d+", "DNSKEY n"):gsub("%d+ answers?", "n answers"):gsub("TTL %d+", "TTL n"):gsub("%d+ lookups?", "n lookups");
	text = text:gsub(dns.forward:gsub("%p", "%%%0"), "DNS"):gsub(server.address:gsub("%p", "%%%0"), "ADDRESS");
	for name, port in pairs(ports) do text = text:gsub(tostring(port), name); end
	return (text:gsub(dns.anchors:gsub("%p", "%%%0"), "ANCHORS"));
end

local function settings(extra)
	return ("forward = %q, trustfile = %q, %s"):format(dns.forward, dns.anchors, extra or "");
end

-- Changes the file, as an operator would.
local function edit_config(config, pattern, replacement)
	local text = process.read(config);
	assert(text:find(pattern), "the configuration has no such place");
	process.write(config, (text:gsub(pattern, replacement)));
end

local function zone_records(key)
	return (([[
_xmpps-server._tcp SRV 5 0 $DIRECT xmpp
_xmpp-server._tcp SRV 10 0 $STARTTLS xmpp
_xmpp-client._tcp SRV 10 0 $CLIENTS xmpp
xmpp A $ADDRESS
_$DIRECT._tcp.xmpp TLSA 3 1 1 $KEY
]]):gsub("%$(%u+)", setmetatable({ ADDRESS = server.address, KEY = key }, { __index = ports })));
end

setup(function ()
	authority = certificates.new_authority("authority of running");
	local address = process.free_address();
	ports = { DIRECT = process.free_port(address), STARTTLS = process.free_port(address), CLIENTS = process.free_port(address) };
	dns = zones.serve({ ["home.example"] = {}, ["lost.example"] = {} });
	server = prosody.start({
		name = "running", address = address, s2s_ports = { ports.STARTTLS }, direct_tls_ports = { ports.DIRECT }, authority = authority, modules = { "xmppdns" };
		hosts = { ["home.example"] = "home.example", ["lost.example"] = "lost.example", ["localhost"] = "localhost" };
		config = ("modules_disabled = { }\nc2s_ports = { %d }\nc2s_interfaces = { %q }\nxmppdns = { %s }"):format(ports.CLIENTS, address, settings());
		host_config = { ["lost.example"] = "modules_disabled = { \"c2s\" }" };
	});
	local key = certificates.digest(server.directory .. "/certificates/home.example.crt", 1);
	dns:update("home.example", zone_records(key));
	dns:update("lost.example", ("_xmpp-server._tcp SRV 0 0 %d xmpp\nxmpp A %s"):format(ports.STARTTLS, address));
end);
teardown(function ()
	server:stop();
	dns:stop();
end);

describe("prosodyctl mod_xmppdns check beside a running server that protects itself", function ()
	it("says so, and how others see its domains, with a line for each; status 0", function ()
		local output, status = check();
		assert.equal([[
server: active since TIME, DNSSEC opportunistic, DANE opportunistic
resolver: healthy, asks DNS
home.example: good, SRV secure, DANE at 1 of 2 endpoints
lost.example: good, SRV secure, no DANE
]], normalize(output));
		assert.equal(0, status);
	end);

	it("is silent with --quiet, as cron likes it; status 0", function ()
		local output, status = check("--quiet");
		assert.same({ "", 0 }, { output, status });
	end);

	it("shows with --verbose what is in force, and the services for clients too", function ()
		local output = normalize((check("--verbose")));
		assert.matches([[
server: active
├─ good: mod_xmppdns is active since TIME, in Prosody VERSION
├─ good: asks DNS; DNSSEC opportunistic, DANE opportunistic
├─ good: trust anchors (ANCHORS): . DNSKEY n
]], output, 1, true);
		assert.matches([[
└─ for clients
   ├─ SRV _xmpps-client._tcp.home.example: secure, TTL n, no records
   ├─ SRV _xmpp-client._tcp.home.example: secure, TTL n
   │  └─ priority 10, weight 0: xmpp.home.example port CLIENTS
   ├─ xmpp.home.example
   │  ├─ AAAA: none, secure, TTL n
   │  ├─ A: ADDRESS, secure, TTL n
   │  └─ TLSA for port CLIENTS: none, secure, TTL n
   └─ endpoints
      └─ 1. xmpp.home.example port CLIENTS, STARTTLS: ADDRESS
         └─ this server listens there
]], output, 1, true);
	end);

	it("looks with --connect at the certificates of servers and clients, and warns before they end: by their days", function ()
		local function days_left() return math.floor((certificates.ends(server.directory .. "/certificates/home.example.crt") - os.time()) / 86400); end
		local days = { [days_left()] = true };
		local output, status = check("--connect", "--expires", "1");
		local shown = normalize(output):match("home.example: good, SRV secure, DANE at 1 of 2 endpoints, certificate until DAY %((%d+) days?%)");
		assert.equal(0, status);
		local warned;
		warned, status = check("--connect", "--expires", "3", "--quiet");
		days[days_left()] = true; -- one more, should a day end meanwhile
		assert.is_true(days[tonumber(shown)], output);
		assert.is_true(days[tonumber(warned:match("for home.example; ends in (%d+) days?, on"))], warned);
		assert.equal(0, status); -- a warning
		assert.equal(1, (select(2, check("--connect", "--quiet")))); -- 21 days, and below 7 it is a problem
	end);

	it("looks at a domain of its own that is named in the same way, as a tree", function ()
		local output, status = check("--connect", "--expires", "1", "Home.example");
		assert.matches("for servers without DANE: it matches by name\n", output, 1, true);
		assert.matches("^Home.example: good\n", output);
		assert.matches("\n└─ for clients\n", output, 1, true);
		assert.not_matches("server: ", output, 1, true);
		assert.equal(0, status);
	end);

	it("says that an SRV record leads to a port on which this server does not listen; status 1", function ()
		local port = process.free_port(server.address);
		dns:update("lost.example", ("$TTL 1\n_xmpp-server._tcp SRV 0 0 %d xmpp\nxmpp A %s"):format(port, server.address));
		local output, status = check("--quiet");
		assert.matches("this server does not listen there for xmpp-server", output, 1, true);
		assert.not_matches("home.example", output, 1, true);
		assert.equal(1, status);
		dns:update("lost.example", ("$TTL 1\n_xmpp-server._tcp SRV 0 0 %d xmpp\nxmpp A %s"):format(ports.STARTTLS, server.address));
	end);

	it("has the same in JSON, in which no field is unexplained", function ()
		local output, status = check("--json", "--connect", "--chain", "--expires", "1");
		local result = assert(dkjson.decode(output));
		assert.same({ 0, true, "active", {}, { dns.forward } },
			{ status, result.server.ok, result.server.state, result.server.differences, result.server.servers });
		local explained, unexplained = {}, {};
		for word in check("--help", "json"):gmatch("[%w_]+") do explained[word] = true; end
		local function visit(value)
			for name, inner in pairs(value) do
				if type(name) == "string" and not explained[name] then unexplained[name] = true; end
				if type(inner) == "table" then visit(inner); end
			end
		end
		visit(result);
		assert.same({}, unexplained);
	end);

	it("looks at components too, says what is to be done where one is not in DNS, and leaves out those without s2s and those that are off", function ()
		local config = server.directory .. "/components.cfg.lua";
		process.write(config, process.read(server.config) .. [[
Component "rooms.home.example" "muc"
Component "inner.home.example" "muc"
	modules_disabled = { "s2s" }
VirtualHost "off.example"
	enabled = false
]]);
		local output, status = check_with(config, "--quiet");
		assert.equal("rooms.home.example: does not exist\n", output:match("^[^\n]*\n"));
		assert.matches("publish SRV records for it; if nobody else shall reach it, modules_disabled = { \"s2s\" } below it ends this question", output, 1, true);
		assert.not_matches("inner.home.example", output, 1, true);
		assert.not_matches("off.example", output, 1, true);
		assert.equal(1, status);
	end);

	it("says which settings the file has and the server has not", function ()
		edit_config(server.config, "xmppdns = { forward", "xmppdns = { timeout = 7, forward");
		local output, status = check();
		assert.matches("warning: xmppdns.timeout is not set in the running server, but 7 in the file\n", output, 1, true);
		assert.equal(0, status);
		server.process:signal("HUP");
		process.wait_until(function () return select(2, check("--quiet")) == 0 and not check():find("xmppdns.timeout", 1, true); end);
		assert.not_matches("xmppdns.timeout", (check()), 1, true);
	end);

	it("says that the server has refused a reload, and why; status 1", function ()
		edit_config(server.config, "timeout = 7", "timeout = -7");
		server.process:signal("HUP");
		process.wait_until(function () return server:log():find("the settings from before stay in force", 1, true); end);
		edit_config(server.config, "timeout = %-7", "timeout = 7");
		local output, status = check();
		assert.matches("problem: the last reload was refused, older settings stay in force: The option \"xmppdns\": timeout", output, 1, true);
		assert.equal(1, status);
		server.process:signal("HUP");
		process.wait_until(function () return select(2, check()) == 0; end);
		assert.equal(0, (select(2, check())));
	end);
end);

describe("prosodyctl mod_xmppdns check beside a running server that does not protect itself", function ()
	local function first_finding(output)
		return output:match("server: [^\n]*\n[^\n]*");
	end

	local function start(name, options)
		options.name, options.authority, options.hosts = name, authority, { ["home.example"] = "home.example" };
		return prosody.start(options);
	end

	it("says that the module is loaded, but does not serve, and why; status 1", function ()
		local closed = start("closed", { modules = { "xmppdns" }, config = "xmppdns = { trustfile = \"/nowhere/root.key\" }" });
		edit_config(closed.config, "trustfile = \"/nowhere/root.key\"", settings());
		local output, status = check_with(closed.config);
		closed:stop();
		assert.matches("server: does not serve\n└─ problem: mod_xmppdns is loaded, but does not serve since .*: The option \"xmppdns\": .*/nowhere/root.key",
			output);
		assert.equal(1, status);
	end);

	it("says that the module is not enabled; status 1", function ()
		local without = start("without", { config = ("xmppdns = { %s }"):format(settings()) });
		local output, status = check_with(without.config);
		without:stop();
		assert.equal("server: not enabled\n└─ problem: mod_xmppdns is not loaded in the running server", first_finding(output));
		assert.equal(1, status);
	end);

	it("says that Prosody does not run; status 1", function ()
		local gone = start("gone", { modules = { "xmppdns" }, config = ("xmppdns = { %s }"):format(settings()) });
		gone:stop();
		local output, status = check_with(gone.config);
		assert.matches("server: not running\n└─ problem: Prosody does not run, or not with this configuration (", output, 1, true);
		assert.equal(1, status);
	end);

	it("says that Prosody runs, but has no admin socket to ask; status 1", function ()
		local deaf = start("deaf", { modules = { "xmppdns" }, no_shell = true, config = ("xmppdns = { %s }"):format(settings()) });
		local output, status = check_with(deaf.config);
		deaf:stop();
		assert.matches("server: cannot be asked\n└─ problem: Prosody runs, but has no admin socket (", output, 1, true);
		assert.equal(1, status);
	end);

	it("says that the socket may not be used; status 1", function ()
		local guarded = start("guarded", { modules = { "xmppdns" }, config = ("xmppdns = { %s }"):format(settings()) });
		local root = process.run({ "pwd" }):gsub("\n", "");
		local ask = ([[LUA_PATH='%s/lua/?.lua;/usr/lib/prosody/?.lua;;' LUA_CPATH='%s/build/5.4/?.so;/usr/lib/prosody/?.so;;' lua5.4 -e '
			package.loaded["core.configmanager"] = { get = function () end };
			print(require "xmppdns.prosody.admin_socket".ask("xmppdns-status", os.getenv "DATA"))']]):format(root, root);
		process.run({ "chmod", "-R", "a+rX", process.directory() });
		process.run({ "chmod", "700", guarded.directory .. "/data/prosody.sock" });
		local said = process.run({ "setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", "sh", "-c", ask },
			{ env = { DATA = guarded.directory .. "/data" } });
		guarded:stop();
		assert.matches("nil\tunreadable\t.*/data/prosody%.sock: permission denied", said);
	end);
end);
