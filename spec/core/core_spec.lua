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
		assert.equal(mark, coroutine.wrap(function () return core.thread(); end)());
	end);

	local path = package.cpath:match("[^;]+"):gsub("%?", "xmppdns/core");

	it("exports nothing but the function that opens it", function ()
		local symbols = assert(io.popen("nm --dynamic --defined-only --format=posix '" .. path .. "'"));
		local exported = {};
		for line in symbols:lines() do exported[#exported + 1] = line:match("^%S+"); end
		symbols:close();
		assert.same({ "luaopen_xmppdns_core" }, exported);
	end);

	it("is hardened: bound and made read-only when it is loaded, its stack not executable, with guards on the stack and checked copies", function ()
		local listing = assert(io.popen("readelf --wide --dynamic --program-headers --dyn-syms '" .. path .. "'"));
		local headers = listing:read("*a");
		listing:close();
		assert.matches("GNU_RELRO", headers);
		assert.matches("BIND_NOW", headers);
		assert.matches("GNU_STACK%s+%S+%s+%S+%s+%S+%s+%S+%s+%S+%s+RW%s", headers);
		assert.is_nil(headers:match("TEXTREL"));
		assert.matches("__stack_chk_fail", headers);
		assert.matches("__snprintf_chk", headers);
	end);
end);
