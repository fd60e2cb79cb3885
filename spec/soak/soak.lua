-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- make soak: SECONDS of lookups and pings while an upstream misbehaves, goes away and comes back, and one of the servers is reloaded and
-- flushed. It ends with a table of figures, and with status 1 when a ping was lost while the upstream answered, a callback was called twice
-- or never, memory or descriptors grow, or the loop paused too long.

package.path = "./?.lua;" .. package.path;

local process = require "spec.support.process";
local prosody = require "spec.support.prosody";
local servers = require "spec.soak.servers";
local slope = require "spec.soak.slope";
local socket = require "socket";

local unpack = table.unpack or unpack; -- luacheck: ignore 113/unpack

local SHORTEST = 20;              -- seconds
local DISTURB_EVERY = 2;          -- seconds
local PROGRESS_EVERY = 5;         -- seconds
local AWAY = 1;                   -- seconds for which a killed upstream is away
local REMEMBERED = 5;             -- seconds for which resolvers remember that a lookup has failed (RFC 9520)
local DRAIN = 28;                 -- seconds: mod_soak's, and a bit
local LONGEST_PAUSE = 4;          -- times what it takes to compile all of our Lua files, which module:reload does at one go
local SAMPLES = 2;                -- a second
local GROWTH = { memory = 20480, descriptors = 20 }; -- KiB, and number, by which a run of any length may grow, by its slope
local SHOWN = 10;                 -- of what went wrong, one by one

local seconds = tonumber(os.getenv("SECONDS") or "") or 60;
local warm_up = math.min(seconds / 2, 60); -- until then caches fill

local place, started, compiling;
local absences = {}; -- of the upstream in resolv.conf: { from, to }
local done = {};     -- disturbances: name -> count
local events = {};   -- { time, name }

-- Disturbances, by turns

local returning; -- { at, upstream, absence }

local function kill_upstream()
	local absence = { from = socket.gettime() };
	table.insert(absences, absence);
	place.current:kill();
	returning = { at = absence.from + AWAY, upstream = place.current, absence = absence };
end

local function return_upstream()
	if not returning or socket.gettime() < returning.at then return; end
	returning.upstream:revive();
	assert(returning.upstream:answers(5), "dnsdist does not come back");
	returning.absence.to = socket.gettime();
	returning = nil;
end

local function command(text)
	return text, function () place.near:shell(text); end;
end

local disturbances = {
	{ "kill -9 of the upstream", kill_upstream },
	{ command("module:reload('xmppdns')") },
	{ "resolv.conf rewritten", function () place:switch_upstream(); end },
	{ command("xmppdns:flush()") },
	{ "config-reloaded", function () place.near:reload_config(); end },
	{ command("xmppdns:flush('d1.z1.soak')") },
	{ command("xmppdns:reconfigure()") },
};

local function disturb(turn)
	local disturbance = disturbances[(turn - 1) % #disturbances + 1];
	local name = disturbance[1];
	table.insert(events, { time = socket.gettime(), name = name });
	disturbance[2]();
	done[name] = (done[name] or 0) + 1;
end

-- Figures

-- A ping is excused whose time touches an absence, or the seconds in which a failure from then is remembered.
local function was_away(ping)
	for _, absence in ipairs(absences) do
		if ping.started < (absence.to or math.huge) + REMEMBERED and ping.ended > absence.from then return true; end
	end
	return false;
end

-- The lost pings of both servers: those while the upstream answered, and the others.
local function split_lost()
	local lost, excused = {}, {};
	for _, server in ipairs(place.servers) do
		for _, ping in ipairs(server.lost) do
			table.insert(was_away(ping) and excused or lost, ping);
		end
	end
	return lost, excused;
end

local function sum_pings(field)
	local sum = 0;
	for _, server in ipairs(place.servers) do sum = sum + server.figures.pings[field]; end
	return sum;
end

-- What was done last before a pause.
local function event_before(time)
	local last = { time = started, name = "the start" };
	for _, event in ipairs(events) do
		if event.time < time then last = event; end
	end
	return ("%.1f s after %s"):format(time - last.time, last.name);
end

local function print_progress()
	local near, lost, excused = place.near.figures, split_lost();
	print(("%4.0f s  %d lookups, %d under way; %d pings, %d lost, %d while the upstream was away; %.1f MiB, %d descriptors; pause %.1f ms"):format(
		socket.gettime() - started, near.started, near.started - near.ended, sum_pings("sent"), #lost, #excused,
		near.memory / 1024, near.descriptors, near.pause * 1000));
end

local failures = {};

local function check(condition, text, ...)
	if not condition then table.insert(failures, text:format(...)); end
end

local function print_row(name, text, ...)
	print(("  %-38s %s"):format(name, text:format(...)));
end

local function sorted_keys(counts)
	local keys = {};
	for key in pairs(counts) do table.insert(keys, key); end
	table.sort(keys);
	return keys;
end

local function show_counts(title, counts)
	for _, key in ipairs(sorted_keys(counts)) do print_row(title .. key, "%d", counts[key]); end
end

local function show_lookups(figures)
	print_row("lookups started", "%d", figures.started);
	show_counts("  ended ", figures.outcomes);
	print_row("  called back twice", "%d", figures.twice);
	print_row("  never called back", "%d", figures.started - figures.ended);
	check(figures.ended > 0 and figures.outcomes.secure, "no lookup was answered");
	check(figures.twice == 0, "%d callbacks were called twice", figures.twice);
	check(figures.started == figures.ended, "%d callbacks were never called", figures.started - figures.ended);
end

local function show_lost(title, pings)
	print_row(title, "%d", #pings);
	for i = 1, math.min(#pings, SHOWN) do
		local ping = pings[i];
		print(("    %s to %s, %s, after %.1f s: %s"):format(ping.from, ping.to, event_before(ping.started), ping.ended - ping.started, ping.reason));
	end
end

local function show_pings()
	local lost, excused = split_lost();
	print_row("pings sent", "%d", sum_pings("sent"));
	print_row("  answered", "%d", sum_pings("answered"));
	show_lost("  lost while the upstream answered", lost);
	show_lost("  lost while it was away, or just after", excused);
	check(sum_pings("answered") > 0, "no ping was answered");
	check(#lost == 0, "%d pings were lost while the upstream answered", #lost);
	check(sum_pings("sent") == sum_pings("answered") + #lost + #excused, "some pings did not end");
end

-- Sockets, contexts and caches come and go with lookups and disturbances, so of each round of disturbances the least figure counts; where
-- there is no time for two rounds, of each half.
local function window_size()
	return math.floor(math.min(#disturbances * DISTURB_EVERY, (seconds - warm_up) / 2) * SAMPLES) - 1;
end

-- { minutes, figure } of the time in which nothing has a reason to grow.
local function list_samples(server, field)
	local samples, window, size = {}, {}, window_size();
	for _, sample in ipairs(server.samples) do
		local at = sample.time - started;
		if at > warm_up and at < seconds then table.insert(window, sample[field]); end
		if #window == size then
			table.insert(samples, { at / 60, math.min(unpack(window)) });
			window = {};
		end
	end
	return samples;
end

local function show_growth(server, field, unit, divisor)
	local samples = list_samples(server, field);
	check(#samples > 1, "%s gave too few figures to tell whether its %s grow", server.name, field);
	if #samples < 2 then return; end
	local first, last, grows = samples[1], samples[#samples], slope.of(samples);
	print_row(("%s: %s"):format(server.name, field), "%.1f%s, then %.1f%s, %+.2f%s a minute", first[2] / divisor, unit, last[2] / divisor, unit,
		grows / divisor, unit);
	check(grows * (last[1] - first[1]) < GROWTH[field], "%s of %s grow by %.2f%s a minute", field, server.name, grows / divisor, unit);
end

-- In seconds.
local function measure_compiling()
	local files, shortest = process.run({ "find", "lua", "mod_xmppdns", "-name", "*.lua" }), math.huge;
	for _ = 1, 3 do
		local at = socket.gettime();
		for file in files:gmatch("[^\n]+") do assert(loadfile(file)); end
		shortest = math.min(shortest, socket.gettime() - at);
	end
	return shortest;
end

local function show_pause(server)
	print_row(server.name .. ": longest pause of the loop", "%.1f ms, of %.1f", server.figures.pause * 1000, compiling * LONGEST_PAUSE * 1000);
	check(server.figures.pause < compiling * LONGEST_PAUSE, "the loop of %s paused for %.1f ms", server.name, server.figures.pause * 1000);
	for i = 1, math.min(#server.pauses, SHOWN) do
		print(("    %.1f ms, %s"):format(server.pauses[i].seconds * 1000, event_before(server.pauses[i].time)));
	end
end

local function show_log(server)
	local count = 0;
	for line in server.prosody:log():gmatch("[^\n]+") do
		if line:find("\terror\t", 1, true) then
			count = count + 1;
			if count <= SHOWN then print("    " .. line); end
		end
	end
	check(count == 0, "%d errors in the log of %s", count, server.name);
end

local function show()
	print("");
	show_lookups(place.near.figures);
	show_pings();
	for _, server in ipairs(place.servers) do
		show_growth(server, "memory", " MiB", 1024);
		show_growth(server, "descriptors", "", 1);
		show_pause(server);
		show_log(server);
	end
	for _, disturbance in ipairs(disturbances) do
		local name = disturbance[1];
		print_row(name, "%d", done[name] or 0);
		check(done[name], "not done: %s", name);
	end
end

-- The run

local function run()
	local turn, next_progress = 1, PROGRESS_EVERY;
	repeat
		socket.sleep(0.2);
		place:read();
		return_upstream();
		local at = socket.gettime() - started;
		if at < seconds and at > turn * DISTURB_EVERY then
			disturb(turn);
			turn = turn + 1;
		end
		if at > next_progress and place.near.figures then
			print_progress();
			next_progress = next_progress + PROGRESS_EVERY;
		end
	until place:is_done() or at > seconds + DRAIN;
	return_upstream();
end

io.stdout:setvbuf("line");
if seconds < SHORTEST then
	print(("SECONDS must be %d at least, for everything to happen once"):format(SHORTEST));
	os.exit(2);
end
assert(process.read(prosody.core_path), prosody.core_path .. " is missing: run make first");
print("signing the zones, starting the servers ...");
compiling = measure_compiling();
place = servers.start();
started = socket.gettime();
place:begin(started + seconds);
run();
compiling = math.max(compiling, measure_compiling());
for _, server in ipairs(place.servers) do
	check(server:is_alive(), "%s has ended: %s", server.name, server.prosody.process:output());
	check(server.figures, "%s gave no figures", server.name);
end
if place.near.figures and place.far.figures then show(); end
for _, failure in ipairs(failures) do print("FAILED: " .. failure); end
process.stop_all();
os.exit(failures[1] and 1 or 0);
