/* SPDX-License-Identifier: Apache-2.0
 *
 * A host for a codec plugin that unpacks, compiled into a fuzz target: what comes out is within the bounds of
 * the options, the same at a second try, and a refusal has a reason.
 */
#ifndef FUZZ_UNPACK_H
#define FUZZ_UNPACK_H

#include <assert.h>
#include <forebay/unpack.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void *fuzz_block; /* an allocation of its own, so that the sanitizer sees its end */

static inline void *fuzz_alloc(struct fby_decode *d, size_t size)
{
    (void)d;
    assert(!fuzz_block);
    return fuzz_block = malloc(size);
}

static inline bool fuzz_write(struct fby_encode *e, const void *data, size_t len)
{
    (void)e;
    (void)data;
    (void)len;
    return false;
}

static const struct fby_host fuzz_host = {
    .size = sizeof(struct fby_host), .decode_alloc = fuzz_alloc, .encode_write = fuzz_write};

static inline uint64_t fuzz_sum(const struct fby_value *v)
{
    uint64_t sum = v->len;
    for (uint32_t i = 0; i < v->len; i++)
        sum = sum * 31 + (unsigned char)v->bytes[i];
    return sum;
}

static inline bool fuzz_unpack_once(void *self, const struct fby_codec_ops *ops,
                                    const struct fby_unpack_options *o, struct fby_bytes payload,
                                    uint64_t *sum)
{
    struct fby_decode d = {.payload = payload, .limits = {64, 65536, 8 << 20}};
    bool right = ops->decode(self, &d);
    if (right) {
        assert(d.value.type == FBY_BYTES && d.value.len <= (size_t)o->max_output);
        assert(d.value.len <= 64 << 10 || d.value.len <= payload.len * (size_t)o->max_ratio);
        *sum = fuzz_sum(&d.value);
    } else {
        assert(d.error.text[0]);
    }
    free(fuzz_block);
    fuzz_block = NULL;
    return right;
}

static inline int fuzz_unpack(void **self, const struct fby_codec_ops *ops, const uint8_t *data, size_t size)
{
    static const struct fby_unpack_options options = {1 << 20, 100};
    struct fby_bytes payload = {(const char *)data, size};
    struct fby_error err;
    uint64_t first = 0, second = 0;
    if (!*self)
        *self = ops->create(&fuzz_host, NULL, &options, &err);
    bool right = fuzz_unpack_once(*self, ops, &options, payload, &first);
    assert(fuzz_unpack_once(*self, ops, &options, payload, &second) == right && first == second);
    return 0;
}

#endif
