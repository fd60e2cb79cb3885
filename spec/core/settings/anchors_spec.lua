-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
local process = require "spec.support.process";
local upstream = require "xmppdns.testcontext";

local IANA = {
	". IN DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D",
	". IN DS 38696 8 2 683D2D0ACB8C9B712A1948B27F741219298D0A450D612C483AF444A4C0FB2B16",
};

local function file(name, content)
	return process.write(process.directory("anchors") .. "/" .. name, content);
end

describe("xmppdns.core: trust anchors", function ()
	local function anchors(settings)
		local config = assert(upstream.read_upstream(settings));
		return { anchors = config.anchors, file = config.anchor_file, autotrust = config.autotrust, source = config.anchor_source };
	end

	it("come from the settings", function ()
		local path = file("root.key", IANA[1] .. "\n");
		assert.same({ anchors = { IANA[2] }, source = "settings" }, anchors({ trusted = IANA[2] }));
		assert.same({ anchors = { IANA[2] }, file = path, source = "settings" }, anchors({ trusted = IANA[2], trustfile = path }));
		assert.same({ anchors = {}, file = path, source = path }, anchors({ trustfile = path }));
		assert.same({ anchors = {}, autotrust = path, source = path }, anchors({ autotrust = path }));
	end);

	it("come from the system's first root key file that holds one, else they are built in", function ()
		local expected = { anchors = IANA, source = "built in" };
		for _, path in ipairs({ "/var/lib/unbound/root.key", "/usr/share/dns/root.key", "/usr/share/dnssec-root/trusted-key.key",
			"/etc/unbound/root.key" }) do
			local content = process.read(path);
			if content and ("\n" .. content):find("\n[^;\n]+%sD[NS]") then
				expected = { anchors = {}, file = path, source = path };
				break;
			end
		end
		assert.same(expected, anchors({}));
		assert.same(expected, anchors({ dnssec = "off" }));
	end);
end);
