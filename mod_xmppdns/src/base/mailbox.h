/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* Hands things over to another thread, in order. Neither side ever waits for the other: a list without a lock, and a descriptor. */
#ifndef XMPPDNS_MAILBOX_H
#define XMPPDNS_MAILBOX_H

#include <stdatomic.h>
#include <stdbool.h>

struct mail { /* embedded in what is handed over */
	struct mail *next;
};

struct mailbox {
	_Atomic(struct mail *) last; /* the posted last; each points at the one before it */
	int fd;                      /* owned; readable when there may be something to take */
};

bool open_mailbox(struct mailbox *mailbox);  /* false with errno */
void close_mailbox(struct mailbox *mailbox); /* what is in it stays the caller's */

void post_mail(struct mailbox *mailbox, struct mail *mail); /* any thread's; costs a system call when it was empty */
void ring_mailbox(struct mailbox *mailbox);                 /* makes it readable, with nothing in it */
struct mail *take_mail(struct mailbox *mailbox);            /* one thread's: all of it, the posted first at the head; NULL when empty */

#endif
