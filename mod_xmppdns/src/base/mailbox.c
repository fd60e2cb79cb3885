/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* A stack that is taken whole and turned round; its descriptor is an eventfd. */
#include "mailbox.h"

#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

bool open_mailbox(struct mailbox *mailbox)
{
	atomic_init(&mailbox->last, NULL);
	mailbox->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return mailbox->fd >= 0;
}

void close_mailbox(struct mailbox *mailbox)
{
	if (mailbox->fd >= 0)
		close(mailbox->fd);
	mailbox->fd = -1;
}

void ring_mailbox(struct mailbox *mailbox)
{
	uint64_t one = 1;
	ssize_t written = write(mailbox->fd, &one, sizeof(one));
	(void)written; /* fails only when it is readable anyway */
}

void post_mail(struct mailbox *mailbox, struct mail *mail)
{
	struct mail *before = atomic_load_explicit(&mailbox->last, memory_order_relaxed);
	do
		mail->next = before; /* once it is posted, the other thread may have freed it */
	while (!atomic_compare_exchange_weak_explicit(&mailbox->last, &before, mail, memory_order_release, memory_order_relaxed));
	if (before == NULL)
		ring_mailbox(mailbox);
}

struct mail *take_mail(struct mailbox *mailbox)
{
	uint64_t rung;
	ssize_t size = read(mailbox->fd, &rung, sizeof(rung)); /* first: what is posted from now on rings again */
	(void)size;
	struct mail *mail = atomic_exchange_explicit(&mailbox->last, NULL, memory_order_acquire), *first = NULL;
	while (mail != NULL) {
		struct mail *before = mail->next;
		mail->next = first;
		first = mail;
		mail = before;
	}
	return first;
}
