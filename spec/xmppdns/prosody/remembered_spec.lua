-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- How long, and how many.

local new_memory = require "xmppdns.prosody.remembered".new;

describe("xmppdns.prosody.remembered:", function ()
	it("a domain is known for its time, until it is forgotten", function ()
		local memory = new_memory();
		assert.is_false(memory:knows("a.test"));
		memory:note("a.test", 60);
		memory:note("b.test", 0);
		assert.same({ true, false }, { memory:knows("a.test"), memory:knows("b.test") });
		memory:forget("a.test");
		assert.is_false(memory:knows("a.test"));
	end);

	it("15.4: a domain that was noted under another trust is not known", function ()
		local memory = new_memory();
		memory:note("a.test", 60, 1);
		assert.is_true(memory:knows("a.test", 1));
		assert.same({ false, false }, { memory:knows("a.test", 2), memory:knows("a.test", 1) });
	end);

	it("the latest thousands are known, and no more are kept", function ()
		local memory = new_memory();
		for i = 1, 20000 do memory:note(i..".test", 60); end
		assert.same({ true, true, false }, { memory:knows("20000.test"), memory:knows("15001.test"), memory:knows("5000.test") });
		local kept = 0;
		for _, half in ipairs({ memory.young, memory.old }) do
			for _ in pairs(half) do kept = kept + 1; end
		end
		assert.is_true(kept <= 10000);
	end);
end);
