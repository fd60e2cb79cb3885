/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* What the fuzz targets share: each reads its input as a program of small numbers, and ends the process where a promise is broken. */
#ifndef XMPPDNS_FUZZ_H
#define XMPPDNS_FUZZ_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define EXPECT(promise)                                                                                                                              \
	do {                                                                                                                                             \
		if (!(promise)) {                                                                                                                            \
			fprintf(stderr, "%s:%d: broken: %s\n", __FILE__, __LINE__, #promise);                                                                    \
			abort();                                                                                                                                 \
		}                                                                                                                                            \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The input's bytes, one after the other; 0 behind its end. */
struct input {
	const uint8_t *at, *end;
};

static inline struct input open_input(const uint8_t *data, size_t size)
{
	return (struct input){ .at = data, .end = data + size };
}

static inline unsigned take_byte(struct input *input)
{
	return input->at == input->end ? 0 : *input->at++;
}

static inline unsigned take_word(struct input *input)
{
	unsigned high = take_byte(input);
	return high << 8 | take_byte(input);
}

#endif
