-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- The attempts of one lookup: which follows which, and how it ends.

local run = require "xmppdns.testquery".run;

local function automatic(attempts, ...)
	return run(attempts, true, { ... });
end

local function fixed(attempts, ...)
	return run(attempts, false, { ... });
end

describe("query: the attempts of a fixed resolver", function ()
	it("S11: end with the first answer", function ()
		assert.same({ "udp", "answered" }, fixed(2, "answered"));
	end);

	it("S14: go over TCP after a timeout", function ()
		assert.same({ "udp", "tcp", "answered" }, fixed(2, "timeout", "answered"));
	end);

	it("S15: end in timeout after exactly two", function ()
		assert.same({ "udp", "tcp", "timeout" }, fixed(2, "timeout", "timeout"));
	end);

	it("S32: probe at the first SERVFAIL", function ()
		assert.same({ "udp", "probe udp", "servfail" }, fixed(2, "servfail", "servfail"));
	end);

	it("need two witnesses for bogus: the probe's answer and another failure", function ()
		assert.same({ "udp", "probe udp", "tcp", "bogus" }, fixed(2, "servfail", "answered", "servfail"));
		assert.same({ "udp", "probe udp", "tcp", "bogus" }, fixed(2, "servfail", "answered", "timeout"));
		assert.same({ "udp", "probe udp", "tcp", "answered" }, fixed(2, "servfail", "answered", "answered"));
	end);

	it("end in bogus when the probe answers and none is left", function ()
		assert.same({ "udp", "probe udp", "bogus" }, fixed(1, "servfail", "answered"));
		assert.same({ "udp", "tcp", "probe tcp", "bogus" }, fixed(2, "timeout", "servfail", "answered"));
	end);

	it("17.5: where libunbound validates, end as failed after a probe that answered, and with what a probe has validated", function ()
		local function validating(attempts, ...)
			return run(attempts, false, { ... }, false, true);
		end
		assert.same({ "udp", "probe udp", "tcp", "servfail" }, validating(2, "servfail", "answered", "servfail"));
		assert.same({ "udp", "probe udp", "tcp", "timeout" }, validating(2, "servfail", "answered", "timeout"));
		assert.same({ "udp", "probe udp", "servfail" }, validating(1, "servfail", "answered"));
		assert.same({ "udp", "probe udp", "tcp", "bogus" }, validating(2, "servfail", "answered", "bogus"));
		assert.same({ "udp", "probe udp", "answered" }, validating(2, "servfail", "proven"));
	end);

	it("S33: probe over the current transport, and take the probe's timeout as their own", function ()
		assert.same({ "udp", "probe udp", "tcp", "answered" }, fixed(2, "servfail", "timeout", "answered"));
		assert.same({ "udp", "tcp", "probe tcp", "timeout" }, fixed(2, "timeout", "servfail", "timeout"));
	end);

	it("15.12: go over TCP after a first verdict of libunbound's, and end with the second", function ()
		assert.same({ "udp", "tcp", "answered" }, fixed(2, "bogus", "answered"));
		assert.same({ "udp", "tcp", "bogus" }, fixed(2, "bogus", "bogus"));
		assert.same({ "udp", "tcp", "bogus" }, fixed(4, "bogus", "bogus"));
		assert.same({ "udp", "tcp", "tcp", "answered" }, fixed(3, "timeout", "bogus", "answered"));
		assert.same({ "udp", "tcp", "tcp", "bogus" }, fixed(3, "bogus", "timeout", "bogus"));
		assert.same({ "udp", "tcp", "probe tcp", "servfail" }, fixed(2, "bogus", "servfail", "servfail"));
		assert.same({ "udp", "tcp", "timeout" }, fixed(2, "bogus", "timeout"));
	end);

	it("end with what libunbound found bogus where no attempt is left, or a probe was answered before", function ()
		assert.same({ "udp", "bogus" }, fixed(1, "bogus"));
		assert.same({ "udp", "tcp", "bogus" }, fixed(2, "timeout", "bogus"));
		assert.same({ "udp", "probe udp", "tcp", "bogus" }, fixed(3, "servfail", "answered", "bogus"));
	end);

	it("S38: end at once with any other failure", function ()
		assert.same({ "udp", "system" }, fixed(4, "system"));
		assert.same({ "udp", "name" }, fixed(4, "name"));
		assert.same({ "udp", "probe udp", "system" }, fixed(4, "servfail", "system"));
	end);

	it("are at most four when four are allowed", function ()
		assert.same({ "udp", "tcp", "tcp", "tcp", "timeout" }, fixed(4, "timeout", "timeout", "timeout", "timeout"));
	end);
end);

describe("query: the attempts of the automatic resolver", function ()
	it("S16: end with the first answer", function ()
		assert.same({ "udp", "answered" }, automatic(3, "answered"));
	end);

	it("S17: rebuild after a timeout, and ask over UDP again", function ()
		assert.same({ "udp", "rebuild", "udp", "answered" }, automatic(3, "timeout", "answered"));
	end);

	it("S18: rebuild after SERVFAIL, with no probe yet", function ()
		assert.same({ "udp", "rebuild", "udp", "answered" }, automatic(3, "servfail", "answered"));
	end);

	it("S19: go over TCP after the second timeout, with one rebuild", function ()
		assert.same({ "udp", "rebuild", "udp", "tcp", "answered" }, automatic(3, "timeout", "timeout", "answered"));
	end);

	it("S20: end in timeout after exactly three", function ()
		assert.same({ "udp", "rebuild", "udp", "tcp", "timeout" }, automatic(3, "timeout", "timeout", "timeout"));
	end);

	it("S26: end in bogus when SERVFAIL meets a probe that answers, and another failure", function ()
		assert.same({ "udp", "rebuild", "udp", "probe udp", "tcp", "bogus" }, automatic(3, "servfail", "servfail", "answered", "servfail"));
	end);

	it("S29: accept an answer over TCP after SERVFAIL and a timeout", function ()
		assert.same({ "udp", "rebuild", "udp", "tcp", "answered" }, automatic(3, "servfail", "timeout", "answered"));
	end);

	it("S30: end in servfail when the probe fails too", function ()
		assert.same({ "udp", "rebuild", "udp", "probe udp", "servfail" }, automatic(3, "servfail", "servfail", "servfail"));
	end);

	it("rebuild once after bogus data, and end with the second verdict", function ()
		assert.same({ "udp", "rebuild", "udp", "bogus" }, automatic(3, "bogus", "bogus"));
		assert.same({ "udp", "rebuild", "udp", "answered" }, automatic(3, "bogus", "answered"));
		assert.same({ "udp", "bogus" }, automatic(1, "bogus"));
	end);

	it("S35: rebuild at most once", function ()
		assert.same({ "udp", "rebuild", "udp", "tcp", "tcp", "timeout" }, automatic(4, "timeout", "timeout", "timeout", "timeout"));
		assert.same({ "udp", "rebuild", "udp", "tcp", "bogus" }, automatic(4, "servfail", "bogus", "bogus"));
	end);

	it("S36: rebuild for others after the only one timed out", function ()
		assert.same({ "udp", "rebuild", "timeout" }, automatic(1, "timeout"));
	end);

	it("probe when the only one ended in SERVFAIL", function ()
		assert.same({ "udp", "probe udp", "servfail" }, automatic(1, "servfail", "servfail"));
		assert.same({ "udp", "probe udp", "bogus" }, automatic(1, "servfail", "answered"));
	end);

	it("go over TCP where a rebuild is denied", function ()
		assert.same({ "udp", "denied", "tcp", "answered" }, run(3, true, { "timeout", "answered" }, true));
		assert.same({ "udp", "denied", "tcp", "tcp", "timeout" }, run(3, true, { "timeout", "timeout", "timeout" }, true));
		assert.same({ "udp", "denied", "tcp", "probe tcp", "servfail" }, run(3, true, { "servfail", "servfail", "servfail" }, true));
		assert.same({ "udp", "denied", "tcp", "bogus" }, run(3, true, { "bogus", "bogus" }, true));
	end);
end);
