/* SPDX-License-Identifier: Apache-2.0
 *
 * Proves that payloads come back as they were written, that compressed ones are inflated within a limit, and
 * that no bytes make unpacking use more memory, stack or calls than it may.
 */
#include "sparkplug/sparkplug_payload.h"

#include "sparkplug/sparkplug_b.pb-c.h"
#include "sparkplug/sparkplug_metric.h"
#include "sparkplug/sparkplug_tree.h"

#include "unit.h"

#include <stdio.h>

static struct arena arena;
static struct sparkplug_tree tree = {&arena, &arena, {NULL, 0}};

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

static enum status unpack(struct bytes packed, const struct sparkplug_limits *limits, Spb__Payload **p,
                          struct error *err)
{
    return sparkplug_payload_unpack(packed, limits, &arena, p, NULL, err);
}

static struct buffer pack_three(void)
{
    static const char names[3][8] = {"a", "bdSeq", "c"};
    Spb__Payload *p = sparkplug_payload_create(1700000000000, 7, &arena);
    struct fby_value v = {.type = FBY_INT, .integer = 42};
    struct error err;
    for (int i = 0; i < 3; i++) {
        Spb__Metric *m = sparkplug_payload_add(p, bytes_of_text(names[i]), &arena);
        assert_int_equal(sparkplug_metric_set(m, SPARKPLUG_INT64, &v, &arena, &err), STATUS_OK);
    }
    struct buffer out = {0};
    assert_true(sparkplug_payload_pack(p, &out));
    return out;
}

static void test_comes_back(void **state)
{
    (void)state;
    struct buffer packed = pack_three();
    struct error err;
    Spb__Payload *p;
    uint64_t bdseq;
    assert_int_equal(unpack(buffer_bytes(&packed), NULL, &p, &err), STATUS_OK);
    assert_true(p->has_timestamp && p->timestamp == 1700000000000);
    assert_true(p->has_seq && p->seq == 7);
    assert_int_equal(p->n_metrics, 3);
    assert_non_null(sparkplug_payload_find(p, "c"));
    assert_null(sparkplug_payload_find(p, "d"));
    assert_true(sparkplug_payload_bdseq(p, &bdseq) && bdseq == 42);
    assert_false(sparkplug_payload_is_true(p, "a"));
    buffer_finish(&packed);
}

static void test_text_may_hold_nul(void **state)
{
    (void)state;
    static const uint8_t packed[] = {0x12, 0x05, 0x0a, 0x03, 'a', 0, 'b'};
    struct error err;
    Spb__Payload *p;
    assert_int_equal(unpack(bytes_of(packed, sizeof packed), NULL, &p, &err), STATUS_OK);
    assert_int_equal(p->metrics[0]->name.len, 3);
}

static void test_refuses_what_is_none(void **state)
{
    (void)state;
    static const uint8_t groups[] = {0x0b, 0x0c}, cut[] = {0x12, 0x7f, 0x0a}, end[] = {0x08};
    struct error err;
    Spb__Payload *p;
    assert_int_equal(unpack(bytes_of(groups, sizeof groups), NULL, &p, &err), STATUS_INVALID);
    assert_int_equal(unpack(bytes_of(cut, sizeof cut), NULL, &p, &err), STATUS_INVALID);
    assert_int_equal(unpack(bytes_of(end, sizeof end), NULL, &p, &err), STATUS_INVALID);
    assert_null(p);
    assert_int_equal(unpack(bytes_of("", 0), NULL, &p, &err), STATUS_OK); /* an empty payload is one */
}

/* Templates in templates: field 2 of the payload, then fields 18 and 2 alternating, written from the inside.
 */
static struct bytes nest(unsigned levels)
{
    size_t room = 16 * levels + 16, at = room;
    uint8_t *data = arena_alloc(&arena, room);
    for (unsigned i = 0; i < levels; i++) {
        size_t len = room - at;
        bool is_template = (levels - 1 - i) % 2 == 1;
        /* A length of up to three varint bytes, written from its end. */
        if (len < 0x80) {
            data[--at] = (uint8_t)len;
        } else if (len < 0x4000) {
            data[--at] = (uint8_t)(len >> 7);
            data[--at] = (uint8_t)(len | 0x80);
        } else {
            data[--at] = (uint8_t)(len >> 14);
            data[--at] = (uint8_t)(len >> 7 | 0x80);
            data[--at] = (uint8_t)(len | 0x80);
        }
        if (is_template) {
            data[--at] = 0x01;
            data[--at] = 0x92; /* field 18 */
        } else {
            data[--at] = 0x12; /* field 2 */
        }
    }
    return bytes_of(data + at, room - at);
}

static void test_depth_is_bounded(void **state)
{
    (void)state;
    struct error err;
    Spb__Payload *p;
    assert_int_equal(unpack(nest(7), NULL, &p, &err), STATUS_OK);
    assert_int_equal(unpack(nest(99), NULL, &p, &err), STATUS_OK); /* and the payload itself: 100 */
    assert_int_equal(unpack(nest(100), NULL, &p, &err), STATUS_LIMIT);
    assert_int_equal(unpack(nest(5001), NULL, &p, &err), STATUS_LIMIT);
    assert_non_null(strstr(err.text, "nested too deeply"));
}

static void test_elements_and_memory_are_bounded(void **state)
{
    (void)state;
    enum { COUNT = 100000 };
    struct error err;
    Spb__Payload *p;
    uint8_t *many = arena_alloc(&arena, COUNT * 2);
    for (size_t i = 0; i < COUNT; i++) {
        many[2 * i] = 0x12; /* an empty metric */
        many[2 * i + 1] = 0;
    }
    struct bytes packed = bytes_of(many, COUNT * 2);
    size_t before = arena.used;
    assert_int_equal(unpack(packed, NULL, &p, &err), STATUS_LIMIT);
    assert_true(arena.used - before <= 9 << 20);
    const struct sparkplug_limits few = {.elements = 50}, small = {.payload_bytes = 100},
                                  tight = {.memory_bytes = 4096};
    assert_int_equal(unpack(bytes_of(many, 200), &few, &p, &err), STATUS_LIMIT);
    assert_int_equal(unpack(bytes_of(many, 200), &small, &p, &err), STATUS_LIMIT);
    assert_int_equal(unpack(bytes_of(many, 200), &tight, &p, &err), STATUS_LIMIT);
    assert_int_equal(unpack(bytes_of(many, 200), NULL, &p, &err), STATUS_OK);
    assert_int_equal(p->n_metrics, 100);
}

/* A zlib stream of one stored block, as DEFLATE envelopes have. */
static struct bytes store(struct bytes plain)
{
    uint8_t *data = arena_alloc(&arena, plain.len + 11);
    uint32_t a = 1, b = 0; /* Adler-32 */
    for (size_t i = 0; i < plain.len; i++) {
        a = (a + plain.data[i]) % 65521;
        b = (b + a) % 65521;
    }
    const uint8_t head[] = {0x78,
                            0x01,
                            0x01,
                            (uint8_t)plain.len,
                            (uint8_t)(plain.len >> 8),
                            (uint8_t)~plain.len,
                            (uint8_t)(~plain.len >> 8)};
    const uint8_t tail[] = {(uint8_t)(b >> 8), (uint8_t)b, (uint8_t)(a >> 8), (uint8_t)a};
    memcpy(data, head, sizeof head);
    memcpy(data + sizeof head, plain.data, plain.len);
    memcpy(data + sizeof head + plain.len, tail, sizeof tail);
    return bytes_of(data, plain.len + 11);
}

/* What the specification's libraries wrap a compressed payload in; `algorithm` NULL: without. */
static struct bytes wrap(struct bytes body, const char *algorithm)
{
    static const char uuid[] = "SPBV1.0_COMPRESSED";
    Spb__Payload *p = sparkplug_payload_create(0, -1, &arena);
    struct buffer out = {0};
    p->has_timestamp = false;
    p->has_uuid = p->has_body = true;
    p->uuid = (ProtobufCBinaryData){strlen(uuid), (uint8_t *)(uintptr_t)uuid};
    p->body = (ProtobufCBinaryData){body.len, (uint8_t *)(uintptr_t)body.data};
    if (algorithm) {
        Spb__Metric *m = sparkplug_payload_add(p, bytes_of_text("algorithm"), &arena);
        m->value_case = SPB__METRIC__VALUE_STRING_VALUE;
        m->string_value = (ProtobufCBinaryData){strlen(algorithm), (uint8_t *)(uintptr_t)algorithm};
    }
    assert_true(sparkplug_payload_pack(p, &out));
    struct bytes copy = bytes_of(arena_strndup(&arena, out.data, out.len), out.len);
    buffer_finish(&out);
    return copy;
}

static void refuse(struct bytes packed, const struct sparkplug_limits *limits, enum status status,
                   const char *reason)
{
    struct error err;
    Spb__Payload *p;
    assert_int_equal(unpack(packed, limits, &p, &err), status);
    assert_null(p);
    assert_non_null(strstr(err.text, reason));
}

static void test_envelopes(void **state)
{
    (void)state;
    struct buffer packed = pack_three();
    struct bytes plain = buffer_bytes(&packed), body = store(plain);
    struct error err;
    Spb__Payload *p;
    enum status status = unpack(wrap(body, "DEFLATE"), NULL, &p, &err);
    if (status == STATUS_LIMIT && strstr(err.text, "no zlib")) {
        buffer_finish(&packed);
        skip(); /* a build that cannot inflate says so */
    }
    assert_int_equal(status, STATUS_OK);
    assert_true(p->n_metrics == 3 && p->seq == 7);
    assert_int_equal(unpack(wrap(body, NULL), NULL, &p, &err), STATUS_OK);
    assert_int_equal(p->n_metrics, 3);
    refuse(wrap(body, "LZ4"), NULL, STATUS_INVALID, "neither GZIP nor DEFLATE");
    refuse(wrap(store(wrap(body, NULL)), NULL), NULL, STATUS_INVALID, "compressed twice");
    refuse(wrap(bytes_of(body.data, body.len - 5), NULL), NULL, STATUS_INVALID, "ends too early");
    refuse(wrap(bytes_of_text("not compressed at all"), NULL), NULL, STATUS_INVALID, "damaged");
    refuse(wrap(store(bytes_of_text("\xff\xff")), NULL), NULL, STATUS_INVALID, "not a Sparkplug B payload");
    const struct sparkplug_limits exact = {.unpacked_bytes = plain.len},
                                  less = {.unpacked_bytes = plain.len - 1};
    assert_int_equal(unpack(wrap(body, NULL), &exact, &p, &err), STATUS_OK);
    refuse(wrap(body, NULL), &less, STATUS_LIMIT, "unpacks to more than");
    uint8_t *changed = (uint8_t *)(uintptr_t)body.data;
    changed[body.len - 1] ^= 1;
    refuse(wrap(body, NULL), NULL, STATUS_INVALID, "damaged");
    changed[body.len - 1] ^= 1;
    struct buffer more = {0};
    buffer_add(&more, body.data, body.len);
    buffer_add_byte(&more, 0);
    refuse(wrap(buffer_bytes(&more), NULL), NULL, STATUS_INVALID, "bytes follow");
    buffer_finish(&more);
    buffer_finish(&packed);
}

/* Random changes of a right payload: any answer, no memory error (this runs under the sanitizers). */
static void test_survives_mutations(void **state)
{
    (void)state;
    struct buffer packed = pack_three();
    const char *text = getenv("FOREBAY_TEST_SEED");
    unsigned seed = text ? (unsigned)strtoul(text, NULL, 10) : 20240801;
    printf("seed %u\n", seed);
    srandom(seed);
    struct error err;
    for (int i = 0; i < 20000; i++) {
        uint8_t copy[128];
        memcpy(copy, packed.data, packed.len);
        for (int k = 0; k < 3; k++)
            copy[(size_t)random() % packed.len] = (uint8_t)random();
        Spb__Payload *p;
        struct arena_mark mark = arena_mark(&arena);
        if (unpack(bytes_of(copy, packed.len), NULL, &p, &err) == STATUS_OK)
            for (size_t k = 0; k < p->n_metrics; k++) {
                struct fby_value v;
                (void)!sparkplug_metric_value(p->metrics[k], (unsigned)i % 40, NULL, &tree, &v, &err);
            }
        arena_rewind(&arena, mark);
    }
    buffer_finish(&packed);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_comes_back),
        TEST(test_text_may_hold_nul),
        TEST(test_refuses_what_is_none),
        TEST(test_depth_is_bounded),
        TEST(test_elements_and_memory_are_bounded),
        TEST(test_envelopes),
        TEST(test_survives_mutations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
