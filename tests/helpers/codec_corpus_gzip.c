/* SPDX-License-Identifier: Apache-2.0
 *
 * See codec_corpus.h: gzip data.
 */
#include "codec_corpus.h"

#include <assert.h>
#include <zlib.h>

/* Append `content` as one gzip member. */
static void put_member(struct buffer *b, const void *content, size_t len, int level, int strategy)
{
    enum { GZIP = 15 + 16 };
    z_stream z = {0};
    assert(deflateInit2(&z, level, Z_DEFLATED, GZIP, 9, strategy) == Z_OK);
    size_t room = deflateBound(&z, len);
    assert(buffer_reserve(b, room));
    z.next_in = (z_const Bytef *)(uintptr_t)content;
    z.avail_in = (uInt)len;
    z.next_out = b->data + b->len;
    z.avail_out = (uInt)room;
    assert(deflate(&z, Z_FINISH) == Z_STREAM_END);
    b->len += room - z.avail_out;
    deflateEnd(&z);
}

/* Members of one character, each within the ratio that is allowed. */
static void highly_compressed(struct buffer *b, size_t size)
{
    static const uint8_t zeros[2500];
    struct buffer one = {0};
    put_member(&one, zeros, sizeof zeros, 9, Z_DEFAULT_STRATEGY);
    codec_corpus_repeat(b, one.data, one.len, size);
    buffer_finish(&one);
}

static void bomb(struct buffer *b, size_t size)
{
    struct buffer zeros = {0};
    codec_corpus_repeat(&zeros, "\0\0\0\0\0\0\0\0", 8, size * 1000);
    put_member(b, zeros.data, zeros.len, 9, Z_DEFAULT_STRATEGY);
    buffer_finish(&zeros);
}

static void empty_members(struct buffer *b, size_t size)
{
    struct buffer one = {0};
    put_member(&one, "", 0, 9, Z_DEFAULT_STRATEGY);
    codec_corpus_repeat(b, one.data, one.len, size);
    buffer_finish(&one);
}

/* Members with a table of their own each, for few bytes. */
static void members_with_tables(struct buffer *b, size_t size)
{
    uint64_t state = 3;
    struct buffer one = {0};
    uint8_t content[400];
    for (size_t i = 0; i < sizeof content; i++) {
        uint64_t r = codec_corpus_random(&state);
        content[i] = (uint8_t)('a' + __builtin_ctzll(r | 1 << 20));
    }
    put_member(&one, content, sizeof content, 9, Z_HUFFMAN_ONLY);
    codec_corpus_repeat(b, one.data, one.len, size);
    buffer_finish(&one);
}

/* Blocks of the fixed code that hold nothing: ten bits each. */
static void empty_blocks(struct buffer *b, size_t size)
{
    static const uint8_t header[10] = {0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3};
    /* Four blocks (not last, type 01, end of block 0000000) in five bytes, lowest bit first. */
    static const uint8_t blocks[5] = {0x02, 0x08, 0x20, 0x80, 0x00};
    buffer_add(b, header, sizeof header);
    codec_corpus_repeat(b, blocks, sizeof blocks, size);
}

static void stored(struct buffer *b, size_t size)
{
    struct buffer text = {0};
    codec_corpus_repeat(&text, "incompressible", 14, size - 40);
    put_member(b, text.data, text.len, 0, Z_DEFAULT_STRATEGY);
    buffer_finish(&text);
}

static void random_bytes(struct buffer *b, size_t size)
{
    uint64_t state = 4;
    struct buffer noise = {0};
    while (noise.len + 64 < size) {
        uint64_t r = codec_corpus_random(&state) & UINT64_C(0x3f3f3f3f3f3f3f3f);
        buffer_add(&noise, &r, sizeof r);
    }
    put_member(b, noise.data, noise.len, 9, Z_HUFFMAN_ONLY);
    buffer_finish(&noise);
}

const struct codec_case codec_corpus_gzip[] = {
    {"gzip", "highly compressed", highly_compressed}, {"gzip", "bomb", bomb},
    {"gzip", "empty members", empty_members},         {"gzip", "members with tables", members_with_tables},
    {"gzip", "empty blocks", empty_blocks},           {"gzip", "stored", stored},
    {"gzip", "random bytes", random_bytes},           {NULL, NULL, NULL},
};
