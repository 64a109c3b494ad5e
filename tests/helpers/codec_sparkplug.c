/* SPDX-License-Identifier: Apache-2.0
 *
 * See codec_sparkplug.h: a host that does nothing but answer.
 */
#include "codec_sparkplug.h"

#include "base/memory.h"
#include "sparkplug/sparkplug_stage.h"
#include "sparkplug/sparkplug_stage_options.h"

#include <stdlib.h>

struct fby_timer {
    fby_callback_fn fn;
    void *ctx;
    bool runs;
};

struct fby_instance {
    struct fby_timer timers[2];
    size_t timer_count;
    fby_saved_fn saved;
    void *saved_ctx;
};

struct codec_sparkplug {
    struct fby_instance instance;
    void *stage;
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
    (void)in;
    return 1;
}

static struct fby_timer *host_timer_create(struct fby_instance *in, fby_callback_fn fn, void *ctx)
{
    in->timers[in->timer_count] = (struct fby_timer){fn, ctx, false};
    return &in->timers[in->timer_count++];
}

static void host_timer_start(struct fby_timer *t, int64_t delay_ms)
{
    t->runs = delay_ms == 0;
}

static void host_timer_stop(struct fby_timer *t)
{
    t->runs = false;
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

struct codec_sparkplug *codec_sparkplug_create(void)
{
    static const struct sparkplug_stage_options options = {
        .properties = true,
        .events = true,
        .reorder_ms = 2000,
        .reorder_messages = 4,
        .max_payload = 256 << 10,
        .max_unpacked = 4 << 20,
        .max_elements = 65536,
        .max_nodes = 2,
        .max_state = 4 << 20,
    };
    struct fby_error err;
    struct codec_sparkplug *s = xcalloc(1, sizeof *s);
    s->stage = sparkplug_stage_plugin.stage->create(&host, &s->instance, &options, &err);
    return s;
}

void codec_sparkplug_destroy(struct codec_sparkplug *s)
{
    if (!s)
        return;
    sparkplug_stage_plugin.stage->destroy(s->stage);
    free(s);
}

/* The state is durable, and what waits for it goes on. */
static void run_what_is_due(struct fby_instance *in)
{
    bool idle = false;
    while (!idle) {
        idle = !in->saved;
        fby_saved_fn saved = in->saved;
        in->saved = NULL;
        if (saved)
            saved(in->saved_ctx, true);
        for (size_t i = 0; i < in->timer_count; i++) {
            struct fby_timer *t = &in->timers[i];
            if (!t->runs)
                continue;
            idle = t->runs = false;
            t->fn(t->ctx);
        }
    }
}

enum status codec_sparkplug_decode(struct codec_sparkplug *s, struct bytes payload, struct arena *a,
                                   struct fby_value *out, struct error *err)
{
    static const char topic[] = "spBv1.0/g/NBIRTH/n";
    const struct fby_message message = {.sequence = ++s->sequence,
                                        .source = {"b", 1},
                                        .topic = {topic, sizeof topic - 1},
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
