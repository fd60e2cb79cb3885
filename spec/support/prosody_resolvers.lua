-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- The installed Prosody's own net.resolvers, as mod_s2s makes them: service(hostname, service, extra), basic(hostname, port, extra), chain(parts).

local prosody_util = require "spec.support.prosody_util";

for _, name in ipairs({ "net", "encodings", "promise", "table" }) do prosody_util(name); end

local function load_resolver(name)
	local path, adns = package.path, package.loaded["net.adns"];
	package.path = "/usr/lib/prosody/?.lua;" .. path;
	package.loaded["net.adns"] = adns or {}; -- they look nothing up here
	package.loaded["prosody.net.adns"] = package.loaded["net.adns"];
	package.loaded["prosody.net.resolvers.basic"] = package.loaded["net.resolvers.basic"];
	local resolver = require("net.resolvers." .. name);
	package.path, package.loaded["net.adns"], package.loaded["prosody.net.adns"] = path, adns, adns;
	return resolver;
end

local basic, service, chain = load_resolver("basic"), load_resolver("service"), load_resolver("chain");

return {
	service = function (hostname, name, extra) return service.new(hostname, name, "tcp", extra or {}); end;
	basic = function (hostname, port, extra) return basic.new(hostname, port, "tcp", extra or {}); end;
	chain = chain.new;
};
