-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- A resolver at work in Prosody's loop, which watches its descriptor.

local from_prosody = require "xmppdns.prosody.modules";
local server = from_prosody "net.server";

local watch_methods = {};
local watch_mt = { __index = watch_methods, __name = "xmppdns.prosody.watch" };

local function is_idle(resolver)
	local stats = resolver:stats();
	return stats.waiting + stats.in_flight == 0;
end

local function close_if_idle(self)
	if self.resolver.closed then return; end
	repeat until self.resolver:process() == 0;
	if not is_idle(self.resolver) then return; end
	self.conn:close();
	self.resolver:close();
	self.on_close(self.resolver);
end

local function process(self)
	self.resolver:process();
	if self.is_retired then close_if_idle(self); end
	self:refresh();
end

local function watch_descriptor(self)
	self.forks = self.resolver:forks();
	self.conn = server.watchfd(self.resolver:getfd(), function () process(self); end);
end

-- A fork makes it another descriptor under the same number, of which the loop does not know. What waits is asked in its next turn.
function watch_methods:refresh()
	if self.resolver.closed or self.resolver:forks() == self.forks then return; end
	self.conn:close();
	watch_descriptor(self);
	self.resolver:after(0, function () end);
end

-- Ends it once its lookups under way have ended as they would have.
function watch_methods:retire()
	self.is_retired = true;
	close_if_idle(self);
end

-- on_close(resolver): called when a retired one was closed.
local function new(resolver, on_close)
	local self = setmetatable({ resolver = resolver, on_close = on_close }, watch_mt);
	watch_descriptor(self);
	return self;
end

return { new = new };
