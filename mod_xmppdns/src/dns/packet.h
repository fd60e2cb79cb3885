/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* A DNS message (RFC 1035, 4), and what it answers to its question. Knows neither libunbound nor Lua. */
#ifndef XMPPDNS_PACKET_H
#define XMPPDNS_PACKET_H

#include "answer.h"
#include "name.h"

/* packet: size bytes, an answer with its question. The records of qtype at the end of the chain of CNAMEs that begins at the question's name,
 * in the packet's order, their names expanded; malformed ones and repetitions are left out. The answer's ttl is the least in the answer section,
 * of a denial also of the authority section's, a SOA's minimum included, and 0 without a SOA (RFC 2308, 5). secure: whether all of it was validated.
 * OUTCOME_SERVFAIL for any other rcode than NOERROR and NXDOMAIN, a packet that is malformed or cut off without data, and for data of only
 * malformed records. NULL without memory. */
struct answer *create_packet_answer(const uint8_t *packet, size_t size, const char *qname, uint16_t qtype, bool secure);

/* What a packet claims to answer. */
struct claim {
	uint16_t qtype;
	bool is_signed;             /* there are signatures, good or bad ones */
	char qname[NAME_TEXT_SIZE]; /* canonical text */
};

/* False when it is no answer, or malformed. */
bool read_claim(const uint8_t *packet, size_t size, struct claim *claim);

/* The failure that stands for an rcode. NULL without memory. */
struct answer *create_rcode_failure(const char *qname, uint16_t qtype, uint16_t rcode);

#endif
