/* SPDX-License-Identifier: Apache-2.0
 *
 * Proves that every topic of Sparkplug B is read and written, and that nothing else passes for one.
 */
#include "sparkplug/sparkplug_topic.h"

#include "unit.h"

static enum status parse(const char *topic, struct sparkplug_topic *t)
{
    return sparkplug_topic_parse(bytes_of_text(topic), t, NULL);
}

static void test_reads_what_it_writes(void **state)
{
    (void)state;
    /* tck-id-topic-structure tck-id-topic-structure-namespace-a */
    static const char *const topics[] = {
        "spBv1.0/G/NBIRTH/e",  "spBv1.0/G/NDEATH/e",   "spBv1.0/G/NDATA/e",
        "spBv1.0/G/NCMD/e",    "spBv1.0/G/DBIRTH/e/d", "spBv1.0/G/DDEATH/e/d",
        "spBv1.0/G/DDATA/e/d", "spBv1.0/G/DCMD/e/d",   "spBv1.0/STATE/scada 1"};
    for (size_t i = 0; i < sizeof topics / sizeof topics[0]; i++) {
        struct sparkplug_topic t;
        struct buffer out = {0};
        assert_int_equal(parse(topics[i], &t), STATUS_OK);
        assert_int_equal(t.message, i);
        /* tck-id-topic-structure-namespace-device-id-associated-message-types
         * tck-id-topic-structure-namespace-device-id-non-associated-message-types */
        assert_int_equal(t.device.len > 0, sparkplug_topic_is_of_device(t.message));
        sparkplug_topic_format(&t, &out);
        assert_true(bytes_equal(buffer_bytes(&out), bytes_of_text(topics[i])));
        buffer_finish(&out);
    }
}

static void test_refuses_others(void **state)
{
    (void)state;
    static const char *const topics[] = {
        "",
        "spBv1.0",
        "spBv1.0/G",
        "spBv1.0/G/NDATA",
        "spAv1.0/G/NDATA/e",
        "spBv1.0/G/NDATA/e/d",
        "spBv1.0/G/DDATA/e",
        "spBv1.0/G/DDATA/e/d/x",
        "spBv1.0//NDATA/e",
        "spBv1.0/G/NDATA/",
        "spBv1.0/G/DDATA/e/",
        "spBv1.0/G/ndata/e",
        "spBv1.0/G/STATE/e",
        "spBv1.0/STATE",
        "spBv1.0/STATE/",
        "spBv1.0/STATE/a/b",
        "spBv1.0/G/NDATA/\xff",
        "a/b/c/d/e/f/g",
    };
    for (size_t i = 0; i < sizeof topics / sizeof topics[0]; i++) {
        struct sparkplug_topic t;
        if (parse(topics[i], &t) == STATUS_OK)
            fail_msg("\"%s\" passed", topics[i]);
    }
}

static void test_knows_ids(void **state)
{
    (void)state;
    /* tck-id-topic-structure-namespace-valid-group-id
     * tck-id-topic-structure-namespace-valid-edge-node-id
     * tck-id-topic-structure-namespace-valid-device-id */
    assert_true(sparkplug_topic_is_id(bytes_of_text("press 3")));
    assert_false(sparkplug_topic_is_id(bytes_of_text("")));
    assert_false(sparkplug_topic_is_id(bytes_of_text("a/b")));
    assert_false(sparkplug_topic_is_id(bytes_of_text("a+")));
    assert_false(sparkplug_topic_is_id(bytes_of_text("#")));
    assert_false(sparkplug_topic_is_id(bytes_of("a\0b", 3)));
    assert_false(sparkplug_topic_is_id(bytes_of_text("\xc3")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads_what_it_writes),
        cmocka_unit_test(test_refuses_others),
        cmocka_unit_test(test_knows_ids),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
