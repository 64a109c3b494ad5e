/* SPDX-License-Identifier: Apache-2.0
 *
 * What the journal's tests share: a journal in a temporary directory, on a real loop with the real writer
 * thread, records whose bytes follow from their number, and injected failures of libc calls.
 */
#ifndef JOURNAL_FIXTURE_H
#define JOURNAL_FIXTURE_H

#include "journal/journal.h"
#include "loop/loop.h"
#include "metrics/metrics.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct fixture {
    char path[256];
    struct loop *loop;
    struct journal_settings settings;
    struct journal *journal;
    unsigned answers;
    enum status answer; /* the last one */
    unsigned ready, state_changes;
};

/* Settings small enough that a few records fill a segment. */
void fixture_init(struct fixture *f);
void fixture_finish(struct fixture *f);
void fixture_open(struct fixture *f);
void fixture_close(struct fixture *f);

/* Payload of the record `sequence`, 40 to 440 bytes. */
size_t fixture_payload(uint64_t sequence, uint8_t *bytes);
/* Append one such record for the next number; returns the number, 0 when refused. */
uint64_t fixture_append(struct fixture *f);
enum status fixture_commit(struct fixture *f); /* and wait for the answer */
/* Append and commit `count` records in bursts of `burst`. */
void fixture_fill(struct fixture *f, unsigned count, unsigned burst);
void fixture_turns(struct fixture *f, int64_t ms);

struct journal_cursor *fixture_cursor(struct fixture *f, const char *name, enum journal_start start);
/* Read to the end: every record must have the right bytes and ascend. Returns how many; `last` may be NULL.
 */
unsigned fixture_read(struct fixture *f, struct journal_cursor *c, uint64_t *last);
void fixture_check_record(const struct journal_record *r);

/* Names of segment files, sorted; returns how many. */
size_t fixture_list_segments(const char *path, char names[][64], size_t limit);
/* A segment file with `count` records from `base` on, as the journal would have written it. */
struct fixture_segment {
    uint64_t base, serial, follows;
    unsigned count;
    bool is_sealed;
};
void fixture_write_segment(const char *path, const struct fixture_segment *wanted);
void fixture_copy_directory(const char *from, const char *to);
void fixture_remove_directory(const char *path);

/* Let call `after` (1: the next) of a function and `count` - 1 more fail with `error_number`. */
enum fault {
    FAULT_PWRITEV,
    FAULT_FDATASYNC,
    FAULT_FALLOCATE,
    FAULT_UNLINKAT,
    FAULT_OPENAT,
    FAULT_PREAD,
    FAULT_FSYNC,
    FAULT_LSEEK,
    FAULT_FLOCK,
    FAULT_MKDIRAT,
    FAULT_FTRUNCATE,
    FAULT_FSTATVFS,
    FAULT_FSTAT,
    FAULT_GETRANDOM,
    FAULT_FACCESSAT,
    FAULT_FCHOWN,
    FAULT_COUNT
};
enum {
    FAULT_SHORT = 100000,   /* for FAULT_PWRITEV: writes a half of the first part */
    FAULT_NOTHING = 100001, /* for FAULT_PWRITEV: writes nothing, and says so */
};
void fixture_fail(enum fault which, unsigned after, unsigned count, int error_number);
void fixture_fail_none(void);
unsigned fixture_calls(enum fault which);

/* What the journal asks of the disk, in order, with the name of the file. */
enum fixture_what {
    STEP_CREATE,
    STEP_WRITE,
    STEP_SYNC,
    STEP_SYNC_DIRECTORY,
    STEP_UNLINK,
    STEP_ANSWER, /* to a commit */
    STEP_MARK,   /* the test's own */
};
struct fixture_step {
    enum fixture_what what;
    char file[64];
};
void fixture_trace_start(void);
void fixture_trace_add(enum fixture_what what, const char *file);
/* Returns how many; they are valid until the next start. */
size_t fixture_trace_stop(const struct fixture_step **steps);

#endif
