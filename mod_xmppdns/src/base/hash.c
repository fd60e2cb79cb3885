/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* SipHash with one compression round and three at the end (Aumasson and Bernstein), over the name and then the type. */
#include "hash.h"

#include <string.h>
#include <sys/random.h>
#include <time.h>

void random_seed(uint64_t seed[2])
{
	if (getrandom(seed, 2 * sizeof(seed[0]), GRND_NONBLOCK) == 2 * sizeof(seed[0]))
		return;
	struct timespec now; /* no entropy yet this early in the machine's life */
	clock_gettime(CLOCK_REALTIME, &now);
	seed[0] = (uint64_t)now.tv_nsec ^ (uint64_t)(uintptr_t)seed;
	seed[1] = (uint64_t)now.tv_sec;
}

static uint64_t rotate(uint64_t word, int bits)
{
	return word << bits | word >> (64 - bits);
}

static void sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = rotate(v[1], 13) ^ v[0];
	v[0] = rotate(v[0], 32);
	v[2] += v[3];
	v[3] = rotate(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = rotate(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = rotate(v[1], 17) ^ v[2];
	v[2] = rotate(v[2], 32);
}

static void mix_word(uint64_t v[4], uint64_t word)
{
	v[3] ^= word;
	sip_round(v);
	v[0] ^= word;
}

uint64_t hash_name(const uint64_t seed[2], const char *name, size_t size, uint16_t type)
{
	uint64_t v[4] = { seed[0] ^ 0x736f6d6570736575, seed[1] ^ 0x646f72616e646f6d, seed[0] ^ 0x6c7967656e657261, seed[1] ^ 0x7465646279746573 };
	uint64_t last = (uint64_t)size << 56 | (uint64_t)type << 40;
	uint64_t word;

	for (; size >= sizeof(word); name += sizeof(word), size -= sizeof(word)) {
		memcpy(&word, name, sizeof(word));
		mix_word(v, word);
	}
	word = 0;
	memcpy(&word, name, size);
	mix_word(v, word);
	mix_word(v, last);
	v[2] ^= 0xff;
	for (int i = 0; i < 3; i++)
		sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}
