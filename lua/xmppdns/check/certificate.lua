-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- What an operator wants to know of a certificate: its names, when it ends, and its TLSA records. Needs LuaSec.

local core = require "xmppdns.core";
local read_base64 = require "xmppdns.trust.anchors".read_base64;

local SUBJECT_ALT_NAME = "2.5.29.17";
local XMPP_ADDRESS, SRV_NAME = "1.3.6.1.5.5.7.8.5", "1.3.6.1.5.5.7.8.7";

local MONTHS = { Jan = 1, Feb = 2, Mar = 3, Apr = 4, May = 5, Jun = 6, Jul = 7, Aug = 8, Sep = 9, Oct = 10, Nov = 11, Dec = 12 };

local DAY = 86400;

-- The names of a certificate for XMPP servers: DNS names, those of SRV records (RFC 4985), XMPP addresses.
local function list_names(certificate)
	local names = {};
	local extension = certificate:extensions()[SUBJECT_ALT_NAME] or {};
	for _, name in ipairs(extension.dNSName or {}) do names[#names + 1] = { kind = "DNS", name = name:lower() }; end
	for _, name in ipairs(extension[SRV_NAME] or {}) do names[#names + 1] = { kind = "SRV", name = name:lower() }; end
	for _, name in ipairs(extension[XMPP_ADDRESS] or {}) do names[#names + 1] = { kind = "XMPP", name = name:lower() }; end
	return names;
end

-- Seconds since 1970 of a day in UTC; os.time knows local time alone.
local function time_of(year, month, day)
	if month < 3 then year, month = year - 1, month + 12; end
	local days = 365 * year + math.floor(year / 4) - math.floor(year / 100) + math.floor(year / 400) + math.floor((153 * (month - 3) + 2) / 5) + day - 719469;
	return days * DAY;
end

-- When it ends, in seconds since 1970; nil when LuaSec says it in another way than "Nov 30 17:00:00 2026 GMT".
local function read_end(certificate)
	local month, day, hour, minute, second, year = certificate:notafter():match("^(%a+) +(%d+) (%d+):(%d+):(%d+) (%d+)");
	if not MONTHS[month] then return nil; end
	return time_of(tonumber(year), MONTHS[month], tonumber(day)) + hour * 3600 + minute * 60 + second;
end

-- "3 days"
local function describe_days(days)
	return ("%d day%s"):format(days, days == 1 and "" or "s");
end

-- "ends in 3 days" or "ended 1 day ago"; verb: "ends", unless told otherwise.
local function describe_end(days, verb)
	if days < 0 then return ("ended %s ago"):format(describe_days(-days)); end
	return ("%s in %s"):format(verb or "ends", describe_days(days));
end

local function to_hex(bytes)
	return (bytes:gsub(".", function (byte) return ("%02x"):format(byte:byte()); end));
end

local function read_pem(pem)
	return read_base64((pem:match("^%-%-%-%-%-BEGIN [%u ]+%-%-%-%-%-(.-)%-%-%-%-%-END"):gsub("%s", "")));
end

-- The data of the TLSA record with that selector and matching type, in hexadecimal; nil for a matching type that is neither 0 nor 1.
local function association(certificate, select, match)
	local pem = select == 1 and certificate:pubkey() or certificate:pem();
	if match == 0 then return to_hex(read_pem(pem)); end
	return match == 1 and to_hex(core.sha256(read_pem(pem))) or nil;
end

-- The certificates of a PEM file, the server's first; or nil and why not.
local function load_chain(path)
	local file, problem = io.open(path, "rb");
	if not file then return nil, problem; end
	local chain = {};
	for pem in file:read("*a"):gmatch("%-%-%-%-%-BEGIN CERTIFICATE%-%-%-%-%-.-%-%-%-%-%-END CERTIFICATE%-%-%-%-%-") do
		chain[#chain + 1] = require "ssl".loadcertificate(pem);
	end
	file:close();
	if not chain[1] then return nil, path .. ": no certificate in it"; end
	return chain;
end

return {
	to_hex = to_hex, list_names = list_names, read_end = read_end, describe_days = describe_days, describe_end = describe_end, association = association;
	load_chain = load_chain;
};
