/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* Walks the sections of a message, through a cursor that cannot leave it. */
#include "packet.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "name.h"
#include "rdata.h"

enum {
	LABEL_SIZE = 63,
	POINTER = 0xc0,         /* the two bits that make a label's length the begin of a pointer */
	RECORD_LEAST_SIZE = 11, /* the root's name, type, class, TTL, size */
	CLASS_IN = 1,
	FLAG_TC = 0x0200,
	RCODE_MASK = 0x000f,
	RCODE_NOERROR = 0,
	RCODE_SERVFAIL = 2,
	RCODE_NXDOMAIN = 3,
	RCODE_REFUSED = 5
};

struct name {
	uint8_t wire[NAME_WIRE_SIZE];
	size_t size;
};

struct packet {
	const uint8_t *bytes;
	struct wire wire; /* the next section, or record */
	uint16_t flags, questions, answers, authorities;
};

struct packet_record {
	struct name owner;
	uint16_t type, qclass;
	uint32_t ttl;
	struct span rdata;
};

/* What the answer section is searched for, and what was found. */
struct search {
	uint16_t qtype;
	struct name name; /* where the chain has come to */
	bool is_alias;    /* the chain has a link */
	uint32_t ttl;     /* the least so far */
	size_t seen;      /* records of qtype at its end, malformed ones included */
	size_t count;     /* of rdata and sizes */
	const uint8_t **rdata;
	int *sizes;
	uint8_t *names; /* room for expanded rdata */
};

/* Where a type has names that may be compressed: after so many bytes, so many names; then the rest. RFC 3597, section 4. */
struct layout {
	uint8_t type, before, names;
};

enum { MOST_NAMES = 2 }; /* in one record */

static const struct layout LAYOUTS[] = {
	{ TYPE_NS, 0, 1 },
	{ 3 /* MD */, 0, 1 },
	{ 4 /* MF */, 0, 1 },
	{ TYPE_CNAME, 0, 1 },
	{ TYPE_SOA, 0, 2 },
	{ 7 /* MB */, 0, 1 },
	{ 8 /* MG */, 0, 1 },
	{ 9 /* MR */, 0, 1 },
	{ TYPE_PTR, 0, 1 },
	{ 14 /* MINFO */, 0, 2 },
	{ TYPE_MX, 2, 1 },
	{ 17 /* RP */, 0, 2 },
	{ 18 /* AFSDB */, 2, 1 },
	{ 21 /* RT */, 2, 1 },
	{ 26 /* PX */, 2, 2 },
	{ TYPE_SRV, 6, 1 },
	{ 36 /* KX */, 2, 1 },
	{ 39 /* DNAME */, 0, 1 },
};

static const struct layout *find_layout(uint16_t type)
{
	for (size_t i = 0; i < sizeof(LAYOUTS) / sizeof(LAYOUTS[0]); i++)
		if (LAYOUTS[i].type == type)
			return &LAYOUTS[i];
	return NULL;
}

/* Appends one label, the root's too; false when the name becomes too long. */
static bool append_label(struct name *name, struct span label)
{
	size_t root = label.size > 0; /* there must be room for it, too */
	if (name->size + 1 + label.size + root > NAME_WIRE_SIZE)
		return false;
	name->wire[name->size++] = (uint8_t)label.size;
	memcpy(name->wire + name->size, label.bytes, label.size);
	name->size += label.size;
	return true;
}

/* The target of a pointer whose first byte was read, or NULL. It must lie before what it was read from, so that there is an end. */
static const uint8_t *read_pointer(const uint8_t *bytes, struct wire *wire, uint8_t first, const uint8_t *before)
{
	size_t offset = (size_t)(first & ~POINTER) << 8 | read_u8(wire);
	return wire->truncated || offset >= (size_t)(before - bytes) ? NULL : bytes + offset;
}

/* Reads a name that may be compressed (RFC 1035, 4.1.4). Malformed ones truncate the wire. */
static void read_packed_name(const uint8_t *bytes, struct wire *wire, struct name *name)
{
	struct wire label = *wire;
	const uint8_t *start = wire->at;
	uint8_t length;
	bool jumped = false;
	name->size = 0;
	do {
		length = read_u8(&label);
		if (length >= POINTER) {
			const uint8_t *target = read_pointer(bytes, &label, length, start);
			if (!jumped)
				wire->at = label.at;
			jumped = true;
			start = label.at = target != NULL ? target : label.at;
			label.truncated |= target == NULL;
			continue;
		}
		struct span text = read_span(&label, length);
		if (length > LABEL_SIZE || label.truncated || !append_label(name, text))
			label.truncated = true;
	} while (length != 0 && !label.truncated);
	if (!jumped)
		wire->at = label.at;
	wire->truncated |= label.truncated;
}

static uint8_t lower_case(uint8_t byte)
{
	return byte >= 'A' && byte <= 'Z' ? byte + ('a' - 'A') : byte;
}

static bool same_name(const struct name *a, const struct name *b)
{
	if (a->size != b->size)
		return false;
	for (size_t i = 0; i < a->size; i++) /* the lengths of labels are no letters */
		if (lower_case(a->wire[i]) != lower_case(b->wire[i]))
			return false;
	return true;
}

static struct packet open_packet(const uint8_t *bytes, size_t size)
{
	struct packet packet = { .wire = open_wire(bytes, size) };
	packet.bytes = packet.wire.at;
	read_u16(&packet.wire); /* the ID */
	packet.flags = read_u16(&packet.wire);
	packet.questions = read_u16(&packet.wire);
	packet.answers = read_u16(&packet.wire);
	packet.authorities = read_u16(&packet.wire);
	read_u16(&packet.wire); /* additional records: of no interest */
	return packet;
}

static void read_question(struct packet *packet, struct name *name)
{
	if (packet->questions != 1)
		packet->wire.truncated = true;
	read_packed_name(packet->bytes, &packet->wire, name);
	read_u32(&packet->wire); /* type, class */
}

/* False at the end of what is well-formed. */
static bool read_record(struct packet *packet, struct packet_record *record)
{
	read_packed_name(packet->bytes, &packet->wire, &record->owner);
	record->type = read_u16(&packet->wire);
	record->qclass = read_u16(&packet->wire);
	record->ttl = read_u32(&packet->wire);
	record->rdata = read_span(&packet->wire, read_u16(&packet->wire));
	if (record->ttl > INT32_MAX)
		record->ttl = 0; /* RFC 2181, 8 */
	return !packet->wire.truncated;
}

/* Copies the rdata with its names expanded, and makes it that copy. False when it is malformed. */
static bool expand_rdata(const struct packet *packet, const struct layout *layout, struct span *rdata, uint8_t *expanded)
{
	struct wire wire = open_wire(rdata->bytes, rdata->size);
	struct span before = read_span(&wire, layout->before);
	size_t size = before.size;
	memcpy(expanded, before.bytes, before.size);
	for (int i = 0; i < layout->names && !wire.truncated; i++) {
		struct name name;
		read_packed_name(packet->bytes, &wire, &name);
		memcpy(expanded + size, name.wire, name.size);
		size += name.size;
	}
	struct span rest = read_rest(&wire);
	memcpy(expanded + size, rest.bytes, rest.size);
	*rdata = (struct span){ expanded, size + rest.size };
	return !wire.truncated;
}

static bool is_collected(const struct search *search, struct span rdata)
{
	for (size_t i = 0; i < search->count; i++)
		if ((size_t)search->sizes[i] == rdata.size && memcmp(search->rdata[i], rdata.bytes, rdata.size) == 0)
			return true;
	return false;
}

static void collect_record(struct search *search, const struct packet *packet, const struct packet_record *record)
{
	const struct layout *layout = find_layout(record->type);
	struct span rdata = record->rdata;
	search->seen++;
	if (layout != NULL && !expand_rdata(packet, layout, &rdata, search->names))
		return;
	if (!check_rdata(record->type, rdata.bytes, rdata.size) || is_collected(search, rdata)) /* RFC 2181, 5 */
		return;
	if (layout != NULL)
		search->names += rdata.size;
	search->rdata[search->count] = rdata.bytes;
	search->sizes[search->count++] = (int)rdata.size;
}

static void follow_alias(struct search *search, struct packet *packet, const struct packet_record *record)
{
	struct wire wire = open_wire(record->rdata.bytes, record->rdata.size);
	read_packed_name(packet->bytes, &wire, &search->name);
	search->is_alias = true;
	packet->wire.truncated |= !wire_complete(&wire);
}

/* libunbound writes a chain in its order. */
static void search_answers(struct search *search, struct packet *packet)
{
	struct packet_record record;
	for (unsigned i = 0; i < packet->answers && read_record(packet, &record); i++) {
		if (record.ttl < search->ttl)
			search->ttl = record.ttl;
		if (record.qclass != CLASS_IN || !same_name(&record.owner, &search->name))
			continue;
		if (record.type == search->qtype)
			collect_record(search, packet, &record);
		else if (record.type == TYPE_CNAME && search->seen == 0)
			follow_alias(search, packet, &record);
	}
}

/* 0 when there is none. */
static uint32_t soa_minimum(const struct packet_record *record)
{
	const struct span *rdata = &record->rdata;
	struct wire wire = open_wire(rdata->bytes, rdata->size);
	if (rdata->size >= 4)
		read_span(&wire, rdata->size - 4);
	return read_u32(&wire);
}

static void search_authorities(struct search *search, struct packet *packet)
{
	struct packet_record record;
	for (unsigned i = 0; i < packet->authorities && read_record(packet, &record); i++) {
		uint32_t minimum = record.type == TYPE_SOA ? soa_minimum(&record) : UINT32_MAX;
		uint32_t ttl = minimum < record.ttl ? minimum : record.ttl;
		if (ttl < search->ttl)
			search->ttl = ttl;
	}
}

/* Room for all records that the packet can have. False without memory. */
static bool open_search(struct search *search, const struct packet *packet, size_t size)
{
	size_t most = packet->answers < size / RECORD_LEAST_SIZE ? packet->answers : size / RECORD_LEAST_SIZE;
	size_t name_bytes = find_layout(search->qtype) != NULL ? size + (most + 1) * MOST_NAMES * NAME_WIRE_SIZE : 0;
	uint8_t *room = malloc(most * (sizeof(*search->rdata) + sizeof(*search->sizes)) + name_bytes + 1);
	if (room == NULL)
		return false;
	search->ttl = UINT32_MAX;
	search->rdata = (const uint8_t **)room;
	search->sizes = (int *)(search->rdata + most);
	search->names = (uint8_t *)(search->sizes + most);
	return true;
}

static const char *print_rcode(uint16_t rcode, char reason[64])
{
	if (rcode == RCODE_SERVFAIL || rcode == RCODE_REFUSED)
		snprintf(reason, 64, "name server failure: %s", rcode == RCODE_SERVFAIL ? "SERVFAIL" : "REFUSED");
	else
		snprintf(reason, 64, "name server failure: rcode %u", rcode);
	return reason;
}

/* Why there is no answer, NULL when there is one. */
static const char *judge_search(const struct search *search, const struct packet *packet, char reason[64])
{
	uint16_t rcode = packet->flags & RCODE_MASK;
	if (packet->wire.truncated)
		return "malformed answer";
	if (rcode != RCODE_NOERROR && rcode != RCODE_NXDOMAIN)
		return print_rcode(rcode, reason);
	if (search->seen > 0 && rcode == RCODE_NXDOMAIN)
		return "data of a name that does not exist";
	if (search->seen == 0 && (packet->flags & FLAG_TC) != 0) /* libunbound rewrites an answer, which may outgrow 64 KiB */
		return "the answer is too large";
	return search->seen > 0 && search->count == 0 ? "malformed record data" : NULL;
}

/* Canonical text of where the chain ended, NULL when there is none. */
static const char *print_canonname(const struct search *search, const char *qname, char canonname[NAME_TEXT_SIZE])
{
	char text[NAME_TEXT_SIZE];
	size_t size;
	if (!search->is_alias)
		return NULL;
	size = print_name(search->name.wire, search->name.size, text);
	bool is_other = canonical_name(text, size, canonname, &size) == NAME_OK && strcmp(canonname, qname) != 0;
	return is_other ? canonname : NULL;
}

static struct answer *create_search_answer(const struct search *search, const struct packet *packet, const char *qname, bool secure)
{
	char reason[64], canonname[NAME_TEXT_SIZE];
	struct answer_source source = {
		.outcome = OUTCOME_ANSWERED,
		.qtype = search->qtype,
		.qclass = CLASS_IN,
		.rcode = packet->flags & RCODE_MASK,
		.ttl = search->ttl == UINT32_MAX ? 0 : search->ttl,
		.qname = qname,
		.reason = judge_search(search, packet, reason),
		.canonname = print_canonname(search, qname, canonname),
	};
	if (source.reason != NULL) {
		source.outcome = OUTCOME_SERVFAIL;
		source.ttl = 0;
		return create_answer(&source);
	}
	source.secure = secure;
	source.nxdomain = source.rcode == RCODE_NXDOMAIN;
	source.record_count = search->count;
	source.rdata = search->rdata;
	source.sizes = search->sizes;
	return create_answer(&source);
}

struct answer *create_packet_answer(const uint8_t *bytes, size_t size, const char *qname, uint16_t qtype, bool secure)
{
	struct packet packet = open_packet(bytes, size);
	struct search search = { .qtype = qtype };
	if (!open_search(&search, &packet, size))
		return NULL;
	void *room = search.rdata;
	read_question(&packet, &search.name);
	search_answers(&search, &packet);
	if (search.seen == 0)
		search_authorities(&search, &packet);
	struct answer *answer = create_search_answer(&search, &packet, qname, secure);
	free(room);
	return answer;
}

struct answer *create_rcode_failure(const char *qname, uint16_t qtype, uint16_t rcode)
{
	char reason[64];
	return create_answer(&(struct answer_source){
		.outcome = OUTCOME_SERVFAIL, .qtype = qtype, .qclass = CLASS_IN, .rcode = rcode, .qname = qname, .reason = print_rcode(rcode, reason) });
}
