/* SPDX-License-Identifier: Apache-2.0
 *
 * Metrics: families, labels, escaping, histograms, and promtool's opinion of the text.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "metrics/metrics.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

struct route {
    uint64_t accepted, expired, full;
    int64_t backlog;
    struct histogram latency;
};

static const struct metric_row route_rows[] = {
    {"forebay_route_accepted_total", METRIC_COUNTER, offsetof(struct route, accepted), "Messages taken in."},
    {"forebay_route_dropped_total{reason=\"expired\"}", METRIC_COUNTER, offsetof(struct route, expired),
     "Messages dropped, by reason."},
    {"forebay_route_dropped_total{reason=\"full\"}", METRIC_COUNTER, offsetof(struct route, full),
     "Messages dropped, by reason."},
    {"forebay_route_backlog_messages", METRIC_GAUGE, offsetof(struct route, backlog),
     "Messages waiting.\nWith a \\ in its help."},
    {"forebay_route_latency_seconds", METRIC_HISTOGRAM, offsetof(struct route, latency),
     "From arrival to delivery."},
    {0},
};

static void fill_backlog(void *object)
{
    struct route *r = object;
    r->backlog = -3;
}

static const char *render(struct metrics *m, struct buffer *out)
{
    buffer_clear(out);
    metrics_render(m, out);
    buffer_add_byte(out, 0);
    assert_false(out->failed);
    return (const char *)out->data;
}

static int count_of(const char *text, const char *part)
{
    int count = 0;
    while ((text = strstr(text, part))) {
        count++;
        text += strlen(part);
    }
    return count;
}

static void test_groups_become_families(void **state)
{
    (void)state;
    struct metrics *m = metrics_create();
    struct buffer out = {0};
    assert_string_equal(render(m, &out), "");
    struct route a = {.accepted = 7, .expired = 1}, b = {.accepted = UINT64_MAX, .full = 2};
    struct metrics_group *first = metrics_add(m, route_rows, "route=\"a\"", &a, fill_backlog);
    metrics_add(m, route_rows, "route=\"b\"", &b, NULL);
    const char *text = render(m, &out);
    assert_int_equal(count_of(text, "# TYPE forebay_route_accepted_total counter\n"), 1);
    assert_int_equal(count_of(text, "# HELP forebay_route_dropped_total Messages dropped, by reason.\n"), 1);
    assert_non_null(strstr(text, "# HELP forebay_route_accepted_total Messages taken in.\n"
                                 "# TYPE forebay_route_accepted_total counter\n"
                                 "forebay_route_accepted_total{route=\"a\"} 7\n"
                                 "forebay_route_accepted_total{route=\"b\"} 18446744073709551615\n"));
    assert_non_null(strstr(text, "forebay_route_dropped_total{route=\"a\",reason=\"expired\"} 1\n"
                                 "forebay_route_dropped_total{route=\"a\",reason=\"full\"} 0\n"
                                 "forebay_route_dropped_total{route=\"b\",reason=\"expired\"} 0\n"));
    assert_non_null(strstr(text, "forebay_route_backlog_messages{route=\"a\"} -3\n"));
    assert_non_null(strstr(text, "Messages waiting.\\nWith a \\\\ in its help.\n"));
    metrics_remove(first);
    metrics_remove(NULL);
    text = render(m, &out);
    assert_null(strstr(text, "route=\"a\""));
    assert_non_null(strstr(text, "route=\"b\""));
    metrics_destroy(m);
    metrics_destroy(NULL);
    buffer_finish(&out);
}

static void test_without_labels(void **state)
{
    (void)state;
    struct metrics *m = metrics_create();
    struct buffer out = {0};
    struct route r = {.accepted = 1};
    metrics_add(m, route_rows, NULL, &r, NULL);
    const char *text = render(m, &out);
    assert_non_null(strstr(text, "\nforebay_route_accepted_total 1\n"));
    assert_non_null(strstr(text, "\nforebay_route_dropped_total{reason=\"full\"} 0\n"));
    assert_non_null(strstr(text, "\nforebay_route_latency_seconds_count 0\n"));
    metrics_destroy(m);
    buffer_finish(&out);
}

static void test_histogram_is_cumulative_and_in_seconds(void **state)
{
    (void)state;
    struct metrics *m = metrics_create();
    struct buffer out = {0};
    struct route r = {0};
    histogram_add_us(&r.latency, 1);
    histogram_add_us(&r.latency, 1500);
    histogram_add_us(&r.latency, 1500000);
    histogram_add_us(&r.latency, 70000000);
    metrics_add(m, route_rows, "route=\"a\"", &r, NULL);
    const char *text = render(m, &out);
    static const char *const lines[] = {
        "# TYPE forebay_route_latency_seconds histogram\n",
        "forebay_route_latency_seconds_bucket{route=\"a\",le=\"0.000001\"} 1\n",
        "forebay_route_latency_seconds_bucket{route=\"a\",le=\"0.001\"} 1\n",
        "forebay_route_latency_seconds_bucket{route=\"a\",le=\"0.002\"} 2\n",
        "forebay_route_latency_seconds_bucket{route=\"a\",le=\"2\"} 3\n",
        "forebay_route_latency_seconds_bucket{route=\"a\",le=\"50\"} 3\n",
        "forebay_route_latency_seconds_bucket{route=\"a\",le=\"+Inf\"} 4\n",
        "forebay_route_latency_seconds_sum{route=\"a\"} 71.501501\n",
        "forebay_route_latency_seconds_count{route=\"a\"} 4\n",
    };
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
        if (!strstr(text, lines[i]))
            fail_msg("no %s in %s", lines[i], text);
    metrics_destroy(m);
    buffer_finish(&out);
}

static void test_label_values_are_escaped(void **state)
{
    (void)state;
    char text[64];
    metrics_escape_label("a\"b\\c\nd", text, sizeof text);
    assert_string_equal(text, "a\\\"b\\\\c\\nd");
    metrics_escape_label("ab\"", text, 4); /* an escape is never cut in two */
    assert_string_equal(text, "ab");
    metrics_escape_label("abc", text, 1);
    assert_string_equal(text, "");
}

static void test_promtool_accepts_it(void **state)
{
    (void)state;
    if (system("command -v promtool >/dev/null 2>&1") != 0) {
        print_message("promtool is not installed, its check is left out\n");
        skip();
    }
    struct metrics *m = metrics_create();
    struct buffer out = {0};
    struct route a = {.accepted = 7}, b = {.accepted = 8};
    histogram_add_us(&a.latency, 1234);
    char label[64], value[32];
    metrics_escape_label("odd \"name\"\\", value, sizeof value);
    snprintf(label, sizeof label, "route=\"%s\"", value);
    metrics_add(m, route_rows, label, &a, fill_backlog);
    metrics_add(m, route_rows, "route=\"b\"", &b, fill_backlog);
    metrics_render(m, &out);
    FILE *promtool = popen("promtool check metrics", "w");
    assert_non_null(promtool);
    assert_int_equal(fwrite(out.data, 1, out.len, promtool), out.len);
    int status = pclose(promtool);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    metrics_destroy(m);
    buffer_finish(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_groups_become_families),
        cmocka_unit_test(test_without_labels),
        cmocka_unit_test(test_histogram_is_cumulative_and_in_seconds),
        cmocka_unit_test(test_label_values_are_escaped),
        cmocka_unit_test(test_promtool_accepts_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
