-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- The house's two rules: lua5.4 .ci/floors.lua [DIRECTORY] names each line by which a file reaches for what its folder may not know, or into a
-- circle of files that need each other. The status is 1 when there is one.

local root = arg[1] or ".";

-- What the files of a folder may know, beside their own folder.
local C_MAY = {
	base = {};
	dns = { "base" };
	settings = { "base", "dns" };
	unbound = { "base", "dns", "settings" };
	resolver = { "base", "dns", "settings", "unbound" };
	lua = { "base", "dns", "settings", "unbound", "resolver" };
};
local LUA_MAY = {
	lookups = { "core" };
	plan = { "core", "lookups" };
	trust = { "core", "lookups" };
	face = { "core", "lookups", "plan", "trust" };
	check = { "core", "lookups", "plan", "trust", "face" };
	prosody = { "core", "lookups", "plan", "trust", "face", "check", "Prosody" };
	plugin = { "core", "lookups", "plan", "trust", "face", "check", "Prosody", "prosody" };
};
-- Headers of others, and the one folder that includes each.
local OWNERS = { ["unbound.h"] = "unbound", ["unbound-event.h"] = "unbound", ["lua.h"] = "lua", ["lauxlib.h"] = "lua", ["lualib.h"] = "lua" };
local OF_PROSODY = { util = true, net = true, core = true, prosody = true };

local findings = {};

local function report(edge, text)
	findings[#findings + 1] = ("%s:%d: %s"):format(edge.file, edge.line, text);
end

local function set_of(list)
	local set = {};
	for _, value in ipairs(list) do set[value] = true; end
	return set;
end

local function list_files(pattern)
	local files = {};
	local found = io.popen(("cd '%s' && find %s -type f | sort"):format(root, pattern));
	for file in found:lines() do files[#files + 1] = file; end
	found:close();
	return files;
end

-- Each thing that a line of the file reaches for, by one of the patterns: { file, line, wanted }.
local function list_edges(file, patterns)
	local edges, number = {}, 0;
	for line in io.lines(root .. "/" .. file) do
		number = number + 1;
		for _, pattern in ipairs(patterns) do
			local wanted = not line:find("^%s*%-%-") and line:match(pattern);
			if wanted then edges[#edges + 1] = { file = file, line = number, wanted = wanted }; end
		end
	end
	return edges;
end

-- Circles: an edge is in one when its end leads back to its begin.

local function leads_to(graph, from, to, seen)
	if from == to then return true; end
	if seen[from] then return false; end
	seen[from] = true;
	for _, edge in ipairs(graph[from] or {}) do
		if leads_to(graph, edge.to, to, seen) then return true; end
	end
	return false;
end

local function find_circles(graph)
	for from, edges in pairs(graph) do
		for _, edge in ipairs(edges) do
			if edge.to ~= from and leads_to(graph, edge.to, from, {}) then
				report(edge, ("%s and %s need each other"):format(from, edge.to));
			end
		end
	end
end

local function add_edge(graph, from, edge)
	graph[from] = graph[from] or {};
	table.insert(graph[from], edge);
end

-- C: "folder/file.h" or, in the same folder, "file.h". A file and its header are one.

local INCLUDES = { '^%s*#%s*include%s+"([^"]+)"', "^%s*#%s*include%s+<([^>/]+)>" };

local function check_include(graph, folder, may, edge)
	local owner = OWNERS[edge.wanted];
	if owner and owner ~= folder then report(edge, ("only %s/ includes <%s>"):format(owner, edge.wanted)); end
	local other, name = edge.wanted:match("^(%w+)/([%w_]+)%.h$");
	if not other then other, name = folder, edge.wanted:match("^([%w_]+)%.h$"); end
	if not C_MAY[other] or not name then return; end
	if other ~= folder and not may[other] then report(edge, ("%s/ may not know %s/"):format(folder, other)); end
	edge.to = ("%s/%s"):format(other, name);
	add_edge(graph, edge.file:match("src/(.*)%.[ch]$"), edge);
end

local function check_c()
	local graph = {};
	for _, file in ipairs(list_files("mod_xmppdns/src -name '*.[ch]'")) do
		local folder = file:match("src/(%w+)/");
		if not C_MAY[folder] then
			report({ file = file, line = 1 }, "lies on no floor");
		else
			for _, edge in ipairs(list_edges(file, INCLUDES)) do check_include(graph, folder, set_of(C_MAY[folder]), edge); end
		end
	end
	find_circles(graph);
end

-- Lua

local function room_of(name)
	if name == "xmppdns.core" then return "core"; end
	if name == "xmppdns" then return "face"; end
	local inside = name:match("^xmppdns%.(.*)$");
	if inside then return inside:match("^(%w+)%.") or "lookups"; end
	return OF_PROSODY[name:match("^%w+")] and name:find(".", 1, true) and "Prosody" or nil;
end

local REQUIRES = { "require[%s,(]*\"([%w_.]+)\"" };

local function check_lua()
	local graph = {};
	for _, file in ipairs(list_files("lua mod_xmppdns -name '*.lua'")) do
		local name = file:match("^lua/(.*)%.lua$");
		name = name and name:gsub("/", ".");
		local room = name and room_of(name) or "plugin";
		local may = LUA_MAY[room];
		if not may then report({ file = file, line = 1 }, "lies in no room"); end
		for _, edge in ipairs(may and list_edges(file, REQUIRES) or {}) do
			local other = room_of(edge.wanted);
			if other and other ~= room and not set_of(may)[other] then report(edge, ("%s may not know %s (%s)"):format(room, other, edge.wanted)); end
			edge.to = edge.wanted;
			add_edge(graph, name or file, edge);
		end
	end
	find_circles(graph);
end

check_c();
check_lua();
table.sort(findings);
for _, finding in ipairs(findings) do print(finding); end
os.exit(findings[1] == nil and 0 or 1);
