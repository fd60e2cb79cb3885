-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- A peer of bad faith for specs (hostile.py): streams that it opens, and a server that says yes to every dialback key.
--
-- local results = hostile.play({ {
--	name = "forged", address = "127.1.2.3", port = 5269, from = "victim.example", to = "near.example"; -- from, to: of the stream; nil: without
--	tls = "starttls", certificate = path, key = path; -- tls: or "direct", or nil: in the clear. The file may have further certificates
--	version = "0.9"; -- of XMPP, default "1.0"
--	patience = 3; -- seconds for each answer, default 20
--	steps = {
--		{ ["do"] = "external" }, { ["do"] = "bidi" }, { ["do"] = "dialback", from = "victim.example", to = "near.example" };
--		{ ["do"] = "message", from = "victim.example/x", to = "near.example", id = "forged" }; -- "taken": the server has gone on to what came after it
--		{ ["do"] = "send", ... }; -- the same without waiting
--		{ ["do"] = "wait", element = "message" }; -- until the server sends one by itself
--	};
-- } });
-- results.forged --> { outcomes = { "offers ...", "external success", "dialback valid" }, ending = "open" | the stream error | what else went wrong }
--
-- local server = hostile.listen({ address =, port =, default = { certificate, key }, certificates = { [domain] = { certificate, key } } });
-- bidi = true: offers it; version = "0.9"; without default: in the clear; tells = { { from =, to =, id = } ... }: messages that it sends when a
-- presence comes; premature = path: says that the keys for the streams in that file are valid before TLS, where a case of the client's writes them
-- with identities = path.
-- server:received(): a list of { received = element, from, to, id, secure }. server:stop().

local json = require "dkjson";
local process = require "spec.support.process";

local program = process.run({ "pwd" }):gsub("\n", "") .. "/spec/support/hostile.py";
local serial = 0;

local hostile = {};
local listener_methods = {};
local listener_mt = { __index = listener_methods };

local function write_given(given)
	serial = serial + 1;
	return process.write(("%s/hostile-%d.json"):format(process.directory("hostile"), serial), json.encode(given));
end

local function read_lines(text)
	local lines = {};
	for line in text:gmatch("[^\n]+") do lines[#lines + 1] = json.decode(line); end
	return lines;
end

-- Plays the cases, some side by side (default 8): their results by name.
function hostile.play(cases, at_once)
	local results = {};
	for _, result in ipairs(read_lines(process.run({ "/usr/bin/python3", program, "play", write_given(cases), tostring(at_once or 8) }))) do
		results[result.name] = result;
	end
	return results;
end

-- The same in the background, for one case: a function that waits for its result.
function hostile.begin(case)
	local player = process.start({ "/usr/bin/python3", program, "play", write_given({ case }) });
	return function ()
		process.wait_until(function () return not player:alive(); end);
		return read_lines(player:output())[1];
	end;
end

function hostile.listen(options)
	local server = setmetatable({ process = process.start({ "/usr/bin/python3", program, "listen", write_given(options) }) }, listener_mt);
	if not process.wait_for_tcp(options.address, options.port) then error("it does not listen: "..server.process:output(), 2); end
	return server;
end

function listener_methods:received()
	local found = {};
	for _, line in ipairs(read_lines(self.process:output())) do
		if line.received then found[#found + 1] = line; end
	end
	return found;
end

function listener_methods:stop()
	self.process:stop();
end

return hostile;
