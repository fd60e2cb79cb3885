/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* Reads trust anchors from lines, from files, and from what IANA publishes: libunbound gets them checked, one by one, and never a path. */
#include "anchors.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/file.h"
#include "dns/name.h"

enum {
	RECORD_SIZE = 4096, /* with NUL; a key of 4096 bits takes 700 */
	STATE_VALID = 2,    /* RFC 5011's states, by libunbound's numbers */
	STATE_MISSING = 3,
	STATE_UNKNOWN = 9,
	FLAG_ZONE = 0x100, /* of a DNSKEY (RFC 4034, RFC 5011) */
	FLAG_REVOKED = 0x80,
	PROTOCOL = 3, /* the only one */
	DIGEST_SHA256 = 2
};

/* Where systems keep the root's trust anchors: unbound itself, Debian's dns-root-data, Alpine and Fedora, Arch. */
static const char *const ROOT_KEY_FILES[] = {
	"/var/lib/unbound/root.key",
	"/usr/share/dns/root.key",
	"/usr/share/dnssec-root/trusted-key.key",
	"/etc/unbound/root.key",
	"/etc/trusted-key.key",
};

/* The root zone's key signing keys 20326 (until 2027-01-11) and 38696 (since 2026-10-11), as IANA publishes them. */
static const char IANA_ANCHORS[] = ". IN DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D\n"
								   ". IN DS 38696 8 2 683D2D0ACB8C9B712A1948B27F741219298D0A450D612C483AF444A4C0FB2B16\n";

/* A zone file's records, one after the other. */
struct records {
	const char *at, *end;
	unsigned line;      /* of the record handed out last, from 1 */
	unsigned next_line; /* where reading goes on */
	/* of that record */
	char text[RECORD_SIZE]; /* without comments and parentheses, on one line */
	size_t size;            /* of the text */
	int depth;              /* of parentheses */
	bool is_blank;
	bool continues; /* it starts with a space: its owner is that of the one before */
	bool readable;  /* neither too long nor with a byte that no text has */
	int state;      /* RFC 5011's, said in its comment; -1: none */
	/* kept from record to record */
	char owner[NAME_TEXT_SIZE + 1]; /* canonical, absolute; "": not a host's name */
};

/* A record's words, for strtok_r. */
static const char SPACE[] = " \t\r";

static void read_comment(struct records *records)
{
	static const char MARK[] = ";;state=";
	const char *end = memchr(records->at, '\n', (size_t)(records->end - records->at));
	size_t size = (size_t)((end == NULL ? records->end : end) - records->at);
	const char *mark = memmem(records->at, size, MARK, sizeof(MARK) - 1);
	records->at += size;
	if (mark == NULL)
		return;
	const char *digit = mark + sizeof(MARK) - 1;
	bool is_digit = digit < records->at && *digit >= '0' && *digit <= '9';
	bool is_last = digit + 1 >= records->at || digit[1] < '0' || digit[1] > '9';
	records->state = is_digit && is_last ? *digit - '0' : STATE_UNKNOWN;
}

static void begin_record(struct records *records)
{
	records->line = records->next_line;
	records->size = 0;
	records->depth = 0;
	records->state = -1;
	records->is_blank = records->readable = true;
}

static void add_byte(struct records *records, char c)
{
	records->depth += (c == '(') - (c == ')');
	if (c == '(' || c == ')' || c == '\n')
		c = ' ';
	bool is_space = c == ' ' || c == '\t' || c == '\r', has_room = records->size < RECORD_SIZE - 1;
	records->is_blank = records->is_blank && is_space;
	records->readable = records->readable && has_room && (is_space || (c > ' ' && c <= '~'));
	if (has_room)
		records->text[records->size++] = c;
}

/* The next record with anything in it. */
static bool next_record(struct records *records)
{
	begin_record(records);
	while (records->at < records->end) {
		char c = *records->at;
		if (c == ';') {
			read_comment(records);
			continue;
		}
		records->at++;
		records->next_line += c == '\n';
		if (c != '\n' || records->depth > 0)
			add_byte(records, c);
		else if (!records->is_blank)
			break;
		else
			begin_record(records);
	}
	records->text[records->size] = '\0';
	records->readable = records->readable && records->depth == 0; /* a file may be cut inside a record */
	records->continues = strchr(SPACE, records->text[0]) != NULL;
	return !records->is_blank;
}

/* Names of zones with anchors are hosts' names: other bytes have a meaning in zone files. */
static void read_owner(struct records *records, const char *word)
{
	static const char LETTERS[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
	size_t size = strlen(word);
	if (strspn(word, LETTERS) != size || canonical_name(word, size, records->owner, &size) != NAME_OK)
		records->owner[0] = '\0';
	else if (strcmp(records->owner, ".") != 0)
		memcpy(records->owner + size, ".", 2);
}

/* "3600", "1h30m": digits first, unlike the name of a type. */
static bool is_ttl(const char *word)
{
	return word[0] >= '0' && word[0] <= '9' && strspn(word, "0123456789smhdwSMHDW") == strlen(word);
}

/* The record's type, behind its owner, its TTL and its class; NULL when there is none. The rest is left for strtok_r. */
static const char *read_type(struct records *records, char **rest)
{
	char *word = strtok_r(records->text, SPACE, rest);
	if (!records->continues && word != NULL) {
		read_owner(records, word);
		word = strtok_r(NULL, SPACE, rest);
	}
	for (int i = 0; i < 2 && word != NULL && (is_ttl(word) || strcasecmp(word, "IN") == 0); i++)
		word = strtok_r(NULL, SPACE, rest);
	return word;
}

static bool read_number(char **rest, unsigned most, unsigned *number)
{
	const char *word = strtok_r(NULL, SPACE, rest);
	if (word == NULL || strlen(word) > 5 || strspn(word, "0123456789") != strlen(word))
		return false;
	*number = (unsigned)strtoul(word, NULL, 10);
	return *number <= most;
}

/* The words that are left, without the spaces between them. */
static void join_words(char **rest, char joined[RECORD_SIZE])
{
	size_t size = 0;
	for (const char *word; (word = strtok_r(NULL, SPACE, rest)) != NULL; size += strlen(word))
		memcpy(joined + size, word, strlen(word) + 1); /* it is shorter than the record */
	joined[size] = '\0';
}

static bool is_digest(char *text, unsigned type)
{
	static const uint8_t SIZES[] = { [1] = 20, [DIGEST_SHA256] = 32, [3] = 32, [4] = 48 }; /* in bytes */
	size_t size = strspn(text, "0123456789abcdefABCDEF");
	for (char *at = text; *at != '\0'; at++)
		*at = *at >= 'a' ? (char)(*at - 'a' + 'A') : *at;
	if (type < sizeof(SIZES))
		return text[size] == '\0' && size > 0 && size == 2 * (size_t)SIZES[type];
	return text[size] == '\0' && size > 0 && size % 2 == 0;
}

static bool is_base64(const char *text)
{
	size_t size = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/");
	size_t padding = strspn(text + size, "=");
	return size > 0 && padding <= 2 && text[size + padding] == '\0' && (size + padding) % 4 == 0;
}

/* Each: from the words behind the type, the anchor in the form in which all are, which is no longer than a record that can be read. False when it
 * cannot be one. */

static bool print_ds(const char *owner, char **rest, char line[RECORD_SIZE])
{
	unsigned tag, algorithm, type;
	char digest[RECORD_SIZE];
	if (!read_number(rest, 65535, &tag) || !read_number(rest, 255, &algorithm) || !read_number(rest, 255, &type))
		return false;
	join_words(rest, digest);
	int size = snprintf(line, RECORD_SIZE, "%s IN DS %u %u %u %s", owner, tag, algorithm, type, digest);
	return size < RECORD_SIZE && is_digest(strrchr(line, ' ') + 1, type);
}

static bool print_dnskey(const char *owner, char **rest, unsigned *flags, char line[RECORD_SIZE])
{
	unsigned protocol, algorithm;
	char key[RECORD_SIZE];
	if (!read_number(rest, 65535, flags) || !read_number(rest, 255, &protocol) || !read_number(rest, 255, &algorithm))
		return false;
	join_words(rest, key);
	int size = snprintf(line, RECORD_SIZE, "%s IN DNSKEY %u %u %u %s", owner, *flags, protocol, algorithm, key);
	return size < RECORD_SIZE && (*flags & FLAG_ZONE) != 0 && protocol == PROTOCOL && is_base64(key);
}

static bool add_once(struct text_list *anchors, const char *line)
{
	return has_text(anchors, line) || add_text(anchors, line);
}

static bool is_trusted(const struct records *records, enum anchor_states states, unsigned flags)
{
	bool counts = records->state == -1 || records->state == STATE_VALID || (records->state == STATE_MISSING && states == VALID_OR_MISSING_KEYS);
	return counts && (flags & FLAG_REVOKED) == 0;
}

/* Whatever is no DS or DNSKEY record is passed over. */
static bool add_record(struct records *records, enum anchor_states states, struct text_list *anchors, struct problem *problem)
{
	char line[RECORD_SIZE], *rest = NULL;
	unsigned flags = 0;
	const char *type = read_type(records, &rest);
	if (type == NULL || (strcasecmp(type, "DS") != 0 && strcasecmp(type, "DNSKEY") != 0))
		return true;
	bool is_ds = strcasecmp(type, "DS") == 0;
	if (!records->readable || records->owner[0] == '\0'
		|| !(is_ds ? print_ds(records->owner, &rest, line) : print_dnskey(records->owner, &rest, &flags, line)))
		return report_problem(
			problem, PROBLEM_CONFIG, "line %u is not a %s record that can be a trust anchor", records->line, is_ds ? "DS" : "DNSKEY");
	return !is_trusted(records, states, flags) || add_once(anchors, line) || report_memory(problem);
}

bool parse_anchors(const char *text, size_t size, enum anchor_states states, struct text_list *anchors, struct problem *problem)
{
	struct records records = { .at = text, .end = text + size, .next_line = 1, .owner = "." };
	while (next_record(&records))
		if (!add_record(&records, states, anchors, problem))
			return false;
	return true;
}

static bool add_all_once(struct text_list *anchors, const struct text_list *found)
{
	for (size_t i = 0; i < found->count; i++)
		if (!add_once(anchors, found->items[i]))
			return false;
	return true;
}

bool read_anchors(const char *path, enum anchor_states states, struct text_list *anchors, bool *is_empty, struct problem *problem)
{
	struct text_list found = { .count = 0 };
	size_t size;
	char *text = read_file(path, &size);
	*is_empty = text == NULL && errno == ENOENT;
	if (text == NULL)
		return report_file(problem, path, false);
	bool parsed = parse_anchors(text, size, states, &found, problem);
	free(text);
	*is_empty = parsed && found.count == 0;
	if (*is_empty)
		parsed = report_problem(problem, PROBLEM_CONFIG, "holds no DS or DNSKEY record");
	else if (parsed && !add_all_once(anchors, &found))
		parsed = report_memory(problem);
	free_text_list(&found);
	return parsed;
}

static unsigned long number_at(const char *line, unsigned word)
{
	for (; word > 0 && line != NULL; word--)
		line = strchr(line + 1, ' ');
	return line == NULL ? 0 : strtoul(line, NULL, 10);
}

/* Whether a file nobody has named can do no harm with this line. Of DS records libunbound looks at those with the strongest digest alone, so that
 * another one's would make all others worthless, and it refuses to start with an algorithm that it lacks. */
static bool is_default(const char *line)
{
	bool is_ds = strncmp(line, ". IN DS ", 8) == 0;
	unsigned long algorithm = number_at(line, is_ds ? 4 : 5);
	return strncmp(line, ". ", 2) == 0 && (!is_ds || number_at(line, 5) == DIGEST_SHA256)
		&& (algorithm == 8 || algorithm == 10 || algorithm == 13 || algorithm == 14); /* RSA and ECDSA with SHA-2: every build has them */
}

/* A file that cannot be used does not count; one that this machine was too short of something to read could. */
static bool add_system_anchors(struct text_list *anchors, const char *path, struct text_list *sources, struct problem *problem)
{
	struct text_list found = { .count = 0 };
	bool is_empty, is_source = false, added = true, usable = read_anchors(path, VALID_KEYS, &found, &is_empty, problem);
	if (!usable && problem->kind == PROBLEM_SYSTEM) {
		free_text_list(&found);
		return false;
	}
	for (size_t i = 0; usable && added && i < found.count; i++)
		if (is_default(found.items[i])) {
			added = add_once(anchors, found.items[i]);
			is_source = true;
		}
	free_text_list(&found);
	return (added && (!is_source || add_text(sources, path))) || report_memory(problem);
}

bool add_default_anchors(struct text_list *anchors, struct text_list *sources, struct problem *problem)
{
	if (!parse_anchors(IANA_ANCHORS, sizeof(IANA_ANCHORS) - 1, VALID_KEYS, anchors, problem))
		return false;
	if (!add_text(sources, "built in"))
		return report_memory(problem);
	for (size_t i = 0; i < sizeof(ROOT_KEY_FILES) / sizeof(ROOT_KEY_FILES[0]); i++)
		if (!add_system_anchors(anchors, ROOT_KEY_FILES[i], sources, problem))
			return false;
	return true;
}

static bool is_same_zone(const char *a, const char *b)
{
	size_t size = strcspn(a, " ");
	return strncmp(a, b, size + 1) == 0;
}

bool add_anchors_of_other_zones(struct text_list *anchors, const struct text_list *lines)
{
	size_t before = anchors->count;
	for (size_t i = 0; i < lines->count; i++) {
		bool is_other = true;
		for (size_t j = 0; j < before; j++)
			is_other = is_other && !is_same_zone(anchors->items[j], lines->items[i]);
		if (is_other && !add_once(anchors, lines->items[i]))
			return false;
	}
	return true;
}
