-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- Every fault of the misbehaving server, in every mode: what the lookup ends in, and what it took (spec/support/faults.lua has the rows).

local faults = require "spec.support.faults";
local misdns = require "spec.support.misdns";
local xmppdns = require "xmppdns";
local zones = require "spec.support.zones";

describe("faults:", function ()
	local results;
	setup(function () results = faults.run(); end);

	for _, row in ipairs(faults.rows) do
		for _, mode in ipairs(faults.modes) do
			it(("%s, %s, ends in %s"):format(row[1], mode.text, faults.expected(row, mode)), function ()
				assert.same(faults.expected(row, mode), results[row][mode].summary);
			end);
		end
	end

	local function each(check)
		for _, row in ipairs(faults.rows) do
			for _, mode in ipairs(faults.modes) do
				local result = results[row][mode];
				check(result, ("%s, %s"):format(row[1], mode.text));
			end
		end
	end

	it("each calls back exactly once", function ()
		each(function (result, where) assert.same(1, result.calls, where); end);
	end);

	it("S69: each ends within the deadlines of its attempts and probes, which are no more than allowed", function ()
		each(function (result, where)
			local allowed = result.mode.automatic and 3 or 2; -- S31
			assert.is_true(result.attempts >= 1 and result.attempts <= allowed and result.probes <= allowed, where);
			assert.is_true(result.seconds <= result.deadline, where);
		end);
	end);

	it("each rebuilds at most once, and only the automatic resolver", function ()
		each(function (result, where) assert.is_true(result.rebuilds <= (result.mode.automatic and 1 or 0), where); end);
	end);

	it("no attempt or probe is answered by libunbound's memory of failures: each sends a packet, except to a refused TCP port", function ()
		each(function (result, where)
			if not result.row.tcp_refused then assert.same({}, result.unsent, where); end
		end);
	end);

	it("each error says how many attempts were made, what was asked, and why", function ()
		each(function (result, where)
			local err = result.err;
			if not err then return; end
			assert.same({ result.name, result.attempts }, { err.qname, err.attempts }, where);
			assert.is_true(#err.text > 0, where);
		end);
	end);

	it("none leaves anything else in the cache than what was asked", function ()
		each(function (result, where)
			for _, name in ipairs(result.cached) do assert.same(result.name, name, where); end
		end);
	end);
end);

describe("faults: unasked records", function ()
	local dns, server;
	setup(function ()
		dns = zones.serve({
			["asked.example"] = { records = "host A 192.0.2.7" },
			["open.example"] = { records = "host A 192.0.2.7\nother A 192.0.2.8", signed = false },
		});
		server = misdns.start({ upstream = dns.forward });
	end);
	teardown(function ()
		server:stop();
		dns:stop();
	end);

	for _, dnssec in ipairs({ "off", "opportunistic" }) do
		it("are not returned when they are asked for later, with dnssec = \"" .. dnssec .. "\"", function ()
			server:clear();
			server:rule({ name = "host.open.example", type = "A", fault = "unasked", records = {
				answer = { "other.open.example. 300 IN A 192.0.2.66", "elsewhere.example. 300 IN A 192.0.2.66" };
				authority = { "open.example. 300 IN NS evil.open.example.", "example. 300 IN NS evil.open.example." };
				additional = { "other.open.example. 300 IN A 192.0.2.66", "evil.open.example. 300 IN A 192.0.2.66" };
			} });
			local resolver = assert(xmppdns.new(dns:settings({ forward = server.forward, dnssec = dnssec, timeout = 20 })));
			local function ask(name)
				local answer, err = xmppdns.repeated_query(name, "A", { resolver = resolver });
				assert.is_nil(err);
				return answer and answer[1].a or "none";
			end
			assert.same("192.0.2.7", ask("host.open.example"));
			assert.is_nil(resolver:peek("other.open.example", "A"));
			assert.same({ "192.0.2.8", "none", "none" }, { ask("other.open.example"), ask("elsewhere.example"), ask("evil.open.example") });
			resolver:close();
		end);
	end
end);
