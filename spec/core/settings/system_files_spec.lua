-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
local process = require "spec.support.process";
local upstream = require "xmppdns.testcontext";

local function file(name, content)
	return process.write(process.directory("system_files") .. "/" .. name, content);
end

local function resolvconf(text)
	local config = upstream.parse_resolvconf(text);
	return {
		servers = config.servers, warnings = config.warnings, timeout = config.resolvconf_timeout, attempts = config.resolvconf_attempts;
		use_vc = config.use_vc or nil;
	};
end

local function hosts(text)
	local config = upstream.parse_hosts(text);
	return { hosts = config.hosts, warnings = config.warnings };
end

describe("xmppdns.core: resolv.conf", function ()
	it("gives its name servers, each with its port, and the options timeout and attempts", function ()
		assert.same({ servers = { "127.0.0.1@53", "::1@53" }, warnings = {}, timeout = 3, attempts = 4 }, resolvconf([[
# a comment
; another
domain example.org
search example.org example.net
nameserver 127.0.0.1
	nameserver	::1   # behind the address
options rotate timeout:3 ndots:2 attempts:4 timeout:
sortlist 127.0.0.0
]]));
	end);

	it("may end its lines with CR LF, or not end the last one", function ()
		assert.same({ servers = { "127.0.0.1@53", "127.0.0.2@53" }, warnings = {}, timeout = 1 },
			resolvconf("nameserver 127.0.0.1\r\noptions timeout:1\r\nnameserver 127.0.0.2"));
	end);

	it("may be empty", function ()
		assert.same({ servers = {}, warnings = {} }, resolvconf(""));
		assert.same({ servers = {}, warnings = {} }, resolvconf("\n\n\r\n"));
	end);

	it("takes at most 30 seconds and 5 attempts, as the C library does", function ()
		assert.same({ servers = {}, warnings = {}, timeout = 30, attempts = 5 }, resolvconf("options timeout:99999999999999999999 attempts:6"));
		assert.same({ servers = {}, warnings = {}, timeout = 30, attempts = 5 }, resolvconf("options timeout:30 attempts:5"));
	end);

	it("means this host by 0.0.0.0 and :: (17.4)", function ()
		assert.same({ "127.0.0.1@53", "::1@53", "::1@53" }, resolvconf("nameserver 0.0.0.0\nnameserver ::\nnameserver 0:0::0.0.0.0\n").servers);
	end);

	it("has servers up to the third, as in the C library (17.4)", function ()
		assert.same({ servers = { "127.0.0.1@53", "127.0.0.2@53", "127.0.0.3@53" }, warnings = {
			'resolv.conf, line 2: "nonsense" skipped: not an IP address',
			'resolv.conf, line 5: "127.0.0.4" skipped: the C library asks the first three only',
		} }, resolvconf("nameserver 127.0.0.1\nnameserver nonsense\nnameserver 127.0.0.2\nnameserver 127.0.0.3\nnameserver 127.0.0.4\n"));
	end);

	it("may ask for TCP by use-vc (17.4)", function ()
		assert.is_true(resolvconf("nameserver ::1\noptions ndots:1 use-vc timeout:3\n").use_vc);
		assert.is_nil(resolvconf("nameserver ::1\noptions use-vcs no-use-vc\nuse-vc\n").use_vc);
	end);

	it("may name a server on an interface that exists", function ()
		assert.same({
			servers = { "fe80::1%lo@53", "fe80::2%1@53" };
			warnings = { 'resolv.conf, line 2: "fe80::1%nosuchif" skipped: no such interface' };
		}, resolvconf("nameserver fe80::1%lo\nnameserver fe80::1%nosuchif\nnameserver fe80::2%1\n"));
	end);

	it("is not refused for bad lines, which are skipped with a warning", function ()
		assert.same({
			servers = { "127.0.0.2@53" };
			warnings = {
				'resolv.conf, line 1: "127.0.0" skipped: not an IP address',
				'resolv.conf, line 2: "" skipped: not an IP address',
				'resolv.conf, line 3: "127.0.0.1@5" skipped: not an IP address',
				'resolv.conf, line 4: "127.0.0.1?" skipped: not an IP address',
			};
		}, resolvconf("nameserver 127.0.0\nnameserver\nnameserver 127.0.0.1@5\nnameserver 127.0.0.1\0\nnameserver 127.0.0.2 127.0.0.3\n"));
	end);

	it("may have very long lines", function ()
		local config = resolvconf("search " .. ("a."):rep(50000) .. "\nnameserver " .. ("1"):rep(50000) .. "\nnameserver 127.0.0.1\n");
		assert.same({ "127.0.0.1@53" }, config.servers);
		assert.equal(1, #config.warnings);
	end);

	it("gives a bounded number of warnings", function ()
		local config = resolvconf(("nameserver x\n"):rep(1000));
		assert.equal(21, #config.warnings);
		assert.equal("resolv.conf: more lines are skipped", config.warnings[21]);
	end);
end);

describe("xmppdns.core: hosts", function ()
	it("become local data, each name in lower case and absolute", function ()
		assert.same({ warnings = {}, hosts = {
			"localhost. IN A 127.0.0.1", "host.example.org. IN A 127.0.0.2", "host. IN A 127.0.0.2", "under_score. IN AAAA ::1",
		} }, hosts("# comment\n127.0.0.1 localhost\n127.0.0.2\tHost.Example.ORG. host # more\r\n\n ::1 under_score"));
	end);

	it("that cannot be local data are skipped with a warning", function ()
		assert.same({
			hosts = { "good. IN A 127.0.0.2" };
			warnings = {
				'hosts, line 1: "fe80::1%lo0" skipped: not an IP address',
				'hosts, line 2: "a..b" skipped: not a host\'s name',
				'hosts, line 2: "caf??" skipped: not a host\'s name',
				'hosts, line 2: "a;b" skipped: not a host\'s name',
				'hosts, line 2: "." skipped: not a host\'s name',
				'hosts, line 2: "$TTL" skipped: not a host\'s name',
				'hosts, line 2: "a\\b" skipped: not a host\'s name',
				'hosts, line 3: "garbage" skipped: not an IP address',
				'hosts, line 4: "' .. ("x"):rep(63) .. '" skipped: not a host\'s name',
			};
		}, hosts("fe80::1%lo0 localhost\n127.0.0.2 a..b good café a;b . $TTL a\\b\ngarbage\n127.0.0.1 " .. ("x"):rep(64) .. "\n127.0.0.1\n"));
	end);

	it("may be ten thousand", function ()
		local lines = {};
		for i = 1, 10000 do
			lines[i] = ("127.1.%d.%d host%d.example.org"):format(math.floor(i / 250), i % 250, i);
		end
		local path = file("hosts", table.concat(lines, "\n"));
		assert.equal(10000, #hosts(table.concat(lines, "\n")).hosts);
		local context = assert(upstream.new({ resolvconf = false, hoststxt = path }));
		local question = context:ask("host9999.example.org", "A");
		repeat local more = context:process(60); until context:answered(question) == 1 or not more;
		assert.same({ "\127\1\39\249" }, { context:answer(question)[1] });
		context:delete();
	end);
end);

describe("xmppdns.core: garbage", function ()
	it("in either file does no harm", function ()
		local urandom = assert(io.open("/dev/urandom", "rb"));
		for size = 0, 600, 3 do
			local garbage = urandom:read(size) or "";
			for _, text in ipairs({ garbage, "nameserver " .. garbage, "options timeout:" .. garbage, "127.0.0.1 " .. garbage .. "\n" .. garbage }) do
				upstream.parse_resolvconf(text);
				assert.is_table(upstream.parse_hosts(text));
			end
		end
		urandom:close();
	end);

	it("from a line cut anywhere does no harm", function ()
		local text = "nameserver fe80::1%lo\r\noptions timeout:3\n127.0.0.1 host.example\n";
		for size = 0, #text do
			assert.is_table(upstream.parse_resolvconf(text:sub(1, size)));
			assert.is_table(upstream.parse_hosts(text:sub(1, size)));
		end
	end);
end);
