-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- Prosody plugin: logs "Arrived: " and the id of each message to a host of this server, and answers those whose id begins with "echo".
-- luacheck: globals module

local st = require "util.stanza";

module:hook("message/host", function (event)
	local id = event.stanza.attr.id or "";
	module:log("info", "Arrived: %s", id);
	if id:find("^echo") then module:send(st.message({ from = module.host, to = event.stanza.attr.from, id = "answer to "..id })); end
	return true;
end);
