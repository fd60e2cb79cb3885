-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders

local prosody_util = require "spec.support.prosody_util";
for _, name in ipairs({ "cache", "error", "stanza" }) do prosody_util(name); end

local failed_peers = require "xmppdns.prosody.failed_peers";

describe("18.4: failed peers", function ()
	local failed;

	before_each(function ()
		failed = failed_peers.new();
	end);

	local function session(direction, host, remote, kind)
		local is_out = direction == "outgoing";
		return { direction = direction, from_host = is_out and host or remote, to_host = is_out and remote or host, type = kind };
	end

	local function stanza(name, type)
		return { name = name, attr = { type = type } };
	end

	local function texts()
		local list = {};
		for i, failure in ipairs(failed:list()) do list[i] = ("%s %s: %s"):format(failure.direction, failure.remote, failure.text); end
		table.sort(list);
		return list;
	end

	it("are a bounded number, of bounded size, and strangers push out none of ours", function ()
		failed:route("near.example", "ours.example", stanza("message"));
		failed:note("outgoing", "near.example", "ours.example", "closed");
		local long = ("x"):rep(100000);
		local asked = { stanza("db:verify"), stanza("iq", "result"), stanza("message", "error") };
		for i = 1, 3000 do
			local remote = ("stranger%d.example"):format(i);
			failed:route("near.example", remote, asked[i % 3 + 1]);
			failed:note(i % 2 == 0 and "incoming" or "outgoing", "near.example", remote, long);
		end
		assert.equal(201, #failed:list());
		assert.equal("closed", failed:get("outgoing", "near.example", "ours.example").text);
		assert.is_nil(failed:get("incoming", "near.example", "stranger2.example"));
		assert.equal(400, #failed:get("incoming", "near.example", "stranger3000.example").text);
	end);

	it("are bounded where our users want many, too; and one that is wanted is there once", function ()
		failed:note("outgoing", "near.example", "number1000.example", "called back");
		for i = 1, 1000 do
			local remote = ("number%d.example"):format(i);
			failed:route("near.example", remote, stanza("iq", "get"));
			failed:note("outgoing", "near.example", remote, "closed");
		end
		assert.equal(200, #failed:list());
		assert.equal("closed", failed:get("outgoing", "near.example", "number1000.example").text);
	end);

	it("have printable reasons", function ()
		failed:note("incoming", "near.example", "evil.example", "\27[31m\n");
		assert.equal("\\027[31m\\010", failed:get("incoming", "near.example", "evil.example").text);
	end);

	it("are known by the last session that ended before it was established, by its plan or what Prosody says", function ()
		local plan = { sum_up = function () return { text = "from the plan" }; end };
		failed:finish(session("outgoing", "near.example", "planned.example", "s2sout_unauthed"), plan, "timeout");
		failed:finish(session("outgoing", "near.example", "stock.example", "s2sout_unauthed"), nil, { condition = "host-unknown" });
		failed:finish(session("incoming", "near.example", "in.example", "s2sin_unauthed"), nil, nil);
		failed:finish(session("outgoing", "near.example", "good.example", "s2sout"), nil, "closed later");
		failed:finish(session("incoming", nil, nil, "s2sin_unauthed"), nil, nil);
		assert.same({ "incoming in.example: the connection was closed", "outgoing planned.example: from the plan", "outgoing stock.example: host-unknown" },
			texts());
	end);

	it("keep what they were refused for, whatever the peer was told", function ()
		local refused = session("incoming", "near.example", "bad.example", "s2sin_unauthed");
		failed:refuse(refused, "near.example", "bad.example", "its certificate matches none of its TLSA records");
		failed:finish(refused, nil, { condition = "not-authorized", text = "for the peer" });
		assert.same({ "incoming bad.example: its certificate matches none of its TLSA records" }, texts());
	end);
end);
