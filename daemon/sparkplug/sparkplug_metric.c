/* SPDX-License-Identifier: Apache-2.0
 *
 * See sparkplug_metric.h. sparkplug_wire makes one struct of the four oneofs, sparkplug_number and
 * sparkplug_array know the bits; here is what is made of them.
 */
#include "sparkplug/sparkplug_metric.h"

#include "message/value.h"
#include "sparkplug/sparkplug_array.h"
#include "sparkplug/sparkplug_b.pb-c.h"
#include "sparkplug/sparkplug_number.h"
#include "sparkplug/sparkplug_tree.h"
#include "sparkplug/sparkplug_wire.h"

enum { DEPTH_MAX = 16 };

/* One conversion. */
struct reader {
    struct sparkplug_array_room *room; /* NULL: no limit */
    struct sparkplug_tree *tree;
    struct error *err;
    unsigned depth; /* sets and templates around this value */
};

static enum status read_value(struct reader *r, const struct sparkplug_wire *w, unsigned type,
                              struct fby_value *out);

static enum status no_memory(struct error *err)
{
    return error_set(err, STATUS_LIMIT, "the value needs more memory than a message may use");
}

static enum status refuse_form(struct reader *r, const struct sparkplug_wire *w, unsigned type)
{
    static const char *const forms[] = {
        "nothing", "an integer", "a long integer", "a float",    "a double",       "a boolean",
        "a text",  "bytes",      "a data set",     "a template", "a property set", "property sets",
    };
    if (!r->err)
        return STATUS_INVALID;
    /* Every metric of a payload may get here, and printf() costs as much as all the rest of one. */
    r->err->code = STATUS_INVALID;
    stpcpy(stpcpy(stpcpy(r->err->text, forms[w->form]), " cannot be "), sparkplug_type_name(type));
    return STATUS_INVALID;
}

static enum status refuse_nothing(struct reader *r)
{
    static const char text[] = "there is no value, and it is not marked as null";
    if (r->err) {
        r->err->code = STATUS_INVALID;
        memcpy(r->err->text, text, sizeof text);
    }
    return STATUS_INVALID;
}

static struct bytes bytes_of_data(ProtobufCBinaryData data)
{
    return bytes_of(data.data, data.len);
}

static struct fby_value boolean(bool b)
{
    return (struct fby_value){.type = FBY_BOOL, .boolean = b};
}

static struct fby_value name_of_type(unsigned type)
{
    return value_text(sparkplug_type_name(type));
}

static enum status enter(struct reader *r)
{
    if (r->depth == DEPTH_MAX)
        return error_set(r->err, STATUS_LIMIT, "sets and templates are nested deeper than %d", DEPTH_MAX);
    r->depth++;
    return STATUS_OK;
}

/* ---- DataSet ---- */

/* Cells belong to columns by their place alone: without as many of one as of the other nobody can tell which.
 */
static enum status check_shape(struct reader *r, const Spb__DataSet *set)
{
    if (set->n_types != set->n_columns)
        return error_set(r->err, STATUS_INVALID, "a data set has %zu columns and %zu types", set->n_columns,
                         set->n_types);
    if (set->has_num_of_columns && set->num_of_columns != set->n_columns)
        return error_set(r->err, STATUS_INVALID, "a data set says that it has %llu columns and has %zu",
                         (unsigned long long)set->num_of_columns, set->n_columns);
    for (size_t i = 0; i < set->n_rows; i++)
        if (set->rows[i]->n_elements != set->n_columns)
            return error_set(r->err, STATUS_INVALID, "row %zu of a data set has %zu cells for %zu columns", i,
                             set->rows[i]->n_elements, set->n_columns);
    return STATUS_OK;
}

static enum status read_row(struct reader *r, const Spb__DataSet *set, const Spb__Row *row,
                            struct fby_value *out)
{
    if (!sparkplug_tree_list(r->tree, row->n_elements, out))
        return no_memory(r->err);
    for (size_t i = 0; i < row->n_elements; i++) {
        struct sparkplug_wire w = sparkplug_wire_of_cell(row->elements[i]);
        struct fby_value *cell = sparkplug_tree_next(out);
        enum status s = w.form == SPARKPLUG_WIRE_NONE ? STATUS_OK : read_value(r, &w, set->types[i], cell);
        if (s != STATUS_OK)
            return s;
    }
    return STATUS_OK;
}

static enum status read_dataset(struct reader *r, const Spb__DataSet *set, struct fby_value *out)
{
    struct fby_value columns, types, rows;
    enum status shape = check_shape(r, set);
    if (shape != STATUS_OK)
        return shape;
    if (!sparkplug_tree_list(r->tree, set->n_columns, &columns) ||
        !sparkplug_tree_list(r->tree, set->n_types, &types) ||
        !sparkplug_tree_list(r->tree, set->n_rows, &rows) || !sparkplug_tree_map(r->tree, 3, out))
        return no_memory(r->err);
    for (size_t i = 0; i < set->n_columns; i++)
        if (!sparkplug_tree_text(r->tree, bytes_of_data(set->columns[i]), sparkplug_tree_next(&columns)))
            return no_memory(r->err);
    for (size_t i = 0; i < set->n_types; i++)
        *sparkplug_tree_next(&types) = name_of_type(set->types[i]);
    for (size_t i = 0; i < set->n_rows; i++) {
        enum status s = read_row(r, set, set->rows[i], sparkplug_tree_next(&rows));
        if (s != STATUS_OK)
            return s;
    }
    sparkplug_tree_put(out, "columns", columns);
    sparkplug_tree_put(out, "types", types);
    sparkplug_tree_put(out, "rows", rows);
    return STATUS_OK;
}

/* ---- Template ---- */

/* {name, type, value} of a member. */
static enum status read_member(struct reader *r, struct bytes name, unsigned type, bool is_null,
                               const struct sparkplug_wire *w, struct fby_value *out)
{
    struct fby_value text, value = {.type = FBY_NULL};
    if (name.len == 0)
        return error_set(r->err, STATUS_INVALID, "a member of a template has no name");
    if (!sparkplug_tree_map(r->tree, 3, out) || !sparkplug_tree_text(r->tree, name, &text))
        return no_memory(r->err);
    enum status s = is_null || w->form == SPARKPLUG_WIRE_NONE ? STATUS_OK : read_value(r, w, type, &value);
    sparkplug_tree_put(out, "name", text);
    sparkplug_tree_put(out, "type", name_of_type(type));
    sparkplug_tree_put(out, "value", value);
    return s;
}

static enum status read_members(struct reader *r, const Spb__Template *t, struct fby_value *metrics,
                                struct fby_value *parameters)
{
    if (!sparkplug_tree_list(r->tree, t->n_metrics, metrics) ||
        !sparkplug_tree_list(r->tree, t->n_parameters, parameters))
        return no_memory(r->err);
    enum status s = STATUS_OK;
    for (size_t i = 0; i < t->n_metrics && s == STATUS_OK; i++) {
        const Spb__Metric *m = t->metrics[i];
        struct sparkplug_wire w = sparkplug_wire_of_metric(m);
        s = read_member(r, bytes_of_data(m->name), m->datatype, m->is_null, &w, sparkplug_tree_next(metrics));
    }
    for (size_t i = 0; i < t->n_parameters && s == STATUS_OK; i++) {
        const Spb__Parameter *p = t->parameters[i];
        struct sparkplug_wire w = sparkplug_wire_of_parameter(p);
        s = read_member(r, bytes_of_data(p->name), p->type, false, &w, sparkplug_tree_next(parameters));
    }
    return s;
}

static enum status read_template(struct reader *r, const Spb__Template *t, struct fby_value *out)
{
    struct fby_value version, reference, metrics, parameters;
    enum status s = read_members(r, t, &metrics, &parameters);
    if (s != STATUS_OK)
        return s;
    if (!sparkplug_tree_map(r->tree, 5, out) ||
        !sparkplug_tree_text(r->tree, bytes_of_data(t->version), &version) ||
        !sparkplug_tree_text(r->tree, bytes_of_data(t->template_ref), &reference))
        return no_memory(r->err);
    if (t->has_version)
        sparkplug_tree_put(out, "version", version);
    if (t->has_template_ref)
        sparkplug_tree_put(out, "ref", reference);
    sparkplug_tree_put(out, "is_definition", boolean(t->is_definition));
    sparkplug_tree_put(out, "metrics", metrics);
    sparkplug_tree_put(out, "parameters", parameters);
    return STATUS_OK;
}

/* ---- Properties ---- */

static enum status read_property(struct reader *r, const Spb__PropertyValue *p, struct fby_value *out)
{
    struct sparkplug_wire w = sparkplug_wire_of_property(p);
    *out = (struct fby_value){.type = FBY_NULL};
    return p->is_null || w.form == SPARKPLUG_WIRE_NONE ? STATUS_OK : read_value(r, &w, p->type, out);
}

static enum status read_set(struct reader *r, const Spb__PropertySet *set, struct fby_value *out)
{
    if (set->n_keys != set->n_values)
        return error_set(r->err, STATUS_INVALID, "a property set has %zu keys and %zu values", set->n_keys,
                         set->n_values);
    if (!sparkplug_tree_map(r->tree, set->n_keys, out))
        return no_memory(r->err);
    for (size_t i = 0; i < set->n_keys; i++) {
        struct fby_value value;
        enum status s = read_property(r, set->values[i], &value);
        if (s != STATUS_OK)
            return s;
        if (!sparkplug_tree_put_bytes(r->tree, out, bytes_of_data(set->keys[i]), value))
            return no_memory(r->err);
    }
    return sparkplug_tree_unique(r->tree, out) >= 0 ? STATUS_OK : no_memory(r->err);
}

static enum status read_sets(struct reader *r, const Spb__PropertySetList *sets, struct fby_value *out)
{
    if (!sparkplug_tree_list(r->tree, sets->n_propertyset, out))
        return no_memory(r->err);
    enum status s = STATUS_OK;
    for (size_t i = 0; i < sets->n_propertyset && s == STATUS_OK; i++)
        s = read_set(r, sets->propertyset[i], sparkplug_tree_next(out));
    return s;
}

/* ---- Any value ---- */

static enum status read_nested(struct reader *r, const struct sparkplug_wire *w, struct fby_value *out)
{
    enum status s = enter(r);
    if (s != STATUS_OK)
        return s;
    switch ((int)w->form) {
    case SPARKPLUG_WIRE_DATASET:
        s = read_dataset(r, w->dataset, out);
        break;
    case SPARKPLUG_WIRE_TEMPLATE:
        s = read_template(r, w->template, out);
        break;
    case SPARKPLUG_WIRE_PROPERTY_SET:
        s = read_set(r, w->set, out);
        break;
    default:
        s = read_sets(r, w->sets, out);
        break;
    }
    r->depth--;
    return s;
}

static enum status read_integer(struct reader *r, const struct sparkplug_wire *w, unsigned type,
                                struct fby_value *out)
{
    bool is_long = w->form == SPARKPLUG_WIRE_LONG;
    if (type == SPARKPLUG_UNKNOWN || type >= SPARKPLUG_TYPE_COUNT)
        type = is_long ? SPARKPLUG_UINT64 : SPARKPLUG_UINT32;
    if (type == SPARKPLUG_BOOLEAN && w->integer <= 1) {
        *out = boolean(w->integer == 1);
        return STATUS_OK;
    }
    if (type != SPARKPLUG_DATETIME && !sparkplug_type_is_integer(type))
        return refuse_form(r, w, type);
    if (!sparkplug_number_is_of_type(w->integer, is_long ? 64 : 32, (enum sparkplug_type)type))
        return error_set(r->err, STATUS_INVALID, "%llu does not fit %s", (unsigned long long)w->integer,
                         sparkplug_type_name(type));
    /* An Int64 in the narrow field is of 32 bits. */
    if (type == SPARKPLUG_INT64 && !is_long)
        type = SPARKPLUG_INT32;
    *out = sparkplug_number_from_bits(w->integer, (enum sparkplug_type)type);
    return STATUS_OK;
}

static enum status read_number(struct reader *r, const struct sparkplug_wire *w, unsigned type,
                               struct fby_value *out)
{
    bool is_float = w->form == SPARKPLUG_WIRE_FLOAT;
    bool fits = type == SPARKPLUG_FLOAT || type == SPARKPLUG_DOUBLE || type == SPARKPLUG_UNKNOWN ||
                type >= SPARKPLUG_TYPE_COUNT;
    if (!fits)
        return refuse_form(r, w, type);
    *out =
        (struct fby_value){.type = FBY_DOUBLE, .flags = is_float ? FBY_FLAG_FLOAT32 : 0, .number = w->number};
    return STATUS_OK;
}

static enum status read_text(struct reader *r, const struct sparkplug_wire *w, unsigned type,
                             struct fby_value *out)
{
    bool fits = type == SPARKPLUG_STRING || type == SPARKPLUG_TEXT || type == SPARKPLUG_UUID ||
                type == SPARKPLUG_UNKNOWN || type >= SPARKPLUG_TYPE_COUNT;
    if (!fits)
        return refuse_form(r, w, type);
    return sparkplug_tree_text(r->tree, w->bytes, out) ? STATUS_OK : no_memory(r->err);
}

static enum status read_bytes(struct reader *r, const struct sparkplug_wire *w, unsigned type,
                              struct fby_value *out)
{
    enum sparkplug_type element = sparkplug_type_element(type);
    if (element != SPARKPLUG_UNKNOWN)
        return sparkplug_array_decode(w->bytes, element, r->room, r->tree, out, r->err);
    bool fits = type == SPARKPLUG_BYTES || type == SPARKPLUG_FILE || type == SPARKPLUG_UNKNOWN ||
                type >= SPARKPLUG_TYPE_COUNT;
    if (!fits)
        return refuse_form(r, w, type);
    return sparkplug_tree_bytes(r->tree, w->bytes, out) ? STATUS_OK : no_memory(r->err);
}

static enum status read_boolean(struct reader *r, const struct sparkplug_wire *w, unsigned type,
                                struct fby_value *out)
{
    if (type != SPARKPLUG_BOOLEAN && type != SPARKPLUG_UNKNOWN && type < SPARKPLUG_TYPE_COUNT)
        return refuse_form(r, w, type);
    *out = boolean(w->boolean);
    return STATUS_OK;
}

static enum status read_value(struct reader *r, const struct sparkplug_wire *w, unsigned type,
                              struct fby_value *out)
{
    switch (w->form) {
    case SPARKPLUG_WIRE_INT:
    case SPARKPLUG_WIRE_LONG:
        return read_integer(r, w, type, out);
    case SPARKPLUG_WIRE_FLOAT:
    case SPARKPLUG_WIRE_DOUBLE:
        return read_number(r, w, type, out);
    case SPARKPLUG_WIRE_BOOLEAN:
        return read_boolean(r, w, type, out);
    case SPARKPLUG_WIRE_STRING:
        return read_text(r, w, type, out);
    case SPARKPLUG_WIRE_BYTES:
        return read_bytes(r, w, type, out);
    case SPARKPLUG_WIRE_NONE:
        return refuse_nothing(r);
    default:
        return read_nested(r, w, out);
    }
}

enum status sparkplug_metric_value(const struct Spb__Metric *m, unsigned type,
                                   struct sparkplug_array_room *room, struct sparkplug_tree *tree,
                                   struct fby_value *out, struct error *err)
{
    struct reader r = {.room = room, .tree = tree, .err = err};
    *out = (struct fby_value){.type = FBY_NULL};
    if (m->is_null)
        return STATUS_OK;
    struct sparkplug_wire w = sparkplug_wire_of_metric(m);
    return read_value(&r, &w, type, out);
}

enum status sparkplug_metric_properties(const struct Spb__PropertySet *set, struct sparkplug_tree *tree,
                                        struct fby_value *out, struct error *err)
{
    struct reader r = {.tree = tree, .err = err};
    return read_set(&r, set, out);
}

/* ---- The other way ---- */

static enum status refuse_value(enum sparkplug_type type, struct error *err)
{
    return error_set(err, STATUS_INVALID, "the value does not fit %s", sparkplug_type_name(type));
}

static void set_data(Spb__Metric *m, Spb__Metric__ValueCase form, const void *data, size_t len)
{
    ProtobufCBinaryData d = {len, (uint8_t *)(uintptr_t)data};
    m->value_case = form;
    if (form == SPB__METRIC__VALUE_STRING_VALUE)
        m->string_value = d;
    else
        m->bytes_value = d;
}

static enum status set_number(Spb__Metric *m, enum sparkplug_type type, const struct fby_value *v,
                              struct error *err)
{
    if (!sparkplug_number_fits(v, type))
        return refuse_value(type, err);
    uint64_t bits = sparkplug_number_to_bits(v, type);
    if (type == SPARKPLUG_DOUBLE) {
        m->value_case = SPB__METRIC__VALUE_DOUBLE_VALUE;
        memcpy(&m->double_value, &bits, sizeof m->double_value);
    } else if (type == SPARKPLUG_FLOAT) {
        uint32_t bits32 = (uint32_t)bits;
        m->value_case = SPB__METRIC__VALUE_FLOAT_VALUE;
        memcpy(&m->float_value, &bits32, sizeof m->float_value);
    } else if (sparkplug_type_bits(type) == 64) {
        m->value_case = SPB__METRIC__VALUE_LONG_VALUE;
        m->long_value = bits;
    } else {
        /* Narrow ones fill the field with their sign. */
        m->value_case = SPB__METRIC__VALUE_INT_VALUE;
        m->int_value = (uint32_t)sparkplug_number_from_bits(bits, type).integer;
    }
    return STATUS_OK;
}

static bool element_fits(const struct fby_value *v, enum sparkplug_type element)
{
    if (element == SPARKPLUG_BOOLEAN)
        return v->type == FBY_BOOL;
    if (element == SPARKPLUG_STRING)
        return v->type == FBY_STRING && !memchr(v->bytes, 0, v->len);
    return sparkplug_number_fits(v, element);
}

static enum status set_array(Spb__Metric *m, enum sparkplug_type type, const struct fby_value *v,
                             struct arena *a, struct error *err)
{
    enum sparkplug_type element = sparkplug_type_element(type);
    struct bytes packed;
    if (v->type != FBY_LIST)
        return refuse_value(type, err);
    for (uint32_t i = 0; i < v->len; i++)
        if (!element_fits(&v->items[i], element))
            return error_set(err, STATUS_INVALID, "element %u does not fit %s", i, sparkplug_type_name(type));
    if (!sparkplug_array_encode(v, element, a, &packed))
        return no_memory(err);
    set_data(m, SPB__METRIC__VALUE_BYTES_VALUE, packed.data, packed.len);
    return STATUS_OK;
}

static enum status set_value(Spb__Metric *m, enum sparkplug_type type, const struct fby_value *v,
                             struct arena *a, struct error *err)
{
    switch ((int)type) {
    case SPARKPLUG_BOOLEAN:
        if (v->type != FBY_BOOL)
            return refuse_value(type, err);
        m->value_case = SPB__METRIC__VALUE_BOOLEAN_VALUE;
        m->boolean_value = v->boolean;
        return STATUS_OK;
    case SPARKPLUG_STRING:
    case SPARKPLUG_TEXT:
    case SPARKPLUG_UUID:
        if (v->type != FBY_STRING)
            return refuse_value(type, err);
        set_data(m, SPB__METRIC__VALUE_STRING_VALUE, v->bytes, v->len);
        return STATUS_OK;
    case SPARKPLUG_BYTES:
    case SPARKPLUG_FILE:
        if (v->type != FBY_BYTES)
            return refuse_value(type, err);
        set_data(m, SPB__METRIC__VALUE_BYTES_VALUE, v->bytes, v->len);
        return STATUS_OK;
    default:
        break;
    }
    if (sparkplug_type_element(type) != SPARKPLUG_UNKNOWN)
        return set_array(m, type, v, a, err);
    if (sparkplug_type_bits(type))
        return set_number(m, type, v, err);
    return error_set(err, STATUS_INVALID, "values of type %s are not written", sparkplug_type_name(type));
}

enum status sparkplug_metric_set(struct Spb__Metric *m, enum sparkplug_type type, const struct fby_value *v,
                                 struct arena *a, struct error *err)
{
    m->has_datatype = true;
    m->datatype = type;
    if (v->type != FBY_NULL)
        return set_value(m, type, v, a, err);
    m->has_is_null = true;
    m->is_null = true;
    m->value_case = SPB__METRIC__VALUE__NOT_SET;
    return STATUS_OK;
}

static bool append_property(Spb__PropertySet *set, ProtobufCBinaryData key, Spb__PropertyValue *value,
                            struct arena *a)
{
    size_t n = set->n_keys;
    ProtobufCBinaryData *keys = arena_grow(a, set->keys, n * sizeof *keys, (n + 1) * sizeof *keys);
    Spb__PropertyValue **values =
        arena_grow(a, (void *)set->values, n * sizeof(*values), (n + 1) * sizeof(*values));
    if (!keys || !values)
        return false;
    keys[n] = key;
    values[n] = value;
    set->keys = keys;
    set->values = values;
    set->n_keys = set->n_values = n + 1;
    return true;
}

/* An empty property of the metric, its set made when it is the first; NULL: no memory. */
static Spb__PropertyValue *add_property(Spb__Metric *m, const char *key, enum sparkplug_type type,
                                        struct arena *a)
{
    if (!m->properties) {
        m->properties = arena_alloc(a, sizeof *m->properties);
        if (!m->properties)
            return NULL;
        spb__property_set__init(m->properties);
    }
    Spb__PropertyValue *value = arena_alloc(a, sizeof *value);
    if (!value)
        return NULL;
    spb__property_value__init(value);
    value->has_type = true;
    value->type = type;
    ProtobufCBinaryData name = {strlen(key), (uint8_t *)(uintptr_t)key};
    return append_property(m->properties, name, value, a) ? value : NULL;
}

bool sparkplug_metric_add_text_property(struct Spb__Metric *m, const char *key, struct bytes text,
                                        struct arena *a)
{
    Spb__PropertyValue *value = add_property(m, key, SPARKPLUG_STRING, a);
    if (!value)
        return false;
    value->value_case = SPB__PROPERTY_VALUE__VALUE_STRING_VALUE;
    value->string_value = (ProtobufCBinaryData){text.len, (uint8_t *)(uintptr_t)text.data};
    return true;
}

bool sparkplug_metric_add_int_property(struct Spb__Metric *m, const char *key, uint32_t bits, struct arena *a)
{
    Spb__PropertyValue *value = add_property(m, key, SPARKPLUG_INT32, a);
    if (!value)
        return false;
    value->value_case = SPB__PROPERTY_VALUE__VALUE_INT_VALUE;
    value->int_value = bits;
    return true;
}
