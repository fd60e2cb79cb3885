-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- What this Prosody can do, each found out by itself: versions between 0.12 and 13 have some of it.

local from_prosody = require "xmppdns.prosody.modules";

-- Whether a plugin is asked before mod_s2s connects (0.12.4 and later).
local function has_pre_connect()
	return from_prosody "core.features".available:contains("s2sout-pre-connect-event") == true;
end

-- Whether net.connect dials several addresses side by side (13): then it wants to know with each whether there are more.
local function connects_side_by_side()
	local parameters;
	from_prosody "net.connect".connect({ hostname = "nobody", next = function (_, callback)
		parameters = debug.getinfo(callback, "u").nparams; -- not in Lua 5.1, on which Prosody 13 does not run
	end }, {});
	return parameters ~= nil and parameters > 4;
end

return { has_pre_connect = has_pre_connect, connects_side_by_side = connects_side_by_side };
