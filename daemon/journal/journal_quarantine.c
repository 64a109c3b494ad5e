/* SPDX-License-Identifier: Apache-2.0
 *
 * quarantine/<segment>@<offset>: the damaged bytes as they stood.
 */
#include "journal/journal_quarantine.h"

#include "base/log.h"
#include "journal/journal_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define DIRECTORY "quarantine"

enum { KEPT_LIMIT = 16 << 20, COPY_STEP = 64 * 1024 };

static bool make_directory(const struct journal_quarantine *q)
{
    return mkdirat(q->dir_fd, DIRECTORY, 0700) == 0 || errno == EEXIST;
}

/* True the first time. */
static bool note_seen(struct journal_quarantine *q, uint64_t serial, uint64_t offset)
{
    uint64_t key = (serial ^ offset << 40 ^ offset) * UINT64_C(0x9e3779b97f4a7c15);
    for (size_t i = 0; i < q->seen_count; i++) {
        if (q->seen[i] == key)
            return false;
    }
    if (q->seen_count == q->seen_capacity) {
        q->seen_capacity = q->seen_capacity ? q->seen_capacity * 2 : 16;
        q->seen = xrealloc(q->seen, q->seen_capacity * sizeof(*q->seen));
    }
    q->seen[q->seen_count++] = key;
    return true;
}

static void copy_bytes(int from, uint64_t offset, uint64_t size, int to)
{
    uint8_t *bytes = malloc(COPY_STEP);
    for (uint64_t done = 0; bytes && done < size;) {
        size_t step = size - done < COPY_STEP ? (size_t)(size - done) : (size_t)COPY_STEP, got = 0;
        if (journal_file_read(from, bytes, step, offset + done, &got) != 0 || got == 0 ||
            journal_file_write(to, bytes, got, done) != 0)
            break;
        done += got;
    }
    free(bytes);
}

/* False: it was there before. */
static bool keep(struct journal_quarantine *q, const struct journal_segment *s, int fd,
                 const struct journal_scan_damage *damage)
{
    char name[128];
    if (damage->size == 0 || q->kept_bytes + damage->size > KEPT_LIMIT)
        return true;
    if (!make_directory(q))
        return true;
    snprintf(name, sizeof(name), DIRECTORY "/%s@%" PRIu64, s->name, damage->offset);
    int to = openat(q->dir_fd, name, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
    if (to < 0)
        return errno != EEXIST;
    copy_bytes(fd, damage->offset, damage->size, to);
    close(to);
    q->kept_bytes += damage->size;
    return true;
}

void journal_quarantine_init(struct journal_quarantine *q, int dir_fd, const char *path)
{
    *q = (struct journal_quarantine){.dir_fd = dir_fd, .path = xstrdup(path)};
}

void journal_quarantine_finish(struct journal_quarantine *q)
{
    free(q->path);
    free(q->seen);
    *q = (struct journal_quarantine){0};
}

void journal_quarantine_add(struct journal_quarantine *q, const struct journal_segment *s, int fd,
                            const struct journal_scan_damage *damage)
{
    if (!note_seen(q, s->serial, damage->offset))
        return;
    q->damaged_records += damage->records;
    q->damaged_bytes += damage->size;
    bool fresh = keep(q, s, fd, damage);
    log_limited(1000, LOG_LEVEL_ERROR, "journal",
                "path=%s segment=%s damaged at byte %" PRIu64 ": skipped %" PRIu64 " bytes, %" PRIu64
                " records from number %" PRIu64 " are lost; %s",
                q->path, s->name, damage->offset, damage->size, damage->records, damage->sequence,
                fresh ? "the bytes are copied to " DIRECTORY "/" : "known from before");
}

void journal_quarantine_move(struct journal_quarantine *q, const char *name, const char *why)
{
    char target[128];
    if (!make_directory(q))
        return;
    snprintf(target, sizeof(target), DIRECTORY "/%s", name);
    if (renameat(q->dir_fd, name, q->dir_fd, target) == 0)
        log_warning("journal", "path=%s file=%s %s; moved to " DIRECTORY "/", q->path, name, why);
}

void journal_quarantine_link(struct journal_quarantine *q, const char *name)
{
    char target[128];
    if (!make_directory(q))
        return;
    snprintf(target, sizeof(target), DIRECTORY "/%s", name);
    if (linkat(q->dir_fd, name, q->dir_fd, target, 0) == 0)
        log_warning("journal", "path=%s file=%s is kept in " DIRECTORY "/ as well", q->path, name);
}
