/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* Names as text, as bytes, and as A-labels. */
#include "name.h"

#include <idn2.h>
#include <stdlib.h>
#include <string.h>

enum { LABEL_SIZE = 63 };

const char *describe_name_problem(enum name_problem problem)
{
	switch (problem) {
	case NAME_OK: return "no problem";
	case NAME_EMPTY: return "the name is empty";
	case NAME_EMPTY_LABEL: return "a label is empty";
	case NAME_LABEL_LENGTH: return "a label is longer than 63 bytes";
	case NAME_LENGTH: return "the name is too long";
	case NAME_CHARACTER: return "a character is not allowed in a domain name";
	case NAME_IDNA: return "it is not a valid internationalized domain name";
	case NAME_MEMORY: return "out of memory";
	}
	return "unknown problem";
}

static bool is_digit(int byte)
{
	return byte >= '0' && byte <= '9';
}

bool same_names(const uint8_t *a, const uint8_t *b, size_t size)
{
	if (memcmp(a, b, size) == 0)
		return true;
	for (size_t i = 0; i < size; i++) /* the lengths of labels are no letters */
		if (lower_case(a[i]) != lower_case(b[i]))
			return false;
	return true;
}

/* One byte of a label, escaped where it must be: 1, 2 or 4 characters. */
static size_t write_byte(char *text, uint8_t byte)
{
	if (byte <= ' ' || byte > '~') {
		text[0] = '\\';
		text[1] = (char)('0' + byte / 100);
		text[2] = (char)('0' + byte / 10 % 10);
		text[3] = (char)('0' + byte % 10);
		return 4;
	}
	size_t size = 0;
	if (byte == '.' || byte == '\\')
		text[size++] = '\\';
	text[size++] = (char)byte;
	return size;
}

/* The byte behind a backslash, or -1. *at stands behind the backslash, and then behind the escape. */
static int read_escape(const char **at, const char *end)
{
	const char *digits = *at;
	if (digits == end || (uint8_t)*digits > 127 || *digits == '\0')
		return -1;
	if (!is_digit(*digits)) {
		*at += 1;
		return *digits;
	}
	if (end - digits < 3 || !is_digit(digits[1]) || !is_digit(digits[2]))
		return -1;
	*at += 3;
	int byte = (digits[0] - '0') * 100 + (digits[1] - '0') * 10 + (digits[2] - '0');
	return byte <= UINT8_MAX ? byte : -1;
}

/* One byte of a label, or -1 for what may not stand there. */
static int read_label_byte(const char **at, const char *end)
{
	uint8_t byte = (uint8_t)(*at)[0];
	*at += 1;
	if (byte == '\\')
		return read_escape(at, end);
	return byte == '\0' || byte > 127 ? -1 : byte;
}

enum name_problem canonical_name(const char *text, size_t size, char canonical[NAME_TEXT_SIZE], size_t *canonical_size)
{
	if (size == 0)
		return NAME_EMPTY;
	if (size == 1 && text[0] == '.') {
		memcpy(canonical, ".", 2);
		*canonical_size = 1;
		return NAME_OK;
	}

	const char *at = text, *end = text + size;
	size_t written = 0, label = 0, wire_size = 2; /* the first label's length byte, and the root */
	while (at < end) {
		if (*at == '.') {
			if (label == 0)
				return NAME_EMPTY_LABEL;
			if (++at == end)
				break;
			canonical[written++] = '.';
			label = 0;
		} else {
			int byte = read_label_byte(&at, end);
			if (byte < 0)
				return NAME_CHARACTER;
			if (++label > LABEL_SIZE)
				return NAME_LABEL_LENGTH;
			written += write_byte(canonical + written, lower_case((uint8_t)byte));
		}
		if (++wire_size > NAME_WIRE_SIZE)
			return NAME_LENGTH;
	}
	canonical[written] = '\0';
	*canonical_size = written;
	return NAME_OK;
}

static bool is_escaped(const char *text, const char *at)
{
	bool escaped = false;
	while (at > text && *--at == '\\')
		escaped = !escaped;
	return escaped;
}

const char *last_labels(const char *canonical, unsigned count)
{
	for (const char *at = canonical + strlen(canonical) - 1; at > canonical; at--) /* the root has no label */
		if (at[-1] == '.' && !is_escaped(canonical, at - 1) && --count == 0)
			return at;
	return canonical;
}

bool is_in_zone(const char *canonical, const char *zone)
{
	size_t size = strlen(canonical), zone_size = strlen(zone);
	const char *end = canonical + size - zone_size;
	if (strcmp(zone, ".") == 0)
		return true;
	if (size < zone_size || strcmp(end, zone) != 0)
		return false;
	return end == canonical || (end[-1] == '.' && !is_escaped(canonical, end - 1));
}

size_t print_name(const uint8_t *wire, size_t size, char text[NAME_TEXT_SIZE])
{
	size_t written = 0;
	for (const uint8_t *label = wire; *label != 0 && label + 1 + *label < wire + size; label += 1 + *label) {
		if (written > 0)
			text[written++] = '.';
		for (size_t i = 1; i <= *label; i++)
			written += write_byte(text + written, label[i]);
	}
	if (written == 0)
		text[written++] = '.';
	text[written] = '\0';
	return written;
}

/* Whether libidn2 has to see it: it would leave anything else as it is, but for upper case. */
static bool needs_mapping(const char *text, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		if ((uint8_t)text[i] > 127)
			return true;
		if (text[i] != '-')
			continue;
		/* A hyphen at a label's edge, or two in a row ("xn--", "ab--"): it has its rules for those. */
		if (i == 0 || i + 1 == size || text[i - 1] == '.' || text[i + 1] == '.' || text[i + 1] == '-')
			return true;
	}
	return false;
}

/* Letters, digits, hyphens, underscores and dots: a host name, or the name of a service. */
static bool is_host_text(const char *text, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		uint8_t byte = lower_case((uint8_t)text[i]);
		if (!((byte >= 'a' && byte <= 'z') || is_digit(byte) || byte == '-' || byte == '_' || byte == '.'))
			return false;
	}
	return true;
}

static enum name_problem canonical_host(const char *text, size_t size, char ascii[NAME_TEXT_SIZE], size_t *ascii_size)
{
	if (!is_host_text(text, size))
		return NAME_CHARACTER;
	return canonical_name(text, size, ascii, ascii_size);
}

static enum name_problem translate_idn2_error(int error)
{
	switch (error) {
	case IDN2_OK: return NAME_OK;
	case IDN2_MALLOC: return NAME_MEMORY;
	case IDN2_TOO_BIG_DOMAIN: return NAME_LENGTH;
	case IDN2_PUNYCODE_BIG_OUTPUT:
	case IDN2_TOO_BIG_LABEL: return NAME_LABEL_LENGTH;
	default: return NAME_IDNA;
	}
}

static int map_back(const char *unicode, const char *label, int flags)
{
	char *mapped = NULL;
	int error = idn2_to_ascii_8z(unicode, &mapped, flags);
	if (error == IDN2_OK && strcmp(mapped, label) != 0)
		error = IDN2_UALABEL_MISMATCH;
	idn2_free(mapped);
	return error;
}

/* libidn2 passes the A-label of a character that it would not leave as it is in Unicode: "xn--6a", a no-break space. Both ways of mapping
 * are tried, for the A-label of a sharp s survives only the one, and that of a snowman only the other. */
static enum name_problem check_label(const char *label)
{
	char *unicode = NULL;
	int error = idn2_to_unicode_8z8z(label, &unicode, 0);
	if (error == IDN2_OK && (error = map_back(unicode, label, IDN2_TRANSITIONAL)) != IDN2_OK)
		error = map_back(unicode, label, IDN2_NONTRANSITIONAL);
	idn2_free(unicode);
	return translate_idn2_error(error);
}

/* Each label by itself: a name may have some of the one kind and some of the other. */
static enum name_problem check_round_trip(const char *ascii)
{
	enum name_problem problem = NAME_OK;
	while (*ascii != '\0' && problem == NAME_OK) {
		char label[LABEL_SIZE + 1];
		size_t size = strcspn(ascii, ".");
		memcpy(label, ascii, size);
		label[size] = '\0';
		if (strncmp(label, "xn--", 4) == 0)
			problem = check_label(label);
		ascii += size + (ascii[size] == '.');
	}
	return problem;
}

static enum name_problem map_to_ascii(const char *utf8, size_t size, char ascii[NAME_TEXT_SIZE], size_t *ascii_size)
{
	char text[NAME_TEXT_SIZE];
	if (size >= sizeof(text))
		return NAME_LENGTH;
	memcpy(text, utf8, size);
	text[size] = '\0';

	char *mapped = NULL;
	enum name_problem problem = translate_idn2_error(idn2_to_ascii_8z(text, &mapped, IDN2_TRANSITIONAL));
	if (problem == NAME_OK)
		problem = canonical_host(mapped, strlen(mapped), ascii, ascii_size);
	if (problem == NAME_OK)
		problem = check_round_trip(ascii);
	idn2_free(mapped);
	return problem;
}

enum name_problem name_to_ascii(const char *utf8, size_t size, char ascii[NAME_TEXT_SIZE], size_t *ascii_size)
{
	if (memchr(utf8, '\0', size) != NULL)
		return NAME_CHARACTER;
	if (needs_mapping(utf8, size))
		return map_to_ascii(utf8, size, ascii, ascii_size);
	return canonical_host(utf8, size, ascii, ascii_size);
}

enum name_problem name_to_unicode(const char *ascii, size_t size, char unicode[NAME_TEXT_SIZE], size_t *unicode_size)
{
	/* idn2_to_unicode_8z8z checks little: "xn--a" would come out as a control character. */
	char checked[NAME_TEXT_SIZE];
	enum name_problem problem = name_to_ascii(ascii, size, checked, unicode_size);
	if (problem != NAME_OK)
		return problem;

	char *decoded = NULL;
	problem = translate_idn2_error(idn2_to_unicode_8z8z(checked, &decoded, 0));
	if (problem == NAME_OK) {
		*unicode_size = strlen(decoded);
		if (*unicode_size < NAME_TEXT_SIZE)
			memcpy(unicode, decoded, *unicode_size + 1);
		else
			problem = NAME_LENGTH;
	}
	idn2_free(decoded);
	return problem;
}

const char *libidn2_version(void)
{
	return idn2_check_version(NULL);
}
