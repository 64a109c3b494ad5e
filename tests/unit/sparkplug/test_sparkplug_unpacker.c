/* SPDX-License-Identifier: Apache-2.0
 *
 * Proves that the unpacker reads what protobuf-c's own reads, out of random payloads of every field, whole
 * and damaged, and what it does where protobuf-c differs from protobuf.
 */
#include "sparkplug/sparkplug_unpacker.h"

#include "sparkplug/sparkplug_b.pb-c.h"

#include "unit.h"

#include <stdio.h>

enum { ROUNDS = 20000, DEPTH = 6 };

static struct arena arena;

static int set_up(void **state)
{
    (void)state;
    arena_init(&arena, 0, 64 << 20);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_finish(&arena);
    return 0;
}

static Spb__Payload *unpack(struct bytes packed, struct sparkplug_unpacker *u)
{
    *u = (struct sparkplug_unpacker){.arena = &arena, .bytes_left = 8 << 20, .elements_left = 65536};
    return sparkplug_unpacker_run(u, packed);
}

/* ---- Random payloads ---- */

static unsigned draw(unsigned below)
{
    return (unsigned)random() % below;
}

static void add_varint(struct buffer *b, uint64_t n)
{
    for (; n >= 0x80; n >>= 7)
        buffer_add_byte(b, (uint8_t)(n | 0x80));
    buffer_add_byte(b, (uint8_t)n);
}

static uint64_t draw_number(void)
{
    uint64_t n = (uint64_t)random() << 33 ^ (uint64_t)random() << 11 ^ (uint64_t)random();
    return n >> draw(64);
}

static void add_message(struct buffer *b, const ProtobufCMessageDescriptor *type, unsigned depth);

static void add_content(struct buffer *b, const ProtobufCFieldDescriptor *f, unsigned depth)
{
    struct buffer inner = {0};
    uint64_t n = draw_number();
    switch ((int)f->type) {
    case PROTOBUF_C_TYPE_BOOL:
        add_varint(b, f->id << 3);
        add_varint(b, n & 1);
        return;
    case PROTOBUF_C_TYPE_UINT32:
        n = (uint32_t)n;
        if (f->label == PROTOBUF_C_LABEL_REPEATED && draw(2)) { /* packed */
            for (unsigned i = draw(5); i > 0; i--)
                add_varint(&inner, n + i);
            break;
        }
        add_varint(b, f->id << 3);
        add_varint(b, n);
        return;
    case PROTOBUF_C_TYPE_UINT64:
        add_varint(b, f->id << 3);
        add_varint(b, n);
        return;
    case PROTOBUF_C_TYPE_FLOAT:
    case PROTOBUF_C_TYPE_DOUBLE:
        add_varint(b, f->id << 3 | (f->type == PROTOBUF_C_TYPE_FLOAT ? 5 : 1));
        for (int i = f->type == PROTOBUF_C_TYPE_FLOAT ? 4 : 8; i > 0; i--, n >>= 8)
            buffer_add_byte(b, (uint8_t)n);
        return;
    case PROTOBUF_C_TYPE_BYTES:
        for (unsigned i = draw(6); i > 0; i--)
            buffer_add_byte(&inner, (uint8_t)random());
        break;
    default:
        add_message(&inner, f->descriptor, depth + 1);
    }
    add_varint(b, f->id << 3 | 2);
    add_varint(b, inner.len);
    buffer_add(b, inner.data, inner.len);
    buffer_finish(&inner);
}

/* Fields in any order, numbers and texts several times, messages that are not repeated once. */
static void add_message(struct buffer *b, const ProtobufCMessageDescriptor *type, unsigned depth)
{
    uint32_t had = 0, oneof = 0;
    for (unsigned i = draw(8); i > 0 && type->n_fields; i--) {
        const ProtobufCFieldDescriptor *f = &type->fields[draw(type->n_fields)];
        bool is_single_message = f->type == PROTOBUF_C_TYPE_MESSAGE && f->label != PROTOBUF_C_LABEL_REPEATED;
        if ((f->type == PROTOBUF_C_TYPE_MESSAGE && depth == DEPTH) ||
            (is_single_message && (had >> f->id & 1)))
            continue;
        if (f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF && is_single_message && oneof++)
            continue;
        had |= 1u << f->id;
        add_content(b, f, depth);
    }
}

static void seed_random(void)
{
    const char *text = getenv("FOREBAY_TEST_SEED");
    unsigned seed = text ? (unsigned)strtoul(text, NULL, 10) : 20261130;
    printf("seed %u\n", seed);
    srandom(seed);
}

/* The bytes of both, packed again. */
static void assert_same(const Spb__Payload *ours, const Spb__Payload *theirs)
{
    size_t len = spb__payload__get_packed_size(theirs);
    assert_int_equal(spb__payload__get_packed_size(ours), len);
    uint8_t *a = arena_alloc(&arena, len), *b = arena_alloc(&arena, len);
    spb__payload__pack(ours, a);
    spb__payload__pack(theirs, b);
    assert_memory_equal(a, b, len);
}

static void test_reads_what_protobuf_c_reads(void **state)
{
    (void)state;
    seed_random();
    size_t metrics = 0;
    for (int i = 0; i < ROUNDS; i++) {
        struct buffer packed = {0};
        struct sparkplug_unpacker u;
        add_message(&packed, &spb__payload__descriptor, 0);
        Spb__Payload *ours = unpack(buffer_bytes(&packed), &u);
        Spb__Payload *theirs = spb__payload__unpack(NULL, packed.len, packed.data);
        assert_non_null(ours);
        assert_non_null(theirs);
        assert_same(ours, theirs);
        metrics += ours->n_metrics;
        spb__payload__free_unpacked(theirs, NULL);
        buffer_finish(&packed);
        arena_reset(&arena);
    }
    assert_true(metrics > ROUNDS / 2);
}

/* What protobuf-c refuses is refused. It takes fields without a number, which protobuf does not. */
static void test_refuses_what_protobuf_c_refuses(void **state)
{
    (void)state;
    seed_random();
    unsigned refused = 0, taken = 0;
    for (int i = 0; i < ROUNDS; i++) {
        struct buffer packed = {0};
        struct sparkplug_unpacker u;
        add_message(&packed, &spb__payload__descriptor, 0);
        for (unsigned k = draw(3); packed.len && k < 3; k++)
            packed.data[draw((unsigned)packed.len)] = (uint8_t)random();
        packed.len -= packed.len ? draw(2) * draw((unsigned)packed.len) : 0;
        Spb__Payload *theirs = spb__payload__unpack(NULL, packed.len, packed.data);
        bool is_ours = unpack(buffer_bytes(&packed), &u) != NULL;
        if (is_ours)
            assert_non_null(theirs);
        else
            assert_true(!u.is_over && u.damaged_at <= packed.len);
        refused += !theirs;
        taken += is_ours;
        if (theirs)
            spb__payload__free_unpacked(theirs, NULL);
        buffer_finish(&packed);
        arena_reset(&arena);
    }
    assert_true(refused > ROUNDS / 10);
    assert_true(taken > ROUNDS / 10);
}

/* ---- By hand ---- */

static Spb__Payload *unpack_text(const char *bytes, size_t len)
{
    struct sparkplug_unpacker u;
    return unpack(bytes_of(bytes, len), &u);
}

#define UNPACK(text) unpack_text(text, sizeof(text) - 1)

/* protobuf encoding, "Last One Wins": parts of one message that come apart are put together. */
static void test_messages_are_merged(void **state)
{
    (void)state;
    /* metadata: file_name "a", then md5 "b" */
    Spb__Payload *p = UNPACK("\x12\x0a\x42\x03\x2a\x01"
                             "a"
                             "\x42\x03\x3a\x01"
                             "b");
    assert_non_null(p);
    assert_true(p->metrics[0]->metadata->has_file_name && p->metrics[0]->metadata->has_md5);
    /* template_value twice: version "a", then template_ref "b" */
    p = UNPACK("\x12\x0c\x92\x01\x03\x0a\x01"
               "a"
               "\x92\x01\x03\x22\x01"
               "b");
    assert_non_null(p);
    assert_true(p->metrics[0]->template_value->has_version &&
                p->metrics[0]->template_value->has_template_ref);
    /* a template, an integer, another template: the first is gone */
    p = UNPACK("\x12\x0e\x92\x01\x03\x0a\x01"
               "a"
               "\x50\x07\x92\x01\x03\x22\x01"
               "b");
    assert_non_null(p);
    assert_false(p->metrics[0]->template_value->has_version);
}

static void test_texts_stay_where_they_are(void **state)
{
    (void)state;
    static const char packed[] = "\x12\x03\x0a\x01"
                                 "a";
    Spb__Payload *p = UNPACK(packed);
    assert_ptr_equal(p->metrics[0]->name.data, packed + 4);
}

/* The number of a field is its place in the descriptor. */
static void test_fields_have_no_gaps(void **state)
{
    (void)state;
    static const ProtobufCMessageDescriptor *const types[] = {
        &spb__payload__descriptor,
        &spb__metric__descriptor,
        &spb__extension__descriptor,
        &spb__meta_data__descriptor,
        &spb__property_set__descriptor,
        &spb__property_value__descriptor,
        &spb__property_set_list__descriptor,
        &spb__data_set__descriptor,
        &spb__row__descriptor,
        &spb__cell__descriptor,
        &spb__template__descriptor,
        &spb__parameter__descriptor,
    };
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        for (unsigned k = 0; k < types[i]->n_fields; k++)
            assert_int_equal(types[i]->fields[k].id, k + 1);
}

static void test_says_where_it_is_damaged(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t len, at;
    } rows[] = {
        {"\x08\x01\x18", 3, 2},                         /* no value */
        {"\x12\x02\x10\x01\x12\x02\x50\xff", 8, 6},     /* a varint that goes on */
        {"\x12\x02\x0a\x01\x00", 5, 2},                 /* longer than what is around it */
        {"\x0b\x0c", 2, 0},                             /* a group */
        {"\x0a\x00", 2, 0},                             /* a time as bytes */
        {"\x00\x00", 2, 0},                             /* no field */
        {"\x18\x01\x12\x80\x80\x80\x80\x80\x00", 9, 2}, /* a length of six bytes */
        {"\x12\x06\x8a\x01\x03\x1a\x01\x80", 8, 7},     /* a packed number that goes on */
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sparkplug_unpacker u;
        assert_null(unpack(bytes_of(rows[i].bytes, rows[i].len), &u));
        assert_false(u.is_over);
        assert_int_equal(u.damaged_at, rows[i].at);
    }
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_reads_what_protobuf_c_reads), TEST(test_refuses_what_protobuf_c_refuses),
        TEST(test_messages_are_merged),         TEST(test_texts_stay_where_they_are),
        TEST(test_fields_have_no_gaps),         TEST(test_says_where_it_is_damaged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
