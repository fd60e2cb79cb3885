-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
local process = require "spec.support.process";
local upstream = require "xmppdns.testcontext";

local function file(name, content)
	return process.write(process.directory("upstream") .. "/" .. name, content);
end

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
		assert.same({ "127.0.0.1@853#dns.example", "127.0.0.1@5853#dns.example", "127.0.0.2@853#127.0.0.2", "::1@5#::1", "fe80::1%lo@853#fe80::1" },
			machine({ tls = true, forward = { "127.0.0.1#dns.example", "127.0.0.1@5853#dns.example", "127.0.0.2", "::1@5", "fe80::1%lo" } }).servers);
	end);

	it("is the root where the file gives no server, with why (17.4)", function ()
		local folder = process.directory("upstream");
		for path, why in pairs({ [file("emptied.conf", "")] = "empty", [folder] = "a directory", ["/dev/null"] = "empty" }) do
			assert.same({ ("%s: %s: asking from the root instead"):format(path, why) }, machine({ resolvconf = path }).warnings);
		end
	end);

	it("waits for a resolv.conf that is named and not there (17.4)", function ()
		local dangling = process.directory("upstream") .. "/dangling";
		process.run({ "ln", "-sf", "/nonexistent/stub-resolv.conf", dangling });
		for path, why in pairs({ ["/nonexistent/file"] = "not there yet", [dangling] = "a symbolic link to a file that is not there yet" }) do
			assert.equal(('resolvconf = "%s": %s'):format(path, why), select(2, upstream.read_upstream({ resolvconf = path })));
		end
	end);

	it("is not waited for when its file is a pipe, nor read when it has no end", function ()
		local fifo = process.directory("upstream") .. "/fifo";
		process.run({ "mkfifo", fifo });
		assert.same({ fifo .. ": a pipe: asking from the root instead" }, machine({ resolvconf = fifo }).warnings);
		assert.same({ "/dev/zero: File too large: asking from the root instead" }, machine({ resolvconf = "/dev/zero" }).warnings);
		assert.same({ "/dev/zero: File too large: no hosts are read" }, machine({ resolvconf = false, hoststxt = "/dev/zero" }).warnings);
	end);
end);
