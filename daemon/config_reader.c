/* SPDX-License-Identifier: Apache-2.0
 *
 * See config_reader.h.
 */
#include "config_reader.h"

#include "base/memory.h"
#include "base/nearest_word.h"
#include "message/topic_filter.h"
#include "plugin/plugin_host.h"

#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

enum { NAME_LENGTH_MAX = 64, PLUGIN_NAMES_MAX = 200 };

void *config_reader_alloc(struct config_reader *cr, size_t count, size_t size)
{
    void *p = arena_calloc(cr->arena, count ? count : 1, size);
    if (!p)
        memory_stop();
    return p;
}

struct yaml_node *config_reader_enter_map(struct config_reader *cr, const char *section, const char *what)
{
    struct yaml_node *n = yaml_tree_find(cr->root, section);
    config_report_enter(cr->report, section);
    if (yaml_node_is_null(n) || !option_is_map(n, cr->report, what))
        return NULL;
    return n;
}

void config_reader_report_absent(struct config_reader *cr, const char *section, const char *what)
{
    const struct yaml_node *n = yaml_tree_find(cr->root, section);
    bool reported = cr->unknown_section || (n && n->kind != YAML_MAP && !yaml_node_is_null(n));
    if (n && !reported)
        config_report_error(cr->report, n, "%s", what);
    else if (!reported)
        config_report_error_at(cr->report, cr->root->file, 0, 0, "%s", what);
}

bool config_reader_check_name(struct config_reader *cr, const struct yaml_node *key)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.";
    const char *name = key->text;
    bool right = key->text_len <= NAME_LENGTH_MAX && name[strspn(name, allowed)] == 0 && !strchr("-.", *name);
    if (!right)
        config_report_error(
            cr->report, key,
            "\"%.80s\" cannot be a name. Use at most 64 letters, digits, \"_\", \"-\" and \".\", beginning "
            "with a letter or digit.",
            name);
    return right;
}

const char *config_reader_resolve(struct config_reader *cr, const struct yaml_node *n, const char *path)
{
    char here[PATH_MAX];
    if (!path || path[0] == '/' || !n)
        return path;
    const char *slash = strrchr(n->file, '/');
    struct buffer joined = {0};
    if (n->file[0] != '/' && getcwd(here, sizeof here)) {
        buffer_add_text(&joined, here);
        buffer_add_byte(&joined, '/');
    }
    buffer_add(&joined, n->file, slash ? (size_t)(slash - n->file) + 1 : 0);
    buffer_add_text(&joined, path);
    char *copy = arena_strndup(cr->arena, joined.data, joined.len);
    buffer_finish(&joined);
    return copy;
}

struct topic_filter *config_reader_add_filter(struct config_reader *cr, const char *text,
                                              const struct yaml_node *at)
{
    struct gateway_config *c = cr->config;
    struct error err;
    struct topic_filter *f = topic_filter_parse(text, &err);
    if (!f) {
        config_report_error(cr->report, at, "The topic filter \"%.200s\" is not valid: %s.", text, err.text);
        return NULL;
    }
    c->filters = xrealloc(c->filters, (c->filter_count + 1) * sizeof(struct topic_filter *));
    c->filters[c->filter_count++] = f;
    return f;
}

/* Whether the first word is one, and not a path or a name from outside. */
static bool begins_with_word(const char *text)
{
    size_t len = strspn(text, "abcdefghijklmnopqrstuvwxyz");
    return len > 0 && (text[len] == ' ' || text[len] == ',');
}

void config_reader_refuse(struct config_reader *cr, const struct yaml_node *at, const struct error *err)
{
    size_t len = strlen(err->text);
    char first = begins_with_word(err->text) ? (char)(err->text[0] - 'a' + 'A') : err->text[0];
    bool ended = len && strchr(".?!", err->text[len - 1]);
    config_report_error(cr->report, at, "%c%s%s", first, len ? err->text + 1 : "", ended ? "" : ".");
}

const char *config_reader_suggest(struct config_reader *cr, const char *word, const char *const *known,
                                  size_t count)
{
    struct buffer text = {0};
    const char *nearest = nearest_word_find(word, known, count);
    if (nearest)
        buffer_add_format(&text, " Did you mean \"%s\"?", nearest);
    for (size_t i = 0; !nearest && i < count && i < 12; i++)
        buffer_add_format(&text, "%s%s", i ? ", " : " Known are ", known[i]);
    if (!nearest && count)
        buffer_add_text(&text, count > 12 ? " and more." : ".");
    const char *copy = arena_strndup(cr->arena, text.data ? (const char *)text.data : "", text.len);
    buffer_finish(&text);
    return copy ? copy : "";
}

/* ---- Plugins ---- */

struct config_plugin *config_reader_add_plugin(struct config_reader *cr, const char *name, const char *path,
                                               const struct yaml_node *at)
{
    struct config_plugin *p = config_reader_alloc(cr, 1, sizeof *p);
    struct error err;
    *p = (struct config_plugin){name, path, NULL};
    (void)strmap_add(&cr->plugins, name, p);
    p->plugin = plugin_host_load(cr->host, name, path, &err);
    if (p->plugin)
        return p;
    const char *known[PLUGIN_NAMES_MAX];
    size_t count = path ? 0 : plugin_host_list_names(cr->host, known, PLUGIN_NAMES_MAX);
    const char *nearest = nearest_word_find(name, known, count);
    if (err.code == STATUS_NOT_FOUND && nearest)
        config_report_error(cr->report, at, "There is no plugin \"%.80s\". Did you mean \"%s\"?", name,
                            nearest);
    else
        config_reader_refuse(cr, at, &err);
    return p;
}

struct plugin *config_reader_load_plugin(struct config_reader *cr, const char *name, enum fby_kind kind,
                                         const struct yaml_node *at)
{
    struct config_plugin *p = strmap_find(&cr->plugins, name);
    if (!p)
        p = config_reader_add_plugin(cr, name, NULL, at);
    if (!p->plugin)
        return NULL;
    enum fby_kind found = plugin_description(p->plugin)->kind;
    if (found == kind)
        return p->plugin;
    static const char *const kinds[] = {"a stage", "an upstream", "a codec"};
    static const char *const places[] = {"in a route's process", "under upstreams",
                                         "in a route's decode or a target's encode"};
    config_report_error(cr->report, at, "The plugin \"%s\" is %s, and %s is needed here. Use it %s.", name,
                        kinds[found], kinds[kind], places[found]);
    return NULL;
}
