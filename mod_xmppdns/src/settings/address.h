/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* The address of a name server, as settings write it. */
#ifndef XMPPDNS_ADDRESS_H
#define XMPPDNS_ADDRESS_H

#include <stdbool.h>

enum { ADDRESS_SIZE = 320 /* an IPv6 address, a scope, a port and a TLS name, with NUL */ };

/* Whether text is "addr[%scope][@port]", and "#tls-name" behind it where that is allowed. No quotes, spaces or control characters are in it then. */
bool is_server_address(const char *text, bool tls_name_allowed);

/* One of these with its port written out: without a TLS name libunbound takes 53, and servers over TLS listen on 853. Over TLS a server without a name is
 * authenticated by its address, for libunbound without either would take anybody's certificate. */
void complete_address(const char *address, bool tls, char complete[2 * ADDRESS_SIZE]);

#endif
