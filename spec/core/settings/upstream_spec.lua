-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
local process = require "spec.support.process";
local upstream = require "xmppdns.testcontext";

local IANA = {
	". IN DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D",
	". IN DS 38696 8 2 683D2D0ACB8C9B712A1948B27F741219298D0A450D612C483AF444A4C0FB2B16",
};

local function file(name, content)
	return process.write(process.directory("upstream") .. "/" .. name, content);
end

local function resolvconf(text)
	local config = upstream.parse_resolvconf(text);
	return { servers = config.servers, warnings = config.warnings, timeout = config.resolvconf_timeout, attempts = config.resolvconf_attempts };
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

	it("takes numbers above 30 as 30", function ()
		assert.same({ servers = {}, warnings = {}, timeout = 30, attempts = 30 }, resolvconf("options timeout:99999999999999999999 attempts:31"));
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

describe("xmppdns.core: the upstream", function ()
	local function machine(settings)
		local config = assert(upstream.read_upstream(settings));
		return { recursive = config.recursive, servers = config.servers, warnings = config.warnings };
	end

	it("is the system's when nothing else is named", function ()
		local config = upstream.read_upstream({});
		assert.is_true(config.resolvconf);
		for _, other in ipairs({ { forward = "127.0.0.1" }, { upstream = "recursive" }, { stub = { ["."] = "127.0.0.1" } },
			{ roothints = file("hints", ". 3600000 NS a.root.example.\na.root.example. 3600000 A 127.0.0.1\n") } }) do
			assert.is_false(upstream.read_upstream(other).resolvconf);
		end
		assert.is_true(upstream.read_upstream({ stub = { ["example.org"] = "127.0.0.1" } }).resolvconf);
	end);

	it("is the servers of forward and resolvconf together", function ()
		local path = file("resolv.conf", "nameserver 127.0.0.3\n");
		assert.same({ recursive = false, servers = { "127.0.0.1@5300", "127.0.0.2@53", "127.0.0.3@53" }, warnings = {} },
			machine({ forward = { "127.0.0.1@5300", "127.0.0.2" }, resolvconf = path }));
	end);

	it("is the root with a warning when the file has no server", function ()
		local path = file("empty.conf", "search example.org\n");
		assert.same({ recursive = true, servers = {}, warnings = { path .. ": no usable nameserver in it: asking from the root instead" } },
			machine({ resolvconf = path }));
	end);

	it("is the root without a warning when that is asked for", function ()
		assert.same({ recursive = true, servers = {}, warnings = {} }, machine({ upstream = "recursive" }));
		assert.same({ recursive = true, servers = {}, warnings = {} }, machine({ resolvconf = false }));
	end);

	it("is asked over TLS on port 853", function ()
		assert.same({ "127.0.0.1@853#dns.example", "127.0.0.1@5853#dns.example", "127.0.0.2@853" },
			machine({ tls = true, forward = { "127.0.0.1#dns.example", "127.0.0.1@5853#dns.example", "127.0.0.2" } }).servers);
	end);

	it("is not waited for when its file is a pipe, nor read when it has no end", function ()
		local fifo = process.directory("upstream") .. "/fifo";
		process.run({ "mkfifo", fifo });
		assert.same({ fifo .. ": Invalid argument: asking from the root instead" }, machine({ resolvconf = fifo }).warnings);
		assert.same({ "/dev/zero: File too large: asking from the root instead" }, machine({ resolvconf = "/dev/zero" }).warnings);
		assert.same({ "/dev/zero: File too large: no hosts are read" }, machine({ resolvconf = false, hoststxt = "/dev/zero" }).warnings);
	end);
end);

describe("xmppdns.core: trust anchors", function ()
	local function anchors(settings)
		local config = assert(upstream.read_upstream(settings));
		return { anchors = config.anchors, file = config.anchor_file, autotrust = config.autotrust, source = config.anchor_source };
	end

	it("come from the settings", function ()
		local path = file("root.key", IANA[1] .. "\n");
		assert.same({ anchors = { IANA[2] }, source = "settings" }, anchors({ trusted = IANA[2] }));
		assert.same({ anchors = { IANA[2] }, file = path, source = "settings" }, anchors({ trusted = IANA[2], trustfile = path }));
		assert.same({ anchors = {}, file = path, source = path }, anchors({ trustfile = path }));
		assert.same({ anchors = {}, autotrust = path, source = path }, anchors({ autotrust = path }));
	end);

	it("come from the system's first root key file that holds one, else they are built in", function ()
		local expected = { anchors = IANA, source = "built in" };
		for _, path in ipairs({ "/var/lib/unbound/root.key", "/usr/share/dns/root.key", "/usr/share/dnssec-root/trusted-key.key",
			"/etc/unbound/root.key" }) do
			local content = process.read(path);
			if content and ("\n" .. content):find("\n[^;\n]+%sD[NS]") then
				expected = { anchors = {}, file = path, source = path };
				break;
			end
		end
		assert.same(expected, anchors({}));
		assert.same(expected, anchors({ dnssec = "off" }));
	end);
end);
