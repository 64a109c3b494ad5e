/* SPDX-License-Identifier: Apache-2.0
 *
 * See option.h.
 */
#include "config/option.h"

#include "base/memory.h"
#include "base/nearest_word.h"
#include "config/config_memory.h"

#include <ctype.h>
#include <stdint.h>
#include <stdio.h>

enum { CANDIDATES_MAX = 64 };

struct reading {
    struct arena *arena;
    struct config_report *report;
};

/* ---- Messages ---- */

static const char *kind_name(const struct yaml_node *n)
{
    return n->kind == YAML_LIST ? "a list" : "a map";
}

/* "Expected …, found …. Help." from a reason that begins in lower case. */
static void report_wrong(struct reading *rd, const struct fby_option *row, const struct yaml_node *n,
                         const char *expected)
{
    if (n->kind == YAML_SCALAR && n->unresolved)
        return;
    char found[160];
    if (n->kind != YAML_SCALAR)
        snprintf(found, sizeof found, "%s", kind_name(n));
    else if (n->secret || (row && (row->flags & FBY_OPTION_SECRET)))
        snprintf(found, sizeof found, "something else (not shown)");
    else if (yaml_node_is_null(n))
        snprintf(found, sizeof found, "nothing");
    else
        snprintf(found, sizeof found, "\"%.100s\"%s", n->text, n->text_len > 100 ? "…" : "");
    const char *help = row && row->help ? row->help : "";
    config_report_error(rd->report, n, "%c%s, found %s.%s%s", toupper((unsigned char)*expected), expected + 1,
                        found, *help ? " " : "", help);
}

/* Bounds the way an operator writes them. */
static void format_bound(enum fby_option_type type, double bound, char *text, size_t size)
{
    static const struct {
        double factor;
        const char *name;
    } sizes[] = {{0x1p40, " TiB"}, {0x1p30, " GiB"}, {0x1p20, " MiB"}, {0x1p10, " KiB"}, {1, " bytes"}},
      durations[] = {{86400000, "d"}, {3600000, "h"}, {60000, "m"}, {1000, "s"}, {1, "ms"}};
    bool is_size = type == FBY_OPTION_SIZE, is_duration = type == FBY_OPTION_DURATION;
    for (size_t i = 0; (is_size || is_duration) && i < 5; i++) {
        double factor = is_size ? sizes[i].factor : durations[i].factor;
        int64_t whole = (int64_t)(bound / factor);
        if (i < 4 && (bound < factor || (double)whole * factor < bound || (double)whole * factor > bound))
            continue;
        snprintf(text, size, "%lld%s", (long long)whole, is_size ? sizes[i].name : durations[i].name);
        return;
    }
    snprintf(text, size, "%.15g", bound);
}

static bool check_range(struct reading *rd, const struct fby_option *row, const struct yaml_node *n,
                        double number)
{
    bool none = !(row->min < 0 || row->min > 0 || row->max < 0 || row->max > 0);
    if (none || (number >= row->min && number <= row->max))
        return true;
    char low[40], high[40], expected[160];
    format_bound(row->type, row->min, low, sizeof low);
    format_bound(row->type, row->max, high, sizeof high);
    if (row->max >= 0x1p53)
        snprintf(expected, sizeof expected, "must be at least %s", low);
    else
        snprintf(expected, sizeof expected, "must be between %s and %s", low, high);
    report_wrong(rd, row, n, expected);
    return false;
}

/* ---- One value ---- */

static bool read_bool(struct reading *rd, const struct fby_option *row, const struct yaml_node *n,
                      void *member)
{
    struct error err;
    if (option_parse_bool(n->text, member, &err))
        return true;
    report_wrong(rd, row, n, err.text);
    return false;
}

static bool read_integer(struct reading *rd, const struct fby_option *row, const struct yaml_node *n,
                         void *member)
{
    struct error err;
    int64_t value;
    bool right = row->type == FBY_OPTION_SIZE       ? option_parse_size(n->text, &value, &err)
                 : row->type == FBY_OPTION_DURATION ? option_parse_duration(n->text, &value, &err)
                                                    : option_parse_int(n->text, &value, &err);
    if (!right) {
        report_wrong(rd, row, n, err.text);
        return false;
    }
    if (!check_range(rd, row, n, (double)value))
        return false;
    memcpy(member, &value, sizeof value);
    return true;
}

static bool read_double(struct reading *rd, const struct fby_option *row, const struct yaml_node *n,
                        void *member)
{
    struct error err;
    double value;
    if (!option_parse_double(n->text, &value, &err)) {
        report_wrong(rd, row, n, err.text);
        return false;
    }
    if (!check_range(rd, row, n, value))
        return false;
    memcpy(member, &value, sizeof value);
    return true;
}

static bool read_choice(struct reading *rd, const struct fby_option *row, const struct yaml_node *n,
                        void *member)
{
    size_t count = 0;
    for (; row->choices[count]; count++)
        if (strcmp(n->text, row->choices[count]) == 0) {
            int index = (int)count;
            memcpy(member, &index, sizeof index);
            return true;
        }
    struct buffer expected = {0};
    buffer_add_text(&expected, count == 1 ? "expected " : "expected one of ");
    for (size_t i = 0; i < count; i++)
        buffer_add_format(&expected, "%s%s", i ? ", " : "", row->choices[i]);
    buffer_add_byte(&expected, 0);
    report_wrong(rd, row, n, (const char *)expected.data);
    buffer_finish(&expected);
    return false;
}

static const char *copy_text(struct reading *rd, const struct yaml_node *n)
{
    return config_strndup(rd->arena, n->text, n->text_len);
}

/* An entry of a list or map of texts. */
static bool check_text(struct reading *rd, const struct fby_option *row, const struct yaml_node *n)
{
    if (n->kind == YAML_SCALAR && n->unresolved)
        return false;
    if (n->kind == YAML_SCALAR && !yaml_node_is_null(n))
        return true;
    report_wrong(rd, row, n, "expected a text");
    return false;
}

static bool read_strings(struct reading *rd, const struct fby_option *row, const struct yaml_node *n,
                         void *member)
{
    size_t count = n->kind == YAML_LIST ? n->count : 1;
    const char **items = config_calloc(rd->arena, count, sizeof *items);
    bool right = true;
    if (n->kind == YAML_MAP) {
        report_wrong(rd, row, n, "expected a text or a list of texts");
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        const struct yaml_node *item = n->kind == YAML_LIST ? n->items[i] : n;
        if (n->kind == YAML_LIST)
            config_report_enter_index(rd->report, i);
        bool good = check_text(rd, row, item);
        if (n->kind == YAML_LIST)
            config_report_leave(rd->report);
        items[i] = good ? copy_text(rd, item) : "";
        right = right && good;
    }
    struct fby_strings *strings = member;
    *strings = (struct fby_strings){items, count};
    return right;
}

static bool read_string_map(struct reading *rd, const struct fby_option *row, const struct yaml_node *n,
                            void *member)
{
    if (n->kind != YAML_MAP) {
        report_wrong(rd, row, n, "expected a map of texts");
        return false;
    }
    const char **names = config_calloc(rd->arena, n->count, sizeof *names);
    const char **texts = config_calloc(rd->arena, n->count, sizeof *texts);
    bool right = true;
    for (size_t i = 0; i < n->count; i++) {
        names[i] = copy_text(rd, n->pairs[i].key);
        config_report_enter(rd->report, names[i]);
        bool good = check_text(rd, row, n->pairs[i].value);
        config_report_leave(rd->report);
        texts[i] = good ? copy_text(rd, n->pairs[i].value) : "";
        right = right && good;
    }
    struct fby_string_map *map = member;
    *map = (struct fby_string_map){names, texts, n->count};
    return right;
}

static bool takes_scalar(enum fby_option_type type)
{
    return type <= FBY_OPTION_CHOICE;
}

/* What a row expects, when it got a list or a map. */
static const char *expected_scalar(enum fby_option_type type)
{
    static const char *const words[] = {
        [FBY_OPTION_BOOL] = "expected true or false",
        [FBY_OPTION_INT] = "expected a whole number",
        [FBY_OPTION_DOUBLE] = "expected a number",
        [FBY_OPTION_STRING] = "expected a text",
        [FBY_OPTION_SIZE] = "expected a size such as 512, 64 KiB or 10 MB",
        [FBY_OPTION_DURATION] = "expected a duration such as 200ms, 5s, 10m, 2h or 7d",
        [FBY_OPTION_CHOICE] = "expected a word",
    };
    return words[type];
}

static void hide_values(struct reading *rd, const struct yaml_node *n)
{
    if (n->kind == YAML_SCALAR && n->text_len && strncmp(n->text, "${", 2) != 0)
        config_report_hide(rd->report, n);
    for (size_t i = 0; n->kind == YAML_LIST && i < n->count; i++)
        hide_values(rd, n->items[i]);
    for (size_t i = 0; n->kind == YAML_MAP && i < n->count; i++)
        hide_values(rd, n->pairs[i].value);
}

static bool read_value(struct reading *rd, const struct fby_option *row, const struct yaml_node *n,
                       void *member)
{
    if (n->kind == YAML_SCALAR && n->unresolved)
        return false;
    if (row->flags & FBY_OPTION_SECRET)
        hide_values(rd, n);
    if (takes_scalar(row->type) && n->kind != YAML_SCALAR) {
        report_wrong(rd, row, n, expected_scalar(row->type));
        return false;
    }
    switch (row->type) {
    case FBY_OPTION_BOOL:
        return read_bool(rd, row, n, member);
    case FBY_OPTION_INT:
    case FBY_OPTION_SIZE:
    case FBY_OPTION_DURATION:
        return read_integer(rd, row, n, member);
    case FBY_OPTION_DOUBLE:
        return read_double(rd, row, n, member);
    case FBY_OPTION_STRING: {
        const char *text = copy_text(rd, n);
        memcpy(member, &text, sizeof text);
        return true;
    }
    case FBY_OPTION_CHOICE:
        return read_choice(rd, row, n, member);
    case FBY_OPTION_STRINGS:
        return read_strings(rd, row, n, member);
    case FBY_OPTION_STRING_MAP:
        return read_string_map(rd, row, n, member);
    case FBY_OPTION_VALUE: {
        const struct fby_value *value = option_value(n, rd->arena);
        memcpy(member, &value, sizeof value);
        return true;
    }
    case FBY_OPTION_SECTION:
        break;
    }
    return false;
}

/* ---- Tables ---- */

static void *member_of(void *target, const struct fby_option *row)
{
    return (char *)target + row->offset;
}

/* Defaults are written as an operator would write them, and are right by construction of the table. */
static bool apply_default(struct reading *rd, const struct fby_option *row, void *target)
{
    if (!row->default_text)
        return true;
    struct yaml_node n = {.kind = YAML_SCALAR,
                          .plain = true,
                          .text = row->default_text,
                          .text_len = strlen(row->default_text),
                          .file = "default",
                          .line = 1,
                          .column = 1};
    return read_value(rd, row, &n, member_of(target, row));
}

static size_t list_keys(const struct fby_option *rows, const char *const *also, const char **keys)
{
    size_t count = 0;
    for (const struct fby_option *row = rows; row && row->name && count < CANDIDATES_MAX; row++)
        keys[count++] = row->name;
    for (; also && *also && count < CANDIDATES_MAX; also++)
        keys[count++] = *also;
    return count;
}

static const struct fby_option *find_row(const struct fby_option *rows, const char *name)
{
    for (const struct fby_option *row = rows; row && row->name; row++)
        if (strcmp(row->name, name) == 0)
            return row;
    return NULL;
}

static bool is_listed(const char *const *list, const char *name)
{
    for (; list && *list; list++)
        if (strcmp(*list, name) == 0)
            return true;
    return false;
}

static void report_unknown(struct reading *rd, const struct fby_option *rows, const char *const *also,
                           const struct yaml_pair *pair)
{
    const char *keys[CANDIDATES_MAX];
    size_t count = list_keys(rows, also, keys);
    const char *key = pair->key->text, *nearest = nearest_word_find(key, keys, count);
    const struct fby_option *meant = nearest ? find_row(rows, nearest) : NULL;
    if (meant && (meant->flags & FBY_OPTION_SECRET))
        hide_values(rd, pair->value);
    if (nearest) {
        config_report_error(rd->report, pair->key, "Unknown key \"%.80s\". Did you mean \"%s\"?", key,
                            nearest);
        return;
    }
    struct buffer known = {0};
    for (size_t i = 0; i < count; i++)
        buffer_add_format(&known, "%s%s", i ? ", " : "", keys[i]);
    buffer_add_byte(&known, 0);
    config_report_error(rd->report, pair->key, "Unknown key \"%.80s\". %s%s.", key,
                        count ? "Known keys are " : "No keys are known here", (const char *)known.data);
    buffer_finish(&known);
}

static bool apply_rows(struct reading *rd, const struct fby_option *rows, const struct yaml_node *map,
                       const struct yaml_node *at, const char *const *also, bool required, void *target);

static bool apply_section(struct reading *rd, const struct fby_option *row, const struct yaml_node *n,
                          const struct yaml_node *at, void *target)
{
    bool absent = yaml_node_is_null(n);
    bool required = !absent || (row->flags & FBY_OPTION_REQUIRED);
    if (!absent && n->kind != YAML_MAP) {
        report_wrong(rd, row, n, "expected a map of settings");
        return false;
    }
    return apply_rows(rd, row->section, absent ? NULL : n, absent ? at : n, NULL, required,
                      member_of(target, row));
}

static bool apply_row(struct reading *rd, const struct fby_option *row, const struct yaml_node *n,
                      const struct yaml_node *at, bool required, void *target)
{
    bool right;
    config_report_enter(rd->report, row->name);
    if (row->type == FBY_OPTION_SECTION) {
        right = apply_section(rd, row, n, at, target);
    } else if (!yaml_node_is_null(n) || (n && n->unresolved)) {
        right = read_value(rd, row, n, member_of(target, row));
    } else if ((row->flags & FBY_OPTION_REQUIRED) && required) {
        config_report_leave(rd->report);
        config_report_error(rd->report, n ? n : at, "The setting \"%s\" is missing.%s%s", row->name,
                            row->help ? " " : "", row->help ? row->help : "");
        return false;
    } else {
        right = apply_default(rd, row, target);
    }
    config_report_leave(rd->report);
    return right;
}

static bool apply_rows(struct reading *rd, const struct fby_option *rows, const struct yaml_node *map,
                       const struct yaml_node *at, const char *const *also, bool required, void *target)
{
    bool right = true;
    for (size_t i = 0; map && i < map->count; i++) {
        const char *key = map->pairs[i].key->text;
        if (find_row(rows, key) || is_listed(also, key))
            continue;
        report_unknown(rd, rows, also, &map->pairs[i]);
        right = false;
    }
    for (const struct fby_option *row = rows; row && row->name; row++)
        right &= apply_row(rd, row, yaml_tree_find(map, row->name), at, required, target);
    return right;
}

bool option_apply(const struct fby_option *rows, const struct yaml_node *map, const struct yaml_node *at,
                  const char *const *also, void *target, struct arena *a, struct config_report *r)
{
    struct reading rd = {a, r};
    bool absent = yaml_node_is_null(map);
    if (!absent && !option_is_map(map, r, "settings"))
        return false;
    return apply_rows(&rd, rows, absent ? NULL : map, absent && map ? map : at, also, true, target);
}

bool option_is_map(const struct yaml_node *n, struct config_report *r, const char *what)
{
    if (n && n->kind == YAML_MAP)
        return true;
    if (n && n->unresolved)
        return false;
    struct reading rd = {NULL, r};
    char expected[160];
    snprintf(expected, sizeof expected, "expected a map of %s", what);
    if (n)
        report_wrong(&rd, NULL, n, expected);
    else
        config_report_error(r, NULL, "Expected a map of %s, found nothing.", what);
    return false;
}
