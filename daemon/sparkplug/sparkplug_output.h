/* SPDX-License-Identifier: Apache-2.0
 *
 * The value trees that leave the host application: a message with its metrics, an edge node or device that
 * went online or offline, the state of another host application. docs/forebay-sparkplug.7 shows them. Private
 * to daemon/sparkplug.
 */
#ifndef SPARKPLUG_SPARKPLUG_OUTPUT_H
#define SPARKPLUG_SPARKPLUG_OUTPUT_H

#include "base/arena.h"
#include "base/error.h"
#include "forebay/plugin.h"
#include "sparkplug/sparkplug_host.h"

struct sparkplug_tree;

enum sparkplug_output_form {
    SPARKPLUG_OUTPUT_LIST,   /* [{name, type, value, …}, …] */
    SPARKPLUG_OUTPUT_MAP,    /* {name: {type, value, …}, …} */
    SPARKPLUG_OUTPUT_VALUES, /* {name: value, …} */
};

struct sparkplug_output_settings {
    int form; /* enum sparkplug_output_form */
    bool properties;
    size_t max_elements; /* of all arrays of one message together; 0: no limit */
};

/* `overwritten`: metrics that a map could not hold because a later one has the same name. A metric whose
 * value cannot be read is null and has an `error`; a payload in which this comes up too often (64 times, and
 * once for each 16 bytes) is refused. STATUS_LIMIT: memory, elements of arrays, or aliases that bring names
 * of more than 64 KiB and 16 times the payload. */
MUST_CHECK enum status sparkplug_output_message(const struct sparkplug_arrival *a,
                                                const struct sparkplug_decision *d,
                                                const struct sparkplug_output_settings *s,
                                                struct sparkplug_tree *tree, struct fby_value *out,
                                                size_t *overwritten, struct error *err);
/* `device` empty: of the node. `timestamp_ms` 0: not known. */
MUST_CHECK bool sparkplug_output_event(const struct sparkplug_node *node, struct bytes device, bool online,
                                       uint64_t timestamp_ms, struct sparkplug_tree *tree,
                                       struct fby_value *out);
/* `payload` is JSON, or the text of older hosts. */
MUST_CHECK enum status sparkplug_output_state(const struct sparkplug_topic *t, struct bytes payload,
                                              struct sparkplug_tree *tree, struct fby_value *out,
                                              struct error *err);

#endif
