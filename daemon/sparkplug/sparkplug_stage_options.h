/* SPDX-License-Identifier: Apache-2.0
 *
 * What an operator may say about `decode: sparkplug`. Private to daemon/sparkplug.
 */
#ifndef SPARKPLUG_SPARKPLUG_STAGE_OPTIONS_H
#define SPARKPLUG_SPARKPLUG_STAGE_OPTIONS_H

#include "forebay/plugin.h"

enum { SPARKPLUG_STAGE_FAIL, SPARKPLUG_STAGE_PASS }; /* of unknown_alias and others */

struct sparkplug_stage_options {
    int metrics; /* enum sparkplug_output_form */
    bool properties, events;
    int unknown_alias, others;
    int64_t reorder_ms, reorder_messages;
    bool request_rebirth;
    int64_t rebirth_interval_ms;
    int64_t max_payload, max_unpacked, max_elements, max_nodes, max_state;
};

extern const struct fby_option sparkplug_stage_options_rows[];

#endif
