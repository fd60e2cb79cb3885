-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- Lines for Prosody's log: one for each lookup, and one for each problem unless it was told a moment ago.

local from_prosody = require "xmppdns.prosody.modules";
local cache = from_prosody "util.cache";
local visible = require "xmppdns.check.tree".visible;
local now = require "xmppdns.core".now;

local SILENCE = 600;        -- seconds until the same problem is worth another line
local REMEMBERED = 1000;    -- problems
local LINES, PERIOD = 20, 60; -- of all problems: lines at most within so many seconds, whenever these begin

local is_problem = { bogus = true, servfail = true, timeout = true, system = true };

local logging_methods = {};
local logging_mt = { __index = logging_methods };

local function report_suppressed(self)
	if self.suppressed == 0 then return; end
	self.log("warn", "%d more DNS problems were not logged", self.suppressed);
	self.suppressed = 0;
end

-- Whether one more may be written now, which then counts.
local function take_place(self)
	local at = self.times[self.place]; -- of the last line but nineteen
	if at and now() - at < PERIOD then return false; end
	self.times[self.place], self.place = now(), self.place % LINES + 1;
	return true;
end

-- Whether a line at warn may be written now, which is then the only one with this key for ten minutes.
function logging_methods:may_warn(key)
	local last = self.known:get(key);
	if last and now() - last < SILENCE then return false; end
	if not take_place(self) then
		self.suppressed = self.suppressed + 1;
		return false;
	end
	self.known:set(key, now());
	report_suppressed(self);
	return true;
end

-- A line for the operator, unless it was told a moment ago. Gives whether it is written.
function logging_methods:problem(key, ...)
	local may_warn = self:may_warn(key);
	if may_warn then self.log("warn", ...); end
	return may_warn;
end

-- "_xmpp-server._tcp.example.org" -> "example.org": when one record of a name fails, others do too.
local function owner_of(qname)
	return (qname:gsub("^_[^.]*%._[^.]*%.", ""));
end

-- What this machine lacks has nothing to do with the name.
local function key_of(code, qname)
	return code == "system" and code or ("%s %s"):format(code, owner_of(qname));
end

-- For on_done of the resolver.
function logging_methods:lookup(resolver, qname, rdtype, answer, err, seconds)
	if answer then
		return self.log("debug", "%s of %s: %s, %s, records: %d, %.0f ms%s", rdtype, visible(qname), answer.status,
			resolver:describe_security(qname, answer), #answer, seconds * 1000, answer.from_cache and ", from the cache" or "");
	end
	local text = visible(err);
	self.log("debug", "%s, %.0f ms", text, seconds * 1000);
	if is_problem[err.code] then self:problem(key_of(err.code, qname), "%s", text); end
end

-- Whether a line has told that failed lookup, or another one of the name, since then.
function logging_methods:has_told(err, since)
	local at = is_problem[err.code] and err.qname and self.known:get(key_of(err.code, err.qname));
	return at ~= nil and at ~= false and at >= since;
end

-- A line of libunbound's log.
function logging_methods:libunbound(line)
	local is_error = line:find("error:", 1, true) ~= nil;
	local key = line:gsub("^%[%d+%] libunbound%[%d+:%x+%] ", "");
	if not is_error or not self:problem(key, "libunbound: %s", line) then self.log("debug", "libunbound: %s", line); end
end

-- Connections

-- What of the plan's lookups is told from now on needs not be told at its end.
function logging_methods:begin(plan)
	self.begun[plan] = now();
end

local function list_untold(self, plan)
	local untold, since = {}, self.begun[plan] or now();
	for _, failure in ipairs(plan:failures()) do
		if not failure.is_told and not self:has_told(failure, since) then untold[#untold + 1] = failure; end
		failure.is_told = true;
	end
	return untold;
end

-- At the end of a plan (nil: there was none), what no line has told: why there is no connection, or what else was not used.
function logging_methods:ending(domain, plan, problem)
	if not plan or not plan:sum_up() then
		if problem then self.log("info", "Cannot connect to %s: %s", domain, problem); end
		return;
	end
	local untold, is_vain = list_untold(self, plan), plan.error or not plan.fruitful;
	if is_vain then
		local text = untold[1] and plan:sum_up(untold).text or problem;
		return self.log(untold[1] and "info" or "debug", "Cannot connect to %s: %s", domain, text);
	end
	for _, failure in ipairs(untold) do self.log("info", "Not used for %s: %s", domain, failure.text); end
end

-- log(level, format, ...): Prosody's.
local function new(log)
	return setmetatable({
		log = log, known = cache.new(REMEMBERED), times = {}, place = 1, suppressed = 0, begun = setmetatable({}, { __mode = "k" });
	}, logging_mt);
end

return { new = new };
