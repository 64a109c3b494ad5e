/* SPDX-License-Identifier: Apache-2.0
 *
 * The option table of one entry of `to`.
 */
#include "delivery/delivery_settings.h"

#define AT(member) offsetof(struct delivery_settings, member)

/* Offsets count from the whole struct: the section below stands at 0. */
static const struct fby_option retry_options[] = {
    {.name = "min",
     .type = FBY_OPTION_DURATION,
     .offset = AT(retry_min_ms),
     .default_text = "1s",
     .min = 10,
     .max = 86400000,
     .help = "Wait before the first retry; it doubles from there."},
    {.name = "max",
     .type = FBY_OPTION_DURATION,
     .offset = AT(retry_max_ms),
     .default_text = "1m",
     .min = 10,
     .max = 86400000,
     .help = "The longest wait between retries."},
    {.name = NULL},
};

const struct fby_option delivery_settings_options[] = {
    {.name = "topic",
     .type = FBY_OPTION_STRING,
     .offset = AT(topic),
     .help = "Where to publish; {name} stands for a capture of the route's filters. By default the topic as "
             "received."},
    {.name = "qos",
     .type = FBY_OPTION_INT,
     .offset = AT(qos),
     .default_text = "1",
     .max = 1,
     .help =
         "1 waits for the broker's confirmation, 0 does not and may lose messages. 2 would be exactly once "
         "between two neighbours only; every message has an id by which a receiver can tell duplicates."},
    {.name = "retain",
     .type = FBY_OPTION_BOOL,
     .offset = AT(retain),
     .default_text = "false",
     .help = "Ask the broker to keep the last message of each topic."},
    {.name = "window",
     .type = FBY_OPTION_INT,
     .offset = AT(window),
     .default_text = "1000",
     .min = 1,
     .max = 10000,
     .help = "Messages on their way at the same time; after a fault at most so many come twice."},
    {.name = "retry",
     .type = FBY_OPTION_SECTION,
     .section = retry_options,
     .help = "How long to wait between tries while the target does not take a message."},
    {.name = NULL},
};
