/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* Trust anchor files, RFC 5011 states included. What comes out is what libunbound shall trust: lines of one form, none twice, that say the same when
 * they are read again, and never a revoked key. */
#include <string.h>

#include "fuzz.h"
#include "settings/anchors.h"

static void check_line(const char *line)
{
	struct problem problem;
	struct text_list again = { .count = 0 };
	EXPECT(parse_anchors(line, strlen(line), VALID_KEYS, &again, &problem));
	EXPECT(again.count == 1 && strcmp(again.items[0], line) == 0);
	free_text_list(&again);
	for (; *line != '\0'; line++)
		EXPECT(*line >= ' ' && *line <= '~');
}

static void check_lines(const struct text_list *lines)
{
	for (size_t i = 0; i < lines->count; i++) {
		check_line(lines->items[i]);
		EXPECT(strstr(lines->items[i], " IN DNSKEY 385 ") == NULL);
		for (size_t j = 0; j < i; j++)
			EXPECT(strcmp(lines->items[i], lines->items[j]) != 0);
	}
}

static bool has_line(const struct text_list *lines, const char *line)
{
	for (size_t i = 0; i < lines->count; i++)
		if (strcmp(lines->items[i], line) == 0)
			return true;
	return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct problem problem = { .text = "" };
	struct text_list valid = { .count = 0 }, all = { .count = 0 };
	char *text = malloc(size + 1); /* exactly as long as it is */
	text = realloc(text, size == 0 ? 1 : size);
	memcpy(text, data, size);
	bool parsed = parse_anchors(text, size, VALID_KEYS, &valid, &problem);
	EXPECT(parse_anchors(text, size, VALID_OR_MISSING_KEYS, &all, &problem) == parsed);
	if (parsed) {
		check_lines(&all);
		for (size_t i = 0; i < valid.count; i++)
			EXPECT(has_line(&all, valid.items[i]));
		size_t count = all.count;
		EXPECT(add_anchors_of_other_zones(&all, &valid) && all.count == count);
	} else {
		EXPECT(strncmp(problem.text, "line ", 5) == 0);
	}
	free(text);
	free_text_list(&valid);
	free_text_list(&all);
	return 0;
}
