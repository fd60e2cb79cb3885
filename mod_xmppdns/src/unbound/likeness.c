/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* One list of what counts: all that setup hands over, but for addresses of servers: those we have checked, and they change with the network. */
#include "likeness.h"

#include <stddef.h>
#include <string.h>

#include <unbound.h>

struct part {
	enum { FLAG, TEXT, TEXTS, NAMED_TEXTS, MARKS } kind;
	bool is_read;  /* a field of the config, else of the settings */
	size_t offset; /* of that field */
};

/* clang-format off */
#define SET(kind, member) { kind, false, offsetof(struct settings, member) }
#define READ(kind, member) { kind, true, offsetof(struct upstream_config, member) }
/* clang-format on */

static const struct part PARTS[] = {
	SET(FLAG, tls),
	SET(TEXT, tls_ca),
	SET(NAMED_TEXTS, stub),
	SET(NAMED_TEXTS, forward_zones),
	SET(TEXTS, insecure),
	SET(NAMED_TEXTS, options),
	READ(TEXTS, roothints),
	READ(TEXTS, hosts),
	READ(TEXTS, anchors),
	READ(MARKS, marks),
};

enum { PART_COUNT = sizeof(PARTS) / sizeof(PARTS[0]) };

static const void *find_part(const struct part *part, const struct settings *settings, const struct upstream_config *config)
{
	return (part->is_read ? (const char *)config : (const char *)settings) + part->offset;
}

static bool same_text(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static bool same_texts(const struct text_list *a, const struct text_list *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (strcmp(a->items[i], b->items[i]) != 0)
			return false;
	return true;
}

static bool same_named_texts(const struct named_text_list *a, const struct named_text_list *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (strcmp(a->items[i].name, b->items[i].name) != 0 || strcmp(a->items[i].value, b->items[i].value) != 0)
			return false;
	return true;
}

static bool same_marks(const struct file_mark *a, const struct file_mark *b)
{
	for (int i = 0; i < MARKED_FILES; i++)
		if (!same_mark(&a[i], &b[i]))
			return false;
	return true;
}

static bool same_part(const struct part *part, const void *a, const void *b)
{
	switch (part->kind) {
	case FLAG: return *(const bool *)a == *(const bool *)b;
	case TEXT: return same_text(*(char *const *)a, *(char *const *)b);
	case TEXTS: return same_texts(a, b);
	case NAMED_TEXTS: return same_named_texts(a, b);
	default: return same_marks(a, b);
	}
}

bool tries_alike(const struct settings *settings, const struct upstream_config *config, const struct settings *other_settings,
	const struct upstream_config *other_config)
{
	for (int i = 0; i < PART_COUNT; i++)
		if (!same_part(&PARTS[i], find_part(&PARTS[i], settings, config), find_part(&PARTS[i], other_settings, other_config)))
			return false;
	return true;
}

/* With its NUL, so that no two lists make the same bytes. */
static void add_text_to_sum(struct sha256 *sum, const char *text)
{
	add_to_sha256(sum, text != NULL ? text : "", text != NULL ? strlen(text) + 1 : 1);
}

static void add_number_to_sum(struct sha256 *sum, uint64_t number)
{
	add_to_sha256(sum, &number, sizeof(number));
}

static void add_texts_to_sum(struct sha256 *sum, const struct text_list *list)
{
	add_number_to_sum(sum, list->count);
	for (size_t i = 0; i < list->count; i++)
		add_text_to_sum(sum, list->items[i]);
}

static void add_named_texts_to_sum(struct sha256 *sum, const struct named_text_list *list)
{
	add_number_to_sum(sum, list->count);
	for (size_t i = 0; i < list->count; i++) {
		add_text_to_sum(sum, list->items[i].name);
		add_text_to_sum(sum, list->items[i].value);
	}
}

static void add_part_to_sum(struct sha256 *sum, const struct part *part, const void *value)
{
	switch (part->kind) {
	case FLAG: add_number_to_sum(sum, *(const bool *)value); break;
	case TEXT: add_text_to_sum(sum, *(char *const *)value); break;
	case TEXTS: add_texts_to_sum(sum, value); break;
	case NAMED_TEXTS: add_named_texts_to_sum(sum, value); break;
	default: add_to_sha256(sum, value, MARKED_FILES * sizeof(struct file_mark)); /* integers of one size: no padding */
	}
}

void fingerprint_setup(const struct settings *settings, const struct upstream_config *config, uint8_t fingerprint[SHA256_SIZE])
{
	struct sha256 sum;
	begin_sha256(&sum);
	add_text_to_sum(&sum, ub_version());
	add_text_to_sum(&sum, policy_name(settings->dnssec));
	for (int i = 0; i < PART_COUNT; i++)
		add_part_to_sum(&sum, &PARTS[i], find_part(&PARTS[i], settings, config));
	end_sha256(&sum, fingerprint);
}
