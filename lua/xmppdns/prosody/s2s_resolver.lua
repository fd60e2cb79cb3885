-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- A connection plan in the shape of Prosody's net.resolvers.service, for net.connect to dial.

local from_prosody = require "xmppdns.prosody.modules";
local automatic = require "xmppdns.resolver".AUTOMATIC;
local core = require "xmppdns.core";
local dial_012 = require "xmppdns.prosody.dial_012";
local dial_13 = require "xmppdns.prosody.dial_13";
local new_plan = require "xmppdns.plan.plan".new;
local prosody_idna_to_ascii = from_prosody "util.encodings".idna.to_ascii;
local services = require "xmppdns.plan.services";

local resolver_methods = {};
local resolver_mt = { __index = resolver_methods, __name = "xmppdns.prosody.s2s_resolver" };

-- Without a policy, Prosody's use_dane counts: TLS contexts made without it cannot check TLSA records.
local function plan_options(self, policy)
	local extra = self.extras["xmpp-server"] or self.extras["xmpps-server"];
	return {
		default_port = self.extras["xmpp-server"] and extra.default_port or false;
		use_ipv4 = extra.use_ipv4;
		use_ipv6 = extra.use_ipv6;
		has_route = self.options.has_route or core.has_route;
		dnssec = policy.dnssec;
		dane = policy.dane or not extra.use_dane and "off" or nil;
		endpoint = policy.endpoint;
	};
end

-- A name that Prosody spells otherwise would not be the name that its certificates and streams are about (R37).
local function check_name(plan, hostname)
	if plan.is_address then return plan; end
	local ascii = prosody_idna_to_ascii(hostname);
	if ascii and ascii:lower():gsub("%.$", "") == plan.domain then return plan; end
	return nil, ("%s is not a domain name"):format(hostname);
end

local function make_plan(self)
	local resolver, err = self.options.get_resolver();
	if not resolver then return nil, tostring(err); end
	local policy = self.options.policy and self.options.policy(self.from_host, self.hostname) or {};
	if policy.trouble then return nil, policy.trouble; end
	local plan, problem = new_plan(resolver, self.hostname, plan_options(self, policy), automatic);
	if not plan then return nil, tostring(problem); end
	return check_name(plan, self.hostname);
end

local function open_plan(self)
	local get_plan, on_plan = self.options.get_plan, self.options.on_plan;
	local plan, problem = get_plan and get_plan(self.from_host, self.hostname);
	if plan then return plan; end
	plan, problem = make_plan(self);
	if plan and on_plan then on_plan(plan, self.from_host, self.hostname); end
	return plan, problem;
end

-- What net.connect gets for one address: its own table, so that nothing is shared between attempts (R32), with what mod_s2s said behind it.
local function new_extra(plan, one, address, base)
	local dane = one:dane_of(address);
	local is_usable = dane ~= nil and dane.verdict == "usable";
	return setmetatable({
		xmppdns = { plan = plan, endpoint = one, address = address, dane = dane, trust = plan.trust };
		srv_secure = one.srv_secure, use_dane = is_usable;
		tlsa = is_usable and dane.records or nil, dane_hostname = is_usable and dane.base or nil;
		secure_hostname = not is_usable and one:reference_name() or nil;
		servername = not plan.is_address and plan.domain; -- R28
	}, { __index = base });
end

local function add_targets(self, one, addresses)
	local base = self.extras[services.service_of[one.tls]];
	if not base then
		self.plan:refuse(one, "config", ("TLS to %s port %d: direct TLS is not set up here"):format(one.host, one.port));
		return;
	end
	for _, address in ipairs(addresses) do
		local conn_type = address:find(":", 1, true) and "tcp6" or "tcp4";
		local extra = new_extra(self.plan, one, address, base);
		self.targets[#self.targets + 1] = { conn_type, address, one.port, extra, group = one.priority };
	end
end

-- Why nothing more comes: all that the plan met.
local function end_of(plan)
	local err = plan.error or plan:sum_up();
	return err and err.text;
end

local function give_up(self)
	if self.is_over then return; end
	self.is_over = true;
	if self.plan then self.last_error = end_of(self.plan); end
	self.options.on_end(self);
end

-- callback(target), or callback(nil) when there is none left: last_error says why.
local function pull(self, callback)
	if self.targets[1] then return callback(table.remove(self.targets, 1)); end
	if self.is_finished then return callback(nil); end
	local function finish()
		self.is_finished = true;
		callback(nil);
	end
	if not self.plan then
		self.plan, self.last_error = open_plan(self);
		if not self.plan then return finish(); end
	end
	self.plan:next(function (one, addresses)
		if not one then return finish(); end
		add_targets(self, one, addresses);
		pull(self, callback);
	end);
end

-- Turns: who decides when net.connect gets the next address.

local function has_more(self)
	return self.targets[1] ~= nil or self.plan ~= nil and self.plan:has_more();
end

local function after(seconds, f)
	return from_prosody "util.timer".add_task(seconds, f);
end

local function note_failure(self, target, problem)
	local one = target[4].xmppdns.endpoint;
	local what = target[4].sslctx and "TLS" or "TCP";
	self.plan:fail_address(one, target[2], ("%s to %s port %d of %s: %s"):format(what, target[2], target[3], one.host, problem));
end

local ways = { source = pull, has_more = has_more, on_failure = note_failure, after = after };

local function new_turns(self)
	local unreachable = self.options.unreachable;
	return unreachable and dial_012.new(ways, self, unreachable) or dial_13.new(ways, self);
end

-- callback(conn_type, ip, port, extra, more), or callback(nil): then last_error says why.
-- more: another address may be tried beside this one, some time later (Prosody 13).
function resolver_methods:next(callback)
	self.turns = self.turns or new_turns(self); -- not before: of most that are made there are two, which become one
	self.turns:next(function (target, conn, more, is_early)
		local function give_target() callback(target[1], target[2], target[3], target[4], more); end
		if conn then return dial_012.hand_over(conn, target[4], give_target); end
		if target then return give_target(); end
		if not is_early then give_up(self); end
		callback(nil);
	end);
end

-- extras: by service ("xmpp-server", "xmpps-server"), what net.connect is to get with its endpoints; direct TLS is used only if it has one.
-- options: get_resolver() -> resolver | nil, err; on_end(resolver), called once when nothing more comes, with its plan (nil if there
-- was none), hostname and last_error; policy(from_host, hostname) -> { dnssec, dane, endpoint = { host, port, tls }, trouble } or nil,
-- each field optional; get_session() -> the session that mod_s2s makes just now, or nil, where nothing else tells it (0.12; without it, any);
-- get_plan(from_host, hostname) -> a plan to go on with, or nil; on_plan(plan, from_host, hostname), told of each new one.
-- What net.connect hands to net.server for an address has xmppdns = { plan, endpoint, address, dane (what counts for this address), trust }. Once a
-- session stands, endpoint is { host, port, tls, srv_secure }, and instead of plan there is ends: until when (seconds since 1970) what was learnt of it holds.
-- options.unreachable: xmppdns.prosody.dial_012's memory where it has to find out by itself which address answers (Prosody 0.12), else nil.
local function new(hostname, extras, options, from_host)
	return setmetatable({ hostname = hostname, from_host = from_host, extras = extras, options = options, targets = {} }, resolver_mt);
end

-- One for all of them, when each is ours and they are about the same domain; else nil.
local function merge(resolvers)
	local first, extras = resolvers[1], {};
	for _, resolver in ipairs(resolvers) do
		if getmetatable(resolver) ~= resolver_mt or resolver.hostname ~= first.hostname or resolver.plan then return nil; end
		for service, extra in pairs(resolver.extras) do
			extras[service] = extra;
		end
	end
	return first and new(first.hostname, extras, first.options, first.from_host);
end

-- "service", "basic" or "chain" by the method next of Prosody's net.resolvers, else false. To look it up each time would cost a kilobyte a session.
local kinds = setmetatable({}, {
	__mode = "k";
	__index = function (known, method)
		local kind = debug.getinfo(method, "S").source:match("net/resolvers/(%l+)%.lua$") or false;
		known[method] = kind;
		return kind;
	end;
});

-- That of a resolver as it was made there, else nil.
local function kind_of(resolver)
	local is_object = type(resolver) == "table" and type(resolver.next) == "function";
	return is_object and kinds[resolver.next] or nil;
end

-- The service, and what net.connect is to get with it, when Prosody made this for that name and nobody has changed it; else nil. A name that is
-- an IP address has no service.
local function read_stock(resolver, ascii)
	local kind = kind_of(resolver);
	if kind ~= "service" and kind ~= "basic" or resolver.hostname ~= ascii or resolver.conn_type ~= "tcp" then return nil; end
	if kind == "service" then return services.tls_of[resolver.service] and resolver.service, resolver.extra or {}; end
	local is_own = resolver.targets ~= nil and resolver.extra and resolver.port == resolver.extra.default_port;
	return is_own and "xmpp-server" or nil, resolver.extra;
end

-- Ours for hostname instead of what mod_s2s has made, which another plugin may have replaced: nil then.
local function from_stock(resolver, hostname, options, from_host)
	local extras, ascii = {}, prosody_idna_to_ascii(hostname);
	local parts = kind_of(resolver) == "chain" and resolver.resolvers or { resolver };
	for _, part in ipairs(parts) do
		local service, extra = read_stock(part, ascii);
		if not service then return nil; end
		extras[service] = extra;
	end
	return next(extras) and new(hostname, extras, options, from_host) or nil;
end

-- Whether mod_s2s makes it for its session just now: once for each service.
local function is_for_session(options, taken, hostname, service)
	local session = options.get_session and options.get_session();
	if not options.get_session then return true; end
	local done = session and (taken[session] or {});
	if not session or session.to_host ~= hostname or done[service] then return false; end
	done[service], taken[session] = true, done;
	return true;
end

-- Prosody 0.12 before 0.12.4, where mod_s2s asks net_service.new once for each service, and net_chain.new to try one after the other: both give
-- ours. Gives a function that puts everything back.
local function replace_stock(net_service, net_chain, options)
	local stock_service_new, stock_chain_new = net_service.new, net_chain.new;
	local active, taken = true, setmetatable({}, { __mode = "k" });
	local function service_new(hostname, service, ...)
		local made = stock_service_new(hostname, service, ...);
		if not active or not services.tls_of[service] or not is_for_session(options, taken, hostname, service) then return made; end
		return from_stock(made, hostname, options, options.get_session and options.get_session().from_host) or made;
	end
	local function chain_new(resolvers)
		return active and merge(resolvers) or stock_chain_new(resolvers);
	end
	net_service.new, net_chain.new = service_new, chain_new;
	return function ()
		active = false; -- for whoever kept ours, or wrapped it
		if net_service.new == service_new then net_service.new = stock_service_new; end
		if net_chain.new == chain_new then net_chain.new = stock_chain_new; end
	end;
end

return {
	new = new;
	replace_stock = replace_stock;
	from_stock = from_stock;
};
