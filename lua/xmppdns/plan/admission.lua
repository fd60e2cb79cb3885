-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- An admission: lets so many through at a time; the others wait their turn. First come, first served, among those of a zone: one whose names nobody
-- answers leaves places for the others.
-- A visitor is a table with a method come_in() and its domain. It carries what the admission knows of it, place: the number of its turn, from 1, once
-- it is inside (0: without one), the same below 0 while it waits, then "left". Thousands may wait, and a table more for each, or a larger one, would
-- be more for Lua's collector to go through.

local new_turns = require "xmppdns.core".new_turns;

local EVERYBODY = 2 ^ 31 - 1;

local admission_methods = {};
local admission_mt = { __index = admission_methods, __name = "xmppdns.plan.admission" };

local function let_in(self, visitor)
	local ok, problem = pcall(visitor.come_in, visitor);
	if not ok then self.on_error(problem); end
end

-- The next one who may come in, or nil.
local function take_next(self)
	local turn = self.turns:take();
	if not turn then return nil; end
	local visitor = self.visitors[turn];
	visitor.place = turn;
	return visitor;
end

-- One now, then later the next.
local function take_turn(self)
	self.is_due = false;
	local visitor = take_next(self);
	if visitor then let_in(self, visitor); end
	self:let_in_later();
end

-- private
function admission_methods:let_in_later()
	if self.is_due or not self.turns:has_next() then return; end
	self.is_due = true;
	self.later(take_turn, self);
end

-- Everybody who waits, whether there is room or not.
function admission_methods:let_all_in()
	self.turns:set_places(EVERYBODY);
	for visitor in take_next, self do let_in(self, visitor); end
	self.turns:set_places(self.most);
end

-- Once for each visitor. It comes in before this returns when there is room.
function admission_methods:enter(visitor)
	local turn = self.turns:wait(visitor.domain or tostring(visitor));
	visitor.place = turn and -turn or 0;
	if not turn then return let_in(self, visitor); end -- no memory: the others are no better off without it
	self.visitors[turn] = visitor;
	if self.is_due then return; end -- there are some before it
	local first = take_next(self); -- nobody else could have come in
	if first then let_in(self, first); end
end

-- Whether it has come in, and not left.
function admission_methods.is_inside(_, visitor)
	return type(visitor.place) == "number" and visitor.place >= 0;
end

-- Whether anybody waits: then everything that those inside do beyond what they need keeps others waiting.
function admission_methods:is_crowded()
	return self.turns:has_waiting();
end

-- Makes room. May be called again, for who never entered, and for who waits still: it does not come in then.
function admission_methods:leave(visitor)
	local place = visitor.place;
	if not place or place == "left" then return; end
	visitor.place = "left";
	local turn = math.abs(place);
	self.visitors[turn] = nil;
	self.turns:leave(turn);
	self:let_in_later();
end

-- later(f, argument) calls f(argument) soon, on another turn of the loop: what the one who comes in does then, and what the one who left does
-- now, would be one long pause. on_error: called with the message of each come_in that raised, which is none of the others' business.
local function new(most, later, on_error)
	return setmetatable({ most = most, later = later, on_error = on_error, turns = new_turns(most), visitors = {} }, admission_mt);
end

return { new = new };
