-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- A resolver in the shape of Prosody's net.adns, as its net.unbound has it.

local from_prosody = require "xmppdns.prosody.modules";
local automatic = require "xmppdns.resolver".AUTOMATIC;
local core = require "xmppdns.core";
local dns_utils = from_prosody "util.dns";
local logger = from_prosody "util.logger";
local promise = from_prosody "util.promise";

local classes, errors, types = dns_utils.classes, dns_utils.errors, dns_utils.types;
local log = logger.init("xmppdns");

local SERVFAIL = 2;

-- Failures that are an answer for Prosody: of status SERVFAIL, and without records. The others are its errors.
local is_answer = { bogus = true, servfail = true, timeout = true, insecure = true };

local failed_answer_mt = {
	__tostring = function (self)
		return ("Status: %s%s"):format(errors[self.status], self.bogus and ", Bogus: "..self.bogus or "");
	end;
};

local function new_failed_answer(err)
	return setmetatable({
		qname = err.qname, qtype = err.qtype, type = err.type, qclass = classes.IN, class = "IN";
		rcode = SERVFAIL, status = errors[SERVFAIL], secure = false, bogus = err.code == "bogus" and err.text or nil;
		nxdomain = false, ttl = 0;
	}, failed_answer_mt);
end

-- answer, err as net.unbound gives them
local function convert(answer, err)
	if answer then return answer; end
	if is_answer[err.code] then return new_failed_answer(err); end
	return nil, err.code == "canceled" and "canceled" or tostring(err);
end

local known_types = {}; -- those that were asked for, in capitals: true

local function read_type(qtype)
	if known_types[qtype] then return qtype; end
	local name = qtype and tostring(qtype):upper() or "A";
	if not core.type_number(name) then return nil, ("unknown record type %s"):format(name); end
	known_types[name] = true;
	return name;
end

-- type | nil, problem
local function read_question(qtype, qclass)
	if qclass and qclass ~= "IN" and tostring(qclass):upper() ~= "IN" then
		return nil, ("class %s cannot be asked"):format(tostring(qclass):upper());
	end
	return read_type(qtype);
end

-- A receiver is the callback of a lookup for one of Prosody's. One that has received serves the next lookup: whoever asks for what is known
-- makes nothing for Lua's collector but answers.

local spare_receiver;
local receiver_mt = {};

function receiver_mt.__call(receiver, answer, err)
	local callback = receiver.callback;
	receiver.callback, spare_receiver = nil, receiver;
	local ok, failure = pcall(callback, convert(answer, err));
	if not ok then log("error", "Error in DNS callback: %s", failure); end
end

local function new_receiver(callback)
	local receiver = spare_receiver or setmetatable({}, receiver_mt);
	receiver.callback, spare_receiver = callback, nil;
	return receiver;
end

local function stop_first(stop_clock, callback)
	return function (answer, err)
		stop_clock();
		callback(answer, err);
	end;
end

local cache_methods = {};
local cache_mt = { __index = cache_methods };

function cache_mt:__tostring()
	local resolver, err = self.get_resolver();
	if not resolver then return tostring(err); end
	local lines = {};
	for i, answer in ipairs(resolver:cached()) do
		lines[i] = ("%s\t%s\t%d seconds left\t%s"):format(answer.qname, answer.type, answer.ttl, tostring(answer):gsub("\n", "\n\t"));
	end
	lines[#lines + 1] = ("%d answers"):format(#lines);
	return table.concat(lines, "\n");
end

function cache_mt:__call() -- as net.dns has it: a function
	return tostring(self);
end

-- The face. self: get_resolver, measure (Prosody 13: measure(class, type) starts a clock and gives what stops it), adns (whose lookup counts).

local function do_nothing() end

local function fail_lookup(callback, qname, qtype, problem)
	problem = tostring(problem);
	log("error", "Lookup of %s %s failed: %s", qname, qtype, problem);
	callback(nil, problem);
	return nil, problem;
end

local function lookup(self, callback, qname, qtype, qclass)
	local rdtype, problem = read_question(qtype, qclass);
	if not rdtype then return fail_lookup(callback, qname, qtype, problem); end
	local resolver, err = self.get_resolver();
	if not resolver then return fail_lookup(callback, qname, qtype, err); end
	if self.measure then callback = stop_first(self.measure("IN", rdtype), callback); end
	return resolver:query(qname, rdtype, new_receiver(callback), automatic);
end

local function cancel(of_lookup)
	of_lookup:cancel();
	return true;
end

-- Blocks.
local function wait_for(self, qname, qtype, qclass)
	local finished, answer, err;
	local begun, problem = lookup(self, function (...)
		finished, answer, err = true, ...;
	end, qname, qtype, qclass);
	if not begun then return nil, problem; end
	local resolver = self.get_resolver();
	while not finished do resolver:wait(); end
	return answer, err;
end

local function peek(self, qname, qtype, qclass)
	local rdtype, problem = read_question(qtype, qclass);
	if not rdtype then return nil, problem; end
	local resolver, err = self.get_resolver();
	if not resolver then return nil, tostring(err); end
	local answer, failure = resolver:peek(qname, rdtype);
	if answer or not failure then return answer; end
	return convert(nil, failure);
end

local function purge(self)
	local resolver, err = self.get_resolver();
	if not resolver then return nil, tostring(err); end
	resolver:flush();
	return true;
end

local function new_dns(self)
	return {
		types = types, classes = classes, cache = setmetatable({ get_resolver = self.get_resolver }, cache_mt);
		lookup = function (...) return wait_for(self, ...); end, cancel = cancel;
		peek = function (...) return peek(self, ...); end, purge = function () return purge(self); end;
		socket_wrapper_set = do_nothing, settimeout = do_nothing, query = do_nothing, random = do_nothing;
	};
end

local function refuse_servers()
	error("name servers are set in the configuration: xmppdns = { forward = ... }", 0);
end

local function new_resolver_face(self, dns)
	local resolver_face = {
		_resolver = {
			settimeout = do_nothing, closeall = do_nothing, cache = dns.cache, purge = dns.purge;
			addnameserver = refuse_servers, setnameserver = refuse_servers;
		};
	};

	function resolver_face.lookup(_, callback, qname, qtype, qclass)
		return self.adns.lookup(callback, qname, qtype, qclass);
	end

	function resolver_face.lookup_promise(one, qname, qtype, qclass)
		return promise.new(function (resolve, reject)
			one:lookup(function (answer, err)
				if answer then resolve(answer); else reject(err); end
			end, qname, qtype, qclass);
		end);
	end

	return resolver_face;
end

-- Prosody 13's histogram goes on: what it measures with is all that its own instrument knows.
local function take_measure(self, adns)
	if not adns.instrument then return; end
	local name, stock_measure = debug.getupvalue(adns.instrument, 1);
	if name == "measure" then self.measure = stock_measure; end
end

local function install(self, face, adns)
	local stock = {};
	take_measure(self, adns);
	for key in pairs(face) do stock[key] = adns[key]; end
	for key, value in pairs(face) do
		if key ~= "install" then adns[key] = value; end
	end
	self.adns = adns;
	return function ()
		for key, value in pairs(face) do
			if adns[key] == value then adns[key] = stock[key]; end
		end
	end;
end

-- get_resolver() -> resolver | nil, err. Gives a table like net.adns's, with install(adns), which puts its fields in place of those of adns, to which
-- others hold references, and gives a function that puts everything back; what face.resolver() gave then asks adns too.
local function new(get_resolver)
	local self = { get_resolver = get_resolver };
	local dns = new_dns(self);
	local resolver_face = new_resolver_face(self, dns);
	local face = { dns = dns, cancel = cancel, resolver = function () return resolver_face; end };
	self.adns = face;
	function face.lookup(...) return lookup(self, ...); end
	function face.new_async_socket() error("there are no DNS sockets: libunbound has its own"); end
	function face.instrument(measure) self.measure = measure; end
	function face.install(adns) return install(self, face, adns); end
	return face;
end

return { new = new };
