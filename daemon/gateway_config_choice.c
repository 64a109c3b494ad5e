/* SPDX-License-Identifier: Apache-2.0
 *
 * `decode: { by: …, when: …, otherwise: … }`: the way to decode chosen for each message, by its topic, a
 * capture, its content type or a user property. See gateway_config.h.
 */
#include "base/memory.h"
#include "gateway_config_parts.h"
#include "message/topic_filter.h"

static const char *const keys[] = {"by", "when", "otherwise", "decompress", NULL};
static const char *const kinds[] = {"topic", "content_type", "property", "capture"};

/* What one choice is read with. */
struct choice_reading {
    struct config_reader *cr;
    const struct route_config *route;
    const char *label;
    struct decode_choice *choice;
    uint64_t *fingerprint;
};

bool gateway_config_choice_is_one(const struct yaml_node *n)
{
    return yaml_tree_find(n, "by") || yaml_tree_find(n, "when") || yaml_tree_find(n, "otherwise");
}

/* ---- by ---- */

static int find_kind(struct config_reader *cr, const struct yaml_node *n)
{
    const char *word = yaml_node_show(n);
    for (size_t i = 0; i < array_count(kinds); i++)
        if (strcmp(word, kinds[i]) == 0)
            return (int)i;
    config_report_error(cr->report, n,
                        "Expected topic, content_type, { property: … } or { capture: … }, found \"%.80s\".%s",
                        word, config_reader_suggest(cr, word, kinds, array_count(kinds)));
    return -1;
}

/* Every filter of the route must give the capture, or some messages could never say what they are. */
static bool check_capture(const struct choice_reading *r, const char *name, const struct yaml_node *at)
{
    for (size_t i = 0; i < r->route->filter_count; i++) {
        const struct topic_filter *f = r->route->filters[i];
        bool found = false;
        for (size_t k = 0; k < topic_filter_capture_count(f) && !found; k++)
            found = strcmp(topic_filter_capture_name(f, k), name) == 0;
        if (found)
            continue;
        config_report_error(
            r->cr->report, at,
            "The filter \"%.200s\" of this route has no level {%.80s}. Name it there, as in sensors/{%.80s}.",
            topic_filter_text(f), name, name);
        return false;
    }
    return true;
}

static bool read_by(const struct choice_reading *r, const struct yaml_node *n, const struct yaml_node *at)
{
    struct config_reader *cr = r->cr;
    const struct yaml_node *word = n, *name = NULL;
    if (yaml_node_is_null(n)) {
        config_report_error(cr->report, n ? n : at,
                            "The setting \"by\" is missing. Write  by: topic, by: content_type, by: { "
                            "property: schema } or by: { capture: kind }.");
        return false;
    }
    if (n->kind == YAML_MAP && n->count == 1) {
        word = n->pairs[0].key;
        name = n->pairs[0].value;
    }
    int by = word->kind == YAML_SCALAR ? find_kind(cr, word) : -2;
    if (by == -2)
        config_report_error(cr->report, n,
                            "Expected topic, content_type, { property: … } or { capture: … }.");
    if (by < 0)
        return false;
    r->choice->by = by;
    bool named = by == DECODE_BY_PROPERTY || by == DECODE_BY_CAPTURE;
    if (named == (name && name->kind == YAML_SCALAR && !yaml_node_is_null(name))) {
        r->choice->name = named ? name->text : NULL;
        return by != DECODE_BY_CAPTURE || check_capture(r, name->text, name);
    }
    if (named)
        config_report_error(cr->report, name ? name : word, "Expected a name, as in  by: { %s: %s }.",
                            kinds[by], by == DECODE_BY_PROPERTY ? "schema" : "kind");
    else
        config_report_error(cr->report, name, "There are no settings for %s. Write  by: %s.", kinds[by],
                            kinds[by]);
    return false;
}

/* ---- when ---- */

static const struct decode_settings *read_decode(const struct choice_reading *r, const struct yaml_node *n)
{
    struct decode_settings *d = config_reader_alloc(r->cr, 1, sizeof *d);
    gateway_config_codecs_read_decode(r->cr, r->route, n, r->label, d, r->fingerprint);
    return d;
}

static bool read_content_type(const struct choice_reading *r, const struct yaml_node *key,
                              struct decode_case *one)
{
    char folded[DECODE_CONTENT_TYPE_MAX];
    size_t len = pipeline_settings_fold_content_type(bytes_of(key->text, key->text_len), folded);
    if (len == 0) {
        config_report_error(r->cr->report, key,
                            "Expected a content type of 1 to %d bytes, such as application/json.",
                            DECODE_CONTENT_TYPE_MAX);
        return false;
    }
    one->text = arena_strndup(r->cr->arena, folded, len);
    return true;
}

/* What the message must say. Texts that are equal are refused by YAML, content types only here. */
static bool read_key(const struct choice_reading *r, const struct yaml_node *key, struct decode_case *one)
{
    one->text = key->text;
    if (r->choice->by == DECODE_BY_TOPIC) {
        one->filter = config_reader_add_filter(r->cr, key->text, key);
        return one->filter != NULL;
    }
    if (r->choice->by != DECODE_BY_CONTENT_TYPE)
        return true;
    if (!read_content_type(r, key, one))
        return false;
    for (size_t i = 0; i < r->choice->when_count; i++) {
        if (strcmp(r->choice->when[i].text, one->text) != 0)
            continue;
        config_report_error(r->cr->report, key, "The content type \"%.200s\" is here twice.", one->text);
        return false;
    }
    return true;
}

static void read_when(const struct choice_reading *r, const struct yaml_node *n, const struct yaml_node *at)
{
    struct config_reader *cr = r->cr;
    if (yaml_node_is_null(n) || (n->kind == YAML_MAP && n->count == 0)) {
        config_report_error(cr->report, n ? n : at,
                            "The setting \"when\" is missing. Write  when: { application/json: json }.");
        return;
    }
    if (!option_is_map(n, cr->report, "ways to decode by what the message says"))
        return;
    struct decode_case *when = config_reader_alloc(cr, n->count, sizeof *when);
    r->choice->when = when;
    for (size_t i = 0; i < n->count; i++) {
        struct decode_case one = {0};
        config_report_enter(cr->report, n->pairs[i].key->text);
        if (read_key(r, n->pairs[i].key, &one)) {
            one.decode = read_decode(r, n->pairs[i].value);
            when[r->choice->when_count++] = one;
        }
        config_report_leave(cr->report);
    }
}

void gateway_config_choice_read(struct config_reader *cr, const struct route_config *route,
                                const struct yaml_node *n, const char *label, struct decode_choice *out,
                                uint64_t *fingerprint)
{
    static const struct fby_option none[] = {{.name = NULL}};
    struct choice_reading r = {cr, route, label, out, fingerprint};
    const struct yaml_node *otherwise = yaml_tree_find(n, "otherwise");
    (void)option_apply(none, n, n, keys, out, cr->arena, cr->report);
    config_report_enter(cr->report, "by");
    bool right = read_by(&r, yaml_tree_find(n, "by"), n);
    config_report_leave(cr->report);
    config_report_enter(cr->report, "when");
    if (right)
        read_when(&r, yaml_tree_find(n, "when"), n);
    config_report_leave(cr->report);
    if (!otherwise || (otherwise->kind == YAML_SCALAR && strcmp(otherwise->text, "fail") == 0))
        return;
    config_report_enter(cr->report, "otherwise");
    out->otherwise = read_decode(&r, otherwise);
    config_report_leave(cr->report);
}
