-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- What a plan is about, as its maker says it: a domain, an IP address, or the one endpoint that the operator names, with the policy for it.

local core = require "xmppdns.core";
local copy = require "xmppdns.resolver".copy;
local default_ports = require "xmppdns.plan.services".default_ports;
local endpoint = require "xmppdns.plan.endpoint";
local new_error = require "xmppdns.plan.outcome".new_error;
local press = require "xmppdns.plan.questions".press;

local function require_secure(given)
	local options = copy(given or {});
	options.require_secure, options.allow_insecure_denial = true, nil;
	return options;
end

local function strip_brackets(domain)
	return domain:match("^%[(.*)%]$") or domain;
end

-- The text of an IP address, or nil.
local function read_address(domain)
	local address = strip_brackets(domain);
	if address:find(":", 1, true) then
		return address:match("^[%x:.]+$") and address:lower();
	end
	if not address:find("^%d+%.%d+%.%d+%.%d+$") then return nil; end
	for byte in address:gmatch("%d+") do
		if tonumber(byte) > 255 then return nil; end
	end
	return address;
end

-- Why an address cannot be dialled, or nil: what is not looked up proves nothing.
local function refuse_address(plan, address)
	local setting = plan.dane == "required" and "dane" or plan.policy == "required" and "dnssec";
	return setting and new_error("insecure", ("%s is \"required\", but nothing is proven about the IP address %s"):format(setting, address)) or nil;
end

-- R13: nothing to look up.
local function plan_address(plan, address, port, tls)
	plan.error = refuse_address(plan, address);
	plan.endpoints = plan.error and {} or { endpoint.new_address(address, port, tls) };
	plan.ready = true;
end

-- The one endpoint that the operator names: as good as a secure SRV record.
local function plan_override(plan, override)
	local tls = override.tls or "starttls";
	local port, address = override.port or default_ports[tls], read_address(override.host);
	plan.ready = true;
	if address then
		plan_address(plan, address, port, tls);
		return true;
	end
	local ascii, err = core.idna_to_ascii(override.host);
	if not ascii then return nil, err; end
	plan.endpoints = { endpoint.new(ascii, port, nil, tls, 0, 0, true) };
	return true;
end

-- What is validated and what DANE may do: where nothing is validated, nothing but "required" is left of it.
local function read_policy(plan, options, settings)
	plan.policy = options.dnssec or settings.dnssec;
	plan.dane = options.dane or settings.dane;
	if plan.policy == "required" then plan.secure_query_options = require_secure(plan.query_options); end
	if plan.policy == "off" and plan.dane ~= "required" then plan.dane = "off"; end
end

local function choose_families(plan, options)
	local use_ipv4, use_ipv6 = options.use_ipv4 ~= false, options.use_ipv6 ~= false;
	if use_ipv4 and use_ipv6 then return; end
	plan.use_family = { A = use_ipv4, AAAA = use_ipv6 };
end

local function read_options(plan, options)
	plan.default_port, plan.time_left, plan.rng, plan.has_route = options.default_port, options.plan_timeout, options.rng, options.has_route;
	choose_families(plan, options);
	read_policy(plan, options, plan.resolver:plan_settings());
end

-- Fills in what the domain, or else options.endpoint, and the other options say (see xmppdns.plan.plan). true | nil, err
local function set(plan, domain, options, query_options)
	local address = read_address(domain);
	local ascii, err = address, nil;
	if not address then ascii, err = core.idna_to_ascii(domain); end
	if not ascii then return nil, err; end
	plan.query_options = press(query_options, plan.resolver:shard(ascii));
	read_options(plan, options);
	if options.endpoint then
		plan.domain, plan.is_address = ascii, address ~= nil;
		return plan_override(plan, options.endpoint);
	elseif address then
		plan.is_address = true;
		plan_address(plan, address, plan.default_port or default_ports.starttls, "starttls");
	else
		plan.domain = ascii;
	end
	return true;
end

return { set = set };
