-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- The alert rules and the dashboard fit the metrics that the README lists, and Prometheus reads them.

local process = require "spec.support.process";

local RULES = "mod_xmppdns/contrib/alerts.yml";
local DASHBOARD = "mod_xmppdns/contrib/dashboard.json";

-- { ["lookups_total"] = true }: what a scrape gives for the families of the README's table.
local function list_samples()
	local samples = {};
	for name, kind in process.read("README.md"):gmatch("\n| `([%l_]+)` | (%l+) |") do
		if kind == "histogram" then name = name .. "_bucket"; end
		samples[name] = true;
	end
	return samples;
end

local function unknown_samples(text)
	local known, unknown = list_samples(), {};
	for name in text:gmatch("prosody_mod_xmppdns__([%l_]+)") do
		if not known[name] then unknown[name] = true; end
	end
	return unknown;
end

describe("mod_xmppdns/contrib", function ()
	it("has alert rules that Prometheus reads, on metrics that there are", function ()
		assert.matches("SUCCESS: 9 rules found", process.run({ "promtool", "check", "rules", RULES }), 1, true);
		assert.same({}, unknown_samples(process.read(RULES)));
	end);

	it("has alerts that fire when they should, and only then", function ()
		local directory = process.run({ "pwd" }):gsub("\n", "");
		local tests = process.read("spec/support/alerts.yml"):gsub("RULES", directory .. "/" .. RULES);
		local file = process.write(process.directory("contrib") .. "/tests.yml", tests);
		assert.matches("SUCCESS", process.run({ "promtool", "test", "rules", file }), 1, true);
	end);

	it("has a dashboard that shows every metric that there is, and no other", function ()
		local text = process.read(DASHBOARD);
		process.run({ "python3", "-m", "json.tool", DASHBOARD, process.directory("contrib") .. "/dashboard.json" });
		assert.same({}, unknown_samples(text));
		for name in pairs(list_samples()) do
			assert.matches("prosody_mod_xmppdns__" .. name, text, 1, true);
		end
	end);

	it("completes options, files and words in bash", function ()
		local command = ("xmppdns-check() { LUA_PATH='%s' LUA_CPATH='%s' lua%s mod_xmppdns/xmppdns-check \"$@\"; }"):format(package.path, package.cpath,
			_VERSION:match("%d%.%d"));
		local function complete(current, previous)
			return process.run({ "bash", "-c", command .. "; . mod_xmppdns/contrib/xmppdns-check.bash; COMP_WORDS=(xmppdns-check \"$1\"); COMP_CWORD=1; "
				.. "_xmppdns_check xmppdns-check \"$1\" \"$2\"; echo ${COMPREPLY[@]}", "bash", current, previous }):gsub("\n$", "");
		end
		assert.equal("--cafile --certificate --chain --colour --connect", (complete("--c", "xmppdns-check")));
		assert.equal("always auto", (complete("a", "--colour")));
		assert.equal("README.md", (complete("README", "--cafile")));
	end);
end);
