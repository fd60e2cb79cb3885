/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* Whether the way to the forwarders loses over UDP what it brings over TCP: tried with a question that UDP leaves unanswered, one at a time. First it
 * is asked over TCP; once that has brought an answer, which the forwarder has at hand from then on, over UDP again; and all the while, over UDP, for
 * what is small: the root's SOA record. (libunbound has one EDNS size for all contexts of a process: none can ask for less than others.) By contexts
 * with nothing else to do, so that a busy machine, a slow zone or one lost packet is not taken for it. */
#ifndef XMPPDNS_TRIAL_H
#define XMPPDNS_TRIAL_H

#include "dns/name.h"
#include "generations.h"

enum trial_stage { TRIAL_NONE, TRIAL_TCP, TRIAL_UDP };

struct trial {
	/* private */
	enum trial_stage stage;
	enum lost_udp known;   /* when it began */
	bool answered, useful; /* the stage's question is answered, and by data or their absence */
	bool brings_small;     /* over UDP */
	int64_t due;           /* of monotonic_ms; with a stage: when its patience ends. Without: when another may begin */
	int64_t started;
	uint16_t qtype;
	struct context_question question, small;
	char qname[NAME_TEXT_SIZE];
};

/* Whether one may begin now. */
bool may_begin_trial(const struct trial *trial, const struct generations *generations, int64_t now);
/* Nothing happens when the machine is short of something. */
void begin_trial(struct trial *trial, struct generations *generations, const char *qname, uint16_t qtype);
/* Does what is due. Once it has ended, what is lost beyond what was known (then ask for less: see generations); else LOST_NOTHING. */
enum lost_udp advance_trial(struct trial *trial, struct generations *generations);
int64_t next_of_trial(const struct trial *trial); /* when that has something to do, of monotonic_ms; INT64_MAX: never */
void drop_trial(struct trial *trial);

#endif
