/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* Lists of texts. */
#include "text_list.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LONGEST_FORMATTED = 512 };

/* A list has room for a power of two of items: not every C library has realloc without copying all of it. NULL without memory: then items stay. */
static void *make_room(void *items, size_t count, size_t size)
{
	bool is_full = (count & (count - 1)) == 0;
	return is_full ? realloc(items, (count == 0 ? 1 : 2 * count) * size) : items;
}

bool add_text(struct text_list *list, const char *text)
{
	char **items = make_room(list->items, list->count, sizeof(*items));
	if (items == NULL)
		return false;
	list->items = items;
	items[list->count] = strdup(text);
	if (items[list->count] == NULL)
		return false;
	list->count++;
	return true;
}

bool add_formatted_text(struct text_list *list, const char *format, ...)
{
	char text[LONGEST_FORMATTED];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	return add_text(list, text);
}

bool add_named_text(struct named_text_list *list, const char *name, const char *value)
{
	struct named_text *items = make_room(list->items, list->count, sizeof(*items));
	if (items == NULL)
		return false;
	list->items = items;
	struct named_text item = { .name = strdup(name), .value = strdup(value) };
	if (item.name == NULL || item.value == NULL) {
		free(item.name);
		free(item.value);
		return false;
	}
	items[list->count++] = item;
	return true;
}

bool has_text(const struct text_list *list, const char *text)
{
	for (size_t i = 0; i < list->count; i++)
		if (strcmp(list->items[i], text) == 0)
			return true;
	return false;
}

const char *find_named_text(const struct named_text_list *list, const char *name)
{
	for (size_t i = 0; i < list->count; i++)
		if (strcmp(list->items[i].name, name) == 0)
			return list->items[i].value;
	return NULL;
}

void free_text_list(struct text_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->items[i]);
	free(list->items);
}

void free_named_text_list(struct named_text_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		free(list->items[i].name);
		free(list->items[i].value);
	}
	free(list->items);
}
