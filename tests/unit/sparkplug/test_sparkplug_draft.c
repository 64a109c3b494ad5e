/* SPDX-License-Identifier: Apache-2.0
 *
 * Value trees as drafts: names, types, units, times, quality, and what is refused.
 */
#include "message/value.h"
#include "sparkplug/sparkplug_b.pb-c.h"
#include "sparkplug/sparkplug_draft.h"
#include "sparkplug/sparkplug_payload.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { ARRIVAL_MS = 1000000123 };

struct fixture {
    struct arena arena;
    struct buffer draft;
    struct sparkplug_draft_settings settings;
    Spb__Payload *payload;
    struct error err;
};

static int set_up(void **state)
{
    static struct fixture f;
    f = (struct fixture){.settings = {.timestamp_unit = SPARKPLUG_CLOCK_MS}};
    arena_init(&f.arena, 0, 1 << 20);
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    arena_finish(&f->arena);
    buffer_finish(&f->draft);
    return 0;
}

static enum status encode(struct fixture *f, const char *json)
{
    struct fby_value v;
    buffer_clear(&f->draft);
    assert_int_equal(value_parse_json(bytes_of_text(json), NULL, &f->arena, &v, &f->err), STATUS_OK);
    enum status result = sparkplug_draft_encode(&f->settings, &v, ARRIVAL_MS, &f->arena, &f->draft, &f->err);
    if (result == STATUS_OK)
        assert_int_equal(
            sparkplug_payload_unpack(buffer_bytes(&f->draft), NULL, &f->arena, &f->payload, NULL, &f->err),
            STATUS_OK);
    return result;
}

static const Spb__Metric *metric(struct fixture *f, const char *name)
{
    const Spb__Metric *m = sparkplug_payload_find(f->payload, name);
    assert_non_null(m);
    return m;
}

static void set_rules(struct fixture *f, struct sparkplug_draft_metric *rules, size_t count)
{
    f->settings.metrics = rules;
    f->settings.metric_count = count;
    sparkplug_draft_sort(&f->settings);
}

static void test_names_and_guessed_types(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(encode(f, "{\"i\":-1,\"u\":18446744073709551615,\"d\":1.5,\"b\":true,\"s\":\"x\","
                               "\"m\":{\"n\":{\"o\":2}},\"a\":[1,2],\"mixed\":[1,{\"k\":2}]}"),
                     STATUS_OK);
    assert_int_equal(f->payload->n_metrics, 9);
    assert_int_equal(f->payload->timestamp, ARRIVAL_MS);
    assert_false(f->payload->has_seq);
    assert_int_equal(metric(f, "i")->datatype, SPARKPLUG_INT64);
    assert_int_equal((int64_t)metric(f, "i")->long_value, -1);
    assert_int_equal(metric(f, "u")->datatype, SPARKPLUG_UINT64);
    assert_int_equal(metric(f, "d")->datatype, SPARKPLUG_DOUBLE);
    assert_int_equal(metric(f, "b")->datatype, SPARKPLUG_BOOLEAN);
    assert_int_equal(metric(f, "s")->datatype, SPARKPLUG_STRING);
    assert_int_equal(metric(f, "m/n/o")->long_value, 2);
    assert_int_equal(metric(f, "a")->datatype, SPARKPLUG_INT64_ARRAY);
    assert_int_equal(metric(f, "mixed/0")->long_value, 1);
    assert_int_equal(metric(f, "mixed/1/k")->long_value, 2);
    assert_true(metric(f, "i")->has_alias); /* a guess */
}

static void test_configured_types(void **state)
{
    struct fixture *f = *state;
    struct sparkplug_draft_metric rules[] = {
        {.name = bytes_of_text("z"), .type = SPARKPLUG_INT16},
        {.name = bytes_of_text("m/f"), .type = SPARKPLUG_FLOAT, .unit = "V"},
        {.name = bytes_of_text("e"), .type = SPARKPLUG_INT8_ARRAY},
    };
    set_rules(f, rules, 3);
    assert_int_equal(encode(f, "{\"z\":-2,\"m\":{\"f\":1},\"e\":[],\"more\":1}"), STATUS_OK);
    assert_int_equal(metric(f, "z")->datatype, SPARKPLUG_INT16);
    assert_false(metric(f, "z")->has_alias);
    assert_true(metric(f, "m/f")->float_value == 1.0f);
    assert_int_equal(metric(f, "m/f")->properties->n_keys, 1);
    assert_memory_equal(metric(f, "m/f")->properties->values[0]->string_value.data, "V", 1);
    assert_int_equal(metric(f, "e")->datatype, SPARKPLUG_INT8_ARRAY);
    assert_int_equal(encode(f, "{\"z\":40000}"), STATUS_INVALID);
    assert_non_null(strstr(f->err.text, "metric z"));
    f->settings.only_listed = true;
    assert_int_equal(encode(f, "{\"z\":1,\"more\":1}"), STATUS_OK);
    assert_int_equal(f->payload->n_metrics, 1);
}

static void test_nulls(void **state)
{
    struct fixture *f = *state;
    struct sparkplug_draft_metric rules[] = {{.name = bytes_of_text("t"), .type = SPARKPLUG_INT32}};
    set_rules(f, rules, 1);
    assert_int_equal(encode(f, "{\"t\":null,\"unknown\":null}"), STATUS_OK);
    assert_true(metric(f, "t")->is_null);
    assert_int_equal(metric(f, "t")->datatype, SPARKPLUG_INT32);
    assert_true(metric(f, "unknown")->is_null);
    assert_false(metric(f, "unknown")->has_datatype);
}

static void test_time_quality_and_root(void **state)
{
    struct fixture *f = *state;
    f->settings.timestamp = "at";
    f->settings.timestamp_unit = SPARKPLUG_CLOCK_S;
    f->settings.quality = "q";
    f->settings.root = "values";
    assert_int_equal(encode(f, "{\"at\":1700000000.5,\"q\":192,\"values\":{\"a\":1},\"rest\":2}"), STATUS_OK);
    assert_int_equal(f->payload->n_metrics, 1);
    assert_true(f->payload->timestamp == 1700000000500);
    assert_int_equal(metric(f, "a")->properties->values[0]->int_value, 192);
    assert_int_equal(metric(f, "a")->properties->values[0]->type, SPARKPLUG_INT32);
    assert_int_equal(encode(f, "{\"values\":{\"a\":1}}"), STATUS_OK); /* neither is there */
    assert_int_equal(f->payload->timestamp, ARRIVAL_MS);
    assert_null(metric(f, "a")->properties);
    assert_int_equal(encode(f, "{\"at\":\"soon\",\"values\":{\"a\":1}}"), STATUS_INVALID);
    assert_int_equal(encode(f, "{\"at\":-1,\"values\":{\"a\":1}}"), STATUS_INVALID);
    assert_int_equal(encode(f, "{\"q\":7,\"values\":{\"a\":1}}"), STATUS_INVALID);
    assert_int_equal(encode(f, "{\"rest\":2}"), STATUS_INVALID);
    assert_non_null(strstr(f->err.text, "values"));
}

static void test_time_and_quality_are_no_metrics(void **state)
{
    struct fixture *f = *state;
    f->settings.timestamp = "h.at";
    f->settings.quality = "q";
    assert_int_equal(encode(f, "{\"h\":{\"at\":1700000000000,\"x\":1},\"q\":0,\"a\":2}"), STATUS_OK);
    assert_int_equal(f->payload->n_metrics, 2);
    assert_null(sparkplug_payload_find(f->payload, "h/at"));
}

static void test_what_is_no_metric(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(encode(f, "{}"), STATUS_INVALID);
    assert_int_equal(encode(f, "{\"a\":{},\"b\":[]}"), STATUS_INVALID);
    assert_int_equal(encode(f, "{\"\":1}"), STATUS_INVALID);
    assert_int_equal(encode(f, "{\"a\\u0000\":1}"), STATUS_INVALID);
    assert_int_equal(encode(f, "21.5"), STATUS_OK);
    assert_true(metric(f, "value")->double_value == 21.5);
}

static void test_limits(void **state)
{
    struct fixture *f = *state;
    f->draft.limit = 10;
    assert_int_equal(encode(f, "{\"a\":\"0123456789\"}"), STATUS_LIMIT);
    f->draft.limit = 0;
    f->draft.failed = false;
    struct fby_value v;
    struct arena small;
    arena_init(&small, 64, 200);
    assert_int_equal(
        value_parse_json(bytes_of_text("{\"a\":{\"b\":{\"c\":1}}}"), NULL, &f->arena, &v, &f->err),
        STATUS_OK);
    assert_int_equal(sparkplug_draft_encode(&f->settings, &v, 0, &small, &f->draft, &f->err), STATUS_LIMIT);
    arena_finish(&small);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_names_and_guessed_types, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_configured_types, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_nulls, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_time_quality_and_root, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_time_and_quality_are_no_metrics, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_is_no_metric, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_limits, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
