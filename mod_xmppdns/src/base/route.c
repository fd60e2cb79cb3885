/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* Routes, by connecting a UDP socket: that only looks into the routing table. */
#include "route.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { DISCARD_PORT = 9 };

/* The size of the socket address, 0 when the text is no IP address. */
static socklen_t read_address(const char *text, struct sockaddr_storage *address)
{
	struct sockaddr_in *ipv4 = (struct sockaddr_in *)address;
	struct sockaddr_in6 *ipv6 = (struct sockaddr_in6 *)address;
	memset(address, 0, sizeof(*address));
	if (inet_pton(AF_INET, text, &ipv4->sin_addr) == 1) {
		ipv4->sin_family = AF_INET;
		ipv4->sin_port = htons(DISCARD_PORT);
		return sizeof(*ipv4);
	}
	if (inet_pton(AF_INET6, text, &ipv6->sin6_addr) == 1) {
		ipv6->sin6_family = AF_INET6;
		ipv6->sin6_port = htons(DISCARD_PORT);
		return sizeof(*ipv6);
	}
	return 0;
}

bool has_route(const char *text)
{
	struct sockaddr_storage address;
	socklen_t size = read_address(text, &address);
	if (size == 0)
		return false;
	int fd = socket(address.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return errno != EAFNOSUPPORT;
	int result = connect(fd, (const struct sockaddr *)&address, size);
	close(fd);
	return result == 0;
}
