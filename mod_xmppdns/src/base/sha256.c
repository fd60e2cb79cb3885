/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* SHA-256, block by block. */
#include "sha256.h"

#include <string.h>

enum { LENGTH_SIZE = 8, ROUNDS = 64, WORDS = 8 };

static const uint32_t CONSTANTS[ROUNDS] = { 0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
	0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc,
	0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
	0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3,
	0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
	0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2 };

static uint32_t rotate(uint32_t word, unsigned by)
{
	return word >> by | word << (32 - by);
}

static void expand(const uint8_t block[SHA256_BLOCK], uint32_t schedule[ROUNDS])
{
	for (int i = 0; i < 16; i++)
		schedule[i] = (uint32_t)block[4 * i] << 24 | (uint32_t)block[4 * i + 1] << 16 | (uint32_t)block[4 * i + 2] << 8 | block[4 * i + 3];
	for (int i = 16; i < ROUNDS; i++) {
		uint32_t near = schedule[i - 2], far = schedule[i - 15];
		near = rotate(near, 17) ^ rotate(near, 19) ^ near >> 10;
		far = rotate(far, 7) ^ rotate(far, 18) ^ far >> 3;
		schedule[i] = near + schedule[i - 7] + far + schedule[i - 16];
	}
}

static void add_block(uint32_t hash[WORDS], const uint8_t block[SHA256_BLOCK])
{
	uint32_t schedule[ROUNDS], w[WORDS]; /* a to h in the standard */
	expand(block, schedule);
	memcpy(w, hash, sizeof(w));
	for (int i = 0; i < ROUNDS; i++) {
		uint32_t choice = (w[4] & w[5]) ^ (~w[4] & w[6]), majority = (w[0] & w[1]) ^ (w[0] & w[2]) ^ (w[1] & w[2]);
		uint32_t first = w[7] + (rotate(w[4], 6) ^ rotate(w[4], 11) ^ rotate(w[4], 25)) + choice + CONSTANTS[i] + schedule[i];
		uint32_t second = (rotate(w[0], 2) ^ rotate(w[0], 13) ^ rotate(w[0], 22)) + majority;
		memmove(w + 1, w, 7 * sizeof(w[0]));
		w[4] += first;
		w[0] = first + second;
	}
	for (int i = 0; i < WORDS; i++)
		hash[i] += w[i];
}

void begin_sha256(struct sha256 *sum)
{
	*sum = (struct sha256){ .hash = { 0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19 } };
}

void add_to_sha256(struct sha256 *sum, const void *bytes, size_t size)
{
	const uint8_t *at = bytes;
	size_t used = (size_t)(sum->size % SHA256_BLOCK);
	sum->size += size;
	for (; used + size >= SHA256_BLOCK; used = 0) {
		size_t taken = SHA256_BLOCK - used;
		if (used > 0)
			memcpy(sum->block + used, at, taken);
		add_block(sum->hash, used > 0 ? sum->block : at);
		at += taken;
		size -= taken;
	}
	if (size > 0)
		memcpy(sum->block + used, at, size);
}

void end_sha256(struct sha256 *sum, uint8_t digest[SHA256_SIZE])
{
	size_t used = (size_t)(sum->size % SHA256_BLOCK);
	sum->block[used++] = 0x80;
	memset(sum->block + used, 0, SHA256_BLOCK - used);
	if (used > SHA256_BLOCK - LENGTH_SIZE) {
		add_block(sum->hash, sum->block);
		memset(sum->block, 0, SHA256_BLOCK);
	}
	for (int i = 0; i < LENGTH_SIZE; i++)
		sum->block[SHA256_BLOCK - 1 - i] = (uint8_t)(sum->size * 8 >> 8 * i);
	add_block(sum->hash, sum->block);
	for (int i = 0; i < SHA256_SIZE; i++)
		digest[i] = (uint8_t)(sum->hash[i / 4] >> (24 - 8 * (i % 4)));
}

void sha256(const uint8_t *bytes, size_t size, uint8_t digest[SHA256_SIZE])
{
	struct sha256 sum;
	begin_sha256(&sum);
	add_to_sha256(&sum, bytes, size);
	end_sha256(&sum, digest);
}
