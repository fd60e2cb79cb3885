/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* Walks the sections of a message, through a cursor that cannot leave it. */
#include "packet.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "layout.h"
#include "name.h"
#include "record_set.h"

enum {
	POINTER = 0xc0,         /* the two bits that make a label's length the begin of a pointer */
	MOST_POINTERS = 126,    /* in one name: more than that lead from label to label only in what was made to keep us busy */
	RECORD_LEAST_SIZE = 11, /* the root's name, type, class, TTL, size */
	CLASS_IN = 1,
	TYPE_RRSIG = 46,
	FLAG_QR = 0x8000,
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
	struct wire wire;    /* the next section, or record */
	struct name pointed; /* the last owner that was a pointer, and where that led: thousands of records have the same one */
	uint16_t pointer;    /* 0: none yet */
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
	bool has_soa;     /* in the authority section */
	uint32_t ttl;     /* the least so far */
	size_t seen;      /* records of qtype at its end, malformed ones included */
	struct record_set records;
	const struct layout *layout; /* where they have names that may be compressed; or NULL */
	uint8_t *expanded, *room;    /* what they are expanded into: the next one, and all of it, owned */
};

/* False when the name becomes too long, the root's label included. */
static bool append_labels(struct name *name, const uint8_t *labels, size_t size)
{
	if (name->size + size + 1 > NAME_WIRE_SIZE)
		return false;
	memcpy(name->wire + name->size, labels, size);
	name->size += size;
	return true;
}

/* Where the pointer at that place leads, or NULL. It must lie before what it was read from, so that there is an end. */
static const uint8_t *read_pointer(const uint8_t *bytes, struct wire *wire, const uint8_t *place, const uint8_t *before)
{
	if (*place < POINTER || wire->end - place < 2)
		return NULL;
	size_t offset = (size_t)(place[0] & ~POINTER) << 8 | place[1];
	return offset < (size_t)(before - bytes) ? bytes + offset : NULL;
}

/* Reads a name that may be compressed (RFC 1035, 4.1.4). Malformed ones truncate the wire. */
static void read_packed_name(const uint8_t *bytes, struct wire *wire, struct name *name)
{
	const uint8_t *at = wire->at, *behind = NULL;
	name->size = 0;
	for (int jumps = 0; at != NULL && !wire->truncated; jumps++) {
		const uint8_t *stop = skip_labels(at, wire->end);
		if (stop == NULL || !append_labels(name, at, (size_t)(stop - at)))
			break;
		if (jumps == 0)
			behind = stop + (*stop == 0 ? 1 : 2);
		if (*stop == 0) {
			name->wire[name->size++] = 0;
			wire->at = behind;
			return;
		}
		at = jumps < MOST_POINTERS ? read_pointer(bytes, wire, stop, at) : NULL;
	}
	wire->truncated = true;
}

static bool same_name(const struct name *a, const struct name *b)
{
	return a->size == b->size && same_names(a->wire, b->wire, a->size);
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

/* Gives its type. */
static uint16_t read_question(struct packet *packet, struct name *name)
{
	if (packet->questions != 1)
		packet->wire.truncated = true;
	read_packed_name(packet->bytes, &packet->wire, name);
	uint16_t type = read_u16(&packet->wire);
	read_u16(&packet->wire); /* the class */
	return type;
}

static void read_owner(struct packet *packet, struct name *owner)
{
	struct wire wire = packet->wire;
	uint16_t pointer = read_u16(&wire);
	bool is_pointer = !wire.truncated && pointer >= POINTER << 8;
	if (is_pointer && pointer == packet->pointer) {
		*owner = packet->pointed;
		packet->wire = wire;
		return;
	}
	read_packed_name(packet->bytes, &packet->wire, owner);
	if (!is_pointer || packet->wire.truncated)
		return;
	packet->pointer = pointer;
	packet->pointed = *owner;
}

/* False at the end of what is well-formed. */
static bool read_record(struct packet *packet, struct packet_record *record)
{
	read_owner(packet, &record->owner);
	record->type = read_u16(&packet->wire);
	record->qclass = read_u16(&packet->wire);
	record->ttl = read_u32(&packet->wire);
	record->rdata = read_span(&packet->wire, read_u16(&packet->wire));
	if (record->ttl > INT32_MAX)
		record->ttl = 0; /* RFC 2181, 8 */
	return !packet->wire.truncated;
}

/* Copies the rdata with its names expanded, and makes it that copy; names: where they are in it. False when it is malformed. */
static bool expand_rdata(const struct packet *packet, const struct layout *layout, struct span *rdata, struct span *names, uint8_t *expanded)
{
	struct wire wire = open_wire(rdata->bytes, rdata->size);
	struct span before = read_before_names(&wire, layout);
	size_t size = before.size;
	memcpy(expanded, before.bytes, before.size);
	for (int i = 0; i < layout->names && !wire.truncated; i++) {
		struct name name;
		read_packed_name(packet->bytes, &wire, &name);
		memcpy(expanded + size, name.wire, name.size);
		size += name.size;
	}
	*names = (struct span){ expanded + before.size, size - before.size };
	struct span rest = read_rest(&wire);
	memcpy(expanded + size, rest.bytes, rest.size);
	*rdata = (struct span){ expanded, size + rest.size };
	return !wire.truncated;
}

static void collect_record(struct search *search, const struct packet *packet, const struct packet_record *record)
{
	struct span rdata = record->rdata, names;
	search->seen++;
	if (search->layout == NULL)
		names = names_in(record->type, rdata);
	else if (!expand_rdata(packet, search->layout, &rdata, &names, search->expanded))
		return;
	if (check_rdata(record->type, rdata.bytes, rdata.size) && add_record(&search->records, rdata, names) && search->layout != NULL)
		search->expanded += rdata.size;
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
		search->has_soa |= record.type == TYPE_SOA;
		uint32_t ttl = minimum < record.ttl ? minimum : record.ttl;
		if (ttl < search->ttl)
			search->ttl = ttl;
	}
}

/* Room for all records that the packet can have. False without memory. */
static bool open_search(struct search *search, const struct packet *packet, size_t size)
{
	size_t most = packet->answers < size / RECORD_LEAST_SIZE ? packet->answers : size / RECORD_LEAST_SIZE;
	const struct layout *layout = find_layout(search->qtype);
	search->ttl = UINT32_MAX;
	search->layout = layout != NULL && layout->may_be_compressed ? layout : NULL;
	search->expanded = search->room = malloc(search->layout != NULL ? size + (most + 1) * MOST_NAMES * NAME_WIRE_SIZE : 1);
	if (search->room != NULL && open_record_set(&search->records, search->qtype, most))
		return true;
	free(search->room);
	return false;
}

static void close_search(struct search *search)
{
	close_record_set(&search->records);
	free(search->room);
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
	if (search->seen > 0 && rcode == RCODE_NXDOMAIN && search->qtype != TYPE_CNAME)
		return "data of a name that does not exist";
	if (search->seen == 0 && (packet->flags & FLAG_TC) != 0) /* libunbound rewrites an answer, which may outgrow 64 KiB */
		return "the answer is too large";
	return search->seen > 0 && search->records.count == 0 ? "malformed record data" : NULL;
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

/* Of the question's answer: with data that is NOERROR, for the packet's speaks of the last name of a chain, which an alias's target is (RFC 6604). */
static uint16_t rcode_of(const struct search *search, const struct packet *packet)
{
	return search->records.count > 0 ? RCODE_NOERROR : packet->flags & RCODE_MASK;
}

/* Without a SOA nobody has said how long a denial holds (RFC 2308, 5). */
static uint32_t ttl_of(const struct search *search)
{
	return search->ttl == UINT32_MAX || (search->seen == 0 && !search->has_soa) ? 0 : search->ttl;
}

static struct answer *create_search_answer(const struct search *search, const struct packet *packet, const char *qname, bool secure)
{
	char reason[64], canonname[NAME_TEXT_SIZE];
	struct answer_source source = {
		.outcome = OUTCOME_ANSWERED,
		.qtype = search->qtype,
		.qclass = CLASS_IN,
		.rcode = packet->flags & RCODE_MASK,
		.qname = qname,
		.reason = judge_search(search, packet, reason),
		.canonname = print_canonname(search, qname, canonname),
	};
	if (source.reason != NULL) {
		source.outcome = OUTCOME_SERVFAIL;
		return create_answer(&source);
	}
	source.rcode = rcode_of(search, packet);
	source.ttl = ttl_of(search);
	source.secure = secure;
	source.nxdomain = source.rcode == RCODE_NXDOMAIN;
	source.record_count = search->records.count;
	source.rdata = search->records.rdata;
	source.sizes = search->records.sizes;
	return create_answer(&source);
}

struct answer *create_packet_answer(const uint8_t *bytes, size_t size, const char *qname, uint16_t qtype, bool secure)
{
	struct packet packet = open_packet(bytes, size);
	struct search search = { .qtype = qtype };
	if (!open_search(&search, &packet, size))
		return NULL;
	read_question(&packet, &search.name);
	search_answers(&search, &packet);
	if (search.seen == 0)
		search_authorities(&search, &packet);
	struct answer *answer = create_search_answer(&search, &packet, qname, secure);
	close_search(&search);
	return answer;
}

bool read_claim(const uint8_t *bytes, size_t size, struct claim *claim)
{
	char text[NAME_TEXT_SIZE];
	struct name name;
	struct packet_record record;
	struct packet packet = open_packet(bytes, size);
	claim->qtype = read_question(&packet, &name);
	claim->is_signed = false;
	if (packet.wire.truncated || (packet.flags & FLAG_QR) == 0)
		return false;
	for (unsigned i = 0; i < (unsigned)packet.answers + packet.authorities && !claim->is_signed && read_record(&packet, &record); i++)
		claim->is_signed = record.type == TYPE_RRSIG;
	size_t text_size = print_name(name.wire, name.size, text);
	return !packet.wire.truncated && canonical_name(text, text_size, claim->qname, &text_size) == NAME_OK;
}

struct answer *create_rcode_failure(const char *qname, uint16_t qtype, uint16_t rcode)
{
	char reason[64];
	return create_answer(&(struct answer_source){
		.outcome = OUTCOME_SERVFAIL, .qtype = qtype, .qclass = CLASS_IN, .rcode = rcode, .qname = qname, .reason = print_rcode(rcode, reason) });
}
