/* SPDX-License-Identifier: Apache-2.0
 *
 * The stage `sparkplug` with all that it does for the birth of an edge node, which is more than it does for
 * any other message: unpacked, remembered and saved with its aliases, and made a value tree.
 */
#ifndef CODEC_SPARKPLUG_H
#define CODEC_SPARKPLUG_H

#include "base/arena.h"
#include "base/error.h"

#include <forebay/plugin.h>

struct codec_sparkplug;

struct codec_sparkplug *codec_sparkplug_create(void);
void codec_sparkplug_destroy(struct codec_sparkplug *s); /* accepts NULL */
/* The tree is in the arena. */
enum status codec_sparkplug_decode(struct codec_sparkplug *s, struct bytes payload, struct arena *a,
                                   struct fby_value *out, struct error *err);

#endif
