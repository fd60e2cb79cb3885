-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- Two real Prosody servers over mod_xmppdns and a real DNS: every row of the demo.

local federation = require "spec.federation.federation";
local rows = require "spec.federation.rows";

describe("a ping from one Prosody with mod_xmppdns to another", function ()
	local place;

	setup(function ()
		place = federation.start(rows, {});
	end);

	teardown(function ()
		place:stop();
	end);

	for number, row in ipairs(rows) do
		local ending = row.expect.pong and "is answered" or "is refused";
		it(("to %s (%s) %s"):format(row.domain, row.about, ending), function ()
			assert.same(row.expect, place:outcome(row, place:result(number)));
		end);
	end
end);
