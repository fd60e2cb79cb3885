/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* SHA-256 (FIPS 180-4), by which a DS record names a key. Hand-written: libunbound exports none, and no other library that we link has one. */
#ifndef XMPPDNS_SHA256_H
#define XMPPDNS_SHA256_H

#include <stddef.h>
#include <stdint.h>

enum { SHA256_SIZE = 32 };

void sha256(const uint8_t *bytes, size_t size, uint8_t digest[SHA256_SIZE]);

#endif
