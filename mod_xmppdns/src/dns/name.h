/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* Domain names: presentation form (text), wire form, and A-labels (IDNA). */
#ifndef XMPPDNS_NAME_H
#define XMPPDNS_NAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	NAME_WIRE_SIZE = 255, /* the longest name in wire form (RFC 1035, 2.3.4) */
	NAME_TEXT_SIZE = 1024 /* the longest in presentation form, each byte escaped as \DDD, with its NUL */
};

enum name_problem {
	NAME_OK,
	NAME_EMPTY,        /* no label at all (the root is written ".") */
	NAME_EMPTY_LABEL,  /* "a..b", ".a" */
	NAME_LABEL_LENGTH, /* a label of more than 63 bytes */
	NAME_LENGTH,       /* more than 255 bytes in wire form */
	NAME_CHARACTER,    /* a NUL byte, a byte outside ASCII, or a broken escape */
	NAME_IDNA,         /* libidn2 refuses it, or it is not UTF-8 */
	NAME_MEMORY        /* libidn2 ran out of memory */
};

/* A sentence for the person: "a label is longer than 63 bytes". Never NULL, static. */
const char *describe_name_problem(enum name_problem problem);

/* The canonical text of a name, by which it is asked and cached: lower case, no trailing dot (the root is "."),
 * escapes (RFC 1035, 5.1: \. and \DDD) only where they are needed. text: size bytes of presentation form, with or without
 * a trailing dot, need not end with NUL. *canonical_size gets the length without the NUL. Undefined output on a problem. */
enum name_problem canonical_name(const char *text, size_t size, char canonical[NAME_TEXT_SIZE], size_t *canonical_size);

/* Where the last count labels of a canonical name begin: the name itself where it has no more. */
const char *last_labels(const char *canonical, unsigned count);

/* Whether a canonical name is the zone's or below it. zone: canonical, of letters, digits, hyphens and underscores, or ".". */
bool is_in_zone(const char *canonical, const char *zone);

/* Wire form to text, without the trailing dot, the root as "."; keeps upper case; escapes dots and backslashes inside
 * labels, control characters, spaces and bytes above 126. size must be a whole name (read_name). Gives the text's length. */
size_t print_name(const uint8_t *wire, size_t size, char text[NAME_TEXT_SIZE]);

static inline uint8_t lower_case(uint8_t byte) /* in ASCII alone */
{
	return (uint8_t)(byte + ((uint8_t)(byte - 'A') <= 'Z' - 'A') * ('a' - 'A')); /* without a branch: it is called for each byte */
}

/* Whether names in wire form, of size bytes both, are the same ones, in whatever case (RFC 4343). */
bool same_names(const uint8_t *a, const uint8_t *b, size_t size);

/* A domain as people write it to A-labels, as Prosody does it: UTS #46 transitional (R36), through libidn2, without its STD3
 * flag but with our own checks of empty labels, lengths, and LDH with underscore in what came out (R37).
 * utf8: size bytes, fewer than NAME_TEXT_SIZE (else NAME_LENGTH). ascii gets the lower-case A-labels without a trailing dot. */
enum name_problem name_to_ascii(const char *utf8, size_t size, char ascii[NAME_TEXT_SIZE], size_t *ascii_size);

/* A-labels to UTF-8, in lower case; what name_to_ascii refuses is refused here. *unicode_size gets the length without the NUL. */
enum name_problem name_to_unicode(const char *ascii, size_t size, char unicode[NAME_TEXT_SIZE], size_t *unicode_size);

const char *libidn2_version(void); /* "2.3.3" */

#endif
