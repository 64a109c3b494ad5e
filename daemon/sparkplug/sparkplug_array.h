/* SPDX-License-Identifier: Apache-2.0
 *
 * Arrays of Sparkplug B: numbers packed little-endian, booleans as bits behind their count, texts with a NUL
 * behind each. Private to daemon/sparkplug.
 */
#ifndef SPARKPLUG_SPARKPLUG_ARRAY_H
#define SPARKPLUG_SPARKPLUG_ARRAY_H

#include "base/arena.h"
#include "base/error.h"
#include "forebay/plugin.h"
#include "sparkplug/sparkplug_type.h"

struct sparkplug_tree;

/* What the arrays of one message may have. */
struct sparkplug_array_room {
    size_t elements; /* that are left */
    bool is_over;    /* an array has been refused for having more */
};

/* `element` is the type of one element; `room` NULL: no limit. STATUS_LIMIT: memory, or more elements than
 * there is room for. */
MUST_CHECK enum status sparkplug_array_decode(struct bytes packed, enum sparkplug_type element,
                                              struct sparkplug_array_room *room, struct sparkplug_tree *t,
                                              struct fby_value *out, struct error *err);
/* `list` holds values that have been checked to fit: integers, doubles, booleans, texts without NUL, times.
 */
MUST_CHECK bool sparkplug_array_encode(const struct fby_value *list, enum sparkplug_type element,
                                       struct arena *a, struct bytes *packed);

#endif
