/* SPDX-License-Identifier: Apache-2.0
 *
 * The journal as others see it: opening, closing, settings, figures.
 */
#include "journal/journal.h"

#include "base/log.h"
#include "journal/journal_file.h"
#include "journal/journal_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { RETRY_MIN_MS = 1000, RETRY_MAX_MS = 30000, SEGMENT_SIZE_MIN = 64 * 1024 };

/* NOLINTBEGIN(bugprone-macro-parentheses): names of members and initialisers take none */
#define ROW(member, row_kind, row_name, row_help)                                                            \
    {                                                                                                        \
        .name = row_name, .kind = row_kind, .offset = offsetof(struct journal, member), .help = row_help     \
    }

/* NOLINTEND(bugprone-macro-parentheses) */
static const struct metric_row metric_rows[] = {
    ROW(stats.appended_records, METRIC_COUNTER, "forebay_journal_appended_records_total",
        "Records appended."),
    ROW(stats.appended_bytes, METRIC_COUNTER, "forebay_journal_appended_bytes_total",
        "Bytes of the records appended."),
    ROW(stats.commits, METRIC_COUNTER, "forebay_journal_commits_total", "Commits made durable."),
    ROW(stats.commit_us, METRIC_HISTOGRAM, "forebay_journal_commit_seconds",
        "Time from handing a commit to the writer until it was durable."),
    ROW(stats.commit_failures, METRIC_COUNTER, "forebay_journal_commit_failures_total",
        "Writes or flushes of a segment that failed."),
    ROW(stats.sync_failures, METRIC_COUNTER, "forebay_journal_sync_failures_total",
        "Calls of fdatasync that failed."),
    ROW(stats.refused_full, METRIC_COUNTER, "forebay_journal_refused_total{reason=\"full\"}",
        "Appends refused, by reason."),
    ROW(stats.refused_io, METRIC_COUNTER, "forebay_journal_refused_total{reason=\"storage_failed\"}",
        "Appends refused, by reason."),
    ROW(stats.lost_uncommitted, METRIC_COUNTER, "forebay_journal_uncommitted_total",
        "Records given up before they were durable, and so never acknowledged."),
    ROW(stats.evicted_full, METRIC_COUNTER, "forebay_journal_evicted_records_total{reason=\"journal_full\"}",
        "Records removed before every reader had confirmed them, by reason."),
    ROW(stats.evicted_expired, METRIC_COUNTER, "forebay_journal_evicted_records_total{reason=\"expired\"}",
        "Records removed before every reader had confirmed them, by reason."),
    ROW(stats.read_errors, METRIC_COUNTER, "forebay_journal_read_errors_total",
        "Reads of a segment that failed."),
    ROW(quarantine.damaged_records, METRIC_COUNTER, "forebay_journal_damaged_records_total",
        "Records found damaged and skipped since the start."),
    ROW(quarantine.damaged_bytes, METRIC_COUNTER, "forebay_journal_damaged_bytes_total",
        "Bytes found damaged and skipped since the start."),
    ROW(recovery.torn_bytes, METRIC_COUNTER, "forebay_journal_torn_bytes_total",
        "Bytes of an unfinished write cut off at the start."),
    ROW(stats.size_bytes, METRIC_GAUGE, "forebay_journal_size_bytes", "Bytes of all segments on disk."),
    ROW(stats.segments, METRIC_GAUGE, "forebay_journal_segments", "Segment files."),
    ROW(stats.oldest, METRIC_GAUGE, "forebay_journal_oldest_sequence", "Number of the oldest record kept."),
    ROW(stats.head, METRIC_GAUGE, "forebay_journal_head_sequence", "Number of the newest durable record."),
    ROW(stats.parked_cursors, METRIC_GAUGE, "forebay_journal_parked_cursors",
        "Cursors known whose reader is not configured any more."),
    ROW(stats.state, METRIC_GAUGE, "forebay_journal_state", "0: working, 1: full, 2: storage failed."),
    {.name = NULL},
};

static void refresh_metrics(void *object)
{
    struct journal *j = object;
    j->stats.size_bytes = (int64_t)journal_size_bytes(j);
    j->stats.oldest = (int64_t)journal_oldest(j);
    j->stats.head = (int64_t)j->durable_head;
    j->stats.state = (int64_t)j->state;
    j->stats.segments = j->stats.parked_cursors = 0;
    list_for_each(s, &j->segments, struct journal_segment, link) j->stats.segments++;
    list_for_each(e, &j->cursor_state.entries, struct journal_cursor_entry, link) j->stats.parked_cursors +=
        !e->open;
}

static void register_metrics(struct journal *j, struct metrics *metrics, const char *label)
{
    if (!metrics)
        return;
    char value[128], labels[160];
    metrics_escape_label(label, value, sizeof(value));
    snprintf(labels, sizeof(labels), "journal=\"%s\"", value);
    j->metrics = metrics_add(metrics, metric_rows, labels, j, refresh_metrics);
}

/* The directory and those above it that are missing. */
static bool make_directories(char *path)
{
    for (char *slash = path; *slash; slash++) {
        slash = strchr(slash + 1, '/');
        if (slash)
            *slash = '\0';
        int failed = mkdir(path, 0700) != 0 && errno != EEXIST;
        if (slash)
            *slash = '/';
        if (failed)
            return false;
        if (!slash)
            break;
    }
    return true;
}

static void sync_parent(struct journal *j)
{
    int fd = openat(j->dir_fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return;
    (void)journal_file_sync_directory(fd);
    close(fd);
}

static enum status open_directory(struct journal *j, struct error *err)
{
    if (!make_directories(j->path))
        return error_set_errno(
            err, STATUS_IO, errno,
            "cannot create %s. Make it and give it to the user of the service, or name another", j->path);
    j->dir_fd = open(j->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (j->dir_fd < 0)
        return error_set_errno(err, STATUS_IO, errno, "cannot open %s", j->path);
    sync_parent(j);
    return STATUS_OK;
}

static enum status lock_directory(struct journal *j, struct error *err)
{
    char text[32] = "";
    j->lock_fd = openat(j->dir_fd, "lock", O_CREAT | O_RDWR | O_CLOEXEC, 0600);
    if (j->lock_fd < 0)
        return error_set_errno(err, STATUS_IO, errno, "cannot open %s/lock%s", j->path,
                               errno == EACCES ? ". Give the folder and its files to the user of the service"
                                               : "");
    if (flock(j->lock_fd, LOCK_EX | LOCK_NB) == 0) {
        snprintf(text, sizeof(text), "%ld\n", (long)getpid());
        if (ftruncate(j->lock_fd, 0) == 0) /* the number is a help for people, no more */
            (void)journal_file_write(j->lock_fd, text, strlen(text), 0);
        return STATUS_OK;
    }
    if (errno != EWOULDBLOCK)
        return error_set_errno(err, STATUS_IO, errno, "cannot lock %s", j->path);
    size_t got = 0;
    (void)journal_file_read(j->lock_fd, text, sizeof(text) - 1, 0, &got);
    text[strcspn(text, "\n")] = '\0';
    return error_set(
        err, STATUS_LOCKED,
        "%s is in use by process %s. Two daemons cannot share one state directory: stop the other "
        "one, or give this one its own journal.path",
        j->path, text[0] ? text : "(unknown)");
}

static void take_settings(struct journal *j, const struct journal_settings *s)
{
    int64_t segment_size = j->settings.segment_size, memory_tail = j->settings.memory_tail;
    bool reload = segment_size > 0;
    j->settings = *s;
    j->settings.path = j->path;
    if (reload) {
        j->settings.segment_size = segment_size;
        j->settings.memory_tail = memory_tail;
    }
    if (j->settings.segment_size > s->max_size / 4)
        j->settings.segment_size = s->max_size / 4;
    if (j->settings.segment_size < SEGMENT_SIZE_MIN)
        j->settings.segment_size = SEGMENT_SIZE_MIN;
}

static void init(struct journal *j, struct loop *l)
{
    j->loop = l;
    j->dir_fd = j->lock_fd = j->cursor_fd = -1;
    list_init(&j->segments);
    list_init(&j->removing);
    list_init(&j->blocks);
    list_init(&j->readers);
    list_init(&j->cursors);
    list_init(&j->waiting);
    list_init(&j->ready);
    journal_cursor_state_init(&j->cursor_state);
    j->pool = journal_block_pool_create();
    backoff_init(&j->retry_backoff, RETRY_MIN_MS, RETRY_MAX_MS);
    journal_reader_init(&j->peek, j, 1);
    journal_retention_start(j);
    journal_commit_start(j);
}

static void finish(struct journal *j)
{
    metrics_remove(j->metrics);
    journal_reader_finish(&j->peek);
    journal_writer_destroy(j->writer);
    journal_commit_finish(j);
    list_for_each_safe(b, &j->blocks, struct journal_block, link)
    {
        list_remove(&b->link);
        journal_block_unref(b);
    }
    journal_retention_finish(j);
    journal_block_pool_destroy(j->pool);
    journal_cursor_state_finish(&j->cursor_state);
    journal_quarantine_finish(&j->quarantine);
    if (j->cursor_fd >= 0)
        close(j->cursor_fd);
    if (j->lock_fd >= 0)
        close(j->lock_fd);
    if (j->dir_fd >= 0)
        close(j->dir_fd);
    free(j->path);
    free(j);
}

static void log_recovery(const struct journal *j)
{
    const struct journal_recovery *r = &j->recovery;
    log_info("journal", "path=%s opened: records %" PRIu64 " to %" PRIu64 ", %" PRIu64 " bytes", j->path,
             r->oldest, r->head, j->size_bytes);
    if (r->torn_bytes)
        log_warning("journal", "path=%s cut %" PRIu64 " bytes of an unfinished write", j->path,
                    r->torn_bytes);
    if (r->cursors_lost)
        log_error(
            "journal",
            "path=%s the positions of all readers are lost; reading starts at the oldest record, so some "
            "messages are delivered again",
            j->path);
}

struct journal *journal_open(const struct journal_settings *s, const char *label, struct loop *l,
                             struct metrics *metrics, struct error *err)
{
    struct journal *j = xcalloc(1, sizeof(*j));
    j->path = xstrdup(s->path);
    init(j, l);
    take_settings(j, s);
    if (open_directory(j, err) != STATUS_OK || lock_directory(j, err) != STATUS_OK)
        goto fail;
    j->cursors_are_new = faccessat(j->dir_fd, JOURNAL_CURSOR_FILE_NAME, F_OK, 0) != 0 && errno == ENOENT;
    j->cursor_fd = journal_cursor_file_open(j->dir_fd);
    if (j->cursor_fd < 0) {
        error_set_errno(err, STATUS_IO, errno, "cannot open %s/" JOURNAL_CURSOR_FILE_NAME, j->path);
        goto fail;
    }
    j->writer = journal_writer_create(l, j->dir_fd, journal_commit_handle_done, j, err);
    if (!j->writer)
        goto fail;
    journal_quarantine_init(&j->quarantine, j->dir_fd, j->path);
    if (journal_recovery_run(j, err) != STATUS_OK)
        goto fail;
    log_recovery(j);
    register_metrics(j, metrics, label);
    return j;
fail:
    error_wrap(err, "journal");
    finish(j);
    return NULL;
}

void journal_close(struct journal *j)
{
    if (!j)
        return;
    journal_commit_drain(j);
    finish(j);
}

void journal_configure(struct journal *j, const struct journal_settings *s)
{
    take_settings(j, s);
    journal_retention_check_soon(j);
    if (j->state == JOURNAL_FULL)
        loop_timer_start(j->retry_timer, 0);
}

const struct journal_recovery *journal_recovery(const struct journal *j)
{
    return &j->recovery;
}

enum journal_state journal_state(const struct journal *j)
{
    return j->state;
}

const char *journal_state_text(const struct journal *j)
{
    return j->state_text;
}

uint64_t journal_size_bytes(const struct journal *j)
{
    return j->size_bytes + j->removing_bytes;
}

uint64_t journal_durable_head(const struct journal *j)
{
    return j->durable_head;
}

uint64_t journal_oldest(const struct journal *j)
{
    list_for_each(s, &j->segments, struct journal_segment, link)
    {
        if (s->last >= s->base)
            return s->base;
    }
    return j->durable_head + 1;
}

uint64_t journal_count_after(const struct journal *j, uint64_t sequence)
{
    uint64_t count = 0;
    list_for_each(s, &j->segments, struct journal_segment, link)
    {
        uint64_t first = sequence + 1 > s->base ? sequence + 1 : s->base;
        uint64_t last = s->last < j->durable_head ? s->last : j->durable_head;
        count += last >= first ? last - first + 1 : 0;
    }
    return count;
}

void journal_set_state_callback(struct journal *j, void (*fn)(void *ctx), void *ctx)
{
    j->on_state = fn;
    j->on_state_ctx = ctx;
}

enum status journal_peek(struct journal *j, uint64_t *sequence, struct journal_record *record)
{
    journal_reader_seek(&j->peek, *sequence);
    enum status st = journal_reader_next(&j->peek, record);
    if (st == STATUS_OK)
        *sequence = record->sequence + 1;
    return st;
}
