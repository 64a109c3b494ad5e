/* SPDX-License-Identifier: Apache-2.0
 *
 * Proves that the plugin to copy does what its README says, with nothing but a fake host.
 */
#include "fake_host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

struct example_options {
    const char *field;
    double scale, offset;
};

static struct fake_host *start(double scale, double offset)
{
    struct fake_host *h = fake_host_create("plugins/example/example.so");
    *(struct example_options *)fake_host_options(h) = (struct example_options){"t", scale, offset};
    return h;
}

static int run(struct fake_host *h, struct fby_value *v, const char **reason)
{
    static const struct fby_message message;
    struct fby_field field = {{"t", 1}, *v};
    struct fby_value map = {.type = FBY_MAP, .len = 1, .fields = &field};
    int verdict = fake_host_process(h, &message, &map, reason);
    *v = field.value;
    return verdict;
}

static void corrects_a_number(void **state)
{
    (void)state;
    struct fake_host *h = start(2, -1);
    assert_non_null(fake_host_start(h));
    struct fby_value v = {.type = FBY_INT, .integer = 20};
    assert_int_equal(run(h, &v, NULL), FBY_PASS);
    assert_int_equal(v.type, FBY_DOUBLE);
    assert_true(v.number > 38.9 && v.number < 39.1);
    v = (struct fby_value){.type = FBY_DOUBLE, .flags = FBY_FLAG_FLOAT32, .number = 1.5};
    assert_int_equal(run(h, &v, NULL), FBY_PASS);
    assert_int_equal(v.flags, FBY_FLAG_FLOAT32);
    assert_int_equal(fake_host_counter(h, "corrected"), 2);
    fake_host_destroy(h);
}

static void fails_what_is_not_a_number(void **state)
{
    (void)state;
    struct fake_host *h = start(2, -1);
    assert_non_null(fake_host_start(h));
    const char *reason;
    struct fby_value v = {.type = FBY_STRING, .len = 2, .bytes = "20"};
    assert_int_equal(run(h, &v, &reason), FBY_FAIL);
    assert_string_equal(reason, "the field is not a number");
    fake_host_destroy(h);
}

static void passes_messages_without_the_field(void **state)
{
    (void)state;
    struct fake_host *h = start(2, -1);
    assert_non_null(fake_host_start(h));
    static const struct fby_message message;
    struct fby_value text = {.type = FBY_STRING, .len = 2, .bytes = "20"};
    assert_int_equal(fake_host_process(h, &message, &text, NULL), FBY_PASS);
    fake_host_destroy(h);
}

static void refuses_a_scale_of_zero(void **state)
{
    (void)state;
    struct fake_host *h = start(0, 3);
    assert_null(fake_host_start(h));
    assert_non_null(strstr(fake_host_refusal(h), "scale of 0"));
    fake_host_destroy(h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(corrects_a_number),
        cmocka_unit_test(fails_what_is_not_a_number),
        cmocka_unit_test(passes_messages_without_the_field),
        cmocka_unit_test(refuses_a_scale_of_zero),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
