-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- The commands of the admin shell, in a real Prosody.

local certificates = require "spec.support.certificates";
local prosody = require "spec.support.prosody";
local zones = require "spec.support.zones";

describe("The admin shell's section xmppdns", function ()
	local dns, server;

	setup(function ()
		dns = zones.serve({
			["secure.example"] = { records = "_xmpp-server._tcp SRV 0 0 5269 xmpp\nxmpp A 192.0.2.1\nevil TXT \"\\027[31m\"" };
			["nta.example"] = { records = "_xmpp-server._tcp SRV 0 0 5269 xmpp\nxmpp A 127.0.0.1", fault = "signature" };
			["bogus.example"] = { records = "_xmpp-server._tcp SRV 0 0 5269 xmpp\nxmpp A 127.0.0.1", fault = "signature" };
		});
		server = prosody.start({
			name = "shell", authority = certificates.new_authority(), modules = { "xmppdns" }, hosts = { ["one.test"] = "one.test" };
			config = ("xmppdns = { forward = %q, trustfile = %q, resolvconf = false, timeout = 5 }"):format(dns.forward, dns.anchors)
				.. '\nxmppdns_remote = { ["nta.example"] = { dnssec = "off" } }';
		});
	end);

	teardown(function ()
		server:stop();
		dns:stop();
	end);

	before_each(function ()
		server:shell("xmppdns:flush()");
	end);

	-- The output of a command that fails.
	local function failure_of(command)
		local ok, output = pcall(server.shell, server, command);
		assert.is_false(ok);
		return (tostring(output):match("Error: ([^\n]*)"));
	end

	it("explains each of its commands", function ()
		local help = server:shell("help xmppdns");
		local signatures = { "lookup(name, type)", "plan(domain)", "peers(pattern)", "cache(pattern)", "flush(name)", "stats()", "servers()", "reconfigure()" };
		for _, signature in ipairs(signatures) do
			local name, arguments = signature:match("^(%l+)%((.*)%)$");
			local is_there = help:find("xmppdns:" .. signature, 1, true)
				or help:find(("xmppdns %s %s"):format(name, arguments ~= "" and "<" .. arguments:gsub(", ", "> <") .. ">" or ""), 1, true);
			assert.is_truthy(is_there, signature);
		end
		assert.matches("xmppdns", server:shell("help"));
	end);

	it("looks up records and says whether they are validated", function ()
		assert.matches("xmpp.secure.example\tIN\tA\t192.0.2.1\n.*: 1 record, secure, 300 seconds left\n",
			server:shell([[xmppdns:lookup("xmpp.secure.example")]]));
		assert.matches("_xmpp%-server._tcp.secure.example\tIN\tSRV\t0 0 5269 xmpp.secure.example.-\n.*: 1 record, secure",
			server:shell([[xmppdns:lookup("_xmpp-server._tcp.secure.example", "srv")]]));
		assert.matches("^A of xmpp.bogus.example: bogus: validation failure", failure_of([[xmppdns:lookup("xmpp.bogus.example")]]));
	end);

	it("17.1: says which answers are insecure by xmppdns_remote", function ()
		assert.matches("xmpp.nta.example\tIN\tA\t127.0.0.1\n.*: 1 record, insecure by your setting, 300 seconds left\n",
			server:shell([[xmppdns:lookup("xmpp.nta.example")]]));
		assert.matches("SRV _xmpp-server._tcp.nta.example: insecure by your setting, TTL", server:shell([[xmppdns:plan("nta.example")]]), 1, true);
		assert.matches("insecure by your setting: nta.example", server:shell("xmppdns:servers()"), 1, true);
		assert.matches("DNS through libunbound [^\n]*; insecure by your setting: nta.example\n", server:log());
	end);

	it("shows what comes from the network as printable text", function ()
		local output = server:shell([[xmppdns:lookup("evil.secure.example", "TXT")]]);
		assert.matches("\\027[31m", output, 1, true);
		assert.is_nil(output:find("\27"));
	end);

	it("says what is wrong with an argument", function ()
		assert.equal("a name is wanted, such as \"example.org\"", failure_of("xmppdns:lookup()"));
		assert.equal("unknown record type NONSENSE", failure_of([[xmppdns:lookup("secure.example", "nonsense")]]));
		assert.equal("a domain is wanted, such as \"example.org\"", failure_of("xmppdns:plan()"));
		assert.equal("this is no Lua pattern", failure_of([[xmppdns:cache("%")]]));
		assert.matches("^a..b: name: ", failure_of([[xmppdns:flush("a..b")]]));
	end);

	it("shows the plan of a domain as a tree", function ()
		local plan = server:shell([[xmppdns:plan("secure.example")]]);
		assert.matches("1. xmpp.secure.example port 5269, STARTTLS: 192.0.2.1", plan, 1, true);
		assert.matches("secure.example: good\n.*: good\n", plan);
		assert.matches("nothing is dialled", server:shell([[xmppdns:plan("bogus.example")]]), 1, true);
	end);

	it("lists the cache by pattern, and forgets a name or all", function ()
		server:shell([[xmppdns:lookup("xmpp.secure.example", "A")]]);
		server:shell([[xmppdns:lookup("xmpp.secure.example", "AAAA")]]);
		server:shell([[xmppdns:lookup("evil.secure.example", "TXT")]]);
		assert.matches("xmpp.secure.example A\tNoError, 1 record, secure, %d+ seconds left, from the cache\n.*: 1 answers\n",
			server:shell([[xmppdns:cache("xmpp.* A$")]]));
		server:shell([[xmppdns:flush("xmpp.secure.example")]]);
		assert.matches(": 0 answers", server:shell([[xmppdns:cache("^xmpp")]]));
		assert.matches(": 1 answers", server:shell([[xmppdns:cache("^evil")]]));
		server:shell("xmppdns:flush()");
		assert.matches(": 0 answers", server:shell([[xmppdns:cache("secure")]])); -- the root's keys may be there again, for health and anchors are looked at
	end);

	it("counts", function ()
		local function lookups()
			return tonumber(server:shell("xmppdns:stats()"):match("\nlookups: (%d+)\n"));
		end
		local before = lookups();
		server:shell([[xmppdns:lookup("xmpp.secure.example")]]);
		assert.equal(before + 1, lookups());
	end);

	it("says whether the servers answer and the anchors fit", function ()
		local health = server:shell("xmppdns:servers()");
		assert.matches("good: " .. dns.forward .. " answers over UDP and TCP", health, 1, true);
		assert.matches("good: the root's keys validate", health, 1, true);
	end);

	it("rebuilds the resolver", function ()
		local generation = tonumber(server:shell("xmppdns:stats()"):match("\ngeneration: (%d+)\n"));
		assert.matches(("generation %d\n"):format(generation + 1), server:shell("xmppdns:reconfigure()"));
	end);

	it("goes with the module, and comes back with it", function ()
		server:shell([[module:unload("xmppdns")]]);
		assert.is_false((pcall(server.shell, server, "xmppdns:stats()")));
		assert.not_matches("xmppdns:lookup", server:shell("help xmppdns"), 1, true);
		server:shell([[module:load("xmppdns")]]);
		assert.matches("\nlookups: ", server:shell("xmppdns:stats()"));
		server:shell([[module:reload("admin_shell")]]);
		assert.matches("\nlookups: ", server:shell("xmppdns:stats()"));
		assert.matches("lookup", server:shell("help xmppdns"), 1, true);
	end);
end);
