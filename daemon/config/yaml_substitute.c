/* SPDX-License-Identifier: Apache-2.0
 *
 * ${…} in scalar values, see yaml_tree.h. Happens after parsing, so that no value can change the shape of the
 * document.
 */
#include "base/memory.h"
#include "base/utf8.h"
#include "config/config_memory.h"
#include "config/config_report.h"
#include "config/yaml_tree.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { FILE_SIZE_MAX = 64 * 1024, NESTING_MAX = 8, TEXT_SIZE_MAX = 1 << 20 };

struct substitution {
    struct arena *arena;
    struct config_report *report;
    const char *(*lookup)(void *ctx, const char *name);
    void *ctx;
    struct yaml_node *node;
    unsigned nesting;
    bool failed;
};

static void expand(struct substitution *s, const char *text, size_t len, struct buffer *out);

static void fail(struct substitution *s)
{
    s->failed = true;
    s->node->unresolved = true;
}

/* ---- Files ---- */

/* `path`, or when it is relative the path beside the YAML file. To be freed. */
static char *resolve_path(const struct substitution *s, const char *path)
{
    const char *file = s->node->file, *slash = strrchr(file, '/');
    if (path[0] == '/' || !slash)
        return xstrdup(path);
    return xasprintf("%.*s/%s", (int)(slash - file), file, path);
}

static ssize_t read_file(int fd, char *text, size_t size)
{
    size_t len = 0;
    while (len < size) {
        ssize_t n = read(fd, text + len, size - len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        if (n == 0)
            break;
        len += (size_t)n;
    }
    return (ssize_t)len;
}

/* Without the newline at its end. */
static size_t trim_newline(const char *text, size_t len)
{
    if (len && text[len - 1] == '\n')
        len--;
    if (len && text[len - 1] == '\r')
        len--;
    return len;
}

/* The content of a file; `what` says how YAML names it. */
static void add_file(struct substitution *s, const char *path, const char *what, struct buffer *out)
{
    char *text = xcalloc(1, FILE_SIZE_MAX + 1);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    ssize_t len = fd < 0 ? -1 : read_file(fd, text, FILE_SIZE_MAX + 1);
    int problem = errno;
    if (fd >= 0)
        close(fd);
    s->node->secret = true;
    if (len < 0) {
        config_report_error(s->report, s->node, "%s: the file %s cannot be read: %s.", what, path,
                            strerror(problem));
        fail(s);
    } else if (len > FILE_SIZE_MAX) {
        config_report_error(s->report, s->node, "%s: the file %s is larger than 64 KiB.", what, path);
        fail(s);
    } else if (memchr(text, 0, (size_t)len) || !utf8_is_valid(bytes_of(text, (size_t)len))) {
        config_report_error(s->report, s->node, "%s: the file %s is not UTF-8 text.", what, path);
        fail(s);
    } else {
        buffer_add(out, text, trim_newline(text, (size_t)len));
    }
    explicit_bzero(text, FILE_SIZE_MAX + 1);
    free(text);
}

static void add_named_file(struct substitution *s, const char *name, struct buffer *out)
{
    char *path = resolve_path(s, name);
    char *what = xasprintf("${file:%s}", name);
    if (*name) {
        add_file(s, path, what, out);
    } else {
        config_report_error(s->report, s->node, "${file:} needs a path, as in ${file:/etc/forebay/token}.");
        fail(s);
    }
    free(what);
    free(path);
}

static void add_credential(struct substitution *s, const char *name, struct buffer *out)
{
    const char *directory = getenv("CREDENTIALS_DIRECTORY");
    if (!*name || strchr(name, '/') || strcmp(name, "..") == 0 || strcmp(name, ".") == 0) {
        config_report_error(s->report, s->node, "${credential:%s} is not the name of a credential.", name);
        fail(s);
        return;
    }
    if (!directory || !*directory) {
        config_report_error(
            s->report, s->node,
            "${credential:%s}: the service has no credentials. Add LoadCredential=%s:/path/to/file "
            "to the unit, or set CREDENTIALS_DIRECTORY to the folder that holds it.",
            name, name);
        fail(s);
        return;
    }
    char *path = xasprintf("%s/%s", directory, name);
    char *what = xasprintf("${credential:%s}", name);
    add_file(s, path, what, out);
    free(what);
    free(path);
}

/* ---- Names ---- */

static bool is_variable_name(const char *name)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789";
    return *name && !(*name >= '0' && *name <= '9') && name[strspn(name, letters)] == 0;
}

static void add_lookup(struct substitution *s, const char *name, struct buffer *out)
{
    const char *text = s->lookup ? s->lookup(s->ctx, name) : NULL;
    if (text) {
        buffer_add_text(out, text);
        return;
    }
    config_report_error(
        s->report, s->node,
        "${%s} is not known here. ${gateway.id} can be used everywhere outside the section gateway.", name);
    fail(s);
}

static void add_variable(struct substitution *s, const char *name, const char *fallback, struct buffer *out)
{
    const char *text = getenv(name);
    if (fallback && (!text || !*text)) {
        expand(s, fallback, strlen(fallback), out);
        return;
    }
    if (!text) {
        config_report_error(
            s->report, s->node,
            "The environment variable %s is not set. Set it for the service, or give a default as in "
            "${%s:-value}.",
            name, name);
        fail(s);
        return;
    }
    if (!utf8_is_valid(bytes_of_text(text))) {
        config_report_error(s->report, s->node, "The environment variable %s is not UTF-8 text.", name);
        fail(s);
        return;
    }
    buffer_add_text(out, text);
}

/* What stands between ${ and }. */
static void add_reference(struct substitution *s, char *inside, struct buffer *out)
{
    char *fallback = strstr(inside, ":-");
    if (strncmp(inside, "file:", 5) == 0) {
        add_named_file(s, inside + 5, out);
        return;
    }
    if (strncmp(inside, "credential:", 11) == 0) {
        add_credential(s, inside + 11, out);
        return;
    }
    if (fallback) {
        *fallback = 0;
        fallback += 2;
    }
    if (is_variable_name(inside)) {
        add_variable(s, inside, fallback, out);
        return;
    }
    if (!fallback && strchr(inside, '.')) {
        add_lookup(s, inside, out);
        return;
    }
    config_report_error(s->report, s->node,
                        "${%s} is not a reference. Known are ${NAME}, ${NAME:-default}, ${file:PATH}, "
                        "${credential:NAME} and ${gateway.id}; a dollar itself is written $$.",
                        inside);
    fail(s);
}

/* The brace that closes the one before `text`, or NULL. */
static const char *find_close(const char *text, const char *end)
{
    unsigned open = 1;
    for (; text < end; text++) {
        if (*text == '}' && --open == 0)
            return text;
        if (*text == '$' && end - text > 1 && text[1] == '{')
            open++;
    }
    return NULL;
}

static void expand(struct substitution *s, const char *text, size_t len, struct buffer *out)
{
    const char *end = text + len;
    if (++s->nesting > NESTING_MAX) {
        config_report_error(s->report, s->node, "The ${…} are nested too deep: at most %d levels.",
                            NESTING_MAX);
        fail(s);
    }
    while (text < end && !s->failed) {
        const char *dollar = memchr(text, '$', (size_t)(end - text));
        buffer_add(out, text, (size_t)((dollar ? dollar : end) - text));
        if (!dollar)
            break;
        text = dollar + 1;
        bool reference = text < end && *text == '{';
        if (!reference) {
            buffer_add_byte(out, '$');
            text += text < end && *text == '$';
            continue;
        }
        const char *close = find_close(text + 1, end);
        if (!close) {
            config_report_error(s->report, s->node, "A \"${\" has no \"}\". A dollar itself is written $$.");
            fail(s);
            break;
        }
        char *inside = xstrndup(text + 1, (size_t)(close - text - 1));
        add_reference(s, inside, out);
        free(inside);
        text = close + 1;
    }
    s->nesting--;
}

static void substitute_scalar(struct substitution *s, struct yaml_node *n)
{
    if (!memchr(n->text, '$', n->text_len))
        return;
    struct buffer out = {.limit = TEXT_SIZE_MAX};
    s->node = n;
    s->failed = false;
    expand(s, n->text, n->text_len, &out);
    if (out.failed && !s->failed) {
        config_report_error(s->report, n, "The text becomes longer than 1 MiB.");
        fail(s);
    }
    if (!s->failed) {
        n->text = config_strndup(s->arena, out.data ? (const char *)out.data : "", out.len);
        n->text_len = out.len;
    }
    buffer_finish(&out);
}

static void substitute_below(struct substitution *s, struct yaml_node *n)
{
    if (n->substituted)
        return;
    n->substituted = true;
    if (n->kind == YAML_SCALAR)
        substitute_scalar(s, n);
    for (size_t i = 0; n->kind == YAML_LIST && i < n->count; i++) {
        config_report_enter_index(s->report, i);
        substitute_below(s, n->items[i]);
        config_report_leave(s->report);
    }
    for (size_t i = 0; n->kind == YAML_MAP && i < n->count; i++) {
        config_report_enter(s->report, n->pairs[i].key->text);
        substitute_below(s, n->pairs[i].value);
        config_report_leave(s->report);
    }
}

void yaml_tree_substitute(struct yaml_node *root, struct arena *a, struct config_report *r,
                          const char *(*lookup)(void *ctx, const char *name), void *ctx)
{
    struct substitution s = {.arena = a, .report = r, .lookup = lookup, .ctx = ctx};
    if (root)
        substitute_below(&s, root);
}
