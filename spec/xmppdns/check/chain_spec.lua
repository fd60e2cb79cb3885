-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders

local chain_of = require "xmppdns.check.chain";
local resolvers = require "xmppdns.resolver";
local tasks_of = require "xmppdns.check.tasks";
local zones = require "spec.support.zones";

local dns, resolver;

setup(function ()
	dns = zones.serve({
		["deep.signed.example"] = {}, ["plain.example"] = { signed = false }, ["below.plain.example"] = {};
		["expired.example"] = { fault = "expired" }, ["forged.example"] = { fault = "signature" };
	});
	resolver = assert(resolvers.new(dns:settings({ timeout = 3 })));
end);
teardown(function ()
	resolver:close();
	dns:stop();
end);

local function inspect(domain, expires)
	local tasks, chain = tasks_of.new(resolver), nil;
	tasks:spawn(function () chain = chain_of.inspect(tasks, resolver, domain, expires); end);
	tasks:run();
	return chain;
end

-- { "example secure", ... }
local function summarize(chain)
	local texts = {};
	for i, zone in ipairs(chain) do texts[i] = zone.zone .. " " .. zone.dnssec; end
	return texts;
end

describe("xmppdns.check.chain", function ()
	it("goes from the root to the name by zones, each with its DS and its keys' tags", function ()
		local chain = inspect("www.deep.signed.example");
		assert.same({ ". secure", "example secure", "signed.example secure", "deep.signed.example secure", "www.deep.signed.example secure" }, summarize(chain));
		local tag = chain[1].keys[1];
		for i = 2, 4 do assert.same({ { tag }, { tag } }, { chain[i].ds, chain[i].keys }); end
		assert.same({ {}, "there is no such name" }, { chain[5].ds, chain[5].note });
	end);

	it("says where it becomes insecure, and by whose word", function ()
		local chain = inspect("below.plain.example");
		assert.same({ ". secure", "example secure", "plain.example insecure", "below.plain.example insecure" }, summarize(chain));
		assert.equal("example has no DS for it: nothing from here on is validated", chain[3].note);
	end);

	it("says where it becomes bogus, by keys or by data, and why, and goes no further", function ()
		local chain = inspect("expired.example");
		assert.same({ ". secure", "example secure", "expired.example bogus" }, summarize(chain));
		assert.matches("signature expired", chain[3].error.text, 1, true);
		assert.is_true(chain[3].days < -29);
		chain = inspect("forged.example");
		assert.same({ ". secure", "example secure", "forged.example bogus" }, summarize(chain));
	end);

	it("knows when the first signature of each zone ends, and warns as early as it is told to", function ()
		local chain = inspect("signed.example");
		assert.is_true(chain[3].days == 29 or chain[3].days == 30);
		assert.same({ "good", "warning" }, { chain[3].level, inspect("signed.example", 31)[3].level });
	end);
end);
