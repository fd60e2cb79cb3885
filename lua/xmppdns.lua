-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- The library's face: lookups as in aioxmpp's network module, with connection plans beside them.
--
-- Every function that takes a callback gives its lookup back at once and calls callback(result, err) later, or before it returns when the answer
-- is known; without a callback it waits, and gives result, err. The world's failures are an err table (code, text, qname, qtype, attempts);
-- the caller's mistakes raise.

local autotrust = require "xmppdns.trust.autotrust";
local core = require "xmppdns.core";
local plans = require "xmppdns.plan.plan";
local resolvers = require "xmppdns.resolver";

local coroutine, error, ipairs, select, type = coroutine, error, ipairs, select, type;
local unpack = table.unpack or unpack; -- luacheck: ignore 113/unpack

local ATTEMPTS = 3; -- of find_xmpp_host_addr, as in the seed

local xmppdns = {
	_VERSION = "1.0.0";
};

-- { xmppdns =, libunbound =, libidn2 = (texts), tls = (whether this libunbound can do DNS over TLS) }
function xmppdns.version()
	local version = core.version();
	version.xmppdns = xmppdns._VERSION;
	return version;
end

-- The thread's resolver: { resolver =, settings =, overridden = } by thread.
local threads = {};

local function this_thread()
	local id = core.thread();
	threads[id] = threads[id] or { settings = {} };
	return threads[id];
end

-- A resolver of one's own: resolver | nil, err. With the setting autotrust it keeps that file up to date by timers of its own.
function xmppdns.new(settings)
	if type(settings) ~= "table" then error("settings must be a table, not " .. type(settings), 2); end
	local resolver, err = resolvers.new(settings);
	if resolver then autotrust.follow(resolver); end
	return resolver, err;
end

-- Settings for this thread's automatic resolver (README, "Settings"); one that is there already is rebuilt and keeps its lookups and its cache.
-- true | nil, err: then nothing changed.
function xmppdns.configure(settings)
	if type(settings) ~= "table" then error("settings must be a table, not " .. type(settings), 2); end
	local thread = this_thread();
	if thread.resolver and not thread.overridden then
		local rebuilt, err = thread.resolver:reconfigure(settings); -- it checks them itself, and each check takes some milliseconds
		if not rebuilt then return nil, err; end
		autotrust.follow(thread.resolver);
	else
		local ok, problem, code = core.check_settings(settings);
		if not ok then return nil, core.new_error(code or "config", problem); end
	end
	thread.settings = settings;
	return true;
end

-- This thread's resolver, made at first use (S1-S4). resolver | nil, err
function xmppdns.get_resolver()
	local thread = this_thread();
	if not thread.resolver then
		local resolver, err = xmppdns.new(thread.settings);
		if not resolver then return nil, err; end
		thread.resolver = resolver;
	end
	return thread.resolver;
end

-- Makes it this thread's resolver, which is then never rebuilt automatically (S6, S9).
function xmppdns.set_resolver(resolver)
	if type(resolver) ~= "table" or not resolver.query then error("a resolver was expected", 2); end
	local thread = this_thread();
	thread.resolver, thread.overridden = resolver, true;
end

-- A fresh resolver from the settings for this thread; automatic rebuilding is on again (S5, S7). resolver | nil, err
function xmppdns.reconfigure_resolver()
	local thread = this_thread();
	local resolver, err = xmppdns.new(thread.settings);
	if not resolver then return nil, err; end
	thread.resolver, thread.overridden = resolver, nil;
	return resolver;
end

-- The last argument may be the callback, wherever options were left out.
local function split_callback(options, callback)
	if callback == nil and type(options) == "function" then return nil, options; end
	return options, callback;
end

-- What the public functions are given, checked by them first: level 3 is then where their caller stands.

local function check_string(argument, value)
	if type(value) ~= "string" then error(("%s must be a string, not %s"):format(argument, type(value)), 3); end
end

local function check_attempts(attempts, level)
	if attempts ~= nil and type(attempts) ~= "number" then error(("attempts must be a number, not %s"):format(type(attempts)), level or 3); end
end

local function check_options(options)
	if options == nil then return; end
	if type(options) ~= "table" then error(("options must be a table, not %s"):format(type(options)), 3); end
	check_attempts(options.attempts, 4);
end

local function check_port(port)
	if type(port) == "number" and port >= 0 and port <= 65535 and port % 1 == 0 then return; end
	local shown = type(port) == "string" and ("%q"):format(port) or tostring(port);
	error(("port must be a whole number from 0 to 65535, not %s"):format(shown), 3);
end

-- start(done) begins something that ends in done(result, err). With a callback: what start gives. Without: waits for the end.
local function call_or_wait(resolver, callback, start)
	if callback then return start(callback); end
	local finished, result, err;
	start(function (...)
		finished, result, err = true, ...;
	end);
	while not finished do resolver:wait(); end
	return result, err;
end

-- The resolver that options name, or this thread's, and the options for its query.
local function resolver_and_options(options)
	options = options or {};
	if options.attempts and options.attempts <= 0 then -- S10
		error("query cannot succeed with non-positive amount of attempts", 3);
	end
	local resolver, err = options.resolver;
	if not resolver then
		resolver, err = xmppdns.get_resolver();
	end
	local query_options = {
		attempts = options.attempts;
		timeout = options.timeout;
		require_secure = options.require_secure;
		allow_insecure_denial = options.allow_insecure_denial;
		automatic = not options.resolver and not this_thread().overridden;
	};
	return resolver, query_options, err;
end

local function fail(callback, err)
	if not callback then return nil, err; end
	callback(nil, err);
	return resolvers.finished_lookup;
end

-- Asks, and asks again with a rebuilt resolver and over TCP (S10-S38). qname: A-labels, absolute. rdtype: "SRV" or a number.
-- options: attempts (1 to 10, default 3, or 2 for a resolver that was set or given), timeout (seconds an attempt), resolver, require_secure,
-- allow_insecure_denial, raw. Result: the answer; nil where the name or the data does not exist, unless raw asks for the empty answer.
function xmppdns.repeated_query(qname, rdtype, options, callback)
	options, callback = split_callback(options, callback);
	check_options(options);
	local resolver, query_options, err = resolver_and_options(options);
	if not resolver then return fail(callback, err); end
	local raw = options and options.raw;
	return call_or_wait(resolver, callback, function (done)
		return resolver:query(qname, rdtype, function (answer, failure)
			if answer and not raw and not answer[1] then answer = nil; end
			done(answer, failure);
		end, query_options);
	end);
end

-- A query whose answer is turned into a list by convert(answer) -> result | nil, err.
local function query_list(qname, rdtype, options, callback, convert)
	local function on_answer(done)
		return function (answer, err)
			if not answer then return done(nil, err); end
			done(convert(answer));
		end
	end
	if callback then
		return xmppdns.repeated_query(qname, rdtype, options, on_answer(callback));
	end
	local answer, err = xmppdns.repeated_query(qname, rdtype, options);
	if not answer then return nil, err; end
	return convert(answer);
end

-- SRV records of _service._transport.domain, in the order of the answer: { { priority, weight, { host, port } }, ... } (S39-S41).
-- domain may be written in Unicode. nil when there are none; err.code "unavailable" when a target is ".".
function xmppdns.lookup_srv(domain, service, transport, options, callback)
	if type(transport) ~= "string" then -- left out: "tcp"
		transport, options, callback = "tcp", transport, options;
	end
	options, callback = split_callback(options, callback);
	check_string("domain", domain);
	check_string("service", service);
	check_options(options);
	local alabels, err = xmppdns.idna_to_ascii(domain);
	if not alabels then return fail(callback, err); end
	local qname = "_" .. service .. "._" .. transport .. "." .. alabels;
	return query_list(qname, "SRV", options, callback, function (answer)
		local records = {};
		for i, record in ipairs(answer) do
			local srv = record.srv;
			if srv.target == "." then
				local text = ("'%s' over '%s' not supported at '%s'"):format(service, transport, alabels);
				return nil, core.new_error("unavailable", text, answer.qname, answer.qtype, 0);
			end
			records[i] = { srv.priority, srv.weight, { srv.target, srv.port } };
		end
		return records;
	end);
end

-- TLSA records of _port._transport.host, in the order of the answer: { { usage, selector, mtype, data }, ... } (S42, S43). They must be secure,
-- and so must be their absence, unless options say otherwise (require_secure = false, allow_insecure_denial = true; S66). nil when there are none.
function xmppdns.lookup_tlsa(host, port, transport, options, callback)
	if type(transport) ~= "string" then
		transport, options, callback = "tcp", transport, options;
	end
	options, callback = split_callback(options, callback);
	check_string("host", host);
	check_port(port);
	check_options(options);
	local alabels, err = xmppdns.idna_to_ascii(host);
	if not alabels then return fail(callback, err); end
	local secure_options = resolvers.copy(options or {});
	if secure_options.require_secure == nil then secure_options.require_secure = true; end
	return query_list(("_%d._%s.%s"):format(port, transport, alabels), "TLSA", secure_options, callback, function (answer)
		local records = {};
		for i, record in ipairs(answer) do
			local tlsa = record.tlsa;
			records[i] = { tlsa.use, tlsa.select, tlsa.match, tlsa.data };
		end
		return records;
	end);
end

-- The addresses of { priority, weight, address } records in the order in which to try them (RFC 2782; S44-S54). rng(m, n) draws like math.random,
-- which is the default. The input stays as it is.
function xmppdns.group_and_order_srv_records(records, rng)
	local addresses = {};
	for place, index in ipairs(core.order_srv(records, rng)) do
		addresses[place] = records[index][3];
	end
	return addresses;
end

-- Where the clients of a domain connect to: the SRV records of xmpp-client, not ordered, or the domain itself at port 5222 (S55-S58). attempts: by
-- default 3, also on a resolver that was set.
function xmppdns.find_xmpp_host_addr(domain, attempts, callback)
	attempts, callback = split_callback(attempts, callback);
	check_string("domain", domain);
	check_attempts(attempts);
	local alabels, problem = xmppdns.idna_to_ascii(domain);
	if not alabels then return fail(callback, problem); end
	local function or_itself(records, err)
		if records or err then return records, err; end
		return { { 0, 0, { alabels, 5222 } } };
	end
	local options = { attempts = attempts or ATTEMPTS };
	if not callback then return or_itself(xmppdns.lookup_srv(alabels, "xmpp-client", "tcp", options)); end
	return xmppdns.lookup_srv(alabels, "xmpp-client", "tcp", options, function (records, err)
		callback(or_itself(records, err));
	end);
end

-- A domain as people write it to A-labels, as Prosody does (UTS #46 transitional), or nil, err.
xmppdns.idna_to_ascii = core.idna_to_ascii;

-- And back to UTF-8, or nil, err.
xmppdns.idna_to_unicode = core.idna_to_unicode;

-- The whole connection plan of a domain's XMPP server for other servers; see xmppdns.plan.plan.
function xmppdns.endpoints(domain, options, callback)
	options, callback = split_callback(options, callback);
	check_string("domain", domain);
	check_options(options);
	local resolver, query_options, err = resolver_and_options(options);
	if not resolver then return fail(callback, err); end
	return call_or_wait(resolver, callback, function (done)
		return plans.endpoints(resolver, domain, options or {}, query_options, done);
	end);
end

-- For await, in that thread: wait(), done(). A server whose threads wait in a way of their own puts its own in place; done may come before wait.
function xmppdns.new_waiter(thread)
	local is_waiting;
	return function ()
		is_waiting = true;
		coroutine.yield();
	end, function ()
		if not is_waiting then return; end
		local ok, problem = coroutine.resume(thread);
		if not ok then error(problem, 0); end
	end;
end

-- Inside a coroutine: calls f(...) with a callback added, yields until it is called, and gives what it was given.
-- A function that takes options wants them, or nil, before the callback only where more arguments follow.
function xmppdns.await(f, ...)
	local thread, is_main = coroutine.running();
	if not thread or is_main then error("await was called outside of a coroutine", 2); end
	local count, arguments, results = select("#", ...), { ... }, nil;
	local wait, done = xmppdns.new_waiter(thread);
	arguments[count + 1] = function (...)
		results = { n = select("#", ...), ... };
		done();
	end;
	f(unpack(arguments, 1, count + 1));
	if not results then wait(); end
	return unpack(results, 1, results.n);
end

return xmppdns;
