-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- The text of records, as Prosody's util.dns has it; what cannot be printed is escaped.

local getmetatable, ipairs, pairs, tostring, type = getmetatable, ipairs, pairs, tostring, type;
local concat = table.concat;

local function hex(bytes)
	return (tostring(bytes):gsub(".", function (byte) return ("%02x"):format(byte:byte()); end));
end

local BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

local function base64(bytes)
	return (tostring(bytes):gsub("..?.?", function (group)
		local a, b, c = group:byte(1, 3);
		local number, text = a * 65536 + (b or 0) * 256 + (c or 0), "";
		for shift = 18, 18 - 6 * #group, -6 do
			local digit = math.floor(number / 2 ^ shift) % 64;
			text = text .. BASE64:sub(digit + 1, digit + 1);
		end
		return text .. ("="):rep(3 - #group);
	end));
end

local function escape(byte)
	return ("\\%03d"):format(byte:byte());
end

-- Bytes of any kind as text for people: it goes to terminals and logs, and a line's end in it would begin another record.
local function visible(bytes)
	return (tostring(bytes):gsub("[^ -~]", escape));
end

-- A character-string of a zone file: "..." with \" \\ and \DDD.
local function quoted(bytes)
	return '"' .. visible((tostring(bytes):gsub('["\\]', "\\%0"))) .. '"';
end

-- The acronyms of RFC 7218, as Prosody spells them.
local tlsa_usages = { [0] = "PKIX-CA", "PKIX-EE", "DANE-TA", "DANE-EE", [255] = "PrivCert" };
local tlsa_selectors = { [0] = "Cert", "SPKI", [255] = "PrivSel" };
local tlsa_match_types = { [0] = "Full", "SHA2-256", "SHA2-512", [255] = "PrivMatch" };

local tlsa_methods = {};

-- Each gives an acronym, or nil for a number that has none.
function tlsa_methods:getUsage() return tlsa_usages[self.use]; end
function tlsa_methods:getSelector() return tlsa_selectors[self.select]; end
function tlsa_methods:getMatchType() return tlsa_match_types[self.match]; end

-- The text of a value with these fields, in their order. formats: what makes the text of a field, where it is not tostring.
local function fields_text(fields, formats)
	return function (value)
		local texts = {};
		for i, field in ipairs(fields) do
			texts[i] = (formats and formats[field] or tostring)(value[field]);
		end
		return concat(texts, " ");
	end;
end

local function tlsa_text(tlsa)
	return concat({
		tostring(tlsa_usages[tlsa.use] or tlsa.use), tostring(tlsa_selectors[tlsa.select] or tlsa.select),
		tostring(tlsa_match_types[tlsa.match] or tlsa.match), hex(tlsa.data);
	}, " ");
end

local function map(list, f)
	local mapped = {};
	for i, item in ipairs(list) do mapped[i] = f(item); end
	return mapped;
end

local function txt_text(strings)
	return concat(map(strings, visible));
end

local function list_text(list)
	return concat(map(list, visible), ", ");
end

local svcb_params = { "alpn", "no-default-alpn", "port", "ipv4hint", "ech", "ipv6hint" };

local function param_text(param)
	local value = param.value;
	if type(value) == "table" then value = concat(map(value, tostring), ", "); end -- not its own text, which is escaped already
	return ("%s=%s"):format(svcb_params[param.key] or "key" .. tostring(param.key), quoted(value));
end

local function svcb_text(svcb)
	return ("%s %s %s"):format(tostring(svcb.prio), tostring(svcb.name), concat(map(svcb.fields, param_text), " "));
end

local value_texts = {
	soa = fields_text { "mname", "rname", "serial", "refresh", "retry", "expire", "minimum" };
	mx = fields_text { "pref", "mx" };
	srv = fields_text { "priority", "weight", "port", "target" };
	tlsa = tlsa_text;
	ds = fields_text({ "key_tag", "algorithm", "digest_type", "digest" }, { digest = hex });
	dnskey = fields_text({ "flags", "protocol", "algorithm", "key" }, { key = base64 });
	sshfp = fields_text({ "algorithm", "type", "fingerprint" }, { fingerprint = hex });
	caa = fields_text({ "flags", "tag", "value" }, { value = quoted });
	svcb = svcb_text;
	txt = txt_text;
	list = list_text; -- of a parameter of svcb
};

local function record_text(record)
	return tostring(record[getmetatable(record).field]);
end

-- As RFC 3597 writes an unknown type.
local function raw_text(record)
	local raw = tostring(record.raw);
	return ("\\# %d %s"):format(#raw, hex(raw));
end

-- Gives the records of a core (xmppdns.core) their text, and TLSA values their methods.
local function install(core)
	for name, metatable in pairs(core.value_metatables) do metatable.__tostring = value_texts[name]; end
	core.value_metatables.tlsa.__index = tlsa_methods;
	for _, metatable in pairs(core.record_metatables) do
		metatable.__tostring = metatable.field == "raw" and raw_text or record_text;
	end
end

return { install = install };
