/* SPDX-License-Identifier: Apache-2.0
 *
 * One line an event: part, then object, then what. On a terminal as text with the time; under systemd
 * (JOURNAL_STREAM is set) with the priority prefixes of sd-daemon(3). From INFO up an operator understands a
 * line without the source. No secrets, no payloads. May be called from any thread.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/error.h"

#include <stdint.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

extern enum log_level log_threshold; /* read only: tested before a debug line is formatted */

void log_set_level(enum log_level level);
/* Tests: lines go to `sink` instead; NULL: back to standard error. */
void log_set_sink(void (*sink)(void *ctx, enum log_level level, const char *line), void *ctx);

void log_write(enum log_level level, const char *part, const char *format, ...) PRINTF_LIKE(3, 4);

#define log_error(part, ...)   log_write(LOG_LEVEL_ERROR, part, __VA_ARGS__)
#define log_warning(part, ...) log_write(LOG_LEVEL_WARNING, part, __VA_ARGS__)
#define log_info(part, ...)    log_write(LOG_LEVEL_INFO, part, __VA_ARGS__)
#define log_debug(part, ...)                                                                                 \
    do {                                                                                                     \
        if (log_threshold >= LOG_LEVEL_DEBUG)                                                                \
            log_write(LOG_LEVEL_DEBUG, part, __VA_ARGS__);                                                   \
    } while (0)

/* For conditions that repeat: at most one line each `interval_ms`, with the number that was left out. */
struct log_limit {
    int64_t next_us;
    uint64_t skipped;
};

void log_write_limited(struct log_limit *limit, int64_t interval_ms, enum log_level level, const char *part,
                       const char *format, ...) PRINTF_LIKE(5, 6);

#define log_limited(interval_ms, level, part, ...)                                                           \
    do {                                                                                                     \
        static struct log_limit log_limit_here;                                                              \
        log_write_limited(&log_limit_here, interval_ms, level, part, __VA_ARGS__);                           \
    } while (0)

#endif
