-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- Prosody's plugin: server-to-server connections and all other lookups of this server go through the validating resolver of xmppdns.

module:set_global();

local server = require "net.server";
local net_adns = require "net.adns";

-- Outlives a reload: watch (of the resolver in use), replace (see module.add_host).
local state = module:shared("state");

local function one_line(text)
	return (tostring(text):gsub("%s*\n%s*", "; "));
end

-- A resolver and the loop

local function is_idle(resolver)
	local stats = resolver:stats();
	return stats.waiting + stats.in_flight == 0;
end

-- Once its lookups are done.
local function close_if_idle(watch)
	if watch.resolver.closed then return; end
	repeat until watch.resolver:process() == 0;
	if not is_idle(watch.resolver) then return; end
	watch.conn:close();
	watch.resolver:close();
	watch.on_close(watch.resolver);
end

local function watch_resolver(resolver, on_close)
	local watch = { resolver = resolver, on_close = on_close };
	watch.conn = server.watchfd(resolver:getfd(), function ()
		resolver:process();
		if watch.is_retired then close_if_idle(watch); end
	end);
	return watch;
end

-- Its lookups under way still end as they would have.
local function retire_watch()
	local watch = state.watch;
	if not watch then return; end
	state.watch = nil;
	watch.is_retired = true;
	close_if_idle(watch);
end

local function refuse(message, ...)
	module:log("error", message.."; Prosody goes on with its own resolver", ...);
	retire_watch();
end

-- prosodyctl mod_xmppdns check: without a running server, and also where the rest of this file gives up.
function module.command(arg)
	if table.remove(arg, 1) ~= "check" then
		print("Usage: prosodyctl mod_xmppdns check [OPTION...] [DOMAIN...]");
		return 2;
	end
	return require "xmppdns.check".main(arg, {
		settings = module:get_option("xmppdns") or module:get_option("unbound"), cafile = module:get_option("ssl", {}).cafile;
		program = "prosodyctl mod_xmppdns check";
	});
end

-- Options

local found, xmppdns = pcall(require, "xmppdns");
if not found then
	return refuse("Cannot load the xmppdns library: %s", one_line(xmppdns));
end

local option = module:get_option("xmppdns") ~= nil and "xmppdns" or "unbound";
local settings = module:get_option(option, {});
if type(settings) ~= "table" then
	return refuse("The option \"%s\" must be a table of settings, not %s", option, type(settings));
end

local configured, problem = xmppdns.configure(settings);
if not configured then
	return refuse("The option \"%s\": %s", option, problem.text);
end

if module:get_option_boolean("use_dane", false) then
	module:log("warn", "use_dane is set, but server-to-server connections through mod_xmppdns do not use DANE yet");
end

-- The resolver in use

-- A closed resolver must not stay this thread's.
local function forget_resolver(resolver)
	if xmppdns.get_resolver() == resolver then
		xmppdns.reconfigure_resolver();
	end
end

local function adopt_resolver(resolver)
	retire_watch();
	state.watch = watch_resolver(resolver, forget_resolver);
	function resolver.on_error(failure)
		module:log("error", "A DNS callback failed: %s", failure);
	end
end

local function get_resolver()
	local resolver, err = xmppdns.get_resolver();
	if resolver and not (state.watch and state.watch.resolver == resolver) then
		adopt_resolver(resolver);
	end
	return resolver, err;
end

local function describe_upstream(effective)
	if effective.recursive then return "asking from the root"; end
	return "asking "..table.concat(effective.servers, ", ");
end

local function log_start(resolver)
	local effective = resolver:settings();
	local anchors = effective.dnssec == "off" and "none" or effective.anchor_source;
	module:log("info", "DNS through libunbound %s, %s; DNSSEC %s, trust anchors: %s",
		xmppdns.version().libunbound, describe_upstream(effective), effective.dnssec, anchors or "none");
	for _, warning in ipairs(effective.warnings) do
		module:log("warn", "%s", warning);
	end
end

-- Connections to other servers

local service = require "xmppdns.service";

local function log_end(ended)
	local plan = ended.plan;
	if not plan or plan.error or not plan.fruitful then
		local is_bogus = plan and plan.error and plan.error.code == "bogus";
		module:log(is_bogus and "warn" or "info", "Cannot connect to %s: %s", ended.hostname, ended.last_error);
		return;
	end
	for _, failure in ipairs(plan:failures()) do
		module:log("info", "Not used for %s: %s", ended.hostname, failure.text);
	end
end

local service_options = { get_resolver = get_resolver, on_end = log_end };

function state.replace(event)
	event.resolver = service.from_stock(event.resolver, event.session.to_host, service_options) or event.resolver;
end

-- Putting all in place

local restores = {};

local function install()
	restores[1] = require "xmppdns.adns".new(get_resolver).install(net_adns);
	if require "core.features".available:contains("s2sout-pre-connect-event") then return; end
	restores[2] = service.replace_stock(require "net.resolvers.service", require "net.resolvers.chain", service_options);
end

local function restore()
	state.replace = nil;
	for i = #restores, 1, -1 do
		restores[i]();
		restores[i] = nil;
	end
end

-- Prosody 13. Through state, because a host's hook stays when only the global part is reloaded.
function module.add_host(host_module)
	host_module:hook("s2sout-pre-connect", function (event)
		if state.replace then state.replace(event); end
	end);
end

local function start()
	local resolver, err = get_resolver();
	if not resolver then
		restore();
		return refuse("Cannot start the resolver: %s", err.text);
	end
	log_start(resolver);
end

function module.unload()
	restore();
	if not module.reloading then retire_watch(); end
end

install();
if prosody.start_time then
	start();
else
	module:hook("server-started", start); -- not before: Prosody may still fork
end
