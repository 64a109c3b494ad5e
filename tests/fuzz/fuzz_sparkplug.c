/* SPDX-License-Identifier: Apache-2.0
 *
 * The whole host application under hostile messages: each input is a run of messages for a few edge nodes,
 * [kind, length, payload…], with ticks, saves and a restart between them. Proves: no memory error, every
 * message is answered exactly once, and what was saved can be read again.
 */
#include "base/error.h"
#include "sparkplug/sparkplug_stage.h"
#include "sparkplug/sparkplug_topic.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The options in the order of the struct; private to daemon/sparkplug, so it is included as a file. */
#include "sparkplug/sparkplug_stage_options.h"

enum { MESSAGES_MAX = 64, MEMORY_MAX = 8 << 20 };

struct fby_timer {
    fby_callback_fn fn;
    void *ctx;
    bool running;
};

struct fby_instance {
    int unused;
};

static struct fby_timer timers[2];
static size_t timer_count;
static char *memory[4096];
static size_t memory_count, memory_used;
static struct fby_item items[MESSAGES_MAX];
static struct fby_message messages[MESSAGES_MAX];
static struct fby_value values[MESSAGES_MAX];
static char topics[MESSAGES_MAX][32];
static bool answered[MESSAGES_MAX];
static size_t count;
static int64_t now_us;
static char *state;
static size_t state_len;
static fby_saved_fn saved;
static void *saved_ctx;

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
    return now_us;
}

static struct fby_timer *timer_create_(struct fby_instance *in, fby_callback_fn fn, void *ctx)
{
    (void)in;
    timers[timer_count] = (struct fby_timer){fn, ctx, false};
    return &timers[timer_count++];
}

static void timer_start(struct fby_timer *t, int64_t delay_ms)
{
    (void)delay_ms;
    t->running = true;
}

static void timer_stop(struct fby_timer *t)
{
    t->running = false;
}

static void timer_destroy(struct fby_timer *t)
{
    t->running = false;
}

static void *item_alloc(struct fby_item *item, size_t size)
{
    (void)item;
    if (size > MEMORY_MAX - memory_used || memory_count == sizeof memory / sizeof memory[0])
        return NULL;
    memory_used += size;
    return memory[memory_count++] = malloc(size ? size : 1);
}

static void answer(size_t index)
{
    if (answered[index])
        abort();
    answered[index] = true;
}

static void item_answer(struct fby_instance *in, struct fby_item *item, int verdict, const char *reason)
{
    (void)in;
    (void)reason;
    if (verdict == FBY_HOLD || verdict == FBY_LATER)
        abort();
    answer((size_t)(item - items));
}

static bool emit(struct fby_instance *in, const struct fby_value *value, struct fby_item *const *consumed,
                 size_t n, const struct fby_item *like)
{
    (void)in;
    (void)consumed;
    if (n || !like || answered[like - items] || value->type != FBY_MAP)
        abort();
    return true;
}

static bool publish(struct fby_instance *in, const struct fby_publish *p)
{
    (void)in;
    return p->payload.len % 2;
}

static bool state_load(struct fby_instance *in, struct fby_bytes *out)
{
    (void)in;
    *out = (struct fby_bytes){state, state_len};
    return state != NULL;
}

static bool state_save(struct fby_instance *in, struct fby_bytes bytes, fby_saved_fn done, void *ctx)
{
    (void)in;
    free(state);
    state = malloc(bytes.len + 1);
    memcpy(state, bytes.data, bytes.len);
    state_len = bytes.len;
    saved = done;
    saved_ctx = ctx;
    return true;
}

static const struct fby_host host = {
    .size = sizeof host,
    .log = host_log,
    .count = host_count,
    .monotonic_us = host_now,
    .realtime_us = host_now,
    .timer_create = timer_create_,
    .timer_start = timer_start,
    .timer_stop = timer_stop,
    .timer_destroy = timer_destroy,
    .item_alloc = item_alloc,
    .item_answer = item_answer,
    .emit = emit,
    .publish = publish,
    .state_load = state_load,
    .state_save = state_save,
};

static void run_what_is_due(void)
{
    for (int turn = 0; turn < 1000; turn++) {
        bool idle = !saved;
        if (saved) {
            fby_saved_fn done = saved;
            saved = NULL;
            done(saved_ctx, turn % 3 != 0);
        }
        for (size_t i = 0; i < timer_count; i++) {
            if (!timers[i].running)
                continue;
            timers[i].running = false;
            timers[i].fn(timers[i].ctx);
            idle = false;
        }
        now_us += 5000000;
        if (idle)
            return;
    }
    abort();
}

static void give(void *self, uint8_t kind, const uint8_t *payload, size_t len)
{
    size_t i = count++;
    enum sparkplug_message m = (enum sparkplug_message)(kind % 9);
    bool of_device = sparkplug_topic_is_of_device(m);
    if (m == SPARKPLUG_STATE)
        snprintf(topics[i], sizeof topics[i], "spBv1.0/STATE/h");
    else
        snprintf(topics[i], sizeof topics[i], "spBv1.0/g/%s/%c%s", sparkplug_topic_message_name(m),
                 'a' + kind / 9 % 3, of_device ? "/d" : "");
    messages[i] = (struct fby_message){.sequence = i + 1,
                                       .source = {"b", 1},
                                       .topic = {topics[i], strlen(topics[i])},
                                       .payload = {(const char *)payload, len}};
    values[i] = (struct fby_value){.type = FBY_BYTES, .len = (uint32_t)len, .bytes = (const char *)payload};
    items[i] = (struct fby_item){.message = &messages[i], .value = &values[i], .verdict = FBY_PASS};
    struct fby_item *one = &items[i];
    struct fby_batch batch = {&one, 1};
    sparkplug_stage_plugin.stage->process(self, &batch);
    if (items[i].verdict != FBY_HOLD)
        answer(i);
    if (kind & 0x80)
        run_what_is_due();
}

static void *start(const struct sparkplug_stage_options *options)
{
    static struct fby_instance instance;
    struct fby_error err;
    timer_count = 0;
    return sparkplug_stage_plugin.stage->create(&host, &instance, options, &err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct sparkplug_stage_options options = {
        .properties = true,
        .events = true,
        .reorder_ms = 2000,
        .reorder_messages = 4,
        .request_rebirth = true,
        .rebirth_interval_ms = 1000,
        .max_payload = 64 << 10,
        .max_unpacked = 256 << 10,
        .max_elements = 65536,
        .max_nodes = 2,
        .max_state = 64 << 10,
    };
    count = memory_count = memory_used = 0;
    memset(answered, 0, sizeof answered);
    void *self = start(&options);
    while (size >= 3 && count < MESSAGES_MAX) {
        size_t len = (size_t)(data[1] | data[2] << 8);
        if (len > size - 3)
            len = size - 3;
        give(self, data[0], data + 3, len);
        data += 3 + len;
        size -= 3 + len;
    }
    run_what_is_due();
    for (size_t i = 0; i < count; i++)
        if (!answered[i])
            abort();
    sparkplug_stage_plugin.stage->destroy(self);
    self = start(&options);
    if (count) {
        answered[0] = false;
        count = 0;
        give(self, 2, (const uint8_t *)"", 0);
        run_what_is_due();
    }
    sparkplug_stage_plugin.stage->destroy(self);
    while (memory_count)
        free(memory[--memory_count]);
    free(state);
    state = NULL;
    return 0;
}
