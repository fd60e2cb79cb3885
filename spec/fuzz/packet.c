/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* DNS messages: two bytes of type, a byte of length, the name that was asked for, then the message. What comes out is well-formed. */
#include <string.h>

#include "fuzz.h"
#include "dns/name.h"
#include "dns/packet.h"
#include "dns/rdata.h"

static void check_answer(const struct answer *answer)
{
	char canonical[NAME_TEXT_SIZE];
	size_t size;
	EXPECT(answer != NULL);
	EXPECT((answer->outcome == OUTCOME_ANSWERED) == (answer->reason == NULL));
	EXPECT(answer->outcome == OUTCOME_ANSWERED || answer->record_count == 0);
	EXPECT(!answer->nxdomain || answer->record_count == 0);
	for (size_t i = 0; i < answer->record_count; i++)
		EXPECT(check_rdata(answer->qtype, answer->records[i].rdata, answer->records[i].size));
	if (answer->canonname == NULL)
		return;
	EXPECT(canonical_name(answer->canonname, strlen(answer->canonname), canonical, &size) == NAME_OK);
	EXPECT(strcmp(answer->canonname, canonical) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char text[256], qname[NAME_TEXT_SIZE], text_of_claim[NAME_TEXT_SIZE];
	size_t length = 0, qname_size;
	struct input input = open_input(data, size);
	uint16_t qtype = (uint16_t)take_word(&input);
	for (unsigned left = take_byte(&input); left > 0; left--)
		text[length++] = (char)take_byte(&input);
	if (canonical_name(text, length, qname, &qname_size) != NAME_OK)
		return 0;
	struct answer *answer = create_packet_answer(input.at, (size_t)(input.end - input.at), qname, qtype, size % 2 == 0);
	check_answer(answer);
	release_answer(answer);
	struct claim claim;
	if (read_claim(input.at, (size_t)(input.end - input.at), &claim))
		EXPECT(canonical_name(claim.qname, strlen(claim.qname), text_of_claim, &qname_size) == NAME_OK && strcmp(claim.qname, text_of_claim) == 0);
	answer = create_rcode_failure(qname, qtype, qtype % 16);
	EXPECT(answer != NULL && answer->outcome != OUTCOME_ANSWERED && answer->reason != NULL);
	release_answer(answer);
	return 0;
}
