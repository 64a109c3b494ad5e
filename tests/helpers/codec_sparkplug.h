/* SPDX-License-Identifier: Apache-2.0
 *
 * The stage `sparkplug` with all that it does for a message. For the birth of an edge node: unpacked,
 * remembered and saved with its aliases, and made a value tree. For data that are not the next and have
 * aliases that no birth has declared: held back until their time is up, unpacked again, and delivered.
 */
#ifndef CODEC_SPARKPLUG_H
#define CODEC_SPARKPLUG_H

#include "base/arena.h"
#include "base/error.h"

#include <forebay/plugin.h>

struct codec_sparkplug;

/* The alias that has a name of 4,000 bytes when data are read; alias 1 is "a". */
enum { CODEC_SPARKPLUG_LONG_ALIAS = 2 };

/* `name`: "sparkplug" for births, "sparkplug-data" for data, "sparkplug-map" for data with their metrics as a
 * map. NULL: another name. */
struct codec_sparkplug *codec_sparkplug_create(const char *name);
void codec_sparkplug_destroy(struct codec_sparkplug *s); /* accepts NULL */
/* The tree is in the arena. */
enum status codec_sparkplug_decode(struct codec_sparkplug *s, struct bytes payload, struct arena *a,
                                   struct fby_value *out, struct error *err);

#endif
