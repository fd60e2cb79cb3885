-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- Callbacks by the time at which they are due: a binary heap whose timers know their places, so that thousands can be set and canceled.

local floor = math.floor;

local timers_methods = {};
local timers_mt = { __index = timers_methods, __name = "xmppdns.timers" };

local timer_methods = {};
local timer_mt = { __index = timer_methods, __name = "xmppdns.timer" };

local function is_before(a, b)
	return a.at < b.at or a.at == b.at and a.order < b.order;
end

local function put(self, timer, place)
	self[place], timer.place = timer, place;
end

local function move_up(self, timer, place)
	while place > 1 do
		local above = floor(place / 2);
		if not is_before(timer, self[above]) then break; end
		put(self, self[above], place);
		place = above;
	end
	put(self, timer, place);
end

local function move_down(self, timer, place)
	local count = #self;
	while 2 * place <= count do
		local below = 2 * place;
		if below < count and is_before(self[below + 1], self[below]) then below = below + 1; end
		if not is_before(self[below], timer) then break; end
		put(self, self[below], place);
		place = below;
	end
	put(self, timer, place);
end

local function remove(self, timer)
	local place, last = timer.place, self[#self];
	if not place then return; end
	timer.place = nil;
	self[#self] = nil;
	if last == timer then return; end
	move_down(self, last, place);
	move_up(self, last, last.place);
end

-- May be called at any time, and again.
function timer_methods:cancel()
	remove(self.timers, self);
end

-- For callback(argument). Gives a timer with cancel(). at: of whatever clock its user has; what is due at the same time keeps its order.
function timers_methods:add(at, callback, argument)
	self.order = self.order + 1;
	local timer = setmetatable({
		at = at, order = self.order, place = #self + 1, callback = callback, argument = argument, timers = self;
	}, timer_mt);
	move_up(self, timer, timer.place);
	return timer;
end

-- When the first one is due, or nil.
function timers_methods:next_time()
	return self[1] and self[1].at;
end

-- The callback of the first one, which is a timer no longer, when it is due by then, and its argument; else nil.
function timers_methods:take(now)
	local first = self[1];
	if not first or first.at > now then return nil; end
	remove(self, first);
	return first.callback, first.argument;
end

local function new()
	return setmetatable({ order = 0 }, timers_mt);
end

return { new = new };
