-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- Copies of this software that hide one another: what was installed by hand once comes before a newer package.

local function exists(path)
	local file = io.open(path, "rb");
	if file then file:close(); end
	return file ~= nil;
end

-- The files which the templates lead to for that name, the one in use first.
local function find_all(templates, name)
	local found, seen = {}, {};
	for template in (templates or ""):gmatch("[^;]+") do
		local path = template:gsub("%?", name);
		if path:sub(1, 1) == "/" and not seen[path] and exists(path) then found[#found + 1] = path; end
		seen[path] = true;
	end
	return found;
end

local function as_template(directory)
	return directory .. "/?.lua";
end

-- A list of { used, hidden }. plugin_paths: the directories in which Prosody looks for plugins, ";" between them, or nil.
local function list_hidden(plugin_paths)
	local list = {};
	local plugins = (plugin_paths or ""):gsub("[^;]+", as_template);
	for _, found in ipairs({ find_all(package.path, "xmppdns"), find_all(package.cpath, "xmppdns/core"), find_all(plugins, "mod_xmppdns") }) do
		for i = 2, #found do list[#list + 1] = { used = found[1], hidden = found[i] }; end
	end
	return list;
end

return { list_hidden = list_hidden };
