/* SPDX-License-Identifier: Apache-2.0
 *
 * See codec_corpus.h: CBOR (RFC 8949) and MessagePack.
 */
#include "codec_corpus.h"

#include <endian.h>

enum { DEPTH = 63 };

/* A list of `count` items begins. */
static void open_cbor(struct buffer *b, uint8_t major, uint32_t count)
{
    uint32_t big = htobe32(count);
    buffer_add_byte(b, (uint8_t)(major | 26));
    buffer_add(b, &big, sizeof big);
}

static void open_msgpack(struct buffer *b, uint8_t mark, uint32_t count)
{
    uint32_t big = htobe32(count);
    buffer_add_byte(b, mark);
    buffer_add(b, &big, sizeof big);
}

enum { CBOR_TEXT = 0x60, CBOR_LIST = 0x80, CBOR_MAP = 0xa0 };
enum { MSGPACK_TEXT = 0xdb, MSGPACK_LIST = 0xdd, MSGPACK_MAP = 0xdf };

/* One list of as many of these items as fit. */
static void fill_cbor(struct buffer *b, size_t size, const char *item, size_t len)
{
    uint32_t count = (uint32_t)((size - 5) / len);
    open_cbor(b, CBOR_LIST, count);
    for (uint32_t i = 0; i < count; i++)
        buffer_add(b, item, len);
}

static void fill_msgpack(struct buffer *b, size_t size, const char *item, size_t len)
{
    uint32_t count = (uint32_t)((size - 5) / len);
    open_msgpack(b, MSGPACK_LIST, count);
    for (uint32_t i = 0; i < count; i++)
        buffer_add(b, item, len);
}

#define CBOR_ITEMS(name, item)                                                                               \
    static void name(struct buffer *b, size_t size)                                                          \
    {                                                                                                        \
        fill_cbor(b, size, item, sizeof(item) - 1);                                                          \
    }
#define MSGPACK_ITEMS(name, item)                                                                            \
    static void name(struct buffer *b, size_t size)                                                          \
    {                                                                                                        \
        fill_msgpack(b, size, item, sizeof(item) - 1);                                                       \
    }

CBOR_ITEMS(cbor_wide, "\x00")
CBOR_ITEMS(cbor_nulls, "\xf6")
CBOR_ITEMS(cbor_tiny_strings, "\x60")
CBOR_ITEMS(cbor_empty_lists, "\x80")
CBOR_ITEMS(cbor_empty_maps, "\xa0")
CBOR_ITEMS(cbor_empty_endless_lists, "\x9f\xff")
CBOR_ITEMS(cbor_empty_pieces, "\x7f\xff")
CBOR_ITEMS(cbor_pieces, "\x7f\x61g\x60\x60\x60\x61g\xff")
CBOR_ITEMS(cbor_halves, "\xf9\x3c\x01")
CBOR_ITEMS(cbor_singles, "\xfa\x3d\xcc\xcc\xcd")
CBOR_ITEMS(cbor_doubles, "\xfb\x3f\xd5\x55\x55\x55\x55\x55\x57")
CBOR_ITEMS(cbor_times, "\xc1\x00")
CBOR_ITEMS(cbor_fraction_times, "\xc1\xfb\x41\xd9\x8b\x3a\xaf\x12\x34\x56")
CBOR_ITEMS(cbor_bignums, "\xc2\x48\xff\xff\xff\xff\xff\xff\xff\xff")
CBOR_ITEMS(cbor_maps_of_integers, "\xa1\x30\xa1\x30\xa1\x30\xa1\x30\xa1\x30\x30")
CBOR_ITEMS(cbor_small_maps, "\xa4\x61g\x00\x61h\x00\x61i\x00\x61j\x00")
CBOR_ITEMS(cbor_escapes, "\x64\x01\x02\x03\x04")
MSGPACK_ITEMS(msgpack_wide, "\x00")
MSGPACK_ITEMS(msgpack_nils, "\xc0")
MSGPACK_ITEMS(msgpack_tiny_strings, "\xa0")
MSGPACK_ITEMS(msgpack_empty_maps, "\x80")
MSGPACK_ITEMS(msgpack_floats, "\xca\x3d\xcc\xcc\xcd")
MSGPACK_ITEMS(msgpack_doubles, "\xcb\x3f\xd5\x55\x55\x55\x55\x55\x57")
MSGPACK_ITEMS(msgpack_times, "\xd6\xff\x00\x00\x00\x00")
MSGPACK_ITEMS(msgpack_extensions, "\xd4\x01\x00")
MSGPACK_ITEMS(msgpack_empty_extensions, "\xc7\x00\x01")
MSGPACK_ITEMS(msgpack_empty_bytes, "\xc4\x00")
MSGPACK_ITEMS(msgpack_small_maps, "\x84\xa1g\x00\xa1h\x00\xa1i\x00\xa1j\x00")
MSGPACK_ITEMS(msgpack_escapes, "\xa4\x01\x02\x03\x04")

/* Chains of one-entry containers, `open` before each of them. */
static void put_chain(struct buffer *b, const char *open, size_t open_len, uint8_t last)
{
    for (int i = 0; i < DEPTH; i++)
        buffer_add(b, open, open_len);
    buffer_add_byte(b, last);
}

static void fill_cbor_chains(struct buffer *b, size_t size, const char *open, size_t open_len)
{
    uint32_t count = (uint32_t)((size - 5) / (DEPTH * open_len + 1));
    open_cbor(b, CBOR_LIST, count);
    for (uint32_t i = 0; i < count; i++)
        put_chain(b, open, open_len, 0);
}

static void cbor_deep(struct buffer *b, size_t size)
{
    fill_cbor_chains(b, size, "\x81", 1);
}

static void cbor_deep_maps(struct buffer *b, size_t size)
{
    fill_cbor_chains(b, size, "\xa1\x60", 2);
}

static void cbor_too_deep(struct buffer *b, size_t size)
{
    codec_corpus_repeat(b, "\x9f", 1, size);
}

static void cbor_tags(struct buffer *b, size_t size)
{
    codec_corpus_repeat(b, "\xc6", 1, size - 1);
    buffer_add_byte(b, 0);
}

static void cbor_one_string_in_pieces(struct buffer *b, size_t size)
{
    buffer_add_byte(b, 0x7f);
    codec_corpus_repeat(b, "\x60", 1, size - 1);
    buffer_add_byte(b, 0xff);
}

static void cbor_long_pieces(struct buffer *b, size_t size)
{
    buffer_add_byte(b, 0x7f);
    codec_corpus_repeat(b, "\x62\xc3\xa9", 3, size - 1);
    buffer_add_byte(b, 0xff);
}

static void cbor_map_flood(struct buffer *b, size_t size)
{
    uint32_t count = (uint32_t)((size - 5) / 4);
    open_cbor(b, CBOR_MAP, count);
    for (uint32_t i = 0; i < count; i++) {
        const uint8_t entry[4] = {0x19, (uint8_t)(i >> 8), (uint8_t)i, 0};
        buffer_add(b, entry, sizeof entry);
    }
}

static void cbor_map_flood_text(struct buffer *b, size_t size)
{
    uint32_t count = (uint32_t)((size - 5) / 5);
    open_cbor(b, CBOR_MAP, count);
    for (uint32_t i = 0; i < count; i++) {
        const uint8_t entry[5] = {0x63, (uint8_t)('0' + i % 64), (uint8_t)('0' + i / 64 % 64),
                                  (uint8_t)('0' + i / 4096 % 64), 0};
        buffer_add(b, entry, sizeof entry);
    }
}

static void cbor_map_of_one_key(struct buffer *b, size_t size)
{
    uint32_t count = (uint32_t)((size - 5) / 2);
    open_cbor(b, CBOR_MAP, count);
    codec_corpus_repeat(b, "\x00\x00", 2, size);
}

static void cbor_text(struct buffer *b, size_t size)
{
    uint32_t len = (uint32_t)(size - 5) / 2 * 2;
    open_cbor(b, CBOR_TEXT, len);
    for (uint32_t i = 0; i < len; i += 2)
        buffer_add(b, "\xc3\xa9", 2);
}

static void cbor_invalid_text_at_the_end(struct buffer *b, size_t size)
{
    cbor_text(b, size);
    b->data[b->len - 1] = 0xff;
}

static void msgpack_deep(struct buffer *b, size_t size)
{
    uint32_t count = (uint32_t)((size - 5) / (DEPTH + 1));
    open_msgpack(b, MSGPACK_LIST, count);
    for (uint32_t i = 0; i < count; i++)
        put_chain(b, "\x91", 1, 0);
}

static void msgpack_too_deep(struct buffer *b, size_t size)
{
    codec_corpus_repeat(b, "\x91", 1, size);
}

static void msgpack_map_flood(struct buffer *b, size_t size)
{
    uint32_t count = (uint32_t)((size - 5) / 4);
    open_msgpack(b, MSGPACK_MAP, count);
    for (uint32_t i = 0; i < count; i++) {
        const uint8_t entry[4] = {0xcd, (uint8_t)(i >> 8), (uint8_t)i, 0};
        buffer_add(b, entry, sizeof entry);
    }
}

static void msgpack_map_flood_text(struct buffer *b, size_t size)
{
    uint32_t count = (uint32_t)((size - 5) / 5);
    open_msgpack(b, MSGPACK_MAP, count);
    for (uint32_t i = 0; i < count; i++) {
        const uint8_t entry[5] = {0xa3, (uint8_t)('0' + i % 64), (uint8_t)('0' + i / 64 % 64),
                                  (uint8_t)('0' + i / 4096 % 64), 0};
        buffer_add(b, entry, sizeof entry);
    }
}

static void msgpack_map_of_one_key(struct buffer *b, size_t size)
{
    uint32_t count = (uint32_t)((size - 5) / 2);
    open_msgpack(b, MSGPACK_MAP, count);
    codec_corpus_repeat(b, "\x00\x00", 2, size);
}

static void msgpack_text(struct buffer *b, size_t size)
{
    uint32_t len = (uint32_t)(size - 5) / 2 * 2;
    open_msgpack(b, MSGPACK_TEXT, len);
    for (uint32_t i = 0; i < len; i += 2)
        buffer_add(b, "\xc3\xa9", 2);
}

const struct codec_case codec_corpus_binary[] = {
    {"cbor", "wide list", cbor_wide},
    {"cbor", "nulls", cbor_nulls},
    {"cbor", "tiny strings", cbor_tiny_strings},
    {"cbor", "empty lists", cbor_empty_lists},
    {"cbor", "empty maps", cbor_empty_maps},
    {"cbor", "empty endless lists", cbor_empty_endless_lists},
    {"cbor", "empty strings in pieces", cbor_empty_pieces},
    {"cbor", "short strings in pieces", cbor_pieces},
    {"cbor", "halves", cbor_halves},
    {"cbor", "singles", cbor_singles},
    {"cbor", "doubles", cbor_doubles},
    {"cbor", "times", cbor_times},
    {"cbor", "times with fractions", cbor_fraction_times},
    {"cbor", "bignums", cbor_bignums},
    {"cbor", "small maps", cbor_small_maps},
    {"cbor", "maps of an integer each", cbor_maps_of_integers},
    {"cbor", "control characters", cbor_escapes},
    {"cbor", "deep lists", cbor_deep},
    {"cbor", "deep maps", cbor_deep_maps},
    {"cbor", "too deep", cbor_too_deep},
    {"cbor", "tags", cbor_tags},
    {"cbor", "one string in empty pieces", cbor_one_string_in_pieces},
    {"cbor", "one string in pieces", cbor_long_pieces},
    {"cbor", "map flood, numbers", cbor_map_flood},
    {"cbor", "map flood, text", cbor_map_flood_text},
    {"cbor", "map of one key", cbor_map_of_one_key},
    {"cbor", "two-byte text", cbor_text},
    {"cbor", "invalid text at the end", cbor_invalid_text_at_the_end},
    {"msgpack", "wide list", msgpack_wide},
    {"msgpack", "nils", msgpack_nils},
    {"msgpack", "tiny strings", msgpack_tiny_strings},
    {"msgpack", "empty maps", msgpack_empty_maps},
    {"msgpack", "floats", msgpack_floats},
    {"msgpack", "doubles", msgpack_doubles},
    {"msgpack", "times", msgpack_times},
    {"msgpack", "extensions", msgpack_extensions},
    {"msgpack", "empty extensions", msgpack_empty_extensions},
    {"msgpack", "empty byte strings", msgpack_empty_bytes},
    {"msgpack", "small maps", msgpack_small_maps},
    {"msgpack", "control characters", msgpack_escapes},
    {"msgpack", "deep lists", msgpack_deep},
    {"msgpack", "too deep", msgpack_too_deep},
    {"msgpack", "map flood, numbers", msgpack_map_flood},
    {"msgpack", "map flood, text", msgpack_map_flood_text},
    {"msgpack", "map of one key", msgpack_map_of_one_key},
    {"msgpack", "two-byte text", msgpack_text},
    {NULL, NULL, NULL},
};
