/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* The address of a name server, as settings write it. */
#ifndef XMPPDNS_ADDRESS_H
#define XMPPDNS_ADDRESS_H

#include <stdbool.h>

/* Whether text is "addr[%scope][@port]", and "#tls-name" behind it where that is allowed. */
bool is_server_address(const char *text, bool tls_name_allowed);

#endif
