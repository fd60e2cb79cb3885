-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- The authorities that Prosody's TLS trusts, as certificates: OpenSSL does not tell on which of them a chain that it has verified ends.

local load_certificate = require "ssl".loadcertificate;
local read_file = require "xmppdns.trust.anchors".read_file;

local BUNDLE = "ca-certificates.crt"; -- in the directory that Prosody trusts by default, all of them in one file
local DIRECTORY = "/etc/ssl/certs";

local PATTERN = "%-%-%-%-%-BEGIN CERTIFICATE%-%-%-%-%-.-%-%-%-%-%-END CERTIFICATE%-%-%-%-%-";

local store_methods = {};
local store_mt = { __index = store_methods };

local function find_file(get_option, host)
	for _, name in ipairs({ "s2s_ssl", "ssl" }) do
		local given = get_option(host, name);
		if type(given) == "table" and given.cafile then return given.cafile; end
		if type(given) == "table" and given.capath then return given.capath.."/"..BUNDLE; end
	end
	return DIRECTORY.."/"..BUNDLE;
end

local function load_all(text)
	local certificates = {};
	for pem in text:gmatch(PATTERN) do
		local ok, certificate = pcall(load_certificate, pem.."\n");
		certificates[#certificates + 1] = ok and certificate or nil;
	end
	return certificates;
end

-- A list of certificates, empty where the file cannot be read. The file is read each time, because it may have changed.
function store_methods:list(host)
	local path = find_file(self.get_option, host);
	local text = read_file(path);
	local known = self.known[path];
	if not known or known.text ~= text then
		known = { text = text, certificates = load_all(text) };
		self.known[path] = known;
	end
	return known.certificates;
end

-- get_option(host, name): as Prosody counts it for the host.
local function new(get_option)
	return setmetatable({ get_option = get_option, known = {} }, store_mt);
end

return { new = new };
