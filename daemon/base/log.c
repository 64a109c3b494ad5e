/* SPDX-License-Identifier: Apache-2.0
 *
 * See log.h.
 */
#include "base/log.h"

#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum log_level log_threshold = LOG_LEVEL_INFO;
static void (*log_sink)(void *, enum log_level, const char *);
static void *log_sink_ctx;

static const char *const level_names[] = {"error", "warning", "info", "debug"};
static const char level_priorities[] = {'3', '4', '6', '7'};

void log_set_level(enum log_level level)
{
    log_threshold = level;
}

void log_set_sink(void (*sink)(void *, enum log_level, const char *), void *ctx)
{
    log_sink = sink;
    log_sink_ctx = ctx;
}

static size_t format_prefix(char *line, size_t size, enum log_level level, const char *part)
{
    static int under_journal = -1;
    if (under_journal < 0)
        under_journal = getenv("JOURNAL_STREAM") != NULL;
    if (under_journal)
        return (size_t)snprintf(line, size, "<%c>%s: ", level_priorities[level], part);
    char when[32];
    clock_format_rfc3339(clock_realtime_us(), when, sizeof when);
    return (size_t)snprintf(line, size, "%s %-7s %s: ", when, level_names[level], part);
}

/* One write for each line, so that lines of several threads do not mix. */
static void write_line(enum log_level level, const char *part, const char *text)
{
    if (log_sink) {
        log_sink(log_sink_ctx, level, text);
        return;
    }
    char line[2200];
    size_t len = format_prefix(line, sizeof line, level, part);
    int n = snprintf(line + len, sizeof line - len - 1, "%s", text);
    len += (size_t)n < sizeof line - len - 1 ? (size_t)n : sizeof line - len - 2;
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)line[i] < 0x20)
            line[i] = ' ';
    line[len++] = '\n';
    if (write(STDERR_FILENO, line, len) < 0)
        return; /* nowhere left to say it */
}

void log_write(enum log_level level, const char *part, const char *format, ...)
{
    if (level > log_threshold)
        return;
    char text[2048];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    write_line(level, part, text);
}

void log_write_limited(struct log_limit *limit, int64_t interval_ms, enum log_level level, const char *part,
                       const char *format, ...)
{
    if (level > log_threshold)
        return;
    int64_t now_us = clock_monotonic_us();
    if (limit->next_us && now_us < limit->next_us) {
        limit->skipped++;
        return;
    }
    char text[2048];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    size_t len = strlen(text);
    if (limit->skipped)
        snprintf(text + len, sizeof text - len, " (%llu more like it were left out)",
                 (unsigned long long)limit->skipped);
    limit->next_us = now_us + interval_ms * 1000;
    limit->skipped = 0;
    write_line(level, part, text);
}
