/* SPDX-License-Identifier: Apache-2.0
 *
 * "Did you mean": of some words the one that another is likely to be a slip of. Rank 1.
 */
#ifndef BASE_NEAREST_WORD_H
#define BASE_NEAREST_WORD_H

#include <stddef.h>

/* The candidate nearest to `word` (at most 3 edits, and fewer than half of the longer one), or NULL. */
const char *nearest_word_find(const char *word, const char *const *candidates, size_t count);

#endif
