-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders

local prosody_util = require "spec.support.prosody_util";
prosody_util("cache");

local certificates = require "spec.support.certificates";
local logging = require "xmppdns.prosody.logging";
local misdns = require "spec.support.misdns";
local process = require "spec.support.process";
local prosody = require "spec.support.prosody";
local resolvers = require "xmppdns.resolver";
local zones = require "spec.support.zones";

describe("logging", function ()
	local lines, logs, resolver;

	setup(function () resolver = assert(resolvers.new({ resolvconf = false, insecure = "lan" })); end);
	teardown(function () resolver:close(); end);

	before_each(function ()
		lines = {};
		logs = logging.new(function (level, ...) table.insert(lines, level .. ": " .. string.format(...)); end);
	end);

	local function failure(code, text)
		return setmetatable({ code = code }, { __tostring = function () return text; end });
	end

	local function warnings()
		local found = {};
		for _, line in ipairs(lines) do
			if line:find("^warn") then table.insert(found, line); end
		end
		return found;
	end

	it("has one line at debug for each lookup", function ()
		logs:lookup(resolver, "a.example", "A", { {}, status = "NoError", secure = true, from_cache = true }, nil, 0.0004);
		logs:lookup(resolver, "a.example", "SRV", { status = "NXDomain", secure = false }, nil, 0.0123);
		logs:lookup(resolver, "host.lan", "A", { {}, status = "NoError", secure = false }, nil, 0);
		logs:lookup(resolver, "a..b", "A", nil, failure("name", "a..b: name: an empty label"), 0);
		assert.same({
			"debug: A of a.example: NoError, secure, records: 1, 0 ms, from the cache";
			"debug: SRV of a.example: NXDomain, insecure, records: 0, 12 ms";
			"debug: A of host.lan: NoError, insecure by your setting, records: 1, 0 ms";
			"debug: a..b: name: an empty label, 0 ms";
		}, lines);
	end);

	it("shows names from the network as printable text", function ()
		logs:lookup(resolver, "a\27\nb.example", "A", { status = "NoError", secure = true }, nil, 0);
		logs:lookup(resolver, "b.example", "A", nil, failure("bogus", "bogus\n\0"), 0);
		assert.is_nil(table.concat(lines):find("[^ -~]"));
	end);

	it("warns once of a problem, whichever record of a name has it", function ()
		logs:lookup(resolver, "_xmpp-server._tcp.b.example", "SRV", nil, failure("bogus", "first"), 0);
		logs:lookup(resolver, "_xmpps-server._tcp.b.example", "SRV", nil, failure("bogus", "second"), 0);
		logs:lookup(resolver, "b.example", "A", nil, failure("bogus", "third"), 0);
		logs:lookup(resolver, "b.example", "A", nil, failure("timeout", "fourth"), 0);
		assert.same({ "warn: first", "warn: fourth" }, warnings());
	end);

	it("does not warn of what the caller has asked for", function ()
		for _, code in ipairs({ "canceled", "insecure", "name" }) do
			logs:lookup(resolver, "b.example", "A", nil, failure(code, code), 0);
		end
		assert.same({}, warnings());
	end);

	it("warns twenty times a minute at most, and says how many warnings that left out", function ()
		for i = 1, 30 do logs:problem("key " .. i, "problem %d", i); end
		assert.equal(20, #warnings());
		for place, at in ipairs(logs.times) do logs.times[place] = at - 10; end -- as if ten seconds had passed
		logs:problem("key 31", "problem 31");
		assert.equal(20, #warnings());
		for place, at in ipairs(logs.times) do logs.times[place] = at - 50; end
		for i = 32, 60 do logs:problem("key " .. i, "problem %d", i); end
		assert.same({ "warn: 11 more DNS problems were not logged", "warn: problem 32" }, { warnings()[21], warnings()[22] });
		assert.equal(41, #warnings());
	end);

	it("18.7: has room for other lines at warn, of the same one once in ten minutes, and twenty a minute with all others", function ()
		assert.is_true(logs:may_warn("refused a.example: why"));
		assert.is_false(logs:may_warn("refused a.example: why"));
		assert.is_true(logs:may_warn("refused b.example: why"));
		for i = 1, 18 do assert.is_true(logs:problem("problem " .. i, "%d", i)); end
		assert.is_false(logs:may_warn("refused c.example: why"));
		assert.equal(18, #warnings());
	end);

	it("18.7: warns once of what the machine lacks, whatever was to be looked up", function ()
		for i = 1, 30 do logs:lookup(resolver, ("a%d.example"):format(i), "A", nil, failure("system", "no descriptor " .. i), 0); end
		assert.same({ "warn: no descriptor 1" }, warnings());
	end);

	it("18.7: has of libunbound's errors the same one once, and twenty a minute at most with all others; what is left out is at debug", function ()
		for i = 1, 414 do logs:libunbound(("[%d] libunbound[123:%x] error: can't create socket: Too many open files"):format(1795900203 + i, i % 16)); end
		assert.same({ "warn: libunbound: [1795900204] libunbound[123:1] error: can't create socket: Too many open files" }, warnings());
		assert.equal(414, #lines);
		for i = 1, 100 do logs:libunbound(("[1795900203] libunbound[123:0] error: number %d"):format(i)); end
		assert.equal(20, #warnings());
		logs:libunbound("[1795900203] libunbound[123:0] info: resolving");
		assert.equal("debug: libunbound: [1795900203] libunbound[123:0] info: resolving", lines[#lines]);
	end);

	it("remembers a bounded number of problems", function ()
		for i = 1, 5000 do
			logs.times = {};
			logs:problem("key " .. i, "problem");
		end
		assert.equal(1000, logs.known:count());
	end);
end);

describe("logging: libunbound's own log", function ()
	it("goes to Prosody's, its errors as warnings, and nothing to standard output or error", function ()
		local dns = zones.serve({ ["secure.example"] = { records = "@ A 192.0.2.1" } });
		local forwarder = misdns.start({ upstream = dns.forward });
		forwarder:close_tcp(); -- the look at its health finds that, and libunbound says it in its own words
		local server = prosody.start({
			name = "logged", authority = certificates.new_authority(), modules = { "xmppdns" }, hosts = { ["one.test"] = "one.test" };
			config = ("xmppdns = { forward = %q, trustfile = %q, timeout = 2, options = { verbosity = 2 } }"):format(forwarder.forward, dns.anchors);
		});
		finally(function ()
			server:stop();
			forwarder:stop();
			dns:stop();
		end);
		assert.matches("secure", server:shell([[xmppdns:lookup("secure.example", "A")]]), 1, true);
		assert.is_truthy(process.wait_until(function () return server:log():find("warn\tlibunbound: ", 1, true); end));
		local log = server:log();
		assert.matches("mod_xmppdns\tdebug\tlibunbound: [^\n]*resolving secure%.example", log);
		assert.matches("mod_xmppdns\twarn\tlibunbound: [^\n]*error: [^\n]*Connection refused", log);
		assert.equal("", server.process:output());
	end);
end);
