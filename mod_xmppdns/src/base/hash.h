/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* A keyed hash of names (SipHash-1-3): strangers choose the names, and must not choose the collisions. */
#ifndef XMPPDNS_HASH_H
#define XMPPDNS_HASH_H

#include <stddef.h>
#include <stdint.h>

void random_seed(uint64_t seed[2]);
uint64_t hash_name(const uint64_t seed[2], const char *name, size_t size, uint16_t type);

#endif
