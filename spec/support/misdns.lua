-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- Starts, scripts and questions a DNS server which misbehaves on purpose (misdns.py).
--
-- local misdns = require "spec.support.misdns";
-- local server = misdns.start{ upstream = "addr@port" };  -- nothing is needed: a free 127/8 address and port, no upstream
-- server:records("a.example", "A", { "192.0.2.1" }, 300); -- the right answer, before the upstream's; {} exists without data; nil forgets
-- server:rule{ name = "a.example", fault = "servfail", cd = false }; -- a fault instead of it
-- server:release(rule);       -- sends what a rule with hold = true has kept; a released rule, of whatever kind, takes no further query
-- server:wait_for_query("a.example"); -- until that name, or with how = { type =, transport =, cd = } such a question for it, has been asked
-- server:log("a.example");   -- what was asked: { { transport = "udp", name, type, id, port, rd, ad, cd, do_, edns = size or 0, time, rule }, ... }
-- server:tally("a.example"); -- { udp = 2, tcp = 1, cd = 1 }: how many queries came over UDP, over TCP, and with CD
-- server:close_tcp(), server:open_tcp(); -- TCP refused, and back
-- server:clear(), server:clear_log(); -- forgets rules and log, or the log; records stay
-- server:stop();
-- server.forward is "addr@port" as libunbound wants it; server.address and server.port are its parts.
--
-- The right answer is what records() gave, else what the upstream says, else (without upstream) no data or NXDOMAIN.
-- It is sent as it is unless a rule takes the query: the first rule, in the order they were made, whose conditions hold and which is not used up.
-- Conditions: name ("a.example", or "*.example" for all below), type ("SRV"), transport ("udp"), cd, do_, edns (booleans); none holds always.
-- after = n lets the first n such queries pass to the next rules; times = n takes only the n after them. A log entry's rule is its rule's number.
--
-- So "SERVFAIL unless CD" is { fault = "servfail", cd = false }, "and then silence" another rule { fault = "silence", cd = true },
-- "TCP hangs" is { fault = "silence", transport = "tcp" }, "no EDNS" is { fault = "formerr", edns = true }.
--
-- With or without a fault: delay = ms before the answer; hold = true: it is kept until the rule is released;
-- right_after = ms after the wrong answer, the right one follows (0: at once).
-- fault, or a list of them applied in this order:
--   silence            nothing is sent; a TCP connection stays open
--   servfail, refused, nxdomain   this code, empty sections (no SOA)
--   formerr, notimp    this code, empty sections, and no EDNS
--   truncate           TC and no records (UDP only, TCP gets the right answer)
--   garbage            random bytes (size = 64), a random ID too
--   garbled            the right ID and question, then random bytes (size = 64)
--   empty              zero bytes; over TCP a message of length zero
--   loop               one record whose owner name is a compression pointer to itself
--   big                64 KiB of made-up records of the type asked (A, AAAA, SRV with compressed targets, TLSA, else text), or size = bytes;
--                      over UDP as truncate
--   wrong_id           the right answer under another ID
--   wrong_question     the right answer to another name (its first letter differs)
--   not_response       the right answer with QR clear
--   ad, no_ad          the right answer with AD set, or cleared
--   short              the records of the type asked have their data cut to size bytes (TLSA: 2, else 3), or replaced by rdata = "hex"
--   unasked            records out of bailiwick added to all sections, or records = { answer = { "name ttl IN A data" }, authority =, additional = }
--   strip              no RRSIG, DNSKEY, DS, NSEC, NSEC3; DO and AD cleared: a forwarder that knows no DNSSEC
--   lose_large         what is larger than size = 512 bytes is not sent over UDP
--   duplicate          the answer is sent count = 2 times
--   duplicate_records  each answer record stands count = 2 times in the message
--   reorder            the answer records in reverse order
--   other_address      the answer comes from another address (UDP only)
--   other_port         the answer comes from another port (UDP only)
--   close              the connection is closed instead of an answer (TCP only)
--   only               the answer, and then the connection is closed, whatever else it was asked on it (TCP only)
--   stall              half of the message, then nothing (TCP only)
--   reset              half of the message, then the connection is reset (TCP only)
-- As one element of a list, the last six tell how to deliver what the others made.

local json = require "dkjson";
local socket = require "socket";
local wait_until = require "spec.support.process".wait_until;

local server_methods = {};
local server_mt = { __index = server_methods };

local program = debug.getinfo(1, "S").source:match("^@(.*)%.lua$") .. ".py";

local function start(options)
	options = options or {};
	local upstream = options.upstream and options.upstream:gsub("@", " ") or "";
	local command = ("exec /usr/bin/python3 '%s' %s %d %s"):format(program, options.address or "-", options.port or 0, upstream);
	local process = assert(io.popen(command, "r"));
	local line = process:read("*l") or "";
	local address, port, control_port = line:match("^ready (%S+) (%d+) (%d+)$");
	if not address then
		process:close();
		error("the DNS server did not start: " .. line, 2);
	end
	local control = assert(socket.connect(address, tonumber(control_port)));
	control:setoption("tcp-nodelay", true);
	return setmetatable({
		address = address, port = tonumber(port), forward = address .. "@" .. port;
		process = process, control = control;
	}, server_mt);
end

local function command(server, name, arguments)
	arguments.command = name;
	assert(server.control:send(json.encode(arguments) .. "\n"));
	local reply = json.decode((assert(server.control:receive("*l"))));
	if reply.error then
		error(reply.error, 3);
	end
	return reply.result;
end

-- Returns the rule's number, as it stands in log entries.
function server_methods:rule(rule)
	local arguments = {};
	for key, value in pairs(rule) do
		arguments[key] = value;
	end
	return (command(self, "rule", arguments)); -- in parentheses: no tail call, so that an error names the caller's line
end

function server_methods:release(rule)
	command(self, "release", { rule = rule });
end

local function is_such(query, how)
	for key, value in pairs(how or {}) do
		if query[key] ~= value then return false; end
	end
	return true;
end

function server_methods:wait_for_query(name, how)
	assert(wait_until(function ()
		for _, query in ipairs(self:log(name)) do
			if is_such(query, how) then return true; end
		end
	end), "nobody has asked for " .. name);
end

function server_methods:records(name, type, data, ttl)
	command(self, "records", { name = name, type = type, data = data and setmetatable(data, { __jsontype = "array" }), ttl = ttl or 300 });
end

function server_methods:log(name)
	return command(self, "log", { name = name });
end

function server_methods:tally(name)
	return command(self, "tally", { name = name });
end

function server_methods:clear()
	command(self, "clear", {});
end

function server_methods:clear_log()
	command(self, "clear_log", {});
end

function server_methods:close_tcp()
	command(self, "close_tcp", {});
end

function server_methods:open_tcp()
	command(self, "open_tcp", {});
end

-- Waits until the process has ended.
function server_methods:stop()
	command(self, "stop", {});
	self.control:close();
	self.process:close();
end

return {
	start = start;
};
