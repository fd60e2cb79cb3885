-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- Prosody plugin: does what the lines say that are added to the file demo_ping_requests, "ping FROM TO" or "close FROM TO" (the
-- connections between both), one line after the other. The result of each becomes a line of Lua in demo_ping_output:
-- { domain, seconds, pong, reason, endpoint = { address, port }, dnssec }, or {} for "close".
-- luacheck: globals module, read globals prosody

module:set_global();

local adns = require "net.adns";
local gettime = require "util.time".now;
local idna_to_ascii = require "util.encodings".idna.to_ascii;
local new_id = require "util.id".short;
local promise = require "util.promise";
local serialize = require "util.serialization".new({ preset = "oneline" });
local st = require "util.stanza";

local requests = assert(io.open(module:get_option_string("demo_ping_requests"), "r"));
local output = assert(io.open(module:get_option_string("demo_ping_output"), "a"));
local timeout = module:get_option_number("demo_ping_timeout", 10);

local PAUSE = 0.02;

local contexts = {}; -- host -> module of the host
local reached = {}; -- domain -> endpoint

function module.add_host(host_module)
	contexts[host_module.host] = host_module;
	host_module:hook("s2sout-established", function (event)
		local session = event.session;
		reached[session.to_host] = { address = session.conn:ip(), port = session.conn:port() };
	end);
end

local function ping(from, to)
	local iq = st.iq({ type = "get", from = from, to = to, id = new_id() }):tag("ping", { xmlns = "urn:xmpp:ping" });
	local started = gettime();
	local result = { domain = to };
	local function finish(pong, err)
		result.seconds = gettime() - started;
		result.pong = pong;
		result.endpoint = reached[to];
		result.reason = err and (err.text or err.condition or tostring(err));
		return result;
	end
	return contexts[from]:send_iq(iq, nil, timeout):next(function ()
		return finish(true);
	end, function (err)
		return finish(false, err);
	end);
end

local function lookup_srv(service, domain)
	return promise.new(function (resolve)
		adns.resolver():lookup(function (answer)
			if not answer then return resolve("failed"); end
			resolve(answer.bogus and "bogus" or answer.secure and "secure" or "insecure");
		end, ("_%s._tcp.%s"):format(service, idna_to_ascii(domain)), "SRV", "IN");
	end);
end

-- What the resolver says about the domain's SRV records, or about their absence: the worse of both services.
local function add_dnssec_state(result)
	return promise.all({ lookup_srv("xmpps-server", result.domain), lookup_srv("xmpp-server", result.domain) }):next(function (states)
		local found = { [states[1]] = true, [states[2]] = true };
		result.dnssec = found.failed and "failed" or found.bogus and "bogus" or found.insecure and "insecure" or "secure";
		return result;
	end);
end

local actions = {};

function actions.ping(from, to)
	return ping(from, to):next(add_dnssec_state);
end

function actions.close(from, to)
	local session = prosody.hosts[from].s2sout[to];
	if session then session:close(); end
	reached[to] = nil;
	return promise.resolve({});
end

local work;

local function finish(result)
	output:write(serialize(result), "\n");
	output:flush();
	work();
end

function work()
	local line = requests:read("*l");
	if not line then
		return module:add_timer(PAUSE, function ()
			requests:seek("cur", 0); -- clears the end of the file
			work();
		end);
	end
	local action, from, to = line:match("^(%S+) (%S+) (%S+)$");
	actions[action](from, to):next(finish):catch(function (err)
		module:log("error", "%s: %s", line, err);
		finish({ pong = false, reason = tostring(err) });
	end);
end

module:add_timer(PAUSE, work); -- runs once the server has started
