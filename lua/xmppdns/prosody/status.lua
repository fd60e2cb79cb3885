-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- What the plugin in a running server tells about itself to prosodyctl: plain tables and texts, which JSON can carry.

local anchors_of = require "xmppdns.trust.anchors";
local from_prosody = require "xmppdns.prosody.modules";
local visible = require "xmppdns.check.tree".visible;
local xmppdns = require "xmppdns";

local REMEMBERED = 5; -- failures

local OPTIONS = { "xmppdns", "xmppdns_remote", "unbound" };

-- Options

-- Adds every value of the table under its path: xmppdns.timeout = "5".
local function flatten(flat, path, value)
	if type(value) ~= "table" then
		flat[path] = type(value) == "string" and ("%q"):format(value) or tostring(value);
		return;
	end
	for key, inner in pairs(value) do
		flatten(flat, ("%s.%s"):format(path, tostring(key)), inner);
	end
end

-- This module's options in a configuration (of core.configmanager.getconfig()), each value as text: { ["xmppdns.timeout"] = "5" }, those of a
-- host after its name and a colon.
local function read_options(config)
	local flat = {};
	for host in pairs(config) do
		for _, option in ipairs(OPTIONS) do
			local value = rawget(config[host], option);
			if value ~= nil then flatten(flat, host == "*" and option or host .. ": " .. option, value); end
		end
	end
	return flat;
end

-- Failures

local failures_methods = {};
local failures_mt = { __index = failures_methods };

-- Of a lookup; the same text again only becomes younger.
function failures_methods:note(err)
	if err.code == "canceled" then return; end
	local text = visible(err);
	for place, known in ipairs(self) do
		if known.text == text then table.remove(self, place); break; end
	end
	table.insert(self, 1, { at = os.time(), text = text });
	self[REMEMBERED + 1] = nil;
end

-- The last ones, the youngest first: { at = seconds since 1970, text }.
local function new_failures()
	return setmetatable({}, failures_mt);
end

-- All

-- { { service, address, port } ... }: where the server listens.
local function list_ports()
	local list = {};
	for service, interfaces in pairs(from_prosody "core.portmanager".get_active_services().data) do
		for address, ports in pairs(interfaces) do
			for port in pairs(ports) do list[#list + 1] = { service = service, address = address, port = port }; end
		end
	end
	return list;
end

local function list_anchors(effective)
	local list = {};
	for i, anchor in ipairs(effective.dnssec ~= "off" and anchors_of.read(effective, os.time()) or {}) do
		list[i] = { zone = anchor.zone, kind = anchor.kind, tag = anchor.tag, state = anchor.state, verdict = anchor.verdict };
	end
	return list;
end

-- Adds to status what only the library knows. options: of read_options, when they came into force; resolver: nil before there is one.
local function describe(status, options, failures, resolver)
	status.version, status.options, status.ports = xmppdns.version(), options, list_ports();
	status.failures = {};
	for i, failure in ipairs(failures) do status.failures[i] = failure; end
	if not resolver then return; end
	local effective, stats = resolver:settings(), resolver:stats();
	status.servers, status.recursive, status.dnssec, status.dane = effective.servers, effective.recursive, effective.dnssec, effective.dane;
	status.insecure = effective.insecure;
	status.anchors, status.anchor_source = list_anchors(effective), effective.anchor_source;
	status.cache = { entries = stats.cache.entries, bytes = stats.cache.bytes };
	status.under_way = stats.in_flight + stats.waiting;
end

return { describe = describe, new_failures = new_failures, read_options = read_options };
