/* SPDX-License-Identifier: Apache-2.0
 *
 * See sparkplug_output.h.
 */
#include "sparkplug/sparkplug_output.h"

#include "base/number_format.h"
#include "message/value.h"
#include "sparkplug/sparkplug_array.h"
#include "sparkplug/sparkplug_b.pb-c.h"
#include "sparkplug/sparkplug_metric.h"
#include "sparkplug/sparkplug_number.h"
#include "sparkplug/sparkplug_payload.h"
#include "sparkplug/sparkplug_tree.h"

enum {
    MESSAGE_FIELDS = 9,
    /* A metric that is wrong has two bytes at least, one that edge nodes send some twenty: those may all be
       wrong. */
    FAULTS_FREE = 64,
    FAULT_BYTES = 16, /* of payload, for each fault more */
    /* An alias of one byte brings the whole name. */
    NAMES_FREE = 64 << 10,
    NAMES_FACTOR = 16, /* bytes of names for each of payload */
};

struct writer {
    const struct sparkplug_birth *birth; /* NULL: nothing is known */
    const struct sparkplug_output_settings *settings;
    bool is_birth;
    struct sparkplug_array_room room;
    size_t faults_left, names_left;
    struct sparkplug_tree *tree;
    struct sparkplug_tree scratch; /* of maps of which only a value is kept */
    struct error *err;
};

static enum status no_memory(struct error *err)
{
    return error_set(err, STATUS_LIMIT, "its tree needs more memory than a message may use");
}

static enum status refuse_arrays(struct error *err)
{
    return error_set(err, STATUS_LIMIT, "its arrays have more elements than max_elements allows");
}

static struct bytes bytes_of_data(ProtobufCBinaryData data)
{
    return bytes_of(data.data, data.len);
}

/* ---- Metrics ---- */

/* What its birth says of a metric, under the metric's own name when it has one; a birth says it itself.
 * Without a name: nobody knows it. */
static struct sparkplug_known look_up(const struct writer *w, const Spb__Metric *m)
{
    bool has_name = m->has_name && m->name.len > 0;
    if (has_name && w->is_birth)
        return (struct sparkplug_known){.name = bytes_of_data(m->name), .unit = sparkplug_birth_unit(m)};
    const struct sparkplug_known *found = NULL;
    if (w->birth && has_name)
        found = sparkplug_birth_find_name(w->birth, bytes_of_data(m->name));
    else if (w->birth && m->has_alias)
        found = sparkplug_birth_find_alias(w->birth, m->alias);
    struct sparkplug_known known = found ? *found : (struct sparkplug_known){.name = bytes_of("", 0)};
    if (has_name)
        known.name = bytes_of_data(m->name);
    return known;
}

/* False: names and units of the birth have become too much for so small a payload. */
static bool spend_names(struct writer *w, const Spb__Metric *m, const struct sparkplug_known *known)
{
    size_t size = w->is_birth ? 0 : known->unit.len + (m->has_name && m->name.len > 0 ? 0 : known->name.len);
    if (size > w->names_left) {
        (void)error_set(w->err, STATUS_LIMIT,
                        "its aliases stand for names and units of more than %d KiB and %d times its size",
                        NAMES_FREE >> 10, NAMES_FACTOR);
        return false;
    }
    w->names_left -= size;
    return true;
}

static bool is_quality(struct fby_bytes name)
{
    return name.len == 7 && (memcmp(name.data, "Quality", 7) == 0 || memcmp(name.data, "quality", 7) == 0);
}

static enum status put_error(struct writer *w, const char *reason, struct fby_value *out)
{
    if (w->faults_left == 0)
        return error_set(
            w->err, STATUS_INVALID,
            "more of its metrics are wrong than %d and one in %d bytes of payload, this one because %s",
            FAULTS_FREE, FAULT_BYTES, reason);
    w->faults_left--;
    char *text = arena_strdup(w->tree->arena, reason);
    if (!text)
        return no_memory(w->err);
    sparkplug_tree_put(out, "error", value_text(text));
    return STATUS_OK;
}

/* `is_right`: the value has no error. */
static enum status put_properties(struct writer *w, const Spb__Metric *m, bool is_right,
                                  struct fby_value *out)
{
    struct fby_value properties;
    struct error err;
    if (!m->properties)
        return STATUS_OK;
    enum status s = sparkplug_metric_properties(m->properties, w->tree, &properties, &err);
    if (s == STATUS_LIMIT)
        return no_memory(w->err);
    if (s != STATUS_OK) /* half a set says nothing; the value is still right */
        return is_right ? put_error(w, err.text, out) : STATUS_OK;
    for (uint32_t i = 0; i < properties.len; i++) {
        if (!is_quality(properties.fields[i].name))
            continue;
        sparkplug_tree_put(out, "quality", properties.fields[i].value);
        break;
    }
    if (w->settings->properties)
        sparkplug_tree_put(out, "properties", properties);
    return STATUS_OK;
}

static bool put_text(struct fby_value *map, const char *name, bool has, ProtobufCBinaryData text,
                     struct sparkplug_tree *tree)
{
    struct fby_value v;
    if (!has)
        return true;
    if (!sparkplug_tree_text(tree, bytes_of_data(text), &v))
        return false;
    sparkplug_tree_put(map, name, v);
    return true;
}

static size_t count_metadata(const Spb__MetaData *m)
{
    const protobuf_c_boolean has[] = {m->has_is_multi_part, m->has_content_type, m->has_size,
                                      m->has_seq,           m->has_file_name,    m->has_file_type,
                                      m->has_md5,           m->has_description};
    size_t count = 0;
    for (size_t i = 0; i < sizeof has / sizeof has[0]; i++)
        count += has[i] != 0;
    return count;
}

static enum status put_metadata(struct writer *w, const Spb__MetaData *m, struct fby_value *out)
{
    struct fby_value map;
    if (!m)
        return STATUS_OK;
    if (!sparkplug_tree_map(w->tree, count_metadata(m), &map))
        return no_memory(w->err);
    if (m->has_is_multi_part)
        sparkplug_tree_put(&map, "is_multi_part", value_bool(m->is_multi_part));
    bool right = put_text(&map, "content_type", m->has_content_type, m->content_type, w->tree);
    if (m->has_size)
        sparkplug_tree_put(&map, "size", sparkplug_number_from_bits(m->size, SPARKPLUG_UINT64));
    if (m->has_seq)
        sparkplug_tree_put(&map, "seq", sparkplug_number_from_bits(m->seq, SPARKPLUG_UINT64));
    right = right && put_text(&map, "file_name", m->has_file_name, m->file_name, w->tree) &&
            put_text(&map, "file_type", m->has_file_type, m->file_type, w->tree) &&
            put_text(&map, "md5", m->has_md5, m->md5, w->tree) &&
            put_text(&map, "description", m->has_description, m->description, w->tree);
    sparkplug_tree_put(out, "metadata", map);
    return right ? STATUS_OK : no_memory(w->err);
}

static enum status put_value(struct writer *w, const Spb__Metric *m, unsigned type, struct fby_value *out,
                             bool *is_right)
{
    struct error err;
    struct fby_value value;
    enum status s = sparkplug_metric_value(m, type, &w->room, w->tree, &value, &err);
    if (w->room.is_over)
        return refuse_arrays(w->err);
    if (s == STATUS_LIMIT && w->tree->arena->failed)
        return no_memory(w->err);
    sparkplug_tree_put(out, "value", s == STATUS_OK ? value : value_null());
    *is_right = s == STATUS_OK && (m->has_alias || (m->has_name && m->name.len > 0));
    if (*is_right)
        return STATUS_OK;
    return put_error(w, s == STATUS_OK ? "it has neither a name nor an alias" : err.text, out);
}

/* The most that a metric can have: name or alias, type, value and error, and what it shows that it has. */
static size_t most_fields(const Spb__Metric *m, const struct sparkplug_known *known)
{
    return 4u + (m->has_timestamp != 0) + (known->unit.len > 0) + (m->is_historical != 0) +
           (m->is_transient != 0) + (m->properties ? 2 : 0) + (m->metadata != NULL);
}

/* The metric's fields but its name. */
static enum status write_fields(struct writer *w, const Spb__Metric *m, const struct sparkplug_known *known,
                                struct fby_value *out)
{
    struct fby_value unit;
    bool is_right;
    unsigned type = m->has_datatype && m->datatype != SPARKPLUG_UNKNOWN ? m->datatype : known->type;
    if (!spend_names(w, m, known))
        return STATUS_LIMIT;
    sparkplug_tree_put(out, "type", value_text(sparkplug_type_name(type)));
    enum status s = put_value(w, m, type, out, &is_right);
    if (s != STATUS_OK)
        return s;
    if (m->has_timestamp)
        sparkplug_tree_put(out, "timestamp", sparkplug_number_time(m->timestamp));
    if (known->unit.len > 0) {
        if (!sparkplug_tree_text(w->tree, known->unit, &unit))
            return no_memory(w->err);
        sparkplug_tree_put(out, "unit", unit);
    }
    if (m->is_historical)
        sparkplug_tree_put(out, "is_historical", value_bool(true));
    if (m->is_transient)
        sparkplug_tree_put(out, "is_transient", value_bool(true));
    s = put_properties(w, m, is_right, out);
    return s == STATUS_OK ? put_metadata(w, m->metadata, out) : s;
}

static enum status write_listed(struct writer *w, const Spb__Metric *m, struct fby_value *list)
{
    struct sparkplug_known known = look_up(w, m);
    struct fby_value *out = sparkplug_tree_next(list), text;
    if (!sparkplug_tree_map(w->tree, most_fields(m, &known), out) ||
        !sparkplug_tree_text(w->tree, known.name, &text))
        return no_memory(w->err);
    if (known.name.len > 0)
        sparkplug_tree_put(out, "name", text);
    else if (m->has_alias)
        sparkplug_tree_put(out, "alias", sparkplug_number_from_bits(m->alias, SPARKPLUG_UINT64));
    return write_fields(w, m, &known, out);
}

/* A name that nobody knows is "#alias". */
static struct bytes make_name(uint64_t alias, char made[NUMBER_FORMAT_MAX + 1])
{
    made[0] = '#';
    return bytes_of(made, 1 + number_format_uint64(alias, made + 1));
}

static enum status write_mapped(struct writer *w, const Spb__Metric *m, struct fby_value *map)
{
    struct sparkplug_known known = look_up(w, m);
    struct fby_value fields;
    char made[NUMBER_FORMAT_MAX + 1];
    struct bytes name = known.name.len > 0 ? known.name : make_name(m->alias, made);
    bool is_value = w->settings->form == SPARKPLUG_OUTPUT_VALUES;
    if (!sparkplug_tree_map(is_value ? &w->scratch : w->tree, most_fields(m, &known), &fields))
        return no_memory(w->err);
    enum status s = write_fields(w, m, &known, &fields);
    if (s != STATUS_OK)
        return s;
    const struct fby_value *value = is_value ? &fields.fields[1].value : &fields;
    return sparkplug_tree_put_bytes(w->tree, map, name, *value) ? STATUS_OK : no_memory(w->err);
}

static enum status write_metrics(struct writer *w, const Spb__Payload *p, struct fby_value *out,
                                 size_t *overwritten)
{
    bool is_list = w->settings->form == SPARKPLUG_OUTPUT_LIST;
    bool room = is_list ? sparkplug_tree_list(w->tree, p->n_metrics, out)
                        : sparkplug_tree_map(w->tree, p->n_metrics, out);
    enum status s = room ? STATUS_OK : no_memory(w->err);
    for (size_t i = 0; i < p->n_metrics && s == STATUS_OK; i++)
        s = is_list ? write_listed(w, p->metrics[i], out) : write_mapped(w, p->metrics[i], out);
    if (s != STATUS_OK || is_list)
        return s;
    long taken_out = sparkplug_tree_unique(w->tree, out);
    if (taken_out < 0)
        return no_memory(w->err);
    *overwritten = (size_t)taken_out;
    return STATUS_OK;
}

/* ---- Messages ---- */

static bool put_place(struct fby_value *out, struct bytes group, struct bytes edge_node, struct bytes device,
                      struct sparkplug_tree *tree)
{
    struct fby_value v;
    const struct {
        const char *name;
        struct bytes text;
    } parts[] = {{"group", group}, {"edge_node", edge_node}, {"device", device}};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        if (parts[i].text.len == 0)
            continue;
        if (!sparkplug_tree_text(tree, parts[i].text, &v))
            return false;
        sparkplug_tree_put(out, parts[i].name, v);
    }
    return true;
}

enum status sparkplug_output_message(const struct sparkplug_arrival *a, const struct sparkplug_decision *d,
                                     const struct sparkplug_output_settings *s, struct sparkplug_tree *tree,
                                     struct fby_value *out, size_t *overwritten, struct error *err)
{
    struct writer w = {.birth = d->birth,
                       .settings = s,
                       .is_birth =
                           a->topic.message == SPARKPLUG_NBIRTH || a->topic.message == SPARKPLUG_DBIRTH,
                       .faults_left = FAULTS_FREE + a->size / FAULT_BYTES,
                       .names_left = NAMES_FREE + a->size * NAMES_FACTOR,
                       .room = {.elements = s->max_elements ? s->max_elements : SIZE_MAX},
                       .tree = tree,
                       .scratch = {tree->scratch, tree->scratch, tree->stays},
                       .err = err};
    const Spb__Payload *p = a->payload;
    struct fby_value metrics;
    uint64_t bdseq;
    *overwritten = 0;
    if (!sparkplug_tree_map(tree, MESSAGE_FIELDS, out))
        return no_memory(err);
    sparkplug_tree_put(out, "type", value_text(sparkplug_topic_message_name(a->topic.message)));
    if (!put_place(out, a->topic.group, a->topic.edge_node, a->topic.device, tree))
        return no_memory(err);
    if (p->has_timestamp)
        sparkplug_tree_put(out, "timestamp", sparkplug_number_time(p->timestamp));
    if (p->has_seq)
        sparkplug_tree_put(out, "seq", sparkplug_number_from_bits(p->seq, SPARKPLUG_UINT64));
    if (d->missing_seq >= 0)
        sparkplug_tree_put(out, "missing_seq", value_int(d->missing_seq));
    if (sparkplug_payload_bdseq(p, &bdseq))
        sparkplug_tree_put(out, "bdseq", sparkplug_number_from_bits(bdseq, SPARKPLUG_UINT64));
    enum status status = write_metrics(&w, p, &metrics, overwritten);
    if (status == STATUS_OK)
        sparkplug_tree_put(out, "metrics", metrics);
    return status;
}

bool sparkplug_output_event(const struct sparkplug_node *node, struct bytes device, bool online,
                            uint64_t timestamp_ms, struct sparkplug_tree *tree, struct fby_value *out)
{
    if (!sparkplug_tree_map(tree, MESSAGE_FIELDS, out))
        return false;
    sparkplug_tree_put(out, "type", value_text(online ? "ONLINE" : "OFFLINE"));
    if (!put_place(out, node->group, node->edge_node, device, tree))
        return false;
    if (timestamp_ms)
        sparkplug_tree_put(out, "timestamp", sparkplug_number_time(timestamp_ms));
    return true;
}

enum status sparkplug_output_state(const struct sparkplug_topic *t, struct bytes payload,
                                   struct sparkplug_tree *tree, struct fby_value *out, struct error *err)
{
    struct fby_value host, state;
    if (!sparkplug_tree_map(tree, MESSAGE_FIELDS, out) || !sparkplug_tree_text(tree, t->edge_node, &host))
        return no_memory(err);
    if (value_parse_json(payload, NULL, tree->arena, &state, NULL) != STATUS_OK &&
        !sparkplug_tree_text(tree, payload, &state))
        return no_memory(err);
    sparkplug_tree_put(out, "type", value_text("STATE"));
    sparkplug_tree_put(out, "host", host);
    sparkplug_tree_put(out, "state", state);
    return STATUS_OK;
}
