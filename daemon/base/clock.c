/* SPDX-License-Identifier: Apache-2.0
 *
 * See clock.h.
 */
#include "base/clock.h"

#include <stdio.h>
#include <time.h>

static bool fake;
static int64_t fake_monotonic_us, fake_realtime_us;

static int64_t read_clock_us(clockid_t id)
{
    struct timespec t;
    clock_gettime(id, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int64_t clock_monotonic_us(void)
{
    return fake ? fake_monotonic_us : read_clock_us(CLOCK_MONOTONIC);
}

int64_t clock_realtime_us(void)
{
    return fake ? fake_realtime_us : read_clock_us(CLOCK_REALTIME);
}

bool clock_is_plausible(int64_t realtime_us)
{
    return realtime_us >= INT64_C(1577836800000000);
}

void clock_fake_start(int64_t realtime_us)
{
    fake = true;
    fake_monotonic_us = 1000000;
    fake_realtime_us = realtime_us;
}

void clock_fake_advance(int64_t delta_us)
{
    fake_monotonic_us += delta_us;
    fake_realtime_us += delta_us;
}

void clock_fake_stop(void)
{
    fake = false;
}

bool clock_is_fake(void)
{
    return fake;
}

void clock_format_rfc3339(int64_t realtime_us, char *text, size_t size)
{
    time_t seconds = (time_t)(realtime_us / 1000000);
    long us = (long)(realtime_us % 1000000);
    if (us < 0) {
        us += 1000000;
        seconds--;
    }
    struct tm tm;
    gmtime_r(&seconds, &tm);
    snprintf(text, size, "%04d-%02d-%02dT%02d:%02d:%02d.%06ldZ", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday,
             tm.tm_hour, tm.tm_min, tm.tm_sec, us);
}
