-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- What becomes of one lookup under each fault of the misbehaving server, in four modes, and what was on the wire meanwhile.
--
-- lua5.4 spec/support/faults.lua prints the whole as a table (package.path and package.cpath as for the specs).
--
-- A row: the fault's name, then the rules for its name (see misdns.lua; a rule's name and type are filled in), and what is expected:
--   off, validating: "outcome: wire", with the automatic resolver too unless off_automatic, validating_automatic say otherwise.
--     outcome: "answer" or "secure answer" (the right records), "denial" or "secure denial", or an error's code.
--     wire: transports in the order of their first use. CD is told only with dnssec off, where it can only come from our own probe, which sets it
--     once it was refused too; libunbound sets it by itself when it validates.
--   zone: "signed" (default), "plain" (proven unsigned) or "forged" (its signature does not hold)
--   record: what stands at the name (default "A 192.0.2.7"); type: what is asked for (default the record's); right: the field expected in
--     each record of the answer, as text (default "192.0.2.7")
--   until_attempt, in a rule: it is released once that attempt has begun
--   timeout: seconds an attempt, where libunbound would give the question up before the usual
--   own: the rules are for all names, on a server of that name for this rule alone; tcp_refused: on such a server, which refuses TCP

local misdns = require "spec.support.misdns";
local new = require "xmppdns.resolver".new;
local releases = require "spec.support.releases";
local socket = require "socket";
local zones = require "spec.support.zones";

local takes_out_short = releases.takes_out_short;

local TIMEOUT = 8;   -- seconds an attempt where it may pass: a busy machine has opened all contexts, and libunbound has not given up
local PATIENCE = 30; -- the same where answers come
local SLACK = 10;    -- seconds: less than the 17 after which libunbound gives a question up
local AT_ONCE = 32;  -- lookups

local function silence_then(rule)
	rule.transport = "tcp";
	return { { fault = "silence", transport = "udp" }, rule };
end

local function truncated_then(rule)
	rule.transport = "tcp";
	return { { fault = "truncate" }, rule };
end

local function then_right(fault)
	return { { fault = fault, right_after = 0 } };
end

-- What libunbound takes for no answer.
local SILENT = { silence = true, stall = true, wrong_id = true, garbage = true, empty = true, other_port = true, other_address = true };

local function timeout_of(row)
	if row.timeout then return row.timeout; end
	for _, rule in ipairs(row[2]) do
		if SILENT[rule.fault] or rule.delay then return TIMEOUT; end
	end
	return PATIENCE;
end

local faults = {};

faults.rows = {
	{ "none", {}, off = "answer: udp", validating = "secure answer: udp" },
	{ "none, unsigned", {}, zone = "plain", off = "answer: udp", validating = "answer: udp" },
	{ "none, forged data", {}, zone = "forged", off = "answer: udp",
		validating = "bogus: udp, tcp", validating_automatic = "bogus: udp" },

	{ "silence", { { fault = "silence" } }, off = "timeout: udp, tcp", validating = "timeout: udp, tcp" },
	{ "silence, first 1", { { fault = "silence", times = 1 } }, off = "answer: udp", validating = "secure answer: udp" },
	{ "silence until the second attempt", { { fault = "silence", transport = "udp", until_attempt = 2 } }, off = "answer: udp, tcp", off_automatic = "answer: udp",
		validating = "secure answer: udp, tcp", validating_automatic = "secure answer: udp" },
	{ "silence over UDP", { { fault = "silence", transport = "udp" } }, off = "answer: udp, tcp", validating = "secure answer: udp, tcp" },
	{ "silence over UDP, TCP refused", { { fault = "silence", transport = "udp" } }, own = "udp silent, tcp refused", tcp_refused = true,
		off = "servfail: udp", validating = "servfail: udp" },
	{ "silence over UDP, TCP closed", silence_then({ fault = "close" }), off = "servfail: udp, tcp, tcp cd", validating = "servfail: udp, tcp" },
	{ "silence over UDP, TCP reset", silence_then({ fault = "reset" }), off = "servfail: udp, tcp, tcp cd", validating = "servfail: udp, tcp" },
	{ "silence over UDP, TCP stalled", silence_then({ fault = "stall" }), off = "timeout: udp, tcp", validating = "timeout: udp, tcp" },
	{ "silence over UDP, SERVFAIL over TCP", silence_then({ fault = "servfail" }), off = "servfail: udp, tcp, tcp cd",
		validating = "servfail: udp, tcp" },
	{ "silence for all names", { { fault = "silence" } }, own = "silent", off = "timeout: udp, tcp", validating = "timeout: udp, tcp" },

	{ "SERVFAIL", { { fault = "servfail" } }, off = "servfail: udp, udp cd", validating = "servfail: udp" },
	{ "SERVFAIL, first 1", { { fault = "servfail", times = 1 } }, off = "answer: udp", validating = "secure answer: udp" },
	{ "SERVFAIL, first 5", { { fault = "servfail", times = 5 } }, off = "answer: udp, tcp", off_automatic = "answer: udp",
		validating = "secure answer: udp" }, -- a probe has validated it
	{ "SERVFAIL over UDP", { { fault = "servfail", transport = "udp" } }, off = "servfail: udp, udp cd", validating = "servfail: udp" },
	{ "SERVFAIL unless CD", { { fault = "servfail", cd = false } }, off = "bogus: udp, udp cd, tcp", validating = "secure answer: udp" },
	{ "SERVFAIL unless CD, unsigned", { { fault = "servfail", cd = false } }, zone = "plain", off = "bogus: udp, udp cd, tcp",
		validating = "answer: udp" },
	{ "SERVFAIL unless CD, forged data", { { fault = "servfail", cd = false } }, zone = "forged", off = "bogus: udp, udp cd, tcp",
		validating = "bogus: udp, tcp", validating_automatic = "bogus: udp" },
	{ "SERVFAIL unless CD, first 5", { { fault = "servfail", cd = false, times = 5 } }, off = "answer: udp, tcp",
		off_automatic = "answer: udp", validating = "secure answer: udp" },
	{ "SERVFAIL unless CD, and then silence", { { fault = "servfail", cd = false }, { fault = "silence", cd = true } }, timeout = 3,
		off = "timeout: udp, udp cd, tcp, tcp cd", validating = "timeout: udp, tcp" },
	{ "slow SERVFAIL unless CD, and then silence over UDP", -- a probe may begin when all attempts would have ended by themselves
		{ { fault = "servfail", cd = false, delay = 120 * TIMEOUT }, { fault = "silence", cd = true, transport = "udp" } },
		off = "bogus: udp, udp cd, tcp, tcp cd", validating = "secure answer: udp, tcp" },
	{ "SERVFAIL unless CD, and then no such name", { { fault = "servfail", cd = false }, { fault = "nxdomain", cd = true } }, zone = "plain",
		off = "bogus: udp, udp cd, tcp", validating = "denial: udp" },
	{ "SERVFAIL for all names", { { fault = "servfail" } }, own = "servfail", off = "servfail: udp, udp cd", validating = "servfail: udp" },
	{ "SERVFAIL unless CD for all names", { { fault = "servfail", cd = false } }, own = "servfail unless cd", off = "bogus: udp, udp cd, tcp",
		validating = "secure answer: udp" },
	{ "REFUSED", { { fault = "refused" } }, off = "servfail: udp, udp cd", validating = "servfail: udp" },
	{ "FORMERR", { { fault = "formerr" } }, off = "servfail: udp, udp cd", validating = "servfail: udp" },
	{ "NOTIMP", { { fault = "notimp" } }, off = "servfail: udp, udp cd", validating = "servfail: udp" },
	{ "FORMERR to EDNS, first 1", { { fault = "formerr", edns = true, times = 1 } }, off = "answer: udp",
		validating = "secure answer: udp, tcp", validating_automatic = "secure answer: udp" },
	{ "NOTIMP to EDNS, first 1", { { fault = "notimp", edns = true, times = 1 } }, off = "answer: udp",
		validating = "secure answer: udp, tcp", validating_automatic = "secure answer: udp" },
	{ "FORMERR to EDNS for all names", { { fault = "formerr", edns = true } }, own = "no edns", off = "answer: udp",
		validating = "bogus: udp, tcp", validating_automatic = "bogus: udp" },
	{ "FORMERR to EDNS for all names, unsigned", { { fault = "formerr", edns = true } }, own = "no edns", zone = "plain", off = "answer: udp",
		validating = "bogus: udp, tcp", validating_automatic = "bogus: udp" },
	{ "NXDOMAIN", { { fault = "nxdomain" } }, off = "denial: udp", validating = "bogus: udp, tcp",
		validating_automatic = "bogus: udp" },
	{ "NXDOMAIN, unsigned", { { fault = "nxdomain" } }, zone = "plain", off = "denial: udp", validating = "denial: udp" },
	{ "none, no such data", {}, type = "AAAA", off = "denial: udp", validating = "secure denial: udp" },

	{ "truncation", { { fault = "truncate" } }, off = "answer: udp, tcp", validating = "secure answer: udp, tcp" },
	{ "truncation, TCP refused", { { fault = "truncate" } }, own = "truncated, tcp refused", tcp_refused = true, off = "servfail: udp, udp cd",
		validating = "servfail: udp" },
	{ "truncation, TCP hanging", truncated_then({ fault = "silence" }), off = "timeout: udp, tcp", validating = "timeout: udp, tcp" },
	{ "truncation, TCP closed", truncated_then({ fault = "close" }), off = "servfail: udp, tcp, udp cd, tcp cd", validating = "servfail: udp, tcp" },
	{ "truncation, TCP reset", truncated_then({ fault = "reset" }), off = "servfail: udp, tcp, udp cd, tcp cd", validating = "servfail: udp, tcp" },
	{ "truncation, garbage over TCP", truncated_then({ fault = "garbage" }), off = "servfail: udp, tcp, udp cd, tcp cd",
		validating = "servfail: udp, tcp" },
	{ "truncation, TCP stalled", truncated_then({ fault = "stall" }), off = "timeout: udp, tcp", validating = "timeout: udp, tcp" },

	{ "delay below the timeout", { { delay = 100 } }, off = "answer: udp", validating = "secure answer: udp" },
	{ "delay beyond the timeout", { { delay = 1500 * TIMEOUT } }, off = "timeout: udp, tcp", validating = "timeout: udp, tcp" },
	{ "delay beyond the timeout, over UDP", { { delay = 1500 * TIMEOUT, transport = "udp" } }, off = "answer: udp, tcp",
		validating = "secure answer: udp, tcp" },

	{ "wrong ID", { { fault = "wrong_id" } }, off = "servfail: udp, tcp, tcp cd", validating = "servfail: udp, tcp" },
	{ "wrong ID over UDP", { { fault = "wrong_id", transport = "udp" } }, off = "answer: udp, tcp", validating = "secure answer: udp, tcp" },
	{ "wrong ID, then right", then_right("wrong_id"), off = "answer: udp", validating = "secure answer: udp" },
	{ "wrong question", { { fault = "wrong_question" } }, off = "servfail: udp, udp cd", validating = "servfail: udp" },
	{ "wrong question, then right", then_right("wrong_question"), off = "servfail: udp, udp cd", validating = "servfail: udp" },
	{ "QR clear", { { fault = "not_response" } }, off = "servfail: udp, udp cd", validating = "servfail: udp" },
	{ "QR clear, then right", then_right("not_response"), off = "servfail: udp, udp cd", validating = "servfail: udp" },
	{ "garbage", { { fault = "garbage" } }, off = "servfail: udp, tcp, tcp cd", validating = "servfail: udp, tcp" },
	{ "garbage over UDP", { { fault = "garbage", transport = "udp" } }, off = "answer: udp, tcp", validating = "secure answer: udp, tcp" },
	{ "garbage, then right", then_right("garbage"), off = "answer: udp", validating = "secure answer: udp" },
	{ "garbage behind the right question", { { fault = "garbled" } }, off = "servfail: udp, udp cd", validating = "servfail: udp" },
	{ "zero bytes", { { fault = "empty" } }, off = "servfail: udp, tcp, tcp cd", validating = "servfail: udp, tcp" },
	{ "zero bytes over UDP", { { fault = "empty", transport = "udp" } }, off = "answer: udp, tcp", validating = "secure answer: udp, tcp" },
	{ "zero bytes, then right", then_right("empty"), off = "answer: udp", validating = "secure answer: udp" },
	{ "compression loop", { { fault = "loop" } }, off = "servfail: udp, udp cd", validating = "servfail: udp" },
	{ "compression loop, then right", then_right("loop"), off = "servfail: udp, udp cd", validating = "servfail: udp" },
	{ "answer from another port", { { fault = "other_port" } }, off = "answer: udp, tcp", validating = "secure answer: udp, tcp" },
	{ "answer from another port, then right", then_right("other_port"), off = "answer: udp", validating = "secure answer: udp" },
	{ "answer from another address", { { fault = "other_address" } }, off = "answer: udp, tcp", validating = "secure answer: udp, tcp" },
	{ "answer from another address, then right", then_right("other_address"), off = "answer: udp", validating = "secure answer: udp" },

	{ "A cut to 3 bytes", { { fault = "short" } }, off = takes_out_short and "denial: udp" or "servfail: udp, udp cd",
		validating = "bogus: udp, tcp", validating_automatic = "bogus: udp" },
	{ "A cut to 3 bytes, unsigned", { { fault = "short" } }, zone = "plain", off = takes_out_short and "denial: udp" or "servfail: udp",
		validating = takes_out_short and "denial: udp" or "servfail: udp" },
	{ "SRV cut to 3 bytes, unsigned", { { fault = "short" } }, zone = "plain", record = "SRV 0 0 5269 host", off = "servfail: udp, udp cd",
		validating = "servfail: udp" },
	{ "TLSA cut to 2 bytes, unsigned", { { fault = "short" } }, zone = "plain", record = "TLSA 3 1 1 " .. ("00"):rep(32),
		off = "servfail: udp", validating = "servfail: udp" },
	{ "unasked records", { { fault = "unasked" } }, off = "answer: udp", validating = "secure answer: udp" },
	{ "unasked records, unsigned", { { fault = "unasked" } }, zone = "plain", off = "answer: udp", validating = "answer: udp" },
	{ "64 KiB of A, unsigned", { { fault = "big" } }, zone = "plain", right = "^127%.1%.";
		off = releases.refuses_large and "servfail: udp, tcp, udp cd, tcp cd" or "answer: udp, tcp";
		validating = releases.refuses_large and "servfail: udp, tcp" or "answer: udp, tcp" },
	{ "64 KiB of SRV, unsigned", { { fault = "big" } }, zone = "plain", record = "SRV 0 0 5269 host";
		off = releases.refuses_large and "servfail: udp, tcp, udp cd, tcp cd" or "servfail: udp, tcp";
		validating = "servfail: udp, tcp" },
	{ "AD set, unsigned", { { fault = "ad" } }, zone = "plain", off = "answer: udp", validating = "answer: udp" },
	{ "AD cleared", { { fault = "no_ad" } }, off = "answer: udp", validating = "secure answer: udp" },
	{ "signatures stripped", { { fault = "strip" } }, off = "answer: udp",
		validating = "bogus: udp, tcp", validating_automatic = "bogus: udp" },
	{ "signatures stripped for all names", { { fault = "strip" } }, own = "no dnssec", off = "answer: udp",
		validating = "bogus: udp, tcp", validating_automatic = "bogus: udp" },
	{ "signatures stripped for all names, unsigned", { { fault = "strip" } }, own = "no dnssec", zone = "plain", off = "answer: udp",
		validating = "bogus: udp, tcp", validating_automatic = "bogus: udp" },
	{ "answer sent twice", { { fault = "duplicate" } }, off = "answer: udp", validating = "secure answer: udp" },
	{ "records twice in the answer", { { fault = "duplicate_records" } }, off = "answer: udp", validating = "secure answer: udp" },
	{ "records in reverse", { { fault = "reorder" } }, off = "answer: udp", validating = "secure answer: udp" },
	{ "CNAME behind its target", { { fault = "reorder" } }, record = "CNAME host", type = "A", off = "answer: udp", validating = "secure answer: udp" },
};

faults.modes = {
	{ key = "off", text = "dnssec off, fixed", settings = { dnssec = "off" } },
	{ key = "off", text = "dnssec off, automatic", settings = { dnssec = "off" }, automatic = true },
	{ key = "validating", text = "validating, fixed", settings = {} },
	{ key = "validating", text = "validating, automatic", settings = {}, automatic = true },
};

-- "timeout: udp, tcp"
function faults.expected(row, mode)
	return mode.automatic and row[mode.key .. "_automatic"] or row[mode.key];
end

local function label_of(place, mode_place)
	return ("n%dm%d"):format(place, mode_place);
end

local function zone_of(row)
	return row.zone or "signed";
end

-- Every row and mode has a name of its own.
local function serve_zones()
	local records = { signed = { "host A 192.0.2.7" }, plain = { "host A 192.0.2.7" }, forged = { "host A 192.0.2.7" } };
	for place, row in ipairs(faults.rows) do
		for mode_place in ipairs(faults.modes) do
			table.insert(records[zone_of(row)], ("%s %s"):format(label_of(place, mode_place), row.record or "A 192.0.2.7"));
		end
	end
	return zones.serve({
		["signed.example"] = { records = table.concat(records.signed, "\n") },
		["plain.example"] = { records = table.concat(records.plain, "\n"), signed = false },
		["forged.example"] = { records = table.concat(records.forged, "\n"), fault = "signature" },
	});
end

-- Gives the numbers of those that are to be released, each with its attempt.
local function add_rules(server, row, name, rdtype)
	local until_attempt = {};
	for _, rule in ipairs(row[2]) do
		local named = { name = name, type = rdtype };
		for key, value in pairs(rule) do named[key] = value; end
		named.until_attempt = nil;
		until_attempt[server:rule(named)] = rule.until_attempt;
	end
	return until_attempt;
end

-- The server that all names share, as servers.shared, and those for one rule alone. They are started first: nothing is processed meanwhile.
local function start_servers(dns)
	local servers = { shared = misdns.start({ upstream = dns.forward }) };
	for _, row in ipairs(faults.rows) do
		if row.own and not servers[row.own] then
			servers[row.own] = misdns.start({ upstream = dns.forward });
			add_rules(servers[row.own], row);
			if row.tcp_refused then servers[row.own]:close_tcp(); end
		end
	end
	return servers;
end

local function describe_answer(run, answer)
	local kind = answer.secure and "secure " or "";
	if #answer == 0 then return kind .. "denial"; end
	local seen = {};
	for _, record in ipairs(answer) do
		local text = record.a or tostring(record.srv or record.tlsa or record);
		if not text:find(run.row.right or "^192%.0%.2%.7$") or seen[text] then return kind .. "wrong answer: " .. tostring(answer):gsub("%s+", " "); end
		seen[text] = true;
	end
	return kind .. "answer";
end

-- Notes the attempt or probe that was begun since the last look, and the times between which that happened.
local function note_steps(run, before)
	local stats = run.resolver:stats();
	local now = { attempts = stats.attempts, tcp = stats.tcp_attempts, probes = stats.probes };
	if now.attempts > run.counted.attempts then
		table.insert(run.steps, { after = before, before = socket.gettime(), transport = now.tcp > run.counted.tcp and "tcp" or "udp" });
	elseif now.probes > run.counted.probes then
		table.insert(run.steps, { after = before, before = socket.gettime(), probe = true });
	end
	run.counted = now;
	for rule, attempt in pairs(run.until_attempt) do
		if now.attempts >= attempt then
			run.server:release(rule);
			run.until_attempt[rule] = nil;
		end
	end
end

local function start_run(dns, servers, place, mode_place)
	local row, mode = faults.rows[place], faults.modes[mode_place];
	local name = ("%s.%s.example"):format(label_of(place, mode_place), zone_of(row));
	local rdtype = row.type or (row.record or "A"):match("^%S+");
	local server = servers[row.own or "shared"];
	local until_attempt = not row.own and add_rules(server, row, name, rdtype) or {};
	local settings = dns:settings({ forward = server.forward, timeout = timeout_of(row), reconfigure_interval = 0 });
	for key, value in pairs(mode.settings) do settings[key] = value; end
	local run = {
		row = row, mode = mode, name = name, rdtype = rdtype, server = server, calls = 0, steps = {}, until_attempt = until_attempt;
		counted = { attempts = 0, tcp = 0, probes = 0 }, resolver = assert(new(settings)), started = socket.gettime();
	};
	run.resolver:query(name, rdtype, function (answer, err)
		run.calls = run.calls + 1;
		run.ended = socket.gettime();
		run.answer, run.err = answer, err;
	end, { automatic = mode.automatic });
	note_steps(run, run.started);
	return run;
end

local function wire_of(queries, with_cd)
	local wire = {};
	for _, query in ipairs(queries) do
		local step = query.transport .. (with_cd and query.cd and " cd" or "");
		if not wire[step] then
			wire[step] = true;
			table.insert(wire, step);
		end
	end
	return table.concat(wire, ", ");
end

-- Which attempts and probes put nothing on the wire: between its beginning and the next one's each must have.
local function find_unsent(run, queries)
	local unsent = {};
	for i, step in ipairs(run.steps) do
		local following, sent = run.steps[i + 1], false;
		for _, query in ipairs(queries) do
			sent = sent or query.time >= step.after and (not following or query.time <= following.before)
				and (step.probe or query.transport == step.transport);
		end
		if not sent then table.insert(unsent, ("%s %d"):format(step.probe and "probe" or step.transport, i)); end
	end
	return unsent;
end

-- What a run gave, once its resolver is closed.
local function judge_run(run)
	local queries, tally = {}, { udp = 0, tcp = 0, cd = 0 };
	for _, query in ipairs(run.server:log(run.name)) do
		if query.type == run.rdtype then
			table.insert(queries, query);
			tally[query.transport] = tally[query.transport] + 1;
			if query.cd then tally.cd = tally.cd + 1; end
		end
	end
	local outcome = run.err and run.err.code or describe_answer(run, run.answer);
	return {
		row = run.row, mode = run.mode, name = run.name, calls = run.calls, outcome = outcome, err = run.err, tally = tally;
		wire = wire_of(queries, true), summary = ("%s: %s"):format(outcome, wire_of(queries, run.mode.key == "off"));
		attempts = run.stats.attempts, probes = run.stats.probes, rebuilds = run.stats.rebuilds, unsent = find_unsent(run, queries);
		seconds = run.ended - run.started, deadline = (run.stats.attempts + run.stats.probes) * timeout_of(run.row) + SLACK;
		cached = run.cached;
	};
end

local function end_run(run)
	run.stats = run.resolver:stats();
	run.cached = {};
	for i, answer in ipairs(run.resolver:cached()) do run.cached[i] = answer.qname; end
	run.resolver:close(); -- libunbound would go on with a question that was given up
end

local function process_runs(active, finished)
	socket.select(active.resolvers, nil, 0.05);
	for i = #active, 1, -1 do
		local run = active[i];
		local before = socket.gettime();
		run.resolver:process();
		note_steps(run, before);
		if run.calls > 0 then
			table.remove(active, i);
			table.remove(active.resolvers, i);
			end_run(run);
			table.insert(finished, run);
		end
	end
end

-- Runs every row in every mode: a table from row to a table from mode to what became of it.
function faults.run()
	local dns = serve_zones();
	local servers = start_servers(dns);
	local active, finished = { resolvers = {} }, {};
	for place in ipairs(faults.rows) do
		for mode_place in ipairs(faults.modes) do
			while #active >= AT_ONCE do process_runs(active, finished); end
			local run = start_run(dns, servers, place, mode_place);
			table.insert(active, run);
			table.insert(active.resolvers, run.resolver);
		end
	end
	while #active > 0 do process_runs(active, finished); end
	local results = {};
	for _, run in ipairs(finished) do
		results[run.row] = results[run.row] or {};
		results[run.row][run.mode] = judge_run(run);
	end
	for _, server in pairs(servers) do server:stop(); end
	dns:stop();
	return results;
end

-- The results as a Markdown table.
function faults.print(results, write)
	write("| fault | mode | outcome | wire, in order of first use | UDP/TCP/CD | attempts + probes |\n|---|---|---|---|---|---|\n");
	for _, row in ipairs(faults.rows) do
		for _, mode in ipairs(faults.modes) do
			local result = results[row][mode];
			write(("| %s | %s | %s | %s | %d/%d/%d | %d + %d |\n"):format(row[1], mode.text, result.outcome, result.wire,
				result.tally.udp, result.tally.tcp, result.tally.cd, result.attempts, result.probes));
		end
	end
end

if arg and (arg[0] or ""):match("faults%.lua$") then
	faults.print(faults.run(), function (text) io.stdout:write(text); end);
end

return faults;
