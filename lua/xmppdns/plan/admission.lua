-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- An admission: lets so many through at a time; the others wait their turn, first come, first served.
-- A visitor is a table with a method come_in(). It carries what the admission knows of it, place ("waiting", "inside", "left"): thousands may
-- wait, and a table more for each would be one more for Lua's collector to go through.

local admission_methods = {};
local admission_mt = { __index = admission_methods, __name = "xmppdns.plan.admission" };

local function let_in(self, visitor)
	self.inside, visitor.place = self.inside + 1, "inside";
	local ok, problem = pcall(visitor.come_in, visitor);
	if not ok then self.on_error(problem); end
end

local function queue_up(self, visitor)
	visitor.place = "waiting";
	self.last = self.last + 1;
	self.queue[self.last] = visitor;
end

local function is_empty(self)
	return self.first > self.last;
end

-- The first that still waits, or nil.
local function take_first(self)
	local visitor;
	repeat
		if is_empty(self) then return nil; end
		visitor, self.queue[self.first] = self.queue[self.first], nil;
		self.first = self.first + 1;
	until visitor.place == "waiting";
	return visitor;
end

-- One now, then later the next.
local function take_turn(self)
	self.is_due = false;
	local visitor = take_first(self);
	if visitor then let_in(self, visitor); end
	self:let_in_later();
end

-- private
function admission_methods:let_in_later()
	if self.is_due or self.inside >= self.most or is_empty(self) then return; end
	self.is_due = true;
	self.later(take_turn, self);
end

-- Everybody who waits, whether there is room or not.
function admission_methods:let_all_in()
	for visitor in take_first, self do let_in(self, visitor); end
end

-- Once for each visitor. It comes in before this returns when there is room.
function admission_methods:enter(visitor)
	if self.inside < self.most and is_empty(self) then return let_in(self, visitor); end
	queue_up(self, visitor);
end

-- Makes room. May be called again, for who never entered, and for who waits still: it does not come in then.
function admission_methods:leave(visitor)
	local place = visitor.place;
	visitor.place = place and "left";
	if place ~= "inside" then return; end
	self.inside = self.inside - 1;
	self:let_in_later();
end

-- later(f, argument) calls f(argument) soon, on another turn of the loop: what the one who comes in does then, and what the one who left does
-- now, would be one long pause. on_error: called with the message of each come_in that raised, which is none of the others' business.
local function new(most, later, on_error)
	return setmetatable({ most = most, later = later, on_error = on_error, inside = 0, queue = {}, first = 1, last = 0 }, admission_mt);
end

return { new = new };
