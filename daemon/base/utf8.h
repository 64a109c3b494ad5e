/* SPDX-License-Identifier: Apache-2.0
 *
 * UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, nothing above U+10FFFF.
 */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include "base/bytes.h"

bool utf8_is_valid(struct bytes text);
/* Length of the valid sequence at the start of `text` (1 to 4), or 0. */
size_t utf8_sequence_length(struct bytes text);

#endif
