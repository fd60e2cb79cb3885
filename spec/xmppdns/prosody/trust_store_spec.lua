-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- Which authorities are found in the files that Prosody's options name.

local certificates = require "spec.support.certificates";
local new_store = require "xmppdns.prosody.trust_store".new;
local process = require "spec.support.process";

describe("xmppdns.prosody.trust_store:", function ()
	local options, store, first, second;

	local function names(host)
		local found = {};
		for i, certificate in ipairs(store:list(host)) do found[i] = certificate:subject()[1].value; end
		return found;
	end

	setup(function ()
		first, second = certificates.new_authority("first"), certificates.new_authority("second");
	end);

	before_each(function ()
		options = {};
		store = new_store(function (host, name) return options[host] and options[host][name]; end);
	end);

	it("those of the file, read anew once it has changed", function ()
		local file = process.write(process.directory("store") .. "/all.crt", process.read(first.file));
		options["near.example"] = { ssl = { cafile = file } };
		assert.same({ "first of this run" }, names("near.example"));
		process.write(file, process.read(first.file) .. "some text\n" .. process.read(second.file));
		assert.same({ "first of this run", "second of this run" }, names("near.example"));
	end);

	it("those for server-to-server connections first, or of the directory's one file", function ()
		process.write(process.directory("store") .. "/ca-certificates.crt", process.read(second.file));
		options["near.example"] = { ssl = { capath = process.directory("store") } };
		assert.same({ "second of this run" }, names("near.example"));
		options["near.example"].s2s_ssl = { cafile = first.file };
		assert.same({ "first of this run" }, names("near.example"));
	end);

	it("none where the file cannot be read", function ()
		options["near.example"] = { ssl = { cafile = "/nonexistent" } };
		assert.same({}, names("near.example"));
	end);
end);
