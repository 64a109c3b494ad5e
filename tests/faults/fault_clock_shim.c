/* SPDX-License-Identifier: Apache-2.0
 *
 * Preloaded into a program under test: its real time is off by as many seconds as the file FAULT_CLOCK says,
 * which may change at any moment (8 bytes, native). The monotonic clock stays, as when an operator or NTP
 * sets the time.
 */
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

static _Atomic(int64_t) *offset_s;

__attribute__((constructor)) static void start(void)
{
    const char *path = getenv("FAULT_CLOCK");
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0)
        return;
    void *map = mmap(NULL, sizeof(*offset_s), PROT_READ, MAP_SHARED, fd, 0);
    if (map != MAP_FAILED)
        offset_s = map;
    close(fd);
}

static int64_t offset(void)
{
    return offset_s ? atomic_load(offset_s) : 0;
}

EXPORT int clock_gettime(clockid_t id, struct timespec *t)
{
    int result = (int)syscall(SYS_clock_gettime, id, t);
    if (result == 0 && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE))
        t->tv_sec += (time_t)offset();
    return result;
}

EXPORT int gettimeofday(struct timeval *restrict t, void *restrict zone)
{
    int result = (int)syscall(SYS_gettimeofday, t, zone);
    if (result == 0)
        t->tv_sec += (time_t)offset();
    return result;
}

EXPORT time_t time(time_t *out)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (out)
        *out = now.tv_sec;
    return now.tv_sec;
}
