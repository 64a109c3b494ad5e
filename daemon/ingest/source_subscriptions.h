/* SPDX-License-Identifier: Apache-2.0
 *
 * A set of topic filters, and the file that remembers which of them our session at the broker has.
 * Subscribing again on a session that is still there would bring all retained messages once more
 * (MQTT 3.1.1), and a filter that left the configuration while we were away could not be unsubscribed.
 */
#ifndef INGEST_SOURCE_SUBSCRIPTIONS_H
#define INGEST_SOURCE_SUBSCRIPTIONS_H

#include "base/error.h"

#include <stddef.h>

struct source_subscription {
    char *filter;
    int qos;
};

/* Zero-initialised is empty. */
struct source_subscriptions {
    struct source_subscription *items;
    size_t count;
};

/* Add, or raise the QoS of what is there. */
void source_subscriptions_add(struct source_subscriptions *set, const char *filter, int qos);
void source_subscriptions_remove(struct source_subscriptions *set, const char *filter);
/* NULL when absent. */
const struct source_subscription *source_subscriptions_find(const struct source_subscriptions *set,
                                                            const char *filter);
/* Leave out filters that another one covers, which gets the higher QoS: many brokers send a message once for
 * each subscription that matches. */
void source_subscriptions_reduce(struct source_subscriptions *set);
/* Does every topic that matches `narrow` match `wide` as well? */
bool source_subscriptions_covers(const char *wide, const char *narrow);
/* Two filters that some topic matches both, and none covers the other; NULL when there are none. */
const char *source_subscriptions_overlap(const struct source_subscriptions *set, const char **other);
void source_subscriptions_clear(struct source_subscriptions *set);

/* `session` names the session (client id and broker); a file of another one is as good as none. False: there
 * is nothing to be read, and the set is empty. */
bool source_subscriptions_load(struct source_subscriptions *set, const char *path, const char *session);
MUST_CHECK enum status source_subscriptions_save(const struct source_subscriptions *set, const char *path,
                                                 const char *session, struct error *err);

#endif
