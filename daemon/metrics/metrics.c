/* SPDX-License-Identifier: Apache-2.0
 *
 * See metrics.h. Rendering first sorts the rows of all groups into families, because the text format wants
 * each family in one piece, with HELP and TYPE once.
 */
#include "metrics/metrics.h"

#include "base/list.h"
#include "base/number_format.h"
#include "base/strmap.h"

#include <assert.h>
#include <stdlib.h>

struct metrics {
    struct list groups; /* metrics_group.link */
};

struct metrics_group {
    struct list link;
    const struct metric_row *rows; /* borrowed */
    char *labels;                  /* may be NULL */
    void *object;                  /* borrowed */
    void (*refresh)(void *object);
};

/* One row of one group, chained to the others of its family. */
struct series {
    struct series *next;
    const struct metric_row *row;
    const struct metrics_group *group;
};

struct family {
    struct series *first, *last;
};

struct metrics *metrics_create(void)
{
    struct metrics *m = xcalloc(1, sizeof *m);
    list_init(&m->groups);
    return m;
}

void metrics_destroy(struct metrics *m)
{
    if (!m)
        return;
    list_for_each_safe(g, &m->groups, struct metrics_group, link) metrics_remove(g);
    free(m);
}

/* The name without fixed labels. */
static struct bytes family_name(const struct metric_row *row)
{
    return bytes_of(row->name, strcspn(row->name, "{"));
}

/* The fixed labels of a row without their braces. */
static struct bytes fixed_labels(const struct metric_row *row)
{
    const char *open = strchr(row->name, '{');
    if (!open)
        return bytes_of("", 0);
    size_t len = strlen(open + 1);
    return bytes_of(open + 1, len ? len - 1 : 0);
}

static bool ends_with(struct bytes text, const char *ending)
{
    size_t len = strlen(ending);
    return text.len > len && memcmp(text.data + text.len - len, ending, len) == 0;
}

/* Rows are written by us, so a name against the conventions is a bug of ours. */
static void assert_row(const struct metric_row *row)
{
    struct bytes name = family_name(row);
    assert(row->help && row->help[0]);
    assert(row->kind != METRIC_COUNTER || ends_with(name, "_total"));
    assert(row->kind != METRIC_HISTOGRAM || ends_with(name, "_seconds"));
    assert(row->kind != METRIC_GAUGE || !ends_with(name, "_total"));
    (void)name;
}

struct metrics_group *metrics_add(struct metrics *m, const struct metric_row *rows, const char *labels,
                                  void *object, void (*refresh)(void *object))
{
    for (const struct metric_row *row = rows; row->name; row++)
        assert_row(row);
    struct metrics_group *g = xcalloc(1, sizeof *g);
    g->rows = rows;
    g->labels = labels && labels[0] ? xstrdup(labels) : NULL;
    g->object = object;
    g->refresh = refresh;
    list_add(&m->groups, &g->link);
    return g;
}

void metrics_remove(struct metrics_group *g)
{
    if (!g)
        return;
    list_remove(&g->link);
    free(g->labels);
    free(g);
}

static void add_to_family(struct strmap *families, struct series *s)
{
    struct bytes name = family_name(s->row);
    struct family *f = strmap_find_bytes(families, name);
    if (!f) {
        f = xcalloc(1, sizeof *f);
        strmap_add_bytes(families, name, f);
    }
    assert(!f->first || f->first->row->kind == s->row->kind);
    if (f->last)
        f->last->next = s;
    else
        f->first = s;
    f->last = s;
}

static void add_uint(struct buffer *out, uint64_t value)
{
    char text[NUMBER_FORMAT_MAX];
    buffer_add(out, text, number_format_uint64(value, text));
}

static void add_int(struct buffer *out, int64_t value)
{
    char text[NUMBER_FORMAT_MAX];
    buffer_add(out, text, number_format_int64(value, text));
}

/* Seconds with all six decimals that microseconds need, without the zeros at their end. */
static void add_seconds(struct buffer *out, uint64_t us)
{
    add_uint(out, us / 1000000);
    uint32_t rest = (uint32_t)(us % 1000000);
    if (!rest)
        return;
    char digits[7] = {'.'};
    for (int i = 6; i > 0; i--, rest /= 10)
        digits[i] = (char)('0' + rest % 10);
    size_t len = sizeof digits;
    while (digits[len - 1] == '0')
        len--;
    buffer_add(out, digits, len);
}

/* `name` `suffix` {group's labels, fixed labels, le="…"} and a space. `le_us` NULL: no le. */
static void add_series_name(struct buffer *out, const struct series *s, const char *suffix, const char *le)
{
    struct bytes name = family_name(s->row), fixed = fixed_labels(s->row);
    buffer_add(out, name.data, name.len);
    buffer_add_text(out, suffix);
    const char *separator = "{";
    if (s->group->labels) {
        buffer_add_text(out, separator);
        buffer_add_text(out, s->group->labels);
        separator = ",";
    }
    if (fixed.len) {
        buffer_add_text(out, separator);
        buffer_add(out, fixed.data, fixed.len);
        separator = ",";
    }
    if (le) {
        buffer_add_text(out, separator);
        buffer_add_text(out, "le=\"");
        buffer_add_text(out, le);
        buffer_add_text(out, "\"");
        separator = ",";
    }
    buffer_add_text(out, separator[0] == ',' ? "} " : " ");
}

static void render_histogram(struct buffer *out, const struct series *s, const struct histogram *h)
{
    uint64_t count = 0;
    struct buffer le = {0};
    for (int i = 0; i < HISTOGRAM_BUCKETS; i++) {
        buffer_clear(&le);
        add_seconds(&le, histogram_bound_us(i));
        buffer_add_byte(&le, 0);
        count += h->counts[i];
        add_series_name(out, s, "_bucket", le.failed ? "?" : (const char *)le.data);
        add_uint(out, count);
        buffer_add_byte(out, '\n');
    }
    buffer_finish(&le);
    count += h->counts[HISTOGRAM_BUCKETS];
    add_series_name(out, s, "_bucket", "+Inf");
    add_uint(out, count);
    buffer_add_byte(out, '\n');
    add_series_name(out, s, "_sum", NULL);
    add_seconds(out, h->sum_us);
    buffer_add_byte(out, '\n');
    add_series_name(out, s, "_count", NULL);
    add_uint(out, count);
    buffer_add_byte(out, '\n');
}

static void render_series(struct buffer *out, const struct series *s)
{
    const char *value = (const char *)s->group->object + s->row->offset;
    if (s->row->kind == METRIC_HISTOGRAM) {
        render_histogram(out, s, (const struct histogram *)(const void *)value);
        return;
    }
    add_series_name(out, s, "", NULL);
    if (s->row->kind == METRIC_COUNTER)
        add_uint(out, *(const uint64_t *)(const void *)value);
    else
        add_int(out, *(const int64_t *)(const void *)value);
    buffer_add_byte(out, '\n');
}

static void render_family(struct buffer *out, const char *name, const struct family *f)
{
    static const char *const types[] = {"counter", "gauge", "histogram"};
    buffer_add_text(out, "# HELP ");
    buffer_add_text(out, name);
    buffer_add_byte(out, ' ');
    for (const char *p = f->first->row->help; *p; p++) {
        if (*p == '\\' || *p == '\n')
            buffer_add_byte(out, '\\');
        buffer_add_byte(out, *p == '\n' ? 'n' : (uint8_t)*p);
    }
    buffer_add_text(out, "\n# TYPE ");
    buffer_add_text(out, name);
    buffer_add_byte(out, ' ');
    buffer_add_text(out, types[f->first->row->kind]);
    buffer_add_byte(out, '\n');
    for (const struct series *s = f->first; s; s = s->next)
        render_series(out, s);
}

static size_t count_rows(const struct metrics *m)
{
    size_t count = 0;
    list_for_each(g, &m->groups, struct metrics_group, link) for (const struct metric_row *row = g->rows;
                                                                  row->name; row++) count++;
    return count;
}

void metrics_render(struct metrics *m, struct buffer *out)
{
    struct series *all = xcalloc(count_rows(m), sizeof *all), *next = all;
    struct strmap families = {0};
    list_for_each(g, &m->groups, struct metrics_group, link)
    {
        if (g->refresh)
            g->refresh(g->object);
        for (const struct metric_row *row = g->rows; row->name; row++) {
            *next = (struct series){.row = row, .group = g};
            add_to_family(&families, next++);
        }
    }
    for (size_t i = 0; i < families.count; i++) {
        render_family(out, families.entries[i].name, families.entries[i].value);
        free(families.entries[i].value);
    }
    strmap_finish(&families);
    free(all);
}

void metrics_escape_label(const char *value, char *text, size_t size)
{
    size_t len = 0;
    for (; *value && size; value++) {
        bool escape = *value == '\\' || *value == '"' || *value == '\n';
        if (len + (escape ? 2 : 1) >= size)
            break;
        if (escape)
            text[len++] = '\\';
        text[len++] = *value == '\n' ? 'n' : *value;
    }
    if (size)
        text[len] = 0;
}
