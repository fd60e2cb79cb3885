/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* Record data (RDATA) in network order, as libunbound hands it out: names uncompressed. */
#ifndef XMPPDNS_RDATA_H
#define XMPPDNS_RDATA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "type.h"

/* Bytes inside a record: borrowed from the record data, which must outlive it. */
struct span {
	const uint8_t *bytes;
	size_t size;
};

/* A cursor that knows its end and remembers that it failed: read field after field, ask once at the end. */
struct wire {
	const uint8_t *at, *end;
	bool truncated; /* a read went past the end, or a name was malformed; every later read gives 0 or an empty span */
};

struct wire open_wire(const uint8_t *bytes, size_t size);
uint8_t read_u8(struct wire *wire);
uint16_t read_u16(struct wire *wire);
uint32_t read_u32(struct wire *wire);
struct span read_span(struct wire *wire, size_t size);
struct span read_rest(struct wire *wire);
struct span read_string(struct wire *wire); /* a character-string (RFC 1035, 3.3): length byte, then bytes */
struct span read_name(struct wire *wire);   /* an uncompressed name of at most 255 bytes, its root label included; a pointer truncates */
/* The first byte from at on that begins no label: the root's, a pointer's, or one that may not stand there. NULL when it is not before end. */
const uint8_t *skip_labels(const uint8_t *at, const uint8_t *end);
bool wire_complete(const struct wire *wire); /* nothing failed and nothing is left */

/* Each reads one record of size bytes at rdata. False, with the target undefined, unless the bytes are exactly
 * one such record. Spans and names (wire form) borrow rdata. */
/* clang-format off */
struct soa { struct span mname, rname; uint32_t serial, refresh, retry, expire, minimum; };
struct mx { uint16_t preference; struct span exchange; };
struct srv { uint16_t priority, weight, port; struct span target; };          /* RFC 2782 */
struct tlsa { uint8_t usage, selector, mtype; struct span data; };            /* RFC 6698; data may be empty */
struct ds { uint16_t key_tag; uint8_t algorithm, digest_type; struct span digest; };
struct dnskey { uint16_t flags; uint8_t protocol, algorithm; struct span key; };
struct sshfp { uint8_t algorithm, type; struct span fingerprint; };
struct caa { uint8_t flags; struct span tag, value; };
struct svcb { uint16_t priority; struct span target, params; };               /* RFC 9460; params: see read_svcb_param */
struct svcb_param { uint16_t key; struct span value; };
/* clang-format on */

bool read_a(const uint8_t *rdata, size_t size);                           /* true for 4 bytes */
bool read_aaaa(const uint8_t *rdata, size_t size);                        /* true for 16 bytes */
bool read_one_name(const uint8_t *rdata, size_t size, struct span *name); /* CNAME, NS, PTR */
bool read_soa(const uint8_t *rdata, size_t size, struct soa *soa);
bool read_mx(const uint8_t *rdata, size_t size, struct mx *mx);
bool read_srv(const uint8_t *rdata, size_t size, struct srv *srv);
bool read_tlsa(const uint8_t *rdata, size_t size, struct tlsa *tlsa);
bool read_ds(const uint8_t *rdata, size_t size, struct ds *ds);
bool read_dnskey(const uint8_t *rdata, size_t size, struct dnskey *dnskey);
bool read_sshfp(const uint8_t *rdata, size_t size, struct sshfp *sshfp);
bool read_caa(const uint8_t *rdata, size_t size, struct caa *caa);
bool read_svcb(const uint8_t *rdata, size_t size, struct svcb *svcb);
/* The next parameter of params, false at the end; read_svcb made sure that they are whole, in ascending order, and that the values of the
 * known keys (mandatory, alpn, no-default-alpn, port, ipv4hint, ipv6hint) have their form and fit together. */
bool read_svcb_param(struct wire *params, struct svcb_param *param);
/* TXT: at least one character-string, all of them whole. The strings are then read with read_string. */
bool read_txt(const uint8_t *rdata, size_t size);

/* Whether read_x of that type accepts the bytes; any bytes do for a type without one. */
bool check_rdata(uint16_t type, const uint8_t *rdata, size_t size);

#endif
