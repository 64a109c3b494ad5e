/* SPDX-License-Identifier: Apache-2.0
 *
 * A host for one codec plugin in a test: loads the .so of the build tree, counts the memory it takes, and
 * shows what it decoded as text.
 */
#ifndef FAKE_CODEC_H
#define FAKE_CODEC_H

#include "forebay/plugin.h"

struct fake_codec;

/* `path` below the build directory; NULL when that plugin is not built. `options` is the plugin's own struct
 * and must stay. */
struct fake_codec *fake_codec_create(const char *path, const void *options);
void fake_codec_destroy(struct fake_codec *c);

/* Bounds of the next calls; at first those of the daemon: 64 deep, 65,536 values, 1 MiB. */
struct fby_codec_limits *fake_codec_limits(struct fake_codec *c);
/* The tree as text, borrowed until the next call: null true 1 -1 0.5 "text" h'ff' t1.000000002 [1, 2]
 * {"a": 1}. A refusal is "! " and the reason. */
const char *fake_codec_decode(struct fake_codec *c, const void *payload, size_t len);
/* The tree itself, borrowed until the next decode; NULL: refused, and fake_codec_reason() says why. */
const struct fby_value *fake_codec_tree(struct fake_codec *c, const void *payload, size_t len);
const char *fake_codec_reason(const struct fake_codec *c);
/* Any tree encoded, as hexadecimal digits; a refusal is "! " and the reason. */
const char *fake_codec_encode(struct fake_codec *c, const struct fby_value *v);
/* The same payload decoded and encoded again, as hexadecimal digits. */
const char *fake_codec_repeat(struct fake_codec *c, const void *payload, size_t len);
/* Bytes that the last decode took. */
size_t fake_codec_memory(const struct fake_codec *c);

#endif
