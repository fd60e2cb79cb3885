-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders

local checkup = require "xmppdns.prosody.checkup";
local process = require "spec.support.process";
local xmppdns = require "xmppdns";
local zones = require "spec.support.zones";

describe("checkup", function ()
	local dns, lines;

	setup(function ()
		dns = zones.serve({ ["secure.example"] = {} });
	end);

	teardown(function ()
		dns:stop();
	end);

	before_each(function ()
		lines = {};
	end);

	local function log(level, ...)
		table.insert(lines, level .. ": " .. string.format(...));
	end

	-- Works until something is logged, or for so long.
	local function wait(resolver, seconds)
		process.wait_until(function ()
			resolver:wait(0.05);
			return lines[1];
		end, seconds);
	end

	it("says nothing of a healthy resolver", function ()
		local settings = dns:settings();
		local resolver = assert(xmppdns.new(settings));
		checkup.start(resolver, settings, log);
		wait(resolver, 2);
		local asked = resolver:stats().outcomes.answered;
		resolver:close();
		assert.same({ 1, {} }, { asked, lines });
	end);

	it("warns of a server that does not answer, with advice", function ()
		local settings = dns:settings({ timeout = 1, forward = { dns.forward, ("%s@%d"):format(dns.address, process.free_port(dns.address)) } });
		local resolver = assert(xmppdns.new(settings));
		checkup.start(resolver, settings, log);
		wait(resolver, 5);
		resolver:close();
		assert.equal(1, #lines);
		assert.matches("^warn: " .. settings.forward[2]:gsub("%p", "%%%0") .. " .*; is it the right address", lines[1]);
	end);

	it("can be canceled", function ()
		local settings = dns:settings();
		local resolver = assert(xmppdns.new(settings));
		checkup.start(resolver, settings, log):cancel();
		wait(resolver, 1.3);
		local asked = resolver:stats().lookups;
		resolver:close();
		assert.equal(0, asked);
	end);
end);
