-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- Runs Lua code in a process of its own, with this one's interpreter and package paths.

local process = require "spec.support.process";

local child = {};
local serial = 0;

local function interpreter()
	local link = io.popen("readlink /proc/$PPID/exe");
	local path = link:read("*l");
	link:close();
	return path;
end

-- What the code prints, and how the process ended where that was not well: "...\n(ended with status 139)".
function child.run(code)
	serial = serial + 1;
	local head = ("package.path, package.cpath = %q, %q;\n"):format(package.path, package.cpath);
	local path = process.write(("%s/child-%d.lua"):format(process.directory(), serial), head .. code);
	local pipe = io.popen(("{ timeout 120 %s %s; } 2>&1; echo \"status $?\""):format(interpreter(), path));
	local output, status = pipe:read("*a"):match("^(.*)status (%d+)\n$");
	pipe:close();
	return status == "0" and output or ("%s(ended with status %s)"):format(output, status);
end

return child;
