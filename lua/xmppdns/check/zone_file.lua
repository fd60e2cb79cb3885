-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- TLSA records to publish, as a zone file has them, with what else there is to know as its comments.

local visible = require "xmppdns.check.tree".visible;
local fold = require "xmppdns.check.fold".fold;

local BOUND = "What is published binds your server's own connections too: other servers judge the certificate that it shows them by these records.";

local function describe_kind(record)
	return ("%d %d %d"):format(record.usage, record.selector, record.matching);
end

local function add_comment(lines, text, width)
	for _, line in ipairs(fold(visible(text), width and width - 2)) do lines[#lines + 1] = "; " .. line; end
end

local function add_record(lines, name, record)
	lines[#lines + 1] = ("%s. IN TLSA %s ("):format(visible(name), describe_kind(record));
	for place = 1, #record.data, 64 do
		local is_last = place + 64 > #record.data;
		lines[#lines + 1] = ("\t%s%s"):format(record.data:sub(place, place + 63), is_last and " )" or "");
	end
end

-- What is there and not wanted: it stays until the text says otherwise.
local function add_published(lines, found, width)
	for _, record in ipairs(found.published) do
		add_comment(lines, ("published: %s %s"):format(describe_kind(record), record.data), width);
	end
end

local function add_endpoint(lines, found, width)
	lines[#lines + 1] = "";
	add_comment(lines, ("%s port %d"):format(found.host, found.port), width);
	for _, record in ipairs(found.records) do add_record(lines, found.name, record); end
	add_published(lines, found, width);
	for _, record in ipairs(found.others) do add_comment(lines, ("old: %s %s"):format(describe_kind(record), record.data), width); end
	add_comment(lines, "next: " .. found.text, width);
end

-- Of a domain's report with tlsa.
local function draw(report, width)
	local lines = {};
	add_comment(lines, ("%s, certificate from %s"):format(report.given, report.tlsa_source), width);
	for _, found in ipairs(report.tlsa) do add_endpoint(lines, found, width); end
	if not report.tlsa[1] then add_comment(lines, "no server to publish records for: " .. (report.error and report.error.text or report.status), width); end
	lines[#lines + 1] = "";
	add_comment(lines, BOUND, width);
	return table.concat(lines, "\n") .. "\n";
end

return { draw = draw };
