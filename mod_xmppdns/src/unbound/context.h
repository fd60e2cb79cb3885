/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* One ub_ctx in a thread of its own, over libunbound's event API. Whoever asks never waits: not for libunbound, nor for its set-up or end. */
#ifndef XMPPDNS_CONTEXT_H
#define XMPPDNS_CONTEXT_H

#include "dns/answer.h"
#include "setup.h"

struct context;

/* Called from process_context, once for each question that was asked and not dropped. answer is the callee's (it releases it) and never NULL
 * unless memory ran out: OUTCOME_ANSWERED, OUTCOME_BOGUS (with libunbound's reason), OUTCOME_SERVFAIL, OUTCOME_NAME or OUTCOME_SYSTEM. */
typedef void (*on_context_answer)(void *asker, struct answer *answer);

/* One question under way. Embedded in its asker; private. */
struct context_question {
	struct context_flight *flight; /* not owned; NULL when not under way */
};

/* When libunbound is set up, which takes it some milliseconds, and some more while another context is being set up or ended. */
enum set_up {
	SET_UP_NOW,  /* before create_context returns: a refusal is NULL, with libunbound's message */
	SET_UP_LATER /* with the first question, in the context's thread: after a refusal each question is answered with OUTCOME_SYSTEM and the message */
};

/* NULL with a message without memory, descriptors or threads. Takes a reference to settings and config. */
struct context *create_context(struct settings *settings, struct upstream_config *config, enum role role, enum set_up when, struct problem *problem);
/* Ends it; questions still under way are dropped, their callbacks never run. Not from inside process_context. Its thread, and with it
 * libunbound's part, ends a little later. forked: we are the child of the process that made it, whose thread is not here: libunbound's part
 * stays as it is until the child ends. */
void delete_context(struct context *context, bool forked);

int context_fd(const struct context *context);             /* readable when process_context has something to do */
unsigned context_in_flight(const struct context *context); /* asked, neither answered nor dropped */

/* Asks. qname: canonical text. question and asker must stay where they are until the answer or drop_question. wants_glimpse: see take_glimpse. False,
 * with nothing under way, without memory. */
bool ask_context(struct context *context, const char *qname, uint16_t qtype, bool wants_glimpse, struct context_question *question,
	on_context_answer on_answer, void *asker);

/* Whether libunbound has it: else it waits for its turn in the context, or for libunbound's set-up. False when it is not under way. */
bool is_with_library(const struct context_question *question);

/* Its callback will not run any more. Nothing happens when it is not under way. */
void drop_question(struct context_question *question);

void process_context(struct context *context); /* never blocks */

/* After process_context, until it is called again: what a packet says that came over UDP, before libunbound has read it. There are as many as questions for
 * SRV are under way that want one, and they are about any question for SRV: nothing is validated, and any packet may be forged. The oldest comes last. It is
 * the caller's now. NULL: there is no more. */
struct answer *take_glimpse(struct context *context);

#endif
