-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders

local branches = require "xmppdns.check.branches";
local measure = require "xmppdns.check.fold".measure;

local function example()
	local root = branches.node("root");
	local first = branches.add(root, "a branch with a text that is too long for it");
	branches.add(first, "its leaf with another text of some length");
	branches.add(root, "the last branch, just as long as the first one");
	return root;
end

describe("xmppdns.check.branches", function ()
	it("folds a text under its branch, past which the branches to what is below go on", function ()
		assert.equal([[
root
├─ a branch with a text
│  │ that is too long for
│  │ it
│  └─ its leaf with
│       another text of
│       some length
└─ the last branch,
     just as long as the
     first one
]], branches.draw(example(), true, 25));
		assert.matches("\n|  | it\n|  `- its leaf", branches.draw(example(), false, 25), 1, true);
	end);

	it("draws lines as long as they are without a width", function ()
		assert.matches("\n`- the last branch, just as long as the first one\n", branches.draw(example(), false), 1, true);
	end);

	it("draws no line wider than the screen", function ()
		for width = 30, 60 do
			for line in branches.draw(example(), true, width):gmatch("[^\n]+") do assert.is_true(measure(line) <= width); end
		end
	end);
end);
