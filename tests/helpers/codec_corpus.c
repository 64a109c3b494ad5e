/* SPDX-License-Identifier: Apache-2.0
 *
 * See codec_corpus.h: JSON, which is also what the encoders are fed with, and the helpers.
 */
#include "codec_corpus.h"

#include <stdio.h>

enum { DEPTH = 63 }; /* one less than the limit: the outermost list holds the rest */

void codec_corpus_repeat(struct buffer *payload, const void *text, size_t len, size_t size)
{
    while (payload->len + len <= size)
        buffer_add(payload, text, len);
}

uint64_t codec_corpus_random(uint64_t *state)
{
    *state += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t z = *state;
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

/* `open`, then `unit` with commas between until it is full, then `close`. */
static void fill_units(struct buffer *b, size_t size, const char *open, const char *unit, const char *close)
{
    size_t len = strlen(unit);
    buffer_add_text(b, open);
    buffer_add(b, unit, len);
    while (b->len + len + 1 + strlen(close) <= size) {
        buffer_add_byte(b, ',');
        buffer_add(b, unit, len);
    }
    buffer_add_text(b, close);
}

static void fill_chains(struct buffer *b, size_t size, const char *open, const char *close, const char *last)
{
    buffer_add_byte(b, '[');
    do {
        for (int i = 0; i < DEPTH; i++)
            buffer_add_text(b, open);
        buffer_add_text(b, last);
        for (int i = 0; i < DEPTH; i++)
            buffer_add_text(b, close);
        buffer_add_byte(b, ',');
    } while (b->len < size);
    b->data[b->len - 1] = ']';
}

static void deep_lists(struct buffer *b, size_t size)
{
    fill_chains(b, size, "[", "]", "");
}

static void deep_maps(struct buffer *b, size_t size)
{
    fill_chains(b, size, "{\"\":", "}", "0");
}

static void too_deep(struct buffer *b, size_t size)
{
    codec_corpus_repeat(b, "[", 1, size);
}

static void wide_list(struct buffer *b, size_t size)
{
    fill_units(b, size, "[", "0", "]");
}

static void tiny_strings(struct buffer *b, size_t size)
{
    fill_units(b, size, "[", "\"\"", "]");
}

static void empty_maps(struct buffer *b, size_t size)
{
    fill_units(b, size, "[", "{}", "]");
}

static void small_maps(struct buffer *b, size_t size)
{
    fill_units(b, size, "[",
               "{\"a\":0,\"b\":0,\"c\":0,\"d\":0,\"e\":0,\"f\":0,\"g\":0,\"h\":0,"
               "\"i\":0,\"j\":0,\"k\":0,\"l\":0,\"m\":0,\"n\":0,\"o\":0,\"p\":0}",
               "]");
}

static void same_names(struct buffer *b, size_t size)
{
    fill_units(b, size, "{", "\"a\":0", "}");
}

/* A map whose names are `prefix` and a number each, all with the same value. */
static void fill_names(struct buffer *b, size_t size, const char *prefix, const char *value)
{
    char text[200];
    unsigned n = 0;
    buffer_add_byte(b, '{');
    do {
        snprintf(text, sizeof text, "%s\"%s%u\":%s", n ? "," : "", prefix, n, value);
        buffer_add_text(b, text);
        n++;
    } while (b->len + 100 < size);
    buffer_add_byte(b, '}');
}

static void map_flood(struct buffer *b, size_t size)
{
    fill_names(b, size, "", "0");
}

static void map_flood_long_names(struct buffer *b, size_t size)
{
    fill_names(b, size, "a-long-prefix-that-all-of-the-names-have-before-they-differ-", "0");
}

static void random_doubles(struct buffer *b, size_t size)
{
    uint64_t state = 1;
    char text[64];
    buffer_add_byte(b, '[');
    while (b->len + 40 < size) {
        uint64_t r = codec_corpus_random(&state);
        snprintf(text, sizeof text, "%s%llu.%016llue%d,", r & 1 ? "-" : "", (unsigned long long)(r >> 1) % 10,
                 (unsigned long long)(codec_corpus_random(&state) % UINT64_C(10000000000000000)),
                 (int)(r >> 8 & 511) - 300);
        buffer_add_text(b, text);
    }
    buffer_add_text(b, "0]");
}

static void short_exponents(struct buffer *b, size_t size)
{
    fill_units(b, size, "[", "1e-9,9e99,7e-308,3e-7,1e22", "]");
}

static void denormals(struct buffer *b, size_t size)
{
    fill_units(b, size, "[", "4.9406564584124654e-324,2.2250738585072011e-308,8.98846567431158e307", "]");
}

static void long_fractions(struct buffer *b, size_t size)
{
    uint64_t state = 2;
    buffer_add_byte(b, '[');
    while (b->len + 900 < size) {
        buffer_add_text(b, "0.");
        for (int i = 0; i < 780; i++)
            buffer_add_byte(b, (uint8_t)('0' + codec_corpus_random(&state) % 10));
        buffer_add_byte(b, ',');
    }
    buffer_add_text(b, "0]");
}

static void one_long_number(struct buffer *b, size_t size)
{
    buffer_add_text(b, "0.");
    codec_corpus_repeat(b, "3", 1, size);
}

static void long_exponent(struct buffer *b, size_t size)
{
    buffer_add_text(b, "1e-");
    codec_corpus_repeat(b, "9", 1, size);
}

static void escapes(struct buffer *b, size_t size)
{
    buffer_add_text(b, "[\"");
    codec_corpus_repeat(b, "\\n", 2, size - 2);
    buffer_add_text(b, "\"]");
}

static void unicode_escapes(struct buffer *b, size_t size)
{
    buffer_add_text(b, "[\"");
    codec_corpus_repeat(b, "\\u0001\\ud83d\\ude00", 18, size - 2);
    buffer_add_text(b, "\"]");
}

static void tiny_escaped_strings(struct buffer *b, size_t size)
{
    fill_units(b, size, "[", "\"\\n\"", "]");
}

static void two_byte_text(struct buffer *b, size_t size)
{
    buffer_add_text(b, "[\"");
    codec_corpus_repeat(b, "\xc3\xa9", 2, size - 2);
    buffer_add_text(b, "\"]");
}

static void invalid_text_at_the_end(struct buffer *b, size_t size)
{
    buffer_add_text(b, "[\"");
    codec_corpus_repeat(b, "\xf0\x9f\x98\x80", 4, size - 4);
    buffer_add_text(b, "\xff\"]");
}

static void spaces(struct buffer *b, size_t size)
{
    codec_corpus_repeat(b, " \n", 2, size - 1);
    buffer_add_byte(b, '0');
}

/* ---- For the encoder of protobuf: fields of protobuf_test_messages.proto3.TestAllTypesProto3 ---- */

static void to_wide(struct buffer *b, size_t size)
{
    fill_units(b, size, "{\"repeatedInt32\":[", "0", "]}");
}

static void to_deep(struct buffer *b, size_t size)
{
    for (int i = 0; i < DEPTH; i++)
        buffer_add_text(b, "{\"recursiveMessage\":");
    fill_units(b, size, "{\"repeatedString\":[", "\"\"", "]");
    for (int i = 0; i <= DEPTH; i++)
        buffer_add_byte(b, '}');
}

static void to_empty_messages(struct buffer *b, size_t size)
{
    fill_units(b, size, "{\"repeatedNestedMessage\":[", "{}", "]}");
}

static void to_map(struct buffer *b, size_t size)
{
    struct buffer map = {0};
    fill_names(&map, size - 20, "", "\"\"");
    buffer_add_text(b, "{\"mapStringString\":");
    buffer_add(b, map.data, map.len);
    buffer_add_byte(b, '}');
    buffer_finish(&map);
}

static void to_number_map(struct buffer *b, size_t size)
{
    struct buffer map = {0};
    fill_names(&map, size - 20, "", "0");
    buffer_add_text(b, "{\"mapInt32Int32\":");
    buffer_add(b, map.data, map.len);
    buffer_add_byte(b, '}');
    buffer_finish(&map);
}

static void to_unknown_names(struct buffer *b, size_t size)
{
    fill_names(b, size, "unheardOf", "0");
}

static void to_numbers_in_text(struct buffer *b, size_t size)
{
    fill_units(b, size, "{\"repeatedDouble\":[", "\"1.7976931348623157e308\",\"-2.5e-7\",\"NaN\"", "]}");
}

static void to_times(struct buffer *b, size_t size)
{
    fill_units(b, size, "{\"repeatedTimestamp\":[", "\"1970-01-01T00:00:00Z\"", "]}");
}

static void to_enums(struct buffer *b, size_t size)
{
    fill_units(b, size, "{\"repeatedNestedEnum\":[", "\"BAZ\",\"NEG\"", "]}");
}

static void to_masks(struct buffer *b, size_t size)
{
    fill_units(b, size, "{\"repeatedFieldmask\":[", "\"a,b,c\"", "]}");
}

static void to_base64(struct buffer *b, size_t size)
{
    fill_units(b, size, "{\"repeatedBytes\":[", "\"AA==\",\"\"", "]}");
}

static void to_values(struct buffer *b, size_t size)
{
    fill_units(b, size, "{\"repeatedValue\":[", "[],{},null,0,\"\"", "]}");
}

static void to_small_values(struct buffer *b, size_t size)
{
    fill_units(b, size, "{\"repeatedValue\":[", "0", "]}");
}

static void to_wrappers(struct buffer *b, size_t size)
{
    fill_units(b, size, "{\"repeatedInt64Wrapper\":[", "1", "]}");
}

static void to_struct(struct buffer *b, size_t size)
{
    buffer_add_text(b, "{\"optionalStruct\":");
    for (int i = 0; i < 20; i++)
        buffer_add_text(b, "{\"a\":");
    fill_units(b, size, "[", "{\"a\":0}", "]");
    for (int i = 0; i <= 20; i++)
        buffer_add_byte(b, '}');
}

const struct codec_case codec_corpus_json[] = {
    {"json", "deep lists", deep_lists},
    {"json", "deep maps", deep_maps},
    {"json", "too deep", too_deep},
    {"json", "wide list", wide_list},
    {"json", "tiny strings", tiny_strings},
    {"json", "empty maps", empty_maps},
    {"json", "maps of 16 names", small_maps},
    {"json", "one name again and again", same_names},
    {"json", "map flood", map_flood},
    {"json", "map flood, long names", map_flood_long_names},
    {"json", "random doubles", random_doubles},
    {"json", "short exponents", short_exponents},
    {"json", "denormals", denormals},
    {"json", "long fractions", long_fractions},
    {"json", "one long number", one_long_number},
    {"json", "long exponent", long_exponent},
    {"json", "escapes", escapes},
    {"json", "unicode escapes", unicode_escapes},
    {"json", "tiny escaped strings", tiny_escaped_strings},
    {"json", "two-byte text", two_byte_text},
    {"json", "invalid text at the end", invalid_text_at_the_end},
    {"json", "white space", spaces},
    {"to-protobuf", "wide list", to_wide},
    {"to-protobuf", "deep, then wide", to_deep},
    {"to-protobuf", "empty messages", to_empty_messages},
    {"to-protobuf", "map flood", to_map},
    {"to-protobuf", "map flood, numbers", to_number_map},
    {"to-protobuf", "unknown names", to_unknown_names},
    {"to-protobuf", "numbers in text", to_numbers_in_text},
    {"to-protobuf", "times", to_times},
    {"to-protobuf", "enums", to_enums},
    {"to-protobuf", "field masks", to_masks},
    {"to-protobuf", "base64", to_base64},
    {"to-protobuf", "values", to_values},
    {"to-protobuf", "values of one digit", to_small_values},
    {"to-protobuf", "wrappers", to_wrappers},
    {"to-protobuf", "struct", to_struct},
    {"to-cbor", "wide list", wide_list},
    {"to-cbor", "deep maps", deep_maps},
    {"to-cbor", "map flood", map_flood},
    {"to-cbor", "random doubles", random_doubles},
    {"to-cbor", "tiny strings", tiny_strings},
    {"to-msgpack", "wide list", wide_list},
    {"to-msgpack", "deep maps", deep_maps},
    {"to-msgpack", "map flood", map_flood},
    {"to-msgpack", "random doubles", random_doubles},
    {"to-msgpack", "tiny strings", tiny_strings},
    {NULL, NULL, NULL},
};
