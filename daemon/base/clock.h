/* SPDX-License-Identifier: Apache-2.0
 *
 * The only place that asks for the time. Tests own it: between clock_fake_start() and clock_fake_stop() it
 * moves only by clock_fake_advance().
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Microseconds since some moment; never goes back. */
int64_t clock_monotonic_us(void);
/* Microseconds since 1970 UTC. May jump. */
int64_t clock_realtime_us(void);
/* False before 2020-01-01: a machine without battery clock that has not been set yet. */
bool clock_is_plausible(int64_t realtime_us);

void clock_fake_start(int64_t realtime_us);
void clock_fake_advance(int64_t delta_us);
void clock_fake_stop(void);
bool clock_is_fake(void);

/* RFC 3339 UTC with microseconds, "2026-01-31T12:00:00.000000Z"; `text` needs 32 bytes. */
void clock_format_rfc3339(int64_t realtime_us, char *text, size_t size);

#endif
