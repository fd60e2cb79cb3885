-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- Authorities of every kind, written anew as the top of a path, and what must not become one.

local prosody_util = require "spec.support.prosody_util";
prosody_util "encodings";
local pem2der = prosody_util "x509".pem2der;

local authority = require "xmppdns.prosody.authority";
local process = require "spec.support.process";
local ssl = require "ssl";

local KEYS = {
	ec = { "ec", "-pkeyopt", "ec_paramgen_curve:P-384" }, rsa = { "rsa:2048" }, ed25519 = { "ed25519" }, ed448 = { "ed448" };
};

describe("xmppdns.prosody.authority:", function ()
	local directory;

	local function add(list, ...)
		for _, word in ipairs({ ... }) do list[#list + 1] = word; end
	end

	-- A certificate of that kind of key below an issuer, or one that signed itself. extensions: beside the usual ones.
	local function issue(name, kind, issuer, extensions)
		local path = directory .. "/" .. name;
		local argv = { "openssl", "req", "-x509", "-nodes", "-subj", "/CN=" .. name, "-out", path .. ".crt", "-keyout", path .. ".key", "-newkey" };
		add(argv, (table.unpack or unpack)(KEYS[kind])); -- luacheck: ignore 113/unpack
		if issuer then add(argv, "-CA", directory .. "/" .. issuer .. ".crt", "-CAkey", directory .. "/" .. issuer .. ".key"); end
		for _, extension in ipairs(extensions or { "basicConstraints=critical,CA:TRUE" }) do add(argv, "-addext", extension); end
		process.run(argv);
		return assert(ssl.loadcertificate(process.read(path .. ".crt")));
	end

	local function get_key(certificate)
		return (pem2der((certificate:pubkey())));
	end

	setup(function ()
		directory = process.directory("authority");
	end);

	it("signatures lead from one below another, of any kind of key, as from its bare key", function ()
		local kinds = { "rsa", "ec", "ed25519", "ed448" };
		for i, kind in ipairs(kinds) do
			local above = kinds[i % #kinds + 1];
			issue("above "..kind, above);
			local middle = issue("middle "..kind, kind, "above "..kind);
			local leaf = issue("leaf "..kind, "ec", "middle "..kind, { "basicConstraints=critical,CA:FALSE" });
			assert.is_true(authority.leads(authority.from_certificate(middle), { leaf }), kind);
			assert.is_true(authority.leads(authority.from_key(get_key(middle), leaf), { leaf }), kind);
			assert.is_false(authority.leads(authority.from_key(get_key(leaf), leaf), { leaf }), kind);
		end
	end);

	it("its dates and restrictions stay", function ()
		issue("top", "ec");
		local cases = {
			["no authority"] = { { "basicConstraints=critical,CA:FALSE" }, false };
			["no signatures"] = { { "basicConstraints=critical,CA:TRUE", "keyUsage=critical,digitalSignature" }, false };
			["good names"] = { { "basicConstraints=critical,CA:TRUE", "nameConstraints=critical,permitted;DNS:example" }, true };
			["bad names"] = { { "basicConstraints=critical,CA:TRUE", "nameConstraints=critical,permitted;DNS:other" }, false };
		};
		for name, case in pairs(cases) do
			local middle = issue(name, "ec", "top", case[1]);
			local leaf = issue("below "..name, "ec", name, { "basicConstraints=critical,CA:FALSE", "subjectAltName=DNS:a.example" });
			assert.equal(case[2], authority.leads(authority.from_certificate(middle), { leaf }), name);
		end
		local short = issue("short", "ec", "top", { "basicConstraints=critical,CA:TRUE,pathlen:0" });
		local between = issue("between", "ec", "short");
		local leaf = issue("below between", "ec", "between", { "basicConstraints=critical,CA:FALSE" });
		assert.is_false(authority.leads(authority.from_certificate(short), { leaf, between }));
		assert.is_true(authority.leads(authority.from_certificate(between), { leaf }));
	end);

	it("what is no certificate or key becomes none, and raises nothing", function ()
		local leaf = issue("any", "ec");
		local der, key = pem2der(leaf:pem()), get_key(leaf);
		for length = 0, #key do
			if length < #key then assert.is_nil(authority.from_key(key:sub(1, length), leaf)); end
		end
		for length = 0, #der - 1 do assert.is_nil(authority.load(der:sub(1, length))); end
		local odd = { "", "\48", "\48\0", "\48\130\255\255", "\48\128", "\48\2\48\0", "\48\4\48\2\6\0", ("\48\132\255\255\255\255"):rep(10), ("x"):rep(70000) };
		for _, text in ipairs(odd) do
			assert.is_nil(authority.from_key(text, leaf));
		end
		local large = "\48\130\255\240"..key:sub(3, 2 + 21)..("\0"):rep(0xfff0 - 21);
		assert.is_nil(authority.from_key(large, leaf));
	end);
end);
