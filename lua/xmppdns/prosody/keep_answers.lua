-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- The setting keep_answers: unless it is false, what is known is kept over a restart, in a file of Prosody's data directory.

local copy = require "xmppdns.resolver".copy;

local FILE = "xmppdns-answers";

-- The settings with the file's path in its place, or nil, problem.
local function place(settings, directory)
	local is_wanted = settings.keep_answers;
	if is_wanted ~= nil and type(is_wanted) ~= "boolean" then
		return nil, ("keep_answers = %s: expected true or false"):format(type(is_wanted) == "string" and ("%q"):format(is_wanted) or tostring(is_wanted));
	end
	local placed = copy(settings);
	placed.keep_answers = nil;
	placed.cache_file = is_wanted ~= false and (settings.cache_file or directory .. "/" .. FILE) or nil;
	return placed;
end

-- The settings for another process, which leaves the server's file alone.
local function without(settings)
	local rest = copy(settings);
	rest.keep_answers, rest.cache_file = nil, nil;
	return rest;
end

return { place = place, without = without };
