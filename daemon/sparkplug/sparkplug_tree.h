/* SPDX-License-Identifier: Apache-2.0
 *
 * Builds maps and lists of the value tree in an arena. Private to daemon/sparkplug.
 */
#ifndef SPARKPLUG_SPARKPLUG_TREE_H
#define SPARKPLUG_SPARKPLUG_TREE_H

#include "base/arena.h"
#include "forebay/plugin.h"

/* An empty map with room for `room` fields, or an empty list; false: no memory. */
bool sparkplug_tree_map(struct fby_value *out, size_t room, struct arena *a);
bool sparkplug_tree_list(struct fby_value *out, size_t room, struct arena *a);

/* Add where there is room for it; `name` outlives the tree. */
static inline void sparkplug_tree_put(struct fby_value *map, const char *name, struct fby_value v)
{
    map->fields[map->len++] = (struct fby_field){{name, strlen(name)}, v};
}
/* The same with any bytes as the name: copied, UTF-8 repaired. False: no memory. */
bool sparkplug_tree_put_bytes(struct fby_value *map, struct bytes name, struct fby_value v, struct arena *a);
/* The next entry of the list, null at first. */
struct fby_value *sparkplug_tree_next(struct fby_value *list);

/* Of fields with one name keep the last; returns how many were taken out, or -1: no memory. */
long sparkplug_tree_unique(struct fby_value *map, struct arena *a);

/* FBY_STRING: borrowed when it is UTF-8, else a copy with U+FFFD in it. False: no memory. */
bool sparkplug_tree_text(struct bytes text, struct fby_value *out, struct arena *a);

/* Deep copy into one piece of memory from `alloc`, with all bytes. False: there was none, or it is nested too
 * deep. */
bool sparkplug_tree_copy(const struct fby_value *from, struct fby_value *to,
                         void *(*alloc)(void *ctx, size_t size), void *ctx);

#endif
