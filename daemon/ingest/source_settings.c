/* SPDX-License-Identifier: Apache-2.0
 *
 * See source_settings.h.
 */
#include "ingest/source_settings.h"

#define OPTION(field) offsetof(struct source_settings, field)

static const char *const start_names[] = {"now", "oldest", NULL};

const struct fby_option source_settings_options[] = {
    {.name = "broker",
     .type = FBY_OPTION_STRING,
     .flags = FBY_OPTION_REQUIRED,
     .offset = OPTION(broker),
     .help = "Name of the broker under `brokers` whose messages the route takes."},
    {.name = "topics",
     .type = FBY_OPTION_STRINGS,
     .flags = FBY_OPTION_REQUIRED,
     .offset = OPTION(topics),
     .help =
         "Topic filters. + is one level and # the rest; {name} and {name#} are the same and keep what they "
         "matched under that name."},
    {.name = "qos",
     .type = FBY_OPTION_INT,
     .offset = OPTION(qos),
     .default_text = "1",
     .min = 0,
     .max = 2,
     .help = "QoS to subscribe with: 1, or 0 for messages that may get lost on the way to us."},
    {.name = "start",
     .type = FBY_OPTION_CHOICE,
     .offset = OPTION(start),
     .default_text = "now",
     .choices = start_names,
     .help = "Where a route that is new begins: with the messages from now on, or with the oldest in the "
             "journal."},
    {.name = NULL},
};

bool source_settings_check(const struct source_settings *s, const char **option, struct error *err)
{
    if (s->topics.count == 0) {
        *option = "topics";
        error_set(err, STATUS_INVALID, "the list of topics is empty");
        return false;
    }
    if (s->qos == 2) {
        *option = "qos";
        error_set(err, STATUS_INVALID,
                  "QoS 2 is not offered: the MQTT library confirms such a message before it is on stable "
                  "storage, so a crash at that moment would lose it. Write qos: 1");
        return false;
    }
    return true;
}
