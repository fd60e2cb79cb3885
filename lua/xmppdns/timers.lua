-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- Callbacks by the time at which they are due: a binary heap that knows the places of its timers, so that thousands can be set and canceled.
-- A timer is a number, which is never used again. What is known of it lies by that number in at, callback, argument and place: a table for each
-- timer would be one more for Lua's collector to go through.

local floor = math.floor;

local timers_methods = {};
local timers_mt = { __index = timers_methods, __name = "xmppdns.timers" };

local function is_before(self, a, b)
	local at = self.at;
	return at[a] < at[b] or at[a] == at[b] and a < b;
end

local function put(self, timer, place)
	self.heap[place], self.place[timer] = timer, place;
end

local function move_up(self, timer, place)
	local heap = self.heap;
	while place > 1 do
		local above = floor(place / 2);
		if not is_before(self, timer, heap[above]) then break; end
		put(self, heap[above], place);
		place = above;
	end
	put(self, timer, place);
end

local function move_down(self, timer, place)
	local heap = self.heap;
	local count = #heap;
	while 2 * place <= count do
		local below = 2 * place;
		if below < count and is_before(self, heap[below + 1], heap[below]) then below = below + 1; end
		if not is_before(self, heap[below], timer) then break; end
		put(self, heap[below], place);
		place = below;
	end
	put(self, timer, place);
end

local function take_from_heap(self, timer)
	local heap, place = self.heap, self.place[timer];
	local last = heap[#heap];
	heap[#heap] = nil;
	if last == timer then return; end
	move_down(self, last, place);
	move_up(self, last, self.place[last]);
end

local function forget(self, timer)
	self.place[timer], self.at[timer], self.callback[timer], self.argument[timer] = nil, nil, nil, nil;
end

-- What is wanted of it: in the heap with a callback, else forgotten.
local function settle(self, timer)
	if self.callback[timer] then
		if not self.place[timer] then move_up(self, timer, #self.heap + 1); end
	elseif self.at[timer] then
		if self.place[timer] then take_from_heap(self, timer); end
		forget(self, timer);
	end
end

-- Begins a change of the heap, or gives false while another is made: a finalizer may come between any two of its steps, and want something too.
local function begin(self)
	if self.is_changing then return false; end
	self.is_changing = true;
	return true;
end

-- Ends a change, and makes those that were wanted meanwhile.
local function finish(self)
	self.is_changing = false;
	while self.late[1] and begin(self) do
		settle(self, table.remove(self.late));
		self.is_changing = false;
	end
end

local function change(self, timer)
	if not begin(self) then
		self.late[#self.late + 1] = timer;
		return;
	end
	settle(self, timer);
	finish(self);
end

-- For callback(argument). Gives a timer for cancel. at: of whatever clock its user has; what is due at the same time keeps its order.
function timers_methods:add(at, callback, argument)
	local timer = self.latest + 1;
	self.latest = timer;
	self.at[timer], self.callback[timer], self.argument[timer] = at, callback, argument;
	change(self, timer);
	return timer;
end

-- May be called at any time, and again. Gives when it would have been due, or nil when it was a timer no longer.
function timers_methods:cancel(timer)
	local at = self.callback[timer] and self.at[timer];
	if not at then return nil; end
	self.callback[timer], self.argument[timer] = nil, nil;
	change(self, timer);
	return at;
end

-- When the first one is due, or nil.
function timers_methods:next_time()
	local first = self.heap[1];
	return first and self.at[first];
end

-- The callback and the argument of the first one that is due by then, which the heap has no longer.
local function take_first(self, now)
	local first = self.heap[1];
	while first and self.at[first] <= now do
		take_from_heap(self, first);
		local callback, argument = self.callback[first], self.argument[first];
		forget(self, first);
		if callback then return callback, argument; end -- else it was canceled while the heap was changed
		first = self.heap[1];
	end
end

-- The callback of the first one, which is a timer no longer, when it is due by then, and its argument; else nil.
function timers_methods:take(now)
	if not begin(self) then return nil; end
	local callback, argument = take_first(self, now);
	finish(self);
	return callback, argument;
end

-- Cancels all of them.
function timers_methods:clear()
	if not begin(self) then -- then they go as they come to the top
		self.callback, self.argument = {}, {};
		return;
	end
	self.heap, self.at, self.callback, self.argument, self.place, self.late = {}, {}, {}, {}, {}, {};
	self.is_changing = false;
end

local function new()
	local self = setmetatable({ latest = 0, is_changing = false }, timers_mt);
	self:clear();
	return self;
end

return { new = new };
