/* SPDX-License-Identifier: Apache-2.0
 *
 * See delivery_former.h. The filters are copies, since the configuration they came from goes away.
 */
#include "delivery/delivery_former.h"

#include "base/memory.h"
#include "message/topic_filter.h"

#include <stdlib.h>

enum { THROUGH_UNKNOWN = 0 };

struct delivery_former {
    struct list link;
    uint64_t through; /* it counted records up to here */
    char *source;
    struct topic_filter **filters;
    struct route_match match; /* of the two above */
};

static void destroy(struct delivery_former *f)
{
    list_remove(&f->link);
    for (size_t i = 0; i < f->match.filter_count; i++)
        topic_filter_destroy(f->filters[i]);
    free(f->filters);
    free(f->source);
    free(f);
}

void delivery_former_add(struct list *formers, const struct route_match *match)
{
    struct delivery_former *f = xcalloc(1, sizeof *f);
    struct error err;
    f->through = THROUGH_UNKNOWN;
    f->source = xstrndup((const char *)match->source.data, match->source.len);
    f->filters = xcalloc(match->filter_count, sizeof(*f->filters));
    f->match = (struct route_match){bytes_of_text(f->source), f->filters, 0};
    for (size_t i = 0; i < match->filter_count; i++) {
        struct topic_filter *copy = topic_filter_parse(topic_filter_text(match->filters[i]), &err);
        if (copy) /* it was parsed before */
            f->filters[f->match.filter_count++] = copy;
    }
    list_add(formers, &f->link);
}

void delivery_former_set_through(struct list *formers, uint64_t through)
{
    list_for_each(f, formers, struct delivery_former, link)
    {
        if (f->through == THROUGH_UNKNOWN)
            f->through = through;
    }
}

bool delivery_former_find(struct list *formers, uint64_t sequence, struct bytes source, struct bytes topic,
                          bool *accepted)
{
    while (!list_is_empty(formers)) {
        struct delivery_former *f = list_first(formers, struct delivery_former, link);
        if (sequence > f->through) {
            destroy(f);
            continue;
        }
        *accepted = route_match_find(&f->match, source, topic, NULL) != NULL;
        return true;
    }
    return false;
}

void delivery_former_move_all(struct list *to, struct list *from)
{
    while (!list_is_empty(from)) {
        struct list *link = from->next;
        list_remove(link);
        list_add(to, link);
    }
}

void delivery_former_finish(struct list *formers)
{
    list_for_each_safe(f, formers, struct delivery_former, link)
    {
        destroy(f);
    }
}
