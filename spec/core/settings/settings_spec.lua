-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
local core = require "xmppdns.core";
local held = require "spec.support.held";
local process = require "spec.support.process";

local ANCHOR = ". IN DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D";

local function accepts(settings)
	assert.same({ true }, { core.check_settings(settings) });
end

local function refuses(problem, settings)
	assert.same({ nil, problem }, { core.check_settings(settings) });
end

-- For messages of which a part is libunbound's or the system's own.
local function refuses_with(parts, settings)
	local accepted, problem = core.check_settings(settings);
	assert.is_nil(accepted);
	for _, part in ipairs(parts) do
		assert.is_truthy(problem:find(part, 1, true), ("%q lacks %q"):format(problem, part));
	end
end

local function file(name, content)
	return process.write(process.directory("settings") .. "/" .. name, content);
end

describe("xmppdns.core: settings", function ()
	it("may all be left out", function ()
		accepts({});
	end);

	it("must be a table", function ()
		assert.has_error(function () core.check_settings("forward"); end);
		assert.has_error(function () core.check_settings(); end);
	end);

	it("of the design are all accepted", function ()
		local anchors = file("root.key", ANCHOR .. "\n");
		accepts({
			resolvconf = file("resolv.conf", "nameserver 127.0.0.1\n"), hoststxt = file("hosts", "127.0.0.1 localhost\n"),
			forward = { "127.0.0.1@5300", "::1@5300", "fe80::1%lo@5300" }, stub = { ["example.org"] = { "127.0.0.1@5301" } }, forward_zones = { lan = "127.0.0.1" },
			roothints = file("hints", ". 3600000 NS a.root.example.\na.root.example. 3600000 A 127.0.0.1\n"),
			trusted = { ANCHOR }, trustfile = anchors, insecure = { "lan", "corp.example" }, dnssec = "required", dane = "off", upstream = "forward",
			tls = false, options = { ["do-ip6:"] = "no" }, attempts = 5, timeout = 0.5, plan_timeout = 60, reconfigure_interval = 0,
			cache_size = 0, min_ttl = 1, max_ttl = 2, stale_ttl = 0, max_lookups = 5, max_endpoints = 1, max_answer_size = 512, threads = 2, async = true,
		});
	end);

	it("17.1: insecure takes zones one by one, and says what is none", function ()
		accepts({ insecure = "lan" });
		accepts({ insecure = { "LAN.", "bücher.example", "10.in-addr.arpa" } });
		refuses([[insecure = ""lan"": expected a zone's name, such as "corp.example"]], { insecure = { "corp.example", '"lan"' } });
		for _, several in ipairs({ "lan corp", "lan,corp", "lan; corp" }) do
			refuses(([[insecure = "%s": expected one zone's name in each text: { "lan", "corp.example" }]]):format(several), { insecure = several });
		end
		refuses([[insecure = "*.lan": expected no wildcard: what is below the zone is meant too]], { insecure = "*.lan" });
		refuses([[insecure = ".": expected a zone below the root: dnssec = "off" switches all validation off]], { insecure = "." });
		refuses([[insecure = "a..b": expected a zone's name, such as "corp.example"]], { insecure = "a..b" });
		refuses([[insecure = true: expected a zone's name, or a list of them]], { insecure = true });
		refuses([[options["domain-insecure"] = "lan": expected the setting insecure instead of this option]], { options = { ["domain-insecure"] = "lan" } });
	end);

	it("17.2: forward_zones takes zones with one server or several, and says what is wrong", function ()
		accepts({ forward_zones = { ["Corp.example."] = "10.0.0.53", lan = { "10.0.0.53@5353", "::1", "fe80::1%lo" }, ["bücher.example"] = "10.0.0.1" } });
		refuses([[forward_zones = "10.0.0.53": expected a table from zones to addresses]], { forward_zones = "10.0.0.53" });
		refuses([[forward_zones["lan"] = "resolver": expected an IP address, "addr[@port][#tls-name]", or a list of them]],
			{ forward_zones = { lan = "resolver" } });
		for _, kind in ipairs({ "forward_zones", "stub" }) do -- or the zone's names would go to the other servers
			refuses(kind .. [[["lan"] = a table: expected at least one server]], { [kind] = { lan = {} } });
		end
		refuses([[forward_zones["*.lan"] = "10.0.0.1": expected no wildcard: what is below the zone is meant too]], { forward_zones = { ["*.lan"] = "10.0.0.1" } });
		refuses([[forward_zones["."] = "10.0.0.1": expected a zone below the root: the setting forward is for all names]],
			{ forward_zones = { ["."] = "10.0.0.1" } });
		refuses([[forward_zones["a"b"] = "10.0.0.1": expected a zone's name, such as "corp.example"]], { forward_zones = { ['a"b'] = "10.0.0.1" } });
		for _, address in ipairs({ '10.0.0.1#a"', "10.0.0.1#a\n", "10.0.0.1#a b", 'fe80::1%lo"', "fe80::1%l o" }) do
			refuses_with({ 'forward_zones["lan"]', "expected an IP address" }, { forward_zones = { lan = address } });
		end
		refuses([[forward_zones["lan"]: stub has that zone too]], { forward_zones = { lan = "10.0.0.1" }, stub = { LAN = "10.0.0.2" } });
		refuses([[forward_zones["lan"]: either all of its servers have a #tls-name, or none]], { forward_zones = { lan = { "10.0.0.1#a.example", "10.0.0.2" } } });
		if core.version().tls then
			accepts({ forward_zones = { lan = { "10.0.0.1#a.example", "10.0.0.2@8853#b.example" } }, tls_ca = "/etc/ssl/certs/ca-certificates.crt" });
		else
			refuses_with({ "forward_zones with a #tls-name: this libunbound", "has no DNS over TLS" }, { forward_zones = { lan = "10.0.0.1#a.example" } });
		end
	end);

	describe("of Prosody's unbound table", function ()
		it("are accepted in each of lua-unbound's forms", function ()
			accepts({ async = false, resolvconf = true, hoststxt = false });
			accepts({ forward = "127.0.0.1" });
			accepts({ forward = { "127.0.0.1", "127.0.0.2" }, trusted = ANCHOR });
			accepts({ resolvconf = false, trusted = { ANCHOR, ANCHOR }, trustfile = file("trust", "; ours\n" .. ANCHOR) });
			accepts({ options = { ["edns-buffer-size:"] = "1232" } });
		end);

		it("take options with or without the colon, as text, number, flag or list", function ()
			accepts({ options = { ["edns-buffer-size"] = 1232, ["do-ip6"] = false, ["prefetch:"] = true } });
			accepts({ options = { ["local-data"] = { "a.example. A 127.0.0.1", "b.example. A 127.0.0.1" } } });
		end);
	end);

	describe("that are unknown", function ()
		it("are named, with the closest known one", function ()
			refuses('unknown setting "tiemout": did you mean "timeout"?', { tiemout = 3 });
			refuses('unknown setting "forwards": did you mean "forward"?', { forwards = {} });
			refuses('unknown setting "nameserver"', { nameserver = "127.0.0.1" });
		end);

		it("are named in the order of the alphabet, whatever the table's order", function ()
			for _ = 1, 20 do
				refuses('unknown setting "aaaaa"', { ccccc = 1, aaaaa = 1, bbbbb = 1, [("z"):rep(30)] = 1 });
			end
		end);

		it("are refused when they are no text or hold a NUL byte", function ()
			refuses("settings: [1] is no key: expected names as keys", { "forward" });
			refuses('settings: "timeout" with a NUL byte is no key', { ["timeout\0x"] = 1 });
			refuses("settings: a boolean is no key: expected names as keys", { [true] = 1 });
		end);

		it("are refused at any length", function ()
			refuses(('unknown setting "%s"'):format(("x"):rep(127)), { [("x"):rep(100000)] = 1 });
		end);
	end);

	it("with a bad value are refused with key, value and expectation", function ()
		refuses('dnssec = "on": expected one of "off" "opportunistic" "required"', { dnssec = "on" });
		refuses("dane = true: expected one of \"off\" \"opportunistic\" \"required\"", { dane = true });
		refuses('upstream = "root": expected one of "auto" "forward" "recursive"', { upstream = "root" });
		refuses('attempts = "3": expected a whole number from 1 to 10', { attempts = "3" });
		refuses("attempts = 1.5: expected a whole number from 1 to 10", { attempts = 1.5 });
		refuses("attempts = 0: expected a whole number from 1 to 10", { attempts = 0 });
		refuses("attempts = 11: expected a whole number from 1 to 10", { attempts = 11 });
		refuses("timeout = 0: expected a number from 0.001 to 300", { timeout = 0 });
		refuses("timeout = a table: expected a number from 0.001 to 300", { timeout = {} });
		refuses("cache_size = -1: expected a whole number from 0 to 1073741824", { cache_size = -1 });
		refuses("max_endpoints = 0: expected a whole number from 1 to 1000", { max_endpoints = 0 });
		refuses("max_answer_size = 65536: expected a whole number from 512 to 65535", { max_answer_size = 65536 });
		refuses("threads = 65: expected a whole number from 1 to 64", { threads = 65 });
		refuses('tls = "yes": expected true or false', { tls = "yes" });
		refuses("async = 1: expected true or false", { async = 1 });
		refuses("trustfile = true: expected a file's path", { trustfile = true });
		refuses('roothints = "": expected a file\'s path', { roothints = "" });
		refuses("resolvconf = 1: expected true, false or a file's path", { resolvconf = 1 });
		refuses('trustfile = a string: expected no NUL byte in it', { trustfile = "a\0b" });
	end);

	it("refuse infinities and what is no number", function ()
		for _, key in ipairs({ "timeout", "plan_timeout", "reconfigure_interval", "cache_size", "attempts", "max_ttl" }) do
			refuses_with({ key .. " = inf: expected" }, { [key] = 1 / 0 });
			refuses_with({ key .. " = -inf: expected" }, { [key] = -1 / 0 });
			refuses_with({ key .. " = nan: expected" }, { [key] = 0 / 0 });
		end
	end);

	it("refuse a min_ttl above max_ttl", function ()
		refuses("min_ttl = 10: expected at most max_ttl, which is 5", { min_ttl = 10, max_ttl = 5 });
	end);

	describe("that name servers", function ()
		local function refuses_address(address)
			refuses(('forward = "%s": expected an IP address, "addr[@port][#tls-name]", or a list of them'):format(address), { forward = address });
		end

		it("take only addresses with good ports", function ()
			for _, address in ipairs({
				"", "dns.example", "127.0.0.256", "127.0.0.1:53", "127.0.0.1@", "127.0.0.1@0", "127.0.0.1@65536", "127.0.0.1@53x", "127.0.0.1@ 53",
				"@53", "127.0.0.1%lo", "fe80::1%", "[::1]", "127.0.0.1 ", ("1"):rep(80), "127.0.0.1#", "127.0.0.1#a..b",
			}) do
				refuses_address(address);
			end
		end);

		it("are text", function ()
			refuses('forward = 127: expected an IP address, "addr[@port][#tls-name]", or a list of them', { forward = 127 });
			refuses('forward = a table: expected an IP address, "addr[@port][#tls-name]", or a list of them', { forward = { {} } });
			refuses("forward = a table: expected a list without holes or names", { forward = { "127.0.0.1", name = "127.0.0.1" } });
		end);

		it("of stub zones take a zone and an address without a TLS name", function ()
			refuses('stub["a..b"] = "::1": expected a zone\'s name as its key', { stub = { ["a..b"] = "::1" } });
			refuses('stub["a"] = "::1#b": expected an IP address, "addr[@port]", or a list of them', { stub = { a = "::1#b" } });
			refuses('stub = "::1": expected a table from zones to addresses', { stub = "::1" });
			refuses("stub: [1] is no key: expected names as keys", { stub = { "::1" } });
		end);

		it("agree with upstream", function ()
			refuses('upstream = "recursive" goes with neither forward nor resolvconf', { upstream = "recursive", forward = "127.0.0.1" });
			refuses('upstream = "recursive" goes with neither forward nor resolvconf', { upstream = "recursive", resolvconf = true });
			refuses('upstream = "forward" needs forward or resolvconf', { upstream = "forward", resolvconf = false });
			accepts({ upstream = "recursive" });
			accepts({ upstream = "forward", forward = "127.0.0.1" });
		end);

		it("in a resolv.conf without one are an error for upstream = \"forward\" only", function ()
			local path = file("empty.conf", "search example.org\n");
			refuses(('upstream = "forward" has no server: %s: no usable nameserver in it'):format(path), { upstream = "forward", resolvconf = path });
			accepts({ resolvconf = path });
		end);
	end);

	describe("that name files", function ()
		it("are refused when a file is missing", function ()
			for _, key in ipairs({ "hoststxt", "roothints", "trustfile", "autotrust" }) do
				refuses(key .. ' = "/nonexistent/file": No such file or directory', { [key] = "/nonexistent/file" });
			end
		end);

		it("are refused when an anchor file holds no anchor", function ()
			local path = file("no-anchor", "; . IN DS is said in a comment only\nDS 1 2 3\n");
			refuses(('trustfile = "%s": holds no DS or DNSKEY record'):format(path), { trustfile = path });
			refuses('trustfile = "/": Is a directory', { trustfile = "/" });
		end);

		it("are refused when the root hints name no server", function ()
			local path = file("bad-hints", "root:x:0:0:root:/root:/bin/bash\n. 3600 NS a.root.example.\na.root.example. 3600 A 127.0.0.1.2\n");
			refuses(('roothints = "%s": holds no address of a server'):format(path), { roothints = path });
		end);

		it("are refused when the certificates' file holds none", function ()
			local path = file("no-certificate", "");
			refuses(('tls_ca = "%s": holds no certificate'):format(path), { tls = true, tls_ca = path, forward = "127.0.0.1#dns.example" });
			refuses('tls_ca = "/nonexistent/file": No such file or directory',
				{ tls = true, tls_ca = "/nonexistent/file", forward = "127.0.0.1#dns.example" });
		end);
	end);

	describe("of trust anchors", function ()
		it("are records on one line", function ()
			refuses('trusted = "nonsense": expected a DS or DNSKEY record on one line, or a list of them', { trusted = "nonsense" });
			refuses('trusted = "' .. (ANCHOR .. "?" .. ANCHOR):sub(1, 127) .. '": expected a DS or DNSKEY record on one line, or a list of them',
				{ trusted = ANCHOR .. "\n" .. ANCHOR });
		end);

		it("are refused, named, when one cannot be read", function ()
			for _, line in ipairs({ ". IN DS 1 2", ". IN DS 20326 8 2 E06D", ". IN DNSKEY 257 3 8 AwEA!", ". IN DNSKEY 257 2 8 AwEA", ". IN DNSKEY 1 3 8 AwEA",
				". IN DNSKEY 385 3 8 AwEA", ". IN DNSKEY 257 3 8 (AwEA", "a..b IN DNSKEY 257 3 8 AwEA", ANCHOR .. "\0" }) do
				refuses_with({ "trusted = " }, { trusted = { ANCHOR, line } });
			end
			local path = file("broken-anchor", "; a comment\n" .. ANCHOR .. "\n. IN DS 20326 8 2 xyz\n");
			refuses(('trustfile = "%s": line 3 is not a DS record that can be a trust anchor'):format(path), { trustfile = path });
		end);

		it("are refused when libunbound would ignore one for its algorithm", function ()
			refuses_with({ "unusable trust anchor" }, { trusted = (ANCHOR:gsub("20326 8", "20326 99")) });
		end);

		it("are tried with dnssec = \"off\" too, for the probe uses them", function ()
			refuses_with({ "unusable trust anchor" }, { dnssec = "off", trusted = (ANCHOR:gsub("20326 8", "20326 99")) });
		end);
	end);

	describe("of libunbound", function ()
		it("are refused when it does not know them or refuses the value", function ()
			local version = core.version().libunbound;
			for _, value in ipairs({ { "no-such-option", "1" }, { "do-ip6", "perhaps" }, { "num-threads", "2" } }) do
				refuses(('options["%s:"] = "%s": libunbound %s has no such option, or refuses the value'):format(value[1], value[2], version),
					{ options = { [value[1]] = value[2] } });
			end
		end);

		it("are refused when it cannot start with them", function ()
			refuses_with({ "libunbound cannot start", "bad ( A" }, { options = { ["local-data"] = "bad ( A" } });
			refuses_with({ "libunbound cannot start", "bad ( A" }, { options = { ["local-data"] = "bad ( A", verbosity = 4 } });
		end);

		it("are named, with the value, when it cannot start with one of them (17.7)", function ()
			for option, value in pairs({ ["local-data"] = "bad ( A", ["outgoing-interface"] = "nonsense", ["private-address"] = "nonsense" }) do
				local options = { ["do-ip6"] = false, ["local-zone"] = { "a.example transparent", "b.example static" }, [option] = value };
				refuses_with({ ('options["%s:"] = "%s": libunbound cannot start with it: '):format(option, value) }, { options = options });
			end
			refuses_with({ 'options["local-data:"] = "bad ( A": libunbound cannot start with it: ' },
				{ options = { ["local-data"] = { "a.example. A 127.0.0.1", "bad ( A" }, ["private-address"] = "192.0.2.0/24" } });
		end);

		it("are refused by name when a value or a name is no option at all", function ()
			refuses('options[""] = "1": expected the name of one of libunbound\'s options as its key', { options = { [""] = "1" } });
			refuses('options[":"] = "1": expected the name of one of libunbound\'s options as its key', { options = { [":"] = "1" } });
			refuses('options["a b"] = "1": expected the name of one of libunbound\'s options as its key', { options = { ["a b"] = "1" } });
			refuses('options["do-ip6"] = nan: expected a finite number', { options = { ["do-ip6"] = 0 / 0 } });
			refuses('options = "do-ip6: no": expected a table from libunbound\'s option names to values', { options = "do-ip6: no" });
		end);

		it("are refused when they end or crash the process, or take all its memory", function ()
			refuses('options["msg-buffer-size"] = 1: expected a whole number from 4096 to 1048576', { options = { ["msg-buffer-size"] = 1 } });
			refuses('options["outgoing-range"] = 99999999999: expected a whole number from 1 to 32768', { options = { ["outgoing-range"] = 99999999999 } });
			refuses('options["outgoing-num-tcp"] = "-1": expected a whole number from 0 to 1024', { options = { ["outgoing-num-tcp"] = "-1" } });
			accepts({ options = { ["msg-buffer-size"] = 65552, ["outgoing-range"] = "64", ["outgoing-num-tcp"] = 0 } });
			refuses('options["unwanted-reply-threshold:"] = 1000: expected another option: '
				.. "libunbound can end the process over this one (CVE-2026-44621)", { options = { ["unwanted-reply-threshold:"] = 1000 } });
			refuses('options["module-config"] = "nonsense": expected "validator iterator", or "iterator", or "dns64" before either',
				{ options = { ["module-config"] = "nonsense" } });
			refuses('options["target-fetch-policy"] = "x": expected whole numbers with spaces between them',
				{ options = { ["target-fetch-policy"] = "x" } });
			accepts({ options = { ["target-fetch-policy"] = "3 -1 0 0 0", ["module-config"] = "iterator" } });
		end);

		it("do not switch off the validation that dnssec or dane requires", function ()
			for option, value in pairs({ ["module-config:"] = "iterator", ["val-permissive-mode:"] = "yes" }) do
				refuses(('options["%s"] = "%s" switches validation off, and dnssec is "required"'):format(option, value),
					{ dnssec = "required", options = { [option] = value } });
				refuses(('options["%s"] = "%s" switches validation off, and dane is "required"'):format(option, value),
					{ dane = "required", options = { [option] = value } });
				accepts({ options = { [option] = value } });
			end
			accepts({ dnssec = "required", insecure = "example.org", options = { ["module-config"] = "validator iterator" } });
		end);

		it("do not move the time or the keys by which is validated what dnssec or dane requires", function ()
			for option, value in pairs({ ["val-override-date:"] = "20200101000000", ["val-sig-skew-min:"] = "99999999", ["val-sig-skew-max:"] = "99999999",
				["harden-dnssec-stripped:"] = "no", ["val-nsec3-keysize-iterations:"] = "1024 0 4096 0", ["add-holddown:"] = "1", ["del-holddown:"] = "1",
				["permit-small-holddown:"] = "yes", ["serve-expired:"] = "yes", ["serve-original-ttl:"] = "yes" }) do
				for _, key in ipairs({ "dnssec", "dane" }) do
					refuses(('options["%s"] = "%s" switches validation off, and %s is "required"'):format(option, value, key),
						{ [key] = "required", options = { [option] = value } });
				end
				accepts({ options = { [option] = value } });
			end
			accepts({ dnssec = "required", options = { ["harden-dnssec-stripped"] = true, ["val-override-date"] = "0", ["permit-small-holddown"] = false } });
		end);

		it("do not name files or keys that decide about trust: settings of ours are for that, which are checked", function ()
			for option, setting in pairs({ ["trust-anchor"] = "trusted", ["trust-anchor-file"] = "trustfile", ["trusted-keys-file"] = "trustfile",
				["auto-trust-anchor-file"] = "autotrust", ["root-hints"] = "roothints", ["tls-cert-bundle"] = "tls_ca", ["tls-upstream"] = "tls",
				["ssl-upstream"] = "tls", ["ssl-cert-bundle"] = "tls_ca", ["dlv-anchor"] = "trusted", ["dlv-anchor-file"] = "trustfile" }) do
				refuses(('options["%s"] = "x": expected the setting %s instead of this option'):format(option, setting), { options = { [option] = "x" } });
			end
			refuses('dane = "required" does not go with dnssec = "off"', { dane = "required", dnssec = "off" });
		end);
	end);

	describe("of DNS over TLS", function ()
		it("need named servers and tls = true", function ()
			refuses('forward = "127.0.0.1#dns.example": a TLS name needs tls = true', { forward = "127.0.0.1#dns.example" });
			refuses('tls_ca = "/ca.pem": needs tls = true', { forward = "127.0.0.1", tls_ca = "/ca.pem" });
			refuses("tls = true: needs forward, and no resolvconf: only named servers are asked over TLS", { tls = true });
		end);

		it("are refused by a libunbound without TLS, and accepted by another", function ()
			local version = core.version();
			local settings = { tls = true, forward = "127.0.0.1#dns.example" };
			if version.tls then
				accepts(settings);
			else
				refuses(("tls = true: this libunbound (%s) is built without OpenSSL and has no DNS over TLS"):format(version.libunbound), settings);
			end
		end);
	end);

	it("are checked quickly and leave no descriptor open", function ()
		core.check_settings({ trusted = ". IN DS 1 2" });
		local before = held.settled();
		for _ = 1, 50 do
			core.check_settings({});
			core.check_settings({ trusted = ". IN DS 1 2" });
			core.check_settings({ options = { ["do-ip6"] = "perhaps" } });
		end
		assert.is_true(held.becomes(before));
	end);
end);
