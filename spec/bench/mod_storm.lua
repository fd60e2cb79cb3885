-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- Prosody plugin, for both ends of a storm. The sender (storm_count is set) sends a message to each of d1.bench ... once there is the file storm_go; the
-- receiver answers for all of these domains with its one host. Ten times a second the file storm_output becomes one line of Lua:
-- sender { started, bounced, pause, late }, receiver { arrived, last }: started and last are times of the clock that both share, pause the longest
-- time that one call held the loop, late the longest until it came to its timers again.
-- luacheck: globals module, read globals prosody

module:set_global();

local clock = require "bench.clock";
local poller = getmetatable(require "util.poll".new()).__index;
local serialize = require "util.serialization".new({ preset = "oneline" });
local st = require "util.stanza";

local RATE, BATCH_PAUSE = 1000, 0.01; -- messages a second, whatever the server has done with those before; seconds
local MOST_AT_ONCE = 50; -- messages, as when somebody with so many contacts comes online
local REPORT_PAUSE = 0.1; -- seconds

local count = module:get_option_number("storm_count");
local output, go = module:get_option_string("storm_output"), module:get_option_string("storm_go");
local figures = {};
local own; -- module of our host

local function report()
	local file = assert(io.open(output .. ".new", "w"));
	file:write(serialize(figures), "\n");
	file:close();
	assert(os.rename(output .. ".new", output));
	return REPORT_PAUSE;
end

-- Receiver

local seen = {};

local function on_message(event)
	local to = event.stanza.attr.to;
	if not seen[to] then
		seen[to] = true;
		figures.arrived, figures.last = figures.arrived + 1, clock.monotonic();
	end
	return true;
end

local function serve_all()
	figures = { arrived = 0, last = 0 };
	setmetatable(prosody.hosts, { __index = function (hosts, name)
		return type(name) == "string" and name:find("^d%d+%.bench$") and rawget(hosts, own.host) or nil;
	end });
	own:hook("message/host", on_message);
	module:add_timer(REPORT_PAUSE, report);
end

-- Sender

-- A clock that stands still while others' load keeps us from a processor.
local function now()
	return clock.monotonic() - clock.kept_waiting();
end

local function watch_calls()
	local stock_wait, began = poller.wait, now();
	local function begin(...)
		began = now();
		return ...;
	end
	function poller:wait(timeout)
		figures.pause = math.max(figures.pause, now() - began);
		return begin(stock_wait(self, timeout));
	end
end

local sent, last_round = 0, nil;

local function send_some()
	local time = now();
	figures.late = math.max(figures.late, time - (last_round or time));
	last_round = time;
	local due = math.min(count, sent + MOST_AT_ONCE, (clock.monotonic() - figures.started) * RATE);
	while sent < due do
		sent = sent + 1;
		own:send(st.message({ from = own.host, to = ("d%d.bench"):format(sent), id = tostring(sent) }):body("storm"));
	end
	return BATCH_PAUSE;
end

local function wait_to_begin()
	local file = io.open(go);
	if not file then return REPORT_PAUSE; end
	file:close();
	figures = { started = clock.monotonic(), bounced = 0, pause = 0, late = 0 };
	own:hook("message/host", function ()
		figures.bounced = figures.bounced + 1;
		return true;
	end);
	watch_calls();
	module:add_timer(BATCH_PAUSE, send_some);
	module:add_timer(REPORT_PAUSE, report);
end

function module.add_host(host_module)
	own = host_module;
end

module:add_timer(REPORT_PAUSE, count and wait_to_begin or serve_all); -- runs once the server has started
