/* SPDX-License-Identifier: Apache-2.0
 *
 * Topic templates, see topic_filter.h: text with {name} places, compiled into literal runs and the names
 * between them.
 */
#include "base/memory.h"
#include "base/utf8.h"
#include "message/topic_filter.h"

#include <stdlib.h>

struct part {
    struct bytes literal; /* before the name */
    int name;             /* index, or -1 at the end */
};

struct topic_template {
    char *literals; /* all literal text, without doubled braces */
    struct part *parts;
    size_t part_count;
    char *names[TOPIC_TEMPLATE_NAMES_MAX];
    size_t name_count;
};

static const char name_chars[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789";

/* Index of a name, added when it is new; -1 when there are too many. */
static int find_name(struct topic_template *t, const char *name, size_t len, struct error *err)
{
    for (size_t i = 0; i < t->name_count; i++)
        if (strlen(t->names[i]) == len && memcmp(t->names[i], name, len) == 0)
            return (int)i;
    if (t->name_count == TOPIC_TEMPLATE_NAMES_MAX) {
        error_set(err, STATUS_INVALID, "a topic template has at most %d names", TOPIC_TEMPLATE_NAMES_MAX);
        return -1;
    }
    t->names[t->name_count] = xstrndup(name, len);
    return (int)t->name_count++;
}

/* The name behind an opening brace; moves `*at` behind the closing one. */
static int read_name(struct topic_template *t, const char **at, struct error *err)
{
    const char *name = *at;
    size_t len = strspn(name, name_chars);
    if (name[len] != '}') {
        error_set(err, STATUS_INVALID,
                  "\"{%.*s\" is not a place such as {device}. A brace itself is written {{",
                  (int)strcspn(name, "/"), name);
        return -1;
    }
    if (len == 0) {
        error_set(err, STATUS_INVALID, "{} needs a name, such as {device}");
        return -1;
    }
    *at = name + len + 1;
    return find_name(t, name, len, err);
}

static bool check_literal(char c, struct error *err)
{
    if (c != '+' && c != '#')
        return true;
    error_set(err, STATUS_INVALID,
              "a topic to publish to cannot hold %c. Name the level in the route's filter, as in "
              "sensors/{device}, and use {device} here",
              c);
    return false;
}

static bool read_parts(struct topic_template *t, const char *text, struct error *err)
{
    char *out = t->literals, *run = out;
    for (const char *at = text; *at;) {
        char c = *at++;
        if ((c == '{' || c == '}') && *at == c) {
            *out++ = c;
            at++;
            continue;
        }
        if (c == '}') {
            error_set(err, STATUS_INVALID, "a } has no { before it. A brace itself is written }}");
            return false;
        }
        if (c != '{') {
            if (!check_literal(c, err))
                return false;
            *out++ = c;
            continue;
        }
        int name = read_name(t, &at, err);
        if (name < 0)
            return false;
        t->parts[t->part_count++] = (struct part){bytes_of(run, (size_t)(out - run)), name};
        run = out;
    }
    if (out > run)
        t->parts[t->part_count++] = (struct part){bytes_of(run, (size_t)(out - run)), -1};
    return true;
}

struct topic_template *topic_template_parse(const char *text, struct error *err)
{
    size_t len = strlen(text);
    if (len == 0 || len > TOPIC_LENGTH_MAX) {
        error_set(err, STATUS_INVALID, "a topic has 1 to %d bytes", TOPIC_LENGTH_MAX);
        return NULL;
    }
    if (!utf8_is_valid(bytes_of(text, len))) {
        error_set(err, STATUS_INVALID, "a topic must be valid UTF-8");
        return NULL;
    }
    size_t places = 1;
    for (const char *p = text; *p; p++)
        places += *p == '{';
    struct topic_template *t = xcalloc(1, sizeof *t);
    t->literals = xcalloc(1, len + 1);
    t->parts = xcalloc(places, sizeof *t->parts);
    if (read_parts(t, text, err))
        return t;
    topic_template_destroy(t);
    return NULL;
}

void topic_template_destroy(struct topic_template *t)
{
    if (!t)
        return;
    for (size_t i = 0; i < t->name_count; i++)
        free(t->names[i]);
    free(t->parts);
    free(t->literals);
    free(t);
}

size_t topic_template_name_count(const struct topic_template *t)
{
    return t->name_count;
}

const char *topic_template_name(const struct topic_template *t, size_t index)
{
    return t->names[index];
}

void topic_template_fill(const struct topic_template *t, const struct bytes *values, struct buffer *out)
{
    for (size_t i = 0; i < t->part_count; i++) {
        const struct part *p = &t->parts[i];
        buffer_add(out, p->literal.data, p->literal.len);
        if (p->name >= 0)
            buffer_add(out, values[p->name].data, values[p->name].len);
    }
}
