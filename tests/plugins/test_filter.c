/* SPDX-License-Identifier: Apache-2.0
 *
 * Proves what a filter expression can say, what it cannot do, and that its errors tell the place. The
 * README's table of semantics is this file's table of cases.
 */
#include "fake_host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

struct filter_options {
    const char *keep, *drop;
    int on_error;
};

#define TEXT(t)                                                                                              \
    {                                                                                                        \
        t, sizeof t - 1                                                                                      \
    }
#define FIELD_INT(i)                                                                                         \
    {                                                                                                        \
        .type = FBY_INT, .integer = (i)                                                                      \
    }
#define FIELD_NUM(n)                                                                                         \
    {                                                                                                        \
        .type = FBY_DOUBLE, .number = (n)                                                                    \
    }
#define FIELD_TEXT(t)                                                                                        \
    {                                                                                                        \
        .type = FBY_STRING, .len = sizeof t - 1, .bytes = t                                                  \
    }
#define FIELD_LIST(l)                                                                                        \
    {                                                                                                        \
        .type = FBY_LIST, .len = sizeof l / sizeof l[0], .items = l                                          \
    }
#define FIELD_MAP(m)                                                                                         \
    {                                                                                                        \
        .type = FBY_MAP, .len = sizeof m / sizeof m[0], .fields = m                                          \
    }

static struct fby_value tags[] = {FIELD_TEXT("red"), FIELD_TEXT("blue")};
static struct fby_field position[] = {{TEXT("lat"), FIELD_NUM(52.5)}, {TEXT("7"), FIELD_TEXT("seven")}};
static struct fby_field fields[] = {
    {TEXT("temperature"), FIELD_NUM(21.5)},
    {TEXT("count"), FIELD_INT(7)},
    {TEXT("status"), FIELD_TEXT("OK")},
    {TEXT("type"), FIELD_TEXT("alarm")},
    {TEXT("value"), FIELD_INT(3)},
    {TEXT("topic"), FIELD_TEXT("forged")},
    {TEXT("math"), FIELD_TEXT("forged")},
    {TEXT("odd name"), FIELD_INT(1)},
    {TEXT("big"), {.type = FBY_UINT, .uinteger = UINT64_MAX}},
    {TEXT("small"), {.type = FBY_UINT, .uinteger = 5}},
    {TEXT("nothing"), {.type = FBY_NULL}},
    {TEXT("yes"), {.type = FBY_BOOL, .boolean = true}},
    {TEXT("at"), {.type = FBY_TIME, .time_s = 100, .len = 500000000}},
    {TEXT("raw"), {.type = FBY_BYTES, .len = 3, .bytes = "a\0b"}},
    {TEXT("tags"), FIELD_LIST(tags)},
    {TEXT("position"), FIELD_MAP(position)},
};
static struct fby_value body = FIELD_MAP(fields);
static const struct fby_pair captures[] = {{TEXT("device"), TEXT("d1")}, {TEXT("status"), TEXT("captured")}};
static const struct fby_pair properties[] = {{TEXT("site"), TEXT("berlin")}};
static const struct fby_message message = {.sequence = 9,
                                           .time_us = 1700000000500000,
                                           .source = TEXT("devices"),
                                           .topic = TEXT("sensors/d1/telemetry"),
                                           .payload = TEXT("{}"),
                                           .properties = properties,
                                           .property_count = 1,
                                           .captures = captures,
                                           .capture_count = 2};

static struct fake_host *host_for(const char *keep, const char *drop, int on_error)
{
    struct fake_host *h = fake_host_create("plugins/filter/filter.so");
    *(struct filter_options *)fake_host_options(h) = (struct filter_options){keep, drop, on_error};
    return h;
}

static int verdict_of(const char *keep, char *reason, size_t size)
{
    struct fake_host *h = host_for(keep, NULL, 0);
    if (!fake_host_start(h)) {
        snprintf(reason, size, "%s", fake_host_refusal(h));
        fake_host_destroy(h);
        return -1;
    }
    const char *why;
    int verdict = fake_host_process(h, &message, &body, &why);
    snprintf(reason, size, "%s", why);
    fake_host_destroy(h);
    return verdict;
}

static void expect(const char *expression, int verdict)
{
    char reason[512];
    int got = verdict_of(expression, reason, sizeof reason);
    if (got != verdict)
        fail_msg("%s: verdict %d, expected %d (%s)", expression, got, verdict, reason);
}

static void answers_conditions(void **state)
{
    (void)state;
    static const char *const true_ones[] = {
        "temperature >= 20 and status ~= 'X'",
        "count == 7 and count + 0.5 > 7",
        "position.lat > 52 and position['lat'] < 53",
        "position[7] == 'seven'",
        "tags[1] == 'red' and tags[2] == 'blue' and #tags == 2",
        "contains(tags, 'blue') and not contains(tags, 'green')",
        "body['odd name'] == 1 and body.topic == 'forged'",
        "topic == 'sensors/d1/telemetry' and math.floor(temperature) == 21",
        "type == 'alarm' and value == 3",
        "device == 'd1' and captures.device == 'd1'",
        "status == 'OK' and captures.status == 'captured'",
        "properties.site == 'berlin'",
        "time == 1700000000.5 and message.time == time and at == 100.5",
        "payload == '{}' and message.size == 2 and message.source == 'devices' and message.sequence == 9",
        "yes and yes == true",
        "big > 18446744073709549000.0 and big > 5 and small == 5",
        "raw == 'a\\0b' and #raw == 3",
        "like(topic, 'sensors/*/tele?etry') and not like(topic, 'sensors/?/*y')",
        "topic:starts_with('sensors/') and topic:ends_with('/telemetry') and topic:contains('d1')",
        "status:lower() == 'ok' and ('a' .. count) == 'a7' and topic:sub(-9) == 'telemetry'",
        "tonumber('0x10') == 16 and tonumber('x') == nil and tostring(count) == '7'",
        "math.max(1, count) == 7 and math.type(count) == 'integer'",
        "(function() local n = 0 for i = 1, 10 do n = n + i end return n == 55 end)()",
        "-- a remark\n temperature > 1 -- and another",
    };
    for (size_t i = 0; i < sizeof true_ones / sizeof true_ones[0]; i++)
        expect(true_ones[i], FBY_PASS);
}

static void treats_missing_fields_as_unknown(void **state)
{
    (void)state;
    static const char *const false_ones[] = {
        "humidity > 5",
        "humidity < 5",
        "5 >= humidity",
        "humidity >= limit",
        "humidity",
        "humidity + 1 > 0",
        "a.b.c == 1",
        "nothing",
        "humidity == 0",
        "tags[3] == 'red'",
        "#humidity > 0",
        "-humidity < 0",
        "'x' .. humidity == 'x'",
        "like(humidity, '*')",
        "contains(missing, 1)",
    };
    for (size_t i = 0; i < sizeof false_ones / sizeof false_ones[0]; i++)
        expect(false_ones[i], FBY_DROP);
    expect("severity == 'CRITICAL' or temperature > 20", FBY_PASS);
    expect("humidity == nil and nothing == nil and humidity ~= 5", FBY_PASS);
    expect("not (humidity > 5)", FBY_PASS);
}

static void reports_what_cannot_be_compared(void **state)
{
    (void)state;
    static const struct {
        const char *expression, *reason;
    } cases[] = {
        {"status > 5", "attempt to compare"},
        {"'20' + 1 > 5", "attempt to perform arithmetic on a string value"},
        {"temperature", "gives a number, not true or false"},
        {"tags", "gives a list or map, not true or false"},
        {"unknown_function(1)", "attempt to call a nil value"},
        {"(function() while true do end end)()", "more than 10000 steps"},
        {"(function() local s = 'xxxxxxxxxxxxxxxx' while true do s = s .. s end end)()", "not enough memory"},
        {"(function() local function f() return 1 + f() end return f() end)()", ""},
        {"(function() temperature = 5 return true end)()", "cannot assign"},
        {"(function() math = 5 return true end)()", "cannot assign"},
        {"(function() math.floor = 5 return true end)()", "cannot assign"},
        {"(function() string.lower = 5 return true end)()", "cannot assign"},
        {"(function() position.lat = 5 return true end)()", "cannot assign"},
        {"(function() tags[1] = body return true end)()", "cannot assign"},
        {"(function() _ENV.x = 5 return true end)()", "cannot assign"},
        {"tostring(position) ~= nil", "number, string or boolean expected"},
        {"like('x', ('*'):sub(1, 1) .. message.topic .. message.topic .. message.topic .. message.topic .. "
         "message.topic .. message.topic .. message.topic .. message.topic .. message.topic .. message.topic "
         ".. "
         "message.topic .. message.topic .. message.topic .. message.topic)",
         "at most 256 bytes"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char reason[512];
        int verdict = verdict_of(cases[i].expression, reason, sizeof reason);
        if (verdict != FBY_FAIL || !strstr(reason, cases[i].reason))
            fail_msg("%s: verdict %d, reason %s", cases[i].expression, verdict, reason);
    }
}

/* Names that would open a way out are simply not there. */
static void sees_nothing_of_the_system(void **state)
{
    (void)state;
    static const char *const names[] = {
        "io",           "os",
        "debug",        "package",
        "require",      "load",
        "loadstring",   "loadfile",
        "dofile",       "collectgarbage",
        "getmetatable", "setmetatable",
        "rawget",       "rawset",
        "rawequal",     "pcall",
        "xpcall",       "error",
        "coroutine",    "_G",
        "next",         "pairs",
        "ipairs",       "print",
        "select",       "utf8",
        "table",        "string.rep",
        "string.dump",  "string.format",
        "string.gsub",  "string.find",
        "string.match", "string.gmatch",
        "string.pack",  "string.char",
        "math.random",  "math.randomseed",
        "_VERSION",     "('x').rep",
        "('x').format", "('x').__index",
        "math.__index", "string.__index",
        "body.__index", "captures.__metatable",
        "message.__gc",
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char expression[128];
        snprintf(expression, sizeof expression, "%s == nil", names[i]);
        expect(expression, FBY_PASS);
    }
    expect("_ENV.topic == topic", FBY_PASS);
}

static void tells_the_place_of_a_mistake(void **state)
{
    (void)state;
    static const struct {
        const char *expression, *words;
    } cases[] = {
        {"temperature = 20", "at character 13, before \"= 20\""},
        {"temperature = 20", "compared with =="},
        {"temperature > 5 && x", "at character 18"},
        {"temperature > 5 && x", "written and"},
        {"a != 5", "written ~="},
        {"a > 5 or", "at its end"},
        {"(a > 5", "at its end"},
        {"a > 'x", "unfinished string"},
        {"a > 5, b > 6", "one condition"},
        {"a > 5 then", "before \"then\": it should have ended there"},
        {"a\n  and and b", "at line 2, character 7"},
        {"1; while true do end", "wrong"},
        {"1) os.exit(0", "wrong"},
        {" ", "is empty"},
        {"\x1bLua", "wrong"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char reason[512];
        int verdict = verdict_of(cases[i].expression, reason, sizeof reason);
        if (verdict != -1 || !strstr(reason, cases[i].words))
            fail_msg("%s: verdict %d, reason %s", cases[i].expression, verdict, reason);
    }
}

static void needs_exactly_one_condition(void **state)
{
    (void)state;
    struct fake_host *h = host_for(NULL, NULL, 0);
    assert_null(fake_host_start(h));
    assert_non_null(strstr(fake_host_refusal(h), "missing"));
    fake_host_destroy(h);
    h = host_for("true", "true", 0);
    assert_null(fake_host_start(h));
    assert_non_null(strstr(fake_host_refusal(h), "one of them"));
    fake_host_destroy(h);
}

static void drops_when_told_to_drop(void **state)
{
    (void)state;
    struct fake_host *h = host_for(NULL, "temperature > 20", 0);
    assert_non_null(fake_host_start(h));
    assert_int_equal(fake_host_process(h, &message, &body, NULL), FBY_DROP);
    fake_host_destroy(h);
    h = host_for(NULL, "humidity > 20", 0);
    assert_non_null(fake_host_start(h));
    assert_int_equal(fake_host_process(h, &message, &body, NULL), FBY_PASS);
    fake_host_destroy(h);
}

static void follows_on_error(void **state)
{
    (void)state;
    static const int verdicts[] = {FBY_FAIL, FBY_DROP, FBY_PASS};
    for (int choice = 0; choice < 3; choice++) {
        struct fake_host *h = host_for("status > 5", NULL, choice);
        assert_non_null(fake_host_start(h));
        assert_int_equal(fake_host_process(h, &message, &body, NULL), verdicts[choice]);
        assert_int_equal(fake_host_counter(h, "filter_errors"), 1);
        fake_host_destroy(h);
    }
}

/* After a runaway expression the same instance answers the next message. */
static void recovers_from_errors(void **state)
{
    (void)state;
    struct fake_host *h = host_for("(function() while count < 5 do end return count > 6 end)()", NULL, 0);
    assert_non_null(fake_host_start(h));
    struct fby_field low[] = {{TEXT("count"), FIELD_INT(1)}};
    struct fby_value low_body = FIELD_MAP(low);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(fake_host_process(h, &message, &low_body, NULL), FBY_FAIL);
        assert_int_equal(fake_host_process(h, &message, &body, NULL), FBY_PASS);
    }
    fake_host_destroy(h);
}

static void handles_payloads_without_fields(void **state)
{
    (void)state;
    struct fake_host *h = host_for("body == 'on' or temperature > 5", NULL, 0);
    assert_non_null(fake_host_start(h));
    struct fby_value on = FIELD_TEXT("on"), list = FIELD_LIST(tags), null = {.type = FBY_NULL};
    assert_int_equal(fake_host_process(h, &message, &on, NULL), FBY_PASS);
    assert_int_equal(fake_host_process(h, &message, &list, NULL), FBY_DROP);
    assert_int_equal(fake_host_process(h, &message, &null, NULL), FBY_DROP);
    fake_host_destroy(h);
}

/* Not a timed test: prints the figure that README.md quotes. */
static void shows_its_speed(void **state)
{
    (void)state;
    enum { ROUNDS = 100000 };
    struct fake_host *h = host_for("temperature >= 20 and status ~= 'STATUS_UNKNOWN'", NULL, 0);
    assert_non_null(fake_host_start(h));
    struct timespec a, b;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &a);
    for (int i = 0; i < ROUNDS; i++)
        assert_int_equal(fake_host_process(h, &message, &body, NULL), FBY_PASS);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &b);
    double ns = (double)(b.tv_sec - a.tv_sec) * 1e9 + (double)(b.tv_nsec - a.tv_nsec);
    print_message("%.0f ns for each message\n", ns / ROUNDS);
    fake_host_destroy(h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_conditions),
        cmocka_unit_test(treats_missing_fields_as_unknown),
        cmocka_unit_test(reports_what_cannot_be_compared),
        cmocka_unit_test(sees_nothing_of_the_system),
        cmocka_unit_test(tells_the_place_of_a_mistake),
        cmocka_unit_test(needs_exactly_one_condition),
        cmocka_unit_test(drops_when_told_to_drop),
        cmocka_unit_test(follows_on_error),
        cmocka_unit_test(recovers_from_errors),
        cmocka_unit_test(handles_payloads_without_fields),
        cmocka_unit_test(shows_its_speed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
