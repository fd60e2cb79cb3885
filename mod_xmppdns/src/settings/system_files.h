/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* The texts of resolv.conf, hosts and root hints. What cannot be understood is skipped with a warning, for a person; of one text at most 21. */
#ifndef XMPPDNS_SYSTEM_FILES_H
#define XMPPDNS_SYSTEM_FILES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/problem.h"
#include "base/text_list.h"

struct resolvconf_options {
	unsigned timeout, attempts; /* seconds, count; 0 where the file says nothing */
	bool use_vc;                /* over TCP from the first attempt on */
};

/* Adds to servers "addr[%scope]@53", of the first three, to *options what the file says: as the C library takes them. False without memory. */
bool parse_resolvconf(const char *text, size_t size, struct text_list *servers, struct resolvconf_options *options, struct text_list *warnings);

/* What is wrong with a resolv.conf that cannot be read, by errno; false. One that is not there may come yet: it is looked at again. */
bool report_resolvconf(struct problem *problem, const char *path);

/* Adds to hosts a line of local-data for each name: "localhost. IN A 127.0.0.1". False without memory. */
bool parse_hosts(const char *text, size_t size, struct text_list *hosts, struct text_list *warnings);

/* Adds the address in each A and AAAA record of root hints ("a.root-servers.net. 3600000 A 198.41.0.4"). False without memory. */
bool parse_roothints(const char *text, size_t size, struct text_list *addresses);

#endif
