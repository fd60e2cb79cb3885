-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- What outgoing sessions must prove, as far as no server is needed; verdict_spec, sessions_spec and backends_spec have the rest.

local prosody_util = require "spec.support.prosody_util";
for _, name in ipairs({ "encodings", "hashes", "x509" }) do prosody_util(name); end

local outbound = require "xmppdns.prosody.outbound";

describe("outbound: 15.4: what was looked up under another trust", function ()
	local resolver, session;

	before_each(function ()
		resolver = { closed = false, epoch = 1 };
		function resolver.trust_epoch(self) return self.epoch; end
		local reached = { trust = 1, plan = { resolver = resolver } };
		session = { direction = "outgoing", type = "s2sout_unauthed", secure = true, conn = { extra = { xmppdns = reached, secure_hostname = "host.example" } } };
	end);

	local function judge() return outbound.judge(session, { dane = "opportunistic", dnssec = "opportunistic" }); end

	it("counts while that is in force", function ()
		assert.same({ state = "none", targets = { "host.example" } }, judge());
	end);

	it("proves nothing once another one is: the connection is given up, in words that do not blame the peer", function ()
		resolver.epoch = 2;
		local verdict = judge();
		assert.same({ "refused", "remote-connection-failed" }, { verdict.state, verdict.condition });
		assert.matches("what is trusted has changed", verdict.reason, 1, true);
	end);

	it("proves nothing once its resolver is closed", function ()
		resolver.closed = true;
		assert.equal("refused", judge().state);
	end);

	it("does not end a session that was let in before", function ()
		session.type, resolver.epoch = "s2sout", 2;
		assert.equal("none", judge().state);
	end);
end);
