/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* Names: a name that is read is canonical when it is read again, and A-labels come back from Unicode as they were. */
#include <string.h>

#include "fuzz.h"
#include "dns/name.h"

static void check_canonical(const char *text, size_t size)
{
	char canonical[NAME_TEXT_SIZE], again[NAME_TEXT_SIZE];
	size_t canonical_size, again_size;
	enum name_problem problem = canonical_name(text, size, canonical, &canonical_size);
	EXPECT(describe_name_problem(problem)[0] != '\0');
	if (problem != NAME_OK)
		return;
	EXPECT(canonical_size == strlen(canonical));
	EXPECT(canonical_name(canonical, canonical_size, again, &again_size) == NAME_OK);
	EXPECT(strcmp(canonical, again) == 0);
	for (unsigned count = 1; count < 4; count++) {
		const char *last = last_labels(canonical, count);
		EXPECT(last >= canonical && last < canonical + canonical_size);
		EXPECT(last == canonical || (last[-1] == '.' && last_labels(last, count) == last));
	}
}

static void check_idna(const char *text, size_t size)
{
	char ascii[NAME_TEXT_SIZE], unicode[NAME_TEXT_SIZE], again[NAME_TEXT_SIZE];
	size_t ascii_size, unicode_size, again_size;
	enum name_problem problem = name_to_ascii(text, size, ascii, &ascii_size);
	EXPECT(describe_name_problem(problem)[0] != '\0');
	if (problem != NAME_OK)
		return;
	EXPECT(ascii_size == strlen(ascii) && ascii_size <= NAME_WIRE_SIZE);
	EXPECT(strspn(ascii, "abcdefghijklmnopqrstuvwxyz0123456789-_.") == ascii_size);
	EXPECT(name_to_ascii(ascii, ascii_size, again, &again_size) == NAME_OK);
	EXPECT(strcmp(ascii, again) == 0);
	if (name_to_unicode(ascii, ascii_size, unicode, &unicode_size) == NAME_OK)
		EXPECT(unicode_size == strlen(unicode));
}

/* The bytes as labels of up to 63 bytes, in wire form. */
static size_t make_wire(struct input *input, uint8_t wire[NAME_WIRE_SIZE])
{
	size_t size = 0;
	while (input->at < input->end) {
		unsigned label = take_byte(input) % 64;
		if (label == 0 || size + 1 + label + 1 > NAME_WIRE_SIZE)
			break;
		wire[size++] = (uint8_t)label;
		while (label-- > 0)
			wire[size++] = (uint8_t)take_byte(input);
	}
	wire[size++] = 0;
	return size;
}

/* In upper case it is the same name, and with another byte that is no letter it is not. */
static void check_same(const uint8_t *wire, size_t size)
{
	uint8_t other[NAME_WIRE_SIZE];
	for (size_t i = 0; i < size; i++)
		other[i] = wire[i] >= 'a' && wire[i] <= 'z' ? wire[i] - 32 : wire[i];
	EXPECT(same_names(wire, other, size));
	other[size / 2] ^= 0x80;
	EXPECT(!same_names(wire, other, size));
}

static void check_wire(struct input *input)
{
	uint8_t wire[NAME_WIRE_SIZE];
	char text[NAME_TEXT_SIZE];
	size_t wire_size = make_wire(input, wire), size = print_name(wire, wire_size, text);
	check_same(wire, wire_size);
	EXPECT(size == strlen(text));
	for (size_t i = 0; i < size; i++)
		EXPECT(text[i] > ' ' && text[i] <= '~');
	check_canonical(text, size);
	check_idna(text, size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = open_input(data, size);
	check_canonical((const char *)data, size);
	check_idna((const char *)data, size);
	check_wire(&input);
	EXPECT(libidn2_version()[0] != '\0');
	return 0;
}
