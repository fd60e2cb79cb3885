-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- A resolver follows the keys of a root of our own (RFC 5011). The 30 days of waiting are one second here.

local autotrust = require "xmppdns.trust.autotrust";
local new = require "xmppdns.resolver".new;
local process = require "spec.support.process";
local xmppdns = require "xmppdns";
local zones = require "spec.support.zones";

local QUICK = { ["add-holddown"] = "1", ["permit-small-holddown"] = "yes" };

describe("autotrust", function ()
	local dns, folder, path, resolver, notices, number = nil, nil, nil, nil, nil, 0;

	setup(function () dns = zones.serve({ ["secure.example"] = { records = "@ A 192.0.2.1" } }); end);
	teardown(function () dns:stop(); end);

	before_each(function ()
		number = number + 1;
		folder, notices = process.directory("follow-" .. number), {};
		path = folder .. "/root.key";
		dns:update(".", { keys = { 1 } });
	end);
	after_each(function () if resolver then resolver:close(); end end);

	-- By default one that does not follow its keys by itself: the spec says when.
	local function open(extra, make)
		if resolver then resolver:close(); end
		local settings = dns:settings({ autotrust = path, options = QUICK, timeout = 3, cache_size = 0 });
		for key, value in pairs(extra or {}) do settings[key] = value or nil; end
		resolver = assert((make or new)(settings));
		function resolver.on_notice(text) table.insert(notices, text:match(": (.*)")); end
	end

	local function refresh()
		local ended, ttl, problem;
		autotrust.refresh(resolver, function (...) ended, ttl, problem = true, ...; end);
		while not ended do resolver:wait(60); end
		return ttl, problem;
	end

	local function states()
		local found = {};
		for state in (process.read(path) or ""):gmatch("%[ *(%u+) *%]") do found[#found + 1] = state:lower(); end
		return table.concat(found, " ");
	end

	-- Asks until the file says so: for a moment after an update of its zones NSD may still answer from the old ones.
	local function refresh_until(expected)
		assert(process.wait_until(function () return refresh() and states() == expected; end, 60), states());
	end

	local function is_secure()
		local answer = xmppdns.repeated_query("secure.example", "A", { resolver = resolver });
		return answer ~= nil and answer.secure;
	end

	local function wait_for_hold_down()
		process.wait_until(function () return false; end, 2.1);
	end

	it("follows the root to its next key, which then counts at once, and drops the one that is revoked", function ()
		open();
		refresh_until("valid");
		dns:update(".", { keys = { 1, 2 } });
		refresh_until("valid addpend");
		assert.equal(1, #resolver:settings().anchors);
		wait_for_hold_down();
		refresh_until("valid valid");
		assert.equal(2, #resolver:settings().anchors);
		dns:update(".", { keys = { -1, 2 } });
		refresh_until("revoked valid");
		assert.same({ 1, path, true }, { #resolver:settings().anchors, resolver:settings().anchor_source, is_secure() });
		dns:update(".", { keys = { 1 } });
		assert(process.wait_until(function ()
			assert.is_true(resolver:reconfigure());
			return not is_secure(); -- signed by the revoked key
		end, 60));
		assert.equal(3, #notices);
	end);

	it("believes a revocation only when the key has signed it itself", function ()
		open();
		refresh_until("valid");
		dns:update(".", { keys = { 1, 2 } });
		refresh_until("valid addpend");
		wait_for_hold_down();
		refresh_until("valid valid");
		dns:update(".", { keys = { -1.5, 2 } });
		refresh_until("missing valid");
		for _ = 1, 3 do refresh(); end
		assert.equal("missing valid", states());
		dns:update(".", { keys = { -1, 2 } });
		refresh_until("revoked valid");
	end);

	it("takes nothing from an answer that no trusted key has signed", function ()
		open();
		refresh_until("valid");
		dns:update(".", { keys = { 3 } });
		assert(process.wait_until(function () return not refresh(); end, 60));
		local before = process.read(path);
		for _ = 1, 2 do
			local ttl, problem = refresh();
			assert.is_nil(ttl);
			assert.matches("the keys of . cannot be asked for", problem, 1, true);
		end
		assert.same({ before, 1 }, { process.read(path), #notices });
	end);

	it("has revoked nothing when that would leave no key", function ()
		open();
		refresh_until("valid");
		dns:update(".", { keys = { -1 } });
		assert(process.wait_until(function () return not refresh(); end, 60));
		assert.equal("valid", states());
	end);

	it("goes on with the file of another process, or of libunbound", function ()
		open();
		refresh_until("valid");
		dns:update(".", { keys = { 1, 2 } });
		process.write(path, (process.read(path):gsub(";;count=0", ";;count=0 ;;of=libunbound"):gsub("^; autotrust[^\n]*", "; autotrust trust anchor file")));
		open({ trustfile = false, trusted = ". IN DS 1 13 2 " .. ("00"):rep(32) });
		refresh_until("valid addpend");
		assert.is_true(is_secure());
	end);

	it("15.3: goes on with a file as an operator makes it of what dig prints, with spaces in the key", function ()
		open();
		refresh_until("valid");
		local key = process.read(path):match("DNSKEY%s([^;]+) ;");
		process.write(path, (". 3600 IN DNSKEY %s %s\n"):format(key:sub(1, -45), key:sub(-44)));
		open({ trustfile = false, trusted = ". IN DS 1 13 2 " .. ("00"):rep(32) });
		assert.is_true(is_secure());
		refresh();
		assert.same({ "valid", true }, { states(), is_secure() });
	end);

	it("asks by itself, a moment after the start, and once for all who want it", function ()
		open({}, xmppdns.new);
		assert(process.wait_until(function () resolver:wait(0.1); return states() == "valid"; end, 60));
		local ended = 0;
		for _ = 1, 3 do autotrust.refresh(resolver, function () ended = ended + 1; end); end
		while ended < 3 do resolver:wait(60); end
		assert.same({}, notices);
	end);

	it("begins when other settings ask for it", function ()
		resolver = nil;
		local file = folder .. "/later.key";
		assert(xmppdns.configure(dns:settings({ timeout = 3 })));
		local automatic = assert(xmppdns.get_resolver());
		assert(xmppdns.configure(dns:settings({ timeout = 3, autotrust = file })));
		assert(process.wait_until(function () automatic:wait(0.1); return process.read(file); end, 60));
		assert(xmppdns.configure({}));
	end);

	describe("with a file", function ()
		for name, text in pairs({ ["that is empty, as libunbound left it behind on a full disk,"] = "", ["without a key"] = "; autotrust trust anchor file\n" }) do
			it(name .. " starts with the other anchors and makes it anew", function ()
				process.write(path, text);
				open();
				assert.same({ true, 300, "valid" }, { is_secure(), refresh(), states() });
			end);

			it(name .. " while it runs goes on with the keys from before, and makes it anew", function ()
				open();
				refresh();
				assert.is_true(resolver:reconfigure());
				process.write(path, text);
				assert.is_true(resolver:reconfigure());
				assert.same({ true, 300, "valid" }, { is_secure(), refresh(), states() });
				assert.same({ 1 }, { #notices });
				assert.matches("the trust anchors from before stay in use", notices[1]);
			end);

			it("15.3: " .. name .. " when other settings come goes on with the keys from before, and makes it anew", function ()
				local unrelated = ". IN DS 1 13 2 " .. ("00"):rep(32);
				open();
				refresh();
				open({ trustfile = false, trusted = unrelated }); -- as when the root has another key than those that are configured
				process.write(path, text);
				local other = dns:settings({ autotrust = path, options = QUICK, timeout = 4, cache_size = 0, trusted = unrelated });
				other.trustfile = nil;
				assert.is_true(resolver:reconfigure(other));
				assert.same({ true, 300, "valid" }, { is_secure(), refresh(), states() });
				resolver:process();
				assert.same({ "it holds no key: the root's keys from before stay trusted" }, notices);
			end);
		end
	end);

	-- In a process of its own, with a file system that fails: prints what came of each step.
	local function in_failing_file_system(steps)
		local program = process.write(folder .. "/program.lua", ([[
			package.path = "./lua/?.lua;" .. package.path;
			local autotrust, xmppdns = require "xmppdns.trust.autotrust", require "xmppdns";
			local folder = arg[1];
			local path = folder .. "/root.key";
			local settings = { forward = %q, trustfile = %q, resolvconf = false, hoststxt = false, timeout = 3, cache_size = 0, autotrust = path };
			local resolver;
			local function open()
				local err;
				resolver, err = xmppdns.new(settings);
				if not resolver then return print("refused: " .. err.text); end
				function resolver.on_notice(text) print((text:gsub(folder:gsub("%%p", "%%%%%%0"), "FOLDER"))); end
			end
			local function refresh()
				local ended, problem;
				autotrust.refresh(resolver, function (_, ...) ended, problem = true, ...; end);
				while not ended do resolver:wait(60); end
				print("refreshed", problem);
			end
			local function show()
				resolver:reconfigure();
				local answer, err = xmppdns.repeated_query("secure.example", "A", { resolver = resolver });
				local file = io.open(path);
				print(answer and answer.secure and "secure" or err and err.code or "insecure", file and file:read("*a"):find("VALID") and "whole" or "no key");
			end
			local function run(command) assert(os.execute(command:gsub("FOLDER", folder))); end
			]]):format(dns.forward, dns.anchors) .. steps);
		local mount = process.directory("follow-mount");
		return process.run_with_own_mounts(("mount -t tmpfs -o size=16k none %s\nexec %s %s %s"):format(mount, arg[-1] or "lua5.4", program, mount),
			{ env = { LUA_CPATH = package.cpath } });
	end

	it("survives a full disk: nothing is lost, and it goes on when there is space", function ()
		assert.equal([[
refreshed	nil
autotrust = "FOLDER/root.key": it cannot be written: No space left on device; the keys from before stay trusted
refreshed	it cannot be written: No space left on device
refreshed	it cannot be written: No space left on device
secure	whole
refreshed	nil
secure	whole
]], in_failing_file_system([[
			open(); refresh();
			run("cat /dev/zero >FOLDER/ballast 2>/dev/null || true");
			refresh(); refresh(); show();
			run("rm FOLDER/ballast");
			refresh(); show();
		]]));
	end);

	it("survives a file system that becomes read-only, and starts with one", function ()
		assert.equal([[
refreshed	nil
autotrust = "FOLDER/root.key": it cannot be written: Read-only file system; the keys from before stay trusted
refreshed	it cannot be written: Read-only file system
secure	whole
secure	whole
]], in_failing_file_system([[
			open(); refresh();
			run("mount -o remount,ro FOLDER");
			refresh(); show();
			resolver:close(); open(); show();
		]]));
	end);

	it("survives the folder's end: what was trusted stays, and only a start without it is refused", function ()
		assert.equal([[
refreshed	nil
secure	whole
autotrust = "FOLDER/root.key": No such file or directory: the trust anchors from before stay in use
secure	no key
autotrust = "FOLDER/root.key": it cannot be written: No such file or directory; the keys from before stay trusted
refreshed	it cannot be written: No such file or directory
refused: autotrust = "FOLDER/root.key": No such file or directory
refreshed	nil
secure	whole
]], (in_failing_file_system([[
			run("mkdir FOLDER/sub");
			folder = folder .. "/sub"; path = folder .. "/root.key"; settings.autotrust = path;
			open(); refresh(); show();
			run("rm -r FOLDER"); show(); refresh();
			local one = resolver; open(); resolver = one;
			run("mkdir FOLDER");
			refresh(); show();
		]]):gsub('refused: autotrust = "[^"]*"', 'refused: autotrust = "FOLDER/root.key"')));
	end);
end);
