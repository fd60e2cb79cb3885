-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- What the installed Prosody can do, and one between the versions: 0.12.5 has the event and nothing else of what is new.

require "spec.bench.stock".server();

local capabilities = require "xmppdns.prosody.capabilities";
local from_prosody = require "xmppdns.prosody.modules";
local process = require "spec.support.process";

local is_13 = process.read("/usr/lib/prosody/loader.lua") ~= nil;
local features = from_prosody "core.features".available;

describe("xmppdns.prosody.capabilities:", function ()
	it("Prosody 13 asks plugins before it connects, and dials side by side; 0.12.3 does neither", function ()
		assert.same({ is_13, is_13 }, { capabilities.has_pre_connect(), capabilities.connects_side_by_side() });
	end);

	it("the event says nothing about dialling", function ()
		features:add("s2sout-pre-connect-event");
		assert.same({ true, is_13 }, { capabilities.has_pre_connect(), capabilities.connects_side_by_side() });
		if not is_13 then features:remove("s2sout-pre-connect-event"); end
	end);
end);
