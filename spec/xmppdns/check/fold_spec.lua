-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders

local fold = require "xmppdns.check.fold";

describe("xmppdns.check.fold", function ()
	it("leaves alone what fits, and everything without a width", function ()
		assert.same({ "a  b c" }, fold.fold("a  b c", 20));
		assert.same({ ("word "):rep(50) }, fold.fold(("word "):rep(50)));
	end);

	it("breaks at spaces; a word that is too long, anywhere", function ()
		assert.same({ "the quick brown", "fox jumps over", "the lazy dog" }, fold.fold("the quick brown fox jumps over the lazy dog", 16));
		assert.same({ "see", ("x"):rep(16), ("x"):rep(4) .. " there" }, fold.fold("see " .. ("x"):rep(20) .. " there", 16));
	end);

	it("counts characters, not bytes, and no colours", function ()
		assert.equal(6, fold.measure("\27[31mbücher\27[0m"));
		assert.same({ "\27[31mbücher\27[0m regale voll" }, fold.fold("\27[31mbücher\27[0m regale voll", 18));
	end);

	it("ends a colour with the line, and begins the next line with it", function ()
		assert.same({ "good: \27[31mone two\27[0m", "\27[31mthree four\27[0m end" }, fold.fold("good: \27[31mone two three four\27[0m end", 16));
	end);

	it("makes no line that is wider", function ()
		for width = 16, 90 do
			for _, line in ipairs(fold.fold(("a bb ccc " .. ("d"):rep(40) .. " "):rep(9), width)) do assert.is_true(fold.measure(line) <= width); end
		end
	end);
end);
