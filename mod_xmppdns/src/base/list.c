/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* Links both ways, so that any item can be taken out. */
#include "list.h"

#include <stddef.h>

void append_item(struct list *list, struct list_item *item)
{
	*item = (struct list_item){ .previous = list->last };
	*(list->last != NULL ? &list->last->next : &list->first) = item;
	list->last = item;
}

void remove_item(struct list *list, struct list_item *item)
{
	*(item->previous != NULL ? &item->previous->next : &list->first) = item->next;
	*(item->next != NULL ? &item->next->previous : &list->last) = item->previous;
	*item = (struct list_item){ .next = NULL };
}
