-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- The screen, as it is: colours, characters, width, and a line that says what is waited for.

local branches = require "xmppdns.check.branches";
local core = require "xmppdns.core";
local tree = require "xmppdns.check.tree";

local NO_TERMINAL = 80; -- columns
local NARROWEST = 40;

local screen_methods = {};
local screen_mt = { __index = screen_methods };

-- No Lua of its own can tell; the shell inherits our descriptors.
local function is_terminal(descriptor)
	local ok = os.execute("test -t " .. descriptor);
	return ok == true or ok == 0;
end

local function speaks_unicode()
	for _, name in ipairs({ "LC_ALL", "LC_CTYPE", "LANG" }) do
		local value = os.getenv(name);
		if value and value ~= "" then return value:lower():find("utf%-?8") ~= nil; end
	end
	return false;
end

local function ask_width()
	local pipe = io.popen("stty size 2>/dev/null </dev/tty");
	local columns = tonumber((pipe:read("*a"):match("^%d+ (%d+)")));
	pipe:close();
	return columns;
end

local function find_width(is_on_terminal)
	local columns = tonumber(os.getenv("COLUMNS")) or is_on_terminal and ask_width() or NO_TERMINAL;
	return columns < NARROWEST and NO_TERMINAL or columns;
end

function screen_methods:write(text)
	self.out:write(text);
end

-- The line, in as many as it takes.
function screen_methods:fold(line)
	return branches.draw(branches.node(line), self.unicode, self.width);
end

-- One line instead of the last one, on a terminal alone.
function screen_methods:show_progress(text)
	if not self.has_progress then return; end
	local shown = tree.visible(text);
	if #shown >= self.width then shown = shown:sub(1, self.width - 4) .. "..."; end
	self.err:write("\r\27[K", shown);
	self.err:flush();
	self.is_dirty = true;
end

-- The line is empty again, whatever was on it.
function screen_methods:clear_progress()
	if not self.is_dirty then return; end
	self.err:write("\r\27[K");
	self.err:flush();
	self.is_dirty = false;
end

-- Seconds since it was opened.
function screen_methods:age()
	return core.now() - self.opened;
end

-- options: out, err (files; the process's own), unicode, colour (booleans; as the terminal has it). colour: of the command line, or nil.
local function open(options, colour)
	local is_own = not options.out;
	local is_on_terminal = is_own and is_terminal(1);
	if colour == nil then colour = options.colour; end
	if colour == nil then colour = is_on_terminal and not os.getenv("NO_COLOR"); end
	local unicode = options.unicode;
	if unicode == nil then unicode = speaks_unicode(); end
	return setmetatable({
		out = options.out or io.stdout, err = options.err or io.stderr, opened = core.now(), is_dirty = false;
		style = tree.new_style(colour), unicode = unicode, width = find_width(is_on_terminal), has_progress = not options.err and is_terminal(2);
	}, screen_mt);
end

return { open = open };
