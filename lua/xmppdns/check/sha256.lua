-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- SHA-256 (FIPS 180-4) for a few fingerprints: LuaSec digests certificates, not their keys, and not every Lua has bitwise operators.

local floor = math.floor;

local MODULUS = 4294967296; -- 2^32
local BLOCK = 64;           -- bytes

-- The bits of roots' fractions, as the standard takes its constants from primes.

local function list_primes(count)
	local primes, candidate = {}, 2;
	while #primes < count do
		local is_prime = true;
		for _, prime in ipairs(primes) do is_prime = is_prime and candidate % prime ~= 0; end
		if is_prime then primes[#primes + 1] = candidate; end
		candidate = candidate + 1;
	end
	return primes;
end

local function list_fractions(primes, exponent)
	local fractions = {};
	for i, prime in ipairs(primes) do fractions[i] = floor(prime ^ exponent % 1 * MODULUS); end
	return fractions;
end

local ROUNDS = list_fractions(list_primes(64), 1 / 3);
local START = list_fractions(list_primes(8), 1 / 2);

-- Bits

local XOR, AND = {}, {}; -- of two nibbles: [16 * a + b]

local function fill_nibbles()
	for a = 0, 15 do
		for b = 0, 15 do
			local xor, both, bit = 0, 0, 1;
			for _ = 1, 4 do
				local in_a, in_b = floor(a / bit) % 2, floor(b / bit) % 2;
				xor, both, bit = xor + (in_a + in_b) % 2 * bit, both + in_a * in_b * bit, bit * 2;
			end
			XOR[16 * a + b], AND[16 * a + b] = xor, both;
		end
	end
end

fill_nibbles();

local function combine(nibbles, a, b)
	local result, place = 0, 1;
	for _ = 1, 8 do
		local low_a, low_b = a % 16, b % 16;
		result, place = result + nibbles[16 * low_a + low_b] * place, place * 16;
		a, b = (a - low_a) / 16, (b - low_b) / 16;
	end
	return result;
end

local function xor(a, b, ...)
	local result = combine(XOR, a, b);
	if ... then return xor(result, ...); end
	return result;
end

local function shift(word, bits) return floor(word / 2 ^ bits); end

local function rotate(word, bits)
	return shift(word, bits) + word % 2 ^ bits * 2 ^ (32 - bits);
end

-- Blocks

local function expand(block)
	local words = {};
	for i = 1, 16 do
		local a, b, c, d = block:byte(4 * i - 3, 4 * i);
		words[i] = ((a * 256 + b) * 256 + c) * 256 + d;
	end
	for i = 17, 64 do
		local early, late = words[i - 15], words[i - 2];
		local low = xor(rotate(early, 7), rotate(early, 18), shift(early, 3));
		local high = xor(rotate(late, 17), rotate(late, 19), shift(late, 10));
		words[i] = (words[i - 16] + low + words[i - 7] + high) % MODULUS;
	end
	return words;
end

local function digest_block(state, block)
	local words = expand(block);
	local a, b, c, d, e, f, g, h = state[1], state[2], state[3], state[4], state[5], state[6], state[7], state[8];
	for i = 1, 64 do
		local choice = xor(combine(AND, e, f), combine(AND, MODULUS - 1 - e, g));
		local first = h + xor(rotate(e, 6), rotate(e, 11), rotate(e, 25)) + choice + ROUNDS[i] + words[i];
		local majority = xor(combine(AND, a, b), combine(AND, a, c), combine(AND, b, c));
		local second = xor(rotate(a, 2), rotate(a, 13), rotate(a, 22)) + majority;
		a, b, c, d, e, f, g, h = (first + second) % MODULUS, a, b, c, (d + first) % MODULUS, e, f, g;
	end
	for i, value in ipairs({ a, b, c, d, e, f, g, h }) do state[i] = (state[i] + value) % MODULUS; end
end

local function pad(bytes)
	local length = {};
	local bits = #bytes * 8;
	for i = 8, 1, -1 do
		length[i] = string.char(bits % 256);
		bits = floor(bits / 256);
	end
	return bytes .. "\128" .. ("\0"):rep((BLOCK - 9 - #bytes) % BLOCK) .. table.concat(length);
end

-- In hexadecimal.
local function digest(bytes)
	local padded, state, texts = pad(bytes), {}, {};
	for i, value in ipairs(START) do state[i] = value; end
	for place = 1, #padded, BLOCK do digest_block(state, padded:sub(place, place + BLOCK - 1)); end
	for i, value in ipairs(state) do texts[i] = ("%04x%04x"):format(floor(value / 65536), floor(value % 65536)); end
	return table.concat(texts);
end

return { digest = digest };
