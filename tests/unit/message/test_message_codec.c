/* SPDX-License-Identifier: Apache-2.0
 *
 * Proves that a message survives the journal unchanged, and that no damaged record is read out of bounds.
 */
#include "message/message_codec.h"

#include "unit.h"

static const struct message_property properties[] = {
    {{(const uint8_t *)"unit", 4}, {(const uint8_t *)"celsius", 7}},
    {{(const uint8_t *)"", 0}, {(const uint8_t *)"", 0}},
};

static struct message full_message(void)
{
    return (struct message){.time_us = -1234567890123,
                            .source = bytes_of_text("devices"),
                            .topic = bytes_of_text("sensors/d1/telemetry"),
                            .payload = bytes_of("a\0b", 3),
                            .content_type = bytes_of_text("application/json"),
                            .response_topic = bytes_of_text("answers"),
                            .correlation_data = bytes_of("\xff\x00", 2),
                            .properties = properties,
                            .property_count = 2,
                            .qos = 1,
                            .retain = true,
                            .duplicate = true};
}

/* In memory of exactly its size, so that a sanitizer sees every read beyond it. */
static struct bytes encode(const struct message *m)
{
    size_t size = message_codec_size(m);
    uint8_t *record = malloc(size ? size : 1);
    message_codec_encode(m, record);
    return bytes_of(record, size);
}

static void assert_bytes_equal(struct bytes a, struct bytes b)
{
    assert_true(bytes_equal(a, b));
}

static void test_round_trip(void **state)
{
    (void)state;
    struct message m = full_message(), back;
    struct arena arena;
    arena_init(&arena, 0, 0);
    struct bytes record = encode(&m);
    assert_int_equal(message_codec_decode(record, &arena, &back), STATUS_OK);
    assert_int_equal(back.time_us, m.time_us);
    assert_bytes_equal(back.source, m.source);
    assert_bytes_equal(back.topic, m.topic);
    assert_bytes_equal(back.payload, m.payload);
    assert_bytes_equal(back.content_type, m.content_type);
    assert_bytes_equal(back.response_topic, m.response_topic);
    assert_bytes_equal(back.correlation_data, m.correlation_data);
    assert_int_equal(back.property_count, 2);
    for (size_t i = 0; i < 2; i++) {
        assert_bytes_equal(back.properties[i].name, properties[i].name);
        assert_bytes_equal(back.properties[i].text, properties[i].text);
    }
    assert_int_equal(back.qos, 1);
    assert_true(back.retain && back.duplicate);
    free((void *)(uintptr_t)record.data);
    arena_finish(&arena);
}

static void test_smallest(void **state)
{
    (void)state;
    struct message m = {.topic = bytes_of_text("t"), .source = bytes_of_text("s"), .qos = 2}, back;
    struct arena arena;
    arena_init(&arena, 0, 0);
    struct bytes record = encode(&m);
    assert_int_equal(record.len, 18);
    assert_int_equal(message_codec_decode(record, &arena, &back), STATUS_OK);
    assert_int_equal(back.payload.len, 0);
    assert_int_equal(back.qos, 2);
    assert_false(back.retain || back.duplicate);
    assert_int_equal(back.property_count, 0);
    free((void *)(uintptr_t)record.data);
    arena_finish(&arena);
}

static void test_known_bytes(void **state)
{
    (void)state;
    static const uint8_t expected[] = {1, 1 | 4 | 16, 1, 0, 1, 0,   0,   0,   0x15, 0xcd, 0x5b, 0x07, 0,
                                       0, 0,          0, 4, 0, 't', 's', 'j', 's',  'o',  'n',  'p'};
    struct message m = {.time_us = 123456789,
                        .topic = bytes_of_text("t"),
                        .source = bytes_of_text("s"),
                        .content_type = bytes_of_text("json"),
                        .payload = bytes_of_text("p"),
                        .qos = 1,
                        .retain = true};
    struct bytes record = encode(&m);
    assert_int_equal(record.len, sizeof expected);
    assert_memory_equal(record.data, expected, sizeof expected);
    free((void *)(uintptr_t)record.data);
}

static void test_every_truncation(void **state)
{
    (void)state;
    struct message m = full_message(), back;
    m.payload.len = 0;
    struct bytes record = encode(&m);
    struct arena arena;
    arena_init(&arena, 0, 0);
    for (size_t len = 0; len < record.len; len++) {
        uint8_t *part = malloc(len ? len : 1);
        memcpy(part, record.data, len);
        assert_int_equal(message_codec_decode(bytes_of(part, len), &arena, &back), STATUS_CORRUPT);
        free(part);
        arena_reset(&arena);
    }
    free((void *)(uintptr_t)record.data);
    arena_finish(&arena);
}

static void test_every_changed_byte_stays_inside(void **state)
{
    (void)state;
    struct message m = full_message(), back;
    struct bytes record = encode(&m);
    uint8_t *copy = malloc(record.len);
    struct arena arena;
    arena_init(&arena, 0, 0);
    for (size_t at = 0; at < record.len; at++)
        for (unsigned value = 0; value < 256; value++) {
            memcpy(copy, record.data, record.len);
            copy[at] = (uint8_t)value;
            enum status s = message_codec_decode(bytes_of(copy, record.len), &arena, &back);
            if (s == STATUS_OK)
                assert_true(back.payload.data + back.payload.len == copy + record.len);
            else
                assert_int_equal(s, STATUS_CORRUPT);
            arena_reset(&arena);
        }
    free(copy);
    free((void *)(uintptr_t)record.data);
    arena_finish(&arena);
}

static void test_full_arena(void **state)
{
    (void)state;
    struct message m = full_message(), back;
    struct bytes record = encode(&m);
    struct arena arena;
    arena_init(&arena, 0, 16);
    assert_int_equal(message_codec_decode(record, &arena, &back), STATUS_NO_MEMORY);
    free((void *)(uintptr_t)record.data);
    arena_finish(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),  cmocka_unit_test(test_smallest),
        cmocka_unit_test(test_known_bytes), cmocka_unit_test(test_every_truncation),
        cmocka_unit_test(test_full_arena),  cmocka_unit_test(test_every_changed_byte_stays_inside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
