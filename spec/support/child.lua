-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- Runs Lua code in a process of its own, with this one's interpreter and package paths.

local process = require "spec.support.process";

local child = {};
local serial = 0;

function child.interpreter()
	local link = io.popen("readlink /proc/$PPID/exe");
	local path = link:read("*l");
	link:close();
	return path:find("/valgrind/", 1, true) and os.getenv("LUA"):match("%S+$") or path; -- valgrind is what runs us then
end

-- The file that require would load for a C module.
function child.module_path(name)
	name = name:gsub("%.", "/");
	for template in package.cpath:gmatch("[^;]+") do
		local path = template:gsub("%?", name);
		if process.read(path) then return path; end
	end
	error("no module " .. name);
end

-- What a shell has before a command for that C module to go before the C library. (A sanitizer of addresses wants to be preloaded itself, and need
-- not be.)
function child.preload(name)
	return ("LD_PRELOAD=%s ASAN_OPTIONS=$ASAN_OPTIONS:verify_asan_link_order=0"):format(child.module_path(name));
end

-- What the code prints, and how the process ended where that was not well: "...\n(ended with status 139)". preload: a C module that goes before the C
-- library, or nil.
function child.run(code, preload)
	serial = serial + 1;
	local head = ("package.path, package.cpath = %q, %q;\n"):format(package.path, package.cpath);
	local path = process.write(("%s/child-%d.lua"):format(process.directory(), serial), head .. code);
	local environment = preload and child.preload(preload) or "";
	local pipe = io.popen(("{ timeout 120 env %s %s %s; } 2>&1; echo \"status $?\""):format(environment, child.interpreter(), path));
	local output, status = pipe:read("*a"):match("^(.*)status (%d+)\n$");
	pipe:close();
	return status == "0" and output or ("%s(ended with status %s)"):format(output, status);
end

return child;
