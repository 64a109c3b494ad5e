/* SPDX-License-Identifier: Apache-2.0
 *
 * See topic_filter.h. A filter is compiled once into its literal beginning and the levels behind it; matching
 * compares the beginning as one piece, then walks the levels without allocating.
 */
#include "message/topic_filter.h"

#include "base/memory.h"
#include "base/utf8.h"

#include <stdlib.h>

enum level_kind { LEVEL_LITERAL, LEVEL_ONE, LEVEL_REST };

struct level {
    enum level_kind kind;
    int capture; /* index, or -1 */
    struct bytes text;
};

struct topic_filter {
    char *text, *subscription;
    const char *pattern;  /* in subscription, behind $share/<group>/ */
    size_t prefix_len;    /* bytes of the pattern before the first wildcard level, with its slash */
    struct level *levels; /* those behind the prefix */
    size_t level_count;
    bool wildcard_first; /* then topics that begin with $ do not match */
    char *captures[TOPIC_CAPTURES_MAX];
    size_t capture_count;
};

static const char *const reserved_names[] = {"topic", "gateway", "route", "source", "sequence"};

static bool is_name_char(char c, bool first)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (!first && c >= '0' && c <= '9');
}

static bool is_name(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (!is_name_char(text[i], i == 0))
            return false;
    return len > 0;
}

static bool is_reserved(const char *name)
{
    for (size_t i = 0; i < array_count(reserved_names); i++)
        if (strcmp(name, reserved_names[i]) == 0)
            return true;
    return false;
}

static bool add_capture(struct topic_filter *f, const char *name, size_t len, struct error *err)
{
    if (!is_name(name, len)) {
        error_set(err, STATUS_INVALID,
                  "the capture {%.*s} needs a name of letters, digits and _ that does not begin with a digit",
                  (int)len, name);
        return false;
    }
    if (f->capture_count == TOPIC_CAPTURES_MAX) {
        error_set(err, STATUS_INVALID, "a filter has at most %d captures", TOPIC_CAPTURES_MAX);
        return false;
    }
    char *copy = xstrndup(name, len);
    f->captures[f->capture_count++] = copy;
    for (size_t i = 0; i + 1 < f->capture_count; i++)
        if (strcmp(f->captures[i], copy) == 0) {
            error_set(err, STATUS_INVALID, "the capture {%s} is used twice", copy);
            return false;
        }
    if (is_reserved(copy)) {
        error_set(err, STATUS_INVALID,
                  "{%s} always has a meaning of its own, so a capture cannot be called so", copy);
        return false;
    }
    return true;
}

/* One level as written, without slashes. */
static bool read_level(struct topic_filter *f, const char *text, size_t len, bool last, struct level *out,
                       struct error *err)
{
    bool braces = len >= 2 && text[0] == '{' && text[len - 1] == '}';
    bool rest = (len == 1 && text[0] == '#') || (braces && text[len - 2] == '#');
    bool one = !rest && (braces || (len == 1 && text[0] == '+'));
    *out = (struct level){rest ? LEVEL_REST : one ? LEVEL_ONE : LEVEL_LITERAL, -1, bytes_of(text, len)};
    if (rest && !last) {
        error_set(err, STATUS_INVALID, "%.*s stands for all remaining levels and must be the last", (int)len,
                  text);
        return false;
    }
    if (braces) {
        out->capture = (int)f->capture_count;
        return add_capture(f, text + 1, len - 2 - (rest ? 1 : 0), err);
    }
    if (rest || one)
        return true;
    const char *bad = NULL;
    for (size_t i = 0; i < len && !bad; i++)
        if (strchr("+#{}", text[i]))
            bad = text + i;
    if (!bad)
        return true;
    error_set(err, STATUS_INVALID, "%c must stand alone between two slashes, and here it is part of \"%.*s\"",
              *bad, (int)len, text);
    return false;
}

/* Length of "$share/<group>/" at the start, 0 without, or -1. */
static int shared_length(const char *text, struct error *err)
{
    static const char begin[] = "$share/";
    if (strncmp(text, begin, sizeof begin - 1) != 0)
        return 0;
    const char *group = text + sizeof begin - 1;
    size_t len = strcspn(group, "/");
    if (len == 0 || strcspn(group, "+#{}") < len || group[len] != '/' || !group[len + 1]) {
        error_set(err, STATUS_INVALID, "a shared subscription is written $share/<group>/<filter>");
        return -1;
    }
    return (int)(sizeof begin - 1 + len + 1);
}

static bool check_text(const char *text, struct error *err)
{
    size_t len = strlen(text);
    if (len == 0 || len > TOPIC_LENGTH_MAX) {
        error_set(err, STATUS_INVALID, "a topic filter has 1 to %d bytes", TOPIC_LENGTH_MAX);
        return false;
    }
    if (!utf8_is_valid(bytes_of(text, len))) {
        error_set(err, STATUS_INVALID, "a topic filter must be valid UTF-8");
        return false;
    }
    return true;
}

/* Write what the broker gets, and make literal levels borrow from it. */
static void build_subscription(struct topic_filter *f, size_t shared)
{
    char *out = xcalloc(1, strlen(f->text) + 1);
    memcpy(out, f->text, shared);
    size_t at = shared;
    for (size_t i = 0; i < f->level_count; i++) {
        struct level *l = &f->levels[i];
        struct bytes text = l->kind == LEVEL_LITERAL ? l->text
                            : l->kind == LEVEL_ONE   ? bytes_of("+", 1)
                                                     : bytes_of("#", 1);
        if (i)
            out[at++] = '/';
        if (text.len)
            memcpy(out + at, text.data, text.len);
        l->text = bytes_of(out + at, text.len);
        at += text.len;
    }
    f->subscription = out;
    f->pattern = out + shared;
}

/* Turn the literal levels at the beginning into one prefix. */
static void fold_prefix(struct topic_filter *f)
{
    size_t literal = 0;
    while (literal < f->level_count && f->levels[literal].kind == LEVEL_LITERAL)
        literal++;
    f->wildcard_first = literal == 0;
    if (literal == f->level_count) {
        f->prefix_len = strlen(f->pattern);
        f->level_count = 0;
        return;
    }
    /* "a/#" also matches "a": the level before # stays a level. */
    if (literal && f->levels[literal].kind == LEVEL_REST)
        literal--;
    f->prefix_len = (size_t)((const char *)f->levels[literal].text.data - f->pattern);
    f->level_count -= literal;
    memmove(f->levels, f->levels + literal, f->level_count * sizeof *f->levels);
}

struct topic_filter *topic_filter_parse(const char *text, struct error *err)
{
    if (!check_text(text, err))
        return NULL;
    int shared = shared_length(text, err);
    if (shared < 0)
        return NULL;
    struct topic_filter *f = xcalloc(1, sizeof *f);
    f->text = xstrdup(text);
    const char *at = f->text + shared;
    size_t count = 1;
    for (const char *p = at; *p; p++)
        count += *p == '/';
    f->levels = xcalloc(count, sizeof *f->levels);
    for (;;) {
        size_t len = strcspn(at, "/");
        if (!read_level(f, at, len, !at[len], &f->levels[f->level_count++], err)) {
            topic_filter_destroy(f);
            return NULL;
        }
        if (!at[len])
            break;
        at += len + 1;
    }
    build_subscription(f, (size_t)shared);
    fold_prefix(f);
    return f;
}

void topic_filter_destroy(struct topic_filter *f)
{
    if (!f)
        return;
    for (size_t i = 0; i < f->capture_count; i++)
        free(f->captures[i]);
    free(f->levels);
    free(f->subscription);
    free(f->text);
    free(f);
}

const char *topic_filter_text(const struct topic_filter *f)
{
    return f->text;
}

const char *topic_filter_subscription(const struct topic_filter *f)
{
    return f->subscription;
}

size_t topic_filter_capture_count(const struct topic_filter *f)
{
    return f->capture_count;
}

const char *topic_filter_capture_name(const struct topic_filter *f, size_t index)
{
    return f->captures[index];
}

static void capture(const struct level *l, struct bytes *captures, const uint8_t *data, size_t len)
{
    if (captures && l->capture >= 0)
        captures[l->capture] = bytes_of(data, len);
}

bool topic_filter_match(const struct topic_filter *f, struct bytes topic, struct bytes *captures)
{
    if (topic.len == 0 || topic.len < f->prefix_len || memcmp(topic.data, f->pattern, f->prefix_len) != 0)
        return false;
    if (f->level_count == 0)
        return topic.len == f->prefix_len;
    if (f->wildcard_first && topic.data[0] == '$')
        return false;
    const uint8_t *at = topic.data + f->prefix_len, *end = topic.data + topic.len;
    for (size_t i = 0;; i++) {
        const struct level *l = &f->levels[i];
        if (l->kind == LEVEL_REST) {
            capture(l, captures, at, (size_t)(end - at));
            return true;
        }
        const uint8_t *slash = at < end ? memchr(at, '/', (size_t)(end - at)) : NULL;
        size_t len = (size_t)((slash ? slash : end) - at);
        if (l->kind == LEVEL_LITERAL && (len != l->text.len || memcmp(at, l->text.data, len) != 0))
            return false;
        capture(l, captures, at, len);
        bool last = i + 1 == f->level_count;
        if (slash && last)
            return false;
        if (slash) {
            at = slash + 1;
            continue;
        }
        if (last)
            return true;
        if (i + 2 != f->level_count || f->levels[i + 1].kind != LEVEL_REST)
            return false;
        capture(&f->levels[i + 1], captures, end, 0);
        return true;
    }
}

bool topic_is_publishable(struct bytes topic, struct error *err)
{
    const char *why = NULL;
    if (topic.len == 0)
        why = "it is empty";
    else if (topic.len > TOPIC_LENGTH_MAX)
        why = "it is longer than 65535 bytes";
    else if (memchr(topic.data, '+', topic.len) || memchr(topic.data, '#', topic.len))
        why = "it holds + or #, which belong into filters";
    else if (memchr(topic.data, 0, topic.len))
        why = "it holds a NUL byte";
    else if (!utf8_is_valid(topic))
        why = "it is not valid UTF-8";
    if (!why)
        return true;
    error_set(err, STATUS_INVALID, "no message can be published to this topic: %s", why);
    return false;
}
