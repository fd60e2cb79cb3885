-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- When Prosody 13's net.connect gets the next address: it asks for one 250 ms after each that was said not to be the last, or at once when
-- all that it dialled failed.

local delays = require "xmppdns.plan.delays";
local now = require "xmppdns.core".now;

local dialler_methods = {};
local dialler_mt = { __index = dialler_methods, __name = "xmppdns.prosody.dial_13" };

-- Whether net.connect asks because time has passed, not because nothing is left of what it dialled.
local function take_tick(self)
	local tick = self.ticks[1];
	if not tick or now() < tick - delays.lag then return false; end
	table.remove(self.ticks, 1);
	return true;
end

local function give(self, target)
	local callback, more = self.callback, target and self.ways.has_more(self.owner);
	self.callback, self.held = nil, nil;
	if target then self.group, self.last_given = target.group, now(); end
	if more then self.ticks[#self.ticks + 1] = now() + delays.attempt; end
	self.is_giving = more;
	callback(target, nil, more, self.may_wait);
	self.is_giving = false;
end

-- Seconds for which the target that is held has to wait for those of the priority before.
local function time_to_wait(self)
	if not self.may_wait or self.held.group == self.group then return 0; end
	return self.last_given + delays.group - now();
end

local function use_held(self)
	local seconds = time_to_wait(self);
	if seconds <= delays.lag then return give(self, self.held); end
	self.ways.after(seconds, function () self:advance(); end);
end

local function ask(self)
	self.is_asking = true;
	self.ways.source(self.owner, function (target)
		self.is_asking = false;
		if not target then return give(self, nil); end
		self.held = target;
		self:advance();
	end);
end

-- private
function dialler_methods:advance()
	if not self.callback or self.is_asking then return; end
	if self.held then return use_held(self); end
	ask(self);
end

-- callback(target, nil, more, is_early), or callback(nil, nil, nil, is_early) when there is none left. is_early: what was given before may still
-- answer.
function dialler_methods:next(callback)
	if self.is_giving then table.remove(self.ticks); end -- what is being given has failed at once: no time will pass for it
	local is_tick = not self.is_giving and take_tick(self);
	if is_tick and self.callback then return; end -- the one that waits does what this one would
	self.callback, self.may_wait = callback, is_tick;
	self:advance();
end

-- ways, owner: as of xmppdns.prosody.dial_012.
local function new(ways, owner)
	return setmetatable({ ways = ways, owner = owner, ticks = {} }, dialler_mt);
end

return { new = new };
