-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- The first target swallows packets, the second lives: how much later Prosody's net.connect is connected than when both live.

local clock = require "bench.clock";
local goals = require "spec.bench.goals";
local ours = require "spec.bench.ours";
local socket = require "socket";
local stock = require "spec.bench.stock";

local function time_connection(server, new_resolver, domain)
	local connect, is_connected, problem = require "net.connect".connect, nil, nil;
	local started = clock.monotonic();
	connect(new_resolver(domain), {
		onconnect = function (conn)
			is_connected = true;
			conn:close();
		end;
		ondisconnect = function () end;
		onfail = function (_, err) problem = err or "no reason"; end;
	});
	while not is_connected and not problem do server.loop(true); end
	return is_connected and (clock.monotonic() - started) * 1e3 or error("not connected: " .. tostring(problem), 0);
end

-- The slower of two connections, a second apart: libunbound gives the records of an answer in another order with every second, and Prosody 0.12,
-- which knows no weights, keeps it.
local function measure(server, new_resolver, domain)
	time_connection(server, new_resolver, "live.bench"); -- the keys are known then, and the files loaded
	local live = time_connection(server, new_resolver, "live.bench");
	local started = os.time();
	local first = time_connection(server, new_resolver, domain);
	while os.time() == started do socket.sleep(0.1); end
	return { later = math.max(0, math.max(first, time_connection(server, new_resolver, domain)) - live) };
end

local function measure_ours(domain)
	return function (setup)
		local server, resolver, service = stock.server(), ours.new(setup), require "xmppdns.prosody.s2s_resolver";
		ours.watch(server, resolver);
		local options = { get_resolver = function () return resolver; end; on_end = function () end };
		if stock.races_addresses() then
			return measure(server, function (name) return service.from_stock(stock.new_connection_resolver(name), name, options); end, domain);
		end
		options.unreachable = require "xmppdns.prosody.dial_012".new_memory();
		service.replace_stock(require "net.resolvers.service", require "net.resolvers.chain", options);
		return measure(server, stock.new_connection_resolver, domain);
	end
end

local function measure_stock(domain)
	return function (setup)
		stock.unbound(setup);
		return measure(stock.server(), stock.new_connection_resolver, domain);
	end
end

return {
	order = { "ours", "stock", "oursbackup", "stockbackup" }, is_parallel = true, seconds = 41; -- each only waits
	sides = {
		ours = measure_ours("dead.bench"), oursbackup = measure_ours("backup.bench"); -- apart: ours remembers what did not answer
		stock = measure_stock("dead.bench"), stockbackup = measure_stock("backup.bench");
	};
	rows = {
		goals.limit("first target swallows packets: connected later by", "ours.later", "stock.later", "ms", 600);
		goals.limit("first priority swallows packets: connected later by", "oursbackup.later", "stockbackup.later", "ms", 2500);
	};
};
