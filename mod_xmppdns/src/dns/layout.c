/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* The layouts of RFC 1035 and what followed it; all that RFC 4034 (6.2) and RFC 3597 (4) name, but for those that nobody has. */
#include "layout.h"

#include <stddef.h>

static const struct layout LAYOUTS[] = {
	{ TYPE_NS, 0, 0, 1, true },
	{ 3 /* MD */, 0, 0, 1, true },
	{ 4 /* MF */, 0, 0, 1, true },
	{ TYPE_CNAME, 0, 0, 1, true },
	{ TYPE_SOA, 0, 0, 2, true },
	{ 7 /* MB */, 0, 0, 1, true },
	{ 8 /* MG */, 0, 0, 1, true },
	{ 9 /* MR */, 0, 0, 1, true },
	{ TYPE_PTR, 0, 0, 1, true },
	{ 14 /* MINFO */, 0, 0, 2, true },
	{ TYPE_MX, 2, 0, 1, true },
	{ 17 /* RP */, 0, 0, 2, true },
	{ 18 /* AFSDB */, 2, 0, 1, true },
	{ 21 /* RT */, 2, 0, 1, true },
	{ 26 /* PX */, 2, 0, 2, true },
	{ TYPE_SRV, 6, 0, 1, true },
	{ 35 /* NAPTR */, 4, 3, 1, true },
	{ 36 /* KX */, 2, 0, 1, true },
	{ 39 /* DNAME */, 0, 0, 1, true },
	{ 46 /* RRSIG */, 18, 0, 1, false },
	{ 47 /* NSEC */, 0, 0, 1, false },
	{ TYPE_SVCB, 2, 0, 1, false },
	{ TYPE_HTTPS, 2, 0, 1, false },
};

const struct layout *find_layout(uint16_t type)
{
	for (size_t i = 0; i < sizeof(LAYOUTS) / sizeof(LAYOUTS[0]); i++)
		if (LAYOUTS[i].type == type)
			return &LAYOUTS[i];
	return NULL;
}

struct span read_before_names(struct wire *wire, const struct layout *layout)
{
	const uint8_t *start = wire->at;
	read_span(wire, layout->before);
	for (int i = 0; i < layout->strings; i++)
		read_string(wire);
	return (struct span){ start, wire->truncated ? 0 : (size_t)(wire->at - start) };
}

struct span names_in(uint16_t type, struct span rdata)
{
	struct wire wire = open_wire(rdata.bytes, rdata.size);
	const struct layout *layout = find_layout(type);
	if (layout == NULL)
		return (struct span){ wire.end, 0 };
	read_before_names(&wire, layout);
	const uint8_t *start = wire.at;
	for (int i = 0; i < layout->names; i++)
		read_name(&wire);
	return wire.truncated ? (struct span){ wire.end, 0 } : (struct span){ start, (size_t)(wire.at - start) };
}
