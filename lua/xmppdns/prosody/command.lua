-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- prosodyctl mod_xmppdns check: the command xmppdns-check with what Prosody's configuration, and the server that runs from it, add to it.

local autotrust = require "xmppdns.prosody.autotrust";
local check = require "xmppdns.check.command";
local configuration = require "xmppdns.prosody.configuration";
local from_prosody = require "xmppdns.prosody.modules";
local home = require "xmppdns.prosody.home";
local keep_answers = require "xmppdns.prosody.keep_answers";
local negative_anchors = require "xmppdns.prosody.negative_anchors";
local running = require "xmppdns.prosody.running";

local configmanager = from_prosody "core.configmanager";

local PROGRAM = "prosodyctl mod_xmppdns check";

local function read_settings(data)
	local settings = configmanager.get("*", "xmppdns") or configmanager.get("*", "unbound") or {};
	if type(settings) ~= "table" then return settings; end
	local known = keep_answers.without(configuration.keep_known(settings));
	return negative_anchors.place(autotrust.place(known, data), configmanager.get("*", "xmppdns_remote"));
end

-- arguments: those after "check"; paths: of prosody.paths. Gives the exit status.
local function run(arguments, paths)
	local ssl = configmanager.get("*", "ssl");
	return check.main(arguments, {
		settings = read_settings(paths.data), cafile = type(ssl) == "table" and ssl.cafile or nil;
		configuration = configuration.check(configmanager.getconfig());
		ask_server = function () return running.ask(paths.data); end, plugin_paths = paths.plugins;
		list_hosts = home.list_hosts, find_certificate = home.find_certificate;
		program = PROGRAM;
	});
end

return { run = run };
