-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders

local core = require "xmppdns.core";
local prosody_dns = require "spec.support.prosody_util" "dns";

local function is_meta(number)
	return number == 41 or number >= 128 and number <= 255;
end

describe("type: a record type", function ()
	it("has the name that Prosody knows, and is found by it in any case", function ()
		local named = 0;
		for number = 1, 65535 do
			local type_name = core.type_name(number);
			if type_name ~= "TYPE" .. number then
				named = named + 1;
				assert.equal(prosody_dns.types[number], type_name);
				assert.equal(number, core.type_number(type_name:lower()));
			end
			local found = not is_meta(number) and number or nil;
			assert.equal(found, core.type_number(type_name));
			assert.equal(found, core.type_number("type" .. number));
		end
		assert.is_true(named >= 16);
	end);

	it("is not found by anything else", function ()
		for _, wrong in ipairs {
			"", "X", "SRVX", "SR", "SRV\0", "SRV ", "33", "ANY", "*", "AXFR", "OPT",
			"TYPE", "TYPE0", "TYPE65536", "TYPE99999", "TYPE4294967329", "TYPE000033", "TYPE-1", "TYPE+1", "TYPE 1", "TYPE1x",
		} do
			assert.is_nil(core.type_number(wrong));
		end
	end);

	it("is a whole number from 0 to 65535, else the caller is told", function ()
		for _, wrong in ipairs { -1, 65536, 1.5, 0 / 0, math.huge, -math.huge, "33", {}, false } do
			assert.has_error(function () core.type_name(wrong); end);
		end
		for _, wrong in ipairs { 33, {}, true } do
			assert.has_error(function () core.type_number(wrong); end);
		end
	end);

	it("of the meta types is asked neither by number nor by name (15.5): no record has it, and ANY gives whatever a server likes", function ()
		local resolver = assert(core.new_resolver({ forward = "127.0.0.1@1", dnssec = "off" }));
		for number = 0, 256 do
			local by_number = pcall(resolver.peek, resolver, "a.example", number);
			local by_name = pcall(resolver.peek, resolver, "a.example", "TYPE" .. number);
			assert.same({ not is_meta(number) and number > 0, not is_meta(number) and number > 0 }, { by_number, by_name }, number);
		end
		assert.has_error(function () resolver:submit("a.example", "ANY", print); end);
		assert.has_error(function () resolver:submit("a.example", 255, print); end);
		resolver:close();
	end);
end);
