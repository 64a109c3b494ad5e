/* SPDX-License-Identifier: Apache-2.0
 *
 * Proves the matching rules of MQTT v5 section 4.7, captures, and that wrong filters say why.
 */
#include "message/topic_filter.h"

#include "unit.h"

static bool matches(const char *filter, const char *topic)
{
    struct error err = {0};
    struct topic_filter *f = topic_filter_parse(filter, &err);
    assert_non_null(f);
    bool yes = topic_filter_match(f, bytes_of_text(topic), NULL);
    topic_filter_destroy(f);
    return yes;
}

static void test_match(void **state)
{
    (void)state;
    static const struct {
        const char *filter, *topic;
        bool yes;
    } cases[] = {
        {"a/b", "a/b", true},
        {"a/b", "a/b/", false},
        {"a/b", "a/bc", false},
        {"a/b", "a", false},
        {"a", "a", true},
        {"+", "a", true},
        {"+", "a/b", false},
        {"+", "/a", false},
        {"+/+", "/a", true},
        {"/+", "/a", true},
        {"/+", "a", false},
        {"a/+", "a/", true},
        {"a/+", "a", false},
        {"a/+/c", "a/b/c", true},
        {"a/+/c", "a//c", true},
        {"a/+/c", "a/b/d", false},
        {"a/+/c", "a/b/c/d", false},
        {"a/+/c", "a/b", false},
        {"#", "a", true},
        {"#", "a/b/c", true},
        {"#", "/", true},
        {"a/#", "a", true},
        {"a/#", "a/", true},
        {"a/#", "a/b/c", true},
        {"a/#", "ab", false},
        {"a/#", "b", false},
        {"a/b/#", "a/b", true},
        {"a/b/#", "a/bb", false},
        {"a/b/#", "a", false},
        {"+/#", "a", true},
        {"+/b/#", "a/b", true},
        {"+/b/#", "a/c", false},
        {"+/+/#", "a", false},
        {"#", "$SYS/broker", false},
        {"+/broker", "$SYS/broker", false},
        {"+/#", "$SYS/broker", false},
        {"$SYS/#", "$SYS/broker", true},
        {"$SYS/+", "$SYS/broker", true},
        {"$share/g/a/+", "a/b", true},
        {"$share/g/a/+", "$share/g/a/b", false},
        {"$share/g/#", "$SYS/x", false},
        {"sensors/+/telemetry", "sensors/d1/telemetry", true},
        {"sensors/+/telemetry", "sensors/d1/event", false},
        {"caf\xc3\xa9/+", "caf\xc3\xa9/x", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        if (matches(cases[i].filter, cases[i].topic) != cases[i].yes)
            fail_msg("filter %s, topic %s", cases[i].filter, cases[i].topic);
}

static void test_empty_topic_matches_nothing(void **state)
{
    (void)state;
    assert_false(matches("#", ""));
    assert_false(matches("+", ""));
    assert_false(matches("a/#", ""));
}

static void test_captures(void **state)
{
    (void)state;
    struct error err;
    struct topic_filter *f = topic_filter_parse("{site}/sensors/{device}/{rest#}", &err);
    assert_non_null(f);
    assert_string_equal(topic_filter_text(f), "{site}/sensors/{device}/{rest#}");
    assert_string_equal(topic_filter_subscription(f), "+/sensors/+/#");
    assert_int_equal(topic_filter_capture_count(f), 3);
    assert_string_equal(topic_filter_capture_name(f, 2), "rest");
    struct bytes found[3];
    assert_true(topic_filter_match(f, bytes_of_text("berlin/sensors/d1/a/b"), found));
    assert_true(bytes_equal(found[0], bytes_of_text("berlin")));
    assert_true(bytes_equal(found[1], bytes_of_text("d1")));
    assert_true(bytes_equal(found[2], bytes_of_text("a/b")));
    assert_true(topic_filter_match(f, bytes_of_text("berlin/sensors/d1"), found));
    assert_true(bytes_equal(found[1], bytes_of_text("d1")));
    assert_int_equal(found[2].len, 0);
    topic_filter_destroy(f);
}

static void test_capture_of_everything(void **state)
{
    (void)state;
    struct error err;
    struct topic_filter *f = topic_filter_parse("{all#}", &err);
    struct bytes found[1];
    assert_string_equal(topic_filter_subscription(f), "#");
    assert_true(topic_filter_match(f, bytes_of_text("a/b"), found));
    assert_true(bytes_equal(found[0], bytes_of_text("a/b")));
    topic_filter_destroy(f);
}

static void test_shared_subscription_is_sent_whole(void **state)
{
    (void)state;
    struct error err;
    struct topic_filter *f = topic_filter_parse("$share/forebay/sensors/{device}", &err);
    assert_string_equal(topic_filter_subscription(f), "$share/forebay/sensors/+");
    struct bytes found[1];
    assert_true(topic_filter_match(f, bytes_of_text("sensors/d7"), found));
    assert_true(bytes_equal(found[0], bytes_of_text("d7")));
    topic_filter_destroy(f);
}

static void test_refused(void **state)
{
    (void)state;
    static const struct {
        const char *filter, *why;
    } cases[] = {
        {"", "1 to 65535 bytes"},
        {"a/#/b", "must be the last"},
        {"a#", "# must stand alone"},
        {"a/b+", "+ must stand alone"},
        {"a/{x}y", "{ must stand alone"},
        {"a/{x", "{ must stand alone"},
        {"a/x}", "} must stand alone"},
        {"a/{}", "needs a name"},
        {"a/{#}", "needs a name"},
        {"a/{1x}", "needs a name"},
        {"a/{x y}", "needs a name"},
        {"{x}/{x}", "used twice"},
        {"{rest#}/a", "must be the last"},
        {"a/{topic}", "meaning of its own"},
        {"$share/g", "shared subscription"},
        {"$share//a", "shared subscription"},
        {"$share/+/a", "shared subscription"},
        {"$share/g/", "shared subscription"},
        {"a/\xff", "UTF-8"},
        {"{a}/{b}/{c}/{d}/{e}/{f}/{g}/{h}/{i}/{j}/{k}/{l}/{m}/{n}/{o}/{p}/{q}", "at most 16"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct error err = {0};
        struct topic_filter *f = topic_filter_parse(cases[i].filter, &err);
        if (f || err.code != STATUS_INVALID || !strstr(err.text, cases[i].why))
            fail_msg("filter %s: %s", cases[i].filter, err.text);
    }
}

static void test_publishable(void **state)
{
    (void)state;
    struct error err;
    static uint8_t large[TOPIC_LENGTH_MAX + 1];
    memset(large, 'a', sizeof large);
    assert_true(topic_is_publishable(bytes_of_text("a/b"), &err));
    assert_true(topic_is_publishable(bytes_of(large, TOPIC_LENGTH_MAX), &err));
    assert_false(topic_is_publishable(bytes_of(large, sizeof large), &err));
    assert_false(topic_is_publishable(bytes_of_text(""), &err));
    assert_false(topic_is_publishable(bytes_of_text("a/+"), &err));
    assert_false(topic_is_publishable(bytes_of_text("a/#"), &err));
    assert_false(topic_is_publishable(bytes_of("a\0b", 3), &err));
    assert_false(topic_is_publishable(bytes_of_text("\xc3"), NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_match),
        cmocka_unit_test(test_empty_topic_matches_nothing),
        cmocka_unit_test(test_captures),
        cmocka_unit_test(test_capture_of_everything),
        cmocka_unit_test(test_shared_subscription_is_sent_whole),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_publishable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
