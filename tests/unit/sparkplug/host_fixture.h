/* SPDX-License-Identifier: Apache-2.0
 *
 * A host application with time as an argument, messages for it, and what it decides as one word for each:
 * what the tests of sparkplug_host share.
 */
#ifndef UNIT_SPARKPLUG_HOST_FIXTURE_H
#define UNIT_SPARKPLUG_HOST_FIXTURE_H

#include "base/arena.h"
#include "sparkplug/sparkplug_host.h"

#include "unit.h"

enum { MESSAGES_MAX = 512, SECOND = 1000000 };

extern struct arena arena;
extern struct sparkplug_host *host;
extern struct sparkplug_arrival messages[MESSAGES_MAX]; /* by number in the journal */
extern char told[8192];
extern int64_t now;
extern struct sparkplug_host_settings settings; /* of the next make_host() */
extern bool can_publish;
extern unsigned reopened; /* how often what is held was wanted again */

void make_host(void);
int set_up(void **state);
int tear_down(void **state);
/* Message `number` of the edge node G/e, or of its device d. */
struct sparkplug_arrival *make(uint64_t number, enum sparkplug_message kind, int seq);
void add_metric(struct sparkplug_arrival *a, const char *name, uint64_t alias);
void add_bdseq(struct sparkplug_arrival *a, uint64_t bdseq);
void take(const struct sparkplug_arrival *a);
void node_birth(uint64_t number, uint64_t bdseq, int seq, const char *name);
void node_death(uint64_t number, uint64_t bdseq);
/* NDATA with one metric, by its alias. */
void data(uint64_t number, int seq, uint64_t alias);
void device(uint64_t number, enum sparkplug_message kind, int seq);
void tick_after(int64_t us);
/* What was decided since the last call; see handle_decision(). */
void assert_told(const char *expected);
/* A new process with the state of the old one. */
void restart(void);
/* The message `number` once more, under `again`. */
void deliver_again(uint64_t number, uint64_t again);
void set_time(uint64_t number, uint64_t timestamp_ms);
struct sparkplug_arrival *prepare_birth(uint64_t number, uint64_t bdseq, const char *name,
                                        uint64_t timestamp_ms);
void data_at(uint64_t number, int seq, uint64_t timestamp_ms);

#endif
