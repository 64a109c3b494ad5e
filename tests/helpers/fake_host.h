/* SPDX-License-Identifier: Apache-2.0
 *
 * A host for one plugin instance in a test: loads the .so of the build tree, offers a small poll() loop, and
 * records what the plugin answers. Shows that a plugin needs no symbol of the daemon.
 */
#ifndef FAKE_HOST_H
#define FAKE_HOST_H

#include "forebay/plugin.h"

struct fake_host;

/* One result() or connected() as it came. */
struct fake_result {
    uint64_t token;
    enum fby_outcome outcome;
    char reason[512];
    int64_t retry_after_ms;
};

/* `path` below the build directory, such as "plugins/filter/filter.so"; NULL: the plugin that the program
 * itself exports. Stops the test when it cannot be loaded. */
struct fake_host *fake_host_create(const char *path);
void fake_host_destroy(struct fake_host *h); /* destroys the instance as well */
const struct fby_plugin *fake_host_plugin(const struct fake_host *h);

/* The struct that the option table describes, all defaults set; the test changes members. Owned by `h`. */
void *fake_host_options(struct fake_host *h);
/* Make the instance; NULL and the reason in fake_host_refusal(). check() runs first, as in the daemon. */
void *fake_host_start(struct fake_host *h);
const char *fake_host_refusal(const struct fake_host *h);
void fake_host_stop(struct fake_host *h); /* destroy the instance, keep what was recorded */

/* Stages: one item through process(); memory given by item_alloc lives until fake_host_destroy(). */
int fake_host_process(struct fake_host *h, const struct fby_message *m, struct fby_value *v,
                      const char **reason);
/* The same answer, again after fake_host_turn() when it was FBY_LATER or FBY_HOLD. */
int fake_host_verdict(const struct fake_host *h, const char **reason);

/* Upstreams. send() one output with this payload and id "gw/<token>"; false: busy. */
bool fake_host_send(struct fake_host *h, uint64_t token, const char *payload);
bool fake_host_send_bytes(struct fake_host *h, uint64_t token, const char *payload, size_t len);
void fake_host_cancel(struct fake_host *h);
/* Turn the loop until `count` results are recorded or `timeout_ms` has passed. */
bool fake_host_wait_results(struct fake_host *h, size_t count, int timeout_ms);
void fake_host_turn(struct fake_host *h, int wait_ms);
size_t fake_host_result_count(const struct fake_host *h);
const struct fake_result *fake_host_result(const struct fake_host *h, size_t index);
const struct fake_result *fake_host_result_of(const struct fake_host *h, uint64_t token); /* the newest */
void fake_host_forget_results(struct fake_host *h);

/* publish() answers false before it is told to work. */
void fake_host_set_publish(struct fake_host *h, bool works);
unsigned fake_host_publish_count(const struct fake_host *h);
const char *fake_host_published(const struct fake_host *h); /* the last: "broker topic payload" */
/* Whether saves succeed; the state is kept over fake_host_stop() and fake_host_start(). */
void fake_host_set_storage(struct fake_host *h, bool works);
struct fby_bytes fake_host_state(const struct fake_host *h); /* what was saved last */

unsigned fake_host_ready_count(const struct fake_host *h);
bool fake_host_is_connected(const struct fake_host *h);
const char *fake_host_connection_reason(const struct fake_host *h);
uint64_t fake_host_counter(const struct fake_host *h, const char *name);
const char *fake_host_log(const struct fake_host *h); /* all lines */
/* Timers, watches and notifiers that exist; 0 after a tidy destroy. */
unsigned fake_host_open_handles(const struct fake_host *h);

#endif
