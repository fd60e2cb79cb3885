-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- Files that decide about trust are read once for each generation: what becomes of them later cannot switch validation off (issue 15.1).

local new = require "xmppdns.resolver".new;
local process = require "spec.support.process";
local zones = require "spec.support.zones";

local BAD = { emptied = "", commented = "; nothing\n", cut = ". IN DNSKEY 257 3 13 AAA", ["a folder"] = "/", ["pending only"] = true, removed = false };

describe("trust: a trustfile", function ()
	local dns, path, resolver, notices;

	setup(function ()
		dns = zones.serve({
			["secure.example"] = { records = "@ A 192.0.2.1" };
			["forged.example"] = { records = "@ A 192.0.2.66", fault = "signature" }; -- as somebody on the way would answer
		});
	end);
	teardown(function () dns:stop(); end);

	local function spoil(text)
		process.run({ "rm", "-rf", path });
		if text == "/" then process.run({ "mkdir", path }); end
		if text == true then text = process.read(dns.anchors):gsub("\n", " ;;state=1 [ ADDPEND ]\n"); end
		if text and text ~= "/" then process.write(path, text); end
	end

	local function open(extra)
		local all = dns:settings({ trustfile = path, timeout = 2, reconfigure_interval = 0, cache_size = 0 });
		for key, value in pairs(extra or {}) do all[key] = value; end
		local made, err = new(all);
		if made then made.on_notice = function (text) table.insert(notices, text); end end
		return made, err;
	end

	local function ask(name)
		local answer, err;
		resolver:query(name, "A", function (...) answer, err = ...; end, { automatic = true, attempts = 3 });
		while not answer and not err do resolver:wait(10); end
		return err and err.code or answer.secure and "secure" or "insecure";
	end

	before_each(function ()
		notices = {};
		path = process.directory("kept") .. "/anchors";
		process.run({ "rm", "-rf", path });
		process.write(path, process.read(dns.anchors));
		resolver = assert(open());
	end);
	after_each(function () resolver:close(); end);

	for name, text in pairs(BAD) do
		it(name .. " while the resolver runs: a forged name that makes it rebuild itself stays bogus, and the operator hears of it once", function ()
			spoil(text);
			assert.same({ "bogus", "bogus" }, { ask("forged.example"), ask("forged.example") });
			assert.is_true(resolver:stats().rebuilds >= 1);
			assert.same({ "secure", "bogus" }, { ask("secure.example"), ask("forged.example") });
			assert.equal(1, #notices);
			assert.matches(("trustfile = %q: "):format(path), notices[1], 1, true);
			assert.matches(": the trust anchors from before stay in use$", notices[1]);
			assert.same({ notices[1] }, resolver:settings().warnings);
			spoil(process.read(dns.anchors));
			assert.is_true(resolver:reconfigure());
			assert.same({}, resolver:settings().warnings);
		end);

		it(name .. " before a start is an error, also for other settings", function ()
			spoil(text);
			local none, err = open();
			assert.same({ nil, "config" }, { none, err.code });
			assert.matches(("trustfile = %q: "):format(path), err.text, 1, true);
			none, err = resolver:reconfigure(dns:settings({ trustfile = path, timeout = 1 }));
			assert.same({ nil, "config" }, { none, err.code });
			assert.equal("secure", ask("secure.example"));
		end);
	end
end);

describe("trust: anchors of a key that signs no more", function ()
	it("beside the right one make nothing bogus", function ()
		local dns = zones.serve({ ["secure.example"] = { records = "@ A 192.0.2.1" } });
		local resolver = assert(new(dns:settings({ timeout = 3, trusted = {
			". IN DS 19036 8 2 49AAC11D7B6F6446702E54A1607371607A1A41855200FD2CE1CDDE32F24E8FB5",
			". IN DNSKEY 257 3 8 " .. require "spec.support.root_keys"[20326], ". IN DNSKEY 257 3 13 " .. ("A"):rep(86) .. "==",
		} })));
		local answer;
		resolver:query("secure.example", "A", function (found) answer = found or false; end);
		while answer == nil do resolver:wait(10); end
		assert.is_true(answer and answer.secure);
		resolver:close();
		dns:stop();
	end);
end);

describe("trust: root hints and certificates", function ()
	it("that have become unusable stay as they were, and are refused at the start", function ()
		local dns = zones.serve({ ["secure.example"] = { records = "@ A 192.0.2.1" } }, 53);
		local hints = process.write(process.directory("kept") .. "/hints", process.read(dns.hints));
		local settings = { roothints = hints, trustfile = dns.anchors, resolvconf = false, hoststxt = false, timeout = 3, cache_size = 0 };
		local resolver, notices = assert(new(settings)), {};
		function resolver.on_notice(text) table.insert(notices, text); end
		local function ask()
			local answer, err;
			resolver:query("secure.example", "A", function (...) answer, err = ...; end);
			while not answer and not err do resolver:wait(10); end
			return answer and answer.secure;
		end
		assert.is_true(ask());
		process.write(hints, "");
		assert.is_true(resolver:reconfigure());
		resolver:process();
		assert.is_true(ask());
		assert.same({ ('roothints = "%s": holds no address of a server: what was in it before stays in use'):format(hints) }, notices);
		assert.same({ nil, "config" }, { (new(settings)), select(2, new(settings)).code });
		resolver:close();
		dns:stop();
	end);
end);
