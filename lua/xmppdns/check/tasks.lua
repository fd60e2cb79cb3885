-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- Several jobs at a time without a server's loop: coroutines that wait for a resolver's answers or for sockets.

local core = require "xmppdns.core";

local coroutine, error, next, pairs, select = coroutine, error, next, pairs, select;
local unpack = table.unpack or unpack; -- luacheck: ignore 113/unpack

local tasks_methods = {};
local tasks_mt = { __index = tasks_methods, __name = "xmppdns.check.tasks" };

-- Called with the first error of a task. Replace it where run is not called: in a server's loop.
function tasks_methods.on_problem()
end

local function resume(self, thread, ...)
	local ok, problem = coroutine.resume(thread, ...);
	if not ok and not self.problem then
		self.problem = debug.traceback(thread, tostring(problem));
		self.on_problem(self.problem);
	end
	if coroutine.status(thread) == "dead" then self.running = self.running - 1; end
end

-- Starts f() as a task.
function tasks_methods:spawn(f)
	self.running = self.running + 1;
	resume(self, coroutine.create(f));
end

-- In a task: calls start(done), waits until done is called, and gives what it was called with.
function tasks_methods:await(start)
	local thread = coroutine.running();
	local count, results, is_waiting;
	start(function (...)
		if is_waiting then return resume(self, thread, ...); end
		count, results = select("#", ...), { ... };
	end);
	if results then return unpack(results, 1, count); end
	is_waiting = true;
	return coroutine.yield();
end

-- In a task: waits until the socket can be "read" or "write"n: true, or until that time of core.now: false.
function tasks_methods:wait_for(socket, mode, deadline)
	self.sockets[socket] = { mode = mode, deadline = deadline, thread = coroutine.running() };
	return coroutine.yield();
end

-- Everything that a socket waits for, and the seconds until the first deadline.
local function list_sockets(self)
	local lists, first = { read = { self.resolver }, write = {} }, nil;
	for socket, wait in pairs(self.sockets) do
		local list = lists[wait.mode];
		list[#list + 1] = socket;
		if not first or wait.deadline < first then first = wait.deadline; end
	end
	return lists.read, lists.write, math.max(0, first - core.now());
end

local function poll_sockets(self)
	local reading, writing, seconds = list_sockets(self);
	local readable, writable = require "socket".select(reading, writing, seconds);
	local due, now = {}, core.now();
	for socket, wait in pairs(self.sockets) do
		local is_ready = readable[socket] ~= nil or writable[socket] ~= nil;
		if is_ready or wait.deadline <= now then due[socket] = is_ready; end
	end
	for socket, is_ready in pairs(due) do
		local thread = self.sockets[socket].thread;
		self.sockets[socket] = nil;
		resume(self, thread, is_ready);
	end
	self.resolver:process();
end

-- Runs all tasks to their end; a task's error is raised.
function tasks_methods:run()
	while self.running > 0 and not self.problem do
		if next(self.sockets) then poll_sockets(self); else self.resolver:wait(1); end
	end
	if self.problem then error(self.problem, 0); end
end

local function new(resolver)
	return setmetatable({ resolver = resolver, running = 0, sockets = {} }, tasks_mt);
end

return { new = new };
