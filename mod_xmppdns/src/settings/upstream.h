/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* What the settings mean on this machine at this moment: read anew for each generation of contexts. */
#ifndef XMPPDNS_UPSTREAM_H
#define XMPPDNS_UPSTREAM_H

#include "settings.h"
#include "base/file.h"

enum { MARK_OF_TLS_CA, MARKED_FILES };

/* Which answers of the forwarders do not arrive over UDP, as far as is known. */
enum lost_udp { LOST_NOTHING, LOST_LARGE /* those above 512 bytes */, LOST_ALL };

struct upstream_config {
	/* private */ unsigned references;
	bool recursive;                       /* no forwarder: libunbound asks from the root */
	bool resolvconf_failed;               /* it was to be read, and gave no server */
	struct text_list servers;             /* forwarders: "addr[%scope][@port][#tls-name]" */
	struct text_list hosts;               /* local-data lines from the hosts file */
	struct text_list anchors;             /* DS or DNSKEY lines, each once: all that is trusted */
	struct text_list roothints;           /* addresses of the root's servers; empty: those that libunbound knows */
	char *anchor_source;                  /* for a person: "built in", "settings", files' paths */
	unsigned timeout, attempts;           /* resolv.conf's options, 0 where it says nothing; seconds, count */
	bool use_vc;                          /* likewise: over TCP from the first attempt on */
	enum lost_udp lost_udp;               /* LOST_NOTHING when it is read: what is learnt later the owner puts there before anybody else has it */
	struct text_list warnings;            /* for a person, one a line: skipped lines, unreadable files */
	struct text_list kept;                /* for the operator, one a line: what stays as it was before, and why */
	struct file_mark marks[MARKED_FILES]; /* of files that libunbound reads itself, from before */
};

/* Reads the files that settings name. NULL with a message when there is no usable upstream at all ("forward" without a server), when a file is not
 * what it is configured for (trustfile, autotrust, roothints, tls_ca), or without memory or descriptors. Otherwise with one reference, the caller's,
 * and fixed from then on: libunbound gets what is in it, whenever it is asked. */
struct upstream_config *read_upstream(const struct settings *settings, struct problem *problem);

/* The same where before, read from the same settings, is in use: whatever cannot be read now stays as it was, and kept says so. */
struct upstream_config *refresh_upstream(const struct settings *settings, const struct upstream_config *before, struct problem *problem);

/* For a config that has been read from other settings than before, and that nobody else has: where these follow the root's keys in the same file, and it holds
 * none any more, those from before stay, and kept says so. False without memory. */
bool keep_followed(struct upstream_config *config, const struct settings *settings, const struct upstream_config *before);

struct upstream_config *hold_upstream(struct upstream_config *config); /* one more reference (atomic: threads share it); gives config */
void release_upstream(struct upstream_config *config);                 /* gives one back; NULL is allowed */

/* Seconds for one attempt: the settings', else resolv.conf's, else DEFAULT_TIMEOUT. config may be NULL. */
double timeout_in_use(const struct settings *settings, const struct upstream_config *config);

/* Whether more may be learnt about lost_udp, and would help: forwarders are asked over UDP, in no way that an option says. */
bool may_lose_udp(const struct settings *settings, const struct upstream_config *config);

/* Whether libunbound validates, from the root downwards: with anchors for it, and no option that switches it off. */
bool validates_all(const struct settings *settings, const struct upstream_config *config);

struct file_mark mark_resolvconf(const struct settings *settings); /* all zero also when it is not used */
const char *resolvconf_path(const struct settings *settings);

#endif
