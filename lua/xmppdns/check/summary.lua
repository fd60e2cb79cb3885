-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- What is in order, each on one line.

local describe_days = require "xmppdns.check.certificate".describe_days;
local visible = require "xmppdns.check.tree".visible;

local function count_dane(report)
	local with, all = 0, 0;
	for _, shown in ipairs(report.endpoints) do
		all = all + 1;
		if shown.dane then with = with + 1; end
	end
	return with, all;
end

-- The day on which the first of its certificates ends, and the days until then; nil where none was looked at.
local function find_first_end(report)
	local first, days;
	for _, endpoints in ipairs({ report.endpoints, report.client and report.client.endpoints or nil }) do
		for _, shown in ipairs(endpoints) do
			for _, connection in ipairs(shown.connections) do
				if connection.days and (not first or connection.ends < first) then first, days = connection.ends, connection.days; end
			end
		end
	end
	return first, days;
end

local function describe_domain(report, style)
	local with, all = count_dane(report);
	local parts = { style("good", report.status), report.secure and "SRV secure" or "SRV not signed" };
	parts[#parts + 1] = with == 0 and "no DANE" or ("DANE at %d of %d endpoints"):format(with, all);
	local first, days = find_first_end(report);
	if first then parts[#parts + 1] = ("certificate until %s (%s)"):format(os.date("!%Y-%m-%d", first), describe_days(days)); end
	return ("%s: %s"):format(style("title", visible(report.given)), table.concat(parts, ", "));
end

local function describe_server(report, style)
	return ("%s: %s since %s, DNSSEC %s, DANE %s"):format(style("title", "server"), style("good", "active"), os.date("!%Y-%m-%d %H:%M UTC", report.since),
		report.dnssec or "not known", report.dane or "not known");
end

local function describe_health(findings, style)
	local asked = {};
	for i, server in ipairs(findings.servers) do asked[i] = visible(server.address); end
	return ("%s: %s, asks %s"):format(style("title", "resolver"), style("good", "healthy"), asked[1] and table.concat(asked, ", ") or "from the root");
end

return { describe_domain = describe_domain, describe_server = describe_server, describe_health = describe_health };
