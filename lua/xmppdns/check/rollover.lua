-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- Which TLSA records a certificate asks for, and where a change of keys stands: what is published and what is served, compared with them.

local association = require "xmppdns.check.certificate".association;
local load_chain = require "xmppdns.check.certificate".load_chain;
local owner_name = require "xmppdns.plan.tlsa".owner_name;

-- Records: { usage, selector, matching, data }

local function is_same(a, b)
	return a.usage == b.usage and a.selector == b.selector and a.matching == b.matching and a.data == b.data;
end

local function contains(records, wanted)
	for _, record in ipairs(records) do
		if is_same(record, wanted) then return true; end
	end
	return false;
end

-- Those of the wanted kinds for the chain: the server's certificate for usage 3, the last authority in it for usage 2.
local function list_wanted(chain, usages)
	local records = {};
	for _, kind in ipairs(usages) do
		local certificate = kind.use == 3 and chain[1] or chain[2] and chain[#chain];
		if certificate then
			local data = association(certificate, kind.select, kind.match);
			records[#records + 1] = { usage = kind.use, selector = kind.select, matching = kind.match, data = data };
		end
	end
	return records;
end

-- Whether a record is about that certificate; nil where that cannot be told.
local function is_of(record, certificate)
	local data = record.usage == 3 and association(certificate, record.selector, record.matching);
	if not data then return nil; end
	return data == record.data;
end

-- What is published

local function find_published(report, shown)
	for _, target in ipairs(report.targets) do
		for _, found in ipairs(target.host == shown.host and target.tlsa or {}) do
			if found.port == shown.port then return found; end
		end
	end
end

local function list_usable(found)
	local usable = {};
	for _, record in ipairs(found and found.records or {}) do
		if record.usable then usable[#usable + 1] = record; end
	end
	return usable;
end

-- Usable records about other certificates than this.
local function list_others(published, certificate)
	local others = {};
	for _, record in ipairs(published) do
		if is_of(record, certificate) == false then others[#others + 1] = record; end
	end
	return others;
end

-- Where it stands

local function has_match(shown)
	for _, connection in ipairs(shown.connections) do
		if connection.match == "dane" then return true; end
	end
	return false;
end

local function has_served_key(certificate, shown)
	return association(shown.certificate, 1, 1) == association(certificate, 1, 1);
end

local STAGES = {
	unsigned = "DNSSEC does not secure the way there (%s): TLSA records would not count, sign the zones first";
	unknown = "the published records cannot be looked up: %s";
	silent = "the server cannot be asked for its certificate: %s";
	first = "publish the new record: nothing is published yet";
	done = "nothing to do: what is published is what is served";
	broken = "publish the new record at once, or serve the old key again: what is served matches nothing that is published";
	publish = "publish the new record beside the old one, which is still served";
	wait = "wait until %s, when the old answer's TTL is over (unless the new record has been there for longer), then switch the certificate";
	switch = "switch to the new certificate at once: what is served matches nothing that is published";
	remove = "remove the old record: the new key is served";
};

local is_problem = { unsigned = true, unknown = true, silent = true, broken = true, switch = true };

local function describe_time(seconds)
	return os.date("!%Y-%m-%d %H:%M:%S UTC", seconds);
end

-- Why records would not count, or cannot be seen: a stage and what its text needs; nil when they would and can.
local function refuse(found)
	if not found or found.skipped then return "unsigned", found and found.skipped or "no answer"; end
	if found.error then return "unknown", found.error.text; end
	if found.dnssec ~= "secure" then return "unsigned", "the TLSA answer is not secure"; end
end

local function contains_all(published, wanted)
	for _, record in ipairs(wanted) do
		if not contains(published, record) then return false; end
	end
	return true;
end

-- found: the report's TLSA answer; certificate: the one to publish, or nil. Gives the stage, what its text needs, and the records of other keys.
local function judge(wanted, certificate, found, shown)
	local refusal, reason = refuse(found);
	if refusal then return refusal, reason; end
	local published = list_usable(found);
	if certificate and not published[1] then return "first"; end
	if not shown.certificate then return "silent", shown.connections[1] and shown.connections[1].problem or "not dialled"; end
	if not contains_all(published, wanted) then return has_match(shown) and "publish" or "broken"; end
	if not has_served_key(certificate, shown) then
		if not has_match(shown) then return "switch"; end
		return "wait", describe_time(os.time() + (found.ttl or 0));
	end
	local others = list_others(published, certificate);
	return others[1] and "remove" or "done", nil, others;
end

local function inspect_endpoint(report, shown, chain, options)
	chain = chain or { shown.certificate };
	local found = find_published(report, shown);
	local wanted = chain[1] and list_wanted(chain, options.usages) or {};
	local stage, detail, others = judge(wanted, chain[1], found, shown);
	return {
		host = shown.host, port = shown.port, name = found and found.name or owner_name(shown.host, shown.port), ttl = found and found.ttl;
		records = wanted, published = list_usable(found), others = others or {}, stage = stage, text = detail and STAGES[stage]:format(detail) or STAGES[stage];
	};
end

-- What to publish for every endpoint of a report that has been dialled: a list of { host, port, name, records, published, others (published ones of
-- other keys), ttl, stage (a key of STAGES), text (what to do next) }; or nil and a problem.
-- options: path (of a PEM file, or nil: what is served), usages (list of { use, select, match }).
local function inspect(report, options)
	local chain, problem;
	if options.path then chain, problem = load_chain(options.path); end
	if problem then return nil, problem; end
	local list, seen = {}, {};
	for _, endpoints in ipairs({ report.endpoints, report.client and report.client.endpoints or nil }) do
		for _, shown in ipairs(endpoints) do
			local place = ("%s %d"):format(shown.host, shown.port);
			if not seen[place] then
				seen[place] = true;
				list[#list + 1] = inspect_endpoint(endpoints == report.endpoints and report or report.client, shown, chain, options);
			end
		end
	end
	return list;
end

return { inspect = inspect, is_problem = is_problem };
