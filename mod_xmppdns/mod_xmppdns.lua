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

local function get_check_settings()
	local settings = module:get_option("xmppdns") or module:get_option("unbound");
	if type(settings) ~= "table" then return settings; end
	local known = require "xmppdns.prosody.configuration".keep_known(settings);
	return require "xmppdns.prosody.autotrust".read(known, prosody.paths.data);
end

-- prosodyctl mod_xmppdns check: without a running server.
function module.command(arg)
	if table.remove(arg, 1) ~= "check" then
		print("Usage: prosodyctl mod_xmppdns check [OPTION...] [DOMAIN...]");
		return 2;
	end
	return require "xmppdns.check.command".main(arg, {
		settings = get_check_settings(), cafile = module:get_option("ssl", {}).cafile;
		configuration = require "xmppdns.prosody.configuration".check(require "core.configmanager".getconfig());
		program = "prosodyctl mod_xmppdns check";
	});
end

if prosody.process_type == "prosodyctl" then return; end -- its log is its standard output, and files are the server's to make

-- Options

local found, xmppdns = pcall(require, "xmppdns");
if not found then
	return refuse("Cannot load the xmppdns library: %s", one_line(xmppdns));
end

local autotrust = require "xmppdns.prosody.autotrust";
local configmanager = require "core.configmanager";
local configuration = require "xmppdns.prosody.configuration";
local rawget_option = configmanager.rawget;
local nameprep = require "util.encodings".stringprep.nameprep;

local policies = require "xmppdns.prosody.policy".new(rawget_option, nameprep, function (host, problem)
	module:log("error", "%s: %s; it does not count", host, problem);
end);

local settings; -- in force

-- Reads the options and puts them into force: true | nil, problem. Then nothing changed.
local function apply_options()
	local option = module:get_option("xmppdns") ~= nil and "xmppdns" or "unbound";
	local given = module:get_option(option, {});
	if type(given) ~= "table" then
		return nil, ("The option \"%s\" must be a table of settings, not %s"):format(option, type(given));
	end
	local problem = policies:check();
	if problem then return nil, problem; end
	local placed, trouble = autotrust.place(given, prosody.paths.data);
	if not placed then return nil, ("The option \"%s\": %s"):format(option, trouble); end
	local configured, err = xmppdns.configure(placed);
	if not configured then return nil, ("The option \"%s\": %s"):format(option, err.text); end
	settings = placed;
	policies:read();
	for _, finding in ipairs(configuration.find_misspelt(configmanager.getconfig())) do
		module:log("warn", "%s: %s; %s", finding.section, finding.text, finding.advice);
	end
	return true;
end

local applied, problem = apply_options();
if not applied then
	return refuse("%s", problem);
end

-- What people see of it

local checkup = require "xmppdns.prosody.checkup";
local logs = require "xmppdns.prosody.logging".new(function (...) module:log(...); end);
local metrics = require "xmppdns.prosody.metrics".new(module);

local function observe(resolver)
	function resolver.on_done(qname, rdtype, answer, err, seconds)
		metrics:count_lookup(rdtype, answer, err, seconds);
		logs:lookup(qname, rdtype, answer, err, seconds);
	end
end

local function check_health(resolver)
	if state.prevent_checkup then state.prevent_checkup(); end
	state.prevent_checkup = checkup.start(resolver, settings, function (...) module:log(...); end);
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
	observe(resolver);
	function resolver.on_error(failure)
		module:log("error", "A DNS callback failed: %s", failure);
	end
	function resolver.on_notice(notice)
		module:log("warn", "%s", notice);
	end
	function resolver.on_log(line)
		module:log(line:find("error:", 1, true) and "warn" or "debug", "libunbound: %s", line);
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

-- What applies between a host of ours and a remote domain

local outbound = require "xmppdns.prosody.outbound";

-- use_dane = false is Prosody's own way to do without it.
local function default_dane(resolver)
	if not outbound.is_capable or rawget_option("*", "use_dane") == false then return "off"; end
	return resolver:settings().dane;
end

local function get_policy(host, remote)
	local policy, resolver = policies:get(host, remote), get_resolver();
	policy.dane = policy.dane or resolver and default_dane(resolver);
	return policy;
end

-- Connections to other servers

local failover = require "xmppdns.prosody.failover";
local service = require "xmppdns.prosody.s2s_resolver";

state.failover = state.failover or failover.new(function (host, event, data)
	return prosody.hosts[host] and prosody.hosts[host].events.fire_event(event, data);
end);

local function log_end(ended)
	local plan = ended.plan;
	if not plan or plan.error or not plan.fruitful then
		module:log("info", "Cannot connect to %s: %s", ended.hostname, ended.last_error); -- the lookups' problems were warned of
		return;
	end
	for _, failure in ipairs(plan:failures()) do
		module:log("info", "Not used for %s: %s", ended.hostname, failure.text);
	end
end

local service_options = {
	get_resolver = get_resolver, policy = get_policy, on_end = log_end;
	from_host = function () return state.failover:get_from_host(); end;
	get_plan = function (...) return state.failover:get_plan(...); end;
	on_plan = function (...) state.failover:set_plan(...); end;
};

-- Connections from other servers

local automatic = require "xmppdns.resolver".AUTOMATIC;
local inbound = require "xmppdns.prosody.inbound";
local new_plan = require "xmppdns.plan.plan".new;

local function is_dane_required(session)
	return get_policy(session.to_host, session.from_host).dane == "required";
end

local inbound_options = { is_required = is_dane_required };

function inbound_options.get_plan(session)
	local policy = get_policy(session.to_host, session.from_host);
	if policy.dane == "off" then return nil; end
	local resolver, err = get_resolver();
	if not resolver then return nil, err; end
	local plan, failure = new_plan(resolver, session.from_host, policy, automatic);
	if plan and plan.dane == "off" then return nil; end
	return plan, failure;
end

-- Putting all in place

local restores, is_active = {}, false;

local function install()
	is_active = true;
	state.failover:start();
	restores[1] = require "xmppdns.prosody.adns".new(get_resolver).install(net_adns);
	local is_13 = require "core.features".available:contains("s2sout-pre-connect-event");
	restores[2] = require "xmppdns.prosody.shell".install(module, get_resolver, is_13);
	if is_13 then return; end
	restores[3] = service.replace_stock(require "net.resolvers.service", require "net.resolvers.chain", service_options);
end

local function restore()
	is_active = false;
	state.failover:stop();
	for i = #restores, 1, -1 do
		restores[i]();
		restores[i] = nil;
	end
end

-- { event, priority, handler }

local host_hooks = {
	{ "s2sout-created", -1, function (event) -- after mod_tls
		outbound.prepare(event.session);
		state.failover:on_created(event.session);
	end };
	{ "s2sout-pre-connect", 0, function (event) -- Prosody 13
		local session = event.session;
		event.resolver = service.from_stock(event.resolver, session.to_host, service_options, session.from_host) or event.resolver;
	end };
	{ "stanza/http://etherx.jabber.org/streams:features", 200, function (event) -- after mod_tls, before SASL and dialback
		return outbound.refuse_cleartext(event.origin);
	end };
	{ "s2sout-authenticate-legacy", 150, function (event) return outbound.refuse_cleartext(event.origin); end }; -- likewise
	{ "s2s-authenticated", 1000, function (event) return outbound.refuse_cleartext(event.session); end };
};

local server_hooks = {
	{ "s2s-check-certificate", 900, function (event)
		local verdict = outbound.check_tlsa(event);
		if verdict ~= nil then return verdict; end
		return inbound.check_certificate(event, inbound_options);
	end };
	{ "s2s-check-certificate", 700, inbound.show_certificate }; -- Prosody 13's DANE is at 800
	{ "s2s-check-certificate", 300, require "xmppdns.prosody.identity".check_targets }; -- mod_s2s_auth_certs is at 509
	{ "s2sout-established", 1, function (event) metrics:count_plan(state.failover:get_plan_of(event.session), true); end };
	{ "s2s-destroyed", 0, function (event) metrics:count_plan(state.failover:get_plan_of(event.session), false); end };
	{ "stats-update", 0, function () if state.watch then metrics:collect(state.watch.resolver); end end };
	{ "s2sout-established", 0, function (event) state.failover:on_established(event.session); end };
	{ "server-stopping", 1000, function () state.failover:stop(); end };
	{ "config-reloaded", 0, function ()
		local ok, bad = apply_options();
		if not ok then return module:log("error", "%s; the settings from before stay in force", bad); end
		if state.watch then check_health(state.watch.resolver); end
	end };
};

local function hook_all(context, hooks)
	for _, hook in ipairs(hooks) do
		context:hook(hook[1], function (event)
			if is_active then return hook[3](event); end
		end, hook[2]);
	end
end

-- Components too, on which no module is loaded for being enabled globally.
local hooked = {};

local function hook_host(host)
	if hooked[host] then return; end
	hooked[host] = true;
	hook_all(module:context(host), host_hooks);
end

for host in pairs(prosody.hosts) do hook_host(host); end
module:hook("host-activated", hook_host);
module:hook("host-deactivated", function (host) hooked[host] = nil; end);
hook_all(module, server_hooks);

local function start()
	local resolver, err = get_resolver();
	if not resolver then
		restore();
		return refuse("Cannot start the resolver: %s", err.text);
	end
	observe(resolver); -- it may have stayed over a reload
	log_start(resolver);
	check_health(resolver);
	if not outbound.is_capable then module:log("warn", "This LuaSec cannot compare TLSA records: DANE is off unless it is \"required\""); end
end

function module.unload()
	restore();
	if state.prevent_checkup then state.prevent_checkup(); end
	if not module.reloading then retire_watch(); end
end

install();
if prosody.start_time then
	start();
else
	module:hook("server-started", start); -- not before: Prosody may still fork
end
