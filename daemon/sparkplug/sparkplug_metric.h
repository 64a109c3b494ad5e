/* SPDX-License-Identifier: Apache-2.0
 *
 * Values of metrics: from the structs of sparkplug_b.proto to the value tree and back. Rank 3.
 *
 * Integers are FBY_INT, or FBY_UINT above INT64_MAX; Float is FBY_DOUBLE with FBY_FLAG_FLOAT32; String, Text
 * and UUID are FBY_STRING, with U+FFFD for what is not UTF-8; DateTime is FBY_TIME; Bytes and File are
 * FBY_BYTES; an array is an FBY_LIST of its element's type; null of any type is FBY_NULL. A DataSet is
 * {columns: [name, …], types: [name, …], rows: [[cell, …], …]}. A Template is {version, ref, is_definition,
 * metrics: [{name, type, value}, …], parameters: [{…}, …]}.
 */
#ifndef SPARKPLUG_SPARKPLUG_METRIC_H
#define SPARKPLUG_SPARKPLUG_METRIC_H

#include "base/arena.h"
#include "base/error.h"
#include "forebay/plugin.h"
#include "sparkplug/sparkplug_type.h"

struct Spb__Metric;
struct Spb__PropertySet;
struct sparkplug_array_room;
struct sparkplug_tree;

/* The metric's value. `type` is that of the
 * birth; SPARKPLUG_UNKNOWN: by the field that is set. STATUS_INVALID: the value cannot be of the type;
 * STATUS_LIMIT: more memory than the tree's arena has, arrays over their `room` (NULL: without a limit), or
 * sets and templates deeper than 16. */
MUST_CHECK enum status sparkplug_metric_value(const struct Spb__Metric *m, unsigned type,
                                              struct sparkplug_array_room *room, struct sparkplug_tree *tree,
                                              struct fby_value *out, struct error *err);
/* Properties by name; each the value alone, nested sets as maps. */
MUST_CHECK enum status sparkplug_metric_properties(const struct Spb__PropertySet *set,
                                                   struct sparkplug_tree *tree, struct fby_value *out,
                                                   struct error *err);

/* Set datatype and value, borrowed from the tree where it can be; FBY_NULL of any type sets is_null. Numbers
 * must fit the type exactly (12.0 is an Int32, 12.5 is not); DateTime takes FBY_TIME or milliseconds since
 * 1970. All types but DataSet, Template and PropertySet. STATUS_INVALID with the reason. */
MUST_CHECK enum status sparkplug_metric_set(struct Spb__Metric *m, enum sparkplug_type type,
                                            const struct fby_value *v, struct arena *a, struct error *err);
/* Add a property such as engUnit; both texts are borrowed. False: no memory. */
MUST_CHECK bool sparkplug_metric_add_text_property(struct Spb__Metric *m, const char *key, struct bytes text,
                                                   struct arena *a);

/* The same with a number that is an Int32, such as a quality code. */
MUST_CHECK bool sparkplug_metric_add_int_property(struct Spb__Metric *m, const char *key, uint32_t bits,
                                                  struct arena *a);

#endif
