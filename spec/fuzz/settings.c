/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* Settings, a line each: key, name and value with tabs between them; the value's first letter is its kind. A refusal says why, on one line. */
#include <string.h>

#include "fuzz.h"
#include "settings/address.h"
#include "settings/settings.h"

static void check_problem(const struct problem *problem)
{
	EXPECT(memchr(problem->text, '\0', PROBLEM_SIZE) != NULL && problem->text[0] != '\0');
}

static struct setting_value read_value(const char *text)
{
	struct setting_value value = { .kind = SETTING_OTHER, .text = "table" };
	switch (text[0]) {
	case 'n': value = (struct setting_value){ .kind = SETTING_NUMBER, .number = strtod(text + 1, NULL) }; break;
	case 't': value = (struct setting_value){ .kind = SETTING_FLAG, .flag = true }; break;
	case 'f': value = (struct setting_value){ .kind = SETTING_FLAG }; break;
	case 's': value = (struct setting_value){ .kind = SETTING_TEXT, .text = text + 1 }; break;
	default: break;
	}
	return value;
}

/* What libunbound is given of an address is one still. */
static void check_address(const char *text)
{
	char complete[2 * ADDRESS_SIZE];
	if (!is_server_address(text, true))
		return;
	for (int tls = 0; tls < 2; tls++) {
		complete_address(text, tls, complete);
		EXPECT(strpbrk(complete, "\" \\\n\t") == NULL && strchr(complete, '@') != NULL);
		EXPECT(tls || strlen(complete) >= ADDRESS_SIZE || is_server_address(complete, true));
	}
}

static void read_line(struct settings *settings, char *line)
{
	struct problem problem = { .text = "" };
	char *key = strsep(&line, "\t"), *name = strsep(&line, "\t"), *text = strsep(&line, "\t");
	struct setting_value value = read_value(text != NULL ? text : "");
	if (value.kind == SETTING_TEXT)
		check_address(value.text);
	if (!set_setting(settings, key, name != NULL && name[0] != '\0' ? name : NULL, &value, &problem))
		check_problem(&problem);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct problem problem = { .text = "" };
	struct settings *settings = create_settings();
	char *text = strndup((const char *)data, size), *rest = text;
	for (char *line; (line = strsep(&rest, "\n")) != NULL;)
		read_line(settings, line);
	if (!check_settings(settings, &problem)) {
		check_problem(&problem);
		EXPECT(problem.kind == PROBLEM_CONFIG);
	}
	EXPECT(policy_name(settings->dnssec) != NULL && policy_name(settings->dane) != NULL && upstream_name(settings->upstream) != NULL);
	release_settings(hold_settings(settings));
	release_settings(settings);
	free(text);
	return 0;
}
