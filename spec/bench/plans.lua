-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- Connection plans in bulk, ours and stock Prosody's, in one shape: start(domain, callback) and step(), which waits until something has happened.

local connector = require "xmppdns.connector";
local ours = require "spec.bench.ours";
local stock = require "spec.bench.stock";

local QUERY_OPTIONS = { automatic = true }; -- as the plugin asks

local plans = {};

-- callback(endpoint or nil, error): one for all domains, that what waits is ours. on_process: as ours.watch has it.
function plans.ours(setup, on_process)
	local resolver, server = ours.new(setup), stock.server();
	ours.watch(server, resolver, on_process);
	local function start(domain, callback)
		assert(connector.new(resolver, domain, nil, QUERY_OPTIONS)):next(callback);
	end
	return {
		resolver = resolver, start = start, step = function () server.loop(true); end;
		ask = function (name, rdtype, callback) resolver:query(name, rdtype, callback); end;
	};
end

function plans.stock(setup)
	local unbound, server = stock.unbound(setup), stock.server();
	local function start(domain, callback)
		local resolver = stock.new_connection_resolver(domain);
		resolver:next(function (_, address)
			callback(address, resolver.last_error);
		end);
	end
	return {
		start = start, step = function () server.loop(true); end;
		ask = function (name, rdtype, callback) unbound.lookup(callback, name, rdtype, "IN"); end;
	};
end

-- Starts all domains (or whatever else start takes), so many at once, and waits for their first endpoints; raises when one has none.
function plans.run(planner, domains, at_once)
	local started, ended, failures, failure = 0, 0, 0, nil;
	local function on_end(found, err)
		ended = ended + 1;
		if not found then failures, failure = failures + 1, failure or tostring(err and err.text or err); end
	end
	while ended < #domains do
		while started < #domains and started - ended < at_once do
			started = started + 1;
			planner.start(domains[started], on_end);
		end
		if ended < started then planner.step(); end
	end
	if failure then error(("%d of %d plans failed, the first: %s"):format(failures, #domains, failure), 0); end
end

function plans.domains(count, first)
	local domains = {};
	for i = 1, count do domains[i] = ("d%d.bench"):format((first or 1) + i - 1); end
	return domains;
end

return plans;
