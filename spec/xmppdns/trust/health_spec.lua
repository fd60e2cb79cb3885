-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders

local health = require "xmppdns.trust.health";
local held = require "spec.support.held";
local misdns = require "spec.support.misdns";
local process = require "spec.support.process";
local resolvers = require "xmppdns.resolver";
local testprocess = require "xmppdns.testprocess";
local xmppdns = require "xmppdns";
local zones = require "spec.support.zones";

local dns, forwarder;
local resolver;

setup(function ()
	dns = zones.serve({
		["secure.example"] = { records = "@ A 127.9.8.7" };
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

local function new(settings)
	resolver = assert(xmppdns.new(settings));
	return resolver;
end

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

local function check(settings, options)
	new(settings);
	return wait_for(function (done) health.check(resolver, done, options); end)[1];
end

local function through_forwarder(extra)
	local settings = dns:settings({ forward = forwarder.forward, timeout = 3 });
	for name, value in pairs(extra or {}) do settings[name] = value; end
	return settings;
end

-- "problem server", "good root", ...: each finding's level and topic.
local function topics(findings)
	local list = {};
	for i, finding in ipairs(findings) do list[i] = finding.level .. " " .. finding.topic; end
	return list;
end

local function find(findings, topic)
	for _, finding in ipairs(findings) do
		if finding.topic == topic then return finding; end
	end
end

local function look_up(name)
	local answer, err = xmppdns.repeated_query(name, "A", { resolver = resolver, attempts = 1 });
	return answer and { answer[1].a, answer.secure } or err.code;
end

describe("health: a check", function ()
	it("finds nothing wrong with a server that answers over UDP and TCP and keeps DNSSEC", function ()
		local findings = check(dns:settings());
		assert.same({ "good server", "good root", "good anchors", "good clock" }, topics(findings));
		assert.same({ true, false }, { findings.ok, findings.stripped });
		assert.equal(dns.forward .. " answers over UDP and TCP", findings[1].text);
	end);

	it("leaves no thread and no descriptor behind", function ()
		new(dns:settings());
		look_up("secure.example");
		local before = held.settled();
		wait_for(function (done) health.check(resolver, done); end);
		assert.is_true(held.becomes(before));
	end);

	it("makes one resolver a turn of the loop, for each takes some milliseconds", function ()
		local made = spy.on(resolvers, "new");
		finally(function () made:revert(); end);
		new(dns:settings({ forward = { dns.forward, forwarder.forward, "127.0.0.1@9" } }));
		local first, most, ended = #made.calls, 0, false;
		local before = first;
		health.check(resolver, function () ended = true; end, { timeout = 0.5 });
		repeat
			most = math.max(most, #made.calls - before);
			before = #made.calls;
			resolver:wait(10);
		until ended;
		assert.same({ 1, 6 }, { most, #made.calls - first });
	end);

	it("ends without a word when the resolver is closed", function ()
		local called = false;
		new(dns:settings());
		health.check(resolver, function () called = true; end);
		resolver:wait(0.01);
		resolver:close();
		collectgarbage();
		assert.is_false(called);
	end);

	it("warns of a server without TCP, and of one without UDP", function ()
		forwarder:close_tcp();
		local findings = check(through_forwarder());
		assert.same({ "warning server", "good root", "good anchors", "good clock" }, topics(findings));
		assert.matches("answers over UDP, fails over TCP", findings[1].text);
		assert.is_true(findings.ok);
		resolver:close();
		forwarder:open_tcp();
		forwarder:rule({ fault = "silence", transport = "udp" });
		findings = check(through_forwarder());
		assert.matches("answers over TCP, does not answer over UDP", findings[1].text);
	end);

	it("finds a server that is silent, and one that refuses", function ()
		forwarder:rule({ fault = "silence" });
		local findings = check(through_forwarder());
		assert.same({ "problem server", "problem root", "good anchors", "good clock" }, topics(findings));
		assert.matches("does not answer over UDP, does not answer over TCP$", findings[1].text);
		assert.is_false(findings.ok);
		resolver:close();
		forwarder:clear();
		forwarder:rule({ fault = "refused" });
		findings = check(through_forwarder());
		assert.same({ "failed", "failed", "failed" }, { findings.root.state, findings.servers[1].udp.state, findings.servers[1].tcp.state });
	end);

	it("says which of several servers is the bad one", function ()
		forwarder:rule({ fault = "silence" });
		local findings = check(dns:settings({ forward = { dns.forward, forwarder.forward }, timeout = 3 }));
		assert.same({ dns.forward, "good", "good", forwarder.forward, "silent", "silent" }, {
			findings.servers[1].address, findings.servers[1].udp.state, findings.servers[1].tcp.state;
			findings.servers[2].address, findings.servers[2].udp.state, findings.servers[2].tcp.state;
		});
	end);

	it("knows a server that strips DNSSEC, and one that does without EDNS", function ()
		forwarder:rule({ fault = "strip" });
		local findings = check(through_forwarder());
		assert.same({ "good server", "problem stripped", "problem root", "good anchors", "good clock" }, topics(findings));
		assert.same({ true, "bogus", "stripped" }, { findings.stripped, findings.root.state, findings.root.cause });
		resolver:close();
		forwarder:clear();
		forwarder:rule({ fault = "formerr", edns = true });
		assert.is_true(check(through_forwarder()).stripped);
	end);

	it("knows an anchor that the root is not signed with, and warns of one that is about to be revoked", function ()
		local settings = dns:settings({ trusted = ". IN DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D" });
		settings.trustfile = nil;
		local findings = check(settings, { now = os.time({ year = 2026, month = 11, day = 20 }) });
		assert.same({ "good server", "problem root", "warning anchors", "good clock" }, topics(findings));
		assert.same({ "anchors", false }, { findings.root.cause, findings.stripped });
		assert.equal("trust anchors (settings): . DS 20326 (retired); the root is no longer signed by 20326, which is revoked on 2027-01-11",
			find(findings, "anchors").text);
		resolver:close();
		findings = check(settings, { now = os.time({ year = 2027, month = 2, day = 1 }) });
		assert.matches("%. DS 20326 %(revoked%); the root's only anchor is revoked$", find(findings, "anchors").text);
	end);

	it("is content with the two anchors of today", function ()
		local settings = dns:settings({ trusted = {
			". IN DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D",
			". IN DS 38696 8 2 683D2D0ACB8C9B712A1948B27F741219298D0A450D612C483AF444A4C0FB2B16",
		} });
		settings.trustfile = nil;
		local findings = check(settings, { now = os.time({ year = 2026, month = 11, day = 20 }) });
		assert.equal("trust anchors (settings): . DS 20326 (retired), . DS 38696 (current)", find(findings, "anchors").text);
		assert.equal("good", find(findings, "anchors").level);
	end);

	it("knows a clock that is before this software, or by which the root's signatures are not valid", function ()
		local findings = check(dns:settings(), { now = os.time({ year = 2020, month = 1, day = 2, hour = 12 }) });
		assert.equal("problem", find(findings, "clock").level);
		assert.matches("^the clock says 2020%-01%-02 .* before this software was made$", find(findings, "clock").text);
		resolver:close();
		local old = zones.serve({ ["."] = { fault = "expired" } });
		findings = check(old:settings());
		assert.same({ "bogus", "clock", "problem" }, { findings.root.state, findings.root.cause, find(findings, "clock").level });
		old:stop();
	end);

	it("says that nothing is validated with dnssec = \"off\"", function ()
		local findings = check(dns:settings({ dnssec = "off" }));
		assert.same({ "good server", "warning root", "good clock" }, topics(findings));
	end);

	it("18.7: out of descriptors says that, and blames neither servers nor anchors", function ()
		for _, left in ipairs({ 0, 8 }) do
			new(dns:settings({ timeout = 3 }));
			look_up("secure.example");
			finally(function () testprocess.limit_descriptors(); end);
			testprocess.limit_descriptors(left);
			local findings = wait_for(function (done) health.check(resolver, done); end)[1];
			testprocess.limit_descriptors();
			assert.same({ "problem server", "problem root", "good anchors", "good clock" }, topics(findings));
			assert.same({ "failed", "machine", false }, { findings.root.state, findings.root.cause, findings.stripped });
			for _, topic in ipairs({ "server", "root" }) do assert.matches("^this machine lacks descriptors", find(findings, topic).advice); end
			resolver:close();
		end
	end);

	it("passes on what the settings' files warn of", function ()
		local path = process.write(process.directory() .. "/resolv.conf", ("nameserver nobody\nnameserver %s\n"):format(dns.address));
		local findings = check({ resolvconf = path, trustfile = dns.anchors });
		assert.same({ "good server", "warning settings", "good root", "good anchors", "good clock" }, topics(findings));
	end);

	it("asks over TCP alone where resolv.conf says use-vc (17.4)", function ()
		forwarder:rule({ fault = "silence", transport = "udp" });
		local path = process.write(process.directory() .. "/use-vc.conf", ("nameserver %s\noptions use-vc\n"):format(dns.address));
		local findings = check(through_forwarder({ resolvconf = path }));
		assert.same({ "good server", "good server", "good root", "good anchors", "good clock" }, topics(findings));
		assert.equal(forwarder.forward .. " answers over TCP", findings[1].text);
	end);
end);
