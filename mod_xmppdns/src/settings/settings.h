/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* Checked settings of a resolver: built key by key, then fixed and shared by reference count (atomic: threads share them). */
#ifndef XMPPDNS_SETTINGS_H
#define XMPPDNS_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/problem.h"
#include "base/text_list.h"

enum { DEFAULT_TIMEOUT = 5 /* seconds an attempt, where nothing says otherwise */ };

enum policy { POLICY_OFF, POLICY_OPPORTUNISTIC, POLICY_REQUIRED };
enum upstream { UPSTREAM_AUTO, UPSTREAM_FORWARD, UPSTREAM_RECURSIVE };

struct settings {
	/* private */ unsigned references;
	/* where answers come from */
	enum upstream upstream;
	bool use_resolvconf; /* resolvconf = true or a path; as default when no forward, no root hints, no stub for "." and not "recursive" */
	/* private */ bool resolvconf_given;
	char *resolvconf; /* path; NULL: /etc/resolv.conf */
	bool use_hoststxt;
	char *hoststxt;              /* path; NULL: /etc/hosts */
	struct text_list forward;    /* "addr[@port][#tls-name]" */
	struct named_text_list stub; /* zone -> "addr[@port]" of a server that has it */
	struct named_text_list
		forward_zones; /* zone, canonical, of letters, digits and hyphens -> "addr[@port][#tls-name]" of a resolver that knows it */
	char *roothints;   /* path or NULL */
	bool tls;          /* DNS over TLS to the forwarders */
	char *tls_ca;      /* certificate bundle or NULL */
	/* what is trusted */
	struct text_list trusted;    /* DS or DNSKEY lines */
	char *trustfile, *autotrust; /* paths or NULL */
	struct text_list insecure;   /* zones, canonical: negative trust anchors (RFC 7646) */
	enum policy dnssec, dane;
	struct named_text_list options; /* raw libunbound options, name with its colon */
	/* how long and how much */
	unsigned attempts;                         /* 0: as resolv.conf's options say, else 3 for the automatic resolver and 2 for others (S31) */
	double timeout;                            /* seconds an attempt; 0: as resolv.conf's options say, else DEFAULT_TIMEOUT */
	double plan_timeout, reconfigure_interval; /* seconds */
	size_t cache_size;                         /* bytes */
	char *cache_file;                          /* path, or NULL: what is known ends with the process */
	uint32_t min_ttl, max_ttl, stale_ttl;      /* seconds */
	unsigned max_lookups, threads;
	unsigned max_endpoints;   /* of one domain */
	unsigned max_answer_size; /* bytes */
};

enum setting_kind { SETTING_TEXT, SETTING_NUMBER, SETTING_FLAG, SETTING_OTHER /* which no setting accepts */ };

struct setting_value {
	enum setting_kind kind;
	const char *text; /* borrowed; ends with NUL. What it is, for SETTING_OTHER: "table" */
	double number;
	bool flag;
};

/* "required", "forward": as the setting's value is written. Static. */
const char *policy_name(enum policy policy);
const char *upstream_name(enum upstream upstream);

/* Defaults; one reference, the caller's. NULL without memory. */
struct settings *create_settings(void);
struct settings *hold_settings(struct settings *settings);
void release_settings(struct settings *settings); /* NULL is allowed */

/* Sets or adds to one key. name: the zone for "stub" and "forward_zones", the option for "options", else NULL. Lists (forward, stub, forward_zones, trusted, insecure, options) grow by one
 * a call. False with a message that names the key and the value, the settings unchanged:
 * unknown key, wrong kind, value out of range, not an address. */
bool set_setting(struct settings *settings, const char *key, const char *name, const struct setting_value *value, struct problem *problem);

/* What one key alone cannot tell: "forward" without a forwarder, dnssec "required" with the validator switched off. Call once, after the last
 * set_setting. Fills in the defaults that depend on others. What is in files, upstream.h reads; libunbound has its say later: see setup.h. */
bool check_settings(struct settings *settings, struct problem *problem);

bool is_insecure_by_setting(const struct settings *settings, const char *qname); /* canonical */

bool is_zone_over_tls(const struct settings *settings, const char *zone); /* one of forward_zones */
bool needs_tls(const struct settings *settings);                          /* whether any server is asked over TLS */

bool has_root_stub(const struct settings *settings); /* one for "." says where all is asked */

#endif
