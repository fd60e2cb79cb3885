-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- A domain's services for other servers: what their SRV records say becomes the plan's endpoints, else the domain itself does.

local core = require "xmppdns.core";
local endpoint = require "xmppdns.plan.endpoint";
local hint = require "xmppdns.plan.hint";
local new_error = require "xmppdns.plan.outcome".new_error;
local questions = require "xmppdns.plan.questions";

local names = { "xmpps-server", "xmpp-server" };
local tls_of = { ["xmpps-server"] = "direct", ["xmpp-server"] = "starttls" };
local service_of = { direct = "xmpps-server", starttls = "xmpp-server" };
local prefix_of = { ["xmpps-server"] = "_xmpps-server._tcp.", ["xmpp-server"] = "_xmpp-server._tcp." };
local default_ports = { direct = 5270, starttls = 5269 };

-- Notes what the outcome says about its service: nothing but several "." is as clear a no as one.
local function judge(found)
	if found.error then
		found.state = "failed";
		return;
	end
	local is_given = false;
	for _, record in ipairs(found.records) do
		is_given = is_given or record.target ~= ".";
	end
	found.state = is_given and "data" or found.records[1] and "unavailable" or "absent"; -- R8
end

-- xmpps and xmpp are one set for priority and weight (R10).
local function merge_services(plan)
	local merged = {};
	for _, service in ipairs(names) do
		for _, record in ipairs(plan.srv[service].records) do
			if record.target ~= "." then
				merged[#merged + 1] = { record.priority, record.weight, record = record, service = service };
			end
		end
	end
	return merged;
end

-- The first ones of the order: who publishes thousands must not make us ask for all of them.
local function add_endpoint(plan, record, service, host)
	if #plan.endpoints == plan.resolver:plan_settings().max_endpoints then
		plan.left_out = plan.left_out + 1;
		return;
	end
	plan.endpoints[#plan.endpoints + 1] =
		endpoint.new(host, record.port, service, tls_of[service], record.priority, record.weight, plan.srv[service].secure);
end

local function order_endpoints(plan, merged)
	local seen = {};
	for _, index in ipairs(core.order_srv(merged, plan.rng)) do
		local found = merged[index];
		local host = found.record.target:lower();
		local key = ("%s %d %s"):format(host, found.record.port, found.service);
		if not seen[key] then
			seen[key] = true;
			add_endpoint(plan, found.record, found.service, host);
		end
	end
end

-- The record of a domain that has a single one, which is most of them, and its service; or nil.
local function find_single(plan)
	local xmpps, xmpp = plan.srv["xmpps-server"].records, plan.srv["xmpp-server"].records;
	local record, service = xmpps[1] or xmpp[1], xmpps[1] and "xmpps-server" or "xmpp-server";
	if record and #xmpps + #xmpp == 1 and record.target ~= "." then return record, service; end
end

-- Gives whether there are any.
local function list_endpoints(plan)
	local record, service = find_single(plan);
	if record then
		add_endpoint(plan, record, service, record.target:lower());
		return true;
	end
	local merged = merge_services(plan);
	order_endpoints(plan, merged);
	return merged[1] ~= nil;
end

local function find_failure(plan)
	local xmpps, xmpp = plan.srv["xmpps-server"].error, plan.srv["xmpp-server"].error;
	if xmpp and (xmpp.code == "bogus" or not xmpps) then return xmpp; end
	return xmpps and xmpps.code == "bogus" and xmpps or xmpp or xmpps;
end

local function may_fall_back_unvalidated(plan) -- R11, decided
	if plan.policy ~= "off" or plan.abandoned then return false; end
	for _, service in ipairs(names) do
		local err = plan.srv[service].error;
		if not err or err.code ~= "timeout" then return false; end
	end
	return true;
end

-- Why there is no fallback to the domain's own addresses, or nil (R5, R9, R11).
local function refuse_fallback(plan)
	local failure = find_failure(plan);
	if failure and not may_fall_back_unvalidated(plan) then return failure; end
	for _, service in ipairs(names) do
		if plan.srv[service].state == "unavailable" then
			return new_error("unavailable", ("SRV of _%s._tcp.%s: the service is explicitly unavailable"):format(service, plan.domain));
		end
	end
	if not plan.default_port then
		return new_error("unavailable", ("SRV of _xmpp-server._tcp.%s: no records"):format(plan.domain));
	end
end

-- The domain itself.
local function make_fallback(plan)
	if not plan.fallback then
		plan.fallback = endpoint.new(plan.domain, plan.default_port, nil, "starttls", 0, 0);
	end
end

local function drop_fallback(plan)
	if plan.fallback then
		questions.drop(plan, plan.fallback);
		plan.fallback = nil;
	end
end

local function settle(plan)
	plan.secure = plan.srv["xmpps-server"].secure and plan.srv["xmpp-server"].secure;
	if list_endpoints(plan) then
		drop_fallback(plan);
		return;
	end
	plan.error = refuse_fallback(plan);
	if plan.error then
		drop_fallback(plan);
		return;
	end
	make_fallback(plan);
	plan.fallback.srv_secure = plan.secure; -- R18
	plan.fallback:settle(plan);
	plan.endpoints[1] = plan.fallback;
end

-- The outcome for one service. Gives whether that was the last one: the plan has its endpoints then, or its error.
local function receive(plan, found)
	hint.stop(plan, found.name);
	judge(found);
	plan.srv[found.name:match("^_([^.]+)")] = found;
	for _, name in ipairs(names) do
		if not plan.srv[name] then return false; end
	end
	settle(plan);
	return true;
end

local function owner_name(plan, service)
	return prefix_of[service] .. plan.domain;
end

-- Before ask: hints are followed until the answers are there.
local function listen(plan)
	local owners = {};
	for i, service in ipairs(names) do owners[i] = owner_name(plan, service); end
	hint.listen(plan, owners);
end

-- Whether the resolver's cache has both answers.
local function are_known(plan)
	for _, service in ipairs(names) do
		if not plan.resolver:knows(owner_name(plan, service), "SRV") then return false; end
	end
	return true;
end

-- For the plan, which may have them before this returns: then nobody asks for the domain's own addresses in vain, nor where they are known.
local function ask(plan, is_known)
	plan.srv, plan.endpoints = {}, {};
	for _, service in ipairs(names) do
		questions.ask(plan, plan, owner_name(plan, service), "SRV");
	end
	if plan.default_port and not plan.ready and not is_known then make_fallback(plan); end
	if plan.fallback and plan.fallback.state == "new" then
		plan.fallback:ask(plan);
	end
end

return {
	names = names, tls_of = tls_of, service_of = service_of, default_ports = default_ports;
	are_known = are_known, listen = listen, ask = ask, receive = receive;
};
