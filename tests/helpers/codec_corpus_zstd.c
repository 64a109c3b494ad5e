/* SPDX-License-Identifier: Apache-2.0
 *
 * See codec_corpus.h: Zstandard data (RFC 8878).
 */
#include "codec_corpus.h"

#include <assert.h>
#include <zstd.h>

static void put_frame(struct buffer *b, const void *content, size_t len, int level)
{
    size_t room = ZSTD_compressBound(len);
    assert(buffer_reserve(b, room));
    size_t n = ZSTD_compress(b->data + b->len, room, content, len, level);
    assert(!ZSTD_isError(n));
    b->len += n;
}

static void fill_zeros(struct buffer *b, size_t len)
{
    struct buffer zeros = {0};
    codec_corpus_repeat(&zeros, "\0\0\0\0\0\0\0\0", 8, len);
    put_frame(b, zeros.data, zeros.len, 3);
    buffer_finish(&zeros);
}

/* Frames of zeros, each within the ratio that is allowed. */
static void highly_compressed(struct buffer *b, size_t size)
{
    struct buffer one = {0};
    fill_zeros(&one, 1400);
    codec_corpus_repeat(b, one.data, one.len, size);
    buffer_finish(&one);
}

static void bomb(struct buffer *b, size_t size)
{
    fill_zeros(b, size * 1000);
}

static void empty_frames(struct buffer *b, size_t size)
{
    struct buffer one = {0};
    put_frame(&one, "", 0, 3);
    codec_corpus_repeat(b, one.data, one.len, size);
    buffer_finish(&one);
}

static void skippable_frames(struct buffer *b, size_t size)
{
    codec_corpus_repeat(b, "\x50\x2a\x4d\x18\0\0\0\0", 8, size);
}

/* Frames with tables of their own each, for few bytes. */
static void frames_with_tables(struct buffer *b, size_t size)
{
    uint64_t state = 5;
    struct buffer one = {0};
    uint8_t content[300];
    for (size_t i = 0; i < sizeof content; i++) {
        uint64_t r = codec_corpus_random(&state);
        content[i] = (uint8_t)('a' + __builtin_ctzll(r | 1 << 20));
    }
    put_frame(&one, content, sizeof content, 19);
    codec_corpus_repeat(b, one.data, one.len, size);
    buffer_finish(&one);
}

/* The same within one frame: a block is three bytes of header, then literals of one character. */
static void tiny_blocks(struct buffer *b, size_t size)
{
    static const uint8_t header[6] = {0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x58}; /* a window of 2 MiB */
    static const uint8_t block[4] = {0x0a, 0x00, 0x00, 'a'};               /* one byte, run-length */
    static const uint8_t last[3] = {0x01, 0x00, 0x00};
    buffer_add(b, header, sizeof header);
    codec_corpus_repeat(b, block, sizeof block, size - sizeof last);
    buffer_add(b, last, sizeof last);
}

static void random_bytes(struct buffer *b, size_t size)
{
    uint64_t state = 6;
    struct buffer noise = {0};
    while (noise.len + 64 < size) {
        uint64_t r = codec_corpus_random(&state) & UINT64_C(0x3f3f3f3f3f3f3f3f);
        buffer_add(&noise, &r, sizeof r);
    }
    put_frame(b, noise.data, noise.len, 3);
    buffer_finish(&noise);
}

const struct codec_case codec_corpus_zstd[] = {
    {"zstd", "highly compressed", highly_compressed},
    {"zstd", "bomb", bomb},
    {"zstd", "empty frames", empty_frames},
    {"zstd", "skippable frames", skippable_frames},
    {"zstd", "frames with tables", frames_with_tables},
    {"zstd", "tiny blocks", tiny_blocks},
    {"zstd", "random bytes", random_bytes},
    {NULL, NULL, NULL},
};
