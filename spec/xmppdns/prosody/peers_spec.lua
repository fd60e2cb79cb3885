-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- What real Prosody servers tell about those with which they are connected, or failed to be: in the shell, and by prosodyctl.

local certificates = require "spec.support.certificates";
local dkjson = require "dkjson";
local process = require "spec.support.process";
local prosody = require "spec.support.prosody";
local zones = require "spec.support.zones";

local DOMAINS = { "dane.example", "pkix.example", "back.example", "wrong.example", "plain.example" };

describe("18.4: the peers of a real Prosody", function ()
	local dns, near, far, port;

	local function zone(address, records)
		return { records = ("_xmpp-server._tcp SRV 0 0 %d xmpp\nxmpp A %s\n%s"):format(port, address, records or ""), ttl = 200 };
	end

	local function tlsa(data)
		return ("_%d._tcp.xmpp TLSA 3 1 1 %s"):format(port, data);
	end

	local function start(name, address, authority, hosts)
		return prosody.start({
			name = name, address = address, s2s_ports = { port }, modules = { "xmppdns" }, authority = authority, hosts = hosts;
			config = ("s2s_secure_auth = false\nxmppdns = { forward = %q, trustfile = %q, resolvconf = false, timeout = 5 }"):format(dns.forward, dns.anchors);
		});
	end

	setup(function ()
		local trusted, unknown = certificates.new_authority("trusted by peers"), certificates.new_authority("unknown to peers");
		local address, its_address = process.free_address(), process.free_address();
		port = process.free_port(address);
		local directory, hosts = process.directory("peers-far/certificates"), {};
		for _, domain in ipairs(DOMAINS) do
			hosts[domain] = domain;
			(domain == "pkix.example" and trusted or unknown):issue(domain, directory);
		end
		dns = zones.serve({
			["near.example"] = zone(address);
			["dane.example"] = zone(its_address, tlsa(certificates.digest(directory .. "/dane.example.crt", 1)));
			["pkix.example"] = zone(its_address), ["back.example"] = zone(its_address);
			["plain.example"] = { records = zone(its_address).records, signed = false };
			["wrong.example"] = zone(its_address, tlsa(("00"):rep(32)));
			["bogus.example"] = { records = zone(its_address).records, fault = "signature" };
		});
		near, far = start("peers-near", address, trusted, { ["near.example"] = "near.example" }), start("peers-far", its_address, trusted, hosts);
		for _, domain in ipairs({ "dane.example", "pkix.example", "back.example", "plain.example", "wrong.example", "bogus.example" }) do
			pcall(near.shell, near, ("xmpp:ping(\"near.example\", %q)"):format(domain));
		end
		pcall(far.shell, far, [[xmpp:ping("wrong.example", "near.example")]]);
	end);

	teardown(function ()
		near:stop();
		far:stop();
		dns:stop();
	end);

	-- What differs from run to run as a word, and no line continued: where depends on how long ago that is, in words.
	local function normalize(text)
		text = text:gsub(far.address:gsub("%p", "%%%0"), "FAR"):gsub(near.address:gsub("%p", "%%%0"), "NEAR"):gsub("port " .. port, "port PORT");
		text = text:gsub("TTL %d+", "TTL n"):gsub("TLSv[%d.]+", "TLS"):gsub("failed [^:]* ago", "failed T ago"):gsub("(bogus:)[^`]+(dane.example\n)", "%1 WHY\n%2");
		return (text:gsub("\n[| ]* ([^|`%s])", " %1"):gsub("\n +", "\n"):gsub("  +", " "));
	end

	-- Without what Prosody says about our configuration file.
	local function strip(text)
		return (("\n" .. text):gsub("\nstartup [^\n]*", ""):sub(2));
	end

	local function run(...)
		local words = { "COLUMNS=80 LC_ALL=C exec prosodyctl --config \"$0\" mod_xmppdns peers 2>&1" };
		for _, word in ipairs({ ... }) do words[#words + 1] = "'" .. word .. "'"; end
		local pipe = io.popen(("sh -c '%s' %s; echo \" $?\""):format(table.concat(words, " "):gsub("'", "'\\''"), near.config));
		local output, status = pipe:read("*a"):match("^(.*) (%d+)\n$");
		pipe:close();
		return strip(output), tonumber(status);
	end

	local SHOWN = [[
back.example
|- from near.example: TLS, SRV secure, proven by dialback
| `- 127.0.0.1, TTL n
`- to near.example: TLS, SRV secure, proven by dialback
`- xmpp.back.example port PORT, STARTTLS: FAR, TTL n
bogus.example
`- to near.example: not connected
`- failed T ago: SRV of _xmpp-server._tcp.bogus.example: bogus: WHY
dane.example
|- from near.example: TLS, SRV secure, proven by DANE
| `- xmpp.dane.example port PORT, STARTTLS: 127.0.0.1, TTL n
`- to near.example: TLS, SRV secure, proven by DANE
`- xmpp.dane.example port PORT, STARTTLS: FAR, TTL n
pkix.example
|- from near.example: TLS, SRV secure, proven by PKIX
| `- 127.0.0.1, TTL n
`- to near.example: TLS, SRV secure, proven by PKIX
`- xmpp.pkix.example port PORT, STARTTLS: FAR, TTL n
plain.example
|- from near.example: TLS, SRV not secure, proven by dialback
| `- 127.0.0.1, TTL n
`- to near.example: TLS, SRV not secure, proven by dialback
`- xmpp.plain.example port PORT, STARTTLS: FAR, TTL n
wrong.example
|- from near.example: not connected
| `- failed T ago: its certificate matches none of its TLSA records
`- to near.example: not connected
`- failed T ago: xmpp.wrong.example port PORT: Remote server's certificate does not match its TLSA records: no matching DANE TLSA records
]];
	local COUNTED = "8 connected (2 by DANE, 2 by PKIX, 4 by dialback), 0 connecting, 3 failed\n";

	it("20.4: a session that stands keeps what is told of its endpoint, and no plan", function ()
		local kept = near:shell([[> local keys = {}; for key in pairs(prosody.hosts["near.example"].s2sout["dane.example"].conn.extra.xmppdns) do ]]
			.. [[keys[#keys + 1] = key; end table.sort(keys); return table.concat(keys, " ")]]);
		assert.matches("address dane endpoint ends trust", kept, 1, true);
	end);

	it("are each shown by prosodyctl with what proves them, where they are, and why they failed, in 80 columns of ASCII; status 0", function ()
		local output, status = run();
		assert.equal(SHOWN .. COUNTED, normalize(output));
		assert.equal(0, status);
		assert.is_nil(output:find("[^ -~\n]"));
		for line in output:gmatch("[^\n]+") do assert.is_true(#line <= 80, line); end
	end);

	it("are the same in the shell, in 78 columns, for it may put two before each", function ()
		local output = strip(near:shell("xmppdns:peers()"));
		assert.equal(SHOWN .. "OK: " .. COUNTED, (normalize(output):gsub("\n+$", "\n")));
		for line in output:gmatch("[^\n]+") do assert.is_true(#line <= 78, line); end
	end);

	it("are chosen by a part of their domain, or by a Lua pattern", function ()
		assert.equal("0 connected (0 by DANE, 0 by PKIX, 0 by dialback), 0 connecting, 1 failed\n", run("bogus"):match("[^\n]*\n$"));
		local output = near:shell([[xmppdns:peers("^[dp]")]]);
		assert.matches("OK: 6 connected (2 by DANE, 2 by PKIX, 2 by dialback), 0 connecting, 0 failed", output, 1, true);
		assert.is_false((pcall(near.shell, near, [[xmppdns:peers("%")]])));
	end);

	it("are the same in JSON, every field of which the help explains", function ()
		local output, status = run("--json");
		local result, found = assert(dkjson.decode(output)), {};
		assert.equal(0, status);
		for _, peer in ipairs(result.peers) do found[peer.direction .. " " .. peer.remote] = peer; end
		local peer = found["outgoing dane.example"];
		assert.matches("^TLSv1", peer.tls);
		assert.is_true(peer.ttl > 0 and peer.ttl <= 200);
		peer.tls, peer.ttl = nil, nil;
		assert.same({ remote = "dane.example", host = "near.example", direction = "outgoing", state = "connected", proven = "DANE", srv_secure = true;
			address = far.address, endpoint = { host = "xmpp.dane.example", port = port, tls = "starttls" } }, peer);
		assert.same({ remote = "wrong.example", host = "near.example", direction = "incoming", state = "failed";
			failure = { text = "its certificate matches none of its TLSA records", at = found["incoming wrong.example"].failure.at } }, found["incoming wrong.example"]);
		assert.equal(11, #result.peers);
		local explained = {};
		for word in run("--help"):gmatch("[%l_]+") do explained[word] = true; end
		for name in output:gmatch("\"([%l_]+)\":") do assert.is_true(explained[name], name); end
		assert.same({ "{\"peers\":[]}\n", 0 }, { run("--json", "nobody") });
	end);

	it("are a column of s2s:show", function ()
		local shown = near:shell([[s2s:show(nil, "host dir remote proven")]]);
		for domain, proof in pairs({ dane = "DANE", pkix = "PKIX", back = "dialback" }) do
			for _, direction in ipairs({ "-->", "<--" }) do
				assert.matches(("near.example *| %s *| %s.example *| %s *\n"):format(direction:gsub("%-", "%%-"), domain, proof), shown);
			end
		end
	end);

	it("are helped with in 24 lines of 80 columns; what is no option is refused, with status 2", function ()
		local help = run("--help");
		assert.is_true(select(2, help:gsub("\n", "")) <= 24);
		for line in help:gmatch("[^\n]+") do assert.is_true(#line <= 80, line); end
		assert.same({ "prosodyctl mod_xmppdns peers: unknown option --jsno; --help says more\n", 2 }, { run("--jsno") });
		assert.matches("this is no Lua pattern: %%", (run("%")));
	end);

	it("outlive a reload of the module, and are asked for in vain where no server runs, with status 1", function ()
		near:shell([[module:reload("xmppdns")]]);
		assert.equal(SHOWN .. COUNTED, (normalize((run()))));
		local config = process.write(process.directory("peers-nobody") .. "/prosody.cfg.lua", (process.read(near.config):gsub("peers%-near", "peers-nobody")));
		local pipe = io.popen(("prosodyctl --config '%s' mod_xmppdns peers 2>&1; echo $?"):format(config));
		assert.matches("Prosody does not run, or not with this configuration %(.*%): start it\n1\n$", pipe:read("*a"));
		pipe:close();
	end);
end);
