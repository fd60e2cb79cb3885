-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- Routes of this host, and of one without any.

local core = require "xmppdns.core";
local process = require "spec.support.process";

describe("xmppdns.core: has_route", function ()
	it("is true for the host itself", function ()
		assert.is_true(core.has_route("127.0.0.1"));
		assert.is_true(core.has_route("127.200.1.2"));
	end);

	it("is false for what cannot be dialled", function ()
		for _, address in ipairs({ "255.255.255.255", "fe80::1", "", "192.0.2", "host.example", "192.0.2.1 ", "::g" }) do
			assert.is_false(core.has_route(address), address);
		end
	end);

	it("is false without a network, for both families", function ()
		local found = process.run({ "unshare", "-n", (arg and arg[-1] or "lua5.4"), "-e", ([[
			package.cpath = %q;
			local has_route = require "xmppdns.core".has_route;
			io.write(tostring(has_route("192.0.2.1")), " ", tostring(has_route("2001:db8::1")));
		]]):format(package.cpath) });
		assert.equal("false false", found);
	end);

	it("takes nothing but text", function ()
		assert.has_error(function () core.has_route(127); end);
		assert.has_error(function () core.has_route(); end);
	end);
end);
