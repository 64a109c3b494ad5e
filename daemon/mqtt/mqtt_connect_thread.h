/* SPDX-License-Identifier: Apache-2.0
 *
 * Connecting blocks: names are resolved with getaddrinfo(), which takes 10 s when the name server is dead. So
 * it happens in helper threads shared by all clients: started when there is work, gone when there is none, at
 * most MQTT_CONNECT_THREADS, so that one unreachable broker does not hold up the others.
 */
#ifndef MQTT_MQTT_CONNECT_THREAD_H
#define MQTT_MQTT_CONNECT_THREAD_H

#include "base/error.h"

#include <stdint.h>

enum { MQTT_CONNECT_THREADS = 4 };

struct loop;
struct mqtt_connect_job;

struct mqtt_connect_work {
    void (*run)(void *subject);       /* in a helper thread */
    void (*abandoned)(void *subject); /* in a helper thread or the loop's: nobody waits any more, free it */
    void (*done)(void *ctx);          /* on the loop; the subject is the caller's again */
};

/* Begin. `subject` belongs to the job until `done`. */
struct mqtt_connect_job *mqtt_connect_thread_start(struct loop *l, const struct mqtt_connect_work *work,
                                                   void *subject, void *ctx, struct error *err);
/* Give the job back: after `done`, or before it to give up; then `abandoned` is called sooner or later. */
void mqtt_connect_thread_release(struct mqtt_connect_job *job);

/* Threads that are at work. */
unsigned mqtt_connect_thread_count(void);

/* How long one TCP connect of a helper thread may take. */
enum { MQTT_CONNECT_TIMEOUT_MS = 10000 };

#endif
