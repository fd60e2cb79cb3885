-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- xmppdns.await in a real Prosody: in the threads of its util.async, as in those of another module's own.

local certificates = require "spec.support.certificates";
local misdns = require "spec.support.misdns";
local process = require "spec.support.process";
local prosody = require "spec.support.prosody";

-- Three items for one runner, of which the first and the last wait; then a coroutine.
local AWAITING = [[
local async, xmppdns = require "util.async", require "xmppdns";
local function ask(name)
	local answer = xmppdns.await(xmppdns.repeated_query, name, "A", {});
	module:log("info", "awaited %s: %s", name, answer and answer[1].a);
end
local runner = async.runner(function (name)
	module:log("info", "begins %s", name);
	if name ~= "between.example" then ask(name); end
	module:log("info", "ends %s", name);
end);
module:hook_global("server-started", function ()
	for _, name in ipairs({ "one.example", "between.example", "two.example" }) do runner:run(name); end
	coroutine.wrap(function () ask("three.example"); end)();
end, -2000);
]];

describe("xmppdns.prosody.waiter:", function ()
	local server, dns;

	setup(function ()
		dns = misdns.start();
		for _, name in ipairs({ "one", "two", "three" }) do dns:records(name .. ".example", "A", { "192.0.2.1" }); end
		local plugins = process.directory("waiter-plugins");
		process.write(plugins .. "/mod_awaiting.lua", AWAITING);
		server = prosody.start({
			name = "waiter", authority = certificates.new_authority(), modules = { "xmppdns", "awaiting" }, hosts = { ["one.test"] = "one.test" };
			config = ("plugin_paths = { %q, %q }\nxmppdns = { forward = %q, dnssec = \"off\", resolvconf = false }"):format(
				process.run({ "pwd" }):gsub("\n", "") .. "/mod_xmppdns", plugins, dns.forward);
		});
	end);

	teardown(function ()
		server:stop();
		dns:stop();
	end);

	it("a runner waits, goes on, and loses nothing that came meanwhile", function ()
		assert.is_truthy(process.wait_until(function () return server:log():find("ends two.example", 1, true); end, 60));
		local lines = {};
		for line in server:log():gmatch("\tinfo\t([abe]%l+ [otb]%l+%.example[^\n]*)") do
			if not line:find("three", 1, true) then lines[#lines + 1] = line; end
		end
		assert.same({
			"begins one.example", "awaited one.example: 192.0.2.1", "ends one.example", "begins between.example", "ends between.example";
			"begins two.example", "awaited two.example: 192.0.2.1", "ends two.example";
		}, lines);
	end);

	it("a coroutine of another module waits as anywhere", function ()
		assert.is_truthy(process.wait_until(function () return server:log():find("awaited three.example: 192.0.2.1", 1, true); end, 60));
		assert.not_matches("\terror\t", server:log());
	end);
end);
