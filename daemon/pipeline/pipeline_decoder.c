/* SPDX-License-Identifier: Apache-2.0
 *
 * See pipeline_decoder.h. The formats themselves live in schema/, message/value and in codec plugins.
 */
#include "pipeline/pipeline_decoder.h"

#include "base/memory.h"
#include "base/utf8.h"
#include "message/topic_filter.h"
#include "message/value.h"
#include "pipeline/pipeline_plugin_codec.h"
#include "plugin/plugin_host.h"

#include <stdio.h>
#include <stdlib.h>

static struct bytes to_bytes(struct fby_bytes b)
{
    return bytes_of(b.data, b.len);
}

/* ---- Life ---- */

static bool create_instance(struct plugin_instance **in, const struct codec_settings *s, const char *label,
                            const char *section, struct plugin_host *plugins, struct error *err)
{
    if (!s->plugin)
        return true;
    *in = pipeline_plugin_codec_create(s, label, plugins, err);
    if (!*in)
        error_wrap(err, "%s %s", section, s->name);
    return *in != NULL;
}

/* One decoder for each case; those of texts are found by their text. */
static bool create_others(struct pipeline_decoder *d, const char *label, struct plugin_host *plugins,
                          struct error *err)
{
    const struct decode_choice *choice = &d->settings->choice;
    char name[256];
    d->others = xcalloc(choice->when_count + 1, sizeof *d->others);
    for (size_t i = 0; i < choice->when_count; i++) {
        const struct decode_case *one = &choice->when[i];
        snprintf(name, sizeof name, "%.200s when[%zu]", label, i);
        if (!pipeline_decoder_init(&d->others[i], one->decode, name, plugins, err))
            return false;
        d->other_count++;
        if (choice->by != DECODE_BY_TOPIC)
            (void)strmap_add(&d->by_text, one->text, &d->others[i]);
    }
    if (!choice->otherwise)
        return true;
    snprintf(name, sizeof name, "%.200s otherwise", label);
    if (!pipeline_decoder_init(&d->others[d->other_count], choice->otherwise, name, plugins, err))
        return false;
    d->other_count++;
    return true;
}

bool pipeline_decoder_init(struct pipeline_decoder *d, const struct decode_settings *s, const char *label,
                           struct plugin_host *plugins, struct error *err)
{
    *d = (struct pipeline_decoder){.settings = s};
    if (create_instance(&d->unpack, &s->unpack, label, "decompress", plugins, err) &&
        create_instance(&d->codec, &s->codec, label, "decode", plugins, err) &&
        (s->kind != DECODE_CHOICE || create_others(d, label, plugins, err)))
        return true;
    pipeline_decoder_finish(d);
    return false;
}

void pipeline_decoder_finish(struct pipeline_decoder *d)
{
    for (size_t i = 0; i < d->other_count; i++)
        pipeline_decoder_finish(&d->others[i]);
    free(d->others);
    strmap_finish(&d->by_text);
    plugin_instance_destroy(d->unpack);
    plugin_instance_destroy(d->codec);
    *d = (struct pipeline_decoder){0};
}

/* ---- Choice ---- */

/* The text of the first pair with this name; NULL data: there is none. */
static struct bytes find_pair(const struct fby_pair *pairs, size_t count, const char *name)
{
    struct bytes wanted = bytes_of_text(name);
    for (size_t i = 0; i < count; i++)
        if (bytes_equal(to_bytes(pairs[i].name), wanted))
            return to_bytes(pairs[i].text);
    return (struct bytes){0};
}

/* What the message says where the choice looks. */
static struct bytes read_text(const struct decode_choice *choice, const struct fby_message *m)
{
    switch ((enum decode_by)choice->by) {
    case DECODE_BY_CONTENT_TYPE:
        return to_bytes(m->content_type);
    case DECODE_BY_PROPERTY:
        return find_pair(m->properties, m->property_count, choice->name);
    case DECODE_BY_CAPTURE:
        return find_pair(m->captures, m->capture_count, choice->name);
    case DECODE_BY_TOPIC:
        break;
    }
    return to_bytes(m->topic);
}

static const struct pipeline_decoder *find_by_topic(const struct pipeline_decoder *d, struct bytes topic)
{
    const struct decode_choice *choice = &d->settings->choice;
    for (size_t i = 0; i < choice->when_count; i++)
        if (topic_filter_match(choice->when[i].filter, topic, NULL))
            return &d->others[i];
    return NULL;
}

/* As it is, then without its parameters. */
static const struct pipeline_decoder *find_by_content_type(const struct pipeline_decoder *d,
                                                           struct bytes text)
{
    char folded[DECODE_CONTENT_TYPE_MAX];
    size_t len = pipeline_settings_fold_content_type(text, folded);
    const struct pipeline_decoder *found = strmap_find_bytes(&d->by_text, bytes_of(folded, len));
    const char *parameters = found || !len ? NULL : memchr(folded, ';', len);
    if (!parameters)
        return found;
    len = pipeline_settings_fold_content_type(bytes_of(folded, (size_t)(parameters - folded)), folded);
    return strmap_find_bytes(&d->by_text, bytes_of(folded, len));
}

static const struct pipeline_decoder *choose(const struct pipeline_decoder *d, const struct fby_message *m)
{
    const struct decode_choice *choice = &d->settings->choice;
    struct bytes text = read_text(choice, m);
    const struct pipeline_decoder *found;
    if (choice->by == DECODE_BY_TOPIC)
        found = find_by_topic(d, text);
    else if (choice->by == DECODE_BY_CONTENT_TYPE)
        found = find_by_content_type(d, text);
    else
        found = text.data ? strmap_find_bytes(&d->by_text, text) : NULL;
    return found || !choice->otherwise ? found : &d->others[d->other_count - 1];
}

static enum status no_choice(const struct decode_choice *choice, const struct fby_message *m,
                             struct error *err)
{
    static const char *const kinds[] = {"topic", "content type", "user property", "capture"};
    struct bytes text = read_text(choice, m);
    int len = (int)(text.len < 200 ? text.len : 200);
    const char *kind = kinds[choice->by], *name = choice->name ? choice->name : "";
    const char *space = *name ? " " : "";
    if (text.len == 0)
        return error_set(err, STATUS_INVALID,
                         "the message has no %s%s%.100s, by which the route decides how to decode it", kind,
                         space, name);
    return error_set(
        err, STATUS_INVALID,
        "nothing under decode.when fits the %s%s%.100s \"%.*s\", and there is no decode.otherwise", kind,
        space, name, len, (const char *)text.data);
}

const struct pipeline_decoder *pipeline_decoder_find(const struct pipeline_decoder *d,
                                                     const struct fby_message *m)
{
    while (d && d->settings->kind == DECODE_CHOICE)
        d = choose(d, m);
    return d;
}

bool pipeline_decoder_is_none(const struct pipeline_decoder *d, const struct fby_message *m)
{
    for (; d && !d->unpack; d = choose(d, m))
        if (d->settings->kind != DECODE_CHOICE)
            return d->settings->kind == DECODE_NONE;
    return false;
}

/* ---- Decode ---- */

static const struct decode_rule *find_rule(const struct decode_settings *s, struct bytes topic)
{
    for (size_t i = 0; i < s->rule_count; i++)
        if (!s->rules[i].filter || topic_filter_match(s->rules[i].filter, topic, NULL))
            return &s->rules[i];
    return NULL;
}

static enum status no_type(struct error *err, struct bytes topic)
{
    return error_set(
        err, STATUS_INVALID,
        "no message type is configured for the topic \"%.*s\". Add it to decode.protobuf.messages",
        (int)(topic.len < 200 ? topic.len : 200), (const char *)topic.data);
}

static enum status decode_text(struct bytes payload, struct fby_value *out, struct error *err)
{
    if (!utf8_is_valid(payload))
        return error_set(err, STATUS_INVALID, "the payload is not valid UTF-8 text");
    *out = value_string(payload);
    return STATUS_OK;
}

static enum status decode_json(const struct decode_json_settings *s, struct bytes payload, struct arena *a,
                               struct fby_value *out, struct error *err)
{
    static const int big[] = {VALUE_JSON_BIG_KEEP, VALUE_JSON_BIG_DOUBLE, VALUE_JSON_BIG_FAIL};
    const struct value_json_limits limits = {.depth = (unsigned)s->max_depth,
                                             .elements = (size_t)s->max_elements,
                                             .refuse_duplicates = s->duplicate_keys == 1,
                                             .big_integers = big[s->big_integers]};
    if (s->max_payload && payload.len > (uint64_t)s->max_payload)
        return error_set(err, STATUS_LIMIT, "the payload has %zu bytes; the limit is %lld", payload.len,
                         (long long)s->max_payload);
    return value_parse_json(payload, &limits, a, out, err);
}

/* The decoder of this message, and its payload unpacked on the way there. */
static enum status open_payload(const struct pipeline_decoder **d, const struct fby_message *m,
                                struct arena *a, struct bytes *payload, struct error *err)
{
    *payload = to_bytes(m->payload);
    for (;;) {
        const struct pipeline_decoder *at = *d;
        if (at->unpack) {
            struct fby_value unpacked;
            enum status result = pipeline_plugin_codec_decode(at->unpack, m, *payload, a, &unpacked, err);
            if (result != STATUS_OK)
                return result;
            *payload = bytes_of(unpacked.bytes, unpacked.len);
        }
        if (at->settings->kind != DECODE_CHOICE)
            return STATUS_OK;
        *d = choose(at, m);
        if (!*d)
            return no_choice(&at->settings->choice, m, err);
    }
}

static enum status decode_payload(const struct pipeline_decoder *d, const struct fby_message *m,
                                  struct bytes payload, struct arena *a, struct fby_value *out,
                                  struct error *err)
{
    const struct decode_settings *s = d->settings;
    const struct decode_rule *rule;
    switch ((enum decode_kind)s->kind) {
    case DECODE_PROTOBUF:
        rule = find_rule(s, to_bytes(m->topic));
        if (!rule)
            return no_type(err, to_bytes(m->topic));
        return rule->unwrap ? schema_unwrap_value(rule->unwrap, &s->schema, payload, a, out, err)
                            : schema_decode_value(rule->type, &s->schema, payload, a, out, err);
    case DECODE_JSON:
        return decode_json(&s->json, payload, a, out, err);
    case DECODE_TEXT:
        return decode_text(payload, out, err);
    case DECODE_PLUGIN:
        return pipeline_plugin_codec_decode(d->codec, m, payload, a, out, err);
    case DECODE_NONE:
    case DECODE_STAGE:
    case DECODE_CHOICE:
        break;
    }
    *out = value_bytes(payload);
    return STATUS_OK;
}

enum status pipeline_decoder_run(const struct pipeline_decoder *d, const struct fby_message *m,
                                 struct arena *a, struct fby_value *out, struct error *err)
{
    struct bytes payload;
    enum status result = open_payload(&d, m, a, &payload, err);
    return result == STATUS_OK ? decode_payload(d, m, payload, a, out, err) : result;
}

enum status pipeline_decoder_to_json(const struct pipeline_decoder *d, const struct fby_message *m,
                                     struct arena *a, struct buffer *out, bool *taken,
                                     struct fby_value *value, struct error *err)
{
    struct bytes payload;
    *taken = false;
    enum status result = open_payload(&d, m, a, &payload, err);
    if (result != STATUS_OK)
        return result;
    if (d->settings->kind != DECODE_PROTOBUF)
        return decode_payload(d, m, payload, a, value, err);
    *taken = true;
    const struct decode_rule *rule = find_rule(d->settings, to_bytes(m->topic));
    if (!rule)
        return no_type(err, to_bytes(m->topic));
    return rule->unwrap ? schema_unwrap_json(rule->unwrap, &d->settings->schema, payload, a, out, err)
                        : schema_decode_json(rule->type, &d->settings->schema, payload, a, out, err);
}
