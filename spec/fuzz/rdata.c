/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* Record data: two bytes of type, then the data. Every span lies inside the data, and every name can be printed and read again. */
#include <string.h>
#include <strings.h>

#include "fuzz.h"
#include "dns/name.h"
#include "dns/rdata.h"

struct bounds {
	const uint8_t *start, *end;
};

static void check_span(struct bounds bounds, struct span span)
{
	EXPECT(span.bytes >= bounds.start && span.bytes <= bounds.end);
	EXPECT(span.size <= (size_t)(bounds.end - span.bytes));
}

static void check_name(struct bounds bounds, struct span name)
{
	char text[NAME_TEXT_SIZE], canonical[NAME_TEXT_SIZE];
	size_t size;
	check_span(bounds, name);
	EXPECT(name.size >= 1 && name.size <= NAME_WIRE_SIZE);
	EXPECT(print_name(name.bytes, name.size, text) == strlen(text));
	EXPECT(canonical_name(text, strlen(text), canonical, &size) == NAME_OK);
	EXPECT(strcasecmp(text, canonical) == 0);
}

static void check_params(struct bounds bounds, struct span params)
{
	struct wire wire = open_wire(params.bytes, params.size);
	struct svcb_param param;
	check_span(bounds, params);
	while (read_svcb_param(&wire, &param))
		check_span(bounds, param.value);
	EXPECT(wire_complete(&wire));
}

static void check_strings(struct bounds bounds)
{
	struct wire wire = open_wire(bounds.start, (size_t)(bounds.end - bounds.start));
	while (wire.at < wire.end)
		check_span(bounds, read_string(&wire));
	EXPECT(wire_complete(&wire));
}

/* The parts of a record that check_rdata accepts. */
static void check_parts(uint16_t type, struct bounds bounds)
{
	const uint8_t *rdata = bounds.start;
	size_t size = (size_t)(bounds.end - bounds.start);
	struct span name;
	struct soa soa;
	struct mx mx;
	struct srv srv;
	struct tlsa tlsa;
	struct caa caa;
	struct svcb svcb;
	switch (type) {
	case TYPE_NS:
	case TYPE_CNAME:
	case TYPE_PTR:
		EXPECT(read_one_name(rdata, size, &name));
		check_name(bounds, name);
		break;
	case TYPE_SOA:
		EXPECT(read_soa(rdata, size, &soa));
		check_name(bounds, soa.mname);
		check_name(bounds, soa.rname);
		break;
	case TYPE_MX:
		EXPECT(read_mx(rdata, size, &mx));
		check_name(bounds, mx.exchange);
		break;
	case TYPE_SRV:
		EXPECT(read_srv(rdata, size, &srv));
		check_name(bounds, srv.target);
		break;
	case TYPE_TLSA:
		EXPECT(read_tlsa(rdata, size, &tlsa));
		check_span(bounds, tlsa.data);
		break;
	case TYPE_CAA:
		EXPECT(read_caa(rdata, size, &caa));
		check_span(bounds, caa.tag);
		check_span(bounds, caa.value);
		break;
	case TYPE_TXT: check_strings(bounds); break;
	case TYPE_SVCB:
	case TYPE_HTTPS:
		EXPECT(read_svcb(rdata, size, &svcb));
		check_name(bounds, svcb.target);
		check_params(bounds, svcb.params);
		break;
	default: break;
	}
}

static void check_type_names(uint16_t type, const uint8_t *data, size_t size)
{
	char text[16];
	if (type_name(type) != NULL)
		EXPECT(type_number(type_name(type)) == type);
	size = size < sizeof(text) ? size : sizeof(text) - 1;
	memcpy(text, data, size);
	text[size] = '\0';
	uint16_t number = type_number(text);
	snprintf(text, sizeof(text), "type%u", (unsigned)number);
	EXPECT(type_number(text) == number);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = open_input(data, size);
	uint16_t type = (uint16_t)take_word(&input);
	struct bounds bounds = { .start = input.at, .end = input.end };
	if (check_rdata(type, input.at, (size_t)(input.end - input.at)))
		check_parts(type, bounds);
	check_type_names(type, input.at, (size_t)(input.end - input.at));
	return 0;
}
