-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- A certificate authority of one's own for one run, certificates without any authority, and their digests as TLSA records have them.

local process = require "spec.support.process";

local certificates = {};
local authority_methods = {};
local authority_mt = { __index = authority_methods };

local NEW_KEY = { "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2" };

-- What a digest is taken of, by TLSA selector, in the words of openssl.
local SELECTED = {
	[0] = "openssl x509 -in \"$1\" -outform DER";
	[1] = "openssl x509 -in \"$1\" -noout -pubkey | openssl pkey -pubin -outform DER";
};

local function request(...)
	local argv = { "openssl", "req", "-x509" };
	for _, words in ipairs({ NEW_KEY, { ... } }) do
		for _, word in ipairs(words) do
			table.insert(argv, word);
		end
	end
	process.run(argv);
end

local function alternative_names(names)
	local texts = {};
	for i, name in ipairs(names) do
		local is_address = name:find("^%d+%.%d+%.%d+%.%d+$") or name:find(":", 1, true);
		texts[i] = (is_address and "IP:" or "DNS:") .. name;
	end
	return "subjectAltName=" .. table.concat(texts, ",");
end

-- When a certificate ends, in seconds since 1970.
function certificates.ends(path)
	local date = process.run({ "openssl", "x509", "-in", path, "-noout", "-enddate" }):match("=(.-)\n");
	return tonumber((process.run({ "date", "-d", date, "+%s" })));
end

-- A new authority: its certificate is the file authority.file.
function certificates.new_authority(name)
	name = name or "authority";
	local directory = process.directory(name);
	local authority = setmetatable({ file = directory .. "/ca.crt", key = directory .. "/ca.key" }, authority_mt);
	request("-subj", "/CN=" .. name .. " of this run", "-addext", "keyUsage=critical,keyCertSign,cRLSign", "-out", authority.file, "-keyout", authority.key);
	return authority;
end

-- The subject key identifier of a certificate, as the line of an extension.
local function key_identifier(path)
	return "subjectKeyIdentifier=" .. process.run({ "openssl", "x509", "-in", path, "-noout", "-ext", "subjectKeyIdentifier" }):match("%x%x:[%x:]+"):gsub(":", "");
end

-- An authority below this one. twin: another authority, whose key identifier it claims for its own key.
function authority_methods:new_authority(name, directory, twin)
	local base = directory .. "/" .. name;
	local below = setmetatable({ file = base .. ".crt", key = base .. ".key" }, authority_mt);
	request("-CA", self.file, "-CAkey", self.key, "-subj", "/CN=" .. name, "-addext", "basicConstraints=critical,CA:TRUE",
		"-addext", "keyUsage=critical,keyCertSign,cRLSign", "-addext", twin and key_identifier(twin.file) or "subjectKeyIdentifier=hash",
		"-out", below.file, "-keyout", below.key);
	return below;
end

-- Writes name.crt and name.key into the directory: the path of the first. name: an A-label domain; names: those that the certificate
-- is for, if not that one; addresses too.
function authority_methods:issue(name, directory, names)
	local base = directory .. "/" .. name;
	request("-CA", self.file, "-CAkey", self.key, "-subj", "/CN=" .. name, "-addext", alternative_names(names or { name }),
		"-addext", "basicConstraints=critical,CA:FALSE", "-out", base .. ".crt", "-keyout", base .. ".key");
	return base .. ".crt";
end

-- The same, and the authority's own certificate follows in name.crt, so that it is in the handshake.
function authority_methods:issue_chain(name, directory, names)
	local path = self:issue(name, directory, names);
	process.write(path, process.read(path) .. process.read(self.file));
	return path;
end

-- As issue, but signed by its own key alone.
function certificates.sign_itself(name, directory, names)
	local base = directory .. "/" .. name;
	request("-subj", "/CN=" .. name, "-addext", alternative_names(names or { name }), "-addext", "basicConstraints=critical,CA:FALSE",
		"-out", base .. ".crt", "-keyout", base .. ".key");
	return base .. ".crt";
end

-- The SHA-256 digest, in hexadecimal, of the first certificate in a file (selector 0) or of its public key (selector 1).
function certificates.digest(path, selector)
	return process.run({ "sh", "-c", SELECTED[selector] .. " | openssl dgst -sha256 -r", "sh", path }):match("^%x+");
end

-- The same, not as a digest but in full.
function certificates.data(path, selector)
	return (process.run({ "sh", "-c", SELECTED[selector] .. " | od -An -v -tx1", "sh", path }):gsub("%s", ""));
end

return certificates;
