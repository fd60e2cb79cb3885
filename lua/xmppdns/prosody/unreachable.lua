-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- Addresses that did not answer lately: a bounded memory.

local now = require "xmppdns.core".now;

local DURATION = 120; -- seconds
local MOST = 1000;    -- remembered before the older half is forgotten, and at most twice as many

local unreachable_methods = {};
local unreachable_mt = { __index = unreachable_methods, __name = "xmppdns.prosody.unreachable" };

local function key(address, port)
	return address.." "..port;
end

function unreachable_methods:add(address, port)
	if self.count >= MOST then
		self.older, self.newer, self.count = self.newer, {}, 0;
	end
	self.newer[key(address, port)] = now() + DURATION;
	self.count = self.count + 1;
end

function unreachable_methods:remove(address, port)
	self.newer[key(address, port)], self.older[key(address, port)] = nil, nil;
end

function unreachable_methods:contains(address, port)
	local expiry = self.newer[key(address, port)] or self.older[key(address, port)];
	return expiry ~= nil and expiry > now();
end

local function new()
	return setmetatable({ newer = {}, older = {}, count = 0 }, unreachable_mt);
end

return { new = new };
