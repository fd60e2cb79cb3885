-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- Lookups that wait because nobody answers: what each takes in memory, and in time to submit and to cancel.

local clock = require "bench.clock";
local goals = require "spec.bench.goals";
local ours = require "spec.bench.ours";
local socket = require "socket";
local work = require "spec.bench.work";

local WARM_UP = 1000; -- max_lookups: of one zone no more are with libunbound, the others wait for their turn, and it is they who are measured

local function silent_forward(setup)
	local udp = assert(socket.udp());
	assert(udp:setsockname(setup.address, 0));
	local _, port = udp:getsockname();
	return ("%s@%d"):format(setup.address, port), udp;
end

local function ignore() end

local function measure(setup, count)
	local forward, udp = silent_forward(setup);
	local resolver = ours.new({ forward = forward, anchors = setup.anchors });
	local names = work.names(WARM_UP + count);
	for i = 1, WARM_UP do resolver:query(names[i], "SRV", ignore); end
	resolver:process();
	socket.sleep(1); -- libunbound's thread has made what it needs for them
	collectgarbage();
	local waiting = resolver:stats().waiting;
	local memory, started = clock.memory(), clock.monotonic();
	for i = WARM_UP + 1, #names do resolver:query(names[i], "SRV", ignore); end
	local submitted = clock.monotonic();
	collectgarbage();
	assert(resolver:stats().waiting - waiting == count, "not all of them wait");
	local result = { memory = (clock.memory() - memory) / count, time = (submitted - started) / count * 1e6 };
	udp:close();
	return result;
end

return {
	order = { "few", "some", "many" };
	sides = {
		few = function (setup) return measure(setup, 1000); end;
		some = function (setup) return measure(setup, 10000); end;
		many = function (setup) return measure(setup, 100000); end;
	};
	rows = {
		goals.limit("1,000 lookups waiting: memory each", "few.memory", nil, "bytes", 600);
		goals.limit("10,000 lookups waiting: memory each", "some.memory", nil, "bytes", 600);
		goals.limit("100,000 lookups waiting: memory each", "many.memory", nil, "bytes", 600);
		goals.within("100,000 lookups waiting: time each; at 1,000", "many.time", "few.time", "us", 1.5);
	};
};
