/* SPDX-License-Identifier: Apache-2.0
 *
 * What is known of edge nodes as bytes, for the state that outlives the process. Private to daemon/sparkplug.
 */
#ifndef SPARKPLUG_SPARKPLUG_STATE_H
#define SPARKPLUG_SPARKPLUG_STATE_H

#include "base/bytes.h"

struct sparkplug_nodes;

/* Append; false: `out` failed. */
bool sparkplug_state_pack(const struct sparkplug_nodes *n, struct buffer *out);
/* Into nodes that are empty. False: not a state of this version; what was read before the mistake stays. */
bool sparkplug_state_unpack(struct bytes state, struct sparkplug_nodes *n);

#endif
