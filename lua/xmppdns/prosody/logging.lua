-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- Lines for Prosody's log: one for each lookup, and one for each problem unless it said so a moment ago.

local from_prosody = require "xmppdns.prosody.modules";
local cache = from_prosody "util.cache";
local throttle = from_prosody "util.throttle";
local visible = require "xmppdns.check.tree".visible;
local now = require "xmppdns.core".now;

local SILENCE = 600;        -- seconds until the same problem is worth another line
local REMEMBERED = 1000;    -- problems
local LINES, PERIOD = 20, 60; -- of all problems: lines at most within so many seconds

local is_problem = { bogus = true, servfail = true, timeout = true, system = true };

local logging_methods = {};
local logging_mt = { __index = logging_methods };

local function report_suppressed(self)
	if self.suppressed == 0 then return; end
	self.log("warn", "%d more DNS problems were not logged", self.suppressed);
	self.suppressed = 0;
end

-- A line for the operator. key: of lines with the same key only one is written in ten minutes.
function logging_methods:problem(key, ...)
	local last = self.known:get(key);
	if last and now() - last < SILENCE then return; end
	if not self.throttle:poll(1) then
		self.suppressed = self.suppressed + 1;
		return;
	end
	self.known:set(key, now());
	report_suppressed(self);
	self.log("warn", ...);
end

-- "_xmpp-server._tcp.example.org" -> "example.org": when one record of a name fails, others do too.
local function owner_of(qname)
	return (qname:gsub("^_[^.]*%._[^.]*%.", ""));
end

-- For on_done of the resolver.
function logging_methods:lookup(resolver, qname, rdtype, answer, err, seconds)
	if answer then
		return self.log("debug", "%s of %s: %s, %s, records: %d, %.0f ms%s", rdtype, visible(qname), answer.status,
			resolver:describe_security(qname, answer), #answer, seconds * 1000, answer.from_cache and ", from the cache" or "");
	end
	local text = visible(err);
	self.log("debug", "%s, %.0f ms", text, seconds * 1000);
	if is_problem[err.code] then self:problem(err.code .. " " .. owner_of(qname), "%s", text); end
end

-- log(level, format, ...): Prosody's.
local function new(log)
	return setmetatable({ log = log, known = cache.new(REMEMBERED), throttle = throttle.create(LINES, PERIOD), suppressed = 0 }, logging_mt);
end

return { new = new };
