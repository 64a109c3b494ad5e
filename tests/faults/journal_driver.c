/* SPDX-License-Identifier: Apache-2.0
 *
 * A journal without a daemon, for the fault campaigns: appends messages whose bytes follow from their number,
 * commits them in bursts, reads and confirms them, and writes each step to a log outside the faulted file
 * system. The log is what oracle.py judges. Time is fake, so that a run makes the same calls each time.
 */
#include "base/clock.h"
#include "base/log.h"
#include "journal/journal.h"
#include "loop/loop.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    PAYLOAD_MIN = 16,
    PAYLOAD_SPREAD = 1500,
    LARGE_PAYLOAD_LIMIT = 64 << 10,
    LARGE_EVERY = 4, /* where there are large ones: one message in so many */
    ANSWER_LIMIT_S = 20,
    REFUSALS_LIMIT = 8, /* one after the other; then no more is appended */
    READ_FAILURES_LIMIT = 60,
    EXIT_OPEN = 3,
    EXIT_STUCK = 4,
};

struct driver {
    const char *directory, *cursor_name;
    uint64_t content; /* number of the next message */
    uint64_t left;
    unsigned burst, lag, confirm_lag;
    size_t large_spread; /* of the sizes of large payloads; 0: there are none */
    bool stop_without_close;
    struct journal_settings settings;

    struct loop *loop;
    struct journal *journal;
    struct journal_cursor *cursor;
    int log_fd;
    bool answered;
    enum status answer;
    unsigned refusals;
};

static void log_line(struct driver *d, const char *format, ...) PRINTF_LIKE(2, 3);

static void log_line(struct driver *d, const char *format, ...)
{
    char line[160];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    if (write(d->log_fd, line, (size_t)len) != len)
        _exit(EXIT_STUCK);
}

static uint64_t mix(uint64_t x)
{
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

/* The bytes of message `content`: its number, then a stream that follows from it. */
static size_t make_payload(const struct driver *d, uint64_t content, uint8_t *bytes)
{
    uint64_t state = mix(content + 1);
    bool large = d->large_spread > 0 && (state >> 32) % LARGE_EVERY == 0;
    size_t size = PAYLOAD_MIN + (size_t)(state % (large ? d->large_spread : PAYLOAD_SPREAD));
    memcpy(bytes, &content, sizeof(content));
    for (size_t at = sizeof(content); at < size; at++) {
        if (at % 8 == 0)
            state = mix(state + at);
        bytes[at] = (uint8_t)(state >> at % 8 * 8);
    }
    return size;
}

static bool is_payload(const struct driver *d, struct bytes bytes, uint64_t *content)
{
    uint8_t expected[PAYLOAD_MIN + LARGE_PAYLOAD_LIMIT];
    *content = UINT64_MAX;
    if (bytes.len < PAYLOAD_MIN)
        return false;
    memcpy(content, bytes.data, sizeof(*content));
    return make_payload(d, *content, expected) == bytes.len && memcmp(expected, bytes.data, bytes.len) == 0;
}

static void handle_answer(void *ctx, enum status result)
{
    struct driver *d = ctx;
    d->answered = true;
    d->answer = result;
}

/* Real time, because the clock of the journal is the driver's. */
static time_t now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec;
}

static enum status commit(struct driver *d)
{
    time_t end = now_s() + ANSWER_LIMIT_S;
    d->answered = false;
    journal_commit(d->journal, handle_answer, d);
    while (!d->answered) {
        loop_turn(d->loop, 5);
        if (now_s() > end) {
            log_line(d, "X no answer to a commit\n");
            _exit(EXIT_STUCK);
        }
    }
    return d->answer;
}

static unsigned append_burst(struct driver *d, uint64_t first)
{
    uint8_t payload[PAYLOAD_MIN + LARGE_PAYLOAD_LIMIT];
    unsigned count = 0;
    for (; count < d->burst && d->left > 0; count++, d->left--) {
        uint64_t sequence = 0;
        struct iovec part = {payload, make_payload(d, first + count, payload)};
        enum status st = journal_append(d->journal, &part, 1, &sequence);
        if (st != STATUS_OK) {
            log_line(d, "R %s\n", status_name(st));
            d->refusals++;
            break;
        }
        log_line(d, "S %" PRIu64 " %" PRIu64 "\n", first + count, sequence);
    }
    return count;
}

static void write_burst(struct driver *d)
{
    uint64_t first = d->content;
    unsigned count = append_burst(d, first);
    d->content += count;
    if (count == 0)
        return;
    enum status st = commit(d);
    if (st != STATUS_OK) {
        log_line(d, "F %s\n", status_name(st));
        d->refusals++;
        return;
    }
    d->refusals = 0;
    for (uint64_t content = first; content < d->content; content++)
        log_line(d, "A %" PRIu64 "\n", content);
}

static void confirm(struct driver *d, uint64_t sequence)
{
    if (sequence <= d->confirm_lag || sequence - d->confirm_lag <= journal_cursor_confirmed(d->cursor))
        return;
    journal_cursor_confirm(d->cursor, sequence - d->confirm_lag);
    log_line(d, "C %" PRIu64 "\n", sequence - d->confirm_lag);
}

/* Read to the record `through`; false when the disk did not let it. */
static bool read_through(struct driver *d, uint64_t through)
{
    struct journal_record record;
    uint64_t content = 0;
    enum status st = STATUS_OK;
    while (journal_cursor_position(d->cursor) < through) {
        st = journal_cursor_next(d->cursor, &record);
        if (st != STATUS_OK)
            break;
        bool right = is_payload(d, record.bytes, &content);
        log_line(d, "D %" PRIu64 " %" PRIu64 " %s\n", content, record.sequence, right ? "ok" : "bad");
    }
    confirm(d, journal_cursor_position(d->cursor));
    return st == STATUS_OK || st == STATUS_END;
}

static void pass_time(struct driver *d, int64_t ms)
{
    clock_fake_advance(ms * 1000);
    loop_turn(d->loop, 0);
    loop_turn(d->loop, 0);
    (void)commit(d); /* wait for the writer: the next calls then come in the same order each time */
}

static void run(struct driver *d)
{
    while (d->left > 0 && d->refusals < REFUSALS_LIMIT) {
        write_burst(d);
        uint64_t head = journal_durable_head(d->journal);
        if (head > d->lag && !read_through(d, head - d->lag))
            log_line(d, "I cannot read\n");
        pass_time(d, d->refusals ? 5000 : 130);
    }
    if (d->stop_without_close)
        return;
    d->confirm_lag = 0;
    for (unsigned tries = 0; !read_through(d, UINT64_MAX) && tries < READ_FAILURES_LIMIT; tries++)
        pass_time(d, 1000);
    log_line(d, "E %" PRIu64 "\n", d->content);
}

static bool open_all(struct driver *d)
{
    static const struct journal_cursor_events events = {0};
    struct error err;
    d->loop = loop_create(&err);
    d->journal = d->loop ? journal_open(&d->settings, "main", d->loop, NULL, &err) : NULL;
    if (d->journal)
        d->cursor = journal_cursor_open(d->journal, d->cursor_name, JOURNAL_FROM_OLDEST, &events, d, &err);
    if (d->cursor)
        return true;
    fprintf(stderr, "%s\n", err.text);
    return false;
}

static void log_recovery(struct driver *d)
{
    const struct journal_recovery *r = journal_recovery(d->journal);
    log_line(d, "O %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %d\n", r->oldest, r->head, r->torn_bytes,
             r->damaged_records, r->cursors_lost);
}

static void parse_arguments(struct driver *d, int argc, char **argv)
{
    int option;
    while ((option = getopt(argc, argv, "f:n:b:s:m:p:l:k:c:u")) != -1) {
        uint64_t number = optarg ? strtoull(optarg, NULL, 10) : 0;
        switch (option) {
        case 'f':
            d->content = number;
            break;
        case 'n':
            d->left = number;
            break;
        case 'b':
            d->burst = (unsigned)number;
            break;
        case 's':
            d->settings.segment_size = (int64_t)number << 10;
            break;
        case 'm':
            d->settings.max_size = (int64_t)number << 10;
            break;
        case 'p':
            d->large_spread = number << 10 < LARGE_PAYLOAD_LIMIT ? (size_t)number << 10 : LARGE_PAYLOAD_LIMIT;
            break;
        case 'l':
            d->lag = (unsigned)number;
            break;
        case 'k':
            d->confirm_lag = (unsigned)number;
            break;
        case 'c':
            d->cursor_name = optarg;
            break;
        case 'u':
            d->stop_without_close = true;
            break;
        default:
            exit(2);
        }
    }
    if (argc - optind != 2) {
        fprintf(stderr,
                "usage: journal_driver [-f FIRST] [-n COUNT] [-b BURST] [-s SEGMENT_KIB] [-m MAX_KIB] "
                "[-p LARGE_PAYLOAD_KIB] [-l READ_LAG] [-k CONFIRM_LAG] [-c CURSOR] [-u] DIRECTORY LOG\n");
        exit(2);
    }
    d->settings.path = argv[optind];
    d->log_fd = open(argv[optind + 1], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

int main(int argc, char **argv)
{
    struct driver d = {
        .cursor_name = "reader",
        .burst = 5,
        .settings = {.max_size = 64 << 20,
                     .segment_size = 64 << 10,
                     .record_limit = 1 << 20,
                     .memory_tail = 64 << 10},
    };
    parse_arguments(&d, argc, argv);
    clock_fake_start((INT64_C(1800000000) + (int64_t)d.content) * 1000000);
    if (!open_all(&d)) {
        log_line(&d, "N\n");
        return EXIT_OPEN;
    }
    log_recovery(&d);
    run(&d);
    if (d.stop_without_close)
        _exit(0);
    journal_cursor_close(d.cursor);
    journal_close(d.journal);
    loop_destroy(d.loop);
    close(d.log_fd);
    return 0;
}
