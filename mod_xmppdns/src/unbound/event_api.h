/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* libunbound's pluggable event API, as far as we use it: every libunbound exports it, not every system installs its header unbound-event.h.
 * spec/support/testeventapi.c holds it against that header. The functions are weak: without them the module is loaded all the same, and says
 * what is lacking (release.h). */
#ifndef XMPPDNS_EVENT_API_H
#define XMPPDNS_EVENT_API_H

#include <sys/time.h>

#include <unbound.h>

enum { /* bits of an event */
	UB_EV_TIMEOUT = 1,
	UB_EV_READ = 2,
	UB_EV_WRITE = 4,
	UB_EV_PERSIST = 16 /* it stays active after it has run */
};

enum { UB_EVENT_MAGIC = 0x44d74d78 };

typedef void (*event_callback)(int fd, short bits, void *data);

struct ub_event;
struct ub_event_base;

/* What libunbound calls on an event; 0 is success. */
struct ub_event_vmt {
	void (*add_bits)(struct ub_event *event, short bits);
	void (*del_bits)(struct ub_event *event, short bits);
	void (*set_fd)(struct ub_event *event, int fd);
	void (*free)(struct ub_event *event);
	int (*add)(struct ub_event *event, struct timeval *timeout);
	int (*del)(struct ub_event *event);
	int (*add_timer)(struct ub_event *event, struct ub_event_base *base, event_callback callback, void *data, struct timeval *timeout);
	int (*del_timer)(struct ub_event *event);
	int (*add_signal)(struct ub_event *event, struct timeval *timeout);
	int (*del_signal)(struct ub_event *event);
	void (*winsock_unregister_wsaevent)(struct ub_event *event);
	void (*winsock_tcp_wouldblock)(struct ub_event *event, int bits);
};

/* What it calls on the loop. */
struct ub_event_base_vmt {
	void (*free)(struct ub_event_base *base);
	int (*dispatch)(struct ub_event_base *base);
	int (*loopexit)(struct ub_event_base *base, struct timeval *after);
	struct ub_event *(*new_event)(struct ub_event_base *base, int fd, short bits, event_callback callback, void *data);
	struct ub_event *(*new_signal)(struct ub_event_base *base, int number, event_callback callback, void *data);
	struct ub_event *(*winsock_register_wsaevent)(struct ub_event_base *base, void *wsaevent, event_callback callback, void *data);
};

struct ub_event {
	unsigned long magic; /* UB_EVENT_MAGIC */
	struct ub_event_vmt *vmt;
};

struct ub_event_base {
	unsigned long magic; /* UB_EVENT_MAGIC */
	struct ub_event_base_vmt *vmt;
};

/* NULL without memory. base: NULL for one that is never asked. */
__attribute__((weak)) struct ub_ctx *ub_ctx_create_ub_event(struct ub_event_base *base);

/* security: 0 insecure, 1 bogus, 2 secure. packet and why_bogus are libunbound's. */
typedef void (*answer_callback)(void *data, int rcode, void *packet, int size, int security, char *why_bogus, int was_ratelimited);

/* Asks; a known answer comes before it returns. 0, or one of enum ub_ctx_err, and the callback never runs. id may be NULL. */
__attribute__((weak)) int ub_resolve_event(struct ub_ctx *ub, const char *name, int type, int class, void *data, answer_callback callback, int *id);

#endif
