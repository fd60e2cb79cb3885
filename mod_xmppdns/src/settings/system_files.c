/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* Reads files of the system word by word: any bytes may come. */
#include "system_files.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "address.h"
#include "dns/name.h"

enum {
	MOST_WARNINGS = 20, /* of one file: a file that is no text has thousands of bad lines */
	MOST_SECONDS = 30,  /* as in the C library; so are the attempts, and the servers */
	MOST_ATTEMPTS = 5,
	MOST_SERVERS = 3
};

/* A file's lines, one after the other. */
struct lines {
	const char *at, *end;
	const char *file;           /* for warnings */
	unsigned number;            /* of the line handed out last, from 1 */
	struct text_list *warnings; /* not owned */
	size_t warned_from;         /* how many there were before this file */
};

/* Words of a line. */
struct words {
	const char *at, *end;
};

struct word {
	const char *text; /* no NUL behind it; NULL at the end */
	size_t size;
};

static struct lines open_lines(const char *file, const char *text, size_t size, struct text_list *warnings)
{
	return (struct lines){ .at = text, .end = text + size, .file = file, .warnings = warnings, .warned_from = warnings->count };
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

/* False when there is none, when it does not fit, or holds a NUL. */
static bool copy_word(struct word word, char *text, size_t room)
{
	if (word.text == NULL || word.size >= room || memchr(word.text, '\0', word.size) != NULL)
		return false;
	memcpy(text, word.text, word.size);
	text[word.size] = '\0';
	return true;
}

/* Shows the word only as far as it is printable. */
static bool warn_of_line(const struct lines *lines, struct word word, const char *why)
{
	char shown[64];
	size_t size = 0;
	size_t warned = lines->warnings->count - lines->warned_from;
	if (warned > MOST_WARNINGS)
		return true;
	if (warned == MOST_WARNINGS)
		return add_formatted_text(lines->warnings, "%s: more lines are skipped", lines->file);
	for (; size < word.size && size < sizeof(shown) - 1; size++)
		shown[size] = word.text[size] > ' ' && word.text[size] <= '~' ? word.text[size] : '?';
	shown[size] = '\0';
	return add_formatted_text(lines->warnings, "%s, line %u: \"%s\" skipped: %s", lines->file, lines->number, shown, why);
}

static bool has_known_scope(const char *address)
{
	const char *scope = strchr(address, '%');
	return scope == NULL || if_nametoindex(scope + 1) != 0 || scope[1 + strspn(scope + 1, "0123456789")] == '\0';
}

/* "0.0.0.0" and "::" are this host; libunbound would take an answer from it for a stranger's. */
static const char *name_this_host(const char *address)
{
	static const struct in6_addr ANY = IN6ADDR_ANY_INIT;
	struct in6_addr binary;
	if (strcmp(address, "0.0.0.0") == 0)
		return "127.0.0.1";
	return inet_pton(AF_INET6, address, &binary) == 1 && memcmp(&binary, &ANY, sizeof(ANY)) == 0 ? "::1" : address;
}

static bool add_nameserver(struct text_list *servers, const struct lines *lines, struct word word, unsigned *taken)
{
	char address[128];
	if (!copy_word(word, address, sizeof(address)) || strchr(address, '@') != NULL || !is_server_address(address, false))
		return warn_of_line(lines, word, "not an IP address");
	if (!has_known_scope(address))
		return warn_of_line(lines, word, "no such interface");
	if (++*taken > MOST_SERVERS)
		return warn_of_line(lines, word, "the C library asks the first three only");
	return add_formatted_text(servers, "%s@53", name_this_host(address));
}

/* "timeout:5": 5, where word starts with name. */
static void read_number(struct word word, const char *name, unsigned most, unsigned *number)
{
	char text[32];
	size_t size = strlen(name);
	if (!copy_word(word, text, sizeof(text)) || strncmp(text, name, size) != 0 || text[size] < '0' || text[size] > '9')
		return;
	unsigned long value = strtoul(text + size, NULL, 10);
	*number = value > most ? most : (unsigned)value;
}

static void read_resolvconf_option(struct word word, struct resolvconf_options *options)
{
	read_number(word, "timeout:", MOST_SECONDS, &options->timeout);
	read_number(word, "attempts:", MOST_ATTEMPTS, &options->attempts);
	options->use_vc |= word_is(word, "use-vc");
}

bool report_resolvconf(struct problem *problem, const char *path)
{
	struct stat status;
	if (errno == ENOENT)
		return report_problem(
			problem, PROBLEM_CONFIG, lstat(path, &status) == 0 ? "a symbolic link to a file that is not there yet" : "not there yet");
	if (errno == EISDIR)
		return report_problem(problem, PROBLEM_CONFIG, "a directory");
	if (errno == EINVAL)
		return report_problem(problem, PROBLEM_CONFIG, stat(path, &status) == 0 && S_ISFIFO(status.st_mode) ? "a pipe" : "no regular file");
	return report_file(problem, path, false);
}

bool parse_resolvconf(const char *text, size_t size, struct text_list *servers, struct resolvconf_options *options, struct text_list *warnings)
{
	static const char *const MARKS = "#;";
	struct lines lines = open_lines("resolv.conf", text, size, warnings);
	struct words words;
	unsigned taken = 0;
	while (next_line(&lines, &words)) {
		struct word word = next_word(&words, MARKS);
		if (word.text == NULL)
			continue;
		if (word_is(word, "nameserver") && !add_nameserver(servers, &lines, next_word(&words, MARKS), &taken))
			return false;
		if (!word_is(word, "options"))
			continue;
		while ((word = next_word(&words, MARKS)).text != NULL)
			read_resolvconf_option(word, options);
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

static bool add_host(struct text_list *hosts, const struct lines *lines, struct word word, const char *type, const char *address)
{
	char name[NAME_TEXT_SIZE];
	if (!read_host_name(word, name))
		return warn_of_line(lines, word, "not a host's name");
	return add_formatted_text(hosts, "%s. IN %s %s", name, type, address);
}

bool parse_hosts(const char *text, size_t size, struct text_list *hosts, struct text_list *warnings)
{
	static const char *const MARKS = "#";
	char address[64];
	unsigned char binary[16];
	struct lines lines = open_lines("hosts", text, size, warnings);
	struct words words;
	while (next_line(&lines, &words)) {
		struct word word = next_word(&words, MARKS);
		if (word.text == NULL)
			continue;
		bool copied = copy_word(word, address, sizeof(address));
		bool v4 = copied && inet_pton(AF_INET, address, binary) == 1;
		if (!v4 && !(copied && inet_pton(AF_INET6, address, binary) == 1)) {
			if (!warn_of_line(&lines, word, "not an IP address"))
				return false;
			continue;
		}
		while ((word = next_word(&words, MARKS)).text != NULL)
			if (!add_host(hosts, &lines, word, v4 ? "A" : "AAAA", address))
				return false;
	}
	return true;
}

/* The word behind a record's type: an IP address of that type, or not read at all. */
static bool read_address_record(struct words *words, char address[64])
{
	static const char *const MARKS = ";";
	unsigned char binary[16];
	for (struct word word = next_word(words, MARKS); word.text != NULL; word = next_word(words, MARKS)) {
		int family = word_is(word, "A") ? AF_INET : word_is(word, "AAAA") ? AF_INET6 : AF_UNSPEC;
		if (family != AF_UNSPEC)
			return copy_word(next_word(words, MARKS), address, 64) && inet_pton(family, address, binary) == 1;
	}
	return false;
}

bool parse_roothints(const char *text, size_t size, struct text_list *addresses)
{
	struct text_list no_warnings = { .count = 0 };
	struct lines lines = open_lines("root hints", text, size, &no_warnings);
	struct words words;
	char address[64];
	while (next_line(&lines, &words))
		if (read_address_record(&words, address) && !add_text(addresses, address))
			return false;
	return true;
}
