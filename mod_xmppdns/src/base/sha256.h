/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* SHA-256 (FIPS 180-4), by which a DS record names a key. Hand-written: libunbound exports none, and no other library that we link has one. */
#ifndef XMPPDNS_SHA256_H
#define XMPPDNS_SHA256_H

#include <stddef.h>
#include <stdint.h>

enum { SHA256_SIZE = 32, SHA256_BLOCK = 64 };

/* A digest of bytes that come piece by piece. Private. */
struct sha256 {
	uint32_t hash[SHA256_SIZE / 4];
	uint64_t size; /* of all bytes so far */
	uint8_t block[SHA256_BLOCK];
};

void begin_sha256(struct sha256 *sum);
void add_to_sha256(struct sha256 *sum, const void *bytes, size_t size);
void end_sha256(struct sha256 *sum, uint8_t digest[SHA256_SIZE]);

/* Of bytes that are all there. */
void sha256(const uint8_t *bytes, size_t size, uint8_t digest[SHA256_SIZE]);

#endif
