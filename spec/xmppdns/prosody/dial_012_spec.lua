-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- How the installed Prosody's own net.connect fares with addresses that swallow packets, in its own loop.

local server = require "spec.bench.stock".server();

local core = require "xmppdns.core";
local dial_012 = require "xmppdns.prosody.dial_012";
local process = require "spec.support.process";
local service = require "xmppdns.prosody.s2s_resolver";
local socket = require "socket";
local xmppdns = require "xmppdns";
local zones = require "spec.support.zones";

local net_connect = require "net.connect";
local net_service, net_chain = require "net.resolvers.service", require "net.resolvers.chain";
local is_old = not require "xmppdns.prosody.capabilities".connects_side_by_side();

-- Runs the loop from wait until ring; one turn at a time does not work in Prosody 13.
local function new_bell()
	local udp, leave = socket.udp(), {};
	assert(udp:setsockname("127.0.0.1", 0));
	assert(udp:setpeername(udp:getsockname()));
	local watch = server.watchfd(udp, function ()
		udp:receive();
		error(leave);
	end);
	local bell = {};
	function bell.ring() udp:send("!"); end
	function bell.wait()
		local _, problem = pcall(server.loop);
		if problem ~= leave then error(problem); end
	end
	function bell.close()
		watch:close();
		udp:close();
	end
	return bell;
end

describe("xmppdns.prosody.dial_012:", function ()
	local dns, resolver, watch, bell, options, restore, sockets, alive, dead, refusing, closed, address, ended;

	local function open(backlog)
		local port = process.free_port(address);
		sockets[#sockets + 1] = assert(socket.bind(address, port, backlog));
		sockets[#sockets]:settimeout(0);
		return port, sockets[#sockets];
	end

	-- One whose queue of connections is full.
	local function open_dead()
		local port = open(0);
		for _ = 1, 4 do
			local tcp = socket.tcp();
			tcp:settimeout(0);
			tcp:connect(address, port);
			sockets[#sockets + 1] = tcp;
		end
		return port;
	end

	local function records(...)
		local lines = { "xmpp A " .. address };
		for i, entry in ipairs({ ... }) do lines[i + 1] = ("_xmpp-server._tcp SRV %d %d %d xmpp"):format(entry[1], entry[2], entry[3]); end
		return { records = table.concat(lines, "\n"), signed = false };
	end

	setup(function ()
		sockets, address = {}, process.free_address();
		local port, listener = open(100);
		alive = { port = port, listener = listener };
		dead, refusing, closed = open_dead(), process.free_port(address), process.free_port(address);
		dns = zones.serve({
			["same.example"] = records({ 0, 65535, dead }, { 0, 0, port });
			["next.example"] = records({ 0, 0, dead }, { 1, 0, port });
			["refusing.example"] = records({ 0, 0, refusing }, { 1, 0, closed }, { 2, 0, port });
			["closed.example"] = records({ 0, 0, refusing }, { 1, 0, closed });
			["one.example"] = records({ 0, 0, port });
			["two.example"] = records({ 0, 0, port }, { 1, 0, dead });
		});
	end);

	teardown(function ()
		for _, one in ipairs(sockets) do one:close(); end
		dns:stop();
	end);

	before_each(function ()
		resolver = assert(xmppdns.new(dns:settings({ timeout = 20 })));
		watch = server.watchfd(resolver:getfd(), function () resolver:process(); end);
		ended, bell = {}, new_bell();
		options = { get_resolver = function () return resolver; end, on_end = function (one) ended[#ended + 1] = one; end };
		options.unreachable = is_old and dial_012.new_memory() or nil;
		restore = is_old and service.replace_stock(net_service, net_chain, options) or function () end;
	end);

	after_each(function ()
		restore();
		bell.close();
		watch:close();
		resolver:close();
		while alive.listener:accept() do end -- luacheck: ignore 542
	end);

	local function new_service(domain)
		local extra = setmetatable({}, { __index = { default_port = 5269, use_ipv4 = true, use_ipv6 = true } });
		if is_old then return net_service.new(domain, "xmpp-server", "tcp", extra); end
		return service.new(domain, { ["xmpp-server"] = extra }, options);
	end

	-- The port that net.connect came to, or why to none, and the seconds that it took. And the connection resolver.
	local function connect(domain, new_one)
		local result, one, before, conn = nil, new_one or new_service(domain), core.now(), nil;
		local function finish(value)
			result = result or value;
			bell.ring();
		end
		net_connect.connect(one, {
			onconnect = function (opened)
				conn = opened;
				finish(opened:port());
			end;
			onfail = function (_, problem) finish(problem); end;
			ondisconnect = function () end;
		});
		local patience = resolver:after(30, bell.ring);
		while not result and core.now() - before < 30 do bell.wait(); end
		resolver:cancel_timer(patience);
		local seconds = core.now() - before;
		if conn then conn:close(); end
		return result, seconds, one;
	end

	local function count_connections()
		local count = 0;
		while alive.listener:accept() do count = count + 1; end
		return count;
	end

	-- The least that it takes of five times: the rest is the machine's.
	local function least_seconds(domain, expected)
		local least = math.huge;
		for _ = 1, 5 do
			local result, seconds = connect(domain);
			assert.equal(expected, result);
			least = math.min(least, seconds);
		end
		return least;
	end

	it("R31: a target that swallows packets costs 250 ms when another has its priority", function ()
		local port, seconds = connect("same.example");
		assert.equal(alive.port, port);
		assert.is_true(seconds > 0.2 and seconds < 1.8); -- the next priority would be tried after two
	end);

	it("R31: the next priority is tried when the first has not answered for two seconds", function ()
		local port, seconds = connect("next.example");
		assert.equal(alive.port, port);
		assert.is_true(seconds > 1.9 and seconds < 15); -- net.connect would wait for twenty
	end);

	if is_old then
		it("issue 16.7: Prosody 0.12.5, where a plugin may replace what mod_s2s made but net.connect dials one by one: the same", function ()
			restore();
			local stock = net_service.new("same.example", "xmpp-server", "tcp", { default_port = 5269 });
			local port, seconds = connect("same.example", service.from_stock(stock, "same.example", options));
			assert.equal(alive.port, port);
			assert.is_true(seconds > 0.2 and seconds < 1.8); -- the next priority would be tried after two
		end);
	end

	it("targets that refuse cost nothing", function ()
		assert.is_true(least_seconds("refusing.example", alive.port) < 0.2);
	end);

	it("when all refuse the connection fails once, at once", function ()
		local least = math.huge;
		for i = 1, 5 do
			local problem, seconds = connect("closed.example");
			assert.is_string(problem);
			assert.equal(i, #ended);
			least = math.min(least, seconds);
		end
		assert.is_true(least < 0.2);
	end);

	it("a domain with one address is dialled once", function ()
		assert.equal(alive.port, (connect("one.example")));
		assert.equal(1, count_connections());
	end);

	if is_old then
		it("what did not answer is remembered, and tried after the others of its priority", function ()
			connect("same.example");
			assert.is_true(least_seconds("same.example", alive.port) < 0.2);
		end);

		it("issue 16.11: what did not answer is tried before a later priority, whose turn comes after two seconds as ever", function ()
			connect("same.example");
			local port, seconds = connect("next.example");
			assert.equal(alive.port, port);
			assert.is_true(seconds > 1.9 and seconds < 15);
		end);

		it("issue 16.8: of several, the connection that answers is the one that net.connect gets: there is no other", function ()
			assert.equal(alive.port, (connect("two.example")));
			assert.equal(1, count_connections());
		end);

		it("each address that did not answer is named with its cause, but for the last, which is net.connect's", function ()
			local _, _, one = connect("closed.example");
			assert.equal(("TCP to %s port %d of xmpp.closed.example: connection refused"):format(address, refusing), one.last_error);
		end);
	end
end);
