-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- Prosody's other network backends, which give OpenSSL no TLSA records: real servers. Prosody's shell does not work with event.

local certificates = require "spec.support.certificates";
local process = require "spec.support.process";
local prosody = require "spec.support.prosody";
local zones = require "spec.support.zones";

local DOMAINS = { "plain.example", "ee.example", "wrong.example", "pkix.example", "ta.example", "two.example" };
local WRONG = "3 1 1 " .. ("00"):rep(32);

-- Pings all domains once the server has started.
local PINGING = [[
local new_iq = require "util.stanza".iq;
module:add_timer(0.1, function ()
	for _, domain in ipairs(module:get_option("pinged", {})) do
		local iq = new_iq({ type = "get", from = module.host, to = domain, id = domain }):tag("ping", { xmlns = "urn:xmpp:ping" }):up();
		module:send_iq(iq, nil, 60):next(function ()
			module:log("info", "ping of %s: answered", domain);
		end, function (err)
			module:log("info", "ping of %s: %s", domain, err.text);
		end);
	end
end);
]];

for _, backend in ipairs({ "select", "event" }) do
	describe(("With network_backend = %q"):format(backend), function ()
		local dns, near, far, untrusted;

		setup(function ()
			local trusted, unknown = certificates.new_authority("trusted"), certificates.new_authority("unknown");
			local places = { near = process.free_address(), far = process.free_address(), untrusted = process.free_address() };
			local port = process.free_port(places.near, places.far);
			local function directory(place) return backend .. "-" .. place; end -- Prosody 13 cannot warn of a configuration with a longer path
			local function zone(place, record)
				local records = ("_xmpp-server._tcp SRV 0 0 %d xmpp\nxmpp A %s\n"):format(port, places[place]);
				return { records = records .. (record and ("_%d._tcp.xmpp TLSA %s\n"):format(port, record) or "") };
			end
			local function digest(usage, authority, place, domain)
				return ("%d 1 1 %s"):format(usage, certificates.digest(authority:issue(domain, process.directory(directory(place) .. "/certificates")), 1));
			end
			dns = zones.serve({
				["near.example"] = zone("near"), ["plain.example"] = zone("far"), ["wrong.example"] = zone("far", WRONG);
				["ee.example"] = zone("untrusted", digest(3, unknown, "untrusted", "ee.example"));
				["pkix.example"] = zone("far", digest(1, trusted, "far", "pkix.example"));
				["ta.example"] = zone("untrusted", "2 1 1 " .. certificates.digest(unknown.file, 1));
				["two.example"] = { records = zone("far", WRONG).records .. ("_xmpp-server._tcp SRV 1 0 %d other\nother A %s\n"):format(port, places.far) };
			});
			local plugins = process.directory("backend-plugins");
			process.write(plugins .. "/mod_pinging.lua", PINGING);
			local paths = ("plugin_paths = { %q, %q }"):format(process.run({ "pwd" }):gsub("\n", "") .. "/mod_xmppdns", plugins);
			local function start(place, hosts, authority, modules, config)
				return prosody.start({
					name = directory(place), address = places[place], s2s_ports = { port }, authority = authority, modules = modules, hosts = hosts;
					config = ("xmppdns = { forward = %q, trustfile = %q, resolvconf = false }\n%s"):format(dns.forward, dns.anchors, config);
				});
			end
			far = start("far", { ["plain.example"] = "plain.example", ["wrong.example"] = "wrong.example", ["pkix.example"] = "pkix.example";
				["two.example"] = "two.example" }, trusted, { "xmppdns" }, "");
			untrusted = start("untrusted", { ["ee.example"] = "ee.example", ["ta.example"] = "ta.example" }, unknown, { "xmppdns" },
				[[s2s_insecure_domains = { "near.example" }]]);
			near = start("near", { ["near.example"] = "near.example" }, trusted, { "xmppdns", "pinging" },
				("network_backend = %q\n%s\npinged = { \"%s\" }"):format(backend, paths, table.concat(DOMAINS, "\", \"")));
		end);

		teardown(function ()
			for _, server in ipairs({ near, far, untrusted }) do server:stop(); end
			dns:stop();
		end);

		-- What became of the ping.
		local function ping(domain)
			local pattern = ("ping of %s: ([^\n]*)"):format(domain:gsub("%.", "%%."));
			return process.wait_until(function () return near:log():match(pattern); end, 60);
		end

		it("what needs no TLSA record is reached", function () assert.equal("answered", ping("plain.example")); end);
		it("a certificate that nobody trusts is accepted when a record of usage 3 is its own", function () assert.equal("answered", ping("ee.example")); end);
		it("one that is trusted is refused when a record of usage 3 is another's", function ()
			assert.matches("does not match its TLSA records", ping("wrong.example"));
		end);
		it("records of the other usages are refused, with the reason", function ()
			for _, domain in ipairs({ "pkix.example", "ta.example" }) do
				assert.matches(("Prosody's network backend %%(.*%s.*%%) compares none but those of usage 3"):format(backend), ping(domain));
			end
		end);
		it("the next endpoint is tried", function () assert.equal("answered", ping("two.example")); end);
	end);
end
