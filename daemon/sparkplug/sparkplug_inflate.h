/* SPDX-License-Identifier: Apache-2.0
 *
 * Inflates the body of a compressed envelope, bounded. With zlib sparkplug_inflate.c is built, without it
 * sparkplug_inflate_none.c, which refuses. Private to daemon/sparkplug.
 */
#ifndef SPARKPLUG_SPARKPLUG_INFLATE_H
#define SPARKPLUG_SPARKPLUG_INFLATE_H

#include "base/arena.h"
#include "base/error.h"

/* gzip or zlib data of exactly one member to at most `limit` bytes in `a`. */
MUST_CHECK enum status sparkplug_inflate(struct bytes packed, size_t limit, struct arena *a,
                                         struct bytes *out, struct error *err);

#endif
