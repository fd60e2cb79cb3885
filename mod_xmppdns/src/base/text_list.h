/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* Lists of texts, each text owned. */
#ifndef XMPPDNS_TEXT_LIST_H
#define XMPPDNS_TEXT_LIST_H

#include <stdbool.h>
#include <stddef.h>

/* All zero: empty. */
struct text_list {
	char **items;
	size_t count;
};

struct named_text {
	char *name, *value;
};

struct named_text_list {
	struct named_text *items;
	size_t count;
};

/* Each adds a copy at the end; false without memory, list unchanged. */
bool add_text(struct text_list *list, const char *text);
__attribute__((format(printf, 2, 3))) bool add_formatted_text(struct text_list *list, const char *format, ...); /* cut after 511 bytes */
bool add_named_text(struct named_text_list *list, const char *name, const char *value);

bool has_text(const struct text_list *list, const char *text);

/* The first value of that name, borrowed, or NULL. */
const char *find_named_text(const struct named_text_list *list, const char *name);

/* The texts; the struct stays. */
void free_text_list(struct text_list *list);
void free_named_text_list(struct named_text_list *list);

#endif
