/* SPDX-License-Identifier: Apache-2.0
 *
 * One codec as a route uses it, with the settings that an operator gets without asking: payload in, payload
 * out. For the tests and the bench of the codecs' limits.
 */
#ifndef CODEC_RUNNER_H
#define CODEC_RUNNER_H

#include "codec_corpus.h"

#include "base/error.h"

struct codec_runner;

/* protobuf (TestAllTypesProto3; protobuf-keep: with unknown fields), protobuf2 (TestAllTypesProto2), json and
 * the plugins: to JSON text; protobuf-unwrap (of a oneof), -any and -bytes: what an envelope,
 * TestAllTypesProto3, carries in such a field, and the envelope; sparkplug: births of edge nodes;
 * protobuf-tree: to a value tree, and no further. "to-protobuf" and "to-" with a plugin: from JSON text.
 * NULL: not built here. `plugins`: their directory. */
struct codec_runner *codec_runner_create(const char *codec, const char *plugins);
void codec_runner_destroy(struct codec_runner *r);
/* Convert; the output is borrowed until the next call. */
enum status codec_runner_convert(struct codec_runner *r, struct bytes payload, struct bytes *out,
                                 struct error *err);

/* All cases of this build, one behind the other; NULL at the end. */
const struct codec_case *codec_runner_case(size_t index);

#endif
