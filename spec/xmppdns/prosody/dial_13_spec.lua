-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- What Prosody 13's net.connect is given when it asks because time has passed, because all has failed, or because the last could not be dialled.

local core = require "xmppdns.core";
local dial_13 = require "xmppdns.prosody.dial_13";
local socket = require "socket";

describe("xmppdns.prosody.dial_13:", function ()
	local waits;

	local function new(...)
		local targets = { ... };
		waits = {};
		return dial_13.new({
			source = function (_, callback) callback(table.remove(targets, 1)); end;
			has_more = function () return targets[1] ~= nil; end;
			after = function (seconds) waits[#waits + 1] = seconds; end;
		});
	end

	local function next_name(dialler)
		local name;
		dialler:next(function (target) name = target and target.name; end);
		return name;
	end

	local function pass(seconds)
		local deadline = core.now() + seconds;
		while core.now() < deadline do socket.sleep(deadline - core.now()); end
	end

	it("the next priority waits two seconds for what was dialled and may still answer", function ()
		local dialler = new({ name = "first", group = 0 }, { name = "second", group = 1 });
		assert.equal("first", next_name(dialler));
		pass(0.26);
		assert.is_nil(next_name(dialler));
		assert.equal(1, #waits);
	end);

	it("issue 16.11: when one could not be dialled at all, no time is waited for it later", function ()
		local dialler = new({ name = "undiallable", group = 0 }, { name = "first", group = 0 }, { name = "second", group = 1 });
		local given = {};
		dialler:next(function (target)
			given[1] = target.name;
			given[2] = next_name(dialler); -- net.connect, inside its callback
		end);
		assert.same({ "undiallable", "first" }, given);
		pass(0.26);
		assert.is_nil(next_name(dialler)); -- time has passed for the first, which may still answer
		assert.equal("second", next_name(dialler)); -- it has failed
	end);
end);
