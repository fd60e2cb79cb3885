-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- Nodes, { text, node, node, ... }, drawn as a tree that is no wider than the screen.

local fold = require "xmppdns.check.fold".fold;

local UNICODE = { middle = "├─ ", last = "└─ ", through = "│  ", none = "   ", more = "│ " };
local ASCII = { middle = "|- ", last = "`- ", through = "|  ", none = "   ", more = "| " };

local BRANCH = 3; -- columns

local function node(text)
	return { text };
end

local function add(parent, text)
	local child = node(text);
	parent[#parent + 1] = child;
	return child;
end

-- The text in as many lines as it takes; those after the first are set in, and let the branch to what is below pass.
local function add_lines(lines, one, first_indent, indent, shape, room)
	local more = one[2] and shape.more or "  ";
	for i, line in ipairs(fold(one[1], room and room - #more:gsub("[\128-\191]", ""))) do
		lines[#lines + 1] = (i == 1 and first_indent or indent .. more) .. line;
	end
end

local function draw_children(parent, shape, indent, lines, room)
	for i = 2, #parent do
		local is_last = i == #parent;
		local inner = indent .. (is_last and shape.none or shape.through);
		add_lines(lines, parent[i], indent .. (is_last and shape.last or shape.middle), inner, shape, room and room - BRANCH);
		draw_children(parent[i], shape, inner, lines, room and room - BRANCH);
	end
end

-- width: columns of the screen, or nil for lines as long as they are.
local function draw(root, unicode, width)
	local lines, shape = {}, unicode and UNICODE or ASCII;
	add_lines(lines, root, "", "", shape, width);
	draw_children(root, shape, "", lines, width);
	return table.concat(lines, "\n") .. "\n";
end

return { node = node, add = add, draw = draw };
