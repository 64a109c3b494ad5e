/* SPDX-License-Identifier: Apache-2.0
 *
 * Which numbers of the dead-letter journal hold no open letter: retired ones, the notes that retired them,
 * damaged ones. Kept as runs, so that memory follows the disorder of retiring and not the number of letters.
 */
#ifndef DELIVERY_DEAD_LETTER_INDEX_H
#define DELIVERY_DEAD_LETTER_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dead_letter_run {
    uint64_t first, last;
};

/* Zero-initialised is empty. */
struct dead_letter_index {
    struct dead_letter_run *runs; /* ascending; neither overlapping nor touching */
    size_t count, capacity;
};

void dead_letter_index_finish(struct dead_letter_index *x);
/* Returns how many of these numbers were not in it yet. */
uint64_t dead_letter_index_add(struct dead_letter_index *x, uint64_t first, uint64_t last);
bool dead_letter_index_has(const struct dead_letter_index *x, uint64_t number);
/* The first number from `number` on that is not in it. */
uint64_t dead_letter_index_next_open(const struct dead_letter_index *x, uint64_t number);
/* Forget what is up to `through`. */
void dead_letter_index_trim(struct dead_letter_index *x, uint64_t through);

#endif
