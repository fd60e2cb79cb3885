-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders

local copies = require "xmppdns.check.copies";
local process = require "spec.support.process";

describe("xmppdns.check.copies", function ()
	local path, cpath, by_hand, package_one;

	setup(function ()
		path, cpath = package.path, package.cpath;
		by_hand, package_one = process.directory("by-hand"), process.directory("packaged");
	end);
	teardown(function () package.path, package.cpath = path, cpath; end);

	before_each(function ()
		package.path = ("./?.lua;%s/?.lua;%s/?.lua;%s/?.lua"):format(by_hand, by_hand, package_one);
		package.cpath = ("%s/?.so;%s/?.so"):format(by_hand, package_one);
	end);

	it("finds nothing where there is one of each", function ()
		process.write(package_one .. "/xmppdns.lua", "");
		assert.same({}, copies.list_hidden(package_one));
		package.path, package.cpath = path, cpath;
		assert.same({}, copies.list_hidden());
	end);

	it("names a library, a C module and a plugin that hide others of later places", function ()
		process.directory("by-hand/xmppdns");
		process.directory("packaged/xmppdns");
		for _, directory in ipairs({ by_hand, package_one }) do
			for _, file in ipairs({ "xmppdns.lua", "xmppdns/core.so", "mod_xmppdns.lua" }) do process.write(("%s/%s"):format(directory, file), ""); end
		end
		local expected = {};
		for i, file in ipairs({ "xmppdns.lua", "xmppdns/core.so", "mod_xmppdns.lua" }) do
			expected[i] = { used = ("%s/%s"):format(by_hand, file), hidden = ("%s/%s"):format(package_one, file) };
		end
		assert.same(expected, copies.list_hidden(by_hand .. ";" .. package_one));
	end);
end);
