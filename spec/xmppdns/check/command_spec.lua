-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- The real command, on a terminal's other end: what it prints and its exit status, against real DNS, certificates and Prosody servers.

local certificates = require "spec.support.certificates";
local check = require "xmppdns.check.command";
local dkjson = require "dkjson";
local json = require "xmppdns.check.json";
local misdns = require "spec.support.misdns";
local process = require "spec.support.process";
local prosody = require "spec.support.prosody";
local zones = require "spec.support.zones";

local unpack = table.unpack or unpack; -- luacheck: ignore 113/unpack

local lua = rawget(_G, "jit") and "luajit" or "lua" .. _VERSION:match("%d%.%d");
local root = process.run({ "pwd" }):gsub("\n", "");

local dns, server, forwarder, places, served; -- the last: what the key of half.example is as a TLSA record

-- The SHA-256 of the certificate's public key: the data of a TLSA record 3 1 1.
local function key_digest(certificate)
	return process.run({ "sh", "-c", "openssl x509 -in \"$0\" -noout -pubkey | openssl pkey -pubin -outform DER | openssl dgst -sha256 -r",
		certificate }):match("^(%x+)");
end

local function zone_records(digest)
	return {
		["good.example"] = { records = [[
_xmpps-server._tcp SRV 5 0 $DIRECT xmpp
_xmpp-server._tcp SRV 10 0 $STARTTLS xmpp
xmpp A $ADDRESS
_$DIRECT._tcp.xmpp TLSA 3 1 1 ]] .. digest };
		["bogus.example"] = { records = "_xmpp-server._tcp SRV 0 0 $STARTTLS xmpp\nxmpp A $ADDRESS", fault = "signature" };
		["half.example"] = { records = [[
_xmpp-server._tcp SRV 1 0 $STARTTLS forged
_xmpp-server._tcp SRV 2 0 $STARTTLS empty
_xmpp-server._tcp SRV 3 0 $STARTTLS other
_xmpp-server._tcp SRV 4 0 $STARTTLS xmpp
forged A $ADDRESS
other A $ADDRESS
_$STARTTLS._tcp.other TLSA 3 1 1 0000000000000000000000000000000000000000000000000000000000000000
_$STARTTLS._tcp.other TLSA 3 1 1 00
_$STARTTLS._tcp.other TLSA 9 1 1 0000000000000000000000000000000000000000000000000000000000000000
xmpp CNAME real
real A $ADDRESS]], fault = "signature", fault_at = "forged A" };
		["partly.example"] = { records = "_xmpp-server._tcp SRV 0 0 $STARTTLS xmpp\nxmpp A $ADDRESS\nxmpp AAAA ::1";
			fault = "signature", fault_at = "xmpp A" };
		["plain.example"] = { records = "_xmpp-server._tcp SRV 0 0 $STARTTLS xmpp\nxmpp A $ADDRESS", signed = false };
		["misnamed.example"] = { records = "_xmpp-server._tcp SRV 0 0 $STARTTLS xmpp\nxmpp A $ADDRESS" };
		["no.example"] = { records = "_xmpp-server._tcp SRV 0 0 0 ." };
	};
end

setup(function ()
	local authority = certificates.new_authority();
	local address = process.free_address();
	places = { ADDRESS = address, DIRECT = process.free_port(address), STARTTLS = process.free_port(address) };
	server = prosody.start({
		name = "far", address = address, s2s_ports = { places.STARTTLS }, direct_tls_ports = { places.DIRECT }, authority = authority;
		hosts = { ["good.example"] = "good.example", ["half.example"] = "half.example", ["plain.example"] = "plain.example" };
	});
	places.CA, places.NO_CA = authority.file, server.directory .. "/certificates/good.example.crt";
	served = key_digest(server.directory .. "/certificates/half.example.crt");
	local all = zone_records(key_digest(server.directory .. "/certificates/good.example.crt"));
	for _, zone in pairs(all) do zone.records = zone.records:gsub("%$(%u+)", places); end
	dns = zones.serve(all, 53);
	forwarder = misdns.start({ upstream = dns.forward });
end);
teardown(function ()
	forwarder:stop();
	dns:stop();
	server:stop();
end);
before_each(function () forwarder:clear(); end);

-- What differs from run to run as a word.
local function normalize(text)
	text = text:gsub("TTL %d+", "TTL n"):gsub("clock says %d+%-%d+%-%d+ %d+:%d+:%d+", "clock says now"):gsub(", of %d+%-%d+%-%d+ %(%d+ days old%)", "");
	text = text:gsub("DNSKEY %d+", "DNSKEY n"):gsub(forwarder.forward, "FORWARDER"):gsub(dns.forward, "DNS"):gsub("from [%d.]+", "from DNS");
	for _, word in ipairs({ "ADDRESS", "DIRECT", "STARTTLS" }) do
		text = text:gsub((tostring(places[word]):gsub("%.", "%%.")), word);
	end
	return (text:gsub(dns.anchors:gsub("%p", "%%%0"), "ANCHORS"));
end

-- The command's standard output and error, and its exit status.
local function run(arguments, environment)
	local words = { "cd / && env" };
	local function quote(text) return "'" .. text:gsub("'", "'\\''") .. "'"; end
	local variables = { LUA_PATH = package.path:gsub("%./", root .. "/"), LUA_CPATH = package.cpath:gsub("%./", root .. "/") };
	variables.LC_ALL, variables.COLUMNS = "C.UTF-8", "200";
	for name, value in pairs(environment or {}) do variables[name] = value; end
	for name, value in pairs(variables) do words[#words + 1] = name .. "=" .. quote(value); end
	words[#words + 1] = lua .. " " .. quote(root .. "/mod_xmppdns/xmppdns-check");
	for _, argument in ipairs(arguments) do words[#words + 1] = quote(argument); end
	local pipe = io.popen("exec 2>&1 </dev/null; " .. table.concat(words, " ") .. "; echo \" $?\"");
	local output, status = pipe:read("*a"):match("^(.*) (%d+)\n$");
	pipe:close();
	return output, tonumber(status);
end

local function run_here(...)
	return run({ "--forward", dns.forward, "--trustfile", dns.anchors, "--timeout", "3", ... });
end

local function check_here(...)
	local output, status = run_here(...);
	return normalize(output), status;
end

local function assert_output(expected, status, output, actual_status)
	assert.equal(expected, output);
	assert.equal(status, actual_status);
end

describe("xmppdns-check: the tree of a domain", function ()
	it("shows a good one: both SRV sets, addresses, TLSA, order; exit status 0", function ()
		assert_output([[
good.example: good
├─ SRV _xmpps-server._tcp.good.example: secure, TTL n
│  └─ priority 5, weight 0: xmpp.good.example port DIRECT
├─ SRV _xmpp-server._tcp.good.example: secure, TTL n
│  └─ priority 10, weight 0: xmpp.good.example port STARTTLS
├─ xmpp.good.example
│  ├─ AAAA: none, secure, TTL n
│  ├─ A: ADDRESS, secure, TTL n
│  ├─ TLSA for port DIRECT: secure, TTL n
│  │  └─ 3 1 1 DIGEST..., usable
│  └─ TLSA for port STARTTLS: none, secure, TTL n
└─ dialled in this order
   ├─ 1. xmpp.good.example port DIRECT, direct TLS, DANE: ADDRESS
   │  └─ ADDRESS: TLSv1.3, the certificate matches by DANE
   └─ 2. xmpp.good.example port STARTTLS, STARTTLS: ADDRESS
      └─ ADDRESS: TLSv1.3, the certificate matches by name (good.example)
]], 0, (function ()
			local output, status = check_here("--connect", "--cafile", places.CA, "good.example");
			return output:gsub("3 1 1 %x+", "3 1 1 DIGEST"):gsub(", ALPN xmpp%-server", ""), status; -- Prosody 13 speaks ALPN, 0.12 does not
		end)());
	end);

	it("shows a forged one, which is not dialled; exit status 1", function ()
		assert_output([[
bogus.example: unreachable
├─ SRV _xmpps-server._tcp.bogus.example: bogus
│  └─ REASON (2 attempts)
├─ SRV _xmpp-server._tcp.bogus.example: bogus
│  └─ REASON (2 attempts)
└─ nothing is dialled: with a bogus SRV answer nobody knows where to
]], 1, (function ()
			local output, status = check_here("bogus.example");
			return output:gsub("(└─ )[^\n]- %(2 attempts", "%1REASON (2 attempts"), status;
		end)());
	end);

	it("shows a half-broken one: what is skipped and why, and what does not match; exit status 1", function ()
		assert_output([[
half.example: degraded
├─ SRV _xmpps-server._tcp.half.example: secure, TTL n, no records
├─ SRV _xmpp-server._tcp.half.example: secure, TTL n
│  ├─ priority 1, weight 0: forged.half.example port STARTTLS
│  ├─ priority 2, weight 0: empty.half.example port STARTTLS
│  ├─ priority 3, weight 0: other.half.example port STARTTLS
│  └─ priority 4, weight 0: xmpp.half.example port STARTTLS
├─ forged.half.example
│  ├─ AAAA: none, secure, TTL n
│  ├─ A: bogus
│  │  └─ REASON (2 attempts)
│  └─ TLSA for port STARTTLS: not used: no address is secure
├─ empty.half.example
│  ├─ AAAA: none, secure, TTL n
│  ├─ A: none, secure, TTL n
│  └─ TLSA for port STARTTLS: not used: no address is secure
├─ other.half.example
│  ├─ AAAA: none, secure, TTL n
│  ├─ A: ADDRESS, secure, TTL n
│  └─ TLSA for port STARTTLS: secure, TTL n
│     ├─ 3 1 1 00, not usable: a digest of 1 bytes instead of 32
│     ├─ 3 1 1 0000000000000000..., usable
│     └─ 9 1 1 0000000000000000..., not usable: unknown usage
├─ xmpp.half.example
│  ├─ AAAA: none, secure, TTL n, by way of real.half.example
│  ├─ A: ADDRESS, secure, TTL n, by way of real.half.example
│  └─ TLSA for port STARTTLS: none, secure, TTL n
└─ dialled in this order
   ├─ 1. forged.half.example port STARTTLS, STARTTLS, skipped: its A is bogus
   ├─ 2. empty.half.example port STARTTLS, STARTTLS, skipped: no addresses
   ├─ 3. other.half.example port STARTTLS, STARTTLS, DANE: ADDRESS
   │  └─ ADDRESS: TLSv1.3, the certificate matches no TLSA record: no matching DANE TLSA records
   │     ├─ published: 3 1 1 0000000000000000000000000000000000000000000000000000000000000000
   │     └─ served:    3 1 1 SERVED
   └─ 4. xmpp.half.example port STARTTLS, STARTTLS: ADDRESS
      └─ ADDRESS: TLSv1.3, the certificate matches by name (half.example)
]], 1, (function ()
			local output, status = check_here("--connect", "--cafile", places.CA, "half.example");
			return output:gsub("(└─ )[^\n]- %(2 attempts", "%1REASON (2 attempts"):gsub("served:    3 1 1 " .. served, "served:    3 1 1 SERVED"), status;
		end)());
	end);

	it("shows one of whose address families one is forged; exit status 1 though the other serves", function ()
		assert_output([[
partly.example: degraded
├─ SRV _xmpps-server._tcp.partly.example: secure, TTL n, no records
├─ SRV _xmpp-server._tcp.partly.example: secure, TTL n
│  └─ priority 0, weight 0: xmpp.partly.example port STARTTLS
├─ xmpp.partly.example
│  ├─ AAAA: ::1, secure, TTL n
│  ├─ A: bogus
│  │  └─ REASON (2 attempts)
│  └─ TLSA for port STARTTLS: none, secure, TTL n
└─ dialled in this order
   └─ 1. xmpp.partly.example port STARTTLS, STARTTLS: ::1
]], 1, (function ()
			local output, status = check_here("partly.example");
			return output:gsub("(└─ )[^\n]- %(2 attempts", "%1REASON (2 attempts"), status;
		end)());
	end);

	it("shows an unsigned one, and that its certificate is not trusted when it is not; exit status 1", function ()
		assert_output([[
plain.example: unreachable
├─ SRV _xmpps-server._tcp.plain.example: insecure, TTL n, no records
├─ SRV _xmpp-server._tcp.plain.example: insecure, TTL n
│  └─ priority 0, weight 0: xmpp.plain.example port STARTTLS
├─ xmpp.plain.example
│  ├─ AAAA: none, insecure, TTL n
│  ├─ A: ADDRESS, insecure, TTL n
│  └─ TLSA for port STARTTLS: not used: the SRV answer is not secure
└─ dialled in this order
   └─ 1. xmpp.plain.example port STARTTLS, STARTTLS: ADDRESS
      └─ ADDRESS: TLSv1.3, the certificate is not trusted: REASON
]], 1, (function ()
			local output, status = check_here("--connect", "--cafile", places.NO_CA, "plain.example");
			return output:gsub("not trusted: [^\n]+", "not trusted: REASON"), status;
		end)());
	end);

	it("is good, with status 0, for an unsigned domain that is in order", function ()
		local output, status = check_here("plain.example");
		assert.same({ "plain.example: good", 0 }, { output:match("^[^\n]*"), status });
	end);

	it("says why no endpoint answers, and which stream error came", function ()
		local output, status = check_here("--connect", "--cafile", places.CA, "misnamed.example");
		assert.same({ "      └─ ADDRESS: stream error: host-unknown", 1 }, { output:match("[^\n]*ADDRESS: [^\n]*$") or output:match("\n([^\n]*)\n$"), status });
	end);

	it("says that the domain has no such service, and what is no domain; exit status 1", function ()
		local output, status = check_here("no.example", "a..b");
		assert_output([[
no.example: unreachable
├─ SRV _xmpps-server._tcp.no.example: secure, TTL n, no records
├─ SRV _xmpp-server._tcp.no.example: secure, TTL n, says that there is no such service
│  └─ priority 0, weight 0: . port 0
└─ nothing is dialled: SRV of _xmpp-server._tcp.no.example: the service is explicitly unavailable

a..b: unreachable
└─ nothing is dialled: a..b: name: a label is empty
]], 1, output, status);
	end);

	it("takes an IP address, for which there is no chain of trust", function ()
		local output, status = check_here("--chain", places.ADDRESS);
		assert_output("ADDRESS: good\n└─ dialled in this order\n   └─ 1. ADDRESS port 5269, STARTTLS: ADDRESS\n", 0, output, status);
	end);

	it("is silent with --quiet about what is good", function ()
		local output, status = check_here("--quiet", "good.example", "plain.example");
		assert_output("", 0, output, status);
		output, status = check_here("--quiet", "good.example", "no.example");
		assert.same({ "no.example: unreachable", 1 }, { output:match("^[^\n]*"), status });
	end);

	it("shows several domains in the order of the command line, whichever is known first", function ()
		forwarder:rule({ name = "*.good.example", delay = 300 });
		local output, status = run({ "--forward=" .. forwarder.forward, "--trustfile", dns.anchors, "good.example", "plain.example" });
		local titles = {};
		for title in ("\n" .. output):gmatch("\n(%S+: [^\n]*)") do titles[#titles + 1] = title; end
		assert.same({ "good.example: good", "plain.example: good" }, titles);
		assert.equal(0, status);
	end);

	it("is drawn in ASCII where the locale has no UTF-8, and never in colour unless on a terminal", function ()
		local arguments = { "--forward", dns.forward, "--trustfile", dns.anchors, "no.example" };
		local output = run(arguments, { LC_ALL = "C" });
		assert.is_nil(output:find("[\128-\255\27]"));
		assert.matches("\n`%- nothing is dialled", output);
	end);

	it("has colours on a terminal, and a progress line for several domains", function ()
		local command = ("LC_ALL=C.UTF-8 LUA_PATH='%s' LUA_CPATH='%s' %s mod_xmppdns/xmppdns-check --forward %s --trustfile %s plain.example no.example")
			:format(package.path, package.cpath, lua, dns.forward, dns.anchors);
		local pipe = io.popen(("script -qec \"%s\" /dev/null </dev/null"):format(command));
		local output = pipe:read("*a");
		pipe:close();
		assert.matches("\27%[1mplain.example\27%[0m: \27%[32mgood\27%[0m", output);
		assert.matches("\r\27%[K0 of 2 domains checked", output);
		assert.matches("\r\27%[K2 of 2 domains checked\r\27%[K", output);
	end);
end);

describe("xmppdns-check: the resolver's health", function ()
	it("is shown without a domain; exit status 0", function ()
		assert_output([[
resolver: healthy
├─ good: DNS answers over UDP and TCP
├─ good: the root's keys validate
├─ good: trust anchors (ANCHORS): . DNSKEY n
└─ good: the clock says now UTC
]], 0, check_here());
	end);

	it("is shown before the domains when the root's keys do not validate, with what is done about it; exit status 1", function ()
		forwarder:rule({ fault = "strip" });
		local output, status = run({ "--forward", forwarder.forward, "--trustfile", dns.anchors, "--set", "roothints=" .. dns.hints, "plain.example" });
		assert_output([[
resolver: sick
├─ good: FORWARDER answers over UDP and TCP
├─ problem: FORWARDER strips DNSSEC
├─ problem: the root's keys do not validate: REASON
│  └─ ADVICE
├─ good: trust anchors (ANCHORS): . DNSKEY n
├─ good: the clock says now UTC
└─ FORWARDER: DNSSEC is stripped on the way: asking from the root instead
]], 1, normalize(output):gsub("validation failure [^\n]*", "REASON"):gsub("nothing can [^\n]*", "ADVICE"):match("^(.-)\nplain"), status);
		assert.matches("\nplain.example: good\n", output);
	end);
end);

describe("xmppdns-check: JSON", function ()
	local function decode(...)
		local output, status = run_here("--json", ...);
		return assert(dkjson.decode(output)), status;
	end

	it("has the same facts", function ()
		local result, status = decode("bogus.example", "good.example");
		assert.same({ false, 1, "bogus.example", "unreachable", "bogus" },
			{ result.ok, status, result.domains[1].domain, result.domains[1].status, result.domains[1].srv[2].dnssec });
		local good = result.domains[2];
		assert.same({ "good", true, {} }, { good.status, good.secure, good.problems });
		assert.same({
			host = "xmpp.good.example", port = places.DIRECT, tls = "direct", service = "xmpps-server", priority = 5, weight = 0;
			addresses = { places.ADDRESS }, secure = true, dane = true, connections = {};
		}, good.endpoints[1]);
	end);

	it("uses no field that --help json does not explain", function ()
		local help = run({ "--help", "json" });
		local explained, unexplained = {}, {};
		for word in help:match("^JSON:.*$"):gmatch("[%w_]+") do explained[word] = true; end
		local function visit(value)
			for name, inner in pairs(value) do
				if type(name) == "string" and not explained[name] then unexplained[name] = true; end
				if type(inner) == "table" then visit(inner); end
			end
		end
		visit((decode("--connect", "--cafile", places.CA, "half.example", "bogus.example")));
		visit((decode()));
		assert.same({}, unexplained);
	end);

	-- The names of an object's fields, as they stand: of the first object that begins with the field given.
	local function order_of(output, first)
		local indent, rest = output:match("\n( +)(\"" .. first .. "\":.*)$");
		local names = {};
		for spaces, name in ("\n" .. indent .. rest):gmatch("\n( *)\"([%w_]+)\":") do
			if #spaces < #indent or spaces == indent and name == first and names[1] then break; end
			if spaces == indent then names[#names + 1] = name; end
		end
		return table.concat(names, " ");
	end

	it("has the fields of each object in the order of --help, and empty lists as lists", function ()
		local output = run_here("--json", "--connect", "--cafile", places.CA, "half.example");
		assert.equal("xmppdns libunbound ok configuration domains", order_of(output, "xmppdns"));
		assert.equal("given domain status problems warnings secure srv targets endpoints left_out", order_of(output, "given"));
		assert.equal("service name state dnssec asked ttl records", order_of(output, "service"));
		assert.equal("usage selector matching data usable reason", order_of(output, "usage"));
		assert.equal("host service priority weight port tls error addresses secure dane connections", order_of(output:match('"endpoints":.*$'), "host"));
		assert.equal("address connected protocol cipher names expires ends published served problem",
			(order_of(output:match('"endpoints":.*$'), "address"):gsub("alpn ", "")));
		assert.matches('"records":[]', output, 1, true);
		assert.not_matches('{}', output, 1, true);
		output = run_here("--json");
		assert.equal("ok seconds stripped findings root servers zones anchors", order_of(output:match('"health":.*$'), "ok"));
		assert.equal("address stripped udp tcp", order_of(output:match('"servers":.*$'), "address"));
	end);

	it("is UTF-8, whatever the network says", function ()
		local texts = { "\0\7\27\"\\", "b\195\188cher", "\226\130\172 \240\159\152\128", "\237\159\191" };
		local broken = { "\255", "a\195", "\192\175", "\237\160\128", "\240\128\128\128", "\244\144\128\128", "\195\188\128", "\128\194\240\194\128" };
		for byte = 128, 255 do broken[#broken + 1] = "x" .. string.char(byte) .. "y"; end
		local version = { xmppdns = "1", libunbound = "1" };
		local output = json.write({ version = version, ok = true, domains = { { problems = texts }, { problems = broken } } });
		local file = process.write(process.directory() .. "/bytes.json", output);
		process.run({ "python3", "-c", "import json, sys; json.loads(open(sys.argv[1], 'rb').read().decode('utf-8', 'strict'))", file });
		local domains = dkjson.decode(output).domains;
		assert.same(texts, domains[1].problems);
		assert.same({ "\\255", "a\\195", "\\192\\175" }, { unpack(domains[2].problems, 1, 3) });
	end);

	it("says what to install when dkjson is not there; all else works", function ()
		local without = { LUA_PATH = root .. "/lua/?.lua" };
		local output, status = run({ "--json", "--forward", dns.forward, "plain.example" }, without);
		assert.equal(("xmppdns-check: JSON needs dkjson (Debian: lua-dkjson, LuaRocks: dkjson) for %s\n"):format(_VERSION), output);
		assert.equal(2, status);
		output, status = run({ "--forward", dns.forward, "--trustfile", dns.anchors, "plain.example" }, without);
		assert.matches("^plain.example: good\n", output);
		assert.equal(0, status);
	end);
end);

describe("xmppdns-check: the command line", function ()
	local function refusal(...)
		local output, status = run({ ... });
		return { output:gsub("\n$", ""), status };
	end

	it("is refused with status 2 and a reason on standard error", function ()
		local hint = "; xmppdns-check --help says more";
		assert.same({ "xmppdns-check: unknown option --conect" .. hint, 2 }, refusal("--conect", "example.org"));
		assert.same({ "xmppdns-check: --forward wants a value" .. hint, 2 }, refusal("--forward"));
		assert.same({ "xmppdns-check: --set wants KEY=VALUE" .. hint, 2 }, refusal("--set", "timeout"));
		assert.same({ "xmppdns-check: --timeout wants a number of seconds" .. hint, 2 }, refusal("--timeout", "soon"));
		assert.same({ "xmppdns-check: --expires wants a number of days" .. hint, 2 }, refusal("--expires", "soon"));
		assert.same({ "xmppdns-check: --colour wants always, never or auto" .. hint, 2 }, refusal("--colour", "red"));
		assert.same({ "xmppdns-check: --certificate: /nowhere: No such file or directory" .. hint, 2 }, refusal("--certificate", "/nowhere"));
		assert.same({ "xmppdns-check: --usage wants three numbers, such as \"3 0 1\": usage 2 or 3, selector 0 or 1, matching type 0 or 1" .. hint, 2 },
			refusal("--usage", "1 1 1"));
		assert.same({ "xmppdns-check: --tlsa wants a DOMAIN", 2 }, refusal("--tlsa"));
		assert.same({ 'xmppdns-check: unknown setting "forwrad": did you mean "forward"?', 2 }, refusal("--set", "forwrad=127.0.0.1"));
		assert.same({ 'xmppdns-check: forward = "dns.example": expected an IP address, "addr[@port][#tls-name]", or a list of them', 2 },
			refusal("--forward", "dns.example"));
	end);

	if not require "xmppdns".version().tls then
		it("is refused with status 2 when it asks for DNS over TLS, which this libunbound does not have", function ()
			local result = refusal("--set", "tls=true", "--forward", "127.0.0.1#dns.example");
			assert.matches("^xmppdns%-check: tls = true: this libunbound %(.*%) is built without OpenSSL and has no DNS over TLS$", result[1]);
			assert.equal(2, result[2]);
		end);
	end

	it("takes typed settings, repeats for lists, and settings inside of tables", function ()
		local output, status = check_here("--set", "attempts=1", "--set", "forward=127.0.0.2@1", "--set", "hoststxt=false",
			"--set", "options.edns-buffer-size=1232", "--set", "dnssec=off", "--set", "forward_zones.corp.example=127.0.0.2@1", "--json");
		local result = dkjson.decode(output);
		local zone = result.health.zones[1];
		assert.same({ "corp.example", "127.0.0.2@1", "forward_zones" }, { zone.zone, zone.address, zone.setting });
		assert.same({ 1, { "DNS", "127.0.0.2@1" } }, { status, { result.health.servers[1].address, result.health.servers[2].address } });
	end);

	it("gives help and version with status 0", function ()
		local help, status = run({ "--help" });
		assert.same({ "Usage: xmppdns-check [OPTION...] [DOMAIN...]", 0 }, { help:match("^[^\n]*"), status });
		assert.matches("^xmppdns%-check %d+%.%d+%.%d+, libunbound %d", (run({ "--version" })));
	end);

	it("says what is missing when it cannot dial", function ()
		local output, status = run({ "--connect", "example.org" }, { LUA_PATH = root .. "/lua/?.lua" });
		assert.matches("^xmppdns%-check: dialling needs LuaSocket %(Debian: lua%-socket%)", output);
		assert.equal(2, status);
	end);
end);

describe("xmppdns.check.command", function ()
	it("starts from the settings that it is given, and writes where it is told to", function ()
		local written = {};
		local file = { write = function (_, text) written[#written + 1] = text; end };
		assert.equal(0, check.main({ "plain.example" }, { settings = dns:settings(), out = file, err = file, unicode = false }));
		assert.matches("^plain.example: good\n|%- SRV", table.concat(written));
	end);

	it("is prosodyctl's command, with the settings of Prosody's configuration", function ()
		local config = process.write(process.directory("ctl/certs"):gsub("/certs$", "") .. "/prosody.cfg.lua", ([[
package.path = "%s/lua/?.lua;" .. package.path;
package.cpath = "%s/build/%s/?.so;" .. package.cpath;
run_as_root = true
data_path = "%s"
plugin_paths = { "%s/mod_xmppdns" }
modules_enabled = { "xmppdns" }
xmppdns = { forward = "%s", trustfile = "%s" }
ssl = { cafile = "%s" }
VirtualHost "near.example"
]]):format(root, root, os.getenv("LUA_VERSION") or "5.4", process.directory("ctl"), root, dns.forward, dns.anchors, places.CA));
		local function ctl(...)
			local words = { "prosodyctl", "--config", config, "mod_xmppdns", ... };
			local pipe = io.popen("exec 2>&1; " .. table.concat(words, " ") .. "; echo \" $?\"");
			local output, status = pipe:read("*a"):match("^(.*) (%d+)\n$");
			pipe:close();
			return output, status;
		end
		local output, status = ctl("check", "--connect", "good.example");
		assert.matches("matches by DANE.*matches by name", output);
		assert.equal("0", status);
		output, status = ctl("check", "--json", "bogus.example");
		assert.matches('"unreachable"', output);
		assert.equal("1", status);
		output, status = ctl("chek");
		assert.same({ "Usage: prosodyctl mod_xmppdns check [OPTION...] [DOMAIN...]\n       prosodyctl mod_xmppdns peers [--json] [PATTERN]", "2" },
			{ output:match("([^\n]*\n[^\n]*)\n$"), status });
	end);
end);
