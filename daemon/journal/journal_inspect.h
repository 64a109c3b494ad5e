/* SPDX-License-Identifier: Apache-2.0
 *
 * Looks at a journal's directory while no daemon has it: every record, every damage, the cursors. Reads only,
 * needs no loop, and finds what recovery would find. Rank 3.
 */
#ifndef JOURNAL_JOURNAL_INSPECT_H
#define JOURNAL_JOURNAL_INSPECT_H

#include "base/error.h"
#include "journal/journal.h"

struct journal_inspect;

struct journal_inspect_segment {
    const char *name;
    uint64_t base, last; /* numbers of its records; last < base: it has none */
    uint64_t records;
    uint64_t size_bytes, torn_bytes;
    int64_t oldest_us, newest_us; /* append times; 0: none is known */
    bool is_sealed;
    bool is_superseded; /* its records were given again in a newer one, or it is a copy */
    bool is_damaged;
};

struct journal_inspect_damage {
    const char *segment; /* NULL: a whole file is missing */
    const char *what;
    uint64_t offset, size_bytes;
    uint64_t first, records; /* numbers that are lost; 0 records: only bytes */
};

struct journal_inspect_events { /* each may be NULL */
    void (*on_record)(void *ctx, const char *segment, const struct journal_record *record);
    void (*on_damage)(void *ctx, const struct journal_inspect_damage *damage);
    void (*on_segment)(void *ctx, const struct journal_inspect_segment *segment); /* behind its records */
};

struct journal_inspect_summary {
    uint64_t segments, records, size_bytes;
    uint64_t oldest, head; /* numbers; 0: no record */
    int64_t oldest_us, newest_us;
    uint64_t damaged_places, lost_records, torn_bytes;
    bool cursors_damaged;
};

struct journal_inspect_cursor {
    const char *name;
    uint64_t confirmed;
    struct journal_cursor_note note;
};

/* STATUS_LOCKED: a daemon has it, and `live` was not given; with `live` its newest records may look torn.
 * STATUS_NOT_FOUND: there is no such directory, or it holds no journal. STATUS_REFUSED: we may not read it.
 */
struct journal_inspect *journal_inspect_open(const char *path, bool live, struct error *err);
void journal_inspect_close(struct journal_inspect *in); /* NULL is fine */

/* Every record from number `from` on; `summary` (may be NULL) speaks of all that was looked at. STATUS_OK,
 * STATUS_CORRUPT: something is damaged. STATUS_IO: a file cannot be opened. */
MUST_CHECK enum status journal_inspect_walk(struct journal_inspect *in, uint64_t from,
                                            const struct journal_inspect_events *events, void *ctx,
                                            struct journal_inspect_summary *summary, struct error *err);
/* True when `summary` speaks of damage. */
bool journal_inspect_has_damage(const struct journal_inspect_summary *summary);
size_t journal_inspect_cursor_count(const struct journal_inspect *in);
void journal_inspect_each_cursor(const struct journal_inspect *in,
                                 void (*fn)(void *ctx, const struct journal_inspect_cursor *c), void *ctx);
/* The newest number that was ever durable, as the cursors say; 0: not known. */
/* The position of the reader that is furthest behind; UINT64_MAX: there is no reader. */
uint64_t journal_inspect_lowest(const struct journal_inspect *in);
int journal_inspect_directory(const struct journal_inspect *in); /* its descriptor */
uint64_t journal_inspect_highest(const struct journal_inspect *in);

#endif
