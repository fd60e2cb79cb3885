/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* What the settings mean on this machine at this moment: read anew for each generation of contexts. */
#ifndef XMPPDNS_UPSTREAM_H
#define XMPPDNS_UPSTREAM_H

#include "settings.h"
#include "base/file.h"

enum { MARK_OF_ANCHORS, MARK_OF_ROOTHINTS, MARK_OF_TLS_CA, MARKED_FILES };

struct upstream_config {
	/* private */ unsigned references;
	bool recursive;                       /* no forwarder: libunbound asks from the root */
	bool resolvconf_failed;               /* it was to be read, and gave no server */
	struct text_list servers;             /* forwarders: "addr[%scope][@port][#tls-name]" */
	struct text_list hosts;               /* local-data lines from the hosts file */
	struct text_list anchors;             /* DS or DNSKEY lines from the settings or built in; empty when anchor_file says all */
	char *anchor_file;                    /* or NULL */
	char *autotrust_file;                 /* or NULL */
	const char *anchor_source;            /* for a person: "built in", "settings", or the file's path. Borrowed from this struct or static */
	unsigned timeout, attempts;           /* resolv.conf's options, 0 where it says nothing; seconds, count */
	struct text_list warnings;            /* for a person, one a line: skipped lines, unreadable files */
	struct file_mark marks[MARKED_FILES]; /* of files that libunbound reads itself, from before; not of autotrust's, which it writes */
};

/* Reads the files that settings name. NULL with a message when there is no usable upstream at all ("forward" without a server) or without memory.
 * Otherwise with one reference, the caller's, and fixed from then on. */
struct upstream_config *read_upstream(const struct settings *settings, struct problem *problem);
struct upstream_config *hold_upstream(struct upstream_config *config); /* one more reference (atomic: threads share it); gives config */
void release_upstream(struct upstream_config *config);                 /* gives one back; NULL is allowed */

/* Seconds for one attempt: the settings', else resolv.conf's, else DEFAULT_TIMEOUT. config may be NULL. */
double timeout_in_use(const struct settings *settings, const struct upstream_config *config);

struct file_mark mark_resolvconf(const struct settings *settings); /* all zero also when it is not used */
const char *resolvconf_path(const struct settings *settings);

#endif
