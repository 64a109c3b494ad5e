/* SPDX-License-Identifier: Apache-2.0
 *
 * The registry of loaded plugins (see plugin_host.h): finds a name in the plugin directories, loads each file
 * once, loads a changed file beside the old one. Loading itself is plugin_load.c, instances are
 * plugin_instance.c.
 */
#include "plugin/plugin_host.h"

#include "base/log.h"
#include "base/memory.h"
#include "base/strmap.h"
#include "plugin/plugin_check.h"
#include "plugin/plugin_registry.h"
#include "plugin/plugin_state.h"

#include <assert.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { DIRECTORIES_MAX = 16 };

/* "/a/x.so" as it is installed, "/a/x/x.so" as it lies in a build tree. Returns what the caller frees. */
static char *find_in_directory(const char *directory, const char *name)
{
    char *path = xasprintf("%s/%s.so", directory, name);
    if (access(path, F_OK) == 0)
        return path;
    free(path);
    path = xasprintf("%s/%s/%s.so", directory, name, name);
    if (access(path, F_OK) == 0)
        return path;
    free(path);
    return NULL;
}

static char *find_path(const struct plugin_host *h, const char *name)
{
    char *path = NULL;
    for (size_t i = 0; i < h->directory_count && !path; i++)
        path = find_in_directory(h->directories[i], name);
    return path;
}

static struct plugin *add_plugin(struct plugin_host *h, const char *name, const char *path)
{
    struct plugin *p = xcalloc(1, sizeof *p);
    p->host = h;
    p->name = xstrdup(name);
    p->path = path ? xstrdup(path) : NULL;
    p->file.copy_fd = -1;
    list_add(&h->plugins, &p->link);
    return p;
}

static void free_plugin(struct plugin *p)
{
    list_remove(&p->link);
    /* Code that ran stays mapped: a thread of a client library may still be in it. */
    if (p->file.handle && !p->used)
        plugin_load_close(&p->file);
    free(p->name);
    free(p->path);
    free(p);
}

static struct plugin *find_static(struct plugin_host *h, const char *name)
{
    list_for_each(p, &h->plugins, struct plugin, link)
    {
        if (!p->path && strcmp(p->name, name) == 0)
            return p;
    }
    return NULL;
}

/* The one with this content; `beside` tells whether an older content of this path is loaded. */
static struct plugin *find_loaded(struct plugin_host *h, const char *name, const char *path, bool *beside,
                                  struct error *err)
{
    struct plugin_identity now;
    *beside = false;
    if (plugin_load_identify(path, &now, err) != STATUS_OK)
        return NULL; /* opening it says why, in full */
    list_for_each(p, &h->plugins, struct plugin, link)
    {
        if (!p->path)
            continue;
        bool same = plugin_load_is_same(&p->file.identity, &now);
        if (same && strcmp(p->name, name) == 0)
            return p;
        if (strcmp(p->path, path) == 0 || p->file.identity.inode == now.inode)
            *beside = true;
    }
    return NULL;
}

static struct plugin *load_path(struct plugin_host *h, const char *name, const char *path, struct error *err)
{
    bool beside;
    struct plugin *p = find_loaded(h, name, path, &beside, err);
    if (p)
        return p;
    struct plugin_file file;
    if (plugin_load_open(path, name, beside, &file, err) != STATUS_OK)
        return NULL;
    p = add_plugin(h, name, path);
    p->file = file;
    log_info("plugin", "name=%s version=%s loaded path=%s%s", name, file.description.version, path,
             beside ? ", beside the older one" : "");
    return p;
}

static void set_not_found(const struct plugin_host *h, const char *name, struct error *err)
{
    char places[600] = "";
    size_t len = 0;
    for (size_t i = 0; i < h->directory_count && len < sizeof places; i++)
        len +=
            (size_t)snprintf(places + len, sizeof places - len, "%s%s", i ? " or " : "", h->directories[i]);
    error_set(err, STATUS_NOT_FOUND,
              "there is no plugin \"%s\" in %s. Install it there as %s.so, or say where it is under plugins: "
              "%s: { path: … }",
              name, places[0] ? places : "any directory", name, name);
}

struct plugin_host *plugin_host_create(const char *directory, struct loop *l, struct metrics *metrics)
{
    struct plugin_host *h = xcalloc(1, sizeof *h);
    list_init(&h->plugins);
    h->loop = l;
    h->metrics = metrics;
    h->directory_text = xstrdup(directory ? directory : "");
    h->directories = xcalloc(DIRECTORIES_MAX, sizeof *h->directories);
    char *rest = h->directory_text;
    for (char *one; (one = strsep(&rest, ":")) && h->directory_count < DIRECTORIES_MAX;)
        if (*one)
            h->directories[h->directory_count++] = one;
    return h;
}

void plugin_host_set_state_directory(struct plugin_host *h, const char *directory)
{
    assert(!h->states && h->loop);
    h->states = plugin_state_store_create(directory, h->loop);
}

void plugin_host_set_publisher(struct plugin_host *h, plugin_publish_fn publish, void *ctx)
{
    h->publish = publish;
    h->publish_ctx = ctx;
}

static void forget_names(struct plugin_host *h)
{
    strmap_finish(&h->names);
    h->names = (struct strmap){0};
}

void plugin_host_destroy(struct plugin_host *h)
{
    if (!h)
        return;
    assert(h->instance_count == 0);
    plugin_state_store_destroy(h->states);
    list_for_each_safe(p, &h->plugins, struct plugin, link)
    {
        free_plugin(p);
    }
    forget_names(h);
    free(h->directories);
    free(h->directory_text);
    free(h);
}

struct plugin *plugin_host_load(struct plugin_host *h, const char *name, const char *path, struct error *err)
{
    if (!plugin_check_name(name)) {
        error_set(err, STATUS_INVALID,
                  "\"%s\" cannot be the name of a plugin: lower-case letters, digits and _ only", name);
        return NULL;
    }
    struct plugin *p = path ? NULL : find_static(h, name);
    if (!p) {
        char *found = path ? xstrdup(path) : find_path(h, name);
        if (found)
            p = load_path(h, name, found, err);
        else
            set_not_found(h, name, err);
        free(found);
    }
    if (p)
        p->refs++;
    return p;
}

void plugin_unref(struct plugin *p)
{
    if (!p)
        return;
    assert(p->refs > 0);
    if (--p->refs == 0 && p->path && !p->used)
        free_plugin(p);
}

void plugin_host_add_static(struct plugin_host *h, const struct fby_plugin *description)
{
    struct plugin *p = add_plugin(h, description->name, NULL);
    struct error err;
    enum status s = plugin_check_description(description, description->name, &p->file.description, &err);
    assert(s == STATUS_OK);
    (void)s;
}

const struct fby_plugin *plugin_description(const struct plugin *p)
{
    return &p->file.description;
}

static void add_names_in(struct plugin_host *h, const char *directory)
{
    DIR *d = opendir(directory);
    if (!d)
        return;
    for (struct dirent *entry; (entry = readdir(d));) {
        char *name = xstrdup(entry->d_name);
        size_t len = strlen(name);
        if (len > 3 && strcmp(name + len - 3, ".so") == 0)
            name[len - 3] = 0;
        char *path = plugin_check_name(name) ? find_in_directory(directory, name) : NULL;
        if (path)
            strmap_add(&h->names, name, h);
        free(path);
        free(name);
    }
    closedir(d);
}

size_t plugin_host_list_names(struct plugin_host *h, const char **names, size_t max)
{
    forget_names(h);
    list_for_each(p, &h->plugins, struct plugin, link)
    {
        if (!p->path)
            strmap_add(&h->names, p->name, h);
    }
    for (size_t i = 0; i < h->directory_count; i++)
        add_names_in(h, h->directories[i]);
    size_t count = h->names.count < max ? h->names.count : max;
    for (size_t i = 0; i < count; i++)
        names[i] = h->names.entries[i].name;
    return count;
}
