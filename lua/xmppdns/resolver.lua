-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- A resolver: the C resolver, whose callbacks it runs, with timers. It belongs to the thread that made it.

local core = require "xmppdns.core";
local record_text = require "xmppdns.record_text";

local setmetatable, pcall, tostring, error, pairs, ipairs, next, select, type =
	setmetatable, pcall, tostring, error, pairs, ipairs, next, select, type;
local now = core.now;

record_text.install(core);

local CALLBACKS_AT_ONCE = 64;    -- in one call of process: the rest finds the descriptor still readable
local TIME_AT_ONCE = 0.001;      -- seconds after which process starts no further one

local resolver_methods = {};
local resolver_mt = { __index = resolver_methods, __name = "xmppdns.resolver" };

-- What query gives back for an answer that was known already.
local finished_lookup = { cancel = function () end };

-- Called with the message of each callback that raised. Replace it to log elsewhere.
function resolver_methods.on_error(problem)
	io.stderr:write("xmppdns: a callback failed: ", tostring(problem), "\n");
end

-- Called with a sentence for the operator: resolv.conf was changed, or cannot be used. Replace it to log it.
function resolver_methods.on_notice()
end

-- on_log(line), once somebody sets it: libunbound's log, of which the process has one: whichever resolver works next hands a line over.

-- on_done(qname, rdtype, answer, err, seconds), once somebody sets it: called at the end of each lookup, before its callback, with the name and the
-- type as they were asked for.
-- What stands in for the callback meanwhile serves the next lookup once it was called: no garbage for each.
local observed_mt = { __name = "xmppdns.observed" };

function observed_mt.__call(observed, answer, err)
	local self, callback, ok, problem = observed.resolver, observed.callback, true, nil;
	if self.on_done then ok, problem = pcall(self.on_done, observed.qname, observed.rdtype, answer, err, now() - observed.started); end
	observed.callback, self.spare = nil, observed;
	if not ok then self.on_error(problem); end
	return callback(answer, err);
end

local function observe(self, qname, rdtype, callback)
	local observed = self.spare or setmetatable({ resolver = self }, observed_mt);
	self.spare = false;
	observed.qname, observed.rdtype, observed.callback, observed.started = qname, rdtype, callback, now();
	return observed;
end

local function run_callback(self, callback, answer, err)
	self.depth = self.depth + 1;
	local ok, problem = pcall(callback, answer, err);
	self.depth = self.depth - 1;
	if not ok then self.on_error(problem); end
end

local function set_alarm(self)
	local first = self.timers:next_time();
	self.core:alarm(first and math.max(0, first - now()) or nil);
end

-- Gives whether there was one. It is no callback of a lookup: what is known it gets at once, for no chain grows from it.
local function run_timer(self)
	local callback, argument = self.timers:take(now());
	if not callback then return false; end
	local ok, problem = pcall(callback, argument);
	if not ok then self.on_error(problem); end
	return true;
end

local function run_completed(self)
	local callback, answer, err = self.core:fetch();
	if callback ~= nil then run_callback(self, callback, answer, err); end
	return callback ~= nil;
end

-- By turns, so that neither answers nor timers keep the others waiting.
local function run_next(self)
	self.is_timers_turn = not self.is_timers_turn;
	if self.is_timers_turn then return run_timer(self) or run_completed(self); end
	return run_completed(self) or run_timer(self);
end

-- Gives how many ran, and whether there may be more.
local function run_callbacks(self)
	local ran, deadline = 0, now() + TIME_AT_ONCE;
	repeat
		if not run_next(self) then return ran, false; end
		ran = ran + 1;
	until ran == CALLBACKS_AT_ONCE or now() >= deadline;
	return ran, true;
end

local function report_notices(self)
	while not self.closed do
		local notice = self.core:notice();
		if not notice then return; end
		local ok, problem = pcall(self.on_notice, notice);
		if not ok then self.on_error(problem); end
	end
end

local function report_glimpses(self)
	for answer in self.core.glimpse, self.core do
		local callback = self.glimpse_callbacks[answer.qname];
		if callback then run_callback(self, callback, answer); end
		if self.closed then return; end
	end
end

local function report_log(self)
	for line in core.log_line do
		local ok, problem = pcall(self.on_log, line);
		if not ok then self.on_error(problem); end
	end
end

-- The descriptor to watch for readable; then call process. It stays the same until close.
function resolver_methods:getfd()
	return self.core:getfd();
end

-- A number that changes when the process has forked: then the descriptor, of the same number, has to be watched anew in the child.
function resolver_methods:forks()
	return self.core:forks();
end

-- Runs the callbacks that are due, at most 64 and for some milliseconds; never blocks. Gives how many ran.
function resolver_methods:process()
	self.core:process();
	report_notices(self);
	if self.on_log then report_log(self); end
	if next(self.glimpse_callbacks) and not self.closed then report_glimpses(self); end
	local had_timers = self.timers:next_time() ~= nil;
	self.is_running = true; -- the alarm is set once, at the end
	local ok, ran, is_cut = pcall(run_callbacks, self);
	self.is_running = false;
	if not self.closed then
		if had_timers or self.timers:next_time() then set_alarm(self); end
		if is_cut or not ok then self.core:rest(); end
	end
	if not ok then error(ran, 0); end
	return ran;
end

-- Blocks until a callback ran: true, or until the seconds passed: false. Without seconds it waits as long as it takes.
function resolver_methods:wait(seconds)
	local deadline = seconds and now() + seconds;
	repeat
		if self:process() > 0 then return true; end
		local left = deadline and deadline - now() or 60;
		if left > 0 then self.core:poll(left); end
	until left <= 0;
	return self:process() > 0;
end

-- Asks for rdtype ("SRV", 33, "TYPE33") at qname. callback(answer) gets every answer, also an empty one, else callback(nil, err); it may be a
-- table with __call. An answer's fields are those of design, section 4; what most answers have in common, pairs does not show.
-- What is known already calls back before query returns, except inside another callback. options: attempts, timeout (seconds an attempt),
-- require_secure, allow_insecure_denial; bare (an array of what the records' fields have, for who knows the question: half the tables; its ttl and
-- canonname are its own). Gives a lookup with cancel().
function resolver_methods:query(qname, rdtype, callback, options)
	if self.closed then error("the resolver is closed", 2); end
	if self.on_done then callback = observe(self, qname, rdtype, callback); end
	local lookup, answer, err = self.core:submit(qname, rdtype, callback, options, self.depth > 0);
	if lookup then return lookup; end
	if self.depth > 0 then -- a name that cannot be asked: it calls back later, like all others
		self:after(0, function () callback(answer, err); end);
	else
		run_callback(self, callback, answer, err);
	end
	return finished_lookup;
end

-- private: asks libunbound, whatever the cache has, unless that failed a moment ago: for what will be needed. Nobody is told how it ends, on_done
-- neither.
function resolver_methods:ask_early(qname, rdtype, options)
	self.core:ask_early(qname, rdtype, options);
end

-- private: for options.shard of all questions that are for that name: one of libunbound's contexts answers them, of which each thread has one, and
-- finds the keys that it was asked for. nil for what is no name, and once closed.
function resolver_methods:shard(qname)
	return not self.closed and self.core:shard(qname) or nil;
end

-- private: callback(answer) for a packet that says something about SRV at that name (canonical), before it is validated, while a query for it with
-- options.glimpse = true is under way; nil: nobody wants to know. It may be forged, is never secure, and proves nothing; signed: whether it has
-- signatures, good or bad ones.
function resolver_methods:on_glimpse(qname, callback)
	self.glimpse_callbacks[qname] = callback;
end

-- callback(argument) once, some seconds from now. Gives a timer for cancel_timer. For plans' deadlines; a server's own timers serve as well.
function resolver_methods:after(seconds, callback, argument)
	local at = now() + seconds;
	if self.is_running then return self.timers:add(at, callback, argument); end -- process sets the alarm
	local first = self.timers:next_time();
	local timer = self.timers:add(at, callback, argument);
	if not first or at < first then self.core:alarm(math.max(0, at - now())); end
	return timer;
end

-- May be called at any time, and again. Gives the seconds that were left, 0 for one that ran or was canceled.
function resolver_methods:cancel_timer(timer)
	local at = self.timers:cancel(timer);
	return at and math.max(0, at - now()) or 0;
end

-- The answer in the cache, or nil; nil, err for a remembered failure. Asks nobody.
function resolver_methods:peek(qname, rdtype, options)
	return self.core:peek(qname, rdtype, options);
end

-- Whether the cache has an answer or a remembered failure: what peek gives, without the tables.
function resolver_methods:knows(qname, rdtype)
	return self.core:knows(qname, rdtype);
end

-- Forgets the answers for that name, or all. libunbound has them too, and forgets nothing by name: it starts anew. true | nil, err
function resolver_methods:flush(qname)
	local ok, err = self.core:flush(qname);
	if not ok then return nil, err; end
	return self.core:reconfigure();
end

-- All answers in the cache, the most recently used first.
function resolver_methods:cached()
	return self.core:cached();
end

-- New contexts from the settings read anew, or from other settings. Lookups under way and cached answers stay. true | nil, err: nothing changed.
function resolver_methods:reconfigure(settings)
	self.settings_of_plans = nil;
	return self.core:reconfigure(settings);
end

-- Writes what is known to the file that the setting cache_file names, as it is done every ten minutes and at close, and waits for the disk.
-- true | nil, err
function resolver_methods:save()
	return self.core:save();
end

function resolver_methods:settings()
	return self.core:settings();
end

-- { [zone] = true }: canonical names of the zones that have an anchor, the root's "." among them.
local function list_anchored(lines)
	local zones = {};
	for _, line in ipairs(lines) do
		local zone = line:match("^%S+"):lower();
		zones[zone == "." and zone or zone:gsub("%.$", "")] = true;
	end
	return zones;
end

-- private: those that are needed for each connection; a table of all of them, of some kilobytes, would be a burden. They change by reconfigure alone.
function resolver_methods:plan_settings()
	if not self.settings_of_plans then
		local all = self.core:settings();
		self.settings_of_plans = {
			dnssec = all.dnssec, dane = all.dane, plan_timeout = all.plan_timeout, max_endpoints = all.max_endpoints, stale_ttl = all.stale_ttl;
			insecure = all.insecure, anchored = list_anchored(all.anchors);
		};
	end
	return self.settings_of_plans;
end

-- Whether the setting insecure is about one of the names: what is there then never counts as secure. Each may be nil.
function resolver_methods:is_insecure_by_setting(...)
	for _, zone in ipairs(self:plan_settings().insecure) do
		for i = 1, select("#", ...) do
			local name = select(i, ...);
			if name and ("." .. name:lower():gsub("%.$", "")):sub(-#zone - 1) == "." .. zone then return true; end
		end
	end
	return false;
end

-- Where the chain of trust to a canonical name begins: the closest zone that has an anchor, above which nobody needs to be asked; nil: there is none.
function resolver_methods:find_anchor(name)
	local anchored, zone = self:plan_settings().anchored, name;
	if self:is_insecure_by_setting(name) then return nil; end
	while zone and not anchored[zone] do zone = zone:match("%.(.+)$"); end
	return zone or anchored["."] and "." or nil;
end

-- "secure", "insecure", or "insecure by your setting", of an answer to a question for qname.
function resolver_methods:describe_security(qname, answer)
	if answer.secure then return "secure"; end
	return self:is_insecure_by_setting(qname, answer.canonname) and "insecure by your setting" or "insecure";
end

-- A number that changes when something else is believed than before (trust anchors, dnssec, insecure, stubs, hosts, options): what was proven under another
-- one proves nothing any more.
function resolver_methods:trust_epoch()
	return self.core:trust_epoch();
end

-- Counters since its making, and how much is under way.
function resolver_methods:stats()
	return self.core:stats();
end

-- callback(argument), once, inside close: every lookup has ended by then, and anything else raises.
function resolver_methods:at_close(callback, argument)
	if self.closed then error("the resolver is closed", 2); end
	self.closers[#self.closers + 1] = { callback = callback, argument = argument };
end

-- Cancels every lookup (their callbacks get err.code "canceled" now) and ends it. Calling it again does nothing; anything else then raises.
function resolver_methods:close()
	if self.closed then return; end
	self.closed = true;
	self.timers:clear();
	self.core:cancel();
	while run_completed(self) do end -- luacheck: ignore 542
	for _, closer in ipairs(self.closers) do run_callback(self, closer.callback, closer.argument); end
	self.core:close();
end

-- Options for query: the lookup may rebuild its resolver, which is the thread's own.
local AUTOMATIC = { automatic = true };

-- A new table of the same settings, or of the same options for query.
local function copy(settings)
	local result = {};
	for key, value in pairs(settings) do result[key] = value; end
	return result;
end

-- A resolver of one's own from a table of settings: resolver | nil, err.
local function new(settings)
	if type(settings) ~= "table" then
		error("settings must be a table, not " .. type(settings), 2);
	end
	local core_resolver, err = core.new_resolver(settings);
	if not core_resolver then return nil, err; end
	return setmetatable({
		core = core_resolver, depth = 0, timers = core.new_timers(), is_timers_turn = true, closers = {}, glimpse_callbacks = {};
		on_done = false, spare = false, is_running = false, closed = false;
	}, resolver_mt);
end

return { new = new, copy = copy, AUTOMATIC = AUTOMATIC, finished_lookup = finished_lookup };
