-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- Zones of one's own: those in which nothing is validated, and those that have servers of their own.

local xmppdns = require "xmppdns";
local zones = require "spec.support.zones";

local SRV = "_xmpp-server._tcp SRV 0 0 5269 xmpp\nxmpp A 127.5.5.5\n";
local TLSA = "_5269._tcp.xmpp TLSA 3 1 1 " .. ("ab"):rep(32);

local public, resolver;

setup(function ()
	public = zones.serve({
		["good.example"] = { records = SRV .. TLSA };
		["broken.example"] = { records = SRV .. TLSA, fault = "signature" };
	});
end);
teardown(function () public:stop(); end);
after_each(function ()
	if resolver then resolver:close(); end
	resolver = nil;
end);

local function new(extra)
	resolver = assert(xmppdns.new(public:settings(extra)));
	return resolver;
end

-- "secure 127.5.5.5", "insecure nothing", or the error's code.
local function look_up(name)
	local answer, err = xmppdns.repeated_query(name, "A", { resolver = resolver, raw = true });
	if not answer then return err.code; end
	return ("%s %s"):format(answer.secure and "secure" or "insecure", answer[1] and answer[1].a or "nothing");
end

-- "xmpp.good.example secure DANE"
local function plan(domain)
	local found = assert(xmppdns.endpoints(domain, { resolver = resolver }));
	if found.error then return found.error.code; end
	local first = found.endpoints[1];
	return ("%s %s%s"):format(first.host, first.secure and "secure" or "insecure", first.dane and " DANE" or "");
end

describe("private names: 17.1, the setting insecure", function ()
	it("lets a domain of broken DNSSEC be reached, as one that is not signed", function ()
		new();
		assert.same({ "bogus", "bogus" }, { look_up("xmpp.broken.example"), plan("broken.example") });
		resolver:close();
		new({ insecure = "broken.example" });
		assert.same({ "insecure 127.5.5.5", "xmpp.broken.example insecure" }, { look_up("xmpp.broken.example"), plan("broken.example") });
		assert.same("xmpp.good.example secure DANE", plan("good.example"));
	end);

	it("makes nothing secure below it, whatever signatures say: no TLSA record counts, and what must be secure fails", function ()
		new({ insecure = { "example" } });
		assert.same({ "insecure 127.5.5.5", "xmpp.good.example insecure" }, { look_up("xmpp.good.example"), plan("good.example") });
		resolver:close();
		new({ insecure = { "good.example" }, dnssec = "required" });
		assert.same({ "insecure", "insecure" }, { look_up("xmpp.good.example"), plan("good.example") });
	end);

	it("is about whole labels", function ()
		new({ insecure = { "ood.example", "x.good.example" } });
		assert.same("xmpp.good.example secure DANE", plan("good.example"));
	end);
end);
