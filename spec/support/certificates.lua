-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- A certificate authority of one's own for one run.

local process = require "spec.support.process";

local certificates = {};
local authority_methods = {};
local authority_mt = { __index = authority_methods };

local NEW_KEY = { "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2" };

local function request(...)
	local argv = { "openssl", "req", "-x509" };
	for _, words in ipairs({ NEW_KEY, { ... } }) do
		for _, word in ipairs(words) do
			table.insert(argv, word);
		end
	end
	process.run(argv);
end

-- A new authority: its certificate is the file authority.file.
function certificates.new_authority()
	local directory = process.directory("authority");
	local authority = setmetatable({ file = directory .. "/ca.crt", key = directory .. "/ca.key" }, authority_mt);
	request("-subj", "/CN=Authority of this run", "-addext", "keyUsage=critical,keyCertSign,cRLSign", "-out", authority.file, "-keyout", authority.key);
	return authority;
end

-- Writes name.crt and name.key into the directory. name: an A-label domain.
function authority_methods:issue(name, directory)
	local base = directory .. "/" .. name;
	request("-CA", self.file, "-CAkey", self.key, "-subj", "/CN=" .. name, "-addext", "subjectAltName=DNS:" .. name,
		"-addext", "basicConstraints=critical,CA:FALSE", "-out", base .. ".crt", "-keyout", base .. ".key");
end

return certificates;
