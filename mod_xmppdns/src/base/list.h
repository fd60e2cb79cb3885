/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* An intrusive list in order of arrival. */
#ifndef XMPPDNS_LIST_H
#define XMPPDNS_LIST_H

struct list_item {
	struct list_item *previous, *next;
};

/* All zero: empty. The items are their user's. */
struct list {
	struct list_item *first, *last;
};

void append_item(struct list *list, struct list_item *item);
void remove_item(struct list *list, struct list_item *item); /* item must be in it */

#endif
