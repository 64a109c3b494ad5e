/* SPDX-License-Identifier: Apache-2.0
 *
 * SUBSCRIBE and UNSUBSCRIBE packets and their answers: one packet holds a single QoS, and some brokers take
 * only a few filters in each, so a request may need several, and has one answer when all of them are
 * answered.
 */
#ifndef MQTT_MQTT_SUBSCRIPTIONS_H
#define MQTT_MQTT_SUBSCRIPTIONS_H

#include "base/error.h"

#include <stddef.h>

struct mqtt_link;
struct mqtt_subscription;
struct mqtt_subscriptions;

struct mqtt_subscriptions *mqtt_subscriptions_create(void);
void mqtt_subscriptions_destroy(struct mqtt_subscriptions *s);

/* Queue a request for `count` filters; one that was open before is forgotten. STATUS_INVALID: one is not a
 * filter, or its QoS is neither 0 nor 1, and nothing was queued. */
MUST_CHECK enum status mqtt_subscriptions_request(struct mqtt_subscriptions *s, struct mqtt_link *k,
                                                  const struct mqtt_subscription *subs, size_t count);
/* True when this was the last answer: `all` holds one code for each filter, valid until the next request. */
bool mqtt_subscriptions_answer(struct mqtt_subscriptions *s, int packet_id, const int *granted, size_t count,
                               const int **all, size_t *all_count);
/* The same for filters that are to go; they have no codes. */
MUST_CHECK enum status mqtt_subscriptions_withdraw(struct mqtt_subscriptions *s, struct mqtt_link *k,
                                                   const char *const *filters, size_t count);
bool mqtt_subscriptions_answer_withdrawn(struct mqtt_subscriptions *s, int packet_id);
/* The connection is gone: no answer comes any more. */
void mqtt_subscriptions_clear(struct mqtt_subscriptions *s);

#endif
