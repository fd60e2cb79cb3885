-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- Real servers over mod_xmppdns and a real DNS: every row of the demo.

local federation = require "spec.federation.federation";
local groups = require "spec.federation.rows";

describe("between real servers, with mod_xmppdns", function ()
	local place;

	setup(function ()
		place = federation.start(groups, {});
	end);

	teardown(function ()
		if place then place:stop(); end
	end);

	for _, group in ipairs(groups) do
		for _, row in ipairs(group.rows) do
			local ending = row.expect.pong and "is answered" or "is refused";
			it(("%s %s (%s: %s) %s"):format(group.title, row.domain, group.about, row.about, ending), function ()
				assert.same(row.expect, place:outcome(row, place:ping(row)));
			end);
		end
	end
end);
