-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- After a restart: a Prosody has a message for each of so many domains (STORM=5000, 1,000 by default), all of which another Prosody serves.
-- Both ends have the same certificate, over TLS; it matches by DANE and by its name.

local goals = require "spec.bench.goals";
local process = require "spec.support.process";
local prosody = require "spec.support.prosody";
local socket = require "socket";
local zones = require "spec.bench.zones";

local load_text = loadstring or load; -- luacheck: ignore 113

local COUNT = tonumber(os.getenv("STORM") or "") or 1000;
local LONGEST = 100 + COUNT / 10; -- seconds for one storm

-- options: address and port, module of the resolver, more lines of configuration.
local function start_server(setup, name, options)
	local host, certificates = name .. ".bench", process.directory(name .. "/certificates");
	for _, ending in ipairs({ ".crt", ".key" }) do
		process.write(certificates .. "/" .. host .. ending, process.read(setup.wildcard .. ending));
	end
	local directory = process.directory(name);
	os.remove(directory .. "/figures"); -- of the storm before
	local config = [[
log = { info = "%s/prosody.log" }
network_settings = { tcp_backlog = 4096 }
storm_output = "%s/figures"
]];
	local server = prosody.start({
		name = name, hosts = { [host] = host }, authority = { file = setup.wildcard .. ".crt" };
		address = options.address, s2s_ports = options.port and { options.port };
		modules = { "storm", options.module }, no_shell = true, config = config:format(directory, directory) .. options.config;
	});
	server.figures = directory .. "/figures";
	return server;
end

local function start_far(setup)
	local config = ("interfaces = { %q, \"::1\" }\n"):format(zones.FAR);
	return start_server(setup, "far", { address = zones.FAR, port = zones.PORT, config = config });
end

-- module: that of the resolver, nil: stock.
local function start_near(setup, module)
	os.remove(process.directory("near") .. "/go");
	return start_server(setup, "near", { module = module, config = ([[
use_dane = true
%s = { forward = %q, trustfile = %q, resolvconf = false }
storm_count = %d
storm_go = "%s/go"
]]):format(module or "unbound", setup.forward, setup.anchors, COUNT, process.directory("near")) });
end

local function read_figures(server)
	local text = process.read(server.figures);
	return text and assert(load_text("return " .. text))();
end

-- KB that the server had at most.
local function read_memory(server)
	return tonumber(process.read(("/proc/%d/status"):format(server.process.pid)):match("VmHWM:%s+(%d+)"));
end

-- As an administrator does: it takes the time that it needs. (The receiver's end concerns nobody.)
local function stop(server)
	server.process:signal("TERM");
	assert(process.wait_until(function () return not server.process:alive(); end, LONGEST), "Prosody does not end: " .. server:log():sub(-300));
	server:stop();
end

-- Waits until each message has arrived or come back: what both have counted.
local function wait_for_end(near, far)
	local sent, arrived;
	process.wait_until(function ()
		socket.sleep(0.05);
		assert(near.process:alive() and far.process:alive(), "a Prosody has ended");
		sent, arrived = read_figures(near), read_figures(far);
		return sent and arrived and sent.bounced + arrived.arrived >= COUNT;
	end, LONGEST);
	return sent, arrived;
end

-- One storm, with a fresh receiver: { seconds until the last message, seconds of the loop's processor time, lost messages, pause and late in ms, MB }
local function storm(setup, module)
	local far, near = start_far(setup), start_near(setup, module);
	local cpu = near.process:cpu();
	process.write(process.directory("near") .. "/go", "");
	local sent, arrived = wait_for_end(near, far);
	local result = {
		time = arrived.last - sent.started, cpu = near.process:cpu() - cpu, lost = COUNT - arrived.arrived, memory = read_memory(near) / 1024;
		pause = sent.pause * 1e3, late = sent.late * 1e3;
	};
	stop(near);
	far:stop();
	return result;
end

local sides = {};

function sides.ours(setup)
	local result, again = storm(setup, "xmppdns"), storm(setup, "xmppdns");
	for field, value in pairs(again) do result["again" .. field] = value; end
	process.stop_all();
	return result;
end

function sides.stock(setup)
	local result = storm(setup);
	process.stop_all();
	return result;
end

local function name(text)
	return text:format(COUNT >= 1000 and ("%d,%03d"):format(COUNT // 1000, COUNT % 1000) or COUNT);
end

return {
	sides = sides, order = { "ours", "stock" }, most_rounds = 3, seconds = 60 * COUNT / 1000, longest = 3 * LONGEST;
	rows = {
		goals.faster(name "storm with connections, %s domains: last message", "ours.time", "stock.time", "s", 1);
		goals.faster("the same, answers kept over the restart", "ours.againtime", "stock.time", "s", 1);
		goals.limit("the same: messages lost", "ours.lost", "stock.lost", "messages", 0);
		goals.within("the same: sender's loop, processor time", "ours.cpu", "stock.cpu", "s", 1.1);
		goals.within("the same: longest call in the sender's loop", "ours.pause", "stock.pause", "ms", 1);
		goals.within("the same: longest until its timers' turn", "ours.late", "stock.late", "ms", 1);
		goals.within("the same: sender's memory", "ours.memory", "stock.memory", "MB", 1.1);
	};
};
