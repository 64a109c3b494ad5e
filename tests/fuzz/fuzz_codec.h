/* SPDX-License-Identifier: Apache-2.0
 *
 * A host for one codec plugin that is compiled into a fuzz target: what was decoded within the limits must be
 * encodable, and what was encoded must decode to something that encodes to the same bytes.
 */
#ifndef FUZZ_CODEC_H
#define FUZZ_CODEC_H

#include <assert.h>
#include <forebay/tree.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FUZZ_MEMORY_BASE = 64 << 10, FUZZ_MEMORY_FACTOR = 32, FUZZ_BLOCKS = 1 << 18 };

static void *fuzz_blocks[FUZZ_BLOCKS]; /* each its own allocation, so that the sanitizer sees its end */
static size_t fuzz_block_count, fuzz_used, fuzz_out_len;
static char fuzz_out[4 << 20], fuzz_again[4 << 20];

static inline void *fuzz_alloc(struct fby_decode *d, size_t size)
{
    size_t rounded = (size + 15) & ~(size_t)15;
    if (rounded > d->limits.memory - fuzz_used || fuzz_block_count == FUZZ_BLOCKS)
        return NULL;
    fuzz_used += rounded;
    return fuzz_blocks[fuzz_block_count++] = malloc(size ? size : 1);
}

static inline bool fuzz_write(struct fby_encode *e, const void *data, size_t len)
{
    (void)e;
    if (len > sizeof fuzz_out - fuzz_out_len)
        return false;
    memcpy(fuzz_out + fuzz_out_len, data, len);
    fuzz_out_len += len;
    return true;
}

static const struct fby_host fuzz_host = {
    .size = sizeof(struct fby_host), .decode_alloc = fuzz_alloc, .encode_write = fuzz_write};

static inline bool fuzz_decode(void *self, const struct fby_codec_ops *ops, const char *data, size_t size,
                               struct fby_value *v)
{
    struct fby_decode d = {.payload = {data, size},
                           .limits = {64, 65536, FUZZ_MEMORY_BASE + FUZZ_MEMORY_FACTOR * size}};
    fuzz_used = 0;
    bool right = ops->decode(self, &d);
    assert(right || d.error.text[0]);
    *v = d.value;
    return right;
}

static inline bool fuzz_encode(void *self, const struct fby_codec_ops *ops, const struct fby_value *v)
{
    struct fby_encode e = {.value = v, .limits = {64, 65536, sizeof fuzz_out}};
    fuzz_out_len = 0;
    return ops->encode(self, &e);
}

static inline int fuzz_codec(void **self, const struct fby_codec_ops *ops, const void *options,
                             const uint8_t *data, size_t size)
{
    struct fby_error err;
    struct fby_value v;
    if (!*self)
        *self = ops->create(&fuzz_host, NULL, options, &err);
    if (fuzz_decode(*self, ops, (const char *)data, size, &v)) {
        assert(fuzz_encode(*self, ops, &v));
        size_t len = fuzz_out_len;
        memcpy(fuzz_again, fuzz_out, len);
        if (fuzz_decode(*self, ops, fuzz_again, len, &v)) {
            assert(fuzz_encode(*self, ops, &v));
            assert(fuzz_out_len == len && memcmp(fuzz_out, fuzz_again, len) == 0);
        }
    }
    while (fuzz_block_count)
        free(fuzz_blocks[--fuzz_block_count]);
    return 0;
}

#endif
