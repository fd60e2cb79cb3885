-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- The real command on a terminal of 80 columns: what it shows while it waits, when it is interrupted, and how wide its lines are.

local measure = require "xmppdns.check.fold".measure;
local process = require "spec.support.process";
local socket = require "socket";
local zones = require "spec.support.zones";

local lua = rawget(_G, "jit") and "luajit" or "lua" .. _VERSION:match("%d%.%d");
local root = process.run({ "pwd" }):gsub("\n", "");

local dead, dead_server, dns, directory; -- dead: a socket to which all may send, and which answers nobody

local COMMAND = [[
stty cols 80 rows 24
unset COLUMNS NO_COLOR
export LUA_PATH='%s' LUA_CPATH='%s' LC_ALL=%s
sh -c 'echo $$ >pid; exec %s %s'
echo $? >status.new
mv status.new status
]];

-- A run of the command, or of another one, on a terminal: its process, whose field typescript is the file with what the terminal got.
local function start(arguments, locale, command)
	for _, name in ipairs({ "pid", "status" }) do os.remove(directory .. "/" .. name); end
	local script = process.write(directory .. "/run.sh", COMMAND:format(package.path:gsub("%./", root .. "/"), package.cpath:gsub("%./", root .. "/"),
		locale or "C.UTF-8", command or ("%s %s/mod_xmppdns/xmppdns-check"):format(lua, root), arguments));
	local typescript = directory .. "/typescript";
	os.remove(typescript);
	local run = process.start({ "script", "-qfc", "sh " .. script, typescript }, { cwd = directory });
	run.typescript = typescript;
	return run;
end

-- What the terminal got; script adds lines of its own.
local function read(run)
	return ((process.read(run.typescript) or ""):gsub("^Script started[^\n]*\n", ""):gsub("\nScript done[^\n]*\n$", ""));
end

local function finish(run)
	local status = process.wait_until(function () return process.read(directory .. "/status"); end);
	process.wait_until(function () return not run:alive(); end);
	run:stop();
	return read(run), tonumber(status);
end

setup(function ()
	directory = process.directory("screen");
	dead = socket.udp();
	local address = process.free_address();
	dead:setsockname(address, 0);
	dead_server = ("%s@%d"):format(address, (select(2, dead:getsockname())));
	dns = zones.serve({ ["a-rather-long-label-of-a-domain.example"] = {
		records = "_xmpp-server._tcp SRV 0 0 5269 a-rather-long-label-of-a-host\na-rather-long-label-of-a-host A 127.0.0.1", fault = "signature";
	} });
end);
teardown(function ()
	dead:close();
	dns:stop();
end);

describe("xmppdns-check on a terminal", function ()
	it("shows after a second what it is waiting for, and leaves nothing of it when it is interrupted; status 130", function ()
		local run = start("--forward " .. dead_server .. " --trustfile " .. dns.anchors .. " --timeout 60 a.example b.example");
		process.wait_until(function () return read(run):find("waiting for", 1, true); end);
		assert.matches("\r\27[K" .. "waiting for answers about the root's keys from " .. dead_server .. ", ", read(run), 1, true);
		process.run({ "kill", "-INT", (process.read(directory .. "/pid"):gsub("\n", "")) });
		local screen, status = finish(run);
		assert.equal(130, status);
		assert.equal("\r\27[K", screen:sub(-4));
		assert.not_matches("traceback", screen, 1, true);
	end);

	it("does so as prosodyctl's command, too", function ()
		local config = process.write(directory .. "/prosody.cfg.lua", ("run_as_root = true\ndata_path = %q\nplugin_paths = { %q }\n"):format(directory,
			root .. "/mod_xmppdns"));
		local run = start("--forward " .. dead_server .. " --trustfile " .. dns.anchors .. " --timeout 60 a.example b.example", nil,
			("prosodyctl --config %s mod_xmppdns check"):format(config));
		process.wait_until(function () return read(run):find("waiting for", 1, true); end);
		process.run({ "kill", "-INT", (process.read(directory .. "/pid"):gsub("\n", "")) });
		local screen, status = finish(run);
		assert.equal(130, status);
		assert.equal("\r\27[K", screen:sub(-4));
	end);

	it("draws no line that is wider than the terminal, whatever libunbound's reasons", function ()
		local screen = finish(start("--chain --forward " .. dns.forward .. " --trustfile " .. dns.anchors .. " a-rather-long-label-of-a-domain.example"));
		local lines = 0;
		for line in screen:gsub("[^\n]*\r\27%[K", ""):gmatch("[^\r\n]+") do
			assert.is_true(measure(line) <= 80, line);
			lines = lines + 1;
		end
		assert.is_true(lines > 8);
		assert.matches("\27[31munreachable\27[0m", screen, 1, true);
	end);

	it("is plain ASCII in the locale C, and without colours when told so", function ()
		local screen = finish(start("--colour never --forward " .. dns.forward .. " --trustfile " .. dns.anchors .. " bücher.example", "C"));
		assert.is_nil(screen:gsub("[^\n]*\r\27%[K", ""):find("[\27\128-\255]"));
		assert.matches("b\\195\\188cher.example (xn--bcher-kva.example): does not exist", screen, 1, true);
	end);

	it("has help that fits a screen of 24 lines of 80 characters", function ()
		local screen = finish(start("--help"));
		assert.is_true(select(2, screen:gsub("\n", "")) <= 23);
		for line in screen:gmatch("[^\r\n]+") do assert.is_true(#line <= 80, line); end
	end);
end);
