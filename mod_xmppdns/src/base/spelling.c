/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* Levenshtein's edit distance. */
#include "spelling.h"

#include <limits.h>
#include <stddef.h>
#include <string.h>

enum { LONGEST_WORD = 32 };

static unsigned least_of(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

unsigned edit_distance(const char *a, const char *b)
{
	size_t width = strlen(b);
	unsigned row[LONGEST_WORD + 1];
	if (width > LONGEST_WORD)
		return UINT_MAX;
	for (size_t j = 0; j <= width; j++)
		row[j] = (unsigned)j;
	for (size_t i = 1; a[i - 1] != '\0'; i++) {
		unsigned diagonal = row[0];
		row[0] = (unsigned)i;
		for (size_t j = 1; j <= width; j++) {
			unsigned above = row[j];
			row[j] = least_of(diagonal + (a[i - 1] != b[j - 1]), least_of(above, row[j - 1]) + 1);
			diagonal = above;
		}
	}
	return row[width];
}
