/* SPDX-License-Identifier: Apache-2.0
 *
 * Proves what consumers get of a message: names, types, units and quality of its metrics, the flags
 * historical and transient, what is null and why, in each of the three forms; and events and STATE.
 */
#include "sparkplug/sparkplug_output.h"

#include "message/value.h"
#include "sparkplug/sparkplug_b.pb-c.h"
#include "sparkplug/sparkplug_metric.h"
#include "sparkplug/sparkplug_payload.h"
#include "sparkplug/sparkplug_tree.h"

#include "unit.h"

static struct arena arena;
static struct sparkplug_tree tree = {&arena, &arena, {NULL, 0}};
static struct sparkplug_birth *birth;
static Spb__Payload *payload; /* of the message */
static struct sparkplug_output_settings settings;
static size_t overwritten;

static Spb__Metric *add(Spb__Payload *p, const char *name, uint64_t alias, enum sparkplug_type type,
                        int64_t number)
{
    Spb__Metric *m = sparkplug_payload_add(p, bytes_of_text(name), &arena);
    struct fby_value v = value_int(number);
    struct error err;
    m->has_alias = alias != 0;
    m->alias = alias;
    assert_int_equal(sparkplug_metric_set(m, type, &v, &arena, &err), STATUS_OK);
    return m;
}

/* As data has it: by alias, without the type. */
static Spb__Metric *add_data(uint64_t alias, enum sparkplug_type type, int64_t number)
{
    Spb__Metric *m = add(payload, "", alias, type, number);
    m->has_datatype = false;
    m->datatype = 0;
    return m;
}

static int set_up(void **state)
{
    (void)state;
    arena_init(&arena, 0, 4 << 20);
    Spb__Payload *declared = sparkplug_payload_create(1, 0, &arena);
    Spb__Metric *speed = add(declared, "speed", 1, SPARKPLUG_INT16, 0);
    assert_true(sparkplug_metric_add_text_property(speed, "engUnit", bytes_of_text("1/min"), &arena));
    (void)add(declared, "level", 2, SPARKPLUG_UINT8, 0);
    struct buffer packed = {0};
    assert_true(sparkplug_birth_pack(declared, &packed));
    birth = sparkplug_birth_create(buffer_bytes(&packed));
    assert_non_null(birth);
    buffer_finish(&packed);
    payload = sparkplug_payload_create(1700000000000, 7, &arena);
    settings = (struct sparkplug_output_settings){.form = SPARKPLUG_OUTPUT_LIST, .properties = true};
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    sparkplug_birth_unref(birth);
    arena_finish(&arena);
    return 0;
}

static const char *as_json(const struct fby_value *v)
{
    struct buffer out = {0};
    assert_true(value_write_json(v, &out));
    char *text = arena_strndup(&arena, out.data, out.len);
    buffer_finish(&out);
    return text;
}

/* The message; `metrics_only`: what is under that field. */
static const char *show(int missing_seq, bool metrics_only)
{
    const struct sparkplug_arrival a = {
        .topic = {SPARKPLUG_DDATA, bytes_of_text("G"), bytes_of_text("press"), bytes_of_text("pump")},
        .payload = payload};
    const struct sparkplug_decision d = {.birth = birth, .missing_seq = missing_seq};
    struct fby_value v;
    struct error err;
    assert_int_equal(sparkplug_output_message(&a, &d, &settings, &tree, &v, &overwritten, &err), STATUS_OK);
    return as_json(metrics_only ? value_field(&v, bytes_of_text("metrics")) : &v);
}

static void test_message(void **state)
{
    (void)state;
    Spb__Metric *m = add_data(1, SPARKPLUG_INT16, -12);
    m->has_timestamp = true;
    m->timestamp = 1700000000001;
    assert_true(sparkplug_metric_add_int_property(m, "Quality", 192, &arena));
    assert_string_equal(
        show(-1, false),
        "{\"type\":\"DDATA\",\"group\":\"G\",\"edge_node\":\"press\",\"device\":\"pump\","
        "\"timestamp\":\"2023-11-14T22:13:20Z\",\"seq\":7,\"metrics\":[{\"name\":\"speed\","
        "\"type\":\"Int16\",\"value\":-12,\"timestamp\":\"2023-11-14T22:13:20.001Z\",\"unit\":\"1/min\","
        "\"quality\":192,\"properties\":{\"Quality\":192}}]}");
    settings.properties = false;
    assert_null(strstr(show(-1, false), "properties"));
    assert_non_null(strstr(show(5, false), "\"seq\":7,\"missing_seq\":5,"));
    payload->has_seq = payload->has_timestamp = false;
    assert_null(strstr(show(-1, false), "\"seq\""));
}

/* 13 booleans. */
static void make_booleans(Spb__Metric *m)
{
    static uint8_t packed[] = {13, 0, 0, 0, 0xa5, 0xf8};
    m->has_datatype = true;
    m->datatype = SPARKPLUG_BOOLEAN_ARRAY;
    m->value_case = SPB__METRIC__VALUE_BYTES_VALUE;
    m->bytes_value = (ProtobufCBinaryData){sizeof packed, packed};
}

static enum status write_with_elements(size_t max_elements, struct fby_value *v, struct error *err)
{
    const struct sparkplug_arrival a = {
        .topic = {SPARKPLUG_NDATA, bytes_of_text("G"), bytes_of_text("press"), bytes_of("", 0)},
        .payload = payload};
    const struct sparkplug_decision d = {.birth = birth, .missing_seq = -1};
    settings.max_elements = max_elements;
    return sparkplug_output_message(&a, &d, &settings, &tree, v, &overwritten, err);
}

/* Eight booleans are one byte: elements of arrays count, those of all arrays together. */
static void test_elements_of_arrays_are_bounded(void **state)
{
    (void)state;
    struct fby_value v;
    struct error err;
    make_booleans(add_data(1, SPARKPLUG_INT16, 0));
    make_booleans(add_data(2, SPARKPLUG_INT16, 0));
    assert_int_equal(write_with_elements(26, &v, &err), STATUS_OK);
    assert_non_null(
        strstr(as_json(&v), "[true,false,true,false,false,true,false,true,true,true,true,true,true]"));
    assert_int_equal(write_with_elements(25, &v, &err), STATUS_LIMIT);
    assert_string_equal(err.text, "its arrays have more elements than max_elements allows");
    assert_int_equal(write_with_elements(0, &v, &err), STATUS_OK);
}

static void test_flags(void **state)
{
    (void)state;
    Spb__Metric *m = add_data(2, SPARKPLUG_UINT8, 200);
    m->has_is_historical = m->is_historical = true;
    m = add_data(2, SPARKPLUG_UINT8, 201);
    m->has_is_transient = m->is_transient = true;
    m = add_data(2, SPARKPLUG_UINT8, 202);
    m->has_is_null = m->is_null = true;
    assert_string_equal(show(-1, true),
                        "[{\"name\":\"level\",\"type\":\"UInt8\",\"value\":200,\"is_historical\":true},"
                        "{\"name\":\"level\",\"type\":\"UInt8\",\"value\":201,\"is_transient\":true},"
                        "{\"name\":\"level\",\"type\":\"UInt8\",\"value\":null}]");
}

static void test_errors_are_of_one_metric(void **state)
{
    (void)state;
    (void)add_data(2, SPARKPLUG_INT32, 300);
    Spb__Metric *m = add_data(1, SPARKPLUG_INT16, 5);
    assert_true(sparkplug_metric_add_int_property(m, "Quality", 192, &arena));
    m->properties->n_values = 0;
    (void)add_data(2, SPARKPLUG_UINT8, 3);
    assert_string_equal(show(-1, true),
                        "[{\"name\":\"level\",\"type\":\"UInt8\",\"value\":null,"
                        "\"error\":\"300 does not fit UInt8\"},"
                        "{\"name\":\"speed\",\"type\":\"Int16\",\"value\":5,\"unit\":\"1/min\","
                        "\"error\":\"a property set has 1 keys and 0 values\"},"
                        "{\"name\":\"level\",\"type\":\"UInt8\",\"value\":3}]");
}

static void test_its_own_type_comes_first(void **state)
{
    (void)state;
    (void)add(payload, "level", 0, SPARKPLUG_INT8, -3);
    assert_string_equal(show(-1, true), "[{\"name\":\"level\",\"type\":\"Int8\",\"value\":-3}]");
}

static void test_maps(void **state)
{
    (void)state;
    (void)add_data(2, SPARKPLUG_UINT8, 1);
    (void)add_data(17, SPARKPLUG_UINT8, 9);
    (void)add_data(2, SPARKPLUG_UINT8, 2);
    settings.form = SPARKPLUG_OUTPUT_MAP;
    assert_string_equal(show(-1, true), "{\"#17\":{\"type\":\"Unknown\",\"value\":9},"
                                        "\"level\":{\"type\":\"UInt8\",\"value\":2}}");
    assert_int_equal(overwritten, 1);
    settings.form = SPARKPLUG_OUTPUT_VALUES;
    assert_string_equal(show(-1, true), "{\"#17\":9,\"level\":2}");
    settings.form = SPARKPLUG_OUTPUT_LIST;
    assert_non_null(strstr(show(-1, true), "{\"alias\":17,\"type\":\"Unknown\",\"value\":9}"));
}

static void test_metadata(void **state)
{
    (void)state;
    Spb__Metric *m = add_data(2, SPARKPLUG_UINT8, 1);
    Spb__MetaData metadata = SPB__META_DATA__INIT;
    metadata.has_size = metadata.has_file_name = metadata.has_is_multi_part = true;
    metadata.size = 12;
    metadata.file_name = (ProtobufCBinaryData){5, (uint8_t *)(uintptr_t) "a.txt"};
    m->metadata = &metadata;
    assert_non_null(
        strstr(show(-1, true), "\"metadata\":{\"is_multi_part\":false,\"size\":12,\"file_name\":\"a.txt\"}"));
}

static void test_events(void **state)
{
    (void)state;
    struct sparkplug_node node = {.group = bytes_of_text("G"), .edge_node = bytes_of_text("press")};
    struct fby_value v;
    assert_true(sparkplug_output_event(&node, bytes_of_text("pump"), false, 1700000000000, &tree, &v));
    assert_string_equal(as_json(&v),
                        "{\"type\":\"OFFLINE\",\"group\":\"G\",\"edge_node\":\"press\",\"device\":\"pump\","
                        "\"timestamp\":\"2023-11-14T22:13:20Z\"}");
    assert_true(sparkplug_output_event(&node, bytes_of_text(""), true, 0, &tree, &v));
    assert_string_equal(as_json(&v), "{\"type\":\"ONLINE\",\"group\":\"G\",\"edge_node\":\"press\"}");
}

static void test_state(void **state)
{
    (void)state;
    const struct sparkplug_topic topic = {.message = SPARKPLUG_STATE, .edge_node = bytes_of_text("scada")};
    struct fby_value v;
    struct error err;
    assert_int_equal(
        sparkplug_output_state(&topic, bytes_of_text("{\"online\":true,\"timestamp\":5}"), &tree, &v, &err),
        STATUS_OK);
    assert_string_equal(
        as_json(&v), "{\"type\":\"STATE\",\"host\":\"scada\",\"state\":{\"online\":true,\"timestamp\":5}}");
    assert_int_equal(sparkplug_output_state(&topic, bytes_of_text("OFFLINE"), &tree, &v, &err), STATUS_OK);
    assert_string_equal(as_json(&v), "{\"type\":\"STATE\",\"host\":\"scada\",\"state\":\"OFFLINE\"}");
}

static enum status write_message(size_t size, enum sparkplug_message kind, struct fby_value *v,
                                 struct error *err)
{
    const struct sparkplug_arrival a = {
        .topic = {kind, bytes_of_text("G"), bytes_of_text("press"), bytes_of("", 0)},
        .payload = payload,
        .size = size};
    const struct sparkplug_decision d = {.birth = birth, .missing_seq = -1};
    return sparkplug_output_message(&a, &d, &settings, &tree, v, &overwritten, err);
}

/* 64, and one for each 16 bytes of payload. */
static void test_wrong_metrics_are_bounded(void **state)
{
    (void)state;
    struct fby_value v;
    struct error err;
    for (int i = 0; i < 66; i++)
        (void)sparkplug_payload_add(payload, bytes_of_text("empty"), &arena);
    assert_int_equal(write_message(16 * 2, SPARKPLUG_NDATA, &v, &err), STATUS_OK);
    assert_int_equal(write_message(16 * 2 - 1, SPARKPLUG_NDATA, &v, &err), STATUS_INVALID);
    assert_non_null(strstr(err.text, "more of its metrics are wrong than 64"));
    assert_non_null(strstr(err.text, "there is no value"));
}

static void test_without_name_and_alias(void **state)
{
    (void)state;
    struct fby_value v;
    struct error err;
    (void)add(payload, "", 0, SPARKPLUG_INT8, 5);
    assert_int_equal(write_message(0, SPARKPLUG_NDATA, &v, &err), STATUS_OK);
    assert_non_null(strstr(as_json(&v),
                           "[{\"type\":\"Int8\",\"value\":5,\"error\":\"it has neither a name nor an "
                           "alias\"}]"));
}

/* Names that a birth has declared may be long, and an alias is short: 64 KiB and 16 times the payload. */
static void test_names_by_alias_are_bounded(void **state)
{
    (void)state;
    enum { LONG = 60000 };
    char *name = arena_alloc(&arena, LONG + 1);
    memset(name, 'n', LONG);
    name[LONG] = 0;
    struct fby_value v;
    struct error err;
    struct buffer packed = {0};
    Spb__Payload *declared = sparkplug_payload_create(1, 0, &arena);
    (void)add(declared, name, 1, SPARKPLUG_INT16, 0);
    assert_true(sparkplug_birth_pack(declared, &packed));
    sparkplug_birth_unref(birth);
    birth = sparkplug_birth_create(buffer_bytes(&packed));
    buffer_finish(&packed);
    (void)add_data(1, SPARKPLUG_INT16, 1);
    assert_int_equal(write_message(20, SPARKPLUG_NDATA, &v, &err), STATUS_OK);
    (void)add_data(1, SPARKPLUG_INT16, 1);
    assert_int_equal(write_message(20, SPARKPLUG_NDATA, &v, &err), STATUS_LIMIT);
    assert_non_null(strstr(err.text, "64 KiB and 16 times its size"));
    assert_int_equal(write_message(4000, SPARKPLUG_NDATA, &v, &err), STATUS_OK);
}

/* A birth says itself what its metrics are: the unit is there although nothing is remembered yet. */
static void test_birth_has_its_own_units(void **state)
{
    (void)state;
    struct fby_value v;
    struct error err;
    Spb__Metric *m = add(payload, "speed", 9, SPARKPLUG_INT16, 4);
    assert_true(sparkplug_metric_add_text_property(m, "engUnit", bytes_of_text("rad/s"), &arena));
    settings.properties = false;
    assert_int_equal(write_message(20, SPARKPLUG_NBIRTH, &v, &err), STATUS_OK);
    assert_non_null(strstr(as_json(&v), "\"value\":4,\"unit\":\"rad/s\"}"));
}

/* Texts are copied, but those in memory that stays. */
static void test_what_is_copied(void **state)
{
    (void)state;
    static char stays[] = "here", goes[] = "there";
    struct fby_value here, there, bytes;
    tree.stays = bytes_of(stays, 4);
    assert_true(sparkplug_tree_text(&tree, bytes_of(stays, 4), &here));
    assert_true(sparkplug_tree_text(&tree, bytes_of(goes, 5), &there));
    assert_true(sparkplug_tree_bytes(&tree, bytes_of(goes, 5), &bytes));
    tree.stays = bytes_of(NULL, 0);
    assert_ptr_equal(here.bytes, stays);
    memset(goes, 'x', 5);
    assert_memory_equal(there.bytes, "there", 5);
    assert_memory_equal(bytes.bytes, "there", 5);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_message),
        TEST(test_elements_of_arrays_are_bounded),
        TEST(test_flags),
        TEST(test_errors_are_of_one_metric),
        TEST(test_its_own_type_comes_first),
        TEST(test_maps),
        TEST(test_metadata),
        TEST(test_events),
        TEST(test_state),
        TEST(test_wrong_metrics_are_bounded),
        TEST(test_without_name_and_alias),
        TEST(test_names_by_alias_are_bounded),
        TEST(test_birth_has_its_own_units),
        TEST(test_what_is_copied),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
