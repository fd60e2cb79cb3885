/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* Record data, field by field, through a cursor that cannot leave the record. */
#include "rdata.h"

#include <stddef.h>

#include "name.h"

enum { LABEL_SIZE = 63 };

enum svcb_key { SVCB_MANDATORY = 0, SVCB_ALPN = 1, SVCB_NO_DEFAULT_ALPN = 2, SVCB_PORT = 3, SVCB_IPV4HINT = 4, SVCB_IPV6HINT = 6 };

struct wire open_wire(const uint8_t *bytes, size_t size)
{
	static const uint8_t nothing[1];
	if (size == 0)
		bytes = nothing; /* an empty record may come as NULL, with which no pointer arithmetic is allowed */
	return (struct wire){ .at = bytes, .end = bytes + size };
}

struct span read_span(struct wire *wire, size_t size)
{
	if ((size_t)(wire->end - wire->at) < size)
		wire->truncated = true;
	if (wire->truncated)
		return (struct span){ wire->end, 0 };
	struct span span = { wire->at, size };
	wire->at += size;
	return span;
}

uint8_t read_u8(struct wire *wire)
{
	struct span span = read_span(wire, 1);
	return span.size == 1 ? span.bytes[0] : 0;
}

uint16_t read_u16(struct wire *wire)
{
	struct span span = read_span(wire, 2);
	return span.size == 2 ? (uint16_t)(span.bytes[0] << 8 | span.bytes[1]) : 0;
}

uint32_t read_u32(struct wire *wire)
{
	struct span span = read_span(wire, 4);
	if (span.size != 4)
		return 0;
	return (uint32_t)span.bytes[0] << 24 | (uint32_t)span.bytes[1] << 16 | (uint32_t)span.bytes[2] << 8 | span.bytes[3];
}

struct span read_rest(struct wire *wire)
{
	return read_span(wire, (size_t)(wire->end - wire->at));
}

struct span read_string(struct wire *wire)
{
	return read_span(wire, read_u8(wire));
}

const uint8_t *skip_labels(const uint8_t *at, const uint8_t *end)
{
	while (at < end && *at != 0 && *at <= LABEL_SIZE) {
		if (end - at <= *at)
			return NULL;
		at += 1 + *at;
	}
	return at < end ? at : NULL;
}

struct span read_name(struct wire *wire)
{
	const uint8_t *root = skip_labels(wire->at, wire->end);
	if (root == NULL || *root != 0 || root - wire->at >= NAME_WIRE_SIZE)
		wire->truncated = true;
	return read_span(wire, wire->truncated ? 0 : (size_t)(root - wire->at) + 1);
}

bool wire_complete(const struct wire *wire)
{
	return !wire->truncated && wire->at == wire->end;
}

bool read_a(const uint8_t *rdata, size_t size)
{
	(void)rdata;
	return size == 4;
}

bool read_aaaa(const uint8_t *rdata, size_t size)
{
	(void)rdata;
	return size == 16;
}

bool read_one_name(const uint8_t *rdata, size_t size, struct span *name)
{
	struct wire wire = open_wire(rdata, size);
	*name = read_name(&wire);
	return wire_complete(&wire);
}

bool read_soa(const uint8_t *rdata, size_t size, struct soa *soa)
{
	struct wire wire = open_wire(rdata, size);
	soa->mname = read_name(&wire);
	soa->rname = read_name(&wire);
	soa->serial = read_u32(&wire);
	soa->refresh = read_u32(&wire);
	soa->retry = read_u32(&wire);
	soa->expire = read_u32(&wire);
	soa->minimum = read_u32(&wire);
	return wire_complete(&wire);
}

bool read_mx(const uint8_t *rdata, size_t size, struct mx *mx)
{
	struct wire wire = open_wire(rdata, size);
	mx->preference = read_u16(&wire);
	mx->exchange = read_name(&wire);
	return wire_complete(&wire);
}

bool read_srv(const uint8_t *rdata, size_t size, struct srv *srv)
{
	struct wire wire = open_wire(rdata, size);
	srv->priority = read_u16(&wire);
	srv->weight = read_u16(&wire);
	srv->port = read_u16(&wire);
	srv->target = read_name(&wire);
	return wire_complete(&wire);
}

bool read_tlsa(const uint8_t *rdata, size_t size, struct tlsa *tlsa)
{
	struct wire wire = open_wire(rdata, size);
	tlsa->usage = read_u8(&wire);
	tlsa->selector = read_u8(&wire);
	tlsa->mtype = read_u8(&wire);
	tlsa->data = read_rest(&wire);
	return wire_complete(&wire);
}

bool read_ds(const uint8_t *rdata, size_t size, struct ds *ds)
{
	struct wire wire = open_wire(rdata, size);
	ds->key_tag = read_u16(&wire);
	ds->algorithm = read_u8(&wire);
	ds->digest_type = read_u8(&wire);
	ds->digest = read_rest(&wire);
	return wire_complete(&wire);
}

bool read_dnskey(const uint8_t *rdata, size_t size, struct dnskey *dnskey)
{
	struct wire wire = open_wire(rdata, size);
	dnskey->flags = read_u16(&wire);
	dnskey->protocol = read_u8(&wire);
	dnskey->algorithm = read_u8(&wire);
	dnskey->key = read_rest(&wire);
	return wire_complete(&wire);
}

bool read_sshfp(const uint8_t *rdata, size_t size, struct sshfp *sshfp)
{
	struct wire wire = open_wire(rdata, size);
	sshfp->algorithm = read_u8(&wire);
	sshfp->type = read_u8(&wire);
	sshfp->fingerprint = read_rest(&wire);
	return wire_complete(&wire);
}

static bool is_caa_tag(struct span tag)
{
	for (size_t i = 0; i < tag.size; i++) {
		uint8_t byte = tag.bytes[i];
		if (!((byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z')))
			return false;
	}
	return tag.size > 0;
}

bool read_caa(const uint8_t *rdata, size_t size, struct caa *caa)
{
	struct wire wire = open_wire(rdata, size);
	caa->flags = read_u8(&wire);
	caa->tag = read_string(&wire);
	caa->value = read_rest(&wire);
	return wire_complete(&wire) && is_caa_tag(caa->tag);
}

static bool check_alpn(struct span value)
{
	struct wire wire = open_wire(value.bytes, value.size);
	do {
		if (read_string(&wire).size == 0)
			return false;
	} while (!wire_complete(&wire));
	return true;
}

/* Keys in ascending order; itself is not one of them. */
static bool check_mandatory(struct span value)
{
	struct wire wire = open_wire(value.bytes, value.size);
	uint16_t previous = SVCB_MANDATORY;
	do {
		uint16_t key = read_u16(&wire);
		if (key <= previous)
			return false;
		previous = key;
	} while (!wire.truncated && wire.at < wire.end);
	return wire_complete(&wire);
}

/* A known key's value of another shape makes the whole record malformed (RFC 9460, 2.2). */
static bool check_svcb_value(const struct svcb_param *param)
{
	size_t size = param->value.size;
	switch (param->key) {
	case SVCB_MANDATORY: return check_mandatory(param->value);
	case SVCB_ALPN: return check_alpn(param->value);
	case SVCB_NO_DEFAULT_ALPN: return size == 0;
	case SVCB_PORT: return size == 2;
	case SVCB_IPV4HINT: return size > 0 && size % 4 == 0;
	case SVCB_IPV6HINT: return size > 0 && size % 16 == 0;
	default: return true;
	}
}

bool read_svcb_param(struct wire *params, struct svcb_param *param)
{
	if (params->truncated || params->at == params->end)
		return false;
	param->key = read_u16(params);
	param->value = read_span(params, read_u16(params));
	return !params->truncated;
}

static bool check_svcb_params(struct span params)
{
	struct wire wire = open_wire(params.bytes, params.size);
	struct svcb_param param;
	for (int32_t previous = -1; read_svcb_param(&wire, &param); previous = param.key)
		if (param.key <= previous || !check_svcb_value(&param))
			return false;
	return wire_complete(&wire);
}

static bool find_svcb_param(struct span params, uint16_t key, struct svcb_param *param)
{
	struct wire wire = open_wire(params.bytes, params.size);
	while (read_svcb_param(&wire, param))
		if (param->key == key)
			return true;
	return false;
}

/* Both ascend, so one walk finds all: there may be thousands. */
static bool has_all_keys(struct span params, struct span keys)
{
	struct wire wanted = open_wire(keys.bytes, keys.size), wire = open_wire(params.bytes, params.size);
	while (!wire_complete(&wanted)) {
		uint16_t key = read_u16(&wanted);
		struct svcb_param param = { .key = 0 };
		while (param.key < key)
			if (!read_svcb_param(&wire, &param))
				return false;
		if (param.key != key)
			return false;
	}
	return true;
}

/* What RFC 9460 calls self-consistent (2.4.3): all that is mandatory is there (8), and a protocol is left to talk (7.1.1). */
static bool is_consistent(struct span params)
{
	struct svcb_param mandatory, unused;
	if (find_svcb_param(params, SVCB_NO_DEFAULT_ALPN, &unused) && !find_svcb_param(params, SVCB_ALPN, &unused))
		return false;
	return !find_svcb_param(params, SVCB_MANDATORY, &mandatory) || has_all_keys(params, mandatory.value);
}

bool read_svcb(const uint8_t *rdata, size_t size, struct svcb *svcb)
{
	struct wire wire = open_wire(rdata, size);
	svcb->priority = read_u16(&wire);
	svcb->target = read_name(&wire);
	svcb->params = read_rest(&wire);
	if (!wire_complete(&wire) || !check_svcb_params(svcb->params))
		return false;
	return svcb->priority == 0 || is_consistent(svcb->params); /* 0 is an alias, whose parameters nobody heeds */
}

bool read_txt(const uint8_t *rdata, size_t size)
{
	struct wire wire = open_wire(rdata, size);
	do
		read_string(&wire);
	while (!wire.truncated && wire.at < wire.end);
	return wire_complete(&wire);
}

bool check_rdata(uint16_t type, const uint8_t *rdata, size_t size)
{
	union {
		struct span name;
		struct soa soa;
		struct mx mx;
		struct srv srv;
		struct tlsa tlsa;
		struct ds ds;
		struct dnskey dnskey;
		struct sshfp sshfp;
		struct caa caa;
		struct svcb svcb;
	} unused;

	switch (type) {
	case TYPE_A: return read_a(rdata, size);
	case TYPE_AAAA: return read_aaaa(rdata, size);
	case TYPE_NS:
	case TYPE_CNAME:
	case TYPE_PTR: return read_one_name(rdata, size, &unused.name);
	case TYPE_SOA: return read_soa(rdata, size, &unused.soa);
	case TYPE_MX: return read_mx(rdata, size, &unused.mx);
	case TYPE_TXT: return read_txt(rdata, size);
	case TYPE_SRV: return read_srv(rdata, size, &unused.srv);
	case TYPE_DS: return read_ds(rdata, size, &unused.ds);
	case TYPE_SSHFP: return read_sshfp(rdata, size, &unused.sshfp);
	case TYPE_DNSKEY: return read_dnskey(rdata, size, &unused.dnskey);
	case TYPE_TLSA: return read_tlsa(rdata, size, &unused.tlsa);
	case TYPE_SVCB:
	case TYPE_HTTPS: return read_svcb(rdata, size, &unused.svcb);
	case TYPE_CAA: return read_caa(rdata, size, &unused.caa);
	default: return true;
	}
}
