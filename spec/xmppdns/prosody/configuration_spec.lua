-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders

require "spec.support.prosody_util" ("encodings");

local configuration = require "xmppdns.prosody.configuration";
local dkjson = require "dkjson";
local process = require "spec.support.process";
local zones = require "spec.support.zones";

local NOT_USED = "until this is mended Prosody goes on with its own resolver";
local NOT_COUNTED = "it does not count";
local REFUSED = "connections are refused until this is mended";

-- "section: text; advice", in order.
local function list(findings)
	local lines = {};
	for i, finding in ipairs(findings) do lines[i] = ("%s: %s; %s"):format(finding.section, finding.text, finding.advice); end
	return lines;
end

describe("configuration: a check", function ()
	it("finds nothing wrong with what the README has", function ()
		assert.same({}, configuration.check({
			["*"] = {
				modules_enabled = { "xmppdns" }, xmppdns = { dnssec = "opportunistic", autotrust = true, forward = { "192.0.2.1" } };
				xmppdns_remote = { ["bank.example"] = { dnssec = "required", dane = "required" }, ["lan.example"] = { host = "x.example", tls = "direct" } };
			};
			["one.test"] = { xmppdns = { dane = "off" }, xmppdns_remote = {} };
			["two.test"] = { component_module = "muc" };
		}));
	end);

	it("names every unknown setting, its section, and what may have been meant", function ()
		assert.same({
			"the global section: The option \"xmppdns\": unknown setting \"nonsense\"; " .. NOT_USED;
			"the global section: The option \"xmppdns\": unknown setting \"tiemout\": did you mean \"timeout\"?; " .. NOT_USED;
			"the global section: The option \"xmppdns_remote\": [\"bank.example\"]: unknown setting \"dnsec\": did you mean \"dnssec\"?; " .. NOT_USED;
			"the global section: The option \"xmppdns_remote\": [\"bank.example\"]: unknown setting \"hots\": did you mean \"host\"?; " .. NOT_USED;
			"Component \"muc.test\": The option \"xmppdns_remote\": [\"b.test\"]: port and tls need a host; " .. NOT_COUNTED;
			"VirtualHost \"one.test\": The option \"xmppdns\" of a host: dane cannot be yes; " .. REFUSED;
			"VirtualHost \"one.test\": The option \"xmppdns\" of a host: unknown setting \"timeout\"; it is the server's: move it above the first VirtualHost";
		}, list(configuration.check({
			["*"] = { xmppdns = { tiemout = 3, timeout = 3, nonsense = true }, xmppdns_remote = { ["bank.example"] = { dnsec = "off", hots = "x" } } };
			["muc.test"] = { component_module = "muc", xmppdns_remote = { ["b.test"] = { port = 1 } } };
			["one.test"] = { xmppdns = { timeout = 3, dane = "yes" } };
		})));
	end);

	it("looks at Prosody's own option unbound where there is no other", function ()
		assert.same({ "the global section: The option \"unbound\": unknown setting \"forwrad\": did you mean \"forward\"?; " .. NOT_USED },
			list(configuration.check({ ["*"] = { unbound = { forwrad = "192.0.2.1" } } })));
	end);

	it("18.7: warns of Prosody's own option unbound where it is ignored", function ()
		assert.same({ { section = "the global section", level = "warning", text = "the option \"unbound\" is ignored, because there is \"xmppdns\"";
			advice = "what it has is for Prosody's own resolver alone: move it into xmppdns" } },
			configuration.check({ ["*"] = { unbound = { forwrad = "192.0.2.1" }, xmppdns = {} } }));
	end);

	it("names options that are nearly ours, in any section, and no other", function ()
		assert.same({
			"the global section: unknown option \"XMPPDNS\": did you mean \"xmppdns\"?; it has no effect";
			"the global section: unknown option \"xmppdns_fast\"; it has no effect";
			"the global section: unknown option \"xmppdns_remotes\": did you mean \"xmppdns_remote\"?; it has no effect";
			"VirtualHost \"one.test\": unknown option \"xmpdns\": did you mean \"xmppdns\"?; it has no effect";
		}, list(configuration.find_ineffective({
			["*"] = { xmppdns_remotes = {}, XMPPDNS = {}, xmppdns_fast = true, ssl = {}, unbound = {}, use_dane = true };
			["one.test"] = { xmpdns = {}, xmpp_port = 1 };
		})));
	end);

	it("keeps the settings that are known", function ()
		assert.same({ timeout = "soon", forward = "192.0.2.1" }, configuration.keep_known({ timeout = "soon", forward = "192.0.2.1", tiemout = 1 }));
	end);
end);

describe("configuration: prosodyctl mod_xmppdns check", function ()
	local dns, root;

	setup(function ()
		root = process.run({ "pwd" }):gsub("\n", "");
		dns = zones.serve({ ["good.example"] = { records = "_xmpp-server._tcp SRV 0 0 5269 xmpp\nxmpp A 127.0.0.1" } });
	end);
	teardown(function () dns:stop(); end);

	-- Output and exit status of the command with these lines in the configuration, {FORWARD} and {ANCHORS} being those of the DNS.
	local function check(lines, ...)
		local directory = process.directory("configuration");
		process.directory("configuration/certs");
		local text = ([[
run_as_root = true
data_path = "%s"
plugin_paths = { "%s/mod_xmppdns" }
modules_enabled = { "xmppdns" }
]]):format(directory, root) .. lines:gsub("{(%u+)}", { FORWARD = dns.forward, ANCHORS = dns.anchors });
		local config = process.write(directory .. "/prosody.cfg.lua", text);
		local environment = ("COLUMNS=160 LC_ALL=C.UTF-8 LUA_PATH='%s/lua/?.lua;;' LUA_CPATH='%s/build/%s/?.so;;'")
			:format(root, root, os.getenv("LUA_VERSION") or "5.4");
		local words = { environment, "prosodyctl --config", config, "mod_xmppdns check", ... };
		local pipe = io.popen("exec 2>&1; " .. table.concat(words, " ") .. "; echo \" $?\"");
		local output, status = pipe:read("*a"):match("^(.*) (%d+)\n$");
		pipe:close();
		return output, tonumber(status);
	end

	local WRONG = [[
xmppdns = { forward = "{FORWARD}", trustfile = "{ANCHORS}", tiemout = 3 }
xmppdns_remotes = { ["bank.example"] = { dnssec = "required" } }
VirtualHost "one.test"
	xmppdns = { dnsec = "required" }
]];

	it("shows what is wrong with each section, then goes on without it; exit status 1", function ()
		local output, status = check(WRONG, "good.example");
		assert.equal([[
configuration: wrong
├─ the global section
│  ├─ problem: unknown option "xmppdns_remotes": did you mean "xmppdns_remote"?
│  │  └─ it has no effect
│  └─ problem: The option "xmppdns": unknown setting "tiemout": did you mean "timeout"?
│     └─ until this is mended Prosody goes on with its own resolver
└─ VirtualHost "one.test"
   └─ problem: The option "xmppdns" of a host: unknown setting "dnsec": did you mean "dnssec"?
      └─ connections are refused until this is mended

good.example: good
]], output:match("^(.-\ngood.example: good\n)"));
		assert.equal(1, status);
	end);

	it("is status 1 for a good domain too, and says it in JSON", function ()
		local output, status = check(WRONG, "--json", "good.example");
		local result = dkjson.decode(output);
		assert.same({ 1, false, "good", 3 }, { status, result.ok, result.domains[1].status, #result.configuration });
		assert.same({ section = "VirtualHost \"one.test\"", advice = REFUSED;
			text = "The option \"xmppdns\" of a host: unknown setting \"dnsec\": did you mean \"dnssec\"?" }, result.configuration[3]);
	end);

	it("17.1: takes the negative trust anchors of xmppdns_remote", function ()
		local output, status = check([[
xmppdns = { forward = "{FORWARD}", trustfile = "{ANCHORS}", timeout = 3, insecure = "lan" }
xmppdns_remote = { ["good.example"] = { dnssec = "off" } }
]], "good.example");
		assert.matches("SRV _xmpp-server._tcp.good.example: insecure by your setting, TTL", output, 1, true);
		assert.equal(0, status);
	end);

	it("18.7: shows what is doubtful; status 0", function ()
		local output, status = check([[
unbound = { forward = "192.0.2.1" }
xmppdns = { forward = "{FORWARD}", trustfile = "{ANCHORS}" }
]], "good.example");
		assert.matches("^configuration: doubtful\n└─ the global section\n   └─ warning: the option \"unbound\" is ignored", output);
		assert.equal(0, status);
	end);

	it("is silent, with status 0, where nothing is wrong", function ()
		local output, status = check([[
xmppdns = { forward = "{FORWARD}", trustfile = "{ANCHORS}", timeout = 3 }
xmppdns_remote = { ["bank.example"] = { dnssec = "required" } }
VirtualHost "one.test"
	xmppdns = { dnssec = "required" }
]], "good.example");
		assert.matches("^good.example: good\n", output);
		assert.equal(0, status);
	end);
end);
