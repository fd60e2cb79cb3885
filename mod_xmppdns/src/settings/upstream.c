/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* Reads what the settings mean on this machine: resolv.conf, hosts, trust anchors. */
#include "upstream.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dns/name.h"

enum {
	MOST_BYTES = 16 * 1024 * 1024, /* of a file */
	MOST_WARNINGS = 20             /* of one file: a file that is no text has thousands of bad lines */
};

/* Where systems keep the root's trust anchor; the first that holds one is used when the settings name none. */
static const char *const ROOT_KEY_FILES[] = {
	"/var/lib/unbound/root.key",
	"/usr/share/dns/root.key",
	"/usr/share/dnssec-root/trusted-key.key",
	"/etc/unbound/root.key",
};

/* The root zone's key signing keys 20326 (until 2027-01-11) and 38696 (since 2026-10-11), as IANA publishes them. */
static const char *const IANA_ANCHORS[] = {
	". IN DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D",
	". IN DS 38696 8 2 683D2D0ACB8C9B712A1948B27F741219298D0A450D612C483AF444A4C0FB2B16",
};

enum { COUNT_OF_KEY_FILES = sizeof(ROOT_KEY_FILES) / sizeof(ROOT_KEY_FILES[0]), COUNT_OF_ANCHORS = sizeof(IANA_ANCHORS) / sizeof(IANA_ANCHORS[0]) };

/* A file's lines, one after the other. */
struct lines {
	const char *at, *end;
	unsigned number;    /* of the line handed out last, from 1 */
	size_t warned_from; /* how many warnings there were before this file */
};

/* Words of a line. */
struct words {
	const char *at, *end;
};

struct word {
	const char *text; /* no NUL behind it; NULL at the end */
	size_t size;
};

static struct lines open_lines(const struct upstream_config *config, const char *text, size_t size)
{
	return (struct lines){ .at = text, .end = text + size, .warned_from = config->warnings.count };
}

static bool next_line(struct lines *lines, struct words *words)
{
	if (lines->at == lines->end)
		return false;
	const char *end = memchr(lines->at, '\n', (size_t)(lines->end - lines->at));
	*words = (struct words){ .at = lines->at, .end = end == NULL ? lines->end : end };
	lines->at = end == NULL ? lines->end : end + 1;
	lines->number++;
	return true;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f';
}

/* A comment starts with one of marks at the beginning of a word. */
static struct word next_word(struct words *words, const char *marks)
{
	while (words->at < words->end && is_space(*words->at))
		words->at++;
	const char *start = words->at;
	if (start == words->end || (*start != '\0' && strchr(marks, *start) != NULL)) {
		words->at = words->end;
		return (struct word){ .text = NULL };
	}
	while (words->at < words->end && !is_space(*words->at))
		words->at++;
	return (struct word){ .text = start, .size = (size_t)(words->at - start) };
}

static bool word_is(struct word word, const char *text)
{
	return word.size == strlen(text) && memcmp(word.text, text, word.size) == 0;
}

/* False when it does not fit, or holds a NUL. */
static bool copy_word(struct word word, char *text, size_t room)
{
	if (word.size >= room || memchr(word.text, '\0', word.size) != NULL)
		return false;
	memcpy(text, word.text, word.size);
	text[word.size] = '\0';
	return true;
}

__attribute__((format(printf, 2, 3))) static bool warn(struct upstream_config *config, const char *format, ...)
{
	char text[512];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	return add_text(&config->warnings, text);
}

/* Shows the word only as far as it is printable. */
static bool warn_of_line(struct upstream_config *config, const struct lines *lines, const char *file, struct word word, const char *why)
{
	char shown[64];
	size_t size = 0;
	size_t warned = config->warnings.count - lines->warned_from;
	if (warned > MOST_WARNINGS)
		return true;
	if (warned == MOST_WARNINGS)
		return warn(config, "%s: more lines are skipped", file);
	for (; size < word.size && size < sizeof(shown) - 1; size++)
		shown[size] = word.text[size] > ' ' && word.text[size] <= '~' ? word.text[size] : '?';
	shown[size] = '\0';
	return warn(config, "%s, line %u: \"%s\" skipped: %s", file, lines->number, shown, why);
}

/* The address with its port written out: without a TLS name libunbound takes 53, and our forwarders over TLS listen on 853. */
static bool add_server(struct upstream_config *config, const char *address, unsigned port)
{
	char text[400];
	const char *tls_name = strchr(address, '#');
	int size = tls_name == NULL ? (int)strlen(address) : (int)(tls_name - address);
	if (strchr(address, '@') != NULL)
		snprintf(text, sizeof(text), "%s", address);
	else
		snprintf(text, sizeof(text), "%.*s@%u%s", size, address, port, tls_name == NULL ? "" : tls_name);
	return add_text(&config->servers, text);
}

static bool has_known_scope(const char *address)
{
	const char *scope = strchr(address, '%');
	return scope == NULL || if_nametoindex(scope + 1) != 0 || scope[1 + strspn(scope + 1, "0123456789")] == '\0';
}

static bool add_nameserver(struct upstream_config *config, const struct lines *lines, struct word word)
{
	char address[128];
	if (word.text == NULL || !copy_word(word, address, sizeof(address)) || strchr(address, '@') != NULL || !is_server_address(address, false))
		return warn_of_line(config, lines, "resolv.conf", word, "not an IP address");
	if (!has_known_scope(address))
		return warn_of_line(config, lines, "resolv.conf", word, "no such interface");
	return add_server(config, address, 53);
}

/* "timeout:5": 5, where word starts with name; at most 30, as in the C library. */
static void read_resolvconf_option(struct word word, const char *name, unsigned *number)
{
	char text[32];
	size_t size = strlen(name);
	if (!copy_word(word, text, sizeof(text)) || strncmp(text, name, size) != 0 || text[size] < '0' || text[size] > '9')
		return;
	unsigned long value = strtoul(text + size, NULL, 10);
	*number = value > 30 ? 30 : (unsigned)value;
}

bool parse_resolvconf(struct upstream_config *config, const char *text, size_t size)
{
	static const char *const MARKS = "#;";
	struct lines lines = open_lines(config, text, size);
	struct words words;
	while (next_line(&lines, &words)) {
		struct word word = next_word(&words, MARKS);
		if (word.text == NULL)
			continue;
		if (word_is(word, "nameserver") && !add_nameserver(config, &lines, next_word(&words, MARKS)))
			return false;
		if (!word_is(word, "options"))
			continue;
		while ((word = next_word(&words, MARKS)).text != NULL) {
			read_resolvconf_option(word, "timeout:", &config->timeout);
			read_resolvconf_option(word, "attempts:", &config->attempts);
		}
	}
	return true;
}

/* Only what may be in a host's name: the rest of what a DNS name may hold has a meaning in a local-data line. */
static bool read_host_name(struct word word, char canonical[NAME_TEXT_SIZE])
{
	static const char *const LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
	char text[256];
	size_t size;
	return copy_word(word, text, sizeof(text)) && strspn(text, LETTERS) == word.size && canonical_name(text, word.size, canonical, &size) == NAME_OK
		&& strcmp(canonical, ".") != 0;
}

static bool add_host(struct upstream_config *config, const struct lines *lines, struct word word, const char *type, const char *address)
{
	char name[NAME_TEXT_SIZE], line[NAME_TEXT_SIZE + 128];
	if (!read_host_name(word, name))
		return warn_of_line(config, lines, "hosts", word, "not a host's name");
	snprintf(line, sizeof(line), "%s. IN %s %s", name, type, address);
	return add_text(&config->hosts, line);
}

bool parse_hosts(struct upstream_config *config, const char *text, size_t size)
{
	static const char *const MARKS = "#";
	char address[64];
	unsigned char binary[16];
	struct lines lines = open_lines(config, text, size);
	struct words words;
	while (next_line(&lines, &words)) {
		struct word word = next_word(&words, MARKS);
		if (word.text == NULL)
			continue;
		bool copied = copy_word(word, address, sizeof(address));
		bool v4 = copied && inet_pton(AF_INET, address, binary) == 1;
		if (!v4 && !(copied && inet_pton(AF_INET6, address, binary) == 1)) {
			if (!warn_of_line(config, &lines, "hosts", word, "not an IP address"))
				return false;
			continue;
		}
		while ((word = next_word(&words, MARKS)).text != NULL)
			if (!add_host(config, &lines, word, v4 ? "A" : "AAAA", address))
				return false;
	}
	return true;
}

/* The whole file, malloced, *size bytes; NULL with errno. Regular files and devices only: a pipe could make us wait. */
static char *read_file(const char *path, size_t *size)
{
	struct stat status;
	char *text = NULL;
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd == -1)
		return NULL;
	*size = 0;
	if (fstat(fd, &status) == -1)
		goto failed;
	errno = S_ISDIR(status.st_mode) ? EISDIR : EINVAL;
	if (!S_ISREG(status.st_mode) && !S_ISCHR(status.st_mode))
		goto failed;
	for (size_t room = 0;;) {
		if (*size == room) {
			room = room == 0 ? 4096 : 2 * room;
			errno = EFBIG;
			char *more = room > MOST_BYTES ? NULL : realloc(text, room);
			if (more == NULL)
				goto failed;
			text = more;
		}
		ssize_t got = read(fd, text + *size, room - *size);
		if (got == 0)
			break;
		if (got == -1 && errno != EINTR)
			goto failed;
		*size += got > 0 ? (size_t)got : 0;
	}
	close(fd);
	return text;
failed:;
	int error = errno;
	free(text);
	close(fd);
	errno = error;
	return NULL;
}

double timeout_in_use(const struct settings *settings, const struct upstream_config *config)
{
	if (settings->timeout > 0)
		return settings->timeout;
	return config != NULL && config->timeout > 0 ? config->timeout : DEFAULT_TIMEOUT;
}

const char *resolvconf_path(const struct settings *settings)
{
	return settings->resolvconf != NULL ? settings->resolvconf : "/etc/resolv.conf";
}

static struct file_mark mark_file(const char *path)
{
	struct stat status;
	if (path == NULL || stat(path, &status) == -1)
		return (struct file_mark){ .inode = 0 };
	return (struct file_mark){ .device = status.st_dev,
		.inode = status.st_ino,
		.size = status.st_size,
		.seconds = status.st_mtim.tv_sec,
		.nanoseconds = status.st_mtim.tv_nsec };
}

struct file_mark mark_resolvconf(const struct settings *settings)
{
	return mark_file(settings->use_resolvconf ? resolvconf_path(settings) : NULL);
}

bool same_mark(const struct file_mark *a, const struct file_mark *b)
{
	return a->device == b->device && a->inode == b->inode && a->size == b->size && a->seconds == b->seconds && a->nanoseconds == b->nanoseconds;
}

bool check_anchor_file(const char *path, struct problem *problem)
{
	size_t size;
	bool found = false;
	char *text = read_file(path, &size);
	if (text == NULL) {
		return report_problem(problem, kind_of_errno(errno), "%s", strerror(errno));
	}
	const char *end = text + size;
	for (const char *at = text; at < end && !found;) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));
		size_t line = (size_t)((newline == NULL ? end : newline) - at);
		found = is_anchor_line(at, line);
		at += line + (newline != NULL);
	}
	free(text);
	if (!found)
		report_problem(problem, PROBLEM_CONFIG, "holds no DS or DNSKEY record");
	return found;
}

/* Why there is no server from the file goes to *why; NULL when there is one. False without memory. */
static bool read_resolvconf(struct upstream_config *config, const char *path, const char **why)
{
	size_t size, before = config->servers.count;
	char *text = read_file(path, &size);
	*why = NULL;
	if (text == NULL) {
		*why = strerror(errno);
		return true;
	}
	bool parsed = parse_resolvconf(config, text, size);
	free(text);
	if (parsed && config->servers.count == before)
		*why = "no usable nameserver in it";
	return parsed;
}

static bool read_hosts(struct upstream_config *config, const char *path)
{
	size_t size;
	char *text = read_file(path, &size);
	if (text == NULL)
		return warn(config, "%s: %s: no hosts are read", path, strerror(errno));
	bool parsed = parse_hosts(config, text, size);
	free(text);
	return parsed;
}

/* False with a message. */
static bool gather_servers(struct upstream_config *config, const struct settings *settings, struct problem *problem)
{
	const char *path = resolvconf_path(settings);
	const char *why = NULL;
	report_memory(problem);
	for (size_t i = 0; i < settings->forward.count; i++)
		if (!add_server(config, settings->forward.items[i], settings->tls ? 853 : 53))
			return false;
	if (settings->use_resolvconf && !read_resolvconf(config, path, &why))
		return false;
	config->resolvconf_failed = why != NULL;
	config->recursive = config->servers.count == 0;
	if (config->recursive && settings->upstream == UPSTREAM_FORWARD) {
		return report_problem(problem, PROBLEM_CONFIG, "upstream = \"forward\" has no server: %s: %s", path, why == NULL ? "not read" : why);
	}
	if (why == NULL)
		return true;
	return warn(config, "%s: %s%s", path, why, config->recursive ? ": asking from the root instead" : "");
}

static bool copy_path(char **target, const char *path)
{
	*target = path == NULL ? NULL : strdup(path);
	return path == NULL || *target != NULL;
}

static bool gather_default_anchors(struct upstream_config *config)
{
	struct problem reason;
	for (size_t i = 0; i < COUNT_OF_KEY_FILES; i++)
		if (check_anchor_file(ROOT_KEY_FILES[i], &reason)) {
			config->anchor_source = ROOT_KEY_FILES[i];
			return copy_path(&config->anchor_file, ROOT_KEY_FILES[i]);
		}
	config->anchor_source = "built in";
	for (size_t i = 0; i < COUNT_OF_ANCHORS; i++)
		if (!add_text(&config->anchors, IANA_ANCHORS[i]))
			return false;
	return true;
}

static bool gather_anchors(struct upstream_config *config, const struct settings *settings)
{
	if (settings->trusted.count == 0 && settings->trustfile == NULL && settings->autotrust == NULL)
		return gather_default_anchors(config);
	for (size_t i = 0; i < settings->trusted.count; i++)
		if (!add_text(&config->anchors, settings->trusted.items[i]))
			return false;
	if (!copy_path(&config->anchor_file, settings->trustfile) || !copy_path(&config->autotrust_file, settings->autotrust))
		return false;
	config->anchor_source = "settings";
	if (settings->trusted.count == 0)
		config->anchor_source = config->anchor_file != NULL ? config->anchor_file : config->autotrust_file;
	return true;
}

static void mark_files(struct upstream_config *config, const struct settings *settings)
{
	config->marks[MARK_OF_ANCHORS] = mark_file(config->anchor_file);
	config->marks[MARK_OF_ROOTHINTS] = mark_file(settings->roothints);
	config->marks[MARK_OF_TLS_CA] = mark_file(settings->tls_ca);
}

struct upstream_config *read_upstream(const struct settings *settings, struct problem *problem)
{
	struct upstream_config *config = calloc(1, sizeof(*config));
	if (config == NULL) {
		report_memory(problem);
		return NULL;
	}
	config->references = 1;
	const char *hosts = settings->hoststxt == NULL ? "/etc/hosts" : settings->hoststxt;
	if (!gather_servers(config, settings, problem) || !gather_anchors(config, settings) || (settings->use_hoststxt && !read_hosts(config, hosts))) {
		release_upstream(config);
		return NULL;
	}
	mark_files(config, settings);
	return config;
}

struct upstream_config *hold_upstream(struct upstream_config *config)
{
	__atomic_add_fetch(&config->references, 1, __ATOMIC_RELAXED);
	return config;
}

void release_upstream(struct upstream_config *config)
{
	if (config == NULL || __atomic_sub_fetch(&config->references, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	free_text_list(&config->servers);
	free_text_list(&config->hosts);
	free_text_list(&config->anchors);
	free_text_list(&config->warnings);
	free(config->anchor_file);
	free(config->autotrust_file);
	free(config);
}
