/* SPDX-License-Identifier: Apache-2.0
 *
 * Intrusive doubly linked list. A head and each element hold a `struct list`; an element is in one list per
 * link.
 */
#ifndef BASE_LIST_H
#define BASE_LIST_H

#include "base/memory.h"

#include <stdbool.h>
#include <stddef.h>

struct list {
    struct list *prev, *next;
};

static inline void list_init(struct list *head)
{
    head->prev = head->next = head;
}

static inline bool list_is_empty(const struct list *head)
{
    return head->next == head;
}

static inline void list_insert_before(struct list *position, struct list *link)
{
    link->prev = position->prev;
    link->next = position;
    position->prev->next = link;
    position->prev = link;
}

static inline void list_add(struct list *head, struct list *link)
{
    list_insert_before(head, link);
}

static inline void list_add_first(struct list *head, struct list *link)
{
    list_insert_before(head->next, link);
}

/* Take out of its list; harmless on a link that list_init() made or that was removed before. */
static inline void list_remove(struct list *link)
{
    link->prev->next = link->next;
    link->next->prev = link->prev;
    link->prev = link->next = link;
}

/* Take the first one out; the list is not empty. */
static inline struct list *list_take_first(struct list *head)
{
    struct list *link = head->next;
    head->next = link->next;
    link->next->prev = head;
    link->prev = link->next = link;
    return link;
}

#define list_entry(link, type, member) container_of(link, type, member)

#define list_first(head, type, member) (list_is_empty(head) ? NULL : list_entry((head)->next, type, member))

#define list_for_each(item, head, type, member)                                                              \
    for (type *item = list_entry((head)->next, type, member); &item->member != (head);                       \
         item = list_entry(item->member.next, type, member))

/* The body may remove or destroy `item`, and nothing else. */
#define list_for_each_safe(item, head, type, member)                                                         \
    for (type *item = list_entry((head)->next, type, member),                                                \
              *item##_next = list_entry(item->member.next, type, member);                                    \
         &item->member != (head);                                                                            \
         item = item##_next, item##_next = list_entry(item->member.next, type, member))

#endif
