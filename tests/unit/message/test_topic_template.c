/* SPDX-License-Identifier: Apache-2.0
 *
 * Proves how templates are filled, and that wrong ones say why.
 */
#include "message/topic_filter.h"

#include "unit.h"

static void assert_filled(const char *text, const struct bytes *values, const char *expected)
{
    struct error err = {0};
    struct topic_template *t = topic_template_parse(text, &err);
    struct buffer out = {0};
    assert_non_null(t);
    topic_template_fill(t, values, &out);
    buffer_add_byte(&out, 0);
    assert_string_equal((const char *)out.data, expected);
    buffer_finish(&out);
    topic_template_destroy(t);
}

static void test_fill(void **state)
{
    (void)state;
    struct bytes values[] = {bytes_of_text("d1"), bytes_of_text("x/y")};
    assert_filled("berlin/alarms", NULL, "berlin/alarms");
    assert_filled("{device}", values, "d1");
    assert_filled("a/{device}/b", values, "a/d1/b");
    assert_filled("{device}/{rest}", values, "d1/x/y");
    assert_filled("{device}{rest}{device}", values, "d1x/yd1");
    assert_filled("{{{device}}}", values, "{d1}");
    assert_filled("}}{{", NULL, "}{");
}

static void test_names_are_listed_once(void **state)
{
    (void)state;
    struct error err;
    struct topic_template *t = topic_template_parse("{a}/{b}/{a}", &err);
    assert_int_equal(topic_template_name_count(t), 2);
    assert_string_equal(topic_template_name(t, 0), "a");
    assert_string_equal(topic_template_name(t, 1), "b");
    topic_template_destroy(t);
}

static void test_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text, *why;
    } cases[] = {
        {"", "1 to 65535 bytes"},
        {"a/{x", "is not a place"},
        {"a/{x y}", "is not a place"},
        {"a/{}", "needs a name"},
        {"a/x}", "no { before"},
        {"a/+/b", "cannot hold +"},
        {"a/#", "cannot hold #"},
        {"\xff", "UTF-8"},
        {"{a}{b}{c}{d}{e}{f}{g}{h}{i}{j}{k}{l}{m}{n}{o}{p}{q}{r}{s}{t}{u}{v}{w}{x}{y}", "at most 24"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct error err = {0};
        struct topic_template *t = topic_template_parse(cases[i].text, &err);
        if (t || err.code != STATUS_INVALID || !strstr(err.text, cases[i].why))
            fail_msg("template %s: %s", cases[i].text, err.text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fill),
        cmocka_unit_test(test_names_are_listed_once),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
