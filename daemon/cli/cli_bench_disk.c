/* SPDX-License-Identifier: Apache-2.0
 *
 * `forebay bench-disk`: what one commit costs on this disk, and so how many messages a connection can bring
 * in. It does what the journal does: appends into a preallocated file, each followed by fdatasync.
 */
#include "base/clock.h"
#include "base/memory.h"
#include "cli/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

enum {
    APPEND_BYTES = 4096,
    COUNT_DEFAULT = 500,
    COUNT_MAX = 4096,
    LIMIT_US = 30 * 1000 * 1000, /* a slow card gives fewer samples, not a long wait */
};

static int compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

/* Fills `times_us`; returns how many, or -1 and errno. */
static int measure(int fd, int count, int64_t *times_us)
{
    static uint8_t bytes[APPEND_BYTES];
    int64_t start = clock_monotonic_us();
    int failure = posix_fallocate(fd, 0, (off_t)count * APPEND_BYTES);
    if (failure == 0 && fsync(fd) != 0)
        failure = errno;
    if (failure) {
        errno = failure;
        return -1;
    }
    for (int i = 0; i < count; i++) {
        memset(bytes, i + 1, sizeof bytes);
        int64_t before = clock_monotonic_us();
        if (pwrite(fd, bytes, sizeof bytes, (off_t)i * APPEND_BYTES) != (ssize_t)sizeof bytes ||
            fdatasync(fd) != 0)
            return -1;
        times_us[i] = clock_monotonic_us() - before;
        if (clock_monotonic_us() - start > LIMIT_US)
            return i + 1;
    }
    return count;
}

static double milliseconds(int64_t us)
{
    return (double)us / 1000.0;
}

/* A connection has at most a window of messages unacknowledged, and a commit and a round trip go by before
 * the acknowledgements arrive. */
static double rate(int window, int64_t commit_us, int64_t trip_us)
{
    int64_t turn_us = commit_us + trip_us > 0 ? commit_us + trip_us : 1;
    return (double)window * 1e6 / (double)turn_us;
}

static void report(const char *directory, int64_t *times_us, int count)
{
    static const int windows[] = {20, 100, 1000};
    static const int64_t trips_us[] = {200, 2000, 20000};
    int64_t sum = 0;
    for (int i = 0; i < count; i++)
        sum += times_us[i];
    qsort(times_us, (size_t)count, sizeof *times_us, compare);
    int64_t p50 = times_us[count / 2], p99 = times_us[(count - 1) * 99 / 100];
    printf("%s: %d appends of %d bytes, each made durable\n", directory, count, APPEND_BYTES);
    printf("  p50 %.2f ms, p99 %.2f ms, longest %.2f ms, mean %.2f ms\n\n", milliseconds(p50),
           milliseconds(p99), milliseconds(times_us[count - 1]), milliseconds(sum / count));
    printf("Messages a second that one connection can bring in at most, by the broker's window of "
           "unacknowledged\n"
           "messages (mosquitto: max_inflight_messages, 20 unless set) and the round trip to it:\n\n  %-12s",
           "window");
    for (size_t t = 0; t < array_count(trips_us); t++)
        printf(" %8.1f ms", milliseconds(trips_us[t]));
    for (size_t w = 0; w < array_count(windows); w++) {
        printf("\n  %-12d", windows[w]);
        for (size_t t = 0; t < array_count(trips_us); t++)
            printf(" %11.0f", rate(windows[w], p50, trips_us[t]));
    }
    puts("");
    if (p50 < 50)
        puts("\nThis is faster than a flush of any disk: the directory is in memory, or the storage does not "
             "flush.");
    else if (p50 > 20000)
        puts("\nThis disk is slow. Raise the broker's window, or put the journal on another device.");
}

int cli_bench_disk_run(const struct cli *cli, const struct cli_command *command, int argc, char **argv)
{
    const char *directory = argc > 1 ? argv[1] : ".";
    char *end = NULL;
    long count = argc > 2 ? strtol(argv[2], &end, 10) : COUNT_DEFAULT;
    (void)cli;
    if (argc > 3 || directory[0] == '-' || (end && *end) || count < 1 || count > COUNT_MAX)
        return cli_refuse_usage(command, "a directory, and how many syncs, 1 to 4096");
    char *path = xasprintf("%s/forebay-bench-XXXXXX", directory);
    int fd = mkostemp(path, O_CLOEXEC);
    if (fd < 0) {
        fprintf(stderr, "forebay bench-disk: cannot make a file in %s: %s\n", directory, strerror(errno));
        free(path);
        return EX_CANTCREAT;
    }
    unlink(path);
    free(path);
    int64_t *times_us = xcalloc((size_t)count, sizeof *times_us);
    int done = measure(fd, (int)count, times_us);
    if (done > 0)
        report(directory, times_us, done);
    else
        fprintf(stderr, "forebay bench-disk: %s: %s\n", directory, strerror(errno));
    free(times_us);
    close(fd);
    return done > 0 ? EX_OK : EX_IOERR;
}
