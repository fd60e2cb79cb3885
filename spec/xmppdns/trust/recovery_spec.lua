-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders

local health = require "xmppdns.trust.health";
local misdns = require "spec.support.misdns";
local process = require "spec.support.process";
local recovery = require "xmppdns.trust.recovery";
local xmppdns = require "xmppdns";
local zones = require "spec.support.zones";

local dns, forwarder;
local resolver;

setup(function ()
	dns = zones.serve({
		["secure.example"] = { records = "@ A 127.9.8.7" };
		["plain.example"] = { records = "@ A 127.9.8.8", signed = false };
	}, 53);
	forwarder = misdns.start({ upstream = dns.forward });
end);
teardown(function ()
	forwarder:stop();
	dns:stop();
end);
before_each(function ()
	forwarder:clear();
	forwarder:open_tcp();
end);
after_each(function ()
	if resolver then resolver:close(); end
	resolver = nil;
end);

-- What start(done) calls done with; only the resolver itself is waited for.
local function wait_for(start)
	local result, count = nil, 0;
	start(function (...)
		result, count = { ... }, count + 1;
	end);
	while count == 0 do assert.is_true(resolver:wait(60)); end
	assert.equal(1, count);
	return result;
end

local function check(settings)
	resolver = assert(xmppdns.new(settings));
	return wait_for(function (done) health.check(resolver, done); end)[1];
end

local function through_forwarder(extra)
	local settings = dns:settings({ forward = forwarder.forward, timeout = 3 });
	for name, value in pairs(extra or {}) do settings[name] = value; end
	return settings;
end

local function look_up(name)
	local answer, err = xmppdns.repeated_query(name, "A", { resolver = resolver, attempts = 1 });
	return answer and { answer[1].a, answer.secure } or err.code;
end

describe("recovery: with a server that strips DNSSEC", function ()
	local function recover(extra)
		forwarder:rule({ fault = "strip" });
		local settings = through_forwarder(extra);
		local findings = check(settings);
		return wait_for(function (done) recovery.recover(resolver, settings, findings, done); end);
	end

	it("upstream = \"auto\" asks from the root instead, and says so", function ()
		local result = recover({ roothints = dns.hints });
		assert.same({ true, forwarder.forward .. ": DNSSEC is stripped on the way: asking from the root instead" }, result);
		assert.same({ { "127.9.8.7", true }, { "127.9.8.8", false } }, { look_up("secure.example"), look_up("plain.example") });
		assert.is_true(resolver:settings().recursive);
	end);

	it("upstream = \"auto\" stays, and fails closed, where the root cannot be asked", function ()
		local hints = process.write(process.directory() .. "/nobody.hints", ". 3600 IN NS ns.\nns. 3600 IN A " .. process.free_address() .. "\n");
		local result = recover({ roothints = hints });
		assert.is_false(result[1]);
		assert.matches("stripped on the way, and the root cannot be asked instead %(.*%): every lookup fails", result[2]);
		assert.same({ "bogus", "bogus" }, { look_up("secure.example"), look_up("plain.example") });
	end);

	it("upstream = \"forward\" fails closed, and says what to do", function ()
		local result = recover({ upstream = "forward", roothints = dns.hints });
		assert.is_nil(result[1]);
		assert.matches("upstream = \"forward\" allows no other way: every lookup fails: ask others %(forward = %.%.%.%)", result[2]);
		assert.same({ "bogus", "bogus" }, { look_up("secure.example"), look_up("plain.example") });
	end);

	it("nothing is done where nothing is stripped", function ()
		local settings = dns:settings();
		local findings = check(settings);
		assert.same({}, wait_for(function (done) recovery.recover(resolver, settings, findings, done); end));
	end);
end);
