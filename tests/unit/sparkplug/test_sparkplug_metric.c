/* SPDX-License-Identifier: Apache-2.0
 *
 * Proves that values of every datatype are read and written as the specification has them: two's complement
 * in the wide fields, arrays byte by byte, sets and templates, null; and that what does not fit is refused
 * with the reason.
 */
#include "sparkplug/sparkplug_metric.h"

#include "message/value.h"
#include "sparkplug/sparkplug_b.pb-c.h"
#include "sparkplug/sparkplug_tree.h"

#include "unit.h"

#include <math.h>
#include <stdio.h>

static struct arena arena;
static struct sparkplug_tree tree = {&arena, &arena, {NULL, 0}};

static int set_up(void **state)
{
    (void)state;
    arena_init(&arena, 0, 4 << 20);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_finish(&arena);
    return 0;
}

/* The metric's value as JSON text, or its refusal behind a "!". */
static const char *show(const Spb__Metric *m, unsigned type)
{
    struct fby_value v;
    struct error err;
    struct buffer out = {0};
    if (sparkplug_metric_value(m, type, NULL, &tree, &v, &err) != STATUS_OK) {
        buffer_add_byte(&out, '!');
        buffer_add_text(&out, err.text);
    } else {
        assert_true(value_write_json(&v, &out));
    }
    char *text = arena_strndup(&arena, out.data, out.len);
    buffer_finish(&out);
    return text;
}

static const char *show_int(uint32_t bits, unsigned type)
{
    Spb__Metric m = SPB__METRIC__INIT;
    m.value_case = SPB__METRIC__VALUE_INT_VALUE;
    m.int_value = bits;
    return show(&m, type);
}

static const char *show_long(uint64_t bits, unsigned type)
{
    Spb__Metric m = SPB__METRIC__INIT;
    m.value_case = SPB__METRIC__VALUE_LONG_VALUE;
    m.long_value = bits;
    return show(&m, type);
}

static const char *show_bytes(const void *data, size_t len, unsigned type)
{
    Spb__Metric m = SPB__METRIC__INIT;
    m.value_case = SPB__METRIC__VALUE_BYTES_VALUE;
    m.bytes_value = (ProtobufCBinaryData){len, (uint8_t *)(uintptr_t)data};
    return show(&m, type);
}

static void test_integers(void **state)
{
    (void)state;
    assert_string_equal(show_int(0xfffffff9, SPARKPLUG_INT8), "-7");
    assert_string_equal(show_int(0xf9, SPARKPLUG_INT8), "-7"); /* cut to its width, as some write it */
    assert_string_equal(show_int(0xffff8000, SPARKPLUG_INT16), "-32768");
    assert_string_equal(show_int(0x80000000, SPARKPLUG_INT32), "-2147483648");
    assert_string_equal(show_int(0x80000000, SPARKPLUG_UINT32), "2147483648");
    assert_string_equal(show_long(0x80000000, SPARKPLUG_UINT32),
                        "2147483648"); /* the wide field is used, too */
    assert_string_equal(show_long(UINT64_MAX, SPARKPLUG_INT64), "-1");
    assert_string_equal(show_long(UINT64_MAX, SPARKPLUG_UINT64), "18446744073709551615");
    assert_string_equal(show_long(UINT64_MAX, SPARKPLUG_INT32), "-1");
    assert_string_equal(show_int(UINT32_MAX, SPARKPLUG_INT64), "-1");
    assert_string_equal(show_int(300, SPARKPLUG_UINT8), "!300 does not fit UInt8");
    assert_string_equal(show_int(128, SPARKPLUG_INT8), "-128");
    assert_string_equal(show_int(256, SPARKPLUG_INT8), "!256 does not fit Int8");
    assert_string_equal(show_int(1, SPARKPLUG_BOOLEAN), "true");
    assert_string_equal(show_int(1, SPARKPLUG_STRING), "!an integer cannot be String");
    assert_string_equal(show_int(5, SPARKPLUG_UNKNOWN), "5");
    assert_string_equal(show_int(5, 999), "5");
}

static void test_times(void **state)
{
    (void)state;
    assert_string_equal(show_long(1700000000123, SPARKPLUG_DATETIME), "\"2023-11-14T22:13:20.123Z\"");
    assert_string_equal(show_long((uint64_t)-1, SPARKPLUG_DATETIME), "\"1969-12-31T23:59:59.999Z\"");
}

static void test_arrays(void **state)
{
    (void)state;
    assert_string_equal(show_bytes("\xef\x7b", 2, SPARKPLUG_INT8_ARRAY), "[-17,123]");
    assert_string_equal(show_bytes("\x30\x8a\xd0\x75", 4, SPARKPLUG_INT16_ARRAY), "[-30160,30160]");
    assert_string_equal(show_bytes("\x0c\0\0\0\x34\xd0", 6, SPARKPLUG_BOOLEAN_ARRAY),
                        "[false,false,true,true,false,true,false,false,true,true,false,true]");
    assert_string_equal(show_bytes("ABC\0hello", 10, SPARKPLUG_STRING_ARRAY), "[\"ABC\",\"hello\"]");
    assert_string_equal(show_bytes("\0\0\x80\x3f", 4, SPARKPLUG_FLOAT_ARRAY), "[1]");
    assert_string_equal(show_bytes("", 0, SPARKPLUG_UINT64_ARRAY), "[]");
    assert_string_equal(show_bytes("abc", 3, SPARKPLUG_INT16_ARRAY), "!3 bytes are no array of Int16");
    assert_string_equal(show_bytes("\xff\xff\xff\xff", 4, SPARKPLUG_BOOLEAN_ARRAY),
                        "!4 bytes are no array of booleans with their count");
    assert_string_equal(show_bytes("\1\0", 2, SPARKPLUG_BOOLEAN_ARRAY),
                        "!2 bytes are no array of booleans with their count");
    assert_string_equal(show_bytes("abc", 3, SPARKPLUG_STRING_ARRAY),
                        "!the array of texts does not end with NUL");
    assert_string_equal(show_bytes("\1\2", 2, SPARKPLUG_BYTES), "\"AQI=\"");
}

static void test_null_and_nothing(void **state)
{
    (void)state;
    Spb__Metric m = SPB__METRIC__INIT;
    assert_string_equal(show(&m, SPARKPLUG_INT32), "!there is no value, and it is not marked as null");
    m.has_is_null = m.is_null = true;
    assert_string_equal(show(&m, SPARKPLUG_TEMPLATE), "null");
}

static ProtobufCBinaryData text(const char *t)
{
    return (ProtobufCBinaryData){strlen(t), (uint8_t *)(uintptr_t)t};
}

static void test_texts_are_repaired(void **state)
{
    (void)state;
    Spb__Metric m = SPB__METRIC__INIT;
    m.value_case = SPB__METRIC__VALUE_STRING_VALUE;
    m.string_value = text("a\xff"
                          "b");
    assert_string_equal(show(&m, SPARKPLUG_STRING), "\"a\xef\xbf\xbd"
                                                    "b\"");
}

static void test_data_set(void **state)
{
    (void)state;
    Spb__Cell a = SPB__CELL__INIT, b = SPB__CELL__INIT, none = SPB__CELL__INIT;
    a.value_case = SPB__CELL__VALUE_INT_VALUE;
    a.int_value = 0xfffffffe;
    b.value_case = SPB__CELL__VALUE_STRING_VALUE;
    b.string_value = text("x");
    Spb__Cell *first[] = {&a, &b}, *second[] = {&a, &none};
    Spb__Row one = SPB__ROW__INIT, two = SPB__ROW__INIT;
    one.n_elements = two.n_elements = 2;
    one.elements = first;
    two.elements = second;
    Spb__Row *rows[] = {&one, &two};
    ProtobufCBinaryData columns[] = {text("n"), text("t")};
    uint32_t types[] = {SPARKPLUG_INT16, SPARKPLUG_STRING};
    Spb__DataSet set = SPB__DATA_SET__INIT;
    set.n_columns = set.n_types = set.n_rows = 2;
    set.columns = columns;
    set.types = types;
    set.rows = rows;
    Spb__Metric m = SPB__METRIC__INIT;
    m.value_case = SPB__METRIC__VALUE_DATASET_VALUE;
    m.dataset_value = &set;
    assert_string_equal(
        show(&m, SPARKPLUG_DATASET),
        "{\"columns\":[\"n\",\"t\"],\"types\":[\"Int16\",\"String\"],\"rows\":[[-2,\"x\"],[-2,null]]}");
    /* tck-id-payloads-dataset-column-size */
    set.has_num_of_columns = true;
    set.num_of_columns = 3;
    assert_string_equal(show(&m, SPARKPLUG_DATASET), "!a data set says that it has 3 columns and has 2");
    set.num_of_columns = 2;
    /* tck-id-payloads-dataset-column-num-headers tck-id-payloads-dataset-types-num
     * tck-id-payloads-dataset-parameter-type-req */
    set.n_types = 1;
    assert_string_equal(show(&m, SPARKPLUG_DATASET), "!a data set has 2 columns and 1 types");
    set.n_types = 2;
    two.n_elements = 1;
    assert_string_equal(show(&m, SPARKPLUG_DATASET), "!row 1 of a data set has 1 cells for 2 columns");
    two.n_elements = 2;
    types[1] = SPARKPLUG_INT8;
    assert_string_equal(show(&m, SPARKPLUG_DATASET), "!a text cannot be Int8");
    set.n_rows = 0;
    assert_string_equal(show(&m, SPARKPLUG_DATASET),
                        "{\"columns\":[\"n\",\"t\"],\"types\":[\"Int16\",\"Int8\"],\"rows\":[]}");
}

static const char *show_double(double number, unsigned type)
{
    Spb__Metric m = SPB__METRIC__INIT;
    m.value_case = SPB__METRIC__VALUE_DOUBLE_VALUE;
    m.double_value = number;
    return show(&m, type);
}

static const char *show_text(const char *value, unsigned type)
{
    Spb__Metric m = SPB__METRIC__INIT;
    m.value_case = SPB__METRIC__VALUE_STRING_VALUE;
    m.string_value = text(value);
    return show(&m, type);
}

static void test_numbers_with_a_point(void **state)
{
    (void)state;
    Spb__Metric m = SPB__METRIC__INIT;
    m.value_case = SPB__METRIC__VALUE_FLOAT_VALUE;
    m.float_value = 0.1f;
    assert_string_equal(show(&m, SPARKPLUG_FLOAT), "0.1"); /* of a float, not 0.10000000149 */
    assert_string_equal(show_double(NAN, SPARKPLUG_DOUBLE), "\"NaN\"");
    assert_string_equal(show_double(-INFINITY, SPARKPLUG_FLOAT), "\"-Infinity\"");
    assert_string_equal(show_double(1.5, SPARKPLUG_INT32), "!a double cannot be Int32");
}

static void test_texts_and_bytes(void **state)
{
    (void)state;
    assert_string_equal(show_text("x", SPARKPLUG_TEXT), "\"x\"");
    assert_string_equal(show_text("123e4567-e89b-12d3-a456-426614174000", SPARKPLUG_UUID),
                        "\"123e4567-e89b-12d3-a456-426614174000\"");
    assert_string_equal(show_text("x", SPARKPLUG_DATETIME), "!a text cannot be DateTime");
    assert_string_equal(show_text("x", 35), "\"x\""); /* a type of a later version */
    assert_string_equal(show_bytes("\1\2", 2, SPARKPLUG_FILE), "\"AQI=\"");
    assert_string_equal(show_bytes("\1\2", 2, SPARKPLUG_TEXT), "!bytes cannot be Text");
    assert_string_equal(show_bytes("\x7b\x68\xe5\xcf\x8b\1\0\0", 8, SPARKPLUG_DATETIME_ARRAY),
                        "[\"2023-11-14T22:13:20.123Z\"]");
}

/* A set in a set, and a list of sets, as properties may be. */
static void test_nested_properties(void **state)
{
    (void)state;
    Spb__PropertyValue low = SPB__PROPERTY_VALUE__INIT, null = SPB__PROPERTY_VALUE__INIT,
                       nested = SPB__PROPERTY_VALUE__INIT, listed = SPB__PROPERTY_VALUE__INIT;
    low.type = SPARKPLUG_INT8;
    low.value_case = SPB__PROPERTY_VALUE__VALUE_INT_VALUE;
    low.int_value = 0xfffffff9;
    null.has_is_null = null.is_null = true;
    null.type = SPARKPLUG_STRING;
    Spb__PropertyValue *inner_values[] = {&low, &null}, *values[] = {&nested, &listed};
    ProtobufCBinaryData inner_keys[] = {text("low"), text("none")}, keys[] = {text("set"), text("sets")};
    Spb__PropertySet inner = SPB__PROPERTY_SET__INIT, set = SPB__PROPERTY_SET__INIT;
    inner.n_keys = inner.n_values = set.n_keys = set.n_values = 2;
    inner.keys = inner_keys;
    inner.values = inner_values;
    set.keys = keys;
    set.values = values;
    Spb__PropertySet *both[] = {&inner, &inner};
    Spb__PropertySetList list = SPB__PROPERTY_SET_LIST__INIT;
    list.n_propertyset = 2;
    list.propertyset = both;
    nested.value_case = SPB__PROPERTY_VALUE__VALUE_PROPERTYSET_VALUE;
    nested.propertyset_value = &inner;
    listed.value_case = SPB__PROPERTY_VALUE__VALUE_PROPERTYSETS_VALUE;
    listed.propertysets_value = &list;
    struct fby_value v;
    struct error err;
    struct buffer out = {0};
    assert_int_equal(sparkplug_metric_properties(&set, &tree, &v, &err), STATUS_OK);
    assert_true(value_write_json(&v, &out));
    assert_true(bytes_equal(buffer_bytes(&out),
                            bytes_of_text("{\"set\":{\"low\":-7,\"none\":null},\"sets\":[{\"low\":-7,"
                                          "\"none\":null},{\"low\":-7,\"none\":null}]}")));
    nested.propertyset_value = &set; /* a circle, as of one that is too deep */
    assert_int_equal(sparkplug_metric_properties(&set, &tree, &v, &err), STATUS_LIMIT);
    buffer_finish(&out);
}

static void test_template(void **state)
{
    (void)state;
    Spb__Metric inner = SPB__METRIC__INIT, m = SPB__METRIC__INIT;
    inner.has_name = true;
    inner.name = text("rpm");
    inner.datatype = SPARKPLUG_INT32;
    inner.value_case = SPB__METRIC__VALUE_INT_VALUE;
    inner.int_value = 5;
    Spb__Parameter p = SPB__PARAMETER__INIT;
    p.name = text("index");
    p.type = SPARKPLUG_STRING;
    p.value_case = SPB__PARAMETER__VALUE_STRING_VALUE;
    p.string_value = text("7");
    Spb__Metric *metrics[] = {&inner};
    Spb__Parameter *parameters[] = {&p};
    Spb__Template t = SPB__TEMPLATE__INIT;
    t.has_template_ref = true;
    t.template_ref = text("motor");
    t.n_metrics = t.n_parameters = 1;
    t.metrics = metrics;
    t.parameters = parameters;
    m.value_case = SPB__METRIC__VALUE_TEMPLATE_VALUE;
    m.template_value = &t;
    assert_string_equal(
        show(&m, SPARKPLUG_TEMPLATE),
        "{\"ref\":\"motor\",\"is_definition\":false,\"metrics\":[{\"name\":\"rpm\",\"type\":\"Int32\","
        "\"value\":5}],\"parameters\":[{\"name\":\"index\",\"type\":\"String\",\"value\":\"7\"}]}");
    /* A circle that no payload can have stands for one that is too deep. */
    metrics[0] = &m;
    m.name = text("motor");
    assert_string_equal(show(&m, SPARKPLUG_TEMPLATE), "!sets and templates are nested deeper than 16");
}

static void test_properties(void **state)
{
    (void)state;
    Spb__Metric m = SPB__METRIC__INIT;
    struct fby_value v;
    struct error err;
    struct buffer out = {0};
    assert_true(sparkplug_metric_add_text_property(&m, "engUnit", bytes_of_text("bar"), &arena));
    assert_true(sparkplug_metric_add_text_property(&m, "note", bytes_of_text("x"), &arena));
    assert_true(sparkplug_metric_add_text_property(&m, "engUnit", bytes_of_text("Pa"), &arena));
    assert_int_equal(sparkplug_metric_properties(m.properties, &tree, &v, &err), STATUS_OK);
    assert_true(value_write_json(&v, &out));
    assert_true(bytes_equal(buffer_bytes(&out), bytes_of_text("{\"note\":\"x\",\"engUnit\":\"Pa\"}")));
    /* tck-id-payloads-propertyset-keys-array-size tck-id-payloads-propertyset-values-array-size */
    m.properties->n_values = 1;
    assert_int_equal(sparkplug_metric_properties(m.properties, &tree, &v, &err), STATUS_INVALID);
    buffer_finish(&out);
}

/* Parse JSON, set it as a type, read it back. */
static const char *set(enum sparkplug_type type, const char *json)
{
    Spb__Metric m = SPB__METRIC__INIT;
    struct fby_value v;
    struct error err;
    assert_int_equal(value_parse_json(bytes_of_text(json), NULL, &arena, &v, &err), STATUS_OK);
    if (sparkplug_metric_set(&m, type, &v, &arena, &err) != STATUS_OK) {
        char *reason = arena_alloc(&arena, sizeof err.text + 1);
        snprintf(reason, sizeof err.text + 1, "!%s", err.text);
        return reason;
    }
    assert_int_equal(m.datatype, type);
    return show(&m, type);
}

static void test_writes_what_it_reads(void **state)
{
    (void)state;
    static const struct {
        enum sparkplug_type type;
        const char *json;
    } cases[] = {
        {SPARKPLUG_INT8, "-128"},
        {SPARKPLUG_INT16, "-32768"},
        {SPARKPLUG_INT32, "-2147483648"},
        {SPARKPLUG_INT64, "-9223372036854775808"},
        {SPARKPLUG_UINT8, "255"},
        {SPARKPLUG_UINT16, "65535"},
        {SPARKPLUG_UINT32, "4294967295"},
        {SPARKPLUG_UINT64, "18446744073709551615"},
        {SPARKPLUG_FLOAT, "1.5"},
        {SPARKPLUG_DOUBLE, "-0.1"},
        {SPARKPLUG_BOOLEAN, "true"},
        {SPARKPLUG_STRING, "\"text\""},
        {SPARKPLUG_UUID, "\"a\""},
        {SPARKPLUG_INT8_ARRAY, "[-1,0,127]"},
        {SPARKPLUG_UINT64_ARRAY, "[18446744073709551615]"},
        {SPARKPLUG_DOUBLE_ARRAY, "[0.5,2]"},
        {SPARKPLUG_BOOLEAN_ARRAY, "[true,false,true,true,false,false,false,false,true]"},
        {SPARKPLUG_STRING_ARRAY, "[\"a\",\"\"]"},
        {SPARKPLUG_INT32, "null"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_string_equal(set(cases[i].type, cases[i].json), cases[i].json);
    assert_string_equal(set(SPARKPLUG_DATETIME, "1700000000123"), "\"2023-11-14T22:13:20.123Z\"");
}

static void test_refuses_what_does_not_fit(void **state)
{
    (void)state;
    assert_string_equal(set(SPARKPLUG_INT8, "128"), "!the value does not fit Int8");
    assert_string_equal(set(SPARKPLUG_INT8, "-129"), "!the value does not fit Int8");
    assert_string_equal(set(SPARKPLUG_UINT8, "-1"), "!the value does not fit UInt8");
    assert_string_equal(set(SPARKPLUG_INT32, "12.5"), "!the value does not fit Int32");
    assert_string_equal(set(SPARKPLUG_INT32, "12.0"), "12");
    assert_string_equal(set(SPARKPLUG_INT64, "9223372036854775808"), "!the value does not fit Int64");
    assert_string_equal(set(SPARKPLUG_BOOLEAN, "1"), "!the value does not fit Boolean");
    assert_string_equal(set(SPARKPLUG_INT8_ARRAY, "[1,300]"), "!element 1 does not fit Int8Array");
    assert_string_equal(set(SPARKPLUG_STRING_ARRAY, "[\"a\\u0000b\"]"),
                        "!element 0 does not fit StringArray");
    assert_string_equal(set(SPARKPLUG_TEMPLATE, "{}"), "!values of type Template are not written");
}

static void test_finds_types(void **state)
{
    (void)state;
    /* tck-id-payloads-metric-datatype-value tck-id-payloads-metric-datatype-value-type */
    for (unsigned i = 1; i < SPARKPLUG_TYPE_COUNT; i++)
        assert_int_equal(sparkplug_type_find(bytes_of_text(sparkplug_type_name(i))), i);
    assert_int_equal(sparkplug_type_find(bytes_of_text("int32")), SPARKPLUG_UNKNOWN);
    assert_string_equal(sparkplug_type_name(99), "Unknown");
    struct fby_value items[] = {value_int(1), value_int(2)};
    struct fby_value list = {.type = FBY_LIST, .len = 2, .items = items};
    assert_int_equal(sparkplug_type_of(&items[0]), SPARKPLUG_INT64);
    assert_int_equal(sparkplug_type_of(&list), SPARKPLUG_INT64_ARRAY);
    items[1] = value_bool(true);
    assert_int_equal(sparkplug_type_of(&list), SPARKPLUG_UNKNOWN);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_integers),
        TEST(test_times),
        TEST(test_arrays),
        TEST(test_null_and_nothing),
        TEST(test_texts_are_repaired),
        TEST(test_data_set),
        TEST(test_numbers_with_a_point),
        TEST(test_texts_and_bytes),
        TEST(test_nested_properties),
        TEST(test_template),
        TEST(test_properties),
        TEST(test_writes_what_it_reads),
        TEST(test_refuses_what_does_not_fit),
        TEST(test_finds_types),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
