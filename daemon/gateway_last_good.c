/* SPDX-License-Identifier: Apache-2.0
 *
 * See gateway_last_good.h. Sets are durable before the text that names them, and those that it does not name
 * go after it. A set that is damaged or gone is read from the file that the configuration names.
 */
#include "gateway_last_good.h"

#include "base/durable_file.h"
#include "base/memory.h"
#include "gateway_document.h"
#include "loop/loop.h"
#include "schema/schema.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NAME_SIZE = 40 };

/* last-good-NAME.desc */
static const char set_prefix[] = "last-good-", set_suffix[] = ".desc";

/* What is to be written. */
struct copy {
    char *directory, *text;
    struct gateway_schema_sets sets;
};

struct gateway_last_good {
    struct loop *loop;
    struct loop_notifier *notifier;
    pthread_t thread;
    struct copy *current; /* in the thread; NULL: there is no thread */
    struct copy *next;    /* the newest behind it */
    struct error error;   /* of the thread */
};

/* ---- Names ---- */

/* By content, with a hash that is the same in every process (FNV-1a). */
static void name_set(struct bytes set, char name[NAME_SIZE])
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < set.len; i++)
        hash = (hash ^ set.data[i]) * UINT64_C(0x100000001b3);
    snprintf(name, NAME_SIZE, "%016llx-%zx", (unsigned long long)hash, set.len);
}

static char *make_path(const char *directory, const char *name)
{
    return xasprintf("%s/%s%s%s", directory, set_prefix, name, set_suffix);
}

/* ---- Writing ---- */

static struct copy *make_copy(const struct gateway_config *c, struct gateway_schema_sets *sets)
{
    struct copy *made = xcalloc(1, sizeof *made);
    *made = (struct copy){xstrdup(c->gateway.state_directory), xstrdup(c->text), *sets};
    *sets = (struct gateway_schema_sets){0};
    return made;
}

static void destroy_copy(struct copy *c)
{
    if (!c)
        return;
    gateway_schema_sets_finish(&c->sets);
    explicit_bzero(c->text, strlen(c->text));
    free(c->text);
    free(c->directory);
    free(c);
}

/* Also one of a write that was interrupted. */
static bool is_set_file(const char *file)
{
    return strncmp(file, set_prefix, sizeof set_prefix - 1) == 0 && strstr(file, set_suffix);
}

static bool is_named(const struct copy *c, char (*names)[NAME_SIZE], const char *file)
{
    for (size_t i = 0; i < c->sets.count; i++) {
        size_t len = strlen(names[i]);
        const char *name = file + sizeof set_prefix - 1;
        if (strncmp(name, names[i], len) == 0 && strcmp(name + len, set_suffix) == 0)
            return true;
    }
    return false;
}

static void remove_others(const struct copy *c, char (*names)[NAME_SIZE])
{
    DIR *d = opendir(c->directory);
    if (!d)
        return;
    for (struct dirent *entry; (entry = readdir(d));)
        if (is_set_file(entry->d_name) && !is_named(c, names, entry->d_name))
            (void)unlinkat(dirfd(d), entry->d_name, 0); /* if not now, then after the next reload */
    closedir(d);
}

static enum status write_sets(const struct copy *c, char (*names)[NAME_SIZE], struct error *err)
{
    enum status status = STATUS_OK;
    for (size_t i = 0; i < c->sets.count && status == STATUS_OK; i++) {
        struct bytes set = buffer_bytes(&c->sets.items[i]);
        name_set(set, names[i]);
        char *path = make_path(c->directory, names[i]);
        status = durable_file_replace(path, set, err);
        free(path);
    }
    return status;
}

static enum status write_text(const struct copy *c, char (*names)[NAME_SIZE], struct error *err)
{
    struct buffer text = {0};
    for (size_t i = 0; i < c->sets.count; i++)
        buffer_add_format(&text, GATEWAY_DOCUMENT_NOTE "schema %s\n", names[i]);
    buffer_add_text(&text, c->text);
    char *path = xasprintf("%s/last-good.yaml", c->directory);
    enum status status = text.failed ? error_set(err, STATUS_NO_MEMORY, "no memory to write %s", path)
                                     : durable_file_replace(path, buffer_bytes(&text), err);
    if (text.data)
        explicit_bzero(text.data, text.len);
    buffer_finish(&text);
    free(path);
    return status;
}

static enum status write_copy(const struct copy *c, struct error *err)
{
    char(*names)[NAME_SIZE] = xcalloc(c->sets.count + 1, sizeof *names);
    enum status status = write_sets(c, names, err);
    if (status == STATUS_OK)
        status = write_text(c, names, err);
    if (status == STATUS_OK)
        remove_others(c, names);
    free(names);
    return status;
}

static void tell_failure(const struct error *err)
{
    log_warning("config",
                "cannot keep a copy of the configuration: %s. It runs; only the next start with a broken "
                "file would not have it",
                err->text);
}

static void write_now(struct copy *c)
{
    struct error err;
    if (write_copy(c, &err) != STATUS_OK)
        tell_failure(&err);
    destroy_copy(c);
}

/* ---- The thread ---- */

static void *run(void *ctx)
{
    struct gateway_last_good *g = ctx;
    g->error.code = STATUS_OK;
    (void)!write_copy(g->current, &g->error);
    loop_notifier_signal(g->notifier);
    return NULL;
}

/* Signals are the loop's. */
static bool start_thread(struct gateway_last_good *g)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    bool ok = pthread_create(&g->thread, NULL, run, g) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return ok;
}

static void join_thread(struct gateway_last_good *g)
{
    pthread_join(g->thread, NULL);
    if (g->error.code != STATUS_OK)
        tell_failure(&g->error);
    destroy_copy(g->current);
    g->current = NULL;
}

static void begin(struct gateway_last_good *g, struct copy *c)
{
    g->current = c;
    if (g->notifier && start_thread(g))
        return;
    g->current = NULL;
    log_warning("config", "cannot start the thread that keeps a copy of the configuration");
    destroy_copy(c);
}

static void handle_written(void *ctx)
{
    struct gateway_last_good *g = ctx;
    if (!g->current)
        return;
    join_thread(g);
    struct copy *next = g->next;
    g->next = NULL;
    if (next)
        begin(g, next);
}

/* ---- On the loop ---- */

struct gateway_last_good *gateway_last_good_create(struct loop *l)
{
    struct gateway_last_good *g = xcalloc(1, sizeof *g);
    g->loop = l;
    return g;
}

void gateway_last_good_destroy(struct gateway_last_good *g)
{
    if (!g)
        return;
    if (g->current)
        join_thread(g);
    if (g->next)
        write_now(g->next);
    loop_notifier_destroy(g->notifier);
    free(g);
}

void gateway_last_good_save(const struct gateway_config *c, struct gateway_schema_sets *sets)
{
    write_now(make_copy(c, sets));
}

void gateway_last_good_save_later(struct gateway_last_good *g, const struct gateway_config *c,
                                  struct gateway_schema_sets *sets)
{
    struct copy *made = make_copy(c, sets);
    if (g->current) {
        destroy_copy(g->next);
        g->next = made;
        return;
    }
    if (!g->notifier)
        g->notifier = loop_notifier_create(g->loop, handle_written, g);
    begin(g, made);
}

/* ---- Reading ---- */

static const char *default_directory(void)
{
    const char *directory = getenv("STATE_DIRECTORY");
    return directory && directory[0] == '/' ? directory : FBY_LOCALSTATEDIR "/lib/forebay";
}

/* What schemas/ would refuse is not a set that was kept. */
static bool read_file(const char *path, struct buffer *out)
{
    struct schema_source source = {.descriptor_set = path};
    struct error err;
    return schema_source_read(&source, false, out, &err) == STATUS_OK;
}

/* Into `set`, which stays empty when the file is not what its name says. */
static void read_set(const char *directory, const char *name, struct buffer *set)
{
    char found[NAME_SIZE];
    char *path = make_path(directory, name);
    bool right = name[strspn(name, "0123456789abcdef-")] == 0 && read_file(path, set);
    if (right)
        name_set(buffer_bytes(set), found);
    if (!right || strcmp(found, name) != 0) {
        log_warning("config",
                    "%s is gone or damaged; the schema is read from the file that the configuration names",
                    path);
        buffer_finish(set);
        *set = (struct buffer){0};
    }
    free(path);
}

/* The sets that the notes before the text name. */
static void read_sets(const char *directory, const char *path, struct gateway_schema_sets *sets)
{
    static const char note[] = GATEWAY_DOCUMENT_NOTE "schema ";
    FILE *file = fopen(path, "re");
    char *line = NULL;
    size_t size = 0;
    while (file && getline(&line, &size, file) > 0 && strncmp(line, note, sizeof note - 1) == 0) {
        struct buffer set = {0};
        line[strcspn(line, "\n")] = 0;
        read_set(directory, line + sizeof note - 1, &set);
        gateway_schema_sets_add(sets, &set);
    }
    free(line);
    if (file)
        fclose(file);
}

/* The text is no YAML any more, but it may say where the state is. To be freed; NULL: it does not. */
static char *find_directory(const char *line)
{
    static const char key[] = "state_directory:";
    const char *at = strstr(line, key), *comment = strchr(line, '#');
    if (!at || (comment && comment < at))
        return NULL;
    at += sizeof key - 1;
    at += strspn(at, " \t\"'");
    return at[0] == '/' ? xstrndup(at, strcspn(at, "\"',}# \t\r\n")) : NULL;
}

static char *guess_directory(const char *config_path)
{
    FILE *file = fopen(config_path, "re");
    char *line = NULL, *found = NULL;
    size_t size = 0;
    while (file && !found && getline(&line, &size, file) > 0)
        found = find_directory(line);
    free(line);
    if (file)
        fclose(file);
    return found ? found : xstrdup(default_directory());
}

static struct gateway_config *read_kept(const char *directory, const char *path, struct plugin_host *plugins)
{
    struct config_report *report = config_report_create();
    struct gateway_schema_sets sets = {0};
    read_sets(directory, path, &sets);
    struct gateway_config *config = gateway_config_read_saved(path, &sets, plugins, report);
    char *reason = config_report_first_error(report);
    if (reason) {
        log_error("config", "the last configuration that was right cannot be used either: %s", reason);
        gateway_config_destroy(config);
        config = NULL;
    }
    free(reason);
    gateway_schema_sets_finish(&sets);
    config_report_destroy(report);
    return config;
}

struct gateway_config *gateway_last_good_read(const char *state_directory, const char *config_path,
                                              struct plugin_host *plugins)
{
    char *directory = state_directory ? xstrdup(state_directory) : guess_directory(config_path);
    char *path = xasprintf("%s/last-good.yaml", directory);
    struct gateway_config *config = NULL;
    if (access(path, R_OK) == 0)
        config = read_kept(directory, path, plugins);
    else
        log_error("config", "there is no other configuration to run with in %s", directory);
    free(path);
    free(directory);
    return config;
}
