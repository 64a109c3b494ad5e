/* SPDX-License-Identifier: Apache-2.0
 *
 * Log lines: threshold, repeating conditions, one write for a line, no control characters.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char last[2200];
static int lines;

static void keep_line(void *ctx, enum log_level level, const char *line)
{
    (void)ctx;
    (void)level;
    snprintf(last, sizeof last, "%s", line);
    lines++;
}

static int set_up(void **state)
{
    (void)state;
    lines = 0;
    last[0] = 0;
    log_set_sink(keep_line, NULL);
    log_set_level(LOG_LEVEL_INFO);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    log_set_sink(NULL, NULL);
    clock_fake_stop();
    return 0;
}

static void test_threshold(void **state)
{
    (void)state;
    log_debug("part", "not shown %d", 1);
    assert_int_equal(lines, 0);
    log_info("part", "object=%s what", "x");
    assert_string_equal(last, "object=x what");
    log_set_level(LOG_LEVEL_ERROR);
    log_warning("part", "not shown");
    assert_int_equal(lines, 1);
    log_set_level(LOG_LEVEL_DEBUG);
    log_debug("part", "shown");
    assert_int_equal(lines, 2);
}

static void test_repeating_condition(void **state)
{
    (void)state;
    clock_fake_start(0);
    for (int i = 0; i < 10; i++) {
        log_limited(1000, LOG_LEVEL_WARNING, "part", "again %d", i);
        clock_fake_advance(300000);
    }
    assert_int_equal(lines, 3); /* at 0, 1.2 and 2.4 s */
    assert_string_equal(last, "again 8 (3 more like it were left out)");
}

static void read_standard_error(char *text, size_t size, const char *line)
{
    int fds[2], saved = dup(STDERR_FILENO);
    assert_int_equal(pipe(fds), 0);
    dup2(fds[1], STDERR_FILENO);
    log_info("part", "%s", line);
    dup2(saved, STDERR_FILENO);
    close(saved);
    close(fds[1]);
    ssize_t n = read(fds[0], text, size - 1);
    close(fds[0]);
    text[n > 0 ? n : 0] = 0;
}

static void test_line_on_standard_error(void **state)
{
    (void)state;
    log_set_sink(NULL, NULL);
    char text[4096], longer[5000];
    read_standard_error(text, sizeof text, "one\ntwo\x1b[31m");
    assert_non_null(strstr(text, "part: one two [31m\n"));
    assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = 0;
    read_standard_error(text, sizeof text, longer);
    assert_true(strlen(text) > 2000);
    assert_int_equal(text[strlen(text) - 1], '\n');
}

#define log_test(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        log_test(test_threshold),
        log_test(test_repeating_condition),
        log_test(test_line_on_standard_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
