-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- The look at the resolver's health that comes a moment after it was configured, and lines about it for Prosody's log.

local health = require "xmppdns.trust.health";
local recovery = require "xmppdns.trust.recovery";
local visible = require "xmppdns.check.tree".visible;

local DELAY = 1; -- seconds: what has just started shall serve its users first, and who unloads the module at once waits for nothing

local function log_findings(log, findings)
	for _, finding in ipairs(findings) do
		if finding.level ~= "good" then
			log("warn", "%s%s", visible(finding.text), finding.advice and "; " .. finding.advice or "");
		end
	end
end

-- settings: the table that the resolver was made from; where it allows it and the servers strip DNSSEC, the resolver asks from the root then.
-- log(level, format, ...). Gives a function that prevents it.
local function start(resolver, settings, log)
	local timer = resolver:after(DELAY, function ()
		health.check(resolver, function (findings)
			log_findings(log, findings);
			recovery.recover(resolver, settings, findings, function (_, text)
				if text then log("warn", "%s", visible(text)); end
			end);
		end);
	end);
	return function () resolver:cancel_timer(timer); end;
end

return { start = start };
