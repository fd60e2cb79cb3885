-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- The installed Prosody's own util modules, as a second opinion: require "spec.support.prosody_util" ("dns") is its util.dns.

-- Prosody 0.12 asks for "util.hex", 13 for "prosody.util.hex", which our own code asks for first: both find what is given here.
local lua_path, c_path = "/usr/lib/prosody/?.lua;/usr/lib/?.lua;", "/usr/lib/prosody/?.so;/usr/lib/?.so;";

return function (name)
	local path, cpath = package.path, package.cpath;
	package.path, package.cpath = lua_path .. path, c_path .. cpath;
	local ok, module = pcall(require, "util." .. name);
	package.path, package.cpath = path, cpath;
	if not ok then error(module, 0); end
	package.loaded["prosody.util." .. name] = module;
	return module;
end;
