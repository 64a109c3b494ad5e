/* SPDX-License-Identifier: Apache-2.0
 *
 * See nearest_word.h.
 */
#include "base/nearest_word.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

enum { WORD_MAX = 63 };

static unsigned min3(unsigned a, unsigned b, unsigned c)
{
    unsigned m = a < b ? a : b;
    return m < c ? m : c;
}

/* Insertions, deletions, changes and swaps of neighbours; upper and lower case are the same. */
static unsigned edit_distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
    unsigned rows[3][WORD_MAX + 1];
    unsigned *before = rows[0], *last = rows[1], *now = rows[2];
    for (size_t j = 0; j <= b_len; j++)
        last[j] = (unsigned)j;
    for (size_t i = 1; i <= a_len; i++) {
        now[0] = (unsigned)i;
        for (size_t j = 1; j <= b_len; j++) {
            int x = tolower((unsigned char)a[i - 1]), y = tolower((unsigned char)b[j - 1]);
            now[j] = min3(last[j] + 1, now[j - 1] + 1, last[j - 1] + (x != y));
            bool swapped = i > 1 && j > 1 && x == tolower((unsigned char)b[j - 2]) &&
                           y == tolower((unsigned char)a[i - 2]);
            if (swapped && before[j - 2] + 1 < now[j])
                now[j] = before[j - 2] + 1;
        }
        unsigned *oldest = before;
        before = last;
        last = now;
        now = oldest;
    }
    return last[b_len];
}

const char *nearest_word_find(const char *word, const char *const *candidates, size_t count)
{
    const char *nearest = NULL;
    size_t len = strlen(word);
    unsigned best = 4;
    if (len == 0 || len > WORD_MAX)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        size_t other = strlen(candidates[i]);
        if (other > WORD_MAX || (other > len ? other - len : len - other) >= best)
            continue;
        unsigned distance = edit_distance(word, len, candidates[i], other);
        if (distance < best && 2 * distance < (len > other ? len : other)) {
            best = distance;
            nearest = candidates[i];
        }
    }
    return nearest;
}
