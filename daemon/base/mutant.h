/* SPDX-License-Identifier: Apache-2.0
 *
 * Deliberate bugs, to prove that the tests see them: `if (MUTANT(name))` is constant false, unless the build
 * was configured with --enable-mutants and $FOREBAY_MUTANT names this one. tests/faults/mutants.py has the
 * list.
 */
#ifndef BASE_MUTANT_H
#define BASE_MUTANT_H

#include <stdbool.h>

#ifdef FBY_MUTANTS
#include <stdlib.h>
#include <string.h>

static inline bool mutant_is_chosen(const char *name)
{
    const char *chosen = getenv("FOREBAY_MUTANT");
    return chosen && strcmp(chosen, name) == 0;
}
#define MUTANT(name) mutant_is_chosen(#name)
#else
#define MUTANT(name) false
#endif

#endif
