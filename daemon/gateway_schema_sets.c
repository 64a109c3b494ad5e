/* SPDX-License-Identifier: Apache-2.0
 *
 * See gateway_schema_sets.h.
 */
#include "gateway_schema_sets.h"

#include "base/memory.h"

#include <stdlib.h>

static void move_buffer(struct buffer *to, struct buffer *from)
{
    *to = *from;
    *from = (struct buffer){0};
}

void gateway_schema_sets_add(struct gateway_schema_sets *s, struct buffer *set)
{
    s->items = xrealloc(s->items, (s->count + 1) * sizeof *s->items);
    move_buffer(&s->items[s->count++], set);
}

bool gateway_schema_sets_take(struct gateway_schema_sets *s, size_t index, struct buffer *set)
{
    if (index >= s->count || s->items[index].len == 0)
        return false;
    move_buffer(set, &s->items[index]);
    return true;
}

void gateway_schema_sets_finish(struct gateway_schema_sets *s)
{
    for (size_t i = 0; i < s->count; i++)
        buffer_finish(&s->items[i]);
    free(s->items);
    *s = (struct gateway_schema_sets){0};
}
