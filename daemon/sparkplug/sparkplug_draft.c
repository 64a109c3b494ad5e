/* SPDX-License-Identifier: Apache-2.0
 *
 * See sparkplug_draft.h.
 */
#include "sparkplug/sparkplug_draft.h"

#include "message/value.h"
#include "sparkplug/sparkplug_b.pb-c.h"
#include "sparkplug/sparkplug_metric.h"
#include "sparkplug/sparkplug_payload.h"

#include <stdio.h>
#include <stdlib.h>

enum { METRICS_MAX = 65536 };

struct drafting {
    const struct sparkplug_draft_settings *settings;
    const struct fby_value *timestamp, *quality; /* fields that are no metrics; NULL: none */
    struct arena *arena;
    struct Spb__Payload *payload;
    uint32_t quality_code;
    struct error *err;
};

static int compare_names(const void *a, const void *b)
{
    const struct bytes *x = &((const struct sparkplug_draft_metric *)a)->name;
    const struct bytes *y = &((const struct sparkplug_draft_metric *)b)->name;
    size_t len = x->len < y->len ? x->len : y->len;
    int order = len ? memcmp(x->data, y->data, len) : 0;
    return order ? order : (x->len > y->len) - (x->len < y->len);
}

void sparkplug_draft_sort(struct sparkplug_draft_settings *s)
{
    if (s->metric_count)
        qsort(s->metrics, s->metric_count, sizeof *s->metrics, compare_names);
}

static const struct sparkplug_draft_metric *find_rule(const struct sparkplug_draft_settings *s,
                                                      struct bytes name)
{
    struct sparkplug_draft_metric wanted = {.name = name};
    return s->metric_count ? bsearch(&wanted, s->metrics, s->metric_count, sizeof *s->metrics, compare_names)
                           : NULL;
}

static enum status no_memory(struct error *err)
{
    return error_set(err, STATUS_LIMIT, "the message needs more memory than it may have");
}

/* "motor" and "speed" to "motor/speed". */
static struct bytes join(struct bytes prefix, const void *name, size_t len, struct arena *a)
{
    if (prefix.len == 0)
        return bytes_of(name, len);
    uint8_t *text = arena_alloc(a, prefix.len + 1 + len);
    if (!text)
        return bytes_of(NULL, 0);
    memcpy(text, prefix.data, prefix.len);
    text[prefix.len] = '/';
    memcpy(text + prefix.len + 1, name, len);
    return bytes_of(text, prefix.len + 1 + len);
}

static enum status set_type_and_value(struct drafting *d, Spb__Metric *m, const struct fby_value *v,
                                      const struct sparkplug_draft_metric *rule)
{
    bool guessed = !rule || rule->type == SPARKPLUG_UNKNOWN;
    enum sparkplug_type type = guessed ? sparkplug_type_of(v) : (enum sparkplug_type)rule->type;
    if (type == SPARKPLUG_UNKNOWN) { /* null */
        m->has_is_null = m->is_null = true;
        return STATUS_OK;
    }
    m->has_alias = guessed;
    enum status result = sparkplug_metric_set(m, type, v, d->arena, d->err);
    if (result != STATUS_OK)
        error_wrap(d->err, "metric %.*s", (int)(m->name.len < 200 ? m->name.len : 200), m->name.data);
    return result;
}

static enum status add_metric(struct drafting *d, struct bytes name, const struct fby_value *v)
{
    const struct sparkplug_draft_metric *rule = find_rule(d->settings, name);
    if (!rule && d->settings->only_listed)
        return STATUS_OK;
    if (name.len == 0 || memchr(name.data, 0, name.len))
        return error_set(d->err, STATUS_INVALID, "a field without a name, or with a NUL in it, is no metric");
    if (d->payload->n_metrics == METRICS_MAX)
        return error_set(d->err, STATUS_LIMIT, "the message has more than %d metrics", METRICS_MAX);
    Spb__Metric *m = sparkplug_payload_add(d->payload, name, d->arena);
    if (!m)
        return no_memory(d->err);
    enum status result = set_type_and_value(d, m, v, rule);
    if (result != STATUS_OK)
        return result;
    if (rule && rule->unit &&
        !sparkplug_metric_add_text_property(m, SPARKPLUG_UNIT_PROPERTY, bytes_of_text(rule->unit), d->arena))
        return no_memory(d->err);
    if (d->quality &&
        !sparkplug_metric_add_int_property(m, SPARKPLUG_QUALITY_PROPERTY, d->quality_code, d->arena))
        return no_memory(d->err);
    return STATUS_OK;
}

static enum status add_value(struct drafting *d, struct bytes name, const struct fby_value *v,
                             unsigned depth);

static enum status add_map(struct drafting *d, struct bytes prefix, const struct fby_value *map,
                           unsigned depth)
{
    enum status result = STATUS_OK;
    for (uint32_t i = 0; i < map->len && result == STATUS_OK; i++) {
        const struct fby_field *f = &map->fields[i];
        struct bytes name = join(prefix, f->name.data, f->name.len, d->arena);
        result = name.data || !prefix.len ? add_value(d, name, &f->value, depth) : no_memory(d->err);
    }
    return result;
}

static enum status add_list(struct drafting *d, struct bytes prefix, const struct fby_value *list,
                            unsigned depth)
{
    enum status result = STATUS_OK;
    for (uint32_t i = 0; i < list->len && result == STATUS_OK; i++) {
        char number[16];
        int len = snprintf(number, sizeof number, "%u", i);
        struct bytes name = join(prefix, number, (size_t)len, d->arena);
        result = name.data ? add_value(d, name, &list->items[i], depth) : no_memory(d->err);
    }
    return result;
}

static bool is_array(const struct drafting *d, struct bytes name, const struct fby_value *list)
{
    const struct sparkplug_draft_metric *rule = find_rule(d->settings, name);
    unsigned type = rule && rule->type ? (unsigned)rule->type : sparkplug_type_of(list);
    return sparkplug_type_element(type) != SPARKPLUG_UNKNOWN;
}

static enum status add_value(struct drafting *d, struct bytes name, const struct fby_value *v, unsigned depth)
{
    if (v == d->timestamp || v == d->quality)
        return STATUS_OK;
    if (depth == VALUE_DEPTH_MAX)
        return error_set(d->err, STATUS_LIMIT, "the message has more than %d levels", VALUE_DEPTH_MAX);
    if (v->type == FBY_MAP)
        return add_map(d, name, v, depth + 1);
    if (v->type == FBY_LIST && !is_array(d, name, v))
        return add_list(d, name, v, depth + 1);
    return add_metric(d, name, v);
}

/* The field at a path, or NULL. */
static const struct fby_value *find_field(const struct fby_value *v, const char *path)
{
    struct fby_value *root = (struct fby_value *)(uintptr_t)v; /* looked at, not changed */
    return path ? value_path(root, bytes_of_text(path)) : NULL;
}

static enum status read_timestamp(struct drafting *d, int64_t *time_ms)
{
    const struct fby_value *v = d->timestamp;
    double number;
    if (!v || v->type == FBY_NULL)
        return STATUS_OK;
    if (v->type == FBY_TIME) {
        *time_ms = v->time_s * 1000 + v->len / 1000000;
        return STATUS_OK;
    }
    if (v->type == FBY_INT)
        number = (double)v->integer;
    else if (v->type == FBY_UINT)
        number = (double)v->uinteger;
    else if (v->type == FBY_DOUBLE)
        number = v->number;
    else
        return error_set(d->err, STATUS_INVALID, "the field %s is not a time", d->settings->timestamp);
    static const double to_ms[] = {
        [SPARKPLUG_CLOCK_MS] = 1, [SPARKPLUG_CLOCK_S] = 1000, [SPARKPLUG_CLOCK_US] = 0.001};
    number *= to_ms[d->settings->timestamp_unit];
    if (!(number >= 0 && number < 9e15))
        return error_set(d->err, STATUS_INVALID, "the field %s is not a time", d->settings->timestamp);
    *time_ms = (int64_t)number;
    return STATUS_OK;
}

static enum status read_quality(struct drafting *d)
{
    const struct fby_value *v = d->quality;
    if (!v)
        return STATUS_OK;
    if (v->type == FBY_NULL) {
        d->quality_code = 0;
        return STATUS_OK;
    }
    if (v->type != FBY_INT || (v->integer != 0 && v->integer != 192 && v->integer != 500))
        return error_set(d->err, STATUS_INVALID,
                         "the field %s is not a quality code of Sparkplug: 0 (bad), 192 (good) or 500 "
                         "(stale)",
                         d->settings->quality);
    d->quality_code = (uint32_t)v->integer;
    return STATUS_OK;
}

static enum status encode(struct drafting *d, const struct fby_value *v, int64_t time_ms, struct buffer *out)
{
    enum status result = read_timestamp(d, &time_ms);
    if (result == STATUS_OK)
        result = read_quality(d);
    if (result != STATUS_OK)
        return result;
    d->payload = sparkplug_payload_create((uint64_t)(time_ms > 0 ? time_ms : 0), -1, d->arena);
    if (!d->payload)
        return no_memory(d->err);
    d->payload->has_timestamp = time_ms > 0;
    if (d->settings->root)
        v = find_field(v, d->settings->root);
    if (!v)
        return error_set(d->err, STATUS_INVALID, "the field %s is missing", d->settings->root);
    result = add_value(d, v->type == FBY_MAP ? bytes_of(NULL, 0) : bytes_of_text("value"), v, 0);
    if (result != STATUS_OK)
        return result;
    if (d->payload->n_metrics == 0)
        return error_set(d->err, STATUS_INVALID, "the message has no value that is a metric");
    return sparkplug_payload_pack(d->payload, out)
               ? STATUS_OK
               : error_set(d->err, STATUS_LIMIT, "the output is larger than %zu bytes", out->limit);
}

enum status sparkplug_draft_encode(const struct sparkplug_draft_settings *s, const struct fby_value *v,
                                   int64_t arrival_ms, struct arena *a, struct buffer *out, struct error *err)
{
    struct drafting d = {.settings = s,
                         .timestamp = find_field(v, s->timestamp),
                         .quality = find_field(v, s->quality),
                         .arena = a,
                         .err = err};
    struct arena_mark mark = arena_mark(a);
    enum status result = encode(&d, v, arrival_ms, out);
    arena_rewind(a, mark);
    return result;
}
