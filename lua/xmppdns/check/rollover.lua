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
	remove = "remove the old record: the new key is served";
};

local function describe_time(seconds)
	return os.date("!%Y-%m-%d %H:%M:%S UTC", seconds);
end

-- found: of the report. Gives the stage, what its text needs, and the records that are left from other keys.
local function judge(wanted, certificate, found, shown)
	if not found or found.skipped then return "unsigned", found and found.skipped or "no answer"; end
	if found.error then return "unknown", found.error.text; end
	if found.dnssec ~= "secure" then return "unsigned", "the TLSA answer is not secure"; end
	local published, is_complete = list_usable(found), true;
	for _, record in ipairs(wanted) do is_complete = is_complete and contains(published, record); end
	if not published[1] then return "first"; end
	if not shown.certificate then return "silent", shown.connections[1] and shown.connections[1].problem or "not dialled"; end
	if not is_complete then return has_match(shown) and "publish" or "broken"; end
	local is_new = has_served_key(certificate, shown);
	if not is_new then return "wait", describe_time(os.time() + (found.ttl or 0)); end
	local others = list_others(published, certificate);
	if others[1] then return "remove", nil, others; end
	return "done";
end

local function inspect_endpoint(report, shown, chain, options)
	local found = find_published(report, shown);
	local certificate = chain and chain[1] or shown.certificate;
	local result = { host = shown.host, port = shown.port, name = found and found.name or owner_name(shown.host, shown.port), records = {}, others = {} };
	result.published, result.ttl = list_usable(found), found and found.ttl;
	if not certificate then
		result.stage = "silent";
		result.text = STAGES.silent:format(shown.connections[1] and shown.connections[1].problem or "not dialled");
		return result;
	end
	result.records = list_wanted(chain or { certificate }, options.usages);
	local stage, detail, others = judge(result.records, certificate, found, shown);
	result.stage, result.text, result.others = stage, detail and STAGES[stage]:format(detail) or STAGES[stage], others or {};
	return result;
end

-- What to publish for every endpoint of a report that has been dialled: a list of { host, port, name, records, published, others (published ones of
-- other keys), ttl, stage (a key of STAGES), text (what to do next) }, with source = where the certificate is from; or nil and a problem.
-- options: path (of a PEM file, or nil: what is served), usages (list of { use, select, match }).
local function inspect(report, options)
	local chain, problem;
	if options.path then chain, problem = load_chain(options.path); end
	if problem then return nil, problem; end
	local list, seen = { source = options.path or "the server itself" }, {};
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

return { inspect = inspect };
