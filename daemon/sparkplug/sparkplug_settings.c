/* SPDX-License-Identifier: Apache-2.0
 *
 * See sparkplug_settings.h.
 */
#include "sparkplug/sparkplug_settings.h"

#include "sparkplug/sparkplug_draft.h"

#define NODE(member)   offsetof(struct sparkplug_node_settings, member)
#define DRAFT(member)  offsetof(struct sparkplug_draft_settings, member)
#define METRIC(member) offsetof(struct sparkplug_metric_settings, member)

const struct fby_option sparkplug_settings_node_options[] = {
    {.name = "broker",
     .type = FBY_OPTION_STRING,
     .flags = FBY_OPTION_REQUIRED,
     .offset = NODE(broker),
     .help = "The broker that the edge node connects to, by its name under brokers. The edge node has a "
             "connection of its own."},
    {.name = "group",
     .type = FBY_OPTION_STRING,
     .flags = FBY_OPTION_REQUIRED,
     .offset = NODE(group),
     .help = "The group id, the second level of all topics."},
    {.name = "edge_node",
     .type = FBY_OPTION_STRING,
     .offset = NODE(edge_node),
     .help = "The edge node's id; by default gateway.id. Group and id together must be unique among all edge "
             "nodes."},
    {.name = "primary_host",
     .type = FBY_OPTION_STRING,
     .offset = NODE(primary_host),
     .help = "The host id of the primary host application: births and data are published only while its "
             "STATE says that it is online, and messages wait in the journal else."},
    {.name = "qos",
     .type = FBY_OPTION_INT,
     .offset = NODE(qos),
     .default_text = "0",
     .max = 1,
     .help =
         "QoS of NDATA and DDATA. The specification wants 0; with 1 brokers queue for hosts that are slow."},
    {.name = "aliases",
     .type = FBY_OPTION_BOOL,
     .offset = NODE(aliases),
     .default_text = "false",
     .help = "Number the metrics in births and send the numbers only in data."},
    {.name = "datatypes",
     .type = FBY_OPTION_BOOL,
     .offset = NODE(datatypes),
     .default_text = "false",
     .help =
         "Name the datatype in data too, for hosts that do not remember births. The specification advises "
         "against it."},
    {.name = "historical_after",
     .type = FBY_OPTION_DURATION,
     .offset = NODE(historical_after_ms),
     .default_text = "30s",
     .max = 31536000000,
     .help =
         "Messages that waited longer are marked as historical, so that hosts do not take them for current "
         "values. 0: none is."},
    {.name = "rebirth_interval",
     .type = FBY_OPTION_DURATION,
     .offset = NODE(rebirth_interval_ms),
     .default_text = "5s",
     .max = 3600000,
     .help =
         "The shortest time between two answers to rebirth commands; what comes sooner is answered at its "
         "end, together."},
    {.name = "device_timeout",
     .type = FBY_OPTION_DURATION,
     .offset = NODE(device_timeout_ms),
     .default_text = "0s",
     .max = 31536000000,
     .help = "A device without messages for so long is reported dead (DDEATH) until its next message. 0: "
             "never."},
    {.name = NULL},
};

static const char *const clocks[] = {"ms", "s", "us", NULL};

const struct fby_option sparkplug_settings_encode_options[] = {
    {.name = "device",
     .type = FBY_OPTION_STRING,
     .offset = DRAFT(device),
     .help = "The id of the device that the metrics belong to; {name} stands for a capture of the route's "
             "filters. Without it they are the edge node's own."},
    {.name = "root",
     .type = FBY_OPTION_STRING,
     .offset = DRAFT(root),
     .help = "The field whose content becomes the metrics, such as values; by default the whole message."},
    {.name = "timestamp",
     .type = FBY_OPTION_STRING,
     .offset = DRAFT(timestamp),
     .help =
         "The field with the time of the values, such as time or header.ts. Without it, the time at which "
         "the message arrived."},
    {.name = "timestamp_unit",
     .type = FBY_OPTION_CHOICE,
     .offset = DRAFT(timestamp_unit),
     .default_text = "ms",
     .choices = clocks,
     .help = "What a number in the timestamp field counts, since 1970."},
    {.name = "quality",
     .type = FBY_OPTION_STRING,
     .offset = DRAFT(quality),
     .help = "The field with the quality code of the values: 0 (bad), 192 (good) or 500 (stale)."},
    {.name = "only_listed",
     .type = FBY_OPTION_BOOL,
     .offset = DRAFT(only_listed),
     .default_text = "false",
     .help = "Leave out fields that are not under metrics."},
    {.name = NULL},
};

const struct fby_option sparkplug_settings_metric_options[] = {
    {.name = "type",
     .type = FBY_OPTION_STRING,
     .offset = METRIC(type),
     .help = "The datatype, such as Float, Int32 or DateTime; by default that of the values."},
    {.name = "unit",
     .type = FBY_OPTION_STRING,
     .offset = METRIC(unit),
     .help = "The engineering unit, for the property engUnit of births."},
    {.name = NULL},
};
