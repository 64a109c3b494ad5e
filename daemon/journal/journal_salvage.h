/* SPDX-License-Identifier: Apache-2.0
 *
 * Writes what is whole of a journal into a new directory, with its numbers, times and cursors, so that a
 * daemon can go on with the copy. The original is not touched. Rank 3.
 */
#ifndef JOURNAL_JOURNAL_SALVAGE_H
#define JOURNAL_JOURNAL_SALVAGE_H

#include "journal/journal_inspect.h"

struct journal_salvage_result {
    uint64_t records, segments;
    struct journal_inspect_summary found; /* in the original */
    bool is_ours;                         /* it could not be given to the owner of the original */
};

/* `target` must not exist. STATUS_IO: it cannot be written; what was written is left behind. */
MUST_CHECK enum status journal_salvage(struct journal_inspect *in, const char *target,
                                       struct journal_salvage_result *result, struct error *err);

#endif
