-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- Whether the running server is protected, as it says itself, and whether that is what the configuration file asks for.

local admin_socket = require "xmppdns.prosody.admin_socket";
local from_prosody = require "xmppdns.prosody.modules";
local json = from_prosody "util.json";
local read_options = require "xmppdns.prosody.status".read_options;

local QUESTION = "xmppdns-status";

local STOCK = "Prosody goes on with its own resolver, and refuses connections for which anything is \"required\"";

-- What there is to say where the server does not answer: { text, advice }; the text gets what the socket said.
local SILENCES = {
	stopped = { "Prosody does not run, or not with this configuration (%s)", "start it" };
	deaf = { "Prosody runs, but has no admin socket (%s)", "add \"admin_shell\" to modules_enabled in the global section, and restart Prosody" };
	unreadable = { "Prosody cannot be asked (%s)", "run this as root, or as the user that Prosody runs as" };
	silent = { "Prosody does not answer (%s)", "it may be overloaded: look at its log" };
	absent = { "mod_xmppdns is not loaded in the running server", "add \"xmppdns\" to modules_enabled in the global section, and restart Prosody" };
};

local function add(report, level, topic, text, advice)
	local finding = { level = level, topic = topic, text = text, advice = advice };
	report.findings[#report.findings + 1] = finding;
	return finding;
end

local function describe_time(seconds)
	return os.date("!%Y-%m-%d %H:%M UTC", seconds);
end

local function count(number, noun)
	return ("%d %s%s"):format(number, noun, number == 1 and "" or "s");
end

-- Options

-- { setting, file, running }, sorted by the first; a side where it is not set is nil.
local function list_differences(running, file)
	local list = {};
	for setting, value in pairs(file) do
		if running[setting] ~= value then list[#list + 1] = { setting = setting, file = value, running = running[setting] }; end
	end
	for setting, value in pairs(running) do
		if file[setting] == nil then list[#list + 1] = { setting = setting, running = value }; end
	end
	table.sort(list, function (a, b) return a.setting < b.setting; end);
	return list;
end

local function report_differences(report, status)
	if not status.options then return; end
	report.differences = list_differences(status.options, read_options(from_prosody "core.configmanager".getconfig()));
	for _, found in ipairs(report.differences) do
		add(report, "warning", "settings", ("%s is %s in the running server, but %s in the file"):format(found.setting, found.running or "not set",
			found.file or "not set"), "prosodyctl reload puts the file into force");
	end
end

-- What it says

local function report_state(report, status)
	local since = describe_time(status.since);
	if status.active then
		add(report, "good", "state", ("mod_xmppdns is active since %s, in Prosody %s"):format(since, status.prosody));
	else
		add(report, "problem", "state", ("mod_xmppdns is loaded, but does not serve since %s: %s"):format(since, status.problem), STOCK);
	end
	if status.refused then
		add(report, "problem", "settings", "the last reload was refused, older settings stay in force: " .. status.refused);
	end
end

local function report_upstream(report, status)
	if not status.dnssec then return; end
	local asked = status.recursive and "from the root" or table.concat(status.servers, ", ");
	add(report, "good", "server", ("asks %s; DNSSEC %s, DANE %s"):format(asked, status.dnssec, status.dane));
	report.servers, report.dnssec, report.dane = status.servers, status.dnssec, status.dane;
	if status.insecure and status.insecure[1] then
		add(report, "good", "insecure", "insecure by your setting: " .. table.concat(status.insecure, ", "));
	end
end

local function report_anchors(report, status)
	if not status.anchors or status.dnssec == "off" then return; end
	local texts = {};
	for i, anchor in ipairs(status.anchors) do
		local note = anchor.state or anchor.verdict ~= "unknown" and anchor.verdict or nil;
		texts[i] = ("%s %s %d%s"):format(anchor.zone, anchor.kind, anchor.tag, note and (" (%s)"):format(note) or "");
	end
	add(report, texts[1] and "good" or "problem", "anchors",
		("trust anchors (%s): %s"):format(status.anchor_source or "none", texts[1] and table.concat(texts, ", ") or "none"));
	report.anchors = status.anchors;
end

local function report_work(report, status)
	if not status.cache then return; end
	add(report, "good", "cache", ("%s remembered, %d KiB; %s under way"):format(count(status.cache.entries, "answer"),
		math.ceil(status.cache.bytes / 1024), count(status.under_way, "lookup")));
	report.cache = status.cache;
end

local function report_failures(report, status)
	report.failures = status.failures or {};
	if not report.failures[1] then return; end
	local more = {};
	for i, failure in ipairs(report.failures) do more[i] = ("%s: %s"):format(describe_time(failure.at), failure.text); end
	add(report, "good", "failures", "lookups that failed last").more = more;
end

local function judge(report)
	report.ok = true;
	for _, finding in ipairs(report.findings) do
		if finding.level == "problem" then report.ok = false; end
	end
	return report;
end

-- Whether there is a process of the pidfile's number.
local function has_process()
	local could_tell, is_running = from_prosody "util.prosodyctl".isrunning();
	return could_tell and is_running;
end

-- What the server that runs with that data directory answers to a question of that name; or nil, its state, and about that a text and advice.
local function ask_for(name, data)
	local text, state, problem = admin_socket.ask(name, data);
	local answer = text and json.decode(text);
	if answer then return answer; end
	if state == "stopped" and has_process() then state = "deaf"; end
	state = state or "silent";
	local silence = SILENCES[state];
	return nil, state, silence[1]:format(problem or "an answer that cannot be read"), silence[2];
end

-- Asks the server that runs with that data directory:
-- { ok, state = "active", "closed", "absent", "stopped", "deaf", "unreadable" or "silent", since (seconds since 1970), problem,
-- findings (as those of xmppdns.trust.health; more: texts below one), servers, dnssec, dane, anchors, cache, failures, differences, ports }.
local function ask(data)
	local report = { findings = {} };
	local status, state, text, advice = ask_for(QUESTION, data);
	if not status then
		report.state = state;
		add(report, "problem", "state", text, advice);
		return judge(report);
	end
	report.state, report.since, report.problem, report.ports = status.active and "active" or "closed", status.since, status.problem, status.ports;
	report_state(report, status);
	report_upstream(report, status);
	report_anchors(report, status);
	report_work(report, status);
	report_differences(report, status);
	report_failures(report, status);
	return judge(report);
end

return { ask = ask, ask_for = ask_for };
