/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* Zones that have servers of their own, into a ub_ctx. */
#ifndef XMPPDNS_ZONES_H
#define XMPPDNS_ZONES_H

#include "settings/settings.h"
#include "settings/upstream.h"

struct ub_ctx;

/* Stubs, forward zones, and the servers for everything else where these are asked over TLS. False with a message. */
bool set_zones(struct ub_ctx *ub, const struct settings *settings, const struct upstream_config *config, struct problem *problem);

#endif
