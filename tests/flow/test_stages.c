/* SPDX-License-Identifier: Apache-2.0
 *
 * What this proves: stages that hold, emit and split lose nothing over crashes at any message: what they held
 * is read again and fills the same windows; ids are the same at every try; a reload with another decode
 * applies to everything not yet sent, and counts every message once.
 */
#include "flow.h"

#include "message/value.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { WINDOW = 10, MESSAGES = 60 };

/* ---- A stage that makes one message of every ten, and two of every "twin" ---- */

static const struct fby_host *host;
static struct fby_instance *instance, *former;
static struct fby_item *held[WINDOW];
static size_t held_count;
static bool fails_what_it_holds; /* when it goes, against the contract */

static void *stage_create(const struct fby_host *h, struct fby_instance *in, const void *options,
                          struct fby_error *err)
{
    (void)options;
    (void)err;
    host = h;
    former = instance;
    instance = in;
    if (!fails_what_it_holds)
        held_count = 0;
    return &held_count;
}

static void stage_destroy(void *self)
{
    (void)self;
    for (size_t i = 0; fails_what_it_holds && i < held_count; i++)
        host->item_answer(former, held[i], i % 2 ? FBY_FAIL : FBY_PASS, "going");
    if (fails_what_it_holds)
        held_count = 0;
}

/* "payload-7" or, of several, "7+8+9". */
static void emit_window(void)
{
    char text[WINDOW * 12] = "";
    for (size_t i = 0; i < held_count; i++) {
        const struct fby_value *v = held[i]->value;
        size_t len = strlen(text);
        snprintf(text + len, sizeof text - len, "%s%.*s", i ? "+" : "", (int)v->len - 8, v->bytes + 8);
    }
    struct fby_value sum = value_text(text);
    assert_true(host->emit(instance, &sum, held, held_count, NULL));
    held_count = 0;
}

static void process_one(struct fby_item *item)
{
    if (item->value->len == 4 && memcmp(item->value->bytes, "twin", 4) == 0) {
        assert_true(host->emit(instance, item->value, NULL, 0, item));
        assert_true(host->emit(instance, item->value, NULL, 0, item));
        item->verdict = FBY_DROP;
        item->reason = "split";
        return;
    }
    item->verdict = FBY_HOLD;
    held[held_count++] = item;
}

static void stage_process(void *self, struct fby_batch *batch)
{
    (void)self;
    for (size_t i = 0; i < batch->count; i++) {
        if (held_count == WINDOW)
            emit_window(); /* the next one lets a full window go */
        process_one(batch->items[i]);
    }
}

static const struct fby_stage_ops stage_ops = {
    .create = stage_create, .destroy = stage_destroy, .process = stage_process};
static const struct fby_plugin stage_plugin = {FBY_PLUGIN_ABI, .name = "window", .version = "1",
                                               .kind = FBY_KIND_STAGE, .stage = &stage_ops};

/* ---- What came ---- */

static unsigned count_seen(const struct flow *f, unsigned number)
{
    unsigned seen = 0;
    for (size_t i = 0; i < f->output_count; i++) {
        const char *at = strchr(f->outputs[i], ' ');
        while (at) {
            seen += strtoul(at + 1, NULL, 10) == number;
            at = strchr(at + 1, '+');
        }
    }
    return seen;
}

/* Every output holds ten in a row, from a multiple of ten on. */
static void check_windows(const struct flow *f)
{
    for (size_t i = 0; i < f->output_count; i++) {
        const char *at = strchr(f->outputs[i], ' ');
        unsigned long first = strtoul(at + 1, NULL, 10), number = first;
        assert_int_equal(first % WINDOW, 0);
        for (at = strchr(at, '+'); at; at = strchr(at + 1, '+'))
            assert_int_equal(strtoul(at + 1, NULL, 10), ++number);
        assert_int_equal(number, first + WINDOW - 1);
    }
}

static void windows_fill_again_after_crashes(void **state)
{
    struct flow *f = *state;
    flow_open(f);
    for (unsigned i = 0; i < MESSAGES; i++) {
        flow_publish(f, "a/1", i, 1);
        flow_turn(f, i % 4);
        flow_check_counters(f);
        flow_crash(f);
        flow_open(f);
        flow_turn(f, i % 3);
        flow_check_counters(f);
    }
    flow_publish(f, "a/1", MESSAGES, 1); /* so that the last window is let go */
    for (int i = 0; i < 500 && count_seen(f, MESSAGES - 1) == 0; i++)
        flow_turn(f, 5);
    for (unsigned i = 0; i < MESSAGES; i++)
        assert_true(count_seen(f, i) >= 1);
    check_windows(f);
    flow_turn(f, 20);
    assert_int_equal(delivery_counters(f->delivery)->queued, 1);
    flow_check_counters(f);
}

static void the_cursor_waits_for_what_is_held(void **state)
{
    struct flow *f = *state;
    flow_open(f);
    flow_publish(f, "a/1", 0, 5);
    flow_turn(f, 10);
    assert_int_equal(delivery_counters(f->delivery)->held, 5);
    assert_int_equal(delivery_counters(f->delivery)->queued, 5);
    assert_int_equal(delivery_confirmed(f->delivery), 0);
    flow_publish(f, "a/1", 5, 6);
    for (int i = 0; i < 500 && delivery_confirmed(f->delivery) < 10; i++)
        flow_turn(f, 2);
    assert_int_equal(delivery_confirmed(f->delivery), 10);
    assert_int_equal(delivery_counters(f->delivery)->aggregated, 10);
    assert_int_equal(f->output_count, 1);
    assert_string_equal(f->outputs[0], "a/1 0+1+2+3+4+5+6+7+8+9");
    flow_check_counters(f);
}

static void a_reload_fills_the_window_again(void **state)
{
    struct flow *f = *state;
    flow_open(f);
    for (unsigned i = 0; i < 20; i++) {
        flow_publish(f, "a/1", i, 1);
        flow_turn(f, 3);
        flow_reload(f, "a/#");
        flow_check_counters(f);
    }
    flow_publish(f, "a/1", 20, 1);
    for (int i = 0; i < 500 && f->output_count < 2; i++)
        flow_turn(f, 5);
    flow_turn(f, 20);
    assert_int_equal(f->output_count, 2);
    check_windows(f);
    assert_int_equal(delivery_counters(f->delivery)->accepted, 21);
    assert_int_equal(delivery_counters(f->delivery)->queued, 1);
    flow_check_counters(f);
}

/* What a stage says when it goes is of no account: its messages come again to the next one. */
static void the_last_words_of_a_stage_are_not_heard(void **state)
{
    struct flow *f = *state;
    flow_open(f);
    flow_publish(f, "a/1", 0, 9);
    flow_turn(f, 5);
    assert_int_equal(held_count, 9);
    fails_what_it_holds = true;
    flow_reload(f, "a/#");
    fails_what_it_holds = false;
    flow_turn(f, 20);
    flow_check_counters(f);
    assert_int_equal(flow_dead_letters(f), 0);
    assert_int_equal(f->output_count, 0);
    flow_publish(f, "a/1", 9, 2);
    for (int i = 0; i < 500 && f->output_count < 1; i++)
        flow_turn(f, 5);
    check_windows(f);
    flow_check_counters(f);
}

/* ---- Ids of emitted messages ---- */

static char ids[8][40];
static size_t id_count;
static unsigned delivered_first;

static enum fby_outcome note_id(struct flow *f, const struct fby_output *o)
{
    (void)f;
    assert_true(id_count < 8);
    snprintf(ids[id_count++], sizeof ids[0], "%.*s", (int)o->id.len, o->id.data);
    return id_count <= delivered_first ? FBY_DELIVERED : FBY_RETRY;
}

static void twins_come_again_under_their_own_ids(void **state)
{
    struct flow *f = *state;
    f->answer = note_id;
    f->delivery_settings.retry_min_ms = f->delivery_settings.retry_max_ms = 60000;
    id_count = 0;
    delivered_first = 1; /* the second of the two waits when the crash comes */
    flow_open(f);
    assert_int_equal(flow_accept(f, "a/1", "twin"), STATUS_OK);
    flow_commit(f);
    flow_turn(f, 20);
    assert_int_equal(id_count, 2);
    flow_crash(f);
    delivered_first = 8;
    flow_open(f);
    for (int i = 0; i < 500 && id_count < 4; i++)
        flow_turn(f, 5);
    assert_int_equal(id_count, 4);
    assert_string_not_equal(ids[0], ids[1]);
    assert_string_equal(ids[0], ids[2]);
    assert_string_equal(ids[1], ids[3]);
    assert_int_equal(delivery_counters(f->delivery)->filtered, 1);
    flow_check_counters(f);
}

/* ---- Another decode ---- */

static bool upstream_is_down;

static enum fby_outcome answer_down(struct flow *f, const struct fby_output *o)
{
    (void)f;
    (void)o;
    return upstream_is_down ? FBY_RETRY : FBY_DELIVERED;
}

static void publish_json(struct flow *f, unsigned first, unsigned count)
{
    for (unsigned i = first; i < first + count; i++) {
        char text[40];
        snprintf(text, sizeof text, " { \"n\" : %u }", i);
        assert_int_equal(flow_accept(f, "a/1", text), STATUS_OK);
    }
    flow_commit(f);
}

static void a_changed_decode_applies_to_the_backlog(void **state)
{
    struct flow *f = *state;
    static const struct pipeline_settings json = {.decode = {.kind = DECODE_JSON}};
    f->stage_plugin = NULL;
    flow_open(f);
    publish_json(f, 0, 10);
    assert_true(flow_settle(f));
    f->answer = answer_down;
    upstream_is_down = true;
    publish_json(f, 10, 150); /* more than the window: some have been decoded the old way and wait */
    flow_turn(f, 5);
    f->pipeline = &json;
    flow_reload(f, "a/#");
    flow_check_counters(f);
    upstream_is_down = false;
    assert_true(flow_settle(f));
    assert_int_equal(f->output_count, 160);
    for (unsigned i = 0; i < 160; i++) {
        char expected[40];
        snprintf(expected, sizeof expected, i < 10 ? "a/1  { \"n\" : %u }" : "a/1 {\"n\":%u}", i);
        assert_string_equal(f->outputs[i], expected);
    }
    assert_int_equal(delivery_counters(f->delivery)->accepted, 160);
    flow_check_counters(f);
}

static void a_backlog_that_does_not_decode_any_more_becomes_dead_letters(void **state)
{
    struct flow *f = *state;
    static const struct decode_settings as_json = {.kind = DECODE_JSON};
    static const struct decode_case when[] = {{"application/json", NULL, &as_json}};
    static const struct pipeline_settings choice = {
        .decode = {.kind = DECODE_CHOICE, .choice = {DECODE_BY_CONTENT_TYPE, NULL, when, 1, NULL}}};
    f->stage_plugin = NULL;
    f->answer = answer_down;
    upstream_is_down = true;
    flow_open(f);
    flow_publish(f, "a/1", 0, 120);
    flow_turn(f, 5);
    f->pipeline = &choice;
    flow_reload(f, "a/#");
    upstream_is_down = false;
    assert_true(flow_settle(f));
    assert_int_equal(f->output_count, 0);
    assert_int_equal(flow_dead_letters(f), 120);
    assert_int_equal(delivery_counters(f->delivery)->dead_lettered, 120);
    assert_non_null(strstr(delivery_last_problem(f->delivery), "the message has no content type"));
    f->pipeline = &f->pipeline_settings;
    flow_reload(f, "a/#");
    flow_publish(f, "a/1", 120, 5);
    assert_true(flow_settle(f));
    assert_int_equal(f->output_count, 5);
    flow_check_counters(f);
}

static struct outgoing *kept[100];
static size_t kept_count;

static void keep(struct flow *f, struct upstream *u, struct outgoing *o)
{
    (void)f;
    (void)u;
    assert_true(kept_count < array_count(kept));
    kept[kept_count++] = o;
}

/* ---- A stage that needs much memory for each message ---- */

static void process_greedily(void *self, struct fby_batch *batch)
{
    enum { MUCH = 6 << 20 };
    (void)self;
    for (size_t i = 0; i < batch->count; i++)
        assert_non_null(host->item_alloc(batch->items[i], MUCH));
}

static const struct fby_stage_ops greedy_ops = {
    .create = stage_create, .destroy = stage_destroy, .process = process_greedily};
static const struct fby_plugin greedy_plugin = {FBY_PLUGIN_ABI, .name = "greedy", .version = "1",
                                                .kind = FBY_KIND_STAGE, .stage = &greedy_ops};

/* Messages that are read one by one do not share what one batch may use, though they wait together. */
static void single_messages_have_their_own_memory(void **state)
{
    enum { COUNT = 30 };
    struct flow *f = *state;
    f->stage_plugin = &greedy_plugin;
    f->handle = keep;
    kept_count = 0;
    flow_open(f);
    for (unsigned i = 0; i < COUNT; i++) {
        flow_publish(f, "a/1", i, 1);
        flow_turn(f, 3);
    }
    assert_int_equal(kept_count, COUNT);
    for (size_t i = 0; i < kept_count; i++)
        upstream_answer(f->upstream, kept[i], FBY_DELIVERED, NULL, 0);
    assert_true(flow_settle(f));
    assert_int_equal(delivery_counters(f->delivery)->delivered, COUNT);
    flow_check_counters(f);
}

static int set_up(void **state)
{
    flow_set_up(state);
    ((struct flow *)*state)->stage_plugin = &stage_plugin;
    return 0;
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, flow_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(windows_fill_again_after_crashes),
        TEST(the_cursor_waits_for_what_is_held),
        TEST(a_reload_fills_the_window_again),
        TEST(the_last_words_of_a_stage_are_not_heard),
        TEST(twins_come_again_under_their_own_ids),
        TEST(a_changed_decode_applies_to_the_backlog),
        TEST(a_backlog_that_does_not_decode_any_more_becomes_dead_letters),
        TEST(single_messages_have_their_own_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
