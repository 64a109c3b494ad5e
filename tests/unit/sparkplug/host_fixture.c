/* SPDX-License-Identifier: Apache-2.0
 *
 * See host_fixture.h.
 */
#include "host_fixture.h"

#include "sparkplug/sparkplug_b.pb-c.h"
#include "sparkplug/sparkplug_payload.h"
#include "sparkplug/sparkplug_state.h"

#include <stdio.h>

struct arena arena;
struct sparkplug_host *host;
struct sparkplug_arrival messages[MESSAGES_MAX]; /* by number in the journal */
char told[8192];                                 /* one word for each decision */
int64_t now;
struct sparkplug_host_settings settings;
bool can_publish;
unsigned reopened;

static void tell(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void tell(const char *format, ...)
{
    size_t len = strlen(told);
    va_list args;
    va_start(args, format);
    vsnprintf(told + len, sizeof told - len, format, args);
    va_end(args);
}

/* "12" delivered, "-12" dropped, "!12" refused, with + or - for online and offline, ?n for a gap, * for a
 * change. */
static void handle_decision(void *ctx, const struct sparkplug_arrival *a, const struct sparkplug_decision *d)
{
    static const char *const words[] = {"", "-", "!"};
    (void)ctx;
    tell("%s%s%llu", told[0] ? " " : "", words[d->verdict], (unsigned long long)a->sequence);
    if (d->change != SPARKPLUG_NO_CHANGE)
        tell("%s", d->change == SPARKPLUG_ONLINE ? "+" : "-");
    if (d->missing_seq >= 0)
        tell("?%d", d->missing_seq);
    if (d->changed)
        tell("*");
    if (d->verdict != SPARKPLUG_DELIVER || !d->birth || !a->payload->n_metrics ||
        a->payload->metrics[0]->has_name)
        return;
    const struct sparkplug_known *k = sparkplug_birth_find_alias(d->birth, a->payload->metrics[0]->alias);
    if (k)
        tell("=%.*s", (int)k->name.len, (const char *)k->name.data);
}

static bool reopen(void *ctx, void *token, struct sparkplug_arrival *a)
{
    (void)ctx;
    reopened++;
    *a = *(struct sparkplug_arrival *)token;
    return true;
}

static bool handle_rebirth(void *ctx, const struct sparkplug_node *node, void *token)
{
    (void)ctx;
    (void)token;
    tell(" rebirth:%s", node->key);
    return can_publish;
}

static const struct sparkplug_host_events events = {handle_decision, reopen, handle_rebirth};

void make_host(void)
{
    host = sparkplug_host_create(&settings, &events, NULL);
}

int set_up(void **state)
{
    (void)state;
    arena_init(&arena, 0, 0);
    settings = (struct sparkplug_host_settings){.reorder_us = 2 * SECOND,
                                                .reorder_max = 4,
                                                .asks_rebirth = true,
                                                .rebirth_interval_us = 60 * SECOND,
                                                .nodes_max = 10,
                                                .state_max = 1 << 20};
    told[0] = 0;
    now = 1;
    can_publish = true;
    make_host();
    return 0;
}

int tear_down(void **state)
{
    (void)state;
    sparkplug_host_destroy(host);
    arena_finish(&arena);
    return 0;
}

struct sparkplug_arrival *make(uint64_t number, enum sparkplug_message kind, int seq)
{
    struct sparkplug_arrival *a = &messages[number];
    *a = (struct sparkplug_arrival){
        .topic = {kind, bytes_of_text("G"), bytes_of_text("e"), {NULL, 0}},
        .payload = sparkplug_payload_create(1, seq, &arena),
        .sequence = number,
        .digest = number,
        .token = a,
    };
    if (sparkplug_topic_is_of_device(kind))
        a->topic.device = bytes_of_text("d");
    return a;
}

void add_metric(struct sparkplug_arrival *a, const char *name, uint64_t alias)
{
    Spb__Payload *p = (Spb__Payload *)(uintptr_t)a->payload;
    Spb__Metric *m = sparkplug_payload_add(p, bytes_of_text(name), &arena);
    m->has_alias = true;
    m->alias = alias;
}

void add_bdseq(struct sparkplug_arrival *a, uint64_t bdseq)
{
    Spb__Payload *p = (Spb__Payload *)(uintptr_t)a->payload;
    Spb__Metric *m = sparkplug_payload_add(p, bytes_of_text("bdSeq"), &arena);
    m->value_case = SPB__METRIC__VALUE_LONG_VALUE;
    m->long_value = bdseq;
}

void take(const struct sparkplug_arrival *a)
{
    sparkplug_host_take(host, a, now);
}

void node_birth(uint64_t number, uint64_t bdseq, int seq, const char *name)
{
    struct sparkplug_arrival *a = make(number, SPARKPLUG_NBIRTH, seq);
    add_metric(a, name, 1);
    add_bdseq(a, bdseq);
    take(a);
}

void node_death(uint64_t number, uint64_t bdseq)
{
    struct sparkplug_arrival *a = make(number, SPARKPLUG_NDEATH, -1);
    add_bdseq(a, bdseq);
    take(a);
}

void data(uint64_t number, int seq, uint64_t alias)
{
    struct sparkplug_arrival *a = make(number, SPARKPLUG_NDATA, seq);
    add_metric(a, "", alias);
    take(a);
}

void device(uint64_t number, enum sparkplug_message kind, int seq)
{
    struct sparkplug_arrival *a = make(number, kind, seq);
    if (kind != SPARKPLUG_DDEATH)
        add_metric(a, kind == SPARKPLUG_DBIRTH ? "speed" : "", 9);
    take(a);
}

void tick_after(int64_t us)
{
    now += us;
    (void)sparkplug_host_tick(host, now);
}

void assert_told(const char *expected)
{
    assert_string_equal(told, expected);
    told[0] = 0;
}

/* A new process with the state of the old one. */
void restart(void)
{
    struct buffer state = {0};
    assert_true(sparkplug_state_pack(sparkplug_host_nodes(host), &state));
    sparkplug_host_destroy(host);
    make_host();
    assert_true(sparkplug_state_unpack(buffer_bytes(&state), sparkplug_host_nodes(host)));
    buffer_finish(&state);
}

/* The message `number` once more, under `again`. */
void deliver_again(uint64_t number, uint64_t again)
{
    messages[again] = messages[number];
    messages[again].sequence = again;
    messages[again].token = &messages[again];
    take(&messages[again]);
}

void set_time(uint64_t number, uint64_t timestamp_ms)
{
    Spb__Payload *p = (Spb__Payload *)(uintptr_t)messages[number].payload;
    p->timestamp = timestamp_ms;
}

struct sparkplug_arrival *prepare_birth(uint64_t number, uint64_t bdseq, const char *name,
                                        uint64_t timestamp_ms)
{
    struct sparkplug_arrival *a = make(number, SPARKPLUG_NBIRTH, 0);
    add_metric(a, name, 1);
    add_bdseq(a, bdseq);
    set_time(number, timestamp_ms);
    return a;
}

void data_at(uint64_t number, int seq, uint64_t timestamp_ms)
{
    struct sparkplug_arrival *a = make(number, SPARKPLUG_NDATA, seq);
    add_metric(a, "", 1);
    set_time(number, timestamp_ms);
    take(a);
}
