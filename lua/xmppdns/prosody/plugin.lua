-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- The plugin while it serves: this server's connections, like all its other lookups, go through the validating resolver.

local adns = require "xmppdns.prosody.adns";
local anchors_of = require "xmppdns.trust.anchors";
local automatic = require "xmppdns.resolver".AUTOMATIC;
local autotrust = require "xmppdns.prosody.autotrust";
local capabilities = require "xmppdns.prosody.capabilities";
local checkup = require "xmppdns.prosody.checkup";
local configuration = require "xmppdns.prosody.configuration";
local dial_012 = require "xmppdns.prosody.dial_012";
local failover = require "xmppdns.prosody.failover";
local failed_peers = require "xmppdns.prosody.failed_peers";
local from_prosody = require "xmppdns.prosody.modules";
local gate = require "xmppdns.prosody.gate";
local inbound = require "xmppdns.prosody.inbound";
local keep_answers = require "xmppdns.prosody.keep_answers";
local logging = require "xmppdns.prosody.logging";
local metrics = require "xmppdns.prosody.metrics";
local negative_anchors = require "xmppdns.prosody.negative_anchors";
local now = require "xmppdns.core".now;
local new_plan = require "xmppdns.plan.plan".new;
local outbound = require "xmppdns.prosody.outbound";
local peers = require "xmppdns.prosody.peers";
local policy = require "xmppdns.prosody.policy";
local remembered = require "xmppdns.prosody.remembered";
local s2s_resolver = require "xmppdns.prosody.s2s_resolver";
local shell = require "xmppdns.prosody.shell";
local status = require "xmppdns.prosody.status";
local trust_store = require "xmppdns.prosody.trust_store";
local verdict = require "xmppdns.prosody.verdict";
local waiter = require "xmppdns.prosody.waiter";
local watch = require "xmppdns.prosody.watch";
local xmppdns = require "xmppdns";

local configmanager = from_prosody "core.configmanager";

local plugin_methods = {};
local plugin_mt = { __index = plugin_methods, __name = "xmppdns.prosody.plugin" };

-- Options

-- The settings of the library that the operator's mean here, or nil, problem.
local function place_settings(self, given)
	local data = self.prosody.paths.data;
	local kept, problem = keep_answers.place(autotrust.place(given, data), data);
	if not kept then return nil, problem; end
	return negative_anchors.place(kept, configmanager.rawget("*", "xmppdns_remote"));
end

-- Reads the options and puts them into force: true | nil, problem. Then nothing changed.
local function apply_options(self)
	local option = self.module:get_option("xmppdns") ~= nil and "xmppdns" or "unbound";
	local given = self.module:get_option(option, {});
	if type(given) ~= "table" then
		return nil, ("The option \"%s\" must be a table of settings, not %s"):format(option, type(given));
	end
	local problem = self.policies:check();
	if problem then return nil, problem; end
	local placed, err = place_settings(self, given);
	local configured;
	if placed then configured, err = xmppdns.configure(placed); end
	if not configured then return nil, ("The option \"%s\": %s"):format(option, type(err) == "table" and err.text or err); end
	self.settings = placed;
	self.policies:read();
	self.options = status.read_options(configmanager.getconfig());
	for _, finding in ipairs(configuration.find_ineffective(configmanager.getconfig())) do
		self.log("warn", "%s: %s; %s", finding.section, finding.text, finding.advice);
	end
	return true;
end

-- The resolver in use

local function observe(self, resolver)
	function resolver.on_done(qname, rdtype, answer, err, seconds)
		self.metrics:count_lookup(rdtype, answer, err, seconds);
		self.metrics:collect_soon(resolver);
		self.logs:lookup(resolver, qname, rdtype, answer, err, seconds);
		if err then self.failures:note(err); end
	end
	function resolver.on_error(failure)
		self.log("error", "A DNS callback failed: %s", failure);
	end
	function resolver.on_notice(notice)
		self.log("warn", "%s", notice);
	end
	function resolver.on_log(line) self.logs:libunbound(line); end
end

local function check_health(self, resolver)
	local state = self.state;
	if state.prevent_checkup then state.prevent_checkup(); end
	state.prevent_checkup = checkup.start(resolver, self.settings, self.log);
end

local function retire_watch(self)
	local state = self.state;
	local retired = state.watch;
	state.watch = nil;
	if retired then retired:retire(); end
end

-- A closed resolver must not stay this thread's.
local function forget_resolver(resolver)
	if xmppdns.get_resolver() == resolver then
		xmppdns.reconfigure_resolver();
	end
end

-- resolver | nil, err
local function get_resolver(self)
	local resolver, err = xmppdns.get_resolver();
	if not resolver then return nil, err; end
	local watched = self.state.watch;
	if watched and watched.resolver == resolver then
		watched:refresh();
	else
		retire_watch(self);
		self.state.watch = watch.new(resolver, forget_resolver);
		observe(self, resolver);
	end
	return resolver;
end

local function get_trust(self)
	local resolver = get_resolver(self);
	return resolver and resolver:trust_epoch();
end

local function describe_upstream(effective)
	if effective.recursive then return "asking from the root"; end
	return "asking "..table.concat(effective.servers, ", ");
end

local function describe_insecure(effective)
	return effective.insecure[1] and "; insecure by your setting: "..table.concat(effective.insecure, ", ") or "";
end

local function log_start(self, resolver)
	local effective = resolver:settings();
	local anchors = effective.dnssec == "off" and "none"
		or ("%s (%s)"):format(effective.anchor_source, anchors_of.describe(anchors_of.read(effective, os.time())));
	self.log("info", "DNS through libunbound %s, %s; DNSSEC %s, trust anchors: %s%s",
		xmppdns.version().libunbound, describe_upstream(effective), effective.dnssec, anchors, describe_insecure(effective));
	for _, warning in ipairs(effective.warnings) do
		self.log("warn", "%s", warning);
	end
end

-- What applies between a host of ours and a remote domain

-- use_dane = false is Prosody's own way to do without it, whatever our options say.
local function has_no_dane()
	return configmanager.rawget("*", "use_dane") == false;
end

-- "required" stays so without a LuaSec that can do it: then nothing is proven.
local function choose_dane(level)
	if has_no_dane() or level == "opportunistic" and not outbound.is_capable then return "off"; end
	return level;
end

-- As in force: nothing is left to defaults.
local function get_policy(self, host, remote)
	local found, resolver = self.policies:get(host, remote), get_resolver(self);
	if not resolver then return found; end
	local effective = resolver:plan_settings();
	found.dnssec = found.dnssec or effective.dnssec;
	found.dane = choose_dane(found.dane or effective.dane);
	if found.dnssec == "off" and found.dane ~= "required" then found.dane = "off"; end
	return found;
end

-- Connections to other servers

local function new_failover(prosody)
	return failover.new(function (event)
		event.origin = prosody.hosts[event.from_host];
		return event.origin and event.origin.events.fire_event("route/remote", event);
	end, function (event)
		prosody.hosts[event.from_host].modules.s2s.route_to_new_session(event);
	end);
end

local function new_outgoing(self)
	return {
		get_resolver = function () return get_resolver(self); end;
		policy = function (...) return get_policy(self, ...); end;
		on_end = function (ended) self.logs:ending(ended.hostname, ended.plan, ended.last_error); end;
		get_session = function () return self.failover:get_session(); end;
		get_plan = function (...) return self.failover:get_plan(...); end;
		on_plan = function (plan, ...)
			self.logs:begin(plan);
			self.failover:set_plan(plan, ...);
		end;
	};
end

-- What other servers must prove

-- The plan for a domain that a peer speaks for, or nil, err.
local function new_incoming_plan(self, remote, found)
	local resolver, err = get_resolver(self);
	if not resolver then return nil, err; end
	return new_plan(resolver, remote, found, automatic);
end

local function new_incoming(self)
	local store = trust_store.new(configmanager.get);
	return {
		get_plan = function (...) return new_incoming_plan(self, ...); end;
		list_trusted = function (session) return store:list(session.host); end;
		remembered = self.state.remembered, get_trust = function () return get_trust(self); end;
		get_stale_ttl = function () return get_resolver(self):plan_settings().stale_ttl; end;
	};
end

local function find_verdict(self, session, host, remote)
	local found = get_policy(self, host, remote);
	if found.trouble then return verdict.refuse_for(found.trouble); end
	if session.direction == "outgoing" and session.from_host == host then return outbound.judge(session, found); end
	local began = now();
	local judged = inbound.judge(session, remote, found, self.incoming);
	judged.is_told = judged.failure and self.logs:has_told(judged.failure, began);
	return judged;
end

local function judge(self, session, host, remote)
	local judged = find_verdict(self, session, host, remote);
	if judged.state == "refused" and not session.destroyed then
		self.state.failed_peers:refuse(session, host, remote, judged.reason);
		judged.is_told = judged.is_told or not self.logs:may_warn(("refused %s: %s"):format(remote, judged.reason));
	elseif session.proven then -- and judged once more
		peers.mark(session, host, remote, judged);
	end
	return judged;
end

local function list_peers(self)
	return peers.list({
		prosody = self.prosody, sessions = self.module:shared("/*/s2s/sessions"), verdicts = self.verdicts, failed = self.state.failed_peers;
	});
end

-- For prosodyctl mod_xmppdns peers.
local function tell_peers(self, event)
	local text = from_prosody "util.json".encode({ peers = list_peers(self) });
	event.origin.send(from_prosody "util.stanza".stanza("xmppdns-peers"):text(text));
	return true;
end

-- Hooks: { event, priority, handler(self, event), is_constant }; gate says what is constant

local host_hooks = {
	{ "s2sout-created", -1, function (self, event) -- after mod_tls
		outbound.prepare(event.session);
		self.failover:on_created(event.session);
	end };
	{ "s2sout-pre-connect", 1000000, function (self, event) -- Prosody 0.12.4 and later. Who comes next may choose otherwise
		local session = event.session;
		event.resolver = s2s_resolver.from_stock(event.resolver, session.to_host, self.outgoing, session.from_host) or event.resolver;
	end };
	{ "route/remote", -9, function (self, event) -- mod_s2s takes a session that there is at -1, and opens one at -10
		self.state.failed_peers:route(event.from_host, event.to_host, event.stanza);
	end };
};

-- Not every Lua closes the resolver when the process ends.
local function save_answers(self)
	if not self.state.watch then return; end
	local saved, err = self.state.watch.resolver:save();
	if not saved then self.log("warn", "%s", err.text); end
end

local server_hooks = {
	{ "s2sout-established", 1, function (self, event) self.metrics:count_plan(self.failover:get_plan_of(event.session), true); end };
	{ "s2s-destroyed", 0, function (self, event)
		local plan = self.failover:get_plan_of(event.session);
		self.metrics:count_plan(plan, false);
		self.state.failed_peers:finish(event.session, plan, event.reason);
	end };
	{ "s2sout-established", -1, function (self, event) peers.mark_established(event.session, self.verdicts); end };
	{ "s2sin-established", -1, function (self, event) peers.mark_established(event.session, self.verdicts); end };
	{ "admin/xmppdns-peers", 0, tell_peers, true };
	{ "stats-update", 0, function (self) if self.state.watch then self.metrics:collect(self.state.watch.resolver); end end };
	{ "s2sout-established", 0, function (self, event) self.failover:on_established(event.session); end };
	{ "server-stopping", 1000, function (self) self.failover:stop(); end };
	{ "server-cleanup", 0, function (self) save_answers(self); end };
};

local function hook_all(self, context, hooks)
	for _, hook in ipairs(hooks) do
		context:hook(hook[1], function (event)
			if self.is_active or hook[4] then return hook[3](self, event); end
		end, hook[2]);
	end
end

-- Components too, on which no module is loaded for being enabled globally.
local function hook_host(self, host)
	if self.hooked[host] then return; end
	self.hooked[host] = true;
	self.policies:read_host(host);
	hook_all(self, self.module:context(host), host_hooks);
	hook_all(self, self.module:context(host), gate.of_host);
end

local function hook_everything(self)
	for host in pairs(self.prosody.hosts) do hook_host(self, host); end
	self.module:hook("host-activated", function (host) hook_host(self, host); end);
	self.module:hook("host-deactivated", function (host) self.hooked[host] = nil; end);
	hook_all(self, self.module, server_hooks);
	hook_all(self, self.module, gate.of_server);
end

-- Putting all in place

local function install(self)
	local function resolver_of_now() return get_resolver(self); end
	self.is_active = true;
	self.failover:start();
	self.restores[1] = adns.new(resolver_of_now).install(from_prosody "net.adns");
	self.restores[2] = shell.install(self.module, { resolver = resolver_of_now, peers = function () return list_peers(self); end });
	self.restores[3] = waiter.install(xmppdns);
	self.outgoing.unreachable = not capabilities.connects_side_by_side() and dial_012.new_memory() or nil;
	if capabilities.has_pre_connect() then return; end
	self.restores[4] = s2s_resolver.replace_stock(from_prosody "net.resolvers.service", from_prosody "net.resolvers.chain", self.outgoing);
end

local function restore(self)
	self.is_active = false;
	self.failover:stop();
	for i = #self.restores, 1, -1 do
		self.restores[i]();
		self.restores[i] = nil;
	end
end

-- Takes the options, and all lookups and connections from now on: true | nil, problem. Then nothing changed.
function plugin_methods:start()
	local applied, problem = apply_options(self);
	if not applied then return nil, problem; end
	install(self);
	return true;
end

-- Once the server has started, for Prosody may fork before: makes the resolver. true | nil, problem. Then all is as before start.
function plugin_methods:run()
	local resolver, err = get_resolver(self);
	if not resolver then
		restore(self);
		return nil, "Cannot start the resolver: "..err.text;
	end
	observe(self, resolver); -- it may have stayed over a reload
	log_start(self, resolver);
	check_health(self, resolver);
	if has_no_dane() then self.log("info", "use_dane = false: DANE is off, whatever other options say"); end
	if not outbound.is_capable then
		self.log("warn", "This LuaSec cannot compare TLSA records: DANE is off, and where it is \"required\", connections to other servers are refused");
	end
	return true;
end

-- Changed options: true | nil, problem. Then those from before stay in force.
function plugin_methods:reload()
	local applied, problem = apply_options(self);
	if not applied then return nil, problem; end
	self.verdicts:renew();
	if self.state.watch then check_health(self, self.state.watch.resolver); end
	return true;
end

-- Adds to found what prosodyctl is told about it (see xmppdns.prosody.status).
function plugin_methods:describe(found)
	status.describe(found, self.options, self.failures, self.state.watch and self.state.watch.resolver);
end

-- Gives everything back. is_reloading: who comes next goes on with the resolver.
function plugin_methods:stop(is_reloading)
	restore(self);
	if self.state.prevent_checkup then self.state.prevent_checkup(); end
	if not is_reloading then retire_watch(self); end
end

-- What is wrong with options of a host, or harmless in those above all.
local function report_problem(self, host, problem)
	local place = host == "*" and "The global section" or host;
	if problem.is_harmless then return self.log("warn", "%s: %s; %s", place, problem.text, problem.advice); end
	self.log("error", "%s: %s; %s", place, problem.text, problem.is_strict and "connections are refused until it is mended" or "it does not count");
end

-- module, prosody: as a plugin has them; state: a table that outlives a reload.
local function new(module, prosody, state)
	local self = setmetatable({ module = module, prosody = prosody, state = state, hooked = {}, restores = {}, is_active = false }, plugin_mt);
	function self.log(...) module:log(...); end
	self.policies = policy.new(configmanager.rawget, function (host, problem) report_problem(self, host, problem); end);
	self.logs, self.metrics = logging.new(self.log), metrics.new(module);
	state.remembered = state.remembered or remembered.new();
	state.failed_peers = state.failed_peers or failed_peers.new();
	self.failures = status.new_failures();
	self.outgoing, self.incoming = new_outgoing(self), new_incoming(self);
	state.verdicts = state.verdicts or setmetatable({}, { __mode = "k" });
	self.verdicts = verdict.new(state.verdicts, function (...) return judge(self, ...); end, function () return get_trust(self); end);
	state.failover = state.failover or new_failover(prosody);
	self.failover = state.failover;
	hook_everything(self);
	return self;
end

return { new = new };
