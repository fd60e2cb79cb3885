-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
local process = require "spec.support.process";
local upstream = require "xmppdns.testcontext";

local IANA = {
	". IN DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D",
	". IN DS 38696 8 2 683D2D0ACB8C9B712A1948B27F741219298D0A450D612C483AF444A4C0FB2B16",
};

local function file(name, content)
	return process.write(process.directory("anchors") .. "/" .. name, content);
end

local KEY = ("A"):rep(86) .. "==";

local function anchors(settings)
	local config = assert(upstream.read_upstream(settings));
	return { anchors = config.anchors, source = config.anchor_source };
end

local function in_file(text)
	return anchors({ trustfile = file("anchors", text) }).anchors;
end

describe("xmppdns.core: trust anchors", function ()
	it("come from the settings, each once", function ()
		local path = file("root.key", IANA[1] .. "\n");
		assert.same({ anchors = { IANA[2] }, source = "settings" }, anchors({ trusted = { IANA[2], IANA[2] } }));
		assert.same({ anchors = { IANA[2], IANA[1] }, source = "settings" }, anchors({ trusted = IANA[2], trustfile = path }));
		assert.same({ anchors = { IANA[1] }, source = "settings" }, anchors({ trusted = IANA[1], trustfile = path }));
		assert.same({ anchors = { IANA[1] }, source = path }, anchors({ trustfile = path }));
	end);

	it("are brought into one form, whatever a zone file writes", function ()
		assert.same({ ". IN DNSKEY 257 3 8 " .. KEY, "example.org. IN DS 1 13 2 " .. ("AB"):rep(32), "example.org. IN DS 2 13 1 " .. ("0C"):rep(20) },
			in_file("; (nothing\n$TTL 5\n\n.\t172800\tIN\tdnskey ( 257 3 8 ; (\n\t" .. KEY:sub(1, 60) .. "\n\t" .. KEY:sub(61)
				.. " )\r\nExample.ORG 1h IN DS 1 13 2 " .. ("ab"):rep(16) .. " " .. ("AB"):rep(16)
				.. "\n\tIN 3600 DS 2 13 1 " .. ("0c"):rep(20) .. "\n. SOA a b 1 2 3 4 5\nrubbish\n. IN DNS 1\n. CH DS 1\n"));
	end);

	it("are only those that are valid by RFC 5011's states, or valid but missing, and never a revoked key", function ()
		local lines = {};
		for state = 0, 5 do
			lines[#lines + 1] = (".\t86400\tIN\tDNSKEY\t257 3 8 AAA%d ;{id = 1 (ksk), size = 2048b} ;;state=%d [  X  ] ;;count=0"):format(state, state);
		end
		lines[#lines + 1] = ". IN DNSKEY 385 3 8 AAA6";
		lines[#lines + 1] = ". IN DNSKEY 257 3 8 AAA8 ;;state=25";
		lines[#lines + 1] = ". IN DNSKEY 257 3 8 AAA9 ;;state=";
		lines[#lines + 1] = ". IN DNSKEY 257 3 8 AAA7";
		assert.same({ ". IN DNSKEY 257 3 8 AAA2", ". IN DNSKEY 257 3 8 AAA3", ". IN DNSKEY 257 3 8 AAA7" }, in_file(table.concat(lines, "\n")));
	end);

	local function refused(settings)
		local config, problem = upstream.read_upstream(settings);
		assert.is_nil(config);
		return problem;
	end

	it("are refused with the line when a file was cut inside one", function ()
		local path = file("cut", IANA[1] .. "\n. IN DNSKEY ( 257 3 8 " .. KEY);
		assert.equal(('trustfile = "%s": line 2 is not a DNSKEY record that can be a trust anchor'):format(path), refused({ trustfile = path }));
	end);

	it("are refused where their one form is longer than a record that can be read again", function ()
		local longest = #". IN DNSKEY 257 3 13 " + 4 * 1018;
		assert.equal(longest, #in_file(". DNSKEY 257 3 13 " .. ("AAAA"):rep(1018))[1]);
		local path = file("long", ". DNSKEY 257 3 13 " .. ("AAAA"):rep(1019));
		assert.equal(('trustfile = "%s": line 1 is not a DNSKEY record that can be a trust anchor'):format(path), refused({ trustfile = path }));
	end);

	it("are refused when a configured file is not there, empty, unreadable or holds none", function ()
		local path = file("empty", "");
		assert.equal(('trustfile = "%s": holds no DS or DNSKEY record'):format(path), refused({ trustfile = path }));
		assert.equal(('trustfile = "%s": holds no DS or DNSKEY record'):format(path), refused({ trustfile = path, trusted = IANA[1] }));
		path = file("revoked", ". IN DNSKEY 385 3 8 " .. KEY .. "\n. IN DNSKEY 257 3 8 " .. KEY .. " ;;state=1\n");
		assert.equal(('trustfile = "%s": holds no DS or DNSKEY record'):format(path), refused({ trustfile = path }));
		assert.equal('trustfile = "/nonexistent": No such file or directory', refused({ trustfile = "/nonexistent" }));
		assert.equal('trustfile = "/": Is a directory', refused({ trustfile = "/" }));
	end);
end);

describe("xmppdns.core: trust anchors that are followed", function ()
	it("alone count for their zone", function ()
		local path = file("followed.key", (". 5 IN DNSKEY 257 3 8 %s ;;state=2\n. 5 IN DNSKEY 257 3 8 AAAA ;;state=1\n"):format(KEY));
		local other = "example.org. IN DS 1 13 2 " .. ("AB"):rep(32);
		assert.same({ anchors = { ". IN DNSKEY 257 3 8 " .. KEY }, source = path }, anchors({ autotrust = path }));
		assert.same({ anchors = { ". IN DNSKEY 257 3 8 " .. KEY, other }, source = path }, anchors({ autotrust = path, trusted = { IANA[1], other } }));
	end);

	it("begin with the other ones, while their file is not there or holds none", function ()
		local folder = process.directory("anchors");
		for name, why in pairs({ [file("keyless.key", "; autotrust trust anchor file\n")] = "holds no DS or DNSKEY record",
			[folder .. "/new.key"] = "No such file or directory" }) do
			assert.same({ anchors = { IANA[2] }, source = "settings" }, anchors({ autotrust = name, trusted = IANA[2] }));
			assert.same({ ('autotrust = "%s": %s: it begins with the other anchors'):format(name, why) },
				upstream.read_upstream({ autotrust = name, trusted = IANA[2], resolvconf = false }).warnings);
		end
	end);
end);

describe("xmppdns.core: the default trust anchors", function ()
	-- In a mount namespace of its own, where the system's files are ours alone: path -> text.
	local function with_files(texts, code)
		local script = { [[
			for folder in /var/lib/unbound /etc/unbound /usr/share/dns /usr/share/dnssec-root; do
				[ ! -d $folder ] || mount -t tmpfs none $folder
			done
			[ ! -f /etc/trusted-key.key ] || mount --bind /dev/null /etc/trusted-key.key]] };
		for path, text in pairs(texts) do table.insert(script, ("cp %s %s"):format(file((path:gsub("/", "_")), text), path)); end
		table.insert(script, ("exec %s %s"):format(arg[-1] or "lua5.4", file("program.lua", code)));
		return process.run_with_own_mounts(table.concat(script, "\n"), { env = { LUA_CPATH = package.cpath } });
	end

	local SHOW = [[
		local config = require "xmppdns.testcontext".read_upstream({});
		print(table.concat(config.anchors, "\n"));
		print(config.anchor_source);
	]];

	it("are those built in and the system's together: a stale file of a removed package makes nothing bogus", function ()
		local stale = ". IN DS 19036 8 2 49AAC11D7B6F6446702E54A1607371607A1A41855200FD2CE1CDDE32F24E8FB5";
		assert.equal(table.concat({ IANA[1], IANA[2], stale, "built in, /etc/unbound/root.key\n" }, "\n"),
			with_files({ ["/etc/unbound/root.key"] = stale .. "\n" .. IANA[1] .. "\n" }, SHOW));
	end);

	it("are of unbound's file those that are valid, neither pending nor missing nor revoked", function ()
		local text = "";
		for state = 0, 5 do text = text .. (". 5 IN DNSKEY 257 3 8 AAA%d ;;state=%d [ X ]\n"):format(state, state); end
		assert.equal(table.concat({ IANA[1], IANA[2], ". IN DNSKEY 257 3 8 AAA2", "built in, /var/lib/unbound/root.key\n" }, "\n"),
			with_files({ ["/var/lib/unbound/root.key"] = text }, SHOW));
	end);

	it("are of the root alone, and none that could make the others worthless", function ()
		assert.equal(IANA[1] .. "\n" .. IANA[2] .. "\nbuilt in\n", with_files({ ["/etc/unbound/root.key"] = ". IN DS 1 8 4 " .. ("AB"):rep(48)
			.. "\nexample.org. IN DS 1 8 2 " .. ("AB"):rep(32) .. "\n. IN DNSKEY 257 3 99 AAAA\n" }, SHOW));
	end);

	it("survive files that cannot be read", function ()
		assert.equal(IANA[1] .. "\n" .. IANA[2] .. "\nbuilt in\n",
			with_files({ ["/etc/unbound/root.key"] = ". IN DS x\n", ["/var/lib/unbound/root.key"] = "" }, SHOW));
	end);
end);
