/* SPDX-License-Identifier: Apache-2.0
 *
 * The segment files of a directory, sorted out: which there are, in what order they are read, and which
 * records of each count. Reads only; recovery and tools use it.
 */
#ifndef JOURNAL_JOURNAL_CATALOG_H
#define JOURNAL_JOURNAL_CATALOG_H

#include "journal/journal_segment.h"

struct journal_catalog_item {
    struct journal_segment *segment; /* NULL: somebody took it */
    uint64_t limit;                  /* records past it were given again in a newer segment */
    bool name_fits;                  /* to what the header says */
    bool is_header_damaged;          /* the name was used instead */
    bool is_copy;                    /* another file with the same serial counts */
};

/* Zero-initialised is empty. */
struct journal_catalog {
    struct journal_catalog_item *items; /* by their first record */
    size_t count, capacity;
};

/* Returns 0 or errno: the directory cannot be listed. */
int journal_catalog_read(struct journal_catalog *c, int dir_fd);
void journal_catalog_finish(struct journal_catalog *c);

#endif
