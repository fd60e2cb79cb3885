-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- Record data: what it is made of, and a sample of each type.

local function u16(number)
	return string.char(math.floor(number / 256), number % 256);
end

local function u32(number)
	return u16(math.floor(number / 65536)) .. u16(number % 65536);
end

local function text(string) -- a character-string
	return string.char(#string) .. string;
end

local function name(labels)
	return (labels:gsub("[^.]+%.?", function (label) return text((label:gsub("%.", ""))); end)) .. "\0";
end

local function param(key, value)
	return u16(key) .. u16(#value) .. value;
end

local digest = ("\1\35\69\103\137\171\205\239"):rep(4);

local function at_least(size)
	return function (length) return length >= size; end;
end

-- type: number; rdata; record: what Lua gets; whole: at which lengths a cut record is still one.
local samples = {
	A = { type = 1, rdata = "\192\0\2\255", record = { a = "192.0.2.255" } };
	NS = { type = 2, rdata = name "ns.Example.org", record = { ns = "ns.Example.org" } };
	CNAME = { type = 5, rdata = name "canon.example.org", record = { cname = "canon.example.org" } };
	SOA = {
		type = 6; rdata = name "ns.example.org" .. name "hostmaster.example.org" .. u32(4294967295) .. u32(1) .. u32(2) .. u32(3) .. u32(65536);
		record = { soa = {
			mname = "ns.example.org.", rname = "hostmaster.example.org.",
			serial = 4294967295, refresh = 1, retry = 2, expire = 3, minimum = 65536,
		} };
	};
	PTR = { type = 12, rdata = name "host.example.org", record = { ptr = "host.example.org" } };
	MX = { type = 15, rdata = u16(65535) .. name "mail.example.org", record = { mx = { pref = 65535, mx = "mail.example.org" } } };
	TXT = {
		type = 16, rdata = text "one" .. text "" .. text "two\0", record = { txt = { "one", "", "two\0" } };
		whole = function (length) return length == 4 or length == 5 end;
	};
	AAAA = { type = 28, rdata = "\32\1\13\184" .. ("\0"):rep(11) .. "\1", record = { aaaa = "2001:db8::1" } };
	SRV = {
		type = 33, rdata = u16(10) .. u16(65535) .. u16(5269) .. name "xmpp.example.org";
		record = { srv = { priority = 10, weight = 65535, port = 5269, target = "xmpp.example.org" } };
	};
	DS = {
		type = 43, rdata = u16(38696) .. "\13\2" .. digest, whole = at_least(4);
		record = { ds = { key_tag = 38696, algorithm = 13, digest_type = 2, digest = digest } };
	};
	SSHFP = {
		type = 44, rdata = "\4\2" .. digest, record = { sshfp = { algorithm = 4, type = 2, fingerprint = digest } }, whole = at_least(2);
	};
	DNSKEY = {
		type = 48, rdata = u16(257) .. "\3\13" .. "any carnal pleasure", whole = at_least(4);
		record = { dnskey = { flags = 257, protocol = 3, algorithm = 13, key = "any carnal pleasure" } };
	};
	TLSA = {
		type = 52, rdata = "\3\1\1" .. digest, record = { tlsa = { use = 3, select = 1, match = 1, data = digest } }, whole = at_least(3);
	};
	SVCB = {
		type = 64, rdata = u16(0) .. name "svc.example.org", record = { svcb = { prio = 0, name = "svc.example.org", fields = {} } };
	};
	HTTPS = {
		type = 65;
		rdata = u16(1) .. name "web.example.org" .. param(0, "\0\1") .. param(1, text "h2" .. text "http/1.1") .. param(2, "") .. param(3, "\20\149")
			.. param(4, "\192\0\2\1\192\0\2\2") .. param(5, "\"ech\"\n\\") .. param(6, "\32\1\13\184" .. ("\0"):rep(12)) .. param(65535, "");
		record = { https = { prio = 1, name = "web.example.org.", fields = {
			{ key = 0, len = 2, value = "\0\1" };
			{ key = 1, len = 12, value = { "h2", "http/1.1" } };
			{ key = 2, len = 0, value = "" };
			{ key = 3, len = 2, value = 5269 };
			{ key = 4, len = 8, value = { "192.0.2.1", "192.0.2.2" } };
			{ key = 5, len = 7, value = "\"ech\"\n\\" };
			{ key = 6, len = 16, value = { "2001:db8::" } };
			{ key = 65535, len = 0, value = "" };
		} } };
		whole = function (length) -- between two parameters, from that on which the first one makes mandatory
			local ends = { [19] = true, [41] = true, [45] = true, [51] = true, [63] = true, [74] = true, [94] = true };
			return ends[length];
		end;
	};
	CAA = {
		type = 257, rdata = "\128" .. text "issue" .. "ca.example\\\"\n", whole = at_least(7);
		record = { caa = { flags = 128, tag = "issue", value = "ca.example\\\"\n" } };
	};
};

-- Numbers that look random and are the same each time (Park and Miller).
local function new_generator(seed)
	return function (limit)
		seed = seed * 16807 % 2147483647;
		return seed % limit;
	end;
end

return { u16 = u16, u32 = u32, text = text, name = name, param = param, samples = samples, new_generator = new_generator };
