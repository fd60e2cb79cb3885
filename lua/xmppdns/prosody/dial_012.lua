-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- Which address answers, found out for Prosody 0.12 by dialling several side by side (RFC 8305): by itself it waits 20 seconds for one that
-- swallows packets.

local delays = require "xmppdns.plan.delays";
local from_prosody = require "xmppdns.prosody.modules";
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

local function give(self, target, conn)
	local callback = self.callback;
	self.callback = nil;
	callback(target, conn);
end

local function advance_later(self, seconds)
	self.ways.after(seconds, function () self:advance(); end);
end

-- Attempts

-- Tried again after the others of its priority.
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
	self.running = {}; -- first: closing an attempt's connection may report its failure
	for _, attempt in ipairs(others) do
		attempt.conn:close();
		put_off(self, attempt.target);
		if winner.started - attempt.started >= delays.attempt then self.unreachable:add(attempt.target[2], attempt.target[3]); end
	end
end

local function on_answer(self, attempt)
	if not remove(self.running, attempt) then return; end
	stop_others(self, attempt);
	self.unreachable:remove(attempt.target[2], attempt.target[3]);
	give(self, attempt.target, attempt.conn);
end

local function on_failure(self, attempt, problem)
	if not remove(self.running, attempt) then return; end
	if now() - attempt.started >= delays.group then self.unreachable:add(attempt.target[2], attempt.target[3]); end
	self.ways.on_failure(self.owner, attempt.target, problem);
	if not self.running[1] then self.last_started = nil; end
	self:advance();
end

local function start(self, target)
	local attempt = { target = target, started = now() };
	self.group, self.last_started = target.group, attempt.started;
	self.running[#self.running + 1] = attempt;
	advance_later(self, delays.attempt);
	local conn, problem = from_prosody "net.server".addclient(target[2], target[3], {
		onconnect = function () on_answer(self, attempt); end;
		ondisconnect = function (_, reason) on_failure(self, attempt, reason or "connection closed"); end;
	}, "*a", target[4].sslctx, target[1], target[4]);
	attempt.conn = conn;
	if not conn then on_failure(self, attempt, problem); end
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
	self.ways.source(self.owner, function (target) on_target(self, target); end);
end

-- The next target, or nil: one that was put off when no other of its priority is left.
local function choose(self)
	local late, held = self.late[1], self.held;
	if late and (self.is_exhausted or late.group ~= held.group) then return late; end
	return held;
end

local function take(self, target)
	if target == self.held then self.held = nil; else table.remove(self.late, 1); end
	local has_choice = self.running[1] or self.held or self.late[1] or not self.is_exhausted and self.ways.has_more(self.owner);
	if has_choice then start(self, target); else give(self, target); end
end

-- private
function dialler_methods:advance()
	if not self.callback or self.is_asking then return; end
	if not self.held and not self.is_exhausted then
		if not self.running[1] or has_waited(self, delays.attempt) then ask(self); end
		return;
	end
	local target = choose(self);
	if not target then
		if not self.running[1] then give(self, nil); end
		return;
	end
	local pause = target.group == self.group and delays.attempt or delays.group;
	if not self.running[1] or has_waited(self, pause) then return take(self, target); end
	advance_later(self, self.last_started + pause - now());
end

-- callback(target, conn) with the first one that answers; without conn for the last that is left, for which there is no choice; callback(nil) when
-- there is none. Then, asked again: the next.
function dialler_methods:next(callback)
	self.callback = callback;
	self.last_started = nil;
	self:advance();
end

-- A target is what server.addclient gets for it: { conn_type, address, port, extra, group = priority }. ways, the same for all diallers:
-- source(owner, callback) -> callback(target | nil), now or later; has_more(owner) -> whether the source may give more than it gave;
-- after(seconds, f); on_failure(owner, target, problem). unreachable: the memory, which all diallers share.
local function new(ways, owner, unreachable)
	return setmetatable({ ways = ways, owner = owner, unreachable = unreachable, running = {}, late = {} }, dialler_mt);
end

-- net.connect dials what it is told: f tells it, and it gets this connection, to which its listeners then are said to be connected.
local function hand_over(conn, extra, f)
	local server = from_prosody "net.server";
	local addclient, given = server.addclient, nil;
	function server.addclient(address, port, listeners, pattern, tls, conn_type, its_extra)
		if its_extra ~= extra or given then return addclient(address, port, listeners, pattern, tls, conn_type, its_extra); end
		given = listeners;
		conn:setlistener(listeners);
		return conn;
	end
	local ok, problem = pcall(f);
	server.addclient = addclient;
	if given then given.onconnect(conn); else conn:close(); end
	if not ok then error(problem, 0); end
end

return { new = new, new_memory = new_memory, hand_over = hand_over };
