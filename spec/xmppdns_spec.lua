-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- The library: resolvers of a thread, the seed's lookups (S39 to S58), and what is around them.

local core = require "xmppdns.core";
local misdns = require "spec.support.misdns";
local xmppdns = require "xmppdns";
local zones = require "spec.support.zones";

local dns, resolver;

setup(function ()
	dns = zones.serve({
		["shop.example"] = { records = [[
_xmpp-client._tcp SRV 5 0 5222 two
_xmpp-client._tcp SRV 1 7 5223 one
_gone-client._tcp SRV 1 0 5222 one
_gone-client._tcp SRV 0 0 0    .
_quic-client._udp SRV 0 0 443  one
_5269._tcp.one TLSA 3 1 1 0000000000000000000000000000000000000000000000000000000000000000
_5269._tcp.one TLSA 3 2 1 1111111111111111111111111111111111111111111111111111111111111111
one A 192.0.2.1
two A 192.0.2.2]] };
		["bare.example"] = { records = "@ A 192.0.2.3" };
		["xn--bcher-kva.example"] = { records = "_xmpp-client._tcp SRV 0 0 5222 host" };
		["unsigned.example"] = { records = "_5269._tcp TLSA 3 1 1 00\n@ A 192.0.2.4", signed = false };
		["broken.example"] = { records = "_xmpp-client._tcp SRV 0 0 5222 host", fault = "signature" };
	});
	assert(xmppdns.configure(dns:settings({ timeout = 2 })));
	resolver = assert(xmppdns.reconfigure_resolver());
end);
teardown(function () dns:stop(); end);

describe("xmppdns: the resolver of a thread", function ()
	it("S1: is a real resolver", function ()
		assert.is_number(xmppdns.get_resolver():getfd());
		assert.same({ dns.forward }, xmppdns.get_resolver():settings().servers);
	end);

	it("S2: is the same at each call", function ()
		assert.equal(xmppdns.get_resolver(), xmppdns.get_resolver());
	end);

	it("S3: is not one that was made for oneself", function ()
		local own = assert(xmppdns.new(dns:settings()));
		assert.not_equal(own, xmppdns.get_resolver());
		own:close();
	end);

	it("S5: is a fresh one after reconfigure_resolver, and that one from then on", function ()
		local before = xmppdns.get_resolver();
		local fresh = xmppdns.reconfigure_resolver();
		assert.not_equal(before, fresh);
		assert.equal(fresh, xmppdns.get_resolver());
	end);

	it("S6, S7, S9: is the one that was set, until reconfigure_resolver drops it", function ()
		local own = assert(xmppdns.new(dns:settings()));
		xmppdns.set_resolver(own);
		assert.equal(own, xmppdns.get_resolver());
		local fresh = xmppdns.reconfigure_resolver();
		assert.not_equal(own, fresh);
		assert.equal(fresh, xmppdns.get_resolver());
		own:close();
	end);

	it("S8: never answers nothing because the system names no server", function ()
		local none, err = xmppdns.new({ resolvconf = "/nonexistent/resolv.conf", upstream = "forward" });
		assert.is_nil(none);
		assert.matches("/nonexistent/resolv.conf", err.text);
	end);

	it("is rebuilt in place by configure, and keeps its cache", function ()
		local before = xmppdns.get_resolver();
		xmppdns.repeated_query("bare.example", "A");
		assert.is_true(xmppdns.configure(dns:settings({ timeout = 1 })));
		assert.equal(before, xmppdns.get_resolver());
		assert.same(1, before:settings().timeout);
		assert.is_true(xmppdns.repeated_query("bare.example", "A").from_cache);
	end);

	it("has its new settings checked once, for that takes some milliseconds", function ()
		local check = spy.on(core, "check_settings"); -- reconfigure checks them in C
		finally(function () check:revert(); end);
		assert.is_true(xmppdns.configure(dns:settings({ timeout = 2 })));
		assert.spy(check).was_not.called();
	end);

	it("stays as it is when configure refuses", function ()
		local ok, err = xmppdns.configure({ dnssec = "sometimes" });
		assert.is_nil(ok);
		assert.same("config", err.code);
		assert.matches('dnssec = "sometimes"', tostring(err));
		assert.same({ dns.forward }, xmppdns.get_resolver():settings().servers);
	end);

	it("is not configured by what is no table", function ()
		assert.error_matches(function () xmppdns.configure(nil); end, "settings must be a table, not nil");
	end);

	it("refuses to be set to something else", function ()
		assert.error_matches(function () xmppdns.set_resolver({}); end, "a resolver was expected");
	end);
end);

describe("xmppdns: lookup_srv", function ()
	it("S39: gives priority, weight and address in the order of the answer", function ()
		local records = xmppdns.lookup_srv("shop.example", "xmpp-client", "tcp");
		table.sort(records, function (a, b) return a[1] < b[1]; end);
		assert.same({ { 1, 7, { "one.shop.example", 5223 } }, { 5, 0, { "two.shop.example", 5222 } } }, records);
	end);

	it("asks over tcp when it is not told, and elsewhere when it is", function ()
		assert.same(2, #xmppdns.lookup_srv("shop.example", "xmpp-client"));
		assert.same({ { 0, 0, { "one.shop.example", 443 } } }, xmppdns.lookup_srv("shop.example", "quic-client", "udp"));
	end);

	it("S40: gives nil where there are none", function ()
		local records, err = xmppdns.lookup_srv("bare.example", "xmpp-client", "tcp");
		assert.same({}, { records, err });
	end);

	it("S41: ends in unavailable for a target \".\", even beside good ones", function ()
		local records, err = xmppdns.lookup_srv("shop.example", "gone-client", "tcp");
		assert.is_nil(records);
		assert.same("unavailable", err.code);
		assert.same("'gone-client' over 'tcp' not supported at 'shop.example'", err.text);
	end);

	it("takes the name as people write it", function ()
		assert.same({ { 0, 0, { "host.xn--bcher-kva.example", 5222 } } }, xmppdns.lookup_srv("Bücher.example", "xmpp-client", "tcp"));
		local _, err = xmppdns.lookup_srv("a..b", "xmpp-client", "tcp");
		assert.same("name", err.code);
	end);

	it("calls back with the same, when it is given a callback instead of options or after them", function ()
		for _, arguments in ipairs({ { nil, true }, { true } }) do
			local got;
			local function callback(records) got = records; end
			if #arguments == 1 then
				xmppdns.lookup_srv("shop.example", "quic-client", "udp", callback);
			else
				xmppdns.lookup_srv("shop.example", "quic-client", "udp", { resolver = resolver }, callback);
			end
			while not got do (#arguments == 1 and xmppdns.get_resolver() or resolver):wait(); end
			assert.same({ { 0, 0, { "one.shop.example", 443 } } }, got);
		end
	end);
end);

describe("xmppdns: lookup_tlsa", function ()
	it("S42: asks for _port._transport.host, wants it secure, and passes odd values on", function ()
		local records = xmppdns.lookup_tlsa("one.shop.example", 5269, "tcp");
		table.sort(records, function (a, b) return a[2] < b[2]; end);
		assert.same({ { 3, 1, 1, ("\0"):rep(32) }, { 3, 2, 1, ("\17"):rep(32) } }, records);
	end);

	it("S43: gives nil where there are none", function ()
		assert.same({}, { xmppdns.lookup_tlsa("two.shop.example", 5269, "tcp") });
	end);

	it("S65, S66: takes options, and believes neither insecure records nor an insecure denial", function ()
		local _, err = xmppdns.lookup_tlsa("unsigned.example", 5269, "tcp");
		assert.same("insecure", err.code);
		_, err = xmppdns.lookup_tlsa("unsigned.example", 5270, "tcp");
		assert.same("insecure", err.code);
		assert.same({ { 3, 1, 1, "\0" } }, xmppdns.lookup_tlsa("unsigned.example", 5269, "tcp", { require_secure = false }));
		assert.same({}, { xmppdns.lookup_tlsa("unsigned.example", 5270, "tcp", { allow_insecure_denial = true }) });
	end);
end);

describe("xmppdns: group_and_order_srv_records", function ()
	local function record(priority, weight, host)
		return { priority, weight, { host, 5269 } };
	end

	local function hosts(addresses)
		local names = {};
		for i, address in ipairs(addresses) do names[i] = address[1]; end
		return table.concat(names, " ");
	end

	it("S44: gives the address of a single record", function ()
		assert.same({ { "a", 5269 } }, xmppdns.group_and_order_srv_records({ record(0, 0, "a") }));
	end);

	it("S47: goes by priority", function ()
		assert.same("a b c", hosts(xmppdns.group_and_order_srv_records({ record(3, 0, "c"), record(1, 0, "a"), record(2, 0, "b") })));
	end);

	it("S50: leaves its input as it is", function ()
		local records = { record(3, 0, "c"), record(1, 0, "a") };
		xmppdns.group_and_order_srv_records(records);
		assert.same({ record(3, 0, "c"), record(1, 0, "a") }, records);
	end);

	it("S53: draws by weight from the generator that it is given", function ()
		local function drawing(draw)
			return hosts(xmppdns.group_and_order_srv_records({ record(0, 20, "heavy"), record(0, 10, "light") }, function (m, n)
				assert.same({ 0, 30 }, { m, n });
				return draw;
			end));
		end
		assert.same("light heavy", drawing(0));
		assert.same("light heavy", drawing(10));
		assert.same("heavy light", drawing(11));
		assert.same("heavy light", drawing(30));
	end);

	it("S54: gives nothing for nothing", function ()
		assert.same({}, xmppdns.group_and_order_srv_records({}));
	end);

	it("S68: shuffles a group of zero weights", function ()
		local first = {};
		for _ = 1, 200 do
			first[hosts(xmppdns.group_and_order_srv_records({ record(0, 0, "a"), record(0, 0, "b") }))] = true;
		end
		assert.same({ ["a b"] = true, ["b a"] = true }, first);
	end);
end);

describe("xmppdns: find_xmpp_host_addr", function ()
	it("S55: gives the SRV records of xmpp-client, not ordered, for a name in Unicode", function ()
		assert.same({ { 0, 0, { "host.xn--bcher-kva.example", 5222 } } }, xmppdns.find_xmpp_host_addr("bücher.example"));
	end);

	it("S56: gives the domain itself at 5222 where there are none", function ()
		assert.same({ { 0, 0, { "bare.example", 5222 } } }, xmppdns.find_xmpp_host_addr("bare.example"));
		local got;
		xmppdns.find_xmpp_host_addr("bare.example", 1, function (records) got = records; end);
		while not got do xmppdns.get_resolver():wait(); end
		assert.same({ { 0, 0, { "bare.example", 5222 } } }, got);
	end);

	it("S57, S58: does not fall back after a failure", function ()
		local records, err = xmppdns.find_xmpp_host_addr("broken.example");
		assert.is_nil(records);
		assert.same("bogus", err.code);
	end);
end);

describe("xmppdns: find_xmpp_host_addr on a resolver that was set", function ()
	it("15.12: makes three attempts all the same", function ()
		local silent = misdns.start();
		finally(function ()
			xmppdns.reconfigure_resolver();
			silent:stop();
		end);
		silent:rule({ fault = "silence" });
		xmppdns.set_resolver(assert(xmppdns.new({ forward = silent.forward, resolvconf = false, hoststxt = false, dnssec = "off", timeout = 0.1 })));
		local _, err = xmppdns.find_xmpp_host_addr("silent.example");
		assert.same({ "timeout", 3 }, { err.code, err.attempts });
		_, err = xmppdns.find_xmpp_host_addr("as.silent.example", 1);
		assert.same({ "timeout", 1 }, { err.code, err.attempts });
	end);
end);

describe("xmppdns: an argument of the wrong type", function ()
	local function raises(message, name, ...)
		local arguments = { n = select("#", ...), ... };
		local ok, problem = pcall(function () xmppdns[name]((table.unpack or unpack)(arguments, 1, arguments.n)); end); -- luacheck: ignore 113/unpack
		assert.is_false(ok);
		assert.equal(message, (tostring(problem):gsub("^[^:]*:%d+: ", "")));
		assert.matches("xmppdns_spec.lua", problem, 1, true);
	end

	it("15.12: raises our own message, which names the argument, where the caller is", function ()
		for _, attempts in ipairs({ { "2", "string" }, { true, "boolean" }, { {}, "table" } }) do
			local message = ("attempts must be a number, not %s"):format(attempts[2]);
			raises(message, "repeated_query", "bare.example", "A", { attempts = attempts[1] });
			raises(message, "lookup_srv", "bare.example", "xmpp-client", "tcp", { attempts = attempts[1] });
			raises(message, "lookup_tlsa", "bare.example", 5269, "tcp", { attempts = attempts[1] });
			raises(message, "find_xmpp_host_addr", "bare.example", attempts[1]);
			raises(message, "endpoints", "bare.example", { attempts = attempts[1] });
		end
		raises("port must be a whole number from 0 to 65535, not nil", "lookup_tlsa", "bare.example", nil);
		raises("port must be a whole number from 0 to 65535, not \"5269\"", "lookup_tlsa", "bare.example", "5269", "tcp");
		raises("port must be a whole number from 0 to 65535, not 65536", "lookup_tlsa", "bare.example", 65536);
		raises("port must be a whole number from 0 to 65535, not 0.5", "lookup_tlsa", "bare.example", 0.5);
		raises("service must be a string, not nil", "lookup_srv", "bare.example", nil);
		raises("domain must be a string, not nil", "lookup_srv", nil, "xmpp-client");
		raises("host must be a string, not table", "lookup_tlsa", {}, 5269);
		raises("domain must be a string, not nil", "find_xmpp_host_addr");
		raises("domain must be a string, not number", "endpoints", 5);
		raises("options must be a table, not string", "repeated_query", "bare.example", "A", "tcp");
		raises("options must be a table, not number", "endpoints", "bare.example", 5);
	end);
end);

describe("xmppdns: an error", function ()
	it("says what was asked, what became of it, and why", function ()
		local _, err = xmppdns.repeated_query("_xmpp-client._tcp.broken.example", "SRV");
		assert.same({ "bogus", "_xmpp-client._tcp.broken.example", 33, "SRV" }, { err.code, err.qname, err.qtype, err.type });
		assert.is_number(err.attempts);
		assert.matches("^SRV of _xmpp%-client%._tcp%.broken%.example: bogus: validation failure", tostring(err));
	end);
end);

describe("xmppdns: await", function ()
	local function in_coroutine(f)
		local results;
		local thread = coroutine.wrap(function () results = { f() }; end);
		thread();
		while not results do xmppdns.get_resolver():wait(); end
		return results;
	end

	it("gives what the callback is given, whether it comes at once or later", function ()
		for _ = 1, 2 do
			local results = in_coroutine(function () return xmppdns.await(xmppdns.lookup_srv, "shop.example", "quic-client", "udp"); end);
			assert.same({ { { 0, 0, { "one.shop.example", 443 } } } }, results);
		end
		xmppdns.get_resolver():flush();
		assert.same("bogus", in_coroutine(function ()
			return xmppdns.await(xmppdns.repeated_query, "_xmpp-client._tcp.broken.example", "SRV");
		end)[2].code);
	end);

	it("raises outside of a coroutine", function ()
		local script = 'local ok, problem = pcall(require "xmppdns".await, print) io.write(tostring(ok), " ", problem)';
		local lua = arg[-1] or "lua5.4";
		local run = io.popen(("%s -e 'package.path, package.cpath = [[%s]], [[%s]]' -e '%s'"):format(lua, package.path, package.cpath, script));
		local output = run:read("*a");
		run:close();
		assert.matches("^false .*await was called outside of a coroutine", output);
	end);
end);

describe("xmppdns: IDNA", function ()
	it("R36: maps names as Prosody does, both ways", function ()
		assert.same("strasse.de", xmppdns.idna_to_ascii("straße.de"));
		assert.same("bücher.example", xmppdns.idna_to_unicode("xn--bcher-kva.example"));
	end);

	it("gives the error name for what cannot be mapped", function ()
		local none, err = xmppdns.idna_to_ascii("a..b");
		assert.is_nil(none);
		assert.same({ "name", "a..b" }, { err.code, err.qname });
	end);
end);

describe("xmppdns: version", function ()
	it("names the parts", function ()
		local version = xmppdns.version();
		assert.same(xmppdns._VERSION, version.xmppdns);
		assert.matches("^%d+%.%d+%.%d+", version.libunbound);
		assert.matches("^%d+%.%d+%.%d+", version.libidn2);
		assert.is_boolean(version.tls);
	end);
end);

describe("xmppdns: endpoints", function ()
	it("gives the plan of a domain, waiting or calling back", function ()
		local plan = xmppdns.endpoints("bare.example");
		assert.same({ "bare.example", 5269, "starttls", { "192.0.2.3" } },
			{ plan.endpoints[1].host, plan.endpoints[1].port, plan.endpoints[1].tls, plan.endpoints[1].addresses });
		local got;
		xmppdns.endpoints("bare.example", function (result) got = result; end);
		while not got do xmppdns.get_resolver():wait(); end
		assert.same(plan.endpoints[1].addresses, got.endpoints[1].addresses);
	end);
end);
