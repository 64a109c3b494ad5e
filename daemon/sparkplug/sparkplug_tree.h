/* SPDX-License-Identifier: Apache-2.0
 *
 * Builds maps and lists of the value tree. Private to daemon/sparkplug.
 */
#ifndef SPARKPLUG_SPARKPLUG_TREE_H
#define SPARKPLUG_SPARKPLUG_TREE_H

#include "base/arena.h"
#include "forebay/plugin.h"

/* Where a tree is made. */
struct sparkplug_tree {
    struct arena *arena;   /* of the tree */
    struct arena *scratch; /* of what is needed only while it is made; can be rewound */
    struct bytes stays;    /* texts and bytes in here live as long as the tree and are not copied */
};

/* An empty map with room for `room` fields, or an empty list; false: no memory. */
bool sparkplug_tree_map(struct sparkplug_tree *t, size_t room, struct fby_value *out);
bool sparkplug_tree_list(struct sparkplug_tree *t, size_t room, struct fby_value *out);

/* Add where there is room for it; `name` outlives the tree. */
static inline void sparkplug_tree_put(struct fby_value *map, const char *name, struct fby_value v)
{
    map->fields[map->len++] = (struct fby_field){{name, strlen(name)}, v};
}

/* The same with any bytes as the name: copied, UTF-8 repaired. False: no memory. */
bool sparkplug_tree_put_bytes(struct sparkplug_tree *t, struct fby_value *map, struct bytes name,
                              struct fby_value v);
/* The next entry of the list, null at first. */
struct fby_value *sparkplug_tree_next(struct fby_value *list);

/* Of fields with one name keep the last; returns how many were taken out, or -1: no memory. */
long sparkplug_tree_unique(struct sparkplug_tree *t, struct fby_value *map);

/* FBY_STRING; what is not UTF-8 becomes U+FFFD. False: no memory. */
bool sparkplug_tree_text(struct sparkplug_tree *t, struct bytes text, struct fby_value *out);
/* FBY_BYTES. False: no memory. */
bool sparkplug_tree_bytes(struct sparkplug_tree *t, struct bytes bytes, struct fby_value *out);

#endif
