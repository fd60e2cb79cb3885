/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* resolv.conf, hosts and trust anchor files: a byte says which, a second how they are used, the rest is the file. What comes out is well-formed. */
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fuzz.h"
#include "settings/address.h"
#include "settings/system_files.h"
#include "settings/upstream.h"

static void check_line(const char *line)
{
	for (; *line != '\0'; line++)
		EXPECT(*line >= ' ' && *line <= '~');
}

static void check_config(const struct upstream_config *config)
{
	for (size_t i = 0; i < config->servers.count; i++)
		EXPECT(is_server_address(config->servers.items[i], true));
	for (size_t i = 0; i < config->hosts.count; i++)
		check_line(config->hosts.items[i]);
	for (size_t i = 0; i < config->warnings.count; i++)
		check_line(config->warnings.items[i]);
	EXPECT(config->timeout <= 30 && config->attempts <= 5);
	EXPECT(config->warnings.count <= 2 * 21 + 4);
}

static void set(struct settings *settings, const char *key, const char *text, bool flag)
{
	struct problem problem;
	struct setting_value value = { .kind = text != NULL ? SETTING_TEXT : SETTING_FLAG, .text = text, .flag = flag };
	EXPECT(set_setting(settings, key, NULL, &value, &problem));
}

static void check_same(const struct text_list *a, const struct text_list *b)
{
	EXPECT(a->count == b->count);
	for (size_t i = 0; i < a->count; i++)
		EXPECT(strcmp(a->items[i], b->items[i]) == 0);
}

/* Emptied, and then other settings come: the root's keys that were followed stay trusted. */
static void read_anew(const struct settings *settings, const struct upstream_config *before)
{
	struct problem problem = { .text = "" };
	struct upstream_config *config = read_upstream(settings, &problem);
	if (config == NULL)
		return;
	EXPECT(keep_followed(config, settings, before));
	check_config(config);
	bool is_followed = settings->autotrust != NULL && strcmp(before->anchor_source, settings->autotrust) == 0;
	for (size_t i = 0; is_followed && i < before->anchors.count; i++)
		EXPECT(strncmp(before->anchors.items[i], ". ", 2) != 0 || has_text(&config->anchors, before->anchors.items[i]));
	release_upstream(config);
}

/* Emptied while it is in use: what is trusted, and whom one asks, stays. */
static void read_emptied(const char *path, const struct settings *settings, const struct upstream_config *before)
{
	struct problem problem = { .text = "" };
	EXPECT(truncate(path, 0) == 0);
	read_anew(settings, before);
	struct upstream_config *config = refresh_upstream(settings, before, &problem);
	EXPECT((config != NULL) == (settings->tls_ca == NULL)); /* without it nobody could be authenticated: all stays */
	if (config == NULL)
		return;
	check_config(config);
	check_same(&config->anchors, &before->anchors);
	check_same(&config->servers, &before->servers);
	check_same(&config->roothints, &before->roothints);
	EXPECT(validates_all(settings, config) == validates_all(settings, before));
	EXPECT(!may_lose_udp(settings, config) || (!config->recursive && !config->use_vc));
	EXPECT(config->recursive == before->recursive && strcmp(config->anchor_source, before->anchor_source) == 0);
	release_upstream(config);
}

/* The whole way, with the file where the settings say it is. */
static void read_all(const char *path, unsigned how)
{
	struct problem problem = { .text = "" };
	struct settings *settings = create_settings();
	if (how & 1)
		set(settings, "forward", how & 2 ? "192.0.2.1#ns.example" : "192.0.2.1", false);
	set(settings, "tls", NULL, how & 2);
	set(settings, "resolvconf", how & 4 ? path : "/nonexistent/resolv.conf", false);
	set(settings, "hoststxt", how & 8 ? path : "/", false);
	if (how & 16)
		set(settings, how & 32 ? "trustfile" : "autotrust", path, false);
	if (how & 64)
		set(settings, "trusted", ". IN DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D", false);
	if (how & 128)
		set(settings, "roothints", path, false);
	if ((how & 10) == 10)
		set(settings, "tls_ca", (how & 31) == 31 ? "/" : path, false);
	if ((how & 63) == 55)
		set(settings, "roothints", "/", false);
	if ((how & 192) == 192)
		set(settings, "upstream", "forward", false);
	struct file_mark mark = mark_resolvconf(settings), again = mark_resolvconf(settings);
	EXPECT(same_mark(&mark, &again));
	struct upstream_config *config = read_upstream(settings, &problem);
	EXPECT(config != NULL || problem.text[0] != '\0');
	if (config != NULL) {
		check_config(config);
		EXPECT(timeout_in_use(settings, config) > 0);
		release_upstream(hold_upstream(config));
		read_emptied(path, settings, config);
	}
	release_upstream(config);
	release_settings(settings);
}

static void read_through_file(const uint8_t *data, size_t size, unsigned how)
{
	char path[64];
	int fd = memfd_create("fuzz", MFD_CLOEXEC);
	EXPECT(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	read_all(path, how);
	close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = open_input(data, size);
	unsigned which = take_byte(&input), how = take_byte(&input);
	size_t left = (size_t)(input.end - input.at);
	if (which % 4 == 0) {
		read_through_file(input.at, left, how);
		return 0;
	}
	struct upstream_config *config = calloc(1, sizeof(*config));
	config->references = 1;
	struct resolvconf_options options = { .timeout = 0 };
	if (which % 4 == 1)
		EXPECT(parse_hosts((const char *)input.at, left, &config->hosts, &config->warnings));
	else
		EXPECT(parse_resolvconf((const char *)input.at, left, &config->servers, &options, &config->warnings));
	config->timeout = options.timeout;
	config->attempts = options.attempts;
	config->use_vc = options.use_vc;
	check_config(config);
	release_upstream(config);
	return 0;
}
