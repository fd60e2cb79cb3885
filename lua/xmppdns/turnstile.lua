-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- Lets so many through at a time; the others wait their turn, first come, first served.

local turnstile_methods = {};
local turnstile_mt = { __index = turnstile_methods, __name = "xmppdns.turnstile" };

local pass_methods = {};
local pass_mt = { __index = pass_methods, __name = "xmppdns.pass" };

local function take_first(self)
	local pass = self.waiting[self.first];
	self.waiting[self.first] = nil;
	self.first = self.first + 1;
	return pass;
end

local function let_in(self)
	while self.inside < self.most and self.first <= self.last do
		local pass = take_first(self);
		if not pass.has_left then
			self.inside, pass.is_inside = self.inside + 1, true;
			local ok, problem = pcall(pass.callback);
			if not ok then self.on_error(problem); end
		end
	end
end

-- Not from inside itself: whoever is let in may leave at once, and must not grow the stack.
local function advance(self)
	if self.is_advancing then return; end
	self.is_advancing = true;
	let_in(self);
	self.is_advancing = false;
end

-- Calls back once there is room: before it returns when there is. Gives a pass, whose leave() makes room.
function turnstile_methods:enter(callback)
	local pass = setmetatable({ turnstile = self, callback = callback }, pass_mt);
	self.last = self.last + 1;
	self.waiting[self.last] = pass;
	advance(self);
	return pass;
end

-- May be called again, and by who waits still: its callback is not called then.
function pass_methods:leave()
	if self.has_left then return; end
	self.has_left = true;
	if not self.is_inside then return; end
	self.turnstile.inside = self.turnstile.inside - 1;
	advance(self.turnstile);
end

-- on_error: called with the message of each callback that raised, which is none of the others' business.
local function new(most, on_error)
	return setmetatable({ most = most, on_error = on_error, inside = 0, waiting = {}, first = 1, last = 0 }, turnstile_mt);
end

return { new = new };
