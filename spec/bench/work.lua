-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- Questions in bulk, for whoever can ask(name, callback) and step(), which waits until something has happened.

local clock = require "bench.clock";

local work = {};

function work.names(count, first)
	local names = {};
	for i = 1, count do
		names[i] = ("_xmpp-server._tcp.n%d.names.bench"):format((first or 1) + i - 1);
	end
	return names;
end

function work.types(count, number)
	local types = {};
	for i = 1, count do types[i] = number or 33; end
	return types;
end

-- An answer as the benchmarks expect it: two records, validated unless nobody validates. Whatever is not that is an error: a fast failure is no result.
function work.check(answer, err, is_unvalidated)
	if not answer or #answer ~= 2 or answer.secure == false and not is_unvalidated then
		error("a lookup failed: " .. tostring(err or answer), 0);
	end
end

-- Asks all names, so many at once: gives seconds, seconds of this thread's processor time.
function work.ask_all(names, at_once, ask, step, is_unvalidated)
	local asked, answered, failure = 0, 0, nil;
	local function on_answer(answer, err)
		answered = answered + 1;
		local ok, problem = pcall(work.check, answer, err, is_unvalidated);
		if not ok then failure = problem; end
	end
	local started, started_cpu = clock.monotonic(), clock.thread();
	while answered < #names do
		while asked < #names and asked - answered < at_once do
			asked = asked + 1;
			ask(names[asked], on_answer);
		end
		if answered < asked then step(); end
	end
	if failure then error(failure, 0); end
	return clock.monotonic() - started, clock.thread() - started_cpu;
end

-- Microseconds for one lookup, of count made one after the other, round and round, beginning after so many names.
function work.time_lookups(names, count, ask, step, after)
	local answered, last = 0, nil;
	local function on_answer(answer)
		answered = answered + 1;
		last = answer;
	end
	local started = clock.monotonic();
	for i = 0, count - 1 do
		ask(names[(after + i) % #names + 1], on_answer);
		while answered == i do step(); end
	end
	local spent = clock.monotonic() - started;
	work.check(last);
	return spent / count * 1e6;
end

-- measurements[name](turn) -> a time. All of them in each of so many turns; gives the fastest turn of each: others' load on this machine makes it
-- half as fast for seconds, which is nobody's cost.
function work.fastest(turns, measurements)
	local fastest = {};
	for turn = 1, turns do
		for name, measurement in pairs(measurements) do
			fastest[name] = math.min(fastest[name] or math.huge, measurement(turn));
		end
	end
	return fastest;
end

return work;
