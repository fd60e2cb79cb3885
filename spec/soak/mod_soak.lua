-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- Prosody plugin: looks names up and pings other servers, and counts what became of it and how long the loop paused. It begins once there is
-- a file soak_go, which says until when: seconds since 1970.
-- Each half second all of it becomes a line of Lua in the file soak_output, the last one once nothing is under way any more:
-- { time, done, started, ended, twice, outcomes = { [outcome] = count }, pings = { sent, answered },
--   lost = { { from, to, started, ended, reason }, ... } and pauses = { { time, seconds }, ... } (those since the line before),
--   pause (the longest yet), memory (resident KiB), descriptors }
--
-- soak_names      path of a file with the questions, "name TYPE" a line, asked one after the other again and again
-- soak_partner    the domain to ping, from the one host that this server has: one ping at a time, and every few pings over a new connection
-- luacheck: globals module, read globals prosody

module:set_global();

local adns = require "net.adns";
local clock = require "bench.clock";
local lfs = require "lfs";
local new_id = require "util.id".short;
local now = require "util.time".now;
local poller = getmetatable(require "util.poll".new()).__index;
local serialize = require "util.serialization".new({ preset = "oneline" });
local st = require "util.stanza";

local LOOKUPS_AT_ONCE = 200;
local BATCH, BATCH_PAUSE = 12, 0.02; -- lookups, seconds: 600 a second
local PING_PAUSE = 0.1;              -- seconds
local PING_TIMEOUT = 20;             -- seconds
local PINGS_OF_A_CONNECTION = 5;
local LONG_PAUSE = 0.02;             -- seconds: reported one by one
local REPORT_PAUSE = 0.5;            -- seconds
local DRAIN = 25;                    -- seconds: a lookup that has not ended by then never will

local output = assert(io.open(module:get_option_string("soak_output"), "a"));
local stop_at;

local figures = {
	started = 0, ended = 0, twice = 0, outcomes = {}, pings = { sent = 0, answered = 0 }, lost = {}, pauses = {}, pause = 0,
};
local is_pinging = false;

-- Pauses: from the moment when the poller has something for the loop until the loop waits in it again, with all callbacks in between. What
-- others' load on this machine took from it does not count.

local stretch = { started = clock.monotonic(), waited = clock.kept_waiting() };

local function end_stretch()
	local seconds = clock.monotonic() - stretch.started - (clock.kept_waiting() - stretch.waited);
	figures.pause = math.max(figures.pause, seconds);
	if seconds > LONG_PAUSE then table.insert(figures.pauses, { time = now(), seconds = seconds }); end
end

local function begin_stretch(...)
	stretch.started, stretch.waited = clock.monotonic(), clock.kept_waiting();
	return ...;
end

local stock_wait = poller.wait;

function poller:wait(timeout)
	if timeout == 0 then return stock_wait(self, 0); end -- it asks for more of the same stretch
	end_stretch();
	return begin_stretch(stock_wait(self, timeout));
end

-- Lookups

local questions = {};
for line in io.lines(module:get_option_string("soak_names", "/dev/null")) do
	local name, rdtype = line:match("^(%S+) (%S+)$");
	table.insert(questions, { name = name, rdtype = rdtype });
end

local function count_outcome(answer, err)
	local outcome = not answer and (err:match("bogus") or "failed") or answer.bogus and "bogus" or answer.secure and "secure" or "insecure";
	figures.outcomes[outcome] = (figures.outcomes[outcome] or 0) + 1;
end

local function look_up(question)
	local calls = 0;
	figures.started = figures.started + 1;
	adns.resolver():lookup(function (answer, err) -- asked for anew: the plugin may be loaded after this one
		calls = calls + 1;
		if calls > 1 then
			figures.twice = figures.twice + 1;
			return;
		end
		figures.ended = figures.ended + 1;
		count_outcome(answer, tostring(err));
	end, question.name, question.rdtype, "IN");
end

local place = 0;

local function look_up_some()
	if now() > stop_at then return; end
	for _ = 1, BATCH do
		if figures.started - figures.ended >= LOOKUPS_AT_ONCE then break; end
		place = place % #questions + 1;
		look_up(questions[place]);
	end
	return BATCH_PAUSE;
end

-- Pings

local partner = module:get_option_string("soak_partner");
local own; -- module of our host

function module.add_host(host_module)
	own = host_module;
end

local ping;

-- Ends our own stream, on which nothing is under way but answers that the other side gets before its end.
local function disconnect()
	local outgoing = prosody.hosts[own.host].s2sout[partner];
	if outgoing and outgoing.type == "s2sout" then outgoing:close(); end
end

local function on_end(started, err)
	is_pinging = false;
	if err then
		table.insert(figures.lost, { from = own.host, to = partner, started = started, ended = now(), reason = tostring(err.text or err.condition or err) });
	else
		figures.pings.answered = figures.pings.answered + 1;
	end
	if figures.pings.sent % PINGS_OF_A_CONNECTION == 0 then disconnect(); end
	module:add_timer(PING_PAUSE, ping);
end

function ping()
	if now() > stop_at then return; end
	local started = now();
	local iq = st.iq({ type = "get", from = own.host, to = partner, id = new_id() }):tag("ping", { xmlns = "urn:xmpp:ping" });
	is_pinging, figures.pings.sent = true, figures.pings.sent + 1;
	own:send_iq(iq, nil, PING_TIMEOUT):next(function ()
		on_end(started);
	end, function (err)
		on_end(started, err);
	end);
end

-- Figures

local function read_memory()
	for line in io.lines("/proc/self/status") do
		local kibibytes = line:match("^VmRSS:%s+(%d+)");
		if kibibytes then return tonumber(kibibytes); end
	end
end

local function count_descriptors()
	local count = -3; -- "." and "..", and the one that reads the directory
	for _ in lfs.dir("/proc/self/fd") do count = count + 1; end
	return count;
end

local function report()
	figures.time = now();
	figures.done = figures.time > stop_at and (figures.started == figures.ended and not is_pinging or figures.time > stop_at + DRAIN);
	figures.memory, figures.descriptors = read_memory(), count_descriptors();
	output:write(serialize(figures), "\n");
	output:flush();
	figures.lost, figures.pauses = {}, {};
	return not figures.done and REPORT_PAUSE or nil;
end

local function begin()
	figures.pause, figures.pauses = 0, {}; -- what starting took
	if questions[1] then module:add_timer(BATCH_PAUSE, look_up_some); end
	ping();
	module:add_timer(REPORT_PAUSE, report);
end

local function wait_to_begin()
	local file = io.open(module:get_option_string("soak_go"));
	if not file then return REPORT_PAUSE; end
	stop_at = file:read("*n");
	file:close();
	begin();
end

module:add_timer(REPORT_PAUSE, wait_to_begin); -- runs once the server has started
