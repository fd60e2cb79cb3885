/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* The names of record types. */
#include "type.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

/* Ascending. Types that no read_x knows are here so that they can be asked for by name. */
static const struct named_type {
	uint16_t number;
	const char *name;
} named_types[] = {
	{ TYPE_A, "A" },
	{ TYPE_NS, "NS" },
	{ TYPE_CNAME, "CNAME" },
	{ TYPE_SOA, "SOA" },
	{ TYPE_PTR, "PTR" },
	{ 13, "HINFO" },
	{ TYPE_MX, "MX" },
	{ TYPE_TXT, "TXT" },
	{ 17, "RP" },
	{ TYPE_AAAA, "AAAA" },
	{ 29, "LOC" },
	{ TYPE_SRV, "SRV" },
	{ 35, "NAPTR" },
	{ 37, "CERT" },
	{ 39, "DNAME" },
	{ TYPE_DS, "DS" },
	{ TYPE_SSHFP, "SSHFP" },
	{ 46, "RRSIG" },
	{ 47, "NSEC" },
	{ TYPE_DNSKEY, "DNSKEY" },
	{ 50, "NSEC3" },
	{ 51, "NSEC3PARAM" },
	{ TYPE_TLSA, "TLSA" },
	{ 53, "SMIMEA" },
	{ 59, "CDS" },
	{ 60, "CDNSKEY" },
	{ 61, "OPENPGPKEY" },
	{ TYPE_SVCB, "SVCB" },
	{ TYPE_HTTPS, "HTTPS" },
	{ 256, "URI" },
	{ TYPE_CAA, "CAA" },
};

enum { NAMED_TYPES = sizeof(named_types) / sizeof(named_types[0]) };

const char *type_name(uint16_t type)
{
	for (size_t i = 0; i < NAMED_TYPES && named_types[i].number <= type; i++)
		if (named_types[i].number == type)
			return named_types[i].name;
	return NULL;
}

bool is_meta_type(uint16_t type)
{
	enum { OPT = 41, FIRST = 128, LAST = 255 };
	return type == 0 || type == OPT || (type >= FIRST && type <= LAST);
}

/* 33 for "33"; 0 for anything but one to five digits that make a type. */
static uint16_t read_type_digits(const char *digits)
{
	uint32_t number = 0;
	size_t size = strlen(digits);
	if (size > 5 || strspn(digits, "0123456789") != size)
		return 0;
	for (; *digits != '\0'; digits++)
		number = number * 10 + (uint32_t)(*digits - '0');
	return number <= UINT16_MAX ? (uint16_t)number : 0;
}

uint16_t type_number(const char *name)
{
	int first = name[0] & ~0x20; /* upper case: most types are told apart by that, and this is called for each lookup */
	for (size_t i = 0; i < NAMED_TYPES; i++)
		if (named_types[i].name[0] == first && strcasecmp(named_types[i].name, name) == 0)
			return named_types[i].number;
	uint16_t number = strncasecmp(name, "TYPE", 4) == 0 ? read_type_digits(name + 4) : 0;
	return is_meta_type(number) ? 0 : number;
}
