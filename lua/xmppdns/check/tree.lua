-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- What a check has found as a tree, for a terminal or for a file.

local branches = require "xmppdns.check.branches";
local describe_end = require "xmppdns.check.certificate".describe_end;

local add, draw, node = branches.add, branches.draw, branches.node;

local COLOURS = { good = "32", warning = "33", problem = "31", title = "1", faint = "2" };
local SHOWN_BYTES = 8; -- of a TLSA record's data

local LEVELS = {
	secure = "good", insecure = "warning", bogus = "problem", failed = "problem";
	good = "good", degraded = "warning", unreachable = "problem";
};

-- What came from the network may hold anything: only printable ASCII reaches the screen, the rest as \DDD.
local function visible(text)
	return (tostring(text):gsub("[^ -~]", function (byte) return ("\\%03d"):format(byte:byte()); end));
end

-- The same for what the user has typed, where well-formed UTF-8 of letters is allowed: everything but controls.
local function visible_name(text)
	local rest = text:gsub("[\195-\223][\128-\191]", ""):gsub("[\225\227-\236\238\239][\128-\191][\128-\191]", "");
	return rest:find("[^ -~]") and visible(text) or text;
end

-- A style is a function: style(level, text) -> text. colour, unicode: whether it may use them.
local function new_style(colour)
	return function (level, text)
		local code = colour and COLOURS[level];
		return code and ("\27[%sm%s\27[0m"):format(code, text) or text;
	end
end

-- Domains

-- "secure, TTL 300"
local function describe_state(style, found)
	local text = style(LEVELS[found.dnssec], found.dnssec .. (found.by_setting and " by your setting" or ""));
	return found.ttl and ("%s, TTL %d"):format(text, found.ttl) or text;
end

-- Why, below the record that it is about: without that one's name, which libunbound says once more.
local function describe_cause(text)
	text = text:gsub("^[%u%d, ]+ of %S+: ", ""):gsub("^bogus: ", ""):gsub("validation failure <[^>]*>: ", "");
	return visible(text);
end

local function add_error(style, parent, err)
	if err then add(parent, style("problem", describe_cause(err.text))); end
end

local function add_service(style, root, found)
	local child = add(root, ("SRV %s: %s%s"):format(visible(found.name), describe_state(style, found),
		found.state == "absent" and ", no records" or found.state == "unavailable" and ", says that there is no such service" or ""));
	for _, record in ipairs(found.records) do
		add(child, ("priority %d, weight %d: %s port %d"):format(record.priority, record.weight, visible(record.target), record.port));
	end
	add_error(style, child, found.error);
end

local function add_addresses(style, target_node, found)
	local list = {};
	for i, address in ipairs(found.addresses) do list[i] = visible(address); end
	local text = found.error and "" or (list[1] and table.concat(list, ", ") or "none") .. ", ";
	local alias = found.alias and ", by way of " .. visible(found.alias) or "";
	local child = add(target_node, ("%s: %s%s%s"):format(found.type, text, describe_state(style, found), alias));
	add_error(style, child, found.error);
end

local function describe_tlsa(style, record)
	local data = record.data:sub(1, 2 * SHOWN_BYTES) .. (#record.data > 2 * SHOWN_BYTES and "..." or "");
	local verdict = record.usable and style("good", "usable") or style("warning", "not usable: " .. visible(record.reason));
	return ("%d %d %d %s, %s"):format(record.usage, record.selector, record.matching, data, verdict);
end

local function add_tlsa(style, target_node, found)
	if found.skipped then
		add(target_node, style("faint", ("TLSA for port %d: not used: %s"):format(found.port, found.skipped)));
		return;
	end
	local none = not found.error and not found.records[1] and "none, " or "";
	local child = add(target_node, ("TLSA for port %d: %s%s"):format(found.port, none, describe_state(style, found)));
	for _, record in ipairs(found.records) do add(child, describe_tlsa(style, record)); end
	add_error(style, child, found.error);
end

local function add_target(style, root, target)
	local child = add(root, visible(target.host));
	for _, found in ipairs(target.addresses) do add_addresses(style, child, found); end
	for _, found in ipairs(target.tlsa) do add_tlsa(style, child, found); end
end

local MATCHES = { dane = "the certificate matches by DANE", name = "the certificate matches by name" };

local function describe_connection(style, connection)
	local parts = {};
	if connection.protocol then parts[#parts + 1] = visible(connection.protocol); end
	if connection.alpn then parts[#parts + 1] = "ALPN " .. visible(connection.alpn); end
	if connection.match then
		local name = connection.name and (" (%s)"):format(visible(connection.name)) or "";
		parts[#parts + 1] = style("good", MATCHES[connection.match] .. name);
	end
	if connection.problem then parts[#parts + 1] = style("problem", visible(connection.problem)); end
	return ("%s: %s"):format(visible(connection.address), table.concat(parts, ", "));
end

-- "its A is bogus" of a failure that stands above already, with its reason, or that reason.
local function describe_skipping(err)
	local rdtype, code = err.text:match("^(%u+) of %S+: (%l+): ");
	return rdtype and ("its %s is %s"):format(rdtype, code == "bogus" and code or "not known (" .. code .. ")") or describe_cause(err.text);
end

local function describe_endpoint(style, endpoint)
	local how = endpoint.tls == "direct" and "direct TLS" or "STARTTLS";
	local place = ("%s port %d, %s"):format(visible(endpoint.host), endpoint.port, how);
	if endpoint.error then return ("%s, %s"):format(place, style("problem", "skipped: " .. describe_skipping(endpoint.error))); end
	local addresses = {};
	for i, address in ipairs(endpoint.addresses) do addresses[i] = visible(address); end
	return ("%s%s: %s"):format(place, endpoint.dane and ", " .. style("good", "DANE") or "", table.concat(addresses, ", "));
end

local function describe_record(record)
	return ("%d %d %d %s"):format(record.usage, record.selector, record.matching, record.data);
end

-- Both fingerprints, where they differ.
local function add_fingerprints(parent, connection)
	for _, record in ipairs(connection.published or {}) do add(parent, "published: " .. describe_record(record)); end
	for _, record in ipairs(connection.served or {}) do add(parent, "served:    " .. describe_record(record)); end
end

local function add_connection(style, parent, connection)
	local child = add(parent, describe_connection(style, connection));
	if connection.days then
		add(child, style(connection.level, ("for %s; %s, on %s"):format(visible(table.concat(connection.names, ", ")), describe_end(connection.days),
			os.date("!%Y-%m-%d", connection.ends))));
	end
	if connection.without_dane then
		local is_good = connection.without_dane == "good";
		add(child, style(is_good and "good" or "warning", "for servers without DANE: " .. (is_good and "it matches by name" or visible(connection.without_dane))));
	end
	add_fingerprints(child, connection);
end

local function add_endpoints(style, root, report, title)
	if not report.endpoints[1] then return; end
	local child = add(root, title);
	for i, endpoint in ipairs(report.endpoints) do
		local line = add(child, ("%d. %s"):format(i, describe_endpoint(style, endpoint)));
		if endpoint.here then add(line, style(endpoint.here.level, endpoint.here.text)); end
		for _, connection in ipairs(endpoint.connections) do add_connection(style, line, connection); end
	end
	if report.left_out > 0 then add(child, style("warning", ("max_endpoints leaves out %d more"):format(report.left_out))); end
end

local function domain_title(style, report, unicode)
	local given = unicode and visible_name(report.given) or visible(report.given);
	local name = style("title", given) .. (report.domain:lower() ~= report.given:lower() and (" (%s)"):format(visible(report.domain)) or "");
	return ("%s: %s"):format(name, style(LEVELS[report.status], report.exists == false and "does not exist" or report.status));
end

-- Why nothing is dialled, where an answer above does not say it already.
local function explain_error(report)
	for _, found in ipairs(report.srv) do
		if found.error then return ("with a%s SRV answer nobody knows where to"):format(found.dnssec == "bogus" and " bogus" or "n unknown"); end
	end
	for _, endpoint in ipairs(report.endpoints) do
		if endpoint.error then return "every endpoint is skipped"; end
	end
	return visible(report.error.text);
end

local function add_client(style, root, client)
	local child = add(root, "for clients");
	for _, found in ipairs(client.srv) do add_service(style, child, found); end
	for _, target in ipairs(client.targets) do add_target(style, child, target); end
	add_endpoints(style, child, client, "endpoints");
end

local function describe_tags(tags)
	return tags[1] and table.concat(tags, ", ") or "none";
end

-- One zone of a chain of trust (see xmppdns.check.chain).
local function add_zone(style, parent, zone)
	local keys = zone.keys[1] and (", keys %s"):format(describe_tags(zone.keys)) or "";
	local ds = zone.ds[1] and (", DS %s"):format(describe_tags(zone.ds)) or "";
	local child = add(parent, ("%s: %s%s%s"):format(visible(zone.zone), describe_state(style, { dnssec = zone.dnssec, by_setting = zone.by_setting }), ds, keys));
	if zone.note then add(child, visible(zone.note)); end
	if zone.days then add(child, style(zone.level, "its signatures " .. describe_end(zone.days, "end"))); end
	add_error(style, child, zone.error);
	return child;
end

local function add_chain(style, root, chain)
	local parent = add(root, "chain of trust");
	for _, zone in ipairs(chain) do parent = add_zone(style, parent, zone); end
end

local function add_servers(style, root, report)
	for _, target in ipairs(report.targets) do add_target(style, root, target); end
	add_endpoints(style, root, report, "dialled in this order");
	if report.error then add(root, style("problem", "nothing is dialled: " .. explain_error(report))); end
end

-- The tree of one domain's report (see xmppdns.check.domain). width: of the screen, or nil: as wide as it is.
local function draw_domain(report, style, unicode, width)
	local root = node(domain_title(style, report, unicode));
	if report.chain then add_chain(style, root, report.chain); end
	for _, found in ipairs(report.srv) do add_service(style, root, found); end
	if report.exists ~= false then add_servers(style, root, report); end
	if report.advice then add(root, report.advice); end
	if report.client then add_client(style, root, report.client); end
	return draw(root, unicode, width);
end

-- Configuration

-- Whether anything is wrong with it, and not only doubtful.
local function has_problems(findings)
	for _, finding in ipairs(findings) do
		if not finding.level then return true; end
	end
	return false;
end

-- What is wrong with it (see xmppdns.prosody.configuration), by section.
local function draw_configuration(findings, style, unicode, width)
	local is_wrong, sections = has_problems(findings), {};
	local root = node(("%s: %s"):format(style("title", "configuration"), is_wrong and style("problem", "wrong") or style("warning", "doubtful")));
	for _, finding in ipairs(findings) do
		local name = finding.section;
		sections[name] = sections[name] or add(root, unicode and visible_name(name) or visible(name));
		local level = finding.level or "problem";
		add(add(sections[name], ("%s: %s"):format(style(level, level), visible(finding.text))), finding.advice);
	end
	return draw(root, unicode, width);
end

-- Health

local function add_finding(style, root, finding)
	local child = add(root, ("%s: %s"):format(style(finding.level, finding.level), visible(finding.text)));
	if finding.advice then add(child, visible(finding.advice)); end
	for _, text in ipairs(finding.more or {}) do add(child, visible(text)); end
end

-- The tree of a resolver's health (see xmppdns.trust.health); recovery: { recovered, text } or nil.
local function draw_health(findings, recovery, style, unicode, width)
	local status = findings.ok and "good" or "problem";
	local root = node(("%s: %s"):format(style("title", "resolver"), style(status, findings.ok and "healthy" or "sick")));
	for _, finding in ipairs(findings) do add_finding(style, root, finding); end
	if recovery and recovery.text then
		add(root, style(recovery.recovered and "warning" or "problem", visible(recovery.text)));
	end
	return draw(root, unicode, width);
end

local SERVER_STATES = {
	active = "active", closed = "does not serve", absent = "not enabled", stopped = "not running";
	deaf = "cannot be asked", unreadable = "cannot be asked", silent = "does not answer";
};

-- What the running server says (see xmppdns.prosody.running).
local function draw_server(report, style, unicode, width)
	local root = node(("%s: %s"):format(style("title", "server"), style(report.ok and "good" or "problem", SERVER_STATES[report.state])));
	for _, finding in ipairs(report.findings) do add_finding(style, root, finding); end
	return draw(root, unicode, width);
end

return {
	new_style = new_style, draw_configuration = draw_configuration, draw_domain = draw_domain, draw_health = draw_health, draw_server = draw_server;
	has_problems = has_problems, visible = visible, visible_name = visible_name;
};
