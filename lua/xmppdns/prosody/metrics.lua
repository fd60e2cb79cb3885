-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- What a resolver does, as metrics of Prosody: prosody_mod_xmppdns__lookups and so on.

local core = require "xmppdns.core";

-- Upper bounds in seconds: the cache; servers nearby and far away; retries; plans that end at their deadline.
local BUCKETS = { 0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30 };

-- Who asks decides about types; these are counted apart, all others as one.
local TYPES = { "A", "AAAA", "CNAME", "DNSKEY", "DS", "MX", "NAPTR", "NS", "PTR", "SOA", "SRV", "SVCB", "TLSA", "TXT" };

-- name, description, and where the resolver's stats have it
local COUNTERS = {
	{ "attempts", "Attempts of lookups, first ones and repeated ones", "attempts" };
	{ "retries", "Attempts after one that failed", "retries" };
	{ "tcp_switches", "Attempts that went over to TCP", "tcp_attempts" };
	{ "probes", "Questions without validation, which tell a forged answer from a broken server", "probes" };
	{ "probe_verdicts", "Probes that could tell a forged answer from a broken server", "probe_verdicts" };
	{ "rebuilds", "Rebuilds of the resolver", "rebuilds" };
	{ "rebuilds_denied", "Rebuilds that were left out because the last one was a moment ago", "rebuilds_denied" };
	{ "shared_lookups", "Lookups that joined an identical one under way", "shared" };
	{ "stale_answers", "Lookups answered with expired data because every attempt had failed", "stale" };
	{ "cache_hits", "Questions that the cache has answered", "cache", "hits" };
	{ "cache_misses", "Questions that the cache could not answer", "cache", "misses" };
	{ "cache_evictions", "Answers forgotten early for want of room", "cache", "evictions" };
};

local GAUGES = {
	{ "cache_bytes", "Bytes of the answers in the cache", "cache", "bytes" };
	{ "cache_entries", "Answers in the cache", "cache", "entries" };
	{ "lookups_in_flight", "Lookups under way", "in_flight" };
	{ "lookups_waiting", "Lookups that wait until others are done", "waiting" };
	{ "contexts", "Contexts of libunbound", "contexts" };
};

local PAUSE = 0.1; -- seconds, at least, from one collection to the next

local type_names = {};
for _, name in ipairs(TYPES) do type_names[core.type_number(name)] = name; end

local function type_name(rdtype)
	local number = type(rdtype) == "number" and rdtype or core.type_number(rdtype);
	return type_names[number] or "other";
end

local metrics_methods = {};
local metrics_mt = { __index = metrics_methods };

-- The counter for one type and outcome. Both have few values, so that what is remembered is bounded.
local function lookup_counter(self, rdtype, outcome)
	local name = type_name(rdtype);
	local key = name .. " " .. outcome;
	local counter = self.by_outcome[key];
	if not counter then
		counter = self.lookups:with_labels(name, outcome);
		self.by_outcome[key] = counter;
	end
	return counter;
end

-- For resolver.on_done.
function metrics_methods:count_lookup(rdtype, answer, err, seconds)
	local outcome = answer and (answer.secure and "secure" or "insecure") or err.code;
	lookup_counter(self, rdtype, outcome):add(1);
	self.seconds:sample(seconds);
end

-- Counts, once each, the plan's endpoints that are settled: "established" for the one in use, if it is, and the errors' codes.
function metrics_methods:count_plan(plan, is_established)
	if not plan then return; end
	if is_established then self.endpoints:with_labels("established"):add(1); end
	for _, endpoint in ipairs(plan.endpoints) do
		if endpoint.error and not self.counted[endpoint] then
			self.counted[endpoint] = true;
			self.endpoints:with_labels(endpoint.error.code):add(1);
		end
	end
end

-- For Prosody's event "stats-update". The counters are the resolver's own: a new one starts at 0, as after a restart.
function metrics_methods:collect(resolver)
	local stats = resolver:stats();
	for _, entry in ipairs(self.entries) do
		local value = stats[entry.path[1]];
		if entry.path[2] then value = value[entry.path[2]]; end
		entry.metric:set(value);
	end
end

-- The same in a moment, once for all lookups that end until then: the resolver's counters shall be about as fresh as those of count_lookup, and cost
-- the server nothing where thousands of lookups end in a second.
function metrics_methods:collect_soon(resolver)
	if self.due == resolver or resolver.closed then return; end
	self.due = resolver;
	resolver:after(math.max(0, self.not_before - core.now()), function ()
		self.due, self.not_before = nil, core.now() + PAUSE;
		self:collect(resolver);
	end);
end

local function add_entries(self, module, kind, definitions)
	for _, definition in ipairs(definitions) do
		local family = module:metric(kind, definition[1], "", definition[2]);
		table.insert(self.entries, { metric = family:with_labels(), path = { definition[3], definition[4] } });
	end
end

-- Registers them in Prosody, for the module's lifetime.
local function new(module)
	local self = setmetatable({ by_outcome = {}, entries = {}, not_before = 0, counted = setmetatable({}, { __mode = "k" }) }, metrics_mt);
	self.lookups = module:metric("counter", "lookups", "", "Lookups by record type and outcome", { "type", "outcome" });
	self.seconds = module:metric("histogram", "lookup", "seconds", "Time from question to answer, the cache's included", {}, { buckets = BUCKETS }):with_labels();
	self.endpoints = module:metric("counter", "endpoints", "", "Endpoints of other servers by what became of them", { "outcome" });
	add_entries(self, module, "counter", COUNTERS);
	add_entries(self, module, "gauge", GAUGES);
	return self;
end

return { new = new };
