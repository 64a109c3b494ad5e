/* SPDX-License-Identifier: Apache-2.0
 *
 * Payloads made to cost a codec as much as they can: deep, wide, merged, flooded, escaped, repeated, packed
 * together. What test_codec_limits, bench_codec_limits and the gate on their cost run over.
 */
#ifndef CODEC_CORPUS_H
#define CODEC_CORPUS_H

#include "base/bytes.h"

/* One kind of payload. */
struct codec_case {
    const char *codec; /* what reads it; see codec_runner.h */
    const char *name;
    void (*fill)(struct buffer *payload, size_t size); /* append about `size` bytes */
};

/* A table ends with a row whose codec is NULL. */
extern const struct codec_case codec_corpus_protobuf[];
extern const struct codec_case codec_corpus_unwrap[]; /* protobuf in envelopes */
extern const struct codec_case codec_corpus_json[];
extern const struct codec_case codec_corpus_sparkplug[];
extern const struct codec_case codec_corpus_binary[]; /* cbor and msgpack */
extern const struct codec_case codec_corpus_gzip[];
extern const struct codec_case codec_corpus_zstd[];

/* Fields of protobuf. */
void codec_corpus_number(struct buffer *b, unsigned field, uint64_t n);
void codec_corpus_run(struct buffer *b, unsigned field, const void *data, size_t len);
/* What is in `b` becomes the content of the field. */
void codec_corpus_wrap(struct buffer *b, unsigned field);

/* Helpers of the tables: `text` until the payload has `size` bytes. */
void codec_corpus_repeat(struct buffer *payload, const void *text, size_t len, size_t size);
/* Numbers that look random and are the same each time. */
uint64_t codec_corpus_random(uint64_t *state);

#endif
