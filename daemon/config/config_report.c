/* SPDX-License-Identifier: Apache-2.0
 *
 * See config_report.h.
 */
#include "config/config_report.h"

#include "base/memory.h"
#include "base/utf8.h"
#include "config/yaml_tree.h"

#include <stdio.h>
#include <stdlib.h>

enum { LINE_SHOWN_MAX = 120, PATH_DEPTH_MAX = 64 };

struct problem {
    char *file; /* NULL: no place */
    unsigned line, column;
    size_t file_rank, order;
    bool warning;
    char *text; /* path and sentences */
};

struct source {
    char *file, *text;
    size_t len;
};

struct hidden {
    char *file;
    unsigned line, column, end_line, end_column;
};

struct config_report {
    struct problem *problems;
    size_t count, capacity, errors, warnings;
    struct source *sources;
    size_t source_count;
    struct hidden *hidden;
    size_t hidden_count;
    struct buffer path; /* with a NUL behind it */
    size_t lengths[PATH_DEPTH_MAX], depth;
};

struct config_report *config_report_create(void)
{
    struct config_report *r = xcalloc(1, sizeof *r);
    buffer_add_byte(&r->path, 0);
    return r;
}

void config_report_destroy(struct config_report *r)
{
    if (!r)
        return;
    for (size_t i = 0; i < r->count; i++) {
        free(r->problems[i].file);
        free(r->problems[i].text);
    }
    for (size_t i = 0; i < r->source_count; i++) {
        free(r->sources[i].file);
        free(r->sources[i].text);
    }
    for (size_t i = 0; i < r->hidden_count; i++)
        free(r->hidden[i].file);
    free(r->problems);
    free(r->sources);
    free(r->hidden);
    buffer_finish(&r->path);
    free(r);
}

void config_report_add_source(struct config_report *r, const char *file, const char *text, size_t len)
{
    r->sources = xrealloc(r->sources, (r->source_count + 1) * sizeof *r->sources);
    struct source *s = &r->sources[r->source_count++];
    *s = (struct source){xstrdup(file), xcalloc(1, len + 1), len};
    if (len)
        memcpy(s->text, text, len);
}

void config_report_hide(struct config_report *r, const struct yaml_node *n)
{
    r->hidden = xrealloc(r->hidden, (r->hidden_count + 1) * sizeof *r->hidden);
    r->hidden[r->hidden_count++] =
        (struct hidden){xstrdup(n->file), n->line, n->column, n->end_line, n->end_column};
}

/* ---- The path ---- */

static void push_step(struct config_report *r, const char *text)
{
    if (r->depth < PATH_DEPTH_MAX)
        r->lengths[r->depth] = r->path.len - 1;
    r->depth++;
    r->path.len--;
    buffer_add_text(&r->path, text);
    buffer_add_byte(&r->path, 0);
}

/* Names that a path can hold as they are; others go into brackets. */
static bool is_plain_step(const char *key)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
    return *key && key[strspn(key, plain)] == 0;
}

void config_report_enter(struct config_report *r, const char *key)
{
    bool plain = is_plain_step(key), first = r->path.len == 1;
    char *step = plain ? xasprintf("%s%s", first ? "" : ".", key) : xasprintf("[\"%.80s\"]", key);
    push_step(r, step);
    free(step);
}

void config_report_enter_index(struct config_report *r, size_t index)
{
    char step[32];
    snprintf(step, sizeof step, "[%zu]", index);
    push_step(r, step);
}

void config_report_leave(struct config_report *r)
{
    r->depth--;
    if (r->depth >= PATH_DEPTH_MAX)
        return;
    r->path.len = r->lengths[r->depth];
    buffer_add_byte(&r->path, 0);
}

const char *config_report_path(const struct config_report *r)
{
    return (const char *)r->path.data;
}

/* ---- Adding ---- */

static size_t rank_of_file(const struct config_report *r, const char *file)
{
    for (size_t i = 0; file && i < r->source_count; i++)
        if (strcmp(r->sources[i].file, file) == 0)
            return i;
    return file ? r->source_count : r->source_count + 1;
}

static void PRINTF_LIKE(6, 0) add_problem(struct config_report *r, bool warning, const char *file,
                                          unsigned line, unsigned column, const char *format, va_list args)
{
    if (r->count == r->capacity) {
        r->capacity = r->capacity ? 2 * r->capacity : 16;
        r->problems = xrealloc(r->problems, r->capacity * sizeof *r->problems);
    }
    char text[2000];
    vsnprintf(text, sizeof text, format, args);
    const char *path = config_report_path(r);
    r->problems[r->count] = (struct problem){
        .file = file ? xstrdup(file) : NULL,
        .line = line,
        .column = column,
        .order = r->count,
        .warning = warning,
        .text = *path ? xasprintf("%s: %s", path, text) : xstrdup(text),
    };
    r->count++;
    r->errors += !warning;
    r->warnings += warning;
}

void config_report_error(struct config_report *r, const struct yaml_node *at, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    add_problem(r, false, at ? at->file : NULL, at ? at->line : 0, at ? at->column : 0, format, args);
    va_end(args);
}

void config_report_warning(struct config_report *r, const struct yaml_node *at, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    add_problem(r, true, at ? at->file : NULL, at ? at->line : 0, at ? at->column : 0, format, args);
    va_end(args);
}

void config_report_error_at(struct config_report *r, const char *file, unsigned line, unsigned column,
                            const char *format, ...)
{
    va_list args;
    va_start(args, format);
    add_problem(r, false, file, line, column, format, args);
    va_end(args);
}

size_t config_report_error_count(const struct config_report *r)
{
    return r->errors;
}

size_t config_report_warning_count(const struct config_report *r)
{
    return r->warnings;
}

/* ---- Showing ---- */

static struct bytes find_line(const struct config_report *r, const struct problem *p)
{
    size_t rank = rank_of_file(r, p->file);
    if (rank >= r->source_count || p->line == 0)
        return (struct bytes){0};
    const char *at = r->sources[rank].text, *end = at + r->sources[rank].len;
    for (unsigned line = 1; line < p->line && at < end; line++) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        at = newline ? newline + 1 : end;
    }
    const char *newline = at < end ? memchr(at, '\n', (size_t)(end - at)) : NULL;
    size_t len = (size_t)((newline ? newline : end) - at);
    if (len && at[len - 1] == '\r')
        len--;
    return bytes_of(at, len);
}

static bool is_hidden(const struct config_report *r, const struct problem *p, unsigned column)
{
    for (size_t i = 0; i < r->hidden_count; i++) {
        const struct hidden *h = &r->hidden[i];
        bool begun = p->line > h->line || (p->line == h->line && column >= h->column);
        bool ended = p->line > h->end_line || (p->line == h->end_line && column >= h->end_column);
        if (begun && !ended && strcmp(h->file, p->file) == 0)
            return true;
    }
    return false;
}

/* The source line, or the part of a long one around the problem, and a caret below its column. */
static void show_line(const struct config_report *r, const struct problem *p, struct buffer *out)
{
    struct bytes line = find_line(r, p);
    if (line.len == 0)
        return;
    unsigned first = p->column > LINE_SHOWN_MAX - 20 ? p->column - 60 : 1, column = 1;
    struct buffer caret = {0};
    buffer_add_text(out, first > 1 ? "  ..." : "  ");
    buffer_add_text(&caret, first > 1 ? "     " : "  ");
    for (size_t at = 0; at < line.len && column < first + LINE_SHOWN_MAX; column++) {
        size_t len = utf8_sequence_length(bytes_of(line.data + at, line.len - at));
        uint8_t c = line.data[at];
        bool shown = len && (c >= 0x20 || c == '\t') && c != 0x7f && !is_hidden(r, p, column);
        if (column >= first && shown)
            buffer_add(out, line.data + at, len);
        else if (column >= first)
            buffer_add_byte(out, is_hidden(r, p, column) ? '*' : '?');
        if (column >= first && column < p->column)
            buffer_add_byte(&caret, c == '\t' ? '\t' : ' ');
        at += len ? len : 1;
    }
    buffer_add_byte(out, '\n');
    buffer_add(out, caret.data, caret.len);
    buffer_add_text(out, "^\n");
    buffer_finish(&caret);
}

static void show_heading(const struct problem *p, struct buffer *out)
{
    if (p->file && p->line)
        buffer_add_format(out, "%s:%u:%u: ", p->file, p->line, p->column);
    else if (p->file)
        buffer_add_format(out, "%s: ", p->file);
    buffer_add_format(out, "%s: %s", p->warning ? "warning" : "error", p->text);
}

static void show_problem(const struct config_report *r, const struct problem *p, struct buffer *out)
{
    show_heading(p, out);
    buffer_add_byte(out, '\n');
    if (p->file && p->line)
        show_line(r, p, out);
}

static int compare_problems(const void *left, const void *right)
{
    const struct problem *a = left, *b = right;
    if (a->file_rank != b->file_rank)
        return a->file_rank < b->file_rank ? -1 : 1;
    if (a->line != b->line)
        return a->line < b->line ? -1 : 1;
    if (a->column != b->column)
        return a->column < b->column ? -1 : 1;
    return a->order < b->order ? -1 : 1;
}

/* In order of place; to be freed. */
static struct problem *sort_problems(const struct config_report *r)
{
    struct problem *sorted = xcalloc(r->count + 1, sizeof *sorted);
    for (size_t i = 0; i < r->count; i++) {
        sorted[i] = r->problems[i];
        sorted[i].file_rank = rank_of_file(r, sorted[i].file);
    }
    qsort(sorted, r->count, sizeof *sorted, compare_problems);
    return sorted;
}

void config_report_render(const struct config_report *r, struct buffer *out)
{
    struct problem *sorted = sort_problems(r);
    for (size_t i = 0; i < r->count && i < CONFIG_REPORT_SHOWN_MAX; i++)
        show_problem(r, &sorted[i], out);
    if (r->count > CONFIG_REPORT_SHOWN_MAX)
        buffer_add_format(out, "%zu more problems are not shown.\n", r->count - CONFIG_REPORT_SHOWN_MAX);
    free(sorted);
}

char *config_report_first_error(const struct config_report *r)
{
    struct problem *sorted = sort_problems(r);
    struct buffer line = {0};
    size_t i = 0;
    while (i < r->count && sorted[i].warning)
        i++;
    if (i < r->count)
        show_heading(&sorted[i], &line);
    for (size_t k = 0; k < line.len; k++)
        if (line.data[k] == '\n')
            line.data[k] = ' '; /* of protoc's words */
    char *text = line.len ? xstrndup((const char *)line.data, line.len) : NULL;
    buffer_finish(&line);
    free(sorted);
    return text;
}
