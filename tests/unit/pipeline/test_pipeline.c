/* SPDX-License-Identifier: Apache-2.0
 *
 * What this proves: stages may pass, drop, fail, answer later, hold and emit; order is kept; a record is done
 * only when its answer was given and every output made from it is finished.
 */
#include "pipeline/pipeline.h"

#include "loop/loop.h"
#include "message/value.h"
#include "plugin/plugin_host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { RECORDS = 8 };

/* ---- A stage whose behaviour the payload's "do" field names ---- */

static const struct fby_host *host;
static struct fby_instance *instance;
static struct fby_item *kept[16];
static size_t kept_count;

static void *stage_create(const struct fby_host *h, struct fby_instance *in, const void *options,
                          struct fby_error *err)
{
    (void)options;
    (void)err;
    host = h;
    instance = in;
    kept_count = 0;
    return &kept_count;
}

static void stage_destroy(void *self)
{
    (void)self;
}

static int verdict_of(struct fby_item *item)
{
    const struct fby_value *what = value_field(item->value, bytes_of_text("do"));
    if (!what)
        return FBY_PASS;
    char word[16];
    snprintf(word, sizeof word, "%.*s", (int)what->len, what->bytes);
    static const char *const words[] = {"pass", "drop", "fail", "later", "hold", "split", "release", NULL};
    for (int i = 0; words[i]; i++)
        if (strcmp(word, words[i]) == 0)
            return i;
    return FBY_PASS;
}

static void stage_process(void *self, struct fby_batch *batch)
{
    static char reason[32]; /* ours until process() returns */
    (void)self;
    for (size_t i = 0; i < batch->count; i++) {
        struct fby_item *item = batch->items[i];
        int verdict = verdict_of(item);
        if (verdict == 5) { /* split: two new ones instead of this */
            assert_true(host->emit(instance, item->value, NULL, 0, item));
            assert_true(host->emit(instance, item->value, NULL, 0, item));
            verdict = FBY_DROP;
        }
        if (verdict == 6) { /* release: answer the first that waits, and pass */
            host->item_answer(instance, kept[0], FBY_PASS, NULL);
            verdict = FBY_PASS;
        }
        item->verdict = verdict;
        snprintf(reason, sizeof reason, "%s", verdict == FBY_DROP ? "unwanted" : "broken");
        item->reason = reason;
        if (verdict == FBY_LATER || verdict == FBY_HOLD)
            kept[kept_count++] = item;
    }
}

static const struct encode_settings to_json = {.kind = ENCODE_JSON};

static const struct fby_stage_ops stage_ops = {
    .create = stage_create, .destroy = stage_destroy, .process = stage_process};
static const struct fby_plugin stage_plugin = {FBY_PLUGIN_ABI, .name = "puppet", .version = "1",
                                               .kind = FBY_KIND_STAGE, .stage = &stage_ops};

/* ---- The owner ---- */

struct fixture {
    struct loop *loop;
    struct plugin_host *plugins;
    struct plugin *plugin;
    struct stage_settings stages[2];
    struct pipeline_settings settings;
    struct pipeline *pipeline;
    struct arena arena;
    struct pipeline_record records[RECORDS];
    struct pipeline_output *outputs[32];
    size_t output_count;
    char trace[1024]; /* what happened, in order */
    char reason[256]; /* of the last answer */
};

/* "out3 ", "3failed ": a word before or behind the record's number. */
static void trace(struct fixture *f, const char *before, uint64_t sequence, const char *after)
{
    size_t len = strlen(f->trace);
    snprintf(f->trace + len, sizeof f->trace - len, "%s%llu%s ", before, (unsigned long long)sequence, after);
}

static void on_output(void *ctx, struct pipeline_output *o)
{
    struct fixture *f = ctx;
    f->outputs[f->output_count++] = o;
    trace(f, "out", o->records[o->record_count - 1]->message.sequence, "");
}

static void on_answer(void *ctx, struct pipeline_record *r, enum pipeline_answer a, const char *stage,
                      const char *reason)
{
    static const char *const words[] = {"passed", "filtered", "aggregated", "failed"};
    struct fixture *f = ctx;
    if (stage)
        snprintf(f->reason, sizeof f->reason, "%s: %s", stage, reason);
    trace(ctx, "", r->message.sequence, words[a]);
}

static void on_done(void *ctx, struct pipeline_record *r)
{
    trace(ctx, "done", r->message.sequence, "");
}

static const struct pipeline_events events = {on_output, on_answer, on_done};

static void start(struct fixture *f, int decode, size_t stage_count)
{
    struct error err;
    f->settings.decode.kind = decode;
    f->settings.stages = f->stages;
    f->settings.stage_count = stage_count;
    f->pipeline = pipeline_create(&f->settings, "r/t", f->plugins, &events, f, &err);
    assert_non_null(f->pipeline);
}

static void run(struct fixture *f, size_t first, const char *const *payloads, size_t count)
{
    struct pipeline_record *records[RECORDS];
    for (size_t i = 0; i < count; i++) {
        struct pipeline_record *r = &f->records[first + i];
        *r = (struct pipeline_record){.arena = &f->arena};
        r->message.sequence = first + i + 1;
        r->message.payload = (struct fby_bytes){payloads[i], strlen(payloads[i])};
        records[i] = r;
    }
    pipeline_run(f->pipeline, records, count);
}

static void finish_outputs(struct fixture *f)
{
    for (size_t i = 0; i < f->output_count; i++)
        pipeline_output_finish(f->pipeline, f->outputs[i]);
    f->output_count = 0;
}

static void expect_trace(struct fixture *f, const char *expected)
{
    assert_string_equal(f->trace, expected);
    f->trace[0] = 0;
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct error err;
    f->loop = loop_create(&err);
    f->plugins = plugin_host_create("/nonexistent", f->loop, NULL);
    plugin_host_add_static(f->plugins, &stage_plugin);
    f->plugin = plugin_host_load(f->plugins, "puppet", NULL, &err);
    assert_non_null(f->plugin);
    for (size_t i = 0; i < 2; i++)
        f->stages[i] = (struct stage_settings){.name = "puppet", .plugin = f->plugin};
    arena_init(&f->arena, 0, 0);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    pipeline_destroy(f->pipeline);
    arena_finish(&f->arena);
    plugin_unref(f->plugin);
    plugin_host_destroy(f->plugins);
    loop_destroy(f->loop);
    free(f);
    return 0;
}

static void raw_payload_goes_out_as_it_came(void **state)
{
    struct fixture *f = *state;
    const char *payloads[] = {"\x01\x02 not utf-8 \xff"};
    start(f, DECODE_NONE, 0);
    run(f, 0, payloads, 1);
    assert_int_equal(f->output_count, 1);
    assert_true(bytes_equal(f->outputs[0]->payload, bytes_of_text(payloads[0])));
    expect_trace(f, "1passed out1 ");
    finish_outputs(f);
    expect_trace(f, "done1 ");
}

static void what_does_not_decode_fails_and_the_rest_goes_on(void **state)
{
    struct fixture *f = *state;
    const char *payloads[] = {"{\"a\":1}", "{nonsense", "{\"a\":2.50}"};
    start(f, DECODE_JSON, 0);
    run(f, 0, payloads, 3);
    expect_trace(f, "1passed out1 2failed done2 3passed out3 ");
    assert_true(bytes_equal(f->outputs[1]->payload, bytes_of_text("{\"a\":2.5}")));
    finish_outputs(f);
    expect_trace(f, "done1 done3 ");
}

static void stages_pass_drop_and_fail(void **state)
{
    struct fixture *f = *state;
    const char *payloads[] = {"{\"do\":\"pass\"}", "{\"do\":\"drop\"}", "{\"do\":\"fail\"}", "{\"n\":4}"};
    start(f, DECODE_JSON, 2);
    run(f, 0, payloads, 4);
    expect_trace(f, "2filtered done2 3failed done3 1passed out1 4passed out4 ");
    finish_outputs(f);
    expect_trace(f, "done1 done4 ");
}

static void a_later_answer_keeps_the_order(void **state)
{
    struct fixture *f = *state;
    const char *payloads[] = {"{\"do\":\"later\"}", "{\"n\":2}", "{\"do\":\"drop\"}"};
    const char *next[] = {"{\"n\":4}"};
    start(f, DECODE_JSON, 1);
    run(f, 0, payloads, 3);
    run(f, 3, next, 1);
    expect_trace(f, "");
    assert_int_equal(pipeline_held_count(f->pipeline), 1);
    host->item_answer(instance, kept[0], FBY_PASS, NULL);
    expect_trace(f, "3filtered done3 1passed out1 2passed out2 4passed out4 ");
    assert_int_equal(pipeline_held_count(f->pipeline), 0);
    host->item_answer(instance, kept[0], FBY_PASS, NULL); /* twice: no effect */
    expect_trace(f, "");
    finish_outputs(f);
    expect_trace(f, "done1 done2 done4 ");
}

static void held_items_let_others_pass_and_go_into_an_emitted_one(void **state)
{
    struct fixture *f = *state;
    const char *payloads[] = {"{\"do\":\"hold\"}", "{\"n\":2}", "{\"do\":\"hold\"}"};
    start(f, DECODE_JSON, 1);
    run(f, 0, payloads, 3);
    expect_trace(f, "2passed out2 ");
    assert_int_equal(pipeline_held_count(f->pipeline), 2);
    struct fby_value sum = value_int(42);
    assert_true(host->emit(instance, &sum, kept, 2, NULL));
    expect_trace(f, "1aggregated 3aggregated out3 ");
    assert_true(bytes_equal(f->outputs[1]->payload, bytes_of_text("42")));
    assert_int_equal(f->outputs[1]->record_count, 2);
    finish_outputs(f);
    expect_trace(f, "done2 done1 done3 ");
}

static void emitted_during_process_keeps_the_record_open(void **state)
{
    struct fixture *f = *state;
    const char *payloads[] = {"{\"do\":\"split\",\"n\":1}", "{\"n\":2}"};
    start(f, DECODE_JSON, 1);
    run(f, 0, payloads, 2);
    expect_trace(f, "1filtered out1 out1 2passed out2 ");
    assert_int_equal(f->output_count, 3);
    pipeline_output_finish(f->pipeline, f->outputs[0]);
    expect_trace(f, "");
    pipeline_output_finish(f->pipeline, f->outputs[1]);
    expect_trace(f, "done1 ");
    pipeline_output_finish(f->pipeline, f->outputs[2]);
    expect_trace(f, "done2 ");
    f->output_count = 0;
}

static void an_answer_during_process_lets_those_behind_it_go(void **state)
{
    struct fixture *f = *state;
    const char *payloads[] = {"{\"do\":\"later\"}", "{\"n\":2}"};
    const char *next[] = {"{\"do\":\"release\"}", "{\"do\":\"drop\"}"};
    start(f, DECODE_JSON, 1);
    run(f, 0, payloads, 2);
    run(f, 2, next, 2);
    expect_trace(f, "4filtered done4 1passed out1 2passed out2 3passed out3 ");
    assert_int_equal(pipeline_held_count(f->pipeline), 0);
    finish_outputs(f);
}

/* What is made from a message goes where that message stood. */
static void emitted_ones_keep_the_order(void **state)
{
    struct fixture *f = *state;
    const char *payloads[] = {"{\"n\":1}", "{\"do\":\"split\"}", "{\"n\":3}", "{\"do\":\"split\"}",
                              "{\"n\":5}"};
    const char *next[] = {"{\"do\":\"later\"}", "{\"n\":7}"};
    start(f, DECODE_JSON, 1);
    run(f, 0, payloads, 5);
    expect_trace(f, "1passed out1 2filtered 4filtered out2 out2 3passed out3 out4 out4 5passed out5 ");
    finish_outputs(f);
    f->trace[0] = 0;
    run(f, 5, next, 2);
    assert_true(host->emit(instance, kept[0]->value, NULL, 0, kept[0]));
    expect_trace(f, "out6 ");
    host->item_answer(instance, kept[0], FBY_PASS, NULL);
    expect_trace(f, "6passed out6 7passed out7 ");
    finish_outputs(f);
}

static void a_pipeline_with_held_items_can_be_destroyed(void **state)
{
    struct fixture *f = *state;
    const char *payloads[] = {"{\"do\":\"hold\"}", "{\"do\":\"later\"}"};
    start(f, DECODE_JSON, 2);
    run(f, 0, payloads, 2);
    pipeline_destroy(f->pipeline);
    f->pipeline = NULL;
    expect_trace(f, "");
}

static void reasons_outlive_the_call_that_gave_them(void **state)
{
    struct fixture *f = *state;
    const char *payloads[] = {"{\"do\":\"later\"}", "{\"do\":\"drop\"}", "{\"do\":\"pass\"}"};
    const char *next[] = {"{\"do\":\"fail\"}"};
    start(f, DECODE_JSON, 1);
    run(f, 0, payloads, 3);
    run(f, 3, next, 1); /* the stage's own text is another one now */
    host->item_answer(instance, kept[0], FBY_DROP, "at last");
    assert_string_equal(f->reason, "puppet: broken");
    expect_trace(f, "1filtered done1 2filtered done2 4failed done4 3passed out3 ");
    finish_outputs(f);
}

static void a_stage_encodes_and_auto_leaves_it_so(void **state)
{
    struct fixture *f = *state;
    const char *payloads[] = {" { \"a\" : [ 1, 2.50 ] }", "{\"do\":\"drop\"}"};
    f->stages[1] = (struct stage_settings){.name = "encode", .encode = &to_json};
    start(f, DECODE_JSON, 2);
    run(f, 0, payloads, 2);
    expect_trace(f, "2filtered done2 1passed out1 ");
    assert_true(bytes_equal(f->outputs[0]->payload, bytes_of_text("{\"a\":[1,2.5]}")));
    assert_true(bytes_equal(f->outputs[0]->content_type, bytes_of_text("application/json")));
    finish_outputs(f);
}

static void what_a_target_makes_of_encoded_bytes(void **state)
{
    struct fixture *f = *state;
    const char *payloads[] = {"\"text\""};
    f->stages[0] = (struct stage_settings){.name = "encode", .encode = &to_json};
    f->settings.encode.kind = ENCODE_JSON;
    start(f, DECODE_JSON, 1);
    run(f, 0, payloads, 1);
    assert_true(bytes_equal(f->outputs[0]->payload, bytes_of_text("\"InRleHQi\"")));
    finish_outputs(f);
}

static void what_does_not_encode_fails_in_its_stage(void **state)
{
    struct fixture *f = *state;
    const char *payloads[] = {"{\"do\":\"later\"}", "[[[1]]]", "\"plain\""};
    static const struct encode_settings plain = {.kind = ENCODE_AUTO};
    f->stages[1] = (struct stage_settings){.name = "encode", .encode = &plain};
    start(f, DECODE_JSON, 2);
    run(f, 0, payloads, 3);
    host->item_answer(instance, kept[0], FBY_DROP, "at last");
    expect_trace(f, "1filtered done1 2failed done2 3passed out3 ");
    assert_true(bytes_equal(f->outputs[0]->payload, bytes_of_text("plain")));
    finish_outputs(f);
    const char *more[] = {"[[[1]]]"};
    run(f, 3, more, 1);
    assert_non_null(strstr(f->reason, "encode: a stage made a structured value"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(raw_payload_goes_out_as_it_came),
        TEST(what_does_not_decode_fails_and_the_rest_goes_on),
        TEST(stages_pass_drop_and_fail),
        TEST(a_later_answer_keeps_the_order),
        TEST(held_items_let_others_pass_and_go_into_an_emitted_one),
        TEST(emitted_during_process_keeps_the_record_open),
        TEST(an_answer_during_process_lets_those_behind_it_go),
        TEST(emitted_ones_keep_the_order),
        TEST(reasons_outlive_the_call_that_gave_them),
        TEST(a_stage_encodes_and_auto_leaves_it_so),
        TEST(what_a_target_makes_of_encoded_bytes),
        TEST(what_does_not_encode_fails_in_its_stage),
        TEST(a_pipeline_with_held_items_can_be_destroyed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
