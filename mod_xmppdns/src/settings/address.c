/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* Addresses of name servers, as settings write them. */
#include "address.h"

#include <arpa/inet.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dns/name.h"

static const char NAME_CHARACTERS[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";

/* Cuts the part behind the first mark off text; NULL when there is no mark. */
static char *cut_at(char *text, char mark)
{
	char *part = strchr(text, mark);
	if (part != NULL)
		*part++ = '\0';
	return part;
}

static bool is_port(const char *text)
{
	char *end;
	if (text[0] < '0' || text[0] > '9')
		return false;
	unsigned long port = strtoul(text, &end, 10);
	return *end == '\0' && end - text <= 5 && port >= 1 && port <= 65535;
}

/* A network interface's name. */
static bool is_scope(const char *text)
{
	size_t size = strlen(text);
	for (size_t i = 0; i < size; i++)
		if (text[i] <= ' ' || text[i] == '"' || text[i] == '\\' || text[i] == 127)
			return false;
	return size > 0 && size <= 31;
}

static bool is_domain(const char *text)
{
	char canonical[NAME_TEXT_SIZE];
	size_t size;
	return text[strspn(text, NAME_CHARACTERS)] == '\0' && canonical_name(text, strlen(text), canonical, &size) == NAME_OK;
}

bool is_server_address(const char *text, bool tls_name_allowed)
{
	char buffer[ADDRESS_SIZE], binary[16];
	size_t size = strlen(text) + 1;
	if (size > sizeof(buffer))
		return false;
	memcpy(buffer, text, size);
	const char *tls_name = cut_at(buffer, '#');
	const char *port = cut_at(buffer, '@');
	const char *scope = cut_at(buffer, '%');
	if (tls_name != NULL && (!tls_name_allowed || !is_domain(tls_name)))
		return false;
	if (port != NULL && !is_port(port))
		return false;
	if (scope != NULL && !is_scope(scope))
		return false;
	return inet_pton(AF_INET6, buffer, binary) == 1 || (scope == NULL && inet_pton(AF_INET, buffer, binary) == 1);
}

void complete_address(const char *address, bool tls, char complete[2 * ADDRESS_SIZE])
{
	const char *tls_name = strchr(address, '#');
	int size = (int)strcspn(address, "#"), host = (int)strcspn(address, "%@#"); /* a scope is no part of what a certificate names */
	const char *port = memchr(address, '@', (size_t)size) != NULL ? "" : tls ? "@853" : "@53";
	if (tls_name != NULL || !tls)
		snprintf(complete, 2 * ADDRESS_SIZE, "%.*s%s%s", size, address, port, tls_name != NULL ? tls_name : "");
	else
		snprintf(complete, 2 * ADDRESS_SIZE, "%.*s%s#%.*s", size, address, port, host, address);
}
