/* SPDX-License-Identifier: Apache-2.0
 *
 * Keeps a copy of bytes that belong to no record, in quarantine/ inside the journal's directory, for whoever
 * wants to look. Best effort, bounded, and each place is counted once however many cursors come by.
 */
#ifndef JOURNAL_JOURNAL_QUARANTINE_H
#define JOURNAL_JOURNAL_QUARANTINE_H

#include "journal/journal_scan.h"

struct journal_quarantine {
    int dir_fd; /* of the journal; borrowed */
    char *path; /* of the journal, for the log */
    uint64_t kept_bytes;
    uint64_t damaged_records, damaged_bytes; /* for metrics */
    uint64_t *seen;                          /* places counted since the start, hashed */
    size_t seen_count, seen_capacity;
};

void journal_quarantine_init(struct journal_quarantine *q, int dir_fd, const char *path);
void journal_quarantine_finish(struct journal_quarantine *q);
/* Count, log and copy a damaged place of the segment open at `fd`. */
void journal_quarantine_add(struct journal_quarantine *q, const struct journal_segment *s, int fd,
                            const struct journal_scan_damage *damage);
/* Move a file out of the way; `why` is said in the log. */
void journal_quarantine_move(struct journal_quarantine *q, const char *name, const char *why);
/* Keep a file that stays in use also after it is removed. */
void journal_quarantine_link(struct journal_quarantine *q, const char *name);

#endif
