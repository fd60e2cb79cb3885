-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- One question to the running Prosody through its admin socket, the way that prosodyctl shell takes.

local from_prosody = require "xmppdns.prosody.modules";

local SECONDS = 5; -- until the answer: a server that is alive has it at once
local STREAM = "<stream:stream xmlns:stream='http://etherx.jabber.org/streams' xmlns='xmpp:prosody.im/admin'>";
local ENTITIES = { lt = "<", gt = ">", amp = "&", quot = '"', apos = "'" };

-- LuaSocket's constructor, which older ones export instead of a table; or nil.
local function find_constructor()
	local found, unix = pcall(require, "socket.unix");
	if not found then return nil; end
	return type(unix) == "table" and unix.stream or unix;
end

local function find_path(data)
	local given = from_prosody "core.configmanager".get("*", "admin_socket") or "prosody.sock";
	return from_prosody "util.paths".resolve_relative_path(data, given);
end

-- The connected socket, or nil, what is wrong ("stopped": nobody listens, "unreadable": it may not be used), and a text.
local function connect(path)
	local new_socket = find_constructor();
	if not new_socket then return nil, "unreadable", "LuaSocket has no unix sockets here"; end
	local conn = new_socket();
	conn:settimeout(SECONDS);
	local connected, problem = conn:connect(path);
	if connected then return conn; end
	conn:close();
	local is_forbidden = problem:lower():find("permission", 1, true);
	return nil, is_forbidden and "unreadable" or "stopped", ("%s: %s"):format(path, problem);
end

-- The text of the element with which it is answered, the element's name; or nil.
local function find_answer(received, name)
	for _, wanted in ipairs({ name, "repl-result" }) do
		local pattern = wanted:gsub("%-", "%%-");
		local text = received:match("<" .. pattern .. "[^>]*>(.*)</" .. pattern .. ">$");
		if text then return (text:gsub("&(%l+);", ENTITIES)), wanted; end
	end
end

local function receive(conn, name)
	local bytes = {};
	repeat
		local byte = conn:receive(1);
		bytes[#bytes + 1] = byte;
		if byte == ">" then
			local text, answered = find_answer(table.concat(bytes), name);
			if text then return text, answered; end
		end
	until not byte;
end

-- Sends an empty element of that name to the Prosody of that data directory, and gives the text of the one that comes back; or nil, what is wrong:
-- "stopped" (Prosody does not run),
-- "unreadable" (the socket may not be used), "silent" (no answer), "absent" (no module answers that name), and a text for the first three.
local function ask(name, data)
	local path = find_path(data);
	local conn, state, problem = connect(path);
	if not conn then return nil, state, problem; end
	conn:send(("%s<%s/>"):format(STREAM, name));
	local text, answered = receive(conn, name);
	conn:close();
	if not text then return nil, "silent", ("%s: no answer"):format(path); end
	if answered ~= name then return nil, "absent"; end
	return text;
end

return { ask = ask };
