/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* libunbound has no code for it, but it names the server of each answer that it has judged: "No DNSKEY record from 192.0.2.1 for key example.". */
#include "reason.h"

#include <stddef.h>
#include <string.h>

/* Later versions add why, in brackets. */
static const char *skip_brackets(const char *text)
{
	const char *end = strncmp(text, " [", 2) == 0 ? strchr(text, ']') : NULL;
	return end != NULL ? end + 1 : text;
}

bool is_want_of_answer(const char *reason)
{
	static const char *const MISSED[] = { "no DNSKEY rrset", "No DNSKEY record", "SERVFAIL no DS" };
	for (size_t i = 0; i < sizeof(MISSED) / sizeof(MISSED[0]); i++) {
		const char *missed = strstr(reason, MISSED[i]);
		if (missed != NULL && strncmp(skip_brackets(missed + strlen(MISSED[i])), " for ", 5) == 0)
			return true;
	}
	return false;
}
