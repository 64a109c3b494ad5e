/* SPDX-License-Identifier: Apache-2.0
 *
 * See codec_corpus.h: births of Sparkplug B. Numbers of fields are those of its specification.
 */
#include "codec_corpus.h"
#include "codec_sparkplug.h"

#include <stdio.h>

#ifdef WITH_ZLIB
#include <zlib.h>
#endif

enum {
    PAYLOAD_METRICS = 2,
    PAYLOAD_SEQ = 3,
    PAYLOAD_UUID = 4,
    PAYLOAD_BODY = 5,

    METRIC_NAME = 1,
    METRIC_ALIAS = 2,
    METRIC_TIMESTAMP = 3,
    METRIC_TYPE = 4,
    METRIC_IS_NULL = 7,
    METRIC_METADATA = 8,
    METRIC_PROPERTIES = 9,
    METRIC_INT = 10,
    METRIC_TEXT = 15,
    METRIC_BYTES = 16,
    METRIC_DATASET = 17,
    METRIC_TEMPLATE = 18,

    SET_KEYS = 1,
    SET_VALUES = 2,
    PROPERTY_TYPE = 1,
    PROPERTY_INT = 3,
    PROPERTY_TEXT = 8,
    PROPERTY_SET = 9,
    PROPERTY_SETS = 10,

    DATASET_COLUMNS = 2,
    DATASET_TYPES = 3,
    DATASET_ROWS = 4,

    TEMPLATE_METRICS = 2,
    TEMPLATE_PARAMETERS = 3,

    TYPE_INT8 = 1,
    TYPE_TEXT = 12,
    TYPE_DATASET = 16,
    TYPE_TEMPLATE = 19,
    TYPE_SET = 20,
    TYPE_SETS = 21,
    TYPE_INT8_ARRAY = 22,
    TYPE_BOOLEAN_ARRAY = 32,
    TYPE_TEXT_ARRAY = 33,

    DEPTH = 15,
};

static void put_seq(struct buffer *b)
{
    codec_corpus_number(b, PAYLOAD_SEQ, 0);
}

/* `unit` again and again, with the number of the birth before it. */
static void fill_with(struct buffer *b, size_t size, struct buffer *unit)
{
    put_seq(b);
    codec_corpus_repeat(b, unit->data, unit->len, size);
    buffer_finish(unit);
}

static void put_text(struct buffer *b, unsigned field, const char *text)
{
    codec_corpus_run(b, field, text, strlen(text));
}

/* One metric of the value that is in `b`. */
static void make_metric(struct buffer *b, unsigned field, unsigned type)
{
    codec_corpus_wrap(b, field);
    codec_corpus_number(b, METRIC_TYPE, type);
    codec_corpus_number(b, METRIC_ALIAS, 1);
    codec_corpus_wrap(b, PAYLOAD_METRICS);
}

static void empty_metrics(struct buffer *b, size_t size)
{
    struct buffer unit = {0};
    codec_corpus_run(&unit, PAYLOAD_METRICS, "", 0);
    fill_with(b, size, &unit);
}

static void fill_names(struct buffer *b, size_t size, bool backwards, bool aliases)
{
    put_seq(b);
    for (unsigned n = 0; b->len + 16 < size; n++) {
        unsigned number = backwards ? 99999 - n : n * 40503u % 65536u;
        struct buffer metric = {0};
        char name[16];
        snprintf(name, sizeof name, "%c%c%c", '0' + (int)(number % 64), '0' + (int)(number / 64 % 64),
                 '0' + (int)(number / 4096 % 64));
        put_text(&metric, METRIC_NAME, name);
        if (aliases)
            codec_corpus_number(&metric, METRIC_ALIAS, number);
        codec_corpus_run(b, PAYLOAD_METRICS, metric.data, metric.len);
        buffer_finish(&metric);
    }
}

static void name_flood(struct buffer *b, size_t size)
{
    fill_names(b, size, false, false);
}

static void names_backwards(struct buffer *b, size_t size)
{
    fill_names(b, size, true, false);
}

static void alias_flood(struct buffer *b, size_t size)
{
    fill_names(b, size, false, true);
}

static void one_name(struct buffer *b, size_t size)
{
    struct buffer unit = {0};
    put_text(&unit, METRIC_NAME, "a");
    codec_corpus_number(&unit, METRIC_ALIAS, 1);
    codec_corpus_wrap(&unit, PAYLOAD_METRICS);
    fill_with(b, size, &unit);
}

static void numbers(struct buffer *b, size_t size)
{
    struct buffer unit = {0};
    codec_corpus_number(&unit, METRIC_ALIAS, 1);
    codec_corpus_number(&unit, METRIC_TYPE, TYPE_INT8);
    codec_corpus_number(&unit, METRIC_INT, 1);
    codec_corpus_number(&unit, METRIC_TIMESTAMP, 1);
    codec_corpus_wrap(&unit, PAYLOAD_METRICS);
    fill_with(b, size, &unit);
}

/* What a right metric has at least. */
static void nulls(struct buffer *b, size_t size)
{
    struct buffer unit = {0};
    codec_corpus_number(&unit, METRIC_ALIAS, 1);
    codec_corpus_number(&unit, METRIC_IS_NULL, 1);
    codec_corpus_wrap(&unit, PAYLOAD_METRICS);
    fill_with(b, size, &unit);
}

static void named_nulls(struct buffer *b, size_t size)
{
    struct buffer unit = {0};
    put_text(&unit, METRIC_NAME, "a");
    codec_corpus_number(&unit, METRIC_IS_NULL, 1);
    codec_corpus_wrap(&unit, PAYLOAD_METRICS);
    fill_with(b, size, &unit);
}

/* The alias that has a long name in the birth before. */
static void long_names(struct buffer *b, size_t size)
{
    struct buffer unit = {0};
    codec_corpus_number(&unit, METRIC_ALIAS, CODEC_SPARKPLUG_LONG_ALIAS);
    codec_corpus_number(&unit, METRIC_IS_NULL, 1);
    codec_corpus_wrap(&unit, PAYLOAD_METRICS);
    fill_with(b, size, &unit);
}

static void wrong_numbers(struct buffer *b, size_t size)
{
    struct buffer unit = {0};
    codec_corpus_number(&unit, METRIC_ALIAS, 1);
    codec_corpus_number(&unit, METRIC_TYPE, TYPE_INT8);
    codec_corpus_number(&unit, METRIC_INT, 300);
    codec_corpus_wrap(&unit, PAYLOAD_METRICS);
    fill_with(b, size, &unit);
}

static void wrong_arrays(struct buffer *b, size_t size)
{
    struct buffer unit = {0};
    codec_corpus_number(&unit, METRIC_ALIAS, 1);
    codec_corpus_number(&unit, METRIC_TYPE, TYPE_BOOLEAN_ARRAY);
    codec_corpus_run(&unit, METRIC_BYTES, "", 0);
    codec_corpus_wrap(&unit, PAYLOAD_METRICS);
    fill_with(b, size, &unit);
}

static void wrong_types(struct buffer *b, size_t size)
{
    struct buffer unit = {0};
    codec_corpus_number(&unit, METRIC_TYPE, TYPE_TEXT);
    codec_corpus_number(&unit, METRIC_INT, 1);
    codec_corpus_wrap(&unit, PAYLOAD_METRICS);
    fill_with(b, size, &unit);
}

static void metadata(struct buffer *b, size_t size)
{
    struct buffer unit = {0};
    codec_corpus_number(&unit, METRIC_ALIAS, 1);
    codec_corpus_number(&unit, METRIC_IS_NULL, 1);
    codec_corpus_run(&unit, METRIC_METADATA, "", 0);
    codec_corpus_wrap(&unit, PAYLOAD_METRICS);
    fill_with(b, size, &unit);
}

static void empty_sets(struct buffer *b, size_t size)
{
    struct buffer unit = {0};
    codec_corpus_number(&unit, METRIC_ALIAS, 1);
    codec_corpus_number(&unit, METRIC_IS_NULL, 1);
    codec_corpus_run(&unit, METRIC_PROPERTIES, "", 0);
    codec_corpus_wrap(&unit, PAYLOAD_METRICS);
    fill_with(b, size, &unit);
}

/* Properties of one metric, each with a name of its own. */
static void property_flood(struct buffer *b, size_t size)
{
    struct buffer set = {0};
    for (unsigned n = 0; set.len + 40 < size; n++) {
        uint8_t key[3] = {(uint8_t)('0' + n * 37 % 64), (uint8_t)('0' + n / 64 % 64),
                          (uint8_t)('0' + n / 4096 % 64)};
        codec_corpus_run(&set, SET_KEYS, key, sizeof key);
        codec_corpus_run(&set, SET_VALUES, "", 0);
    }
    codec_corpus_wrap(&set, METRIC_PROPERTIES);
    codec_corpus_wrap(&set, PAYLOAD_METRICS);
    put_seq(b);
    buffer_add(b, set.data, set.len);
    buffer_finish(&set);
}

static void one_property(struct buffer *b, size_t size)
{
    struct buffer set = {0}, unit = {0};
    codec_corpus_run(&unit, SET_KEYS, "", 0);
    codec_corpus_run(&unit, SET_VALUES, "", 0);
    codec_corpus_repeat(&set, unit.data, unit.len, size > 40 ? size - 40 : size);
    buffer_finish(&unit);
    codec_corpus_wrap(&set, METRIC_PROPERTIES);
    codec_corpus_wrap(&set, PAYLOAD_METRICS);
    put_seq(b);
    buffer_add(b, set.data, set.len);
    buffer_finish(&set);
}

static void small_sets(struct buffer *b, size_t size)
{
    struct buffer unit = {0};
    put_text(&unit, SET_KEYS, "");
    codec_corpus_run(&unit, SET_VALUES, "", 0);
    codec_corpus_wrap(&unit, METRIC_PROPERTIES);
    codec_corpus_number(&unit, METRIC_ALIAS, 1);
    codec_corpus_number(&unit, METRIC_IS_NULL, 1);
    codec_corpus_wrap(&unit, PAYLOAD_METRICS);
    fill_with(b, size, &unit);
}

static void deep_sets(struct buffer *b, size_t size)
{
    struct buffer unit = {0};
    for (int i = 0; i < DEPTH; i++) {
        codec_corpus_wrap(&unit, PROPERTY_SET);
        codec_corpus_number(&unit, PROPERTY_TYPE, TYPE_SET);
        codec_corpus_wrap(&unit, SET_VALUES);
        put_text(&unit, SET_KEYS, "");
    }
    codec_corpus_wrap(&unit, METRIC_PROPERTIES);
    codec_corpus_number(&unit, METRIC_ALIAS, 1);
    codec_corpus_number(&unit, METRIC_IS_NULL, 1);
    codec_corpus_wrap(&unit, PAYLOAD_METRICS);
    fill_with(b, size, &unit);
}

static void lists_of_sets(struct buffer *b, size_t size)
{
    struct buffer unit = {0};
    for (int i = 0; i < 20; i++)
        codec_corpus_run(&unit, 1, "", 0);
    codec_corpus_wrap(&unit, PROPERTY_SETS);
    codec_corpus_number(&unit, PROPERTY_TYPE, TYPE_SETS);
    codec_corpus_wrap(&unit, SET_VALUES);
    put_text(&unit, SET_KEYS, "");
    codec_corpus_wrap(&unit, METRIC_PROPERTIES);
    codec_corpus_number(&unit, METRIC_ALIAS, 1);
    codec_corpus_number(&unit, METRIC_IS_NULL, 1);
    codec_corpus_wrap(&unit, PAYLOAD_METRICS);
    fill_with(b, size, &unit);
}

static void empty_rows(struct buffer *b, size_t size)
{
    struct buffer set = {0};
    put_seq(b);
    codec_corpus_repeat(&set, "\x22\x00", 2, size > 40 ? size - 40 : size); /* DATASET_ROWS */
    make_metric(&set, METRIC_DATASET, TYPE_DATASET);
    buffer_add(b, set.data, set.len);
    buffer_finish(&set);
}

/* One column: a row for each cell. */
static void narrow_rows(struct buffer *b, size_t size)
{
    struct buffer set = {0}, row = {0};
    put_text(&set, DATASET_COLUMNS, "");
    codec_corpus_number(&set, DATASET_TYPES, TYPE_INT8);
    codec_corpus_number(&row, 1, 1);
    codec_corpus_wrap(&row, 1);
    codec_corpus_wrap(&row, DATASET_ROWS);
    codec_corpus_repeat(&set, row.data, row.len, size > 40 ? size - 40 : size);
    buffer_finish(&row);
    make_metric(&set, METRIC_DATASET, TYPE_DATASET);
    put_seq(b);
    buffer_add(b, set.data, set.len);
    buffer_finish(&set);
}

static void wide_rows(struct buffer *b, size_t size)
{
    struct buffer set = {0}, row = {0};
    unsigned columns = size < 4096 ? 10 : 100;
    for (unsigned i = 0; i < columns; i++) {
        put_text(&set, DATASET_COLUMNS, "");
        codec_corpus_number(&set, DATASET_TYPES, TYPE_INT8);
        codec_corpus_run(&row, 1, "", 0);
    }
    codec_corpus_wrap(&row, DATASET_ROWS);
    codec_corpus_repeat(&set, row.data, row.len, size > 40 ? size - 40 : size);
    buffer_finish(&row);
    make_metric(&set, METRIC_DATASET, TYPE_DATASET);
    put_seq(b);
    buffer_add(b, set.data, set.len);
    buffer_finish(&set);
}

static void columns(struct buffer *b, size_t size)
{
    struct buffer set = {0};
    codec_corpus_repeat(&set, "\x12\x00\x18\x01", 4, size > 40 ? size - 40 : size);
    make_metric(&set, METRIC_DATASET, TYPE_DATASET);
    put_seq(b);
    buffer_add(b, set.data, set.len);
    buffer_finish(&set);
}

/* Three bytes for each, and the longest name of a type. */
static void packed_columns(struct buffer *b, size_t size)
{
    struct buffer set = {0}, types = {0};
    size_t count = (size > 40 ? size - 40 : size) / 3;
    const uint8_t type = TYPE_SETS;
    codec_corpus_repeat(&set, "\x12\x00", 2, 2 * count);
    codec_corpus_repeat(&types, &type, 1, set.len / 2);
    codec_corpus_run(&set, DATASET_TYPES, types.data, types.len);
    buffer_finish(&types);
    make_metric(&set, METRIC_DATASET, TYPE_DATASET);
    put_seq(b);
    buffer_add(b, set.data, set.len);
    buffer_finish(&set);
}

/* The same property twice in what is shown: as quality, and among all of them. */
static void deep_quality(struct buffer *b, size_t size)
{
    struct buffer list = {0}, set = {0};
    codec_corpus_repeat(&list, "\x0a\x00", 2, size > 60 ? size - 60 : size); /* empty sets */
    codec_corpus_wrap(&list, PROPERTY_SETS);
    codec_corpus_number(&list, PROPERTY_TYPE, TYPE_SETS);
    put_text(&set, SET_KEYS, "Quality");
    codec_corpus_run(&set, SET_VALUES, list.data, list.len);
    buffer_finish(&list);
    codec_corpus_wrap(&set, METRIC_PROPERTIES);
    codec_corpus_number(&set, METRIC_ALIAS, 1);
    codec_corpus_number(&set, METRIC_IS_NULL, 1);
    codec_corpus_wrap(&set, PAYLOAD_METRICS);
    put_seq(b);
    buffer_add(b, set.data, set.len);
    buffer_finish(&set);
}

static void fill_template(struct buffer *b, size_t size, unsigned field)
{
    struct buffer set = {0}, member = {0};
    put_text(&member, 1, "a"); /* METRIC_NAME, PARAMETER_NAME */
    codec_corpus_wrap(&member, field);
    codec_corpus_repeat(&set, member.data, member.len, size > 40 ? size - 40 : size);
    buffer_finish(&member);
    make_metric(&set, METRIC_TEMPLATE, TYPE_TEMPLATE);
    put_seq(b);
    buffer_add(b, set.data, set.len);
    buffer_finish(&set);
}

static void members(struct buffer *b, size_t size)
{
    fill_template(b, size, TEMPLATE_METRICS);
}

static void parameters(struct buffer *b, size_t size)
{
    fill_template(b, size, TEMPLATE_PARAMETERS);
}

static void deep_templates(struct buffer *b, size_t size)
{
    struct buffer unit = {0};
    for (int i = 0; i < DEPTH; i++) {
        codec_corpus_wrap(&unit, METRIC_TEMPLATE);
        codec_corpus_number(&unit, METRIC_TYPE, TYPE_TEMPLATE);
        put_text(&unit, METRIC_NAME, "a");
        codec_corpus_wrap(&unit, TEMPLATE_METRICS);
    }
    make_metric(&unit, METRIC_TEMPLATE, TYPE_TEMPLATE);
    fill_with(b, size, &unit);
}

static void fill_array(struct buffer *b, size_t size, unsigned type, uint8_t byte)
{
    struct buffer metric = {0};
    if (type == TYPE_BOOLEAN_ARRAY) {
        uint32_t count = (uint32_t)(size > 40 ? size - 40 : size) * 8 - 64;
        for (int i = 0; i < 4; i++)
            buffer_add_byte(&metric, (uint8_t)(count >> 8 * i));
    }
    codec_corpus_repeat(&metric, &byte, 1, size > 40 ? size - 40 : size);
    make_metric(&metric, METRIC_BYTES, type);
    put_seq(b);
    buffer_add(b, metric.data, metric.len);
    buffer_finish(&metric);
}

static void arrays(struct buffer *b, size_t size)
{
    fill_array(b, size, TYPE_INT8_ARRAY, 0x81);
}

static void text_arrays(struct buffer *b, size_t size)
{
    fill_array(b, size, TYPE_TEXT_ARRAY, 0);
}

static void boolean_arrays(struct buffer *b, size_t size)
{
    fill_array(b, size, TYPE_BOOLEAN_ARRAY, 0x55);
}

static void invalid_text(struct buffer *b, size_t size)
{
    struct buffer metric = {0}, text = {0};
    codec_corpus_repeat(&text, "\xff", 1, size > 40 ? size - 40 : size);
    codec_corpus_run(&metric, METRIC_TEXT, text.data, text.len);
    codec_corpus_number(&metric, METRIC_TYPE, TYPE_TEXT);
    buffer_finish(&text);
    codec_corpus_wrap(&metric, PAYLOAD_METRICS);
    put_seq(b);
    buffer_add(b, metric.data, metric.len);
    buffer_finish(&metric);
}

static void unknown_fields(struct buffer *b, size_t size)
{
    put_seq(b);
    codec_corpus_repeat(b, "\x30\x01", 2, size);
}

#ifdef WITH_ZLIB
/* What is compressed is charged for what goes over the line. */
static void envelope(struct buffer *b, size_t size)
{
    struct buffer inner = {0}, packed = {0};
    alias_flood(&inner, size);
    uLongf len = compressBound(inner.len);
    if (buffer_reserve(&packed, len) && compress(packed.data, &len, inner.data, inner.len) == Z_OK)
        packed.len = len;
    put_text(b, PAYLOAD_UUID, "SPBV1.0_COMPRESSED");
    codec_corpus_run(b, PAYLOAD_BODY, packed.data, packed.len);
    buffer_finish(&packed);
    buffer_finish(&inner);
}
#endif

/* One for each way in, see codec_sparkplug.h. */
#define CASES(codec)                                                                                         \
    {codec, "empty metrics", empty_metrics}, {codec, "name flood", name_flood},                              \
        {codec, "names backwards", names_backwards}, {codec, "alias flood", alias_flood},                    \
        {codec, "one name and alias", one_name}, {codec, "numbers", numbers}, {codec, "nulls", nulls},       \
        {codec, "named nulls", named_nulls}, {codec, "long names", long_names},                              \
        {codec, "wrong types", wrong_types}, {codec, "wrong numbers", wrong_numbers},                        \
        {codec, "wrong arrays", wrong_arrays}, {codec, "metadata", metadata},                                \
        {codec, "empty property sets", empty_sets}, {codec, "small property sets", small_sets},              \
        {codec, "property flood", property_flood}, {codec, "one property again and again", one_property},    \
        {codec, "deep property sets", deep_sets}, {codec, "lists of property sets", lists_of_sets},          \
        {codec, "empty rows", empty_rows}, {codec, "narrow rows", narrow_rows},                              \
        {codec, "wide rows", wide_rows}, {codec, "columns", columns},                                        \
        {codec, "packed columns", packed_columns}, {codec, "deep quality", deep_quality},                    \
        {codec, "members of a template", members}, {codec, "parameters of a template", parameters},          \
        {codec, "deep templates", deep_templates}, {codec, "arrays", arrays},                                \
        {codec, "arrays of texts", text_arrays}, {codec, "arrays of booleans", boolean_arrays},              \
        {codec, "invalid text", invalid_text}, {codec, "unknown fields", unknown_fields},

const struct codec_case codec_corpus_sparkplug[] = {
    CASES("sparkplug") CASES("sparkplug-data") CASES("sparkplug-map")
#ifdef WITH_ZLIB
        {"sparkplug", "compressed", envelope},
#endif
    {NULL, NULL, NULL},
};
