-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- What .ci/floors.lua says of a house in which a rule is broken.

local process = require "spec.support.process";

-- The findings about a house of these files, as lines.
local function findings_in(files)
	local root = process.directory("house");
	process.run({ "sh", "-c", "rm -rf \"$0\"/* && mkdir -p \"$0/lua\" \"$0/mod_xmppdns/src\"", root });
	for path, text in pairs(files) do
		process.run({ "mkdir", "-p", (("%s/%s"):format(root, path):gsub("/[^/]*$", "")) });
		process.write(("%s/%s"):format(root, path), text);
	end
	return process.run({ "sh", "-c", "lua5.4 .ci/floors.lua \"$0\" || echo status $?", root });
end

describe("floors:", function ()
	it("an include of a floor above is named with its line", function ()
		assert.equal("mod_xmppdns/src/dns/name.c:2: dns/ may not know settings/\nstatus 1\n", findings_in({
			["mod_xmppdns/src/dns/name.c"] = "#include \"name.h\"\n#include \"settings/settings.h\"\n";
			["mod_xmppdns/src/settings/upstream.c"] = "#include \"dns/name.h\"\n";
		}));
	end);

	it("two files of one folder that need each other are named, by way of others too", function ()
		assert.equal("mod_xmppdns/src/base/hash.c:1: base/hash and base/slots need each other\n"
			.. "mod_xmppdns/src/base/heap.h:1: base/heap and base/hash need each other\n"
			.. "mod_xmppdns/src/base/slots.h:1: base/slots and base/heap need each other\nstatus 1\n", findings_in({
			["mod_xmppdns/src/base/heap.h"] = "#include \"hash.h\"\n";
			["mod_xmppdns/src/base/hash.c"] = "#include \"slots.h\"\n";
			["mod_xmppdns/src/base/slots.h"] = "#include \"heap.h\"\n";
			["mod_xmppdns/src/base/table.c"] = "#include \"heap.h\"\n#include \"table.h\"\n";
		}));
	end);

	it("only one folder includes libunbound's header, and only one Lua's", function ()
		assert.equal("mod_xmppdns/src/resolver/cache.c:1: only unbound/ includes <unbound.h>\n"
			.. "mod_xmppdns/src/resolver/cache.c:2: only lua/ includes <lua.h>\nstatus 1\n", findings_in({
			["mod_xmppdns/src/resolver/cache.c"] = "#include <unbound.h>\n#include <lua.h>\n#include <stdio.h>\n";
			["mod_xmppdns/src/lua/core.c"] = "#include <lua.h>\n";
		}));
	end);

	it("a require of a room above, or of Prosody's modules outside of theirs, is named with its line", function ()
		assert.equal("lua/xmppdns/plan/plan.lua:1: plan may not know check (xmppdns.check.tree)\n"
			.. "lua/xmppdns/plan/plan.lua:3: plan may not know Prosody (util.async)\nstatus 1\n", findings_in({
			["lua/xmppdns/plan/plan.lua"] = "local tree = require \"xmppdns.check.tree\";\nlocal socket = require(\"socket\");\n"
				.. "local ok = pcall(require, \"util.async\");\n-- require \"xmppdns.prosody.shell\"\n";
			["lua/xmppdns/prosody/shell.lua"] = "local async = require \"util.async\";\nlocal tree = require \"xmppdns.check.tree\";\n";
		}));
	end);

	it("Lua's files that need each other are named", function ()
		assert.matches("plan/plan%.lua:1: xmppdns%.plan%.plan and xmppdns%.plan%.endpoint need each other", findings_in({
			["lua/xmppdns/plan/plan.lua"] = "require \"xmppdns.plan.endpoint\";\n";
			["lua/xmppdns/plan/endpoint.lua"] = "require \"xmppdns.plan.plan\";\n";
		}));
	end);

	it("a file on no floor is named", function ()
		assert.equal("mod_xmppdns/src/attic/old.c:1: lies on no floor\nstatus 1\n", findings_in({ ["mod_xmppdns/src/attic/old.c"] = "" }));
	end);
end);
