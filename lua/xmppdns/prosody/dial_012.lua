-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- Which address answers, found out for Prosody 0.12 by dialling several side by side (RFC 8305): by itself it waits 20 seconds for one that
-- swallows packets.

local delays = require "xmppdns.plan.delays";
local now = require "xmppdns.core".now;

local DURATION = 120; -- seconds for which a silent address is remembered
local MOST = 1000;    -- of them before the older half is forgotten, and at most twice as many

-- Addresses that did not answer lately.

local memory_methods = {};
local memory_mt = { __index = memory_methods, __name = "xmppdns.prosody.dial_012.memory" };

local function key(address, port)
	return address.." "..port;
end

function memory_methods:add(address, port)
	if self.count >= MOST then
		self.older, self.newer, self.count = self.newer, {}, 0;
	end
	self.newer[key(address, port)] = now() + DURATION;
	self.count = self.count + 1;
end

function memory_methods:remove(address, port)
	self.newer[key(address, port)], self.older[key(address, port)] = nil, nil;
end

function memory_methods:contains(address, port)
	local expiry = self.newer[key(address, port)] or self.older[key(address, port)];
	return expiry ~= nil and expiry > now();
end

local function new_memory()
	return setmetatable({ newer = {}, older = {}, count = 0 }, memory_mt);
end

-- A dialler goes through the addresses of one domain.

local dialler_methods = {};
local dialler_mt = { __index = dialler_methods, __name = "xmppdns.prosody.dial_012" };

local function give(self, target)
	local callback = self.callback;
	self.callback = nil;
	callback(target);
end

local function advance_later(self, seconds)
	self.after(seconds, function () self:advance(); end);
end

-- Attempts

-- Dialled once more when nothing else is left.
local function put_off(self, target)
	self.late[#self.late + 1] = target;
end

local function remove(list, wanted)
	for i, one in ipairs(list) do
		if one == wanted then return table.remove(list, i); end
	end
end

-- Those that had their time and did not answer are remembered.
local function stop_others(self, winner)
	local others = self.running;
	self.running = {}; -- first: canceling an attempt may report its failure
	for _, attempt in ipairs(others) do
		attempt.cancel();
		put_off(self, attempt.target);
		if winner.started - attempt.started >= delays.attempt then self.unreachable:add(attempt.target[2], attempt.target[3]); end
	end
end

local function on_answer(self, attempt)
	if not remove(self.running, attempt) then return; end
	attempt.cancel();
	stop_others(self, attempt);
	self.unreachable:remove(attempt.target[2], attempt.target[3]);
	give(self, attempt.target);
end

local function on_failure(self, attempt, problem)
	if not remove(self.running, attempt) then return; end
	if now() - attempt.started >= delays.group then self.unreachable:add(attempt.target[2], attempt.target[3]); end
	self.on_failure(attempt.target, problem);
	if not self.running[1] then self.last_started = nil; end
	self:advance();
end

local function start(self, target)
	local attempt = { target = target, started = now() };
	self.group, self.last_started = target.group, attempt.started;
	self.running[#self.running + 1] = attempt;
	advance_later(self, delays.attempt);
	local cancel, problem = self.dial(target, function () on_answer(self, attempt); end, function (err) on_failure(self, attempt, err); end);
	attempt.cancel = cancel;
	if not cancel then on_failure(self, attempt, problem); end
end

-- Targets

local function has_waited(self, seconds)
	return not self.last_started or now() - self.last_started >= seconds - delays.lag;
end

local function on_target(self, target)
	self.is_asking = false;
	if not target then
		self.is_exhausted = true;
	elseif self.unreachable:contains(target[2], target[3]) then
		put_off(self, target);
	else
		self.held = target;
	end
	self:advance();
end

local function ask(self)
	self.is_asking = true;
	self.source(function (target) on_target(self, target); end);
end

-- The target that is held, once it is its turn.
local function use_held(self)
	local target = self.held;
	if self.running[1] and target.group ~= self.group and not has_waited(self, delays.group) then
		return advance_later(self, self.last_started + delays.group - now());
	end
	self.held = nil;
	if self.running[1] or self.late[1] or self.has_more() then return start(self, target); end
	give(self, target); -- there is no choice
end

-- private
function dialler_methods:advance()
	if not self.callback or self.is_asking then return; end
	if self.held then
		use_held(self);
	elseif not self.is_exhausted then
		if not self.running[1] or has_waited(self, delays.attempt) then ask(self); end
	elseif not self.running[1] then
		give(self, table.remove(self.late, 1));
	end
end

-- callback(target) with the first one that answers, or with the last that is left; callback(nil) when there is none. Then, asked again: the next.
function dialler_methods:next(callback)
	self.callback = callback;
	self.last_started = nil;
	self:advance();
end

-- A target is { conn_type, address, port, ..., group = priority }. options: source(callback) -> callback(target | nil), now or later;
-- has_more() -> whether the source may give more than it gave; dial(target, on_answer, on_failure(problem)) -> cancel | nil, problem;
-- after(seconds, f); on_failure(target, problem); unreachable: the memory, which all diallers share.
local function new(options)
	options.running, options.late = {}, {};
	return setmetatable(options, dialler_mt);
end

return { new = new, new_memory = new_memory };
