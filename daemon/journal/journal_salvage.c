/* SPDX-License-Identifier: Apache-2.0
 *
 * See journal_salvage.h. Each run of records without a gap becomes a segment: a gap inside one would be
 * damage again.
 */
#include "journal/journal_salvage.h"

#include "journal/journal_cursor_file.h"
#include "journal/journal_file.h"
#include "journal/journal_record.h"
#include "journal/journal_segment.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SEGMENT_BYTES = 8 << 20, BUFFER_BYTES = 1 << 20 };

struct salvage {
    int dir_fd, fd;
    struct journal_segment *segment; /* being written; NULL: none */
    struct buffer pending;           /* records not written yet */
    uint64_t written;                /* offset of the next byte in the file */
    uint64_t before;                 /* what is missing before the first record is not missed again */
    uint64_t last;                   /* newest record so far */
    uint64_t serial;
    struct journal_salvage_result *result;
    int failure; /* errno of the first failure */
    uid_t owner; /* of the original */
    gid_t group;
};

static void flush(struct salvage *s)
{
    if (!s->failure)
        s->failure = journal_file_write(s->fd, s->pending.data, s->pending.len, s->written);
    s->written += s->pending.len;
    buffer_clear(&s->pending);
}

static void close_segment(struct salvage *s)
{
    if (!s->segment)
        return;
    flush(s);
    struct buffer footer = {0};
    journal_segment_encode_footer(s->segment, &footer);
    if (!s->failure && footer.failed)
        s->failure = ENOMEM;
    if (!s->failure)
        s->failure = journal_file_write(s->fd, footer.data, footer.len, s->written);
    if (!s->failure)
        s->failure = journal_file_sync(s->fd);
    buffer_finish(&footer);
    if (s->fd >= 0)
        close(s->fd);
    s->fd = -1;
    journal_segment_destroy(s->segment);
    s->segment = NULL;
}

/* Root salvages for the user of the service, who must be able to go on with it. */
static void give_to_owner(const struct salvage *s, int fd)
{
    if (s->owner != geteuid() && fchown(fd, s->owner, s->group) != 0)
        s->result->is_ours = true;
}

static void open_segment(struct salvage *s, uint64_t base)
{
    uint8_t header[JOURNAL_SEGMENT_HEADER];
    s->serial = journal_segment_next_serial(s->serial);
    uint64_t first = s->before < base ? s->before : base - 1;
    s->segment = journal_segment_create(base, s->serial, s->last ? s->last : first);
    journal_segment_encode_header(s->segment, header);
    s->failure =
        journal_segment_create_file(s->dir_fd, s->segment->name, JOURNAL_SEGMENT_HEADER, header, &s->fd);
    if (!s->failure)
        give_to_owner(s, s->fd);
    s->written = JOURNAL_SEGMENT_HEADER;
    s->result->segments++;
}

static void handle_record(void *ctx, const char *name, const struct journal_record *record)
{
    struct salvage *s = ctx;
    (void)name;
    if (s->failure)
        return;
    if (s->segment && (record->sequence != s->last + 1 || s->segment->append_end >= SEGMENT_BYTES))
        close_segment(s);
    if (!s->segment)
        open_segment(s, record->sequence);
    size_t span = journal_record_span(record->bytes.len);
    if (s->failure || !buffer_reserve(&s->pending, span)) {
        s->failure = s->failure ? s->failure : ENOMEM;
        return;
    }
    struct journal_record_header h = {.length = (uint32_t)record->bytes.len,
                                      .mark = journal_segment_mark(s->segment, s->segment->append_end),
                                      .sequence = record->sequence,
                                      .appended_us = record->appended_us};
    uint8_t *place = s->pending.data + s->pending.len;
    memset(place, 0, span);
    journal_record_encode(place, &h);
    if (record->bytes.len)
        memcpy(place + JOURNAL_RECORD_HEADER, record->bytes.data, record->bytes.len);
    journal_record_seal(place);
    s->pending.len += span;
    journal_segment_add_record(s->segment, record->sequence, span, record->appended_us);
    s->last = record->sequence;
    s->result->records++;
    if (s->pending.len >= BUFFER_BYTES)
        flush(s);
}

/* Numbers of records that are lost are not given again: an empty segment stands behind them. */
static void keep_numbers(struct salvage *s, uint64_t highest)
{
    if (s->failure || !s->last || highest <= s->last)
        return;
    open_segment(s, highest + 1);
    close_segment(s);
}

static void add_cursor(void *ctx, const struct journal_inspect_cursor *c)
{
    struct journal_cursor_entry *e = journal_cursor_state_add(ctx, c->name);
    if (e) {
        e->place = (struct journal_cursor_place){c->confirmed, c->note};
        e->safe = e->submitted = e->place;
    }
}

/* Both slots lost: none is written, and reading begins at the oldest record, as it would have in the
 * original.
 */
static int write_cursors(const struct salvage *s, const struct journal_inspect *in)
{
    struct journal_cursor_state state;
    struct buffer slot = {0};
    int fd = journal_cursor_file_open(s->dir_fd);
    if (fd < 0)
        return errno;
    give_to_owner(s, fd);
    int failure = 0;
    journal_cursor_state_init(&state);
    journal_inspect_each_cursor(in, add_cursor, &state);
    uint64_t highest = journal_inspect_highest(in);
    if (highest) {
        state.highest = highest > s->last ? highest : s->last;
        state.highest_serial = s->serial;
        state.newest = s->last;
        journal_cursor_file_encode(&state, state.highest, &slot);
        failure = slot.failed ? ENOMEM
                              : journal_file_write(fd, slot.data, slot.len,
                                                   journal_cursor_file_offset(state.generation));
    }
    if (!failure)
        failure = journal_file_sync(fd);
    close(fd);
    buffer_finish(&slot);
    journal_cursor_state_finish(&state);
    return failure;
}

enum status journal_salvage(struct journal_inspect *in, const char *target,
                            struct journal_salvage_result *result, struct error *err)
{
    static const struct journal_inspect_events events = {.on_record = handle_record};
    struct salvage s = {.dir_fd = -1, .fd = -1, .result = result};
    *result = (struct journal_salvage_result){0};
    struct stat original = {.st_uid = geteuid(), .st_gid = getegid()};
    if (mkdir(target, 0700) != 0)
        return error_set_errno(err, STATUS_IO, errno, "cannot create %s", target);
    s.dir_fd = open(target, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (s.dir_fd < 0)
        return error_set_errno(err, STATUS_IO, errno, "cannot open %s", target);
    s.before = journal_inspect_lowest(in);
    (void)fstat(journal_inspect_directory(in), &original);
    s.owner = original.st_uid;
    s.group = original.st_gid;
    give_to_owner(&s, s.dir_fd);
    enum status st = journal_inspect_walk(in, 1, &events, &s, &result->found, err);
    close_segment(&s);
    keep_numbers(&s, journal_inspect_highest(in));
    if (!s.failure)
        s.failure = write_cursors(&s, in);
    if (!s.failure)
        s.failure = journal_file_sync_directory(s.dir_fd);
    close(s.dir_fd);
    buffer_finish(&s.pending);
    if (st != STATUS_OK && st != STATUS_CORRUPT)
        return st;
    if (s.failure)
        return error_set_errno(err, STATUS_IO, s.failure, "cannot write %s", target);
    return STATUS_OK;
}
