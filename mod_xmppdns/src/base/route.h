/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* Whether this host has a way to an address. */
#ifndef XMPPDNS_ROUTE_H
#define XMPPDNS_ROUTE_H

#include <stdbool.h>

/* True for an address, IPv4 or IPv6, that can be dialled as far as the routing table tells, or when that cannot be found out. Sends nothing. */
bool has_route(const char *address);

#endif
