-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- Which of the options counts between a host and a remote domain.

local new_policies = require "xmppdns.prosody.policy".new;

describe("xmppdns.prosody.policy:", function ()
	local options, reports, policies;

	before_each(function ()
		reports = {};
		options = {
			["*"] = { xmppdns_remote = { ["A.test"] = { dnssec = "required" }, ["b.test"] = { dane = "off", host = "xmpp.b.test", tls = "direct" } } };
			["own.test"] = { xmppdns = { dane = "required" }, xmppdns_remote = { ["b.test"] = { host = "192.0.2.1", port = 5270 } } };
		};
		policies = new_policies(function (host, name) return options[host] and options[host][name]; end, string.lower, function (host, problem)
			reports[#reports + 1] = host..": "..problem;
		end);
		assert.is_nil(policies:check());
		policies:read();
	end);

	it("nothing is asked for where nothing was set", function ()
		assert.same({}, policies:get("other.test", "c.test"));
		assert.same({}, policies:get(nil, "c.test"));
	end);

	it("a remote domain's settings count for every host, however the domain is spelled", function ()
		assert.same({ dnssec = "required" }, policies:get("other.test", "a.test"));
		assert.same({ dane = "off", endpoint = { host = "xmpp.b.test", tls = "direct" } }, policies:get("other.test", "b.test"));
	end);

	it("a host's own settings come before the global ones, and what it says of a remote domain before both", function ()
		assert.same({ dane = "required" }, policies:get("own.test", "c.test"));
		assert.same({ dnssec = "required", dane = "required" }, policies:get("own.test", "a.test"));
		assert.same({ dane = "off", endpoint = { host = "192.0.2.1", port = 5270 } }, policies:get("own.test", "b.test"));
	end);

	it("what a host has wrong is reported once, by name, and does not count", function ()
		options["bad.test"] = { xmppdns = { timeout = 5 } };
		options["worse.test"] = { xmppdns_remote = { ["a.test"] = { dnssec = "yes" } } };
		assert.same({ dnssec = "required" }, policies:get("bad.test", "a.test"));
		assert.same({ dnssec = "required" }, policies:get("bad.test", "a.test"));
		assert.same({ dnssec = "required" }, policies:get("worse.test", "a.test"));
		assert.same({
			[[bad.test: The option "xmppdns" of a host: unknown setting "timeout"]];
			[[worse.test: The option "xmppdns_remote": ["a.test"]: dnssec cannot be yes]];
		}, reports);
	end);

	it("what was read before stays where it is bad when read again", function ()
		policies:get("own.test", "c.test");
		options["own.test"].xmppdns = { dane = "perhaps" };
		policies:read();
		assert.same({ dane = "required" }, policies:get("own.test", "c.test"));
		options["own.test"].xmppdns = { dane = "off" };
		policies:read();
		assert.same({ dane = "off" }, policies:get("own.test", "c.test"));
		assert.same({ [[own.test: The option "xmppdns" of a host: dane cannot be perhaps]] }, reports);
	end);
end);
