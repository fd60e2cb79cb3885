/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* The form: a mark with its version, the head, one answer after the other, SHA-256 of all before. Numbers in network order. */
#include "snapshot.h"

#include <stdlib.h>
#include <string.h>

#include "dns/name.h"

static const char MARK[] = "xmppdns answers";

enum {
	VERSION = 1,
	MARK_SIZE = sizeof(MARK), /* its NUL included; then the version, one byte */
	HEAD_SIZE = MARK_SIZE + 1 + SHA256_SIZE + 8 + 8 + BOOT_SIZE,
	ANSWER_SIZE = 4 + 2 + 1 + 2 + 2 + 2 + 2 + 2, /* without what varies */
	IS_SECURE = 1,
	IS_NXDOMAIN = 2
};

/* Writing */

static bool make_room(struct snapshot *snapshot, size_t size)
{
	size_t room = snapshot->room == 0 ? 4096 : snapshot->room;
	while (room - snapshot->size < size)
		room *= 2;
	if (room == snapshot->room)
		return true;
	uint8_t *bytes = realloc(snapshot->bytes, room);
	if (bytes == NULL)
		return false;
	snapshot->bytes = bytes;
	snapshot->room = room;
	return true;
}

/* From here on there is room. */

static void put_bytes(struct snapshot *snapshot, const void *bytes, size_t size)
{
	if (size > 0)
		memcpy(snapshot->bytes + snapshot->size, bytes, size);
	snapshot->size += size;
}

/* The last so many bytes of the number. */
static void put_number(struct snapshot *snapshot, uint64_t number, unsigned size)
{
	while (size-- > 0)
		snapshot->bytes[snapshot->size++] = (uint8_t)(number >> 8 * size);
}

static void put_text(struct snapshot *snapshot, const char *text)
{
	size_t size = text == NULL ? 0 : strlen(text);
	put_number(snapshot, size, 2);
	put_bytes(snapshot, text, size);
}

bool begin_snapshot(struct snapshot *snapshot, const struct snapshot_head *head, size_t expected)
{
	snapshot->size = 0;
	if (!make_room(snapshot, HEAD_SIZE + expected))
		return false;
	put_bytes(snapshot, MARK, MARK_SIZE);
	put_number(snapshot, VERSION, 1);
	put_bytes(snapshot, head->fingerprint, SHA256_SIZE);
	put_number(snapshot, (uint64_t)head->written_at, 8);
	put_number(snapshot, (uint64_t)head->wall_clock_lead, 8);
	put_bytes(snapshot, head->boot, BOOT_SIZE);
	return true;
}

/* 0 for one that the form has no room for. */
static size_t size_of(const struct answer *answer, int64_t left)
{
	size_t size = ANSWER_SIZE + strlen(answer->qname) + (answer->canonname == NULL ? 0 : strlen(answer->canonname));
	if (left <= 0 || left > UINT32_MAX || answer->record_count > UINT16_MAX || answer->outcome != OUTCOME_ANSWERED)
		return 0;
	for (size_t i = 0; i < answer->record_count; i++) {
		if (answer->records[i].size > UINT16_MAX)
			return 0;
		size += 2 + answer->records[i].size;
	}
	return size;
}

bool add_to_snapshot(struct snapshot *snapshot, const struct answer *answer, int64_t left)
{
	size_t size = size_of(answer, left);
	if (size == 0)
		return true;
	if (!make_room(snapshot, size))
		return false;
	put_number(snapshot, (uint64_t)left, 4);
	put_number(snapshot, answer->qtype, 2);
	put_number(snapshot, (answer->secure ? IS_SECURE : 0) | (answer->nxdomain ? IS_NXDOMAIN : 0), 1);
	put_number(snapshot, answer->rcode, 2);
	put_number(snapshot, answer->attempts, 2);
	put_text(snapshot, answer->qname);
	put_text(snapshot, answer->canonname);
	put_number(snapshot, answer->record_count, 2);
	for (size_t i = 0; i < answer->record_count; i++) {
		put_number(snapshot, answer->records[i].size, 2);
		put_bytes(snapshot, answer->records[i].rdata, answer->records[i].size);
	}
	return true;
}

bool end_snapshot(struct snapshot *snapshot)
{
	if (!make_room(snapshot, SHA256_SIZE))
		return false;
	sha256(snapshot->bytes, snapshot->size, snapshot->bytes + snapshot->size);
	snapshot->size += SHA256_SIZE;
	return true;
}

void free_snapshot(struct snapshot *snapshot)
{
	free(snapshot->bytes);
	*snapshot = (struct snapshot){ .bytes = NULL };
}

/* Reading */

static int64_t read_i64(struct wire *wire)
{
	uint64_t high = read_u32(wire);
	return (int64_t)(high << 32 | read_u32(wire));
}

static void read_head(struct wire *wire, struct snapshot_head *head)
{
	struct span fingerprint = read_span(wire, SHA256_SIZE);
	memcpy(head->fingerprint, fingerprint.bytes, fingerprint.size);
	head->written_at = read_i64(wire);
	head->wall_clock_lead = read_i64(wire);
	struct span boot = read_span(wire, BOOT_SIZE);
	memcpy(head->boot, boot.bytes, boot.size);
}

/* One answer, its records still to be read. */
struct kept {
	uint32_t left;
	uint16_t qtype, rcode, attempts, record_count;
	uint8_t flags;
	struct span qname, canonname;
};

static struct kept read_kept(struct wire *wire)
{
	struct kept kept = { .left = read_u32(wire) };
	kept.qtype = read_u16(wire);
	kept.flags = read_u8(wire);
	kept.rcode = read_u16(wire);
	kept.attempts = read_u16(wire);
	kept.qname = read_span(wire, read_u16(wire));
	kept.canonname = read_span(wire, read_u16(wire));
	kept.record_count = read_u16(wire);
	return kept;
}

static bool is_canonical(struct span name)
{
	char canonical[NAME_TEXT_SIZE];
	size_t size;
	return canonical_name((const char *)name.bytes, name.size, canonical, &size) == NAME_OK && size == name.size
		&& memcmp(canonical, name.bytes, size) == 0;
}

/* Whether the next one is one that a cache may have. */
static bool check_kept(struct wire *wire)
{
	struct kept kept = read_kept(wire);
	bool is_denied = (kept.flags & IS_NXDOMAIN) != 0;
	if (wire->truncated || kept.left == 0 || kept.qtype == 0 || is_meta_type(kept.qtype) || kept.flags > (IS_SECURE | IS_NXDOMAIN)
		|| (is_denied && kept.record_count > 0))
		return false;
	if (!is_canonical(kept.qname) || (kept.canonname.size > 0 && !is_canonical(kept.canonname)))
		return false;
	for (unsigned i = 0; i < kept.record_count; i++) {
		struct span rdata = read_span(wire, read_u16(wire));
		if (wire->truncated || !check_rdata(kept.qtype, rdata.bytes, rdata.size))
			return false;
	}
	return true;
}

const char *check_snapshot(const uint8_t *bytes, size_t size, struct snapshot_head *head, struct wire *answers)
{
	uint8_t digest[SHA256_SIZE];
	if (size < HEAD_SIZE + SHA256_SIZE)
		return "is cut off";
	if (memcmp(bytes, MARK, MARK_SIZE) != 0)
		return "is not such a file";
	if (bytes[MARK_SIZE] != VERSION)
		return "is another version's";
	size -= SHA256_SIZE;
	sha256(bytes, size, digest);
	if (memcmp(digest, bytes + size, SHA256_SIZE) != 0)
		return "is damaged: its checksum is another one";
	*answers = open_wire(bytes + MARK_SIZE + 1, size - MARK_SIZE - 1);
	read_head(answers, head);
	for (struct wire wire = *answers; wire.at < wire.end;)
		if (!check_kept(&wire))
			return "is damaged: there are no answers in it";
	return NULL;
}

/* A copy that ends with NUL; NULL for none. */
static const char *copy_name(struct span name, char copy[NAME_TEXT_SIZE])
{
	memcpy(copy, name.bytes, name.size);
	copy[name.size] = '\0';
	return name.size == 0 ? NULL : copy;
}

/* Reads the records, of which there are as many as kept says. NULL without memory. */
static struct answer *create_kept(const struct kept *kept, uint32_t ttl, struct wire *wire)
{
	char qname[NAME_TEXT_SIZE], canonname[NAME_TEXT_SIZE];
	const uint8_t **rdata = malloc((kept->record_count + 1U) * (sizeof(*rdata) + sizeof(int)));
	if (rdata == NULL)
		return NULL;
	int *sizes = (int *)(rdata + kept->record_count + 1);
	for (unsigned i = 0; i < kept->record_count; i++) {
		struct span record = read_span(wire, read_u16(wire));
		rdata[i] = record.bytes;
		sizes[i] = (int)record.size;
	}
	struct answer *answer = create_answer(&(struct answer_source){
		.outcome = OUTCOME_ANSWERED,
		.qtype = kept->qtype,
		.qclass = 1,
		.rcode = kept->rcode,
		.attempts = kept->attempts,
		.secure = (kept->flags & IS_SECURE) != 0,
		.nxdomain = (kept->flags & IS_NXDOMAIN) != 0,
		.ttl = ttl,
		.qname = copy_name(kept->qname, qname),
		.canonname = copy_name(kept->canonname, canonname),
		.record_count = kept->record_count,
		.rdata = rdata,
		.sizes = sizes,
	});
	free(rdata);
	return answer;
}

struct answer *read_kept_answer(struct wire *answers, int64_t age, int64_t *left)
{
	if (answers->at == answers->end)
		return NULL;
	struct kept kept = read_kept(answers);
	*left = kept.left - age;
	return create_kept(&kept, *left > 0 ? (uint32_t)((*left + 999) / 1000) : 0, answers);
}
