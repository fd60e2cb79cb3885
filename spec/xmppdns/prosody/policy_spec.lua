-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- Which of the options counts between a host and a remote domain.

require "spec.support.prosody_util" ("encodings");

local list_insecure = require "xmppdns.prosody.policy".list_insecure;
local new_policies = require "xmppdns.prosody.policy".new;

describe("xmppdns.prosody.policy:", function ()
	local options, reports, policies;

	before_each(function ()
		reports = {};
		options = {
			["*"] = { xmppdns_remote = { ["A.test"] = { dnssec = "required" }, ["b.test"] = { dane = "off", host = "xmpp.b.test", tls = "direct" } } };
			["own.test"] = { xmppdns = { dane = "required" }, xmppdns_remote = { ["b.test"] = { host = "192.0.2.1", port = 5270 } } };
		};
		policies = new_policies(function (host, name) return options[host] and options[host][name]; end, function (host, problem)
			reports[#reports + 1] = host..": "..problem.text;
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

	it("a remote domain has many spellings, and is one and the same", function ()
		for _, spelling in ipairs({ "bücher.test", "BÜCHER.Test", "xn--bcher-kva.test", "XN--BCHER-KVA.TEST.", "bücher.test.", "bücher。test", "ｂücher.test" }) do
			options["*"].xmppdns_remote = { [spelling] = { dane = "required" } };
			policies:read();
			for _, remote in ipairs({ "bücher.test", "xn--bcher-kva.test", "bücher.test." }) do
				assert.same({ dane = "required" }, policies:get("other.test", remote), spelling.." for "..remote);
			end
		end
		options["*"].xmppdns_remote = { ["strasse.test"] = { dane = "required" }, ["[2001:DB8::1]"] = { dnssec = "off" } };
		policies:read();
		assert.same({ dane = "required" }, policies:get("other.test", "straße.test"));
		assert.same({ dnssec = "off" }, policies:get("other.test", "[2001:db8::1]"));
		assert.same({}, reports);
	end);

	it("of two keys for one domain the stricter settings count", function ()
		options["*"].xmppdns_remote = { ["A.test"] = { dane = "off", host = "x.test", port = 1 }, ["a.test."] = { dane = "required", dnssec = "opportunistic" } };
		policies:read();
		assert.same({ dane = "required", dnssec = "opportunistic", endpoint = { host = "x.test", port = 1 } }, policies:get("other.test", "a.test"));
		assert.same({ [[*: The option "xmppdns_remote" has a.test twice: the stricter settings count]] }, reports);
	end);

	it("17.1: where validation is switched off above all hosts, is listed for the resolver", function ()
		assert.same({ "a.test", "xn--bcher-kva.test" }, list_insecure({
			["Bücher.test."] = { dnssec = "off" }, ["a.test"] = { dnssec = "off", dane = "off" }, ["b.test"] = { dane = "off" }, ["c.test"] = { dnssec = "required" };
			["d.test"] = { dnssec = "off" }, ["D.test"] = { dnssec = "opportunistic" }, ["a..b"] = { dnssec = "off" }, ["192.0.2.1"] = { dnssec = "off" };
			["[2001:db8::1]"] = { dnssec = "off" }, ["e.test"] = "off";
		}));
		assert.same({}, list_insecure(nil));
		assert.same({}, list_insecure("off"));
	end);

	it("17.1: it cannot be switched off for one host alone, which is said", function ()
		options["own.test"].xmppdns_remote = { ["a.test"] = { dnssec = "off" } };
		policies:read_host("own.test");
		assert.same({ [[own.test: The option "xmppdns_remote": ["a.test"]: dnssec = "off" below a host accepts unsigned answers, ]]
			.. "but does not switch validation off" }, reports);
		assert.equal("off", policies:get("own.test", "a.test").dnssec);
	end);

	it("a mistake voids its own key, and a strict value beside it holds", function ()
		options["bad.test"] = { xmppdns = { timeout = 5, dane = "required", dnsec = "off" } };
		options["worse.test"] = { xmppdns_remote = { ["a.test"] = { port = 70000, host = "x.test", dane = "required" }, ["c.test"] = { tls = "direct" } } };
		assert.same({ dnssec = "required", dane = "required" }, policies:get("bad.test", "a.test"));
		assert.same({ dnssec = "required", dane = "required", endpoint = { host = "x.test" } }, policies:get("worse.test", "a.test"));
		assert.is_nil(policies:get("worse.test", "c.test").endpoint);
		assert.same({
			[[bad.test: The option "xmppdns" of a host: unknown setting "dnsec": did you mean "dnssec"?]];
			[[bad.test: The option "xmppdns" of a host: unknown setting "timeout"]];
			[[worse.test: The option "xmppdns_remote": ["a.test"]: port cannot be 70000]];
			[[worse.test: The option "xmppdns_remote": ["c.test"]: port and tls need a host]];
		}, reports);
	end);

	it("a mistake that may hide something strict refuses what it is about, until it is mended", function ()
		local function trouble_of(own, remotes, remote)
			options["bad.test"] = { xmppdns = own, xmppdns_remote = remotes };
			policies:read_host("bad.test");
			return policies:get("bad.test", remote or "c.test").trouble;
		end
		local of_host = [[The option "xmppdns" of a host]];
		assert.equal(of_host..[[: unknown setting "dnsec": did you mean "dnssec"?]], trouble_of({ dnsec = "required" }));
		assert.equal(of_host..[[: unknown setting "strict"]], trouble_of({ strict = "required" }));
		assert.equal(of_host..[[: dane cannot be requierd]], trouble_of({ dane = "requierd", dnssec = "off" }));
		assert.equal(of_host..[[: unknown setting "dan": did you mean "dane"?]], trouble_of({ dan = true }));
		assert.equal(of_host..[[ must be a table, not string]], trouble_of("required"));
		local of_remote = [[The option "xmppdns_remote": ["c.test"]: unknown setting "danee": did you mean "dane"?]];
		assert.equal(of_remote, trouble_of(nil, { ["c.test"] = { danee = "required" } }));
		assert.is_nil(trouble_of(nil, { ["c.test"] = { danee = "required" } }, "d.test"));
		assert.equal([[The option "xmppdns_remote": ["c..test"] is no domain name]], trouble_of(nil, { ["c..test"] = { dane = "required" } }, "d.test"));
		assert.is_nil(trouble_of(nil, { ["c..test"] = { dane = "off" } }, "d.test"));
		assert.equal([[The option "xmppdns_remote" must be a table, not boolean]], trouble_of(nil, true));
		assert.is_nil(trouble_of({ dane = "required" }));
	end);

	it("what is wrong with the global option is told; two keys for one domain are not", function ()
		for problem, remotes in pairs({
			[ [[The option "xmppdns_remote": ["a.test"]: dane cannot be always]] ] = { ["a.test"] = { dane = "always" } };
			[ [[The option "xmppdns_remote": ["a..test"] is no domain name]] ] = { ["a..test"] = { dane = "off" } };
			[ [[The option "xmppdns_remote" must be a table, not string]] ] = "required";
		}) do
			options["*"].xmppdns_remote = remotes;
			assert.equal(problem, policies:check());
		end
		options["*"].xmppdns_remote = { ["a.test"] = { dane = "off" }, ["A.test"] = { dane = "required" } };
		assert.is_nil(policies:check());
	end);
end);
