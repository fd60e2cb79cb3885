-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- The setting autotrust = true: the root's keys are followed (RFC 5011) in a file of Prosody's data directory.

local copy = require "xmppdns.resolver".copy;

local FILE = "xmppdns-root.key";

-- The settings with the file's path in place of true. It is made when its keys are asked for first; until then the other anchors count.
local function place(settings, directory)
	if settings.autotrust ~= true then return settings; end
	local placed = copy(settings);
	placed.autotrust = directory .. "/" .. FILE;
	return placed;
end

return { place = place };
