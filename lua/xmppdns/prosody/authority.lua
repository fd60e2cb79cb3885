-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- A certificate authority as the top of a path of signatures, whatever stands above it.
--
-- OpenSSL, as far as LuaSec lends it to us, follows signatures down from certificates that signed themselves alone. So an authority is written anew
-- as if it had: its name, key, dates and restrictions stay; nobody looks at the signature of a certificate that is where trust begins.

local from_prosody = require "xmppdns.prosody.modules";
local encode_base64 = from_prosody "util.encodings".base64.encode;
local pem2der = from_prosody "util.x509".pem2der;
local load_certificate = require "ssl".loadcertificate;

local INTEGER, BIT_STRING, OID, SEQUENCE, VERSION, EXTENSIONS = 0x02, 0x03, 0x06, 0x30, 0xa0, 0xa3;

local MOST_BYTES = 0x10000;

local AUTHORITY_KEY_ID = "\85\29\35"; -- 2.5.29.35: would contradict a certificate that signed itself

-- What a key would sign with, by its algorithm: OpenSSL wants both to fit.
local SIGNATURES = {
	["\42\134\72\134\247\13\1\1\1"] = "\6\9\42\134\72\134\247\13\1\1\11\5\0"; -- RSA: sha256WithRSAEncryption
	["\42\134\72\206\61\2\1"] = "\6\8\42\134\72\206\61\4\3\2"; -- EC: ecdsa-with-SHA256
	["\43\101\112"] = "\6\3\43\101\112"; -- Ed25519
	["\43\101\113"] = "\6\3\43\101\113"; -- Ed448
};

local VALIDITY = "\23\013000101000000Z\23\013491231235959Z"; -- 2000 to 2049

-- DER

-- The element, or nil where it would be too large for a certificate that is worth a look.
local function encode(tag, content)
	local length = content and #content or MOST_BYTES;
	if length < 0x80 then return string.char(tag, length)..content; end
	if length < 0x100 then return string.char(tag, 0x81, length)..content; end
	if length < MOST_BYTES then return string.char(tag, 0x82, math.floor(length / 0x100), length % 0x100)..content; end
end

-- The element at a place: its tag, its first and last byte, and the first one of its content; nil where there is none.
local function read_element(data, first)
	local tag, length = data:byte(first, first + 1);
	if not length then return nil; end
	local start = first + 2;
	if length >= 0x80 then
		local size = length - 0x80;
		if size < 1 or size > 2 then return nil; end
		length = 0;
		for i = start, start + size - 1 do length = length * 0x100 + (data:byte(i) or 0); end
		start = start + size;
	end
	return tag, first, start + length - 1, start;
end

-- The elements inside one, each { tag, whole, content }; nil if it is not made of them.
local function read_children(content)
	local children, place = {}, 1;
	while place <= #content do
		local tag, first, last, start = read_element(content, place);
		if not tag or last > #content then return nil; end
		children[#children + 1] = { tag = tag, whole = content:sub(first, last), content = content:sub(start, last) };
		place = last + 1;
	end
	return children;
end

-- The children of the data's one element, or nil.
local function open(data)
	local outer = read_children(data);
	return outer and outer[1] and not outer[2] and read_children(outer[1].content) or nil;
end

-- Certificates

-- The fields of a certificate's signed part that count here, each as a whole element, or nil.
local function read_fields(der)
	local parts = open(der);
	local fields = parts and parts[1] and read_children(parts[1].content);
	if not fields then return nil; end
	local at = fields[1] and fields[1].tag == VERSION and 1 or 0;
	if #fields < at + 6 then return nil; end
	return {
		version = at == 1 and fields[1].whole or "", serial = fields[at + 1].whole, issuer = fields[at + 3].whole;
		validity = fields[at + 4].whole, subject = fields[at + 5].whole, key = fields[at + 6].whole;
		extensions = fields[#fields].tag == EXTENSIONS and fields[#fields] or nil;
	};
end

local function is_about_issuer(extension)
	local parts = read_children(extension.content);
	return parts ~= nil and parts[1] ~= nil and parts[1].tag == OID and parts[1].content == AUTHORITY_KEY_ID;
end

-- The extensions without what is said of the issuer; nil if they cannot be read.
local function strip_extensions(extensions)
	if not extensions then return ""; end
	local kept, all = {}, open(extensions.content);
	if not all then return nil; end
	for _, extension in ipairs(all) do
		if not is_about_issuer(extension) then kept[#kept + 1] = extension.whole; end
	end
	return encode(EXTENSIONS, encode(SEQUENCE, table.concat(kept)));
end

-- How the key would sign, as an element, or nil.
local function choose_signature(key)
	local parts = open(key);
	local algorithm = parts and parts[1] and read_children(parts[1].content);
	local signature = algorithm and algorithm[1] and SIGNATURES[algorithm[1].content];
	return signature and encode(SEQUENCE, signature);
end

local function load_der(der)
	local lines = encode_base64(der):gsub("."..(".?"):rep(63), "%0\n"); -- der2pem of Prosody 0.12 raises on Lua 5.4
	local ok, certificate = pcall(load_certificate, "-----BEGIN CERTIFICATE-----\n"..lines.."-----END CERTIFICATE-----\n");
	return ok and certificate or nil;
end

-- A certificate that signed itself, or nil.
local function make_root(version, serial, name, validity, key, extensions)
	local signature = choose_signature(key);
	if not signature or not extensions then return nil; end
	local signed = encode(SEQUENCE, table.concat({ version, serial, signature, name, validity, name, key, extensions }));
	local whole = signed and encode(SEQUENCE, signed..signature..encode(BIT_STRING, "\0\0"));
	return whole and load_der(whole) or nil;
end

-- The authority as a root, or nil.
local function from_certificate(certificate)
	local fields = read_fields(pem2der(certificate:pem()));
	if not fields then return nil; end
	return make_root(fields.version, fields.serial, fields.subject, fields.validity, fields.key, strip_extensions(fields.extensions));
end

-- An authority of which nothing is known but its key: under the name that the certificate has its issuer's. Or nil.
local function from_key(key, certificate)
	local fields = read_fields(pem2der(certificate:pem()));
	return fields and make_root("", encode(INTEGER, "\1"), fields.issuer, encode(SEQUENCE, VALIDITY), key, "");
end

-- Whether signatures lead from the root to the chain's first certificate.
local function leads(root, chain)
	return root ~= nil and root:issued((table.unpack or unpack)(chain)) == true; -- luacheck: ignore 113/unpack
end

return { from_certificate = from_certificate, from_key = from_key, load = load_der, leads = leads };
