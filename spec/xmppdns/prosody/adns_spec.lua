-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- The face of net.adns over a real resolver and real zones.

local prosody_util = require "spec.support.prosody_util";
local types = prosody_util("dns").types;
prosody_util("logger");
local promise = prosody_util("promise");

local misdns = require "spec.support.misdns";
local new_face = require "xmppdns.prosody.adns".new;
local xmppdns = require "xmppdns";
local zones = require "spec.support.zones";

describe("xmppdns.prosody.adns:", function ()
	local dns, faulty, resolver, face;

	setup(function ()
		dns = zones.serve({
			["secure.example"] = { records = "_xmpp-server._tcp SRV 5 6 5269 xmpp\n@ A 192.0.2.1\n@ TXT \"text\"" };
			["plain.example"] = { signed = false, records = "@ A 192.0.2.2" };
			["types.example"] = { signed = false, records = ([[
				@ A 192.0.2.3
				@ AAAA 2001:db8::3
				@ MX 10 Mail
				@ TXT "one" "two \" \\ three"
				alias CNAME @
				_xmpp-server._tcp SRV 5 6 5269 .
				_xmpp-server._tcp SRV 5 6 5269 xmpp
				_5269._tcp TLSA 3 1 1 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
				svc TYPE64 \# 13 0001 03737663 00 0003 0002 1495
				alias-svc TYPE64 \# 7 0000 03737663 00
			]]):gsub("\t+", "") };
			["bogus.example"] = { records = "@ A 192.0.2.99", fault = "signature" };
		});
		faulty = misdns.start({ upstream = dns.forward });
	end);

	teardown(function ()
		faulty:stop();
		dns:stop();
	end);

	before_each(function ()
		faulty:clear();
		local settings = dns:settings({ timeout = 3, attempts = 1 });
		settings.forward = faulty.forward;
		resolver = assert(xmppdns.new(settings));
		face = new_face(function () return resolver; end);
	end);

	after_each(function ()
		resolver:close();
	end);

	local function wait_for(start)
		local result;
		start(function (...)
			result = { n = select("#", ...), ... };
		end);
		while not result do assert.is_true(resolver:wait(60)); end
		return result[1], result[2];
	end

	local function lookup(...)
		local arguments = { ... };
		return wait_for(function (done)
			face.lookup(done, arguments[1], arguments[2], arguments[3]);
		end);
	end

	it("an answer has the fields and the text of net.unbound's", function ()
		local answer, err = lookup("_xmpp-server._tcp.secure.example", "SRV", "IN");
		assert.is_nil(err);
		assert.same({ "_xmpp-server._tcp.secure.example", types.SRV, 1, "SRV", "IN", 0, "NoError", true, nil }, {
			answer.qname, answer.qtype, answer.qclass, answer.type, answer.class, answer.rcode, answer.status, answer.secure, answer.bogus;
		});
		assert.same({ priority = 5, weight = 6, port = 5269, target = "xmpp.secure.example" }, answer[1].srv);
		assert.equal("Status: No Error, Secure\n_xmpp-server._tcp.secure.example\tIN\tSRV\t5 6 5269 xmpp.secure.example", tostring(answer));
	end);

	it("16.8: records have the fields and the text that net.unbound gives them: lua-unbound's bytes, read by Prosody's util.dns", function ()
		local parsers = prosody_util("dns").parsers;
		local unbound = require "lunbound".new({ forward = dns.forward, resolvconf = false, hoststxt = false });
		local compared = 0;
		for rdtype, labels in pairs({
			SOA = "", NS = "", A = "", AAAA = "", MX = "", TXT = "", CNAME = "alias.", SRV = "_xmpp-server._tcp.", TLSA = "_5269._tcp.", SVCB = "svc.";
		}) do
			local theirs, ours = unbound:resolve(labels .. "types.example", types[rdtype], 1), lookup(labels .. "types.example", rdtype);
			local by_text = {};
			for i = 1, #theirs do
				local record = parsers[rdtype](theirs[i]);
				by_text[tostring(record)] = record;
			end
			assert.same({ rdtype, #ours, true }, { rdtype, #theirs, #theirs > 0 });
			for _, record in ipairs(ours) do
				assert.same(by_text[tostring(record)], record[rdtype:lower()]);
				compared = compared + 1;
			end
		end
		assert.same({ "svc.", "svc" }, { lookup("svc.types.example", "SVCB")[1].svcb.name, lookup("alias-svc.types.example", "SVCB")[1].svcb.name });
		assert.is_true(compared >= 11);
	end);

	it("type and class default to A and IN, and may be written in lower case", function ()
		assert.equal("192.0.2.1", lookup("secure.example")[1].a);
		assert.equal("text", tostring(lookup("secure.example", "txt", "in")[1]));
	end);

	it("a name that does not exist is an answer without records", function ()
		local answer = lookup("missing.secure.example");
		assert.same({ 0, 3, "NXDomain", true }, { #answer, answer.rcode, answer.status, answer.secure });
	end);

	it("a bogus answer has the reason, the status of a failure and no records", function ()
		local answer, err = lookup("bogus.example");
		assert.is_nil(err);
		assert.same({ 0, 2, "ServFail", false }, { #answer, answer.rcode, answer.status, answer.secure });
		assert.matches("validation failure", answer.bogus);
		assert.matches("^Status: Server Failure, Bogus: ", tostring(answer));
	end);

	it("a lookup that failed is an answer with the status of a failure, never an empty one without", function ()
		for _, fault in ipairs({ "servfail", "refused", "silence" }) do
			faulty:clear();
			resolver:flush();
			faulty:rule({ name = "plain.example", type = "A", fault = fault });
			local answer, err = lookup("plain.example");
			assert.is_nil(err);
			assert.same({ 0, 2, "ServFail", false, nil }, { #answer, answer.rcode, answer.status, answer.secure, answer.bogus });
			assert.equal("Status: Server Failure", tostring(answer));
		end
	end);

	it("what cannot be asked is an error for the callback", function ()
		local _, err = lookup("a..b");
		assert.matches("a..b: name: ", err);
		assert.same({ nil, "unknown record type NONSENSE" }, { lookup("secure.example", "nonsense") });
		assert.same({ nil, "class CH cannot be asked" }, { lookup("version.bind", "TXT", "CH") });
		local without = new_face(function () return nil, "no resolver"; end);
		assert.same({ nil, "no resolver" }, { wait_for(function (done) without.lookup(done, "secure.example"); end) });
		assert.same({ nil, "no resolver" }, { without.dns.lookup("secure.example") });
		assert.same({ nil, "no resolver" }, { without.dns.purge() });
	end);

	it("a cancelled lookup calls back with \"canceled\", once", function ()
		faulty:rule({ fault = "silence" });
		local results = {};
		local query = face.lookup(function (answer, err)
			results[#results + 1] = { answer, err };
		end, "plain.example");
		assert.is_true(face.cancel(query));
		while not results[1] do resolver:wait(5); end
		resolver:wait(0.7);
		assert.same({ { nil, "canceled" } }, results);
	end);

	it("lookups side by side, known ones among them and some asked from callbacks, each call back with their own answer", function ()
		lookup("secure.example");
		local received, count = {}, 0;
		local function ask(key, name, on_answer)
			face.lookup(function (answer)
				received[key], count = answer[1].a, count + 1;
				if on_answer then on_answer(); end
			end, name);
		end
		ask("new", "plain.example");
		ask("known", "secure.example", function ()
			ask("inner known", "secure.example");
			ask("inner new", "plain.example");
		end);
		ask("known again", "secure.example");
		while count < 5 do assert.is_true(resolver:wait(60)); end
		assert.same({ new = "192.0.2.2", ["inner new"] = "192.0.2.2",
			known = "192.0.2.1", ["known again"] = "192.0.2.1", ["inner known"] = "192.0.2.1" }, received);
	end);

	it("a callback that raises harms no other", function ()
		local problems = {};
		function resolver.on_error(problem) problems[#problems + 1] = problem; end
		face.lookup(function () error("a caller's mistake"); end, "secure.example");
		assert.equal("192.0.2.1", lookup("secure.example")[1].a);
		assert.same({}, problems); -- it is in Prosody's log
	end);

	it("promises are kept and broken", function ()
		local function settle(...)
			local one = face.resolver():lookup_promise(...);
			return wait_for(function (done)
				one:next(function (answer) done(answer); end, function (err) done(nil, err); end);
			end);
		end
		promise.set_nexttick(function (f) f(); end);
		assert.equal("192.0.2.1", settle("secure.example", "A", "IN")[1].a);
		assert.same({ nil, "unknown record type NONSENSE" }, { settle("secure.example", "nonsense") });
	end);

	it("dns.lookup waits, dns.peek does not, dns.purge forgets", function ()
		assert.is_nil(face.dns.peek("secure.example", "A"));
		assert.equal("192.0.2.1", face.dns.lookup("secure.example", "A")[1].a);
		assert.equal("192.0.2.1", face.dns.peek("secure.example", "A")[1].a);
		assert.is_true(face.dns.purge());
		assert.is_nil(face.dns.peek("secure.example", "A"));
		assert.same({ nil, "unknown record type NONSENSE" }, { face.dns.lookup("secure.example", "nonsense") });
	end);

	it("the cache can be read by a person", function ()
		lookup("secure.example");
		local text = tostring(face.resolver()._resolver.cache);
		assert.matches("^secure%.example\tA\t%d+ seconds left\tStatus: No Error, Secure\n\tsecure%.example\tIN\tA\t192%.0%.2%.1\n1 answers$", text);
		assert.equal(text, face.dns.cache());
	end);

	it("name servers of the admin shell are refused with a hint", function ()
		for _, name in ipairs({ "addnameserver", "setnameserver" }) do
			assert.has_error(function () face.resolver()._resolver[name](nil, "192.0.2.1"); end,
				"name servers are set in the configuration: xmppdns = { forward = ... }");
		end
	end);

	it("lookups are measured as Prosody 13 does", function ()
		local measured = {};
		face.instrument(function (class, rdtype)
			measured[#measured + 1] = class.." "..rdtype;
			return function () measured[#measured + 1] = "done"; end;
		end);
		lookup("secure.example", "txt");
		assert.same({ "IN TXT", "done" }, measured);
	end);

	it("it is put in place of the fields of net.adns, and back", function ()
		local function stock_lookup(callback) callback("stock"); end
		local stock = { lookup = stock_lookup, resolver = function () return "stock"; end, dns = {}, extra = "extra" };
		local fields = {};
		for key, value in pairs(stock) do fields[key] = value; end
		local restore = face.install(stock);
		assert.same({ face.lookup, face.resolver, face.dns, "extra", nil }, { stock.lookup, stock.resolver, stock.dns, stock.extra, stock.install });
		local kept = stock.resolver();
		assert.equal("192.0.2.1", wait_for(function (done) kept:lookup(done, "secure.example"); end)[1].a);
		restore();
		assert.same(fields, stock);
		assert.equal("stock", (wait_for(function (done) kept:lookup(done, "secure.example"); end)));
	end);
end);
