-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- Prosody plugin: pings the domains of demo_ping_domains, one after the other, and writes each result to demo_ping_output
-- as a line of Lua: { domain, seconds, pong, reason, endpoint = { address, port }, dnssec }.
-- luacheck: read globals module

local adns = require "net.adns";
local gettime = require "util.time".now;
local idna_to_ascii = require "util.encodings".idna.to_ascii;
local new_id = require "util.id".short;
local promise = require "util.promise";
local serialize = require "util.serialization".new({ preset = "oneline" });
local st = require "util.stanza";

local domains = module:get_option_array("demo_ping_domains", {});
local output = assert(io.open(module:get_option_string("demo_ping_output"), "a"));
local timeout = module:get_option_number("demo_ping_timeout", 10);

local reached = {}; -- domain -> endpoint

module:hook("s2sout-established", function (event)
	local session = event.session;
	reached[session.to_host] = { address = session.conn:ip(), port = session.conn:port() };
end);

local function ping(domain)
	local iq = st.iq({ type = "get", from = module.host, to = domain, id = new_id() }):tag("ping", { xmlns = "urn:xmpp:ping" });
	local started = gettime();
	local result = { domain = domain };
	local function finish(pong, err)
		result.seconds = gettime() - started;
		result.pong = pong;
		result.endpoint = reached[domain];
		result.reason = err and (err.text or err.condition or tostring(err));
		return result;
	end
	return module:send_iq(iq, nil, timeout):next(function ()
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

local function ping_from(i)
	local domain = domains[i];
	if not domain then return; end
	ping(domain):next(add_dnssec_state):next(function (result)
		output:write(serialize(result), "\n");
		output:flush();
		ping_from(i + 1);
	end):catch(function (err)
		module:log("error", "ping of %s: %s", domain, err);
	end);
end

module:add_timer(0.1, function () -- runs once the server has started
	ping_from(1);
end);
