/* SPDX-License-Identifier: Apache-2.0
 *
 * See codec_corpus.h: protobuf payloads for the messages of protobuf's own conformance tests
 * (TestAllTypesProto3 for "protobuf" and "protobuf-tree", TestAllTypesProto2 for "protobuf2"). Numbers of
 * fields are theirs.
 */
#include "codec_corpus.h"

enum {
    WIRE_VARINT = 0,
    WIRE_FIXED64 = 1,
    WIRE_LENGTH = 2,
    WIRE_GROUP = 3,
    WIRE_GROUP_END = 4,
    WIRE_FIXED32 = 5,

    OPTIONAL_INT32 = 1,
    OPTIONAL_STRING = 14,
    OPTIONAL_BYTES = 15,
    OPTIONAL_NESTED = 18,
    RECURSIVE = 27,
    REPEATED_INT32 = 31,
    REPEATED_FLOAT = 41,
    REPEATED_DOUBLE = 42,
    REPEATED_STRING = 44,
    REPEATED_NESTED = 48,
    REPEATED_ENUM = 51,
    MAP_INT32_INT32 = 56,
    MAP_FIXED64_FIXED64 = 61,
    MAP_STRING_STRING = 69,
    MAP_STRING_NESTED = 71,
    UNPACKED_INT32 = 89,
    ONEOF_UINT32 = 111,
    ONEOF_NESTED = 112,
    ONEOF_STRING = 113,
    DATA_GROUP = 201, /* proto2 */
    REPEATED_TIMESTAMP = 312,
    REPEATED_FIELD_MASK = 313,
    REPEATED_ANY = 315,
    REPEATED_VALUE = 316,
    REPEATED_STRUCT = 324,
    UNKNOWN = 5000,

    DEPTH = 62,
};

static void put_varint(struct buffer *b, uint64_t n)
{
    for (; n > 127; n >>= 7)
        buffer_add_byte(b, (uint8_t)(n | 128));
    buffer_add_byte(b, (uint8_t)n);
}

static void put_tag(struct buffer *b, unsigned number, unsigned wire)
{
    put_varint(b, (uint64_t)number << 3 | wire);
}

void codec_corpus_number(struct buffer *b, unsigned number, uint64_t n)
{
    put_tag(b, number, WIRE_VARINT);
    put_varint(b, n);
}

void codec_corpus_run(struct buffer *b, unsigned number, const void *data, size_t len)
{
    put_tag(b, number, WIRE_LENGTH);
    put_varint(b, len);
    buffer_add(b, data, len);
}

static void put_text(struct buffer *b, unsigned number, const char *text)
{
    codec_corpus_run(b, number, text, strlen(text));
}

void codec_corpus_wrap(struct buffer *b, unsigned number)
{
    struct buffer whole = {0};
    codec_corpus_run(&whole, number, b->data, b->len);
    buffer_finish(b);
    *b = whole;
}

/* `unit` again and again. */
static void fill_with(struct buffer *b, size_t size, struct buffer *unit)
{
    codec_corpus_repeat(b, unit->data, unit->len, size);
    buffer_finish(unit);
}

static void wide(struct buffer *b, size_t size)
{
    codec_corpus_repeat(b, "\x08\x01", 2, size);
}

static void backwards(struct buffer *b, size_t size)
{
    struct buffer unit = {0};
    for (unsigned i = OPTIONAL_STRING; i > 0; i--)
        if (i < 7)
            codec_corpus_number(&unit, i, 1);
    fill_with(b, size, &unit);
}

static void backwards_large_numbers(struct buffer *b, size_t size)
{
    struct buffer unit = {0};
    for (unsigned i = 95; i >= 89; i--)
        put_tag(&unit, i, WIRE_LENGTH), put_varint(&unit, 0);
    fill_with(b, size, &unit);
}

static void put_chain(struct buffer *b, unsigned times, const unsigned *numbers, unsigned count)
{
    for (unsigned i = 0; i < times; i++)
        codec_corpus_wrap(b, numbers[i % count]);
}

/* Messages within each other, each of them set once. */
static void deep(struct buffer *b, size_t size)
{
    static const unsigned numbers[] = {2, REPEATED_NESTED};
    struct buffer unit = {0};
    put_chain(&unit, DEPTH, numbers, 2);
    fill_with(b, size, &unit);
}

/* The same sub-message many times at the top: at each level all pieces are merged. */
static void merge_chains(struct buffer *b, size_t size)
{
    static const unsigned numbers[] = {RECURSIVE};
    struct buffer unit = {0};
    codec_corpus_number(&unit, OPTIONAL_INT32, 1);
    put_chain(&unit, DEPTH, numbers, 1);
    fill_with(b, size, &unit);
}

/* Each level holds the next one twice, as long as that fits. */
static void merge_trees(struct buffer *b, size_t size)
{
    struct buffer half = {0};
    codec_corpus_number(&half, OPTIONAL_INT32, 1);
    while (2 * (half.len + 6) < size) {
        struct buffer both = {0};
        codec_corpus_run(&both, RECURSIVE, half.data, half.len);
        codec_corpus_run(&both, RECURSIVE, half.data, half.len);
        buffer_finish(&half);
        half = both;
    }
    buffer_add(b, half.data, half.len);
    buffer_finish(&half);
}

/* The longest piece is at the deepest place, and every level repeats itself around it. */
static void merge_around_a_text(struct buffer *b, size_t size)
{
    struct buffer unit = {0}, text = {0};
    codec_corpus_repeat(&text, "\xc3\xa9", 2, size > 1024 ? size - 600 : size / 3);
    codec_corpus_run(&unit, OPTIONAL_STRING, text.data, text.len);
    buffer_finish(&text);
    for (int i = 0; i < DEPTH; i++) {
        codec_corpus_wrap(&unit, RECURSIVE);
        codec_corpus_run(&unit, RECURSIVE, "", 0);
    }
    buffer_add(b, unit.data, unit.len);
    buffer_finish(&unit);
}

static void empty_messages(struct buffer *b, size_t size)
{
    struct buffer unit = {0};
    codec_corpus_run(&unit, REPEATED_NESTED, "", 0);
    fill_with(b, size, &unit);
}

/* Five bytes that stand for a message with 150 fields at their defaults. */
static void messages_of_defaults(struct buffer *b, size_t size)
{
    struct buffer unit = {0};
    codec_corpus_run(&unit, 2, "", 0);
    codec_corpus_wrap(&unit, REPEATED_NESTED);
    fill_with(b, size, &unit);
}

/* The same between entries of a map that stand out of order and have one key. */
static void defaults_among_entries(struct buffer *b, size_t size)
{
    struct buffer unit = {0}, message = {0};
    for (int i = 0; i < 40; i++)
        codec_corpus_run(&unit, MAP_FIXED64_FIXED64, "", 0);
    codec_corpus_run(&message, 2, "", 0);
    codec_corpus_wrap(&message, REPEATED_NESTED);
    buffer_add(&unit, message.data, message.len);
    buffer_finish(&message);
    fill_with(b, size, &unit);
}

static void fill_map(struct buffer *b, size_t size, bool same)
{
    for (unsigned n = 0; b->len + 16 < size; n++) {
        struct buffer entry = {0};
        codec_corpus_number(&entry, 1, same ? 1 : n);
        codec_corpus_number(&entry, 2, n & 1);
        codec_corpus_run(b, MAP_INT32_INT32, entry.data, entry.len);
        buffer_finish(&entry);
    }
}

static void map_flood(struct buffer *b, size_t size)
{
    fill_map(b, size, false);
}

static void map_of_one_key(struct buffer *b, size_t size)
{
    fill_map(b, size, true);
}

static void empty_entries(struct buffer *b, size_t size)
{
    struct buffer unit = {0};
    codec_corpus_run(&unit, MAP_INT32_INT32, "", 0);
    fill_with(b, size, &unit);
}

static void map_text_flood(struct buffer *b, size_t size)
{
    for (unsigned n = 0; b->len + 16 < size; n++) {
        struct buffer entry = {0};
        uint8_t key[3] = {(uint8_t)('0' + n % 64), (uint8_t)('0' + n / 64 % 64),
                          (uint8_t)('0' + n / 4096 % 64)};
        codec_corpus_run(&entry, 1, key, sizeof key);
        codec_corpus_run(b, MAP_STRING_STRING, entry.data, entry.len);
        buffer_finish(&entry);
    }
}

/* Entries with two keys and with a map below, whose values must be looked at before they are known. */
static void odd_entries(struct buffer *b, size_t size)
{
    struct buffer unit = {0};
    for (int i = 0; i < DEPTH / 3; i++) {
        codec_corpus_wrap(&unit, 2);
        codec_corpus_wrap(&unit, 2);
        struct buffer entry = {0};
        put_text(&entry, 1, "a");
        put_text(&entry, 1, "b");
        buffer_add(&entry, unit.data, unit.len);
        buffer_finish(&unit);
        unit = entry;
        codec_corpus_wrap(&unit, MAP_STRING_NESTED);
    }
    fill_with(b, size, &unit);
}

static void tiny_strings(struct buffer *b, size_t size)
{
    struct buffer unit = {0};
    put_text(&unit, REPEATED_STRING, "");
    fill_with(b, size, &unit);
}

static void fill_string(struct buffer *b, unsigned number, size_t size, const char *unit, size_t unit_len)
{
    struct buffer text = {0};
    codec_corpus_repeat(&text, unit, unit_len, size - 8);
    codec_corpus_run(b, number, text.data, text.len);
    buffer_finish(&text);
}

static void control_characters(struct buffer *b, size_t size)
{
    fill_string(b, OPTIONAL_STRING, size, "\x01\x02\x1f", 3);
}

static void two_byte_text(struct buffer *b, size_t size)
{
    fill_string(b, OPTIONAL_STRING, size, "\xc3\xa9", 2);
}

static void invalid_text(struct buffer *b, size_t size)
{
    fill_string(b, OPTIONAL_STRING, size, "\xff", 1);
}

static void invalid_sequences(struct buffer *b, size_t size)
{
    fill_string(b, OPTIONAL_STRING, size, "\xf0\x9f\x98", 3);
}

static void invalid_text_at_the_end(struct buffer *b, size_t size)
{
    struct buffer text = {0};
    codec_corpus_repeat(&text, "\xe2\x82\xac", 3, size - 8);
    buffer_add_byte(&text, 0xff);
    codec_corpus_run(b, OPTIONAL_STRING, text.data, text.len);
    buffer_finish(&text);
}

static void bytes_as_base64(struct buffer *b, size_t size)
{
    fill_string(b, OPTIONAL_BYTES, size, "\xfb\xef\xbe", 3);
}

static void fill_packed(struct buffer *b, size_t size, unsigned number, size_t width)
{
    struct buffer run = {0};
    uint64_t state = number;
    while (run.len + width + 8 < size) {
        uint64_t r = codec_corpus_random(&state);
        buffer_add(&run, &r, width);
    }
    codec_corpus_run(b, number, run.data, run.len);
    buffer_finish(&run);
}

static void packed_doubles(struct buffer *b, size_t size)
{
    fill_packed(b, size, REPEATED_DOUBLE, 8);
}

static void packed_floats(struct buffer *b, size_t size)
{
    fill_packed(b, size, REPEATED_FLOAT, 4);
}

static void packed_bytes(struct buffer *b, size_t size)
{
    fill_string(b, REPEATED_INT32, size, "\x01", 1);
}

static void packed_varints_of_ten(struct buffer *b, size_t size)
{
    fill_string(b, REPEATED_INT32, size, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 10);
}

static void packed_enums(struct buffer *b, size_t size)
{
    fill_string(b, REPEATED_ENUM, size, "\x01\x02\x7f", 3);
}

static void empty_runs(struct buffer *b, size_t size)
{
    struct buffer unit = {0};
    codec_corpus_run(&unit, UNPACKED_INT32, "", 0);
    fill_with(b, size, &unit);
}

static void oneofs_in_turn(struct buffer *b, size_t size)
{
    struct buffer unit = {0};
    codec_corpus_run(&unit, ONEOF_NESTED, "\x08\x01", 2);
    codec_corpus_number(&unit, ONEOF_UINT32, 1);
    put_text(&unit, ONEOF_STRING, "a");
    fill_with(b, size, &unit);
}

/* Every level loses against a number, so it is checked and thrown away. */
static void deep_losers(struct buffer *b, size_t size)
{
    struct buffer unit = {0};
    for (int i = 0; i < DEPTH / 2; i++) {
        codec_corpus_wrap(&unit, 2);
        codec_corpus_wrap(&unit, ONEOF_NESTED);
        codec_corpus_number(&unit, ONEOF_UINT32, 1);
    }
    fill_with(b, size, &unit);
}

static void fill_groups(struct buffer *b, size_t size, unsigned number)
{
    struct buffer unit = {0};
    for (int i = 0; i < DEPTH; i++)
        put_tag(&unit, number, WIRE_GROUP);
    for (int i = 0; i < DEPTH; i++)
        put_tag(&unit, number, WIRE_GROUP_END);
    fill_with(b, size, &unit);
}

static void unknown_groups(struct buffer *b, size_t size)
{
    fill_groups(b, size, UNKNOWN);
}

static void known_groups(struct buffer *b, size_t size)
{
    fill_groups(b, size, DATA_GROUP);
}

static void flat_groups(struct buffer *b, size_t size)
{
    struct buffer unit = {0};
    put_tag(&unit, DATA_GROUP, WIRE_GROUP);
    put_tag(&unit, DATA_GROUP, WIRE_GROUP_END);
    fill_with(b, size, &unit);
}

static void unknown_fields(struct buffer *b, size_t size)
{
    struct buffer unit = {0};
    codec_corpus_number(&unit, 16, 1);
    fill_with(b, size, &unit);
}

static void flat_unknown_groups(struct buffer *b, size_t size)
{
    struct buffer unit = {0};
    put_tag(&unit, 16, WIRE_GROUP);
    put_tag(&unit, 16, WIRE_GROUP_END);
    fill_with(b, size, &unit);
}

static void groups_in_unknown_groups(struct buffer *b, size_t size)
{
    struct buffer unit = {0};
    put_tag(&unit, 78, WIRE_GROUP);
    put_tag(&unit, 13, WIRE_GROUP);
    put_tag(&unit, 13, WIRE_GROUP_END);
    put_tag(&unit, 78, WIRE_GROUP_END);
    fill_with(b, size, &unit);
}

static void messages_of_unknown_fields(struct buffer *b, size_t size)
{
    struct buffer unit = {0};
    codec_corpus_number(&unit, 9, 1);
    codec_corpus_run(&unit, 8, "", 0);
    codec_corpus_wrap(&unit, REPEATED_NESTED);
    fill_with(b, size, &unit);
}

static void times(struct buffer *b, size_t size)
{
    struct buffer unit = {0};
    codec_corpus_run(&unit, REPEATED_TIMESTAMP, "", 0);
    fill_with(b, size, &unit);
}

static void masks(struct buffer *b, size_t size)
{
    struct buffer unit = {0};
    put_text(&unit, 1, "a");
    put_text(&unit, 1, "b_c");
    codec_corpus_wrap(&unit, REPEATED_FIELD_MASK);
    fill_with(b, size, &unit);
}

static void anys(struct buffer *b, size_t size)
{
    struct buffer unit = {0};
    put_text(&unit, 1, "/google.protobuf.Duration");
    codec_corpus_wrap(&unit, REPEATED_ANY);
    fill_with(b, size, &unit);
}

static void deep_anys(struct buffer *b, size_t size)
{
    struct buffer unit = {0};
    for (int i = 0; i < DEPTH / 2; i++) {
        struct buffer any = {0};
        put_text(&any, 1, "/google.protobuf.Any");
        codec_corpus_run(&any, 2, unit.data, unit.len);
        buffer_finish(&unit);
        unit = any;
    }
    codec_corpus_wrap(&unit, REPEATED_ANY);
    fill_with(b, size, &unit);
}

/* A Value is a Struct with one field, which is a Value, … */
static void deep_structs(struct buffer *b, size_t size)
{
    struct buffer unit = {0};
    codec_corpus_number(&unit, 4, 1);
    for (int i = 0; i < DEPTH / 3; i++) {
        struct buffer entry = {0};
        put_text(&entry, 1, "a");
        codec_corpus_run(&entry, 2, unit.data, unit.len);
        buffer_finish(&unit);
        unit = entry;
        codec_corpus_wrap(&unit, 1); /* Struct.fields */
        codec_corpus_wrap(&unit, 5); /* Value.struct_value */
    }
    codec_corpus_wrap(&unit, REPEATED_VALUE);
    fill_with(b, size, &unit);
}

static void null_values(struct buffer *b, size_t size)
{
    struct buffer unit = {0};
    codec_corpus_number(&unit, 1, 0);
    codec_corpus_wrap(&unit, REPEATED_VALUE);
    fill_with(b, size, &unit);
}

const struct codec_case codec_corpus_protobuf[] = {
    {"protobuf", "wide", wide},
    {"protobuf", "backwards", backwards},
    {"protobuf", "backwards, large numbers", backwards_large_numbers},
    {"protobuf", "deep", deep},
    {"protobuf", "merge chains", merge_chains},
    {"protobuf", "merge trees", merge_trees},
    {"protobuf", "merge around a text", merge_around_a_text},
    {"protobuf", "empty messages", empty_messages},
    {"protobuf", "messages of defaults", messages_of_defaults},
    {"protobuf", "defaults among map entries", defaults_among_entries},
    {"protobuf", "map flood", map_flood},
    {"protobuf", "map of one key", map_of_one_key},
    {"protobuf", "empty map entries", empty_entries},
    {"protobuf", "map flood, text", map_text_flood},
    {"protobuf", "odd map entries", odd_entries},
    {"protobuf", "tiny strings", tiny_strings},
    {"protobuf", "control characters", control_characters},
    {"protobuf", "two-byte text", two_byte_text},
    {"protobuf", "invalid text at the end", invalid_text_at_the_end},
    {"protobuf", "base64", bytes_as_base64},
    {"protobuf", "packed doubles", packed_doubles},
    {"protobuf", "packed floats", packed_floats},
    {"protobuf", "packed bytes", packed_bytes},
    {"protobuf", "packed varints of ten bytes", packed_varints_of_ten},
    {"protobuf", "packed enums", packed_enums},
    {"protobuf", "empty packed runs", empty_runs},
    {"protobuf", "oneofs in turn", oneofs_in_turn},
    {"protobuf", "deep losers of oneofs", deep_losers},
    {"protobuf", "unknown groups", unknown_groups},
    {"protobuf", "unknown fields", unknown_fields},
    {"protobuf", "times", times},
    {"protobuf", "field masks", masks},
    {"protobuf", "anys", anys},
    {"protobuf", "deep anys", deep_anys},
    {"protobuf", "deep structs", deep_structs},
    {"protobuf", "null values", null_values},
    {"protobuf-keep", "unknown groups", unknown_groups},
    {"protobuf-keep", "flat unknown groups", flat_unknown_groups},
    {"protobuf-keep", "groups in unknown groups", groups_in_unknown_groups},
    {"protobuf-keep", "unknown fields", unknown_fields},
    {"protobuf-keep", "messages of unknown fields", messages_of_unknown_fields},
    {"protobuf2", "messages of defaults", messages_of_defaults},
    {"protobuf2", "merge chains", merge_chains},
    {"protobuf2", "invalid text", invalid_text},
    {"protobuf2", "invalid sequences", invalid_sequences},
    {"protobuf2", "deep groups", known_groups},
    {"protobuf2", "flat groups", flat_groups},
    {"protobuf2", "deep losers of oneofs", deep_losers},
    {"protobuf-tree", "wide", wide},
    {"protobuf-tree", "deep", deep},
    {"protobuf-tree", "merge chains", merge_chains},
    {"protobuf-tree", "messages of defaults", messages_of_defaults},
    {"protobuf-tree", "defaults among map entries", defaults_among_entries},
    {"protobuf-tree", "map flood", map_flood},
    {"protobuf-tree", "odd map entries", odd_entries},
    {"protobuf-tree", "tiny strings", tiny_strings},
    {"protobuf-tree", "packed bytes", packed_bytes},
    {"protobuf-tree", "packed doubles", packed_doubles},
    {"protobuf-tree", "times", times},
    {"protobuf-tree", "deep structs", deep_structs},
    {NULL, NULL, NULL},
};
