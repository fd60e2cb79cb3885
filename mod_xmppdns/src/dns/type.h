/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* Record types (RFC 1035, 3.2.2). */
#ifndef XMPPDNS_TYPE_H
#define XMPPDNS_TYPE_H

#include <stdbool.h>
#include <stdint.h>

/* clang-format off */
enum record_type {
	TYPE_A = 1, TYPE_NS = 2, TYPE_CNAME = 5, TYPE_SOA = 6, TYPE_PTR = 12, TYPE_MX = 15, TYPE_TXT = 16,
	TYPE_AAAA = 28, TYPE_SRV = 33, TYPE_DS = 43, TYPE_SSHFP = 44, TYPE_DNSKEY = 48, TYPE_TLSA = 52,
	TYPE_SVCB = 64, TYPE_HTTPS = 65, TYPE_CAA = 257
};
/* clang-format on */

/* "SRV" for 33; NULL for a type without a name here. Static. */
const char *type_name(uint16_t type);
/* Whether no record has it: OPT, and what is for questions and signalling (RFC 6895, 3.1), ANY among them. It cannot be asked here. */
bool is_meta_type(uint16_t type);
/* 33 for "SRV", "srv" or "TYPE33" (RFC 3597); 0 for anything else, and for meta types. */
uint16_t type_number(const char *name);

#endif
