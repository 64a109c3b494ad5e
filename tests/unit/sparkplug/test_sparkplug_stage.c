/* SPDX-License-Identifier: Apache-2.0
 *
 * The stage between a host that records what it is asked for and time that the test owns: nothing passes a
 * birth before the state that it changes is durable, who went online or offline is said before it and with
 * the right time, and a storm of gaps does not become one of requests.
 */
#include "sparkplug/sparkplug_stage.h"

#include "base/arena.h"
#include "message/value.h"
#include "sparkplug/sparkplug_b.pb-c.h"
#include "sparkplug/sparkplug_output.h"
#include "sparkplug/sparkplug_payload.h"
#include "sparkplug/sparkplug_stage_options.h"

#include "unit.h"

#include <stdio.h>

enum { ITEMS_MAX = 64, SECOND = 1000000, ARRIVED_MS = 5000 };

struct fby_timer {
    fby_callback_fn fn;
    void *ctx;
    int64_t due_us; /* -1: stopped */
};

static struct arena arena;
static struct fby_timer timers[4];
static size_t timer_count;
static struct fby_item items[ITEMS_MAX];
static struct fby_message messages[ITEMS_MAX];
static struct fby_value values[ITEMS_MAX];
static char told[2048];
static int64_t now_us;
static unsigned publishes, failures;
static struct fby_bytes state;
static bool can_save;
static fby_saved_fn saved; /* of the save that is under way */
static void *saved_ctx;
static struct sparkplug_stage_options options;
static void *stage;

static void tell(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void tell(const char *format, ...)
{
    size_t len = strlen(told);
    va_list args;
    va_start(args, format);
    vsnprintf(told + len, sizeof told - len, format, args);
    va_end(args);
}

/* ---- The host ---- */

static void host_log(struct fby_instance *in, enum fby_log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void host_log(struct fby_instance *in, enum fby_log_level level, const char *format, ...)
{
    (void)in;
    (void)level;
    (void)format;
}

static void host_count(struct fby_instance *in, const char *name, uint64_t n)
{
    (void)in;
    failures += strcmp(name, "sparkplug_state_failures") == 0 ? (unsigned)n : 0;
}

static int64_t host_now(struct fby_instance *in)
{
    (void)in;
    return now_us;
}

static struct fby_timer *timer_create_(struct fby_instance *in, fby_callback_fn fn, void *ctx)
{
    (void)in;
    timers[timer_count] = (struct fby_timer){fn, ctx, -1};
    return &timers[timer_count++];
}

static void timer_start(struct fby_timer *t, int64_t delay_ms)
{
    t->due_us = now_us + delay_ms * 1000;
}

static void timer_stop(struct fby_timer *t)
{
    t->due_us = -1;
}

static void *item_alloc(struct fby_item *item, size_t size)
{
    (void)item;
    return arena_alloc(&arena, size);
}

static void tell_answer(const struct fby_item *item, int verdict)
{
    tell("%s%llu",
         verdict == FBY_PASS   ? " "
         : verdict == FBY_DROP ? " -"
                               : " !",
         (unsigned long long)item->message->sequence);
}

static void item_answer(struct fby_instance *in, struct fby_item *item, int verdict, const char *reason)
{
    (void)in;
    (void)reason;
    tell_answer(item, verdict);
}

/* "+d@2": the device d is online, at second 2. */
static bool emit(struct fby_instance *in, const struct fby_value *value, struct fby_item *const *consumed,
                 size_t n, const struct fby_item *like)
{
    (void)in;
    (void)consumed;
    (void)like;
    assert_int_equal(n, 0);
    const struct fby_value *type = value_field(value, bytes_of_text("type")),
                           *device = value_field(value, bytes_of_text("device")),
                           *time = value_field(value, bytes_of_text("timestamp"));
    tell(" %s%.*s@%lld", type->bytes[1] == 'N' ? "+" : "-", device ? (int)device->len : 4,
         device ? device->bytes : "node", time ? (long long)time->time_s : -1LL);
    return true;
}

static bool publish(struct fby_instance *in, const struct fby_publish *p)
{
    (void)in;
    assert_true(p->topic.len > 15 && memcmp(p->topic.data, "spBv1.0/G/NCMD/", 15) == 0);
    assert_int_equal(p->qos, 0);
    assert_false(p->retain);
    publishes++;
    return true;
}

static bool state_load(struct fby_instance *in, struct fby_bytes *out)
{
    (void)in;
    *out = state;
    return state.len > 0;
}

static bool state_save(struct fby_instance *in, struct fby_bytes bytes, fby_saved_fn done, void *ctx)
{
    (void)in;
    if (!can_save)
        return false;
    assert_null(saved); /* one at a time */
    state = (struct fby_bytes){arena_strndup(&arena, bytes.data, bytes.len), bytes.len};
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
    .timer_destroy = timer_stop,
    .item_alloc = item_alloc,
    .item_answer = item_answer,
    .emit = emit,
    .publish = publish,
    .state_load = state_load,
    .state_save = state_save,
};

/* ---- The test's side ---- */

static void start(void)
{
    static struct fby_instance *none;
    struct fby_error err;
    timer_count = 0;
    stage = sparkplug_stage_plugin.stage->create(&host, none, &options, &err);
    assert_non_null(stage);
}

static int set_up(void **unused)
{
    (void)unused;
    arena_init(&arena, 0, 0);
    options = (struct sparkplug_stage_options){.properties = true,
                                               .events = true,
                                               .reorder_ms = 2000,
                                               .reorder_messages = 32,
                                               .request_rebirth = true,
                                               .rebirth_interval_ms = 60000,
                                               .max_payload = 64 << 10,
                                               .max_unpacked = 64 << 10,
                                               .max_elements = 1000,
                                               .max_nodes = 100,
                                               .max_state = 64 << 10};
    told[0] = 0;
    now_us = 1;
    publishes = failures = 0;
    state = (struct fby_bytes){NULL, 0};
    can_save = true;
    saved = NULL;
    start();
    return 0;
}

static int tear_down(void **unused)
{
    (void)unused;
    sparkplug_stage_plugin.stage->destroy(stage);
    arena_finish(&arena);
    return 0;
}

static void run_timers(int64_t us)
{
    now_us += us;
    for (size_t i = 0; i < timer_count; i++) {
        if (timers[i].due_us < 0 || timers[i].due_us > now_us)
            continue;
        timers[i].due_us = -1;
        timers[i].fn(timers[i].ctx);
    }
}

static void finish_save(bool right)
{
    fby_saved_fn done = saved;
    assert_non_null(done);
    saved = NULL;
    done(saved_ctx, right);
}

static void assert_told(const char *expected)
{
    assert_string_equal(told, expected);
    told[0] = 0;
}

/* A payload of second `seconds`, with bdSeq or with the alias 1, which births give a name. */
static Spb__Payload *make(int64_t seconds, int seq, int bdseq, const char *name)
{
    Spb__Payload *p = sparkplug_payload_create((uint64_t)seconds * 1000, seq, &arena);
    if (name) {
        Spb__Metric *m = sparkplug_payload_add(p, bytes_of_text(name), &arena);
        m->has_alias = true;
        m->alias = 1;
        m->value_case = SPB__METRIC__VALUE_INT_VALUE;
    }
    if (bdseq >= 0) {
        Spb__Metric *m = sparkplug_payload_add(p, bytes_of_text("bdSeq"), &arena);
        m->value_case = SPB__METRIC__VALUE_LONG_VALUE;
        m->long_value = (uint64_t)bdseq;
    }
    return p;
}

static void give(uint64_t number, const char *topic, const Spb__Payload *p)
{
    struct buffer packed = {0};
    uint64_t slot = number % ITEMS_MAX; /* of a message that was answered long ago */
    assert_true(sparkplug_payload_pack(p, &packed));
    char *copy = arena_strndup(&arena, packed.data, packed.len);
    messages[slot] = (struct fby_message){.sequence = number,
                                          .time_us = ARRIVED_MS * 1000,
                                          .source = {"b", 1},
                                          .topic = {topic, strlen(topic)},
                                          .payload = {copy, packed.len}};
    values[slot] = (struct fby_value){.type = FBY_BYTES, .len = (uint32_t)packed.len, .bytes = copy};
    items[slot] = (struct fby_item){.message = &messages[slot], .value = &values[slot], .verdict = FBY_PASS};
    buffer_finish(&packed);
    struct fby_item *one = &items[slot];
    struct fby_batch batch = {&one, 1};
    sparkplug_stage_plugin.stage->process(stage, &batch);
    if (one->verdict != FBY_HOLD)
        tell_answer(one, one->verdict);
}

/* The name of the first metric of what was made of a message. */
static const char *name_in(uint64_t number)
{
    const struct fby_value *metrics = value_field(&values[number % ITEMS_MAX], bytes_of_text("metrics"));
    assert_true(metrics && metrics->len > 0);
    const struct fby_value *name = value_field(&metrics->items[0], bytes_of_text("name"));
    return name ? arena_strndup(&arena, name->bytes, name->len) : "";
}

static void test_births_wait_until_they_are_durable(void **unused)
{
    (void)unused;
    give(1, "spBv1.0/G/NBIRTH/e", make(1, 0, 0, "speed"));
    give(2, "spBv1.0/G/NDATA/e", make(2, 1, -1, ""));
    run_timers(0);
    assert_told(""); /* data must not pass a birth that a crash could take */
    finish_save(true);
    assert_told(" +node@1 1 2");
    assert_string_equal(name_in(2), "speed");
    give(3, "spBv1.0/G/NDATA/e", make(3, 2, -1, ""));
    assert_told(" 3");
}

static void test_one_save_for_many_births(void **unused)
{
    (void)unused;
    give(1, "spBv1.0/G/NBIRTH/e", make(1, 0, 0, "a"));
    give(2, "spBv1.0/G/NBIRTH/f", make(2, 0, 0, "a"));
    give(3, "spBv1.0/G/NBIRTH/g", make(3, 0, 0, "a"));
    finish_save(true);
    assert_told(" +node@1 1");
    finish_save(true);
    assert_told(" +node@2 2 +node@3 3");
    assert_null(saved);
}

static void test_state_that_cannot_be_saved_holds_nothing_up(void **unused)
{
    (void)unused;
    can_save = false;
    give(1, "spBv1.0/G/NBIRTH/e", make(1, 0, 0, "a"));
    run_timers(0);
    assert_told(" +node@1 1");
    assert_int_equal(failures, 1);
    can_save = true;
    give(2, "spBv1.0/G/NBIRTH/f", make(2, 0, 0, "a"));
    finish_save(false);
    assert_told(" +node@2 2");
    assert_int_equal(failures, 2);
}

static void test_births_are_known_to_the_next_process(void **unused)
{
    (void)unused;
    give(1, "spBv1.0/G/NBIRTH/e", make(1, 0, 0, "speed"));
    finish_save(true);
    sparkplug_stage_plugin.stage->destroy(stage);
    start();
    told[0] = 0;
    give(2, "spBv1.0/G/NDATA/e", make(2, 1, -1, ""));
    assert_told(" 2");
    assert_string_equal(name_in(2), "speed");
}

static void test_times_of_events(void **unused)
{
    (void)unused;
    give(1, "spBv1.0/G/NBIRTH/e", make(1, 0, 0, "a"));
    give(2, "spBv1.0/G/DBIRTH/e/x", make(2, 1, -1, "a"));
    give(3, "spBv1.0/G/DBIRTH/e/y", make(2, 2, -1, "a"));
    give(4, "spBv1.0/G/DDEATH/e/y", make(3, 3, -1, NULL));
    give(5, "spBv1.0/G/NDEATH/e", make(0, -1, 0, NULL));
    while (saved)
        finish_save(true);
    /* The will was made at second 0, and came at second 5. */
    assert_told(" +node@1 1 +x@2 2 +y@2 3 -y@3 4 -x@5 -node@5 5");
}

static void test_devices_of_the_session_before(void **unused)
{
    (void)unused;
    give(1, "spBv1.0/G/NBIRTH/e", make(1, 0, 0, "a"));
    give(2, "spBv1.0/G/DBIRTH/e/x", make(1, 1, -1, "a"));
    give(3, "spBv1.0/G/DBIRTH/e/y", make(1, 2, -1, "a"));
    give(4, "spBv1.0/G/NBIRTH/e", make(7, 0, 1, "a"));
    give(5, "spBv1.0/G/DBIRTH/e/x", make(7, 1, -1, "a"));
    while (saved)
        finish_save(true);
    assert_told(" +node@1 1 +x@1 2 +y@1 3 -x@7 -y@7 +node@7 4 +x@7 5");
    give(6, "spBv1.0/G/NBIRTH/e", make(8, 0, 1, "a")); /* a rebirth: they stay */
    run_timers(0);
    assert_told(" +node@8 6");
}

static void test_without_events(void **unused)
{
    (void)unused;
    options.events = false;
    give(1, "spBv1.0/G/NBIRTH/e", make(1, 0, 0, "a"));
    give(2, "spBv1.0/G/NDEATH/e", make(0, -1, 0, NULL));
    while (saved)
        finish_save(true);
    assert_told(" 1 2");
}

/* Thirty edge nodes lose something at the same time: ten requests in a second, in all. */
static void test_storm_of_requests(void **unused)
{
    (void)unused;
    static char topics[30][2][32];
    for (unsigned i = 0; i < 30; i++) {
        snprintf(topics[i][0], sizeof topics[i][0], "spBv1.0/G/NBIRTH/n%u", i);
        snprintf(topics[i][1], sizeof topics[i][1], "spBv1.0/G/NDATA/n%u", i);
        give(1 + i, topics[i][0], make(1, 0, 0, "a"));
    }
    while (saved)
        finish_save(true);
    for (unsigned i = 0; i < 30; i++)
        give(31 + i, topics[i][1], make(2, 2, -1, ""));
    run_timers(2 * SECOND + 1000);
    assert_int_equal(publishes, 10);
    /* Those that were not asked are asked when they lose something again; the others within their interval
     * not. */
    for (unsigned round = 2; round <= 4; round++) {
        told[0] = 0;
        for (unsigned i = 0; i < 30; i++)
            give(1 + 30 * round + i, topics[i][1], make(2 + round, (int)(2 * round), -1, ""));
        run_timers(2 * SECOND + 1000);
        assert_int_equal(publishes, round < 3 ? 10 * round : 30);
    }
}

/* What is made beside the trees is given back also when each message waits alone, and is the last that came.
 */
static void test_memory_of_those_that_wait(void **unused)
{
    (void)unused;
    enum {
        MESSAGES = 60,
        METRICS = 5000
    }; /* some 50 MB beside the trees; 32 MiB are the most there may be */
    options.metrics = SPARKPLUG_OUTPUT_VALUES;
    options.request_rebirth = options.events = false;
    options.max_elements = 2 * METRICS;
    tear_down(NULL);
    arena_init(&arena, 0, 0);
    start();
    give(1, "spBv1.0/G/NBIRTH/e", make(1, 0, 0, "speed"));
    finish_save(true);
    run_timers(0);
    Spb__Payload *p = make(2, 0, -1, NULL);
    for (int i = 0; i < METRICS; i++) {
        Spb__Metric *m = sparkplug_payload_add(p, bytes_of("", 0), &arena);
        m->has_alias = m->has_is_null = m->is_null = true;
        m->alias = 1;
    }
    for (unsigned number = 2; number < 2 + MESSAGES; number++) {
        p->seq = 2 * number - 1; /* one is missing before each */
        told[0] = 0;
        give(number, "spBv1.0/G/NDATA/e", p);
        run_timers(3000000);
        run_timers(0);
        assert_null(strstr(told, "!"));
        assert_non_null(value_field(&values[number % ITEMS_MAX], bytes_of_text("metrics")));
    }
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_births_wait_until_they_are_durable),
        TEST(test_one_save_for_many_births),
        TEST(test_state_that_cannot_be_saved_holds_nothing_up),
        TEST(test_births_are_known_to_the_next_process),
        TEST(test_times_of_events),
        TEST(test_devices_of_the_session_before),
        TEST(test_without_events),
        TEST(test_storm_of_requests),
        TEST(test_memory_of_those_that_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
