-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- The setting autotrust = true: the root's keys are followed (RFC 5011) in a file of Prosody's data directory.

local anchors_of = require "xmppdns.trust.anchors";
local resolvers = require "xmppdns.resolver";

local copy = resolvers.copy;
local FILE = "xmppdns-root.key";

local function path_in(directory)
	return directory .. "/" .. FILE;
end

local function exists(path)
	local file = io.open(path, "rb");
	if file then file:close(); end
	return file ~= nil;
end

-- What would be trusted without autotrust: lines | nil, problem.
local function initial_anchors(settings)
	settings = copy(settings);
	settings.autotrust = nil;
	local resolver, err = resolvers.new(settings);
	if not resolver then return nil, err.text; end
	local lines = anchors_of.trusted_lines(anchors_of.read(resolver:settings(), os.time()));
	resolver:close();
	if not lines[1] then return nil, "autotrust needs keys to begin with: set trustfile or trusted"; end
	return lines;
end

local function write_file(path, lines)
	local file, problem = io.open(path, "wb");
	if not file then return nil, problem; end
	local written, failure = file:write(table.concat(lines, "\n"), "\n");
	local closed, failure_to_close = file:close();
	if not (written and closed) then
		os.remove(path);
		return nil, failure or failure_to_close;
	end
	return true;
end

-- The settings with the file's path in place of true, the file made from the other anchors when it is not there: settings | nil, problem.
-- From then on it alone counts, or a change of keys would never take an old one's trust away.
local function place(settings, directory)
	if settings.autotrust ~= true then return settings; end
	local path = path_in(directory);
	if not exists(path) then
		local lines, problem = initial_anchors(settings);
		if not lines then return nil, problem; end
		local written, failure = write_file(path, lines);
		if not written then return nil, "autotrust: " .. failure; end
	end
	local placed = copy(settings);
	placed.autotrust, placed.trusted, placed.trustfile = path, nil, nil;
	return placed;
end

-- The same for who only reads, beside a server that may be running: the keys that are trusted now.
local function read(settings, directory)
	if settings.autotrust ~= true then return settings; end
	local placed, path = copy(settings), path_in(directory);
	placed.autotrust = nil;
	if exists(path) then
		placed.trusted, placed.trustfile = anchors_of.trusted_lines(anchors_of.read({ autotrust = path }, os.time())), nil;
	end
	return placed;
end

return { place = place, read = read };
