/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* Settings into a ub_ctx. */
#ifndef XMPPDNS_SETUP_H
#define XMPPDNS_SETUP_H

#include "settings/settings.h"
#include "settings/upstream.h"

struct event_loop;
struct ub_ctx;

/* What a context is for: how it asks (over TCP in every role where resolv.conf says use-vc), and whether it insists on validation. */
enum role { ROLE_UDP, ROLE_TCP, ROLE_PROBE_UDP, ROLE_PROBE_TCP, ROLE_BARE_UDP /* over UDP without anchors: a question a lookup */ };

/* How many questions libunbound can have under way at a time without one of them waiting for another, or taking its connection. */
uint32_t most_questions(const struct settings *settings, const struct upstream_config *config, enum role role);

/* A new ub_ctx that is ready for questions; see create_library for the loop, lock_library for patient. NULL with a message. */
struct ub_ctx *set_up_library(struct event_loop *loop, bool patient, const struct settings *settings, const struct upstream_config *config,
	enum role role, struct problem *problem);
void end_library(struct ub_ctx *ub, bool patient); /* NULL is allowed */

/* Whether libunbound accepts all of it, in every role; false with a message that names what it does not. Asks nothing. */
bool try_context(const struct settings *settings, const struct upstream_config *config, struct problem *problem);

#endif
