-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- Domains that were proven to have no TLSA records, for the time in which our own DNS is down.
--
-- Only those are noted whose certificate was good anyway: so nobody fills the memory with names that he has made up. What was proven under one trust
-- counts under no other.

local now = require "xmppdns.core".now;

local MOST = 5000; -- domains in the younger half; when it is full, the older half is forgotten

local memory_methods = {};
local memory_mt = { __index = memory_methods };

local function follow(self, trust)
	if trust == self.trust then return; end
	self.trust, self.old, self.young, self.count = trust, {}, {}, 0;
end

-- For that many seconds. trust: the resolver's trust epoch, here and below.
function memory_methods:note(domain, seconds, trust)
	follow(self, trust);
	if not self.young[domain] then self.count = self.count + 1; end
	if self.count > MOST then self.old, self.young, self.count = self.young, {}, 1; end
	self.young[domain] = now() + seconds;
end

-- It has TLSA records now.
function memory_methods:forget(domain)
	if self.young[domain] then self.count = self.count - 1; end
	self.young[domain], self.old[domain] = nil, nil;
end

function memory_methods:knows(domain, trust)
	follow(self, trust);
	local ends = self.young[domain] or self.old[domain];
	return ends ~= nil and now() < ends;
end

local function new()
	return setmetatable({ young = {}, old = {}, count = 0 }, memory_mt);
end

return { new = new };
