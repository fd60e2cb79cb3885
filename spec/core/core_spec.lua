-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- The module table of the C core, and what it tells about itself.

local core = require "xmppdns.core";

describe("core: the module", function ()
	it("knows the versions of the libraries that it runs with", function ()
		local version = core.version();
		assert.matches("^%d+%.%d+%.%d+", version.libunbound);
		assert.matches("^%d+%.%d+%.%d+", version.libidn2);
		assert.is_boolean(version.tls);
	end);

	it("gives a thread the same mark each time, in coroutines too", function ()
		local mark = core.thread();
		assert.is_userdata(mark);
		assert.equal(mark, core.thread());
		assert.equal(mark, coroutine.wrap(core.thread)());
	end);

	it("exports nothing but the function that opens it", function ()
		local path = package.cpath:match("[^;]+"):gsub("%?", "xmppdns/core");
		local symbols = assert(io.popen("nm --dynamic --defined-only --format=posix '" .. path .. "'"));
		local exported = {};
		for line in symbols:lines() do exported[#exported + 1] = line:match("^%S+"); end
		symbols:close();
		assert.same({ "luaopen_xmppdns_core" }, exported);
	end);
end);
