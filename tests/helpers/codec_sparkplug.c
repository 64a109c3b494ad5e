/* SPDX-License-Identifier: Apache-2.0
 *
 * See codec_sparkplug.h: a host that does nothing but answer.
 */
#include "codec_sparkplug.h"

#include "base/memory.h"
#include "codec_corpus.h"
#include "sparkplug/sparkplug_output.h"
#include "sparkplug/sparkplug_stage.h"
#include "sparkplug/sparkplug_stage_options.h"

#include <stdlib.h>

struct fby_timer {
    fby_callback_fn fn;
    void *ctx;
    struct fby_instance *instance;
    int64_t due_ms; /* -1: it does not run */
};

struct fby_instance {
    struct fby_timer timers[2];
    size_t timer_count;
    int64_t now_ms;
    fby_saved_fn saved;
    void *saved_ctx;
};

struct codec_sparkplug {
    struct fby_instance instance;
    void *stage;
    const char *topic;
    uint64_t sequence;
};

/* What item_alloc() takes from: there is one item at a time. */
static struct arena *item_arena;

__attribute__((format(printf, 3, 4))) static void host_log(struct fby_instance *in, enum fby_log_level level,
                                                           const char *format, ...)
{
    (void)in;
    (void)level;
    (void)format;
}

static void host_count(struct fby_instance *in, const char *name, uint64_t n)
{
    (void)in;
    (void)name;
    (void)n;
}

static int64_t host_now(struct fby_instance *in)
{
    return in->now_ms * 1000;
}

static struct fby_timer *host_timer_create(struct fby_instance *in, fby_callback_fn fn, void *ctx)
{
    in->timers[in->timer_count] = (struct fby_timer){fn, ctx, in, -1};
    return &in->timers[in->timer_count++];
}

static void host_timer_start(struct fby_timer *t, int64_t delay_ms)
{
    t->due_ms = t->instance->now_ms + delay_ms;
}

static void host_timer_stop(struct fby_timer *t)
{
    t->due_ms = -1;
}

static void *host_item_alloc(struct fby_item *item, size_t size)
{
    (void)item;
    return arena_alloc(item_arena, size);
}

static void host_item_answer(struct fby_instance *in, struct fby_item *item, int verdict, const char *reason)
{
    (void)in;
    item->verdict = verdict;
    item->reason = reason;
}

static bool host_emit(struct fby_instance *in, const struct fby_value *value,
                      struct fby_item *const *consumed, size_t count, const struct fby_item *like)
{
    (void)in;
    (void)value;
    (void)consumed;
    (void)count;
    (void)like;
    return true;
}

static bool host_publish(struct fby_instance *in, const struct fby_publish *p)
{
    (void)in;
    (void)p;
    return true;
}

static bool host_state_load(struct fby_instance *in, struct fby_bytes *out)
{
    (void)in;
    (void)out;
    return false;
}

static bool host_state_save(struct fby_instance *in, struct fby_bytes bytes, fby_saved_fn done, void *ctx)
{
    (void)bytes;
    in->saved = done;
    in->saved_ctx = ctx;
    return true;
}

static const struct fby_host host = {
    .size = sizeof host,
    .log = host_log,
    .count = host_count,
    .monotonic_us = host_now,
    .realtime_us = host_now,
    .timer_create = host_timer_create,
    .timer_start = host_timer_start,
    .timer_stop = host_timer_stop,
    .timer_destroy = host_timer_stop,
    .item_alloc = host_item_alloc,
    .item_answer = host_item_answer,
    .emit = host_emit,
    .publish = host_publish,
    .state_load = host_state_load,
    .state_save = host_state_save,
};

static const char birth_topic[] = "spBv1.0/g/NBIRTH/n", data_topic[] = "spBv1.0/g/NDATA/n";

/* The birth that data build on. */
static void give_birth(struct codec_sparkplug *s)
{
    enum { METRICS = 2, NAME = 1, ALIAS = 2, TYPE = 4, INT8 = 1, LONG_NAME = 4000 };
    struct buffer payload = {0}, metric = {0};
    struct arena a;
    struct fby_value value;
    struct error err;
    arena_init(&a, 0, 0);
    codec_corpus_number(&payload, 3, 0);
    for (unsigned alias = 1; alias <= CODEC_SPARKPLUG_LONG_ALIAS; alias++) {
        char name[LONG_NAME];
        memset(name, 'a', sizeof name);
        buffer_clear(&metric);
        codec_corpus_run(&metric, NAME, name, alias == CODEC_SPARKPLUG_LONG_ALIAS ? LONG_NAME : 1);
        codec_corpus_number(&metric, ALIAS, alias);
        codec_corpus_number(&metric, TYPE, INT8);
        codec_corpus_run(&payload, METRICS, metric.data, metric.len);
    }
    s->topic = birth_topic;
    (void)!codec_sparkplug_decode(s, buffer_bytes(&payload), &a, &value, &err);
    s->topic = data_topic;
    buffer_finish(&metric);
    buffer_finish(&payload);
    arena_finish(&a);
}

struct codec_sparkplug *codec_sparkplug_create(const char *name)
{
    static const struct sparkplug_stage_options list = {
        .metrics = SPARKPLUG_OUTPUT_LIST,
        .properties = true,
        .events = true,
        .reorder_ms = 2000,
        .reorder_messages = 4,
        .unknown_alias = SPARKPLUG_STAGE_PASS,
        .max_payload = 256 << 10,
        .max_unpacked = 4 << 20,
        .max_elements = 65536,
        .max_nodes = 2,
        .max_state = 4 << 20,
    };
    static struct sparkplug_stage_options map;
    struct fby_error err;
    if (strncmp(name, "sparkplug", 9) != 0)
        return NULL;
    map = list;
    map.metrics = SPARKPLUG_OUTPUT_MAP;
    struct codec_sparkplug *s = xcalloc(1, sizeof *s);
    s->topic = birth_topic;
    s->stage = sparkplug_stage_plugin.stage->create(&host, &s->instance,
                                                    strcmp(name, "sparkplug-map") == 0 ? &map : &list, &err);
    if (strcmp(name, "sparkplug") != 0)
        give_birth(s);
    return s;
}

void codec_sparkplug_destroy(struct codec_sparkplug *s)
{
    if (!s)
        return;
    sparkplug_stage_plugin.stage->destroy(s->stage);
    free(s);
}

static struct fby_timer *first_due(struct fby_instance *in)
{
    struct fby_timer *first = NULL;
    for (size_t i = 0; i < in->timer_count; i++) {
        struct fby_timer *t = &in->timers[i];
        if (t->due_ms >= 0 && (!first || t->due_ms < first->due_ms))
            first = t;
    }
    return first;
}

/* The state is durable, what waits for it goes on, and the time of what waits for others passes. */
static void run_what_is_due(struct fby_instance *in)
{
    struct fby_timer *t;
    while (in->saved || first_due(in)) {
        fby_saved_fn saved = in->saved;
        in->saved = NULL;
        if (saved)
            saved(in->saved_ctx, true);
        if (!(t = first_due(in)))
            continue;
        in->now_ms = t->due_ms > in->now_ms ? t->due_ms : in->now_ms;
        t->due_ms = -1;
        t->fn(t->ctx);
    }
}

enum status codec_sparkplug_decode(struct codec_sparkplug *s, struct bytes payload, struct arena *a,
                                   struct fby_value *out, struct error *err)
{
    const struct fby_message message = {.sequence = ++s->sequence,
                                        .source = {"b", 1},
                                        .topic = {s->topic, strlen(s->topic)},
                                        .payload = {(const char *)payload.data, payload.len}};
    *out = (struct fby_value){
        .type = FBY_BYTES, .len = (uint32_t)payload.len, .bytes = (const char *)payload.data};
    struct fby_item item = {.message = &message, .value = out, .verdict = FBY_PASS};
    struct fby_item *one = &item;
    struct fby_batch batch = {&one, 1};
    item_arena = a;
    sparkplug_stage_plugin.stage->process(s->stage, &batch);
    run_what_is_due(&s->instance);
    return item.verdict == FBY_PASS ? STATUS_OK
                                    : error_set(err, STATUS_INVALID, "%s", item.reason ? item.reason : "");
}
