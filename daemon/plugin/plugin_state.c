/* SPDX-License-Identifier: Apache-2.0
 *
 * See plugin_state.h. A file is a header (magic, length, checksum) and the bytes; it is written beside its
 * name, synced, renamed, and the directory synced, so that a power cut leaves the old or the new one.
 */
#include "plugin/plugin_state.h"

#include "base/file_name.h"
#include "base/list.h"
#include "base/log.h"
#include "base/memory.h"
#include "loop/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_NAME_MAX = 200 };

static const char magic[8] = "FBYSTAT2";

struct header {
    char magic[8];
    uint64_t len, checksum; /* in the machine's byte order: the file stays on this machine */
};

struct job {
    struct list link; /* plugin_state_store.waiting or .written */
    char *path;
    uint8_t *data;
    size_t len;
    const void *owner; /* NULL: gone */
    fby_saved_fn done;
    void *ctx;
    int reason; /* errno; 0: saved */
};

struct plugin_state_store {
    char *directory;
    struct loop *loop;
    struct loop_notifier *notifier;
    pthread_t thread;
    bool has_thread;
    pthread_mutex_t lock; /* of everything below */
    pthread_cond_t changed;
    struct list waiting; /* job.link; the first may be being written */
    struct list written; /* job.link: to be told */
    bool stopping;
};

static const uint64_t hash_start = UINT64_C(0xcbf29ce484222325), hash_factor = UINT64_C(0x100000001b3);

static uint64_t hash_label(const char *label)
{
    uint64_t hash = hash_start;
    for (; *label; label++)
        hash = (hash ^ (uint8_t)*label) * hash_factor;
    return hash;
}

/* A word at a time: megabytes are read in one turn of the loop. Each step can be undone, so that a change of
 * one word always shows. */
static uint64_t checksum(const uint8_t *data, size_t len)
{
    uint64_t hash = hash_start ^ len, word = 0;
    for (; len >= sizeof word; data += sizeof word, len -= sizeof word) {
        memcpy(&word, data, sizeof word);
        hash = (hash ^ word) * hash_factor;
        hash ^= hash >> 32;
    }
    word = 0;
    memcpy(&word, data, len);
    hash = (hash ^ word) * hash_factor;
    return hash ^ hash >> 32;
}

static char *make_path(const struct plugin_state_store *s, const char *label)
{
    char *name = file_name_escape(label), *path;
    if (strlen(name) <= FILE_NAME_MAX)
        path = xasprintf("%s/%s.state", s->directory, name);
    else
        path = xasprintf("%s/%.*s-%016llx.state", s->directory, FILE_NAME_MAX - 20, name,
                         (unsigned long long)hash_label(label));
    free(name);
    return path;
}

static void free_job(struct job *j)
{
    list_remove(&j->link);
    free(j->path);
    free(j->data);
    free(j);
}

/* ---- In the thread ---- */

static bool write_all(int fd, const void *data, size_t len)
{
    for (const char *p = data; len > 0;) {
        ssize_t n = write(fd, p, len);
        if (n < 0 && errno != EINTR)
            return false;
        if (n > 0) {
            p += n;
            len -= (size_t)n;
        }
    }
    return true;
}

static bool write_file(const char *path, const struct job *j)
{
    struct header h = {.len = j->len, .checksum = checksum(j->data, j->len)};
    memcpy(h.magic, magic, sizeof h.magic);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return false;
    bool right = write_all(fd, &h, sizeof h) && write_all(fd, j->data, j->len) && fdatasync(fd) == 0;
    int reason = errno;
    close(fd); /* synced or given up: what it says is no matter */
    errno = reason;
    return right;
}

static bool sync_directory(const char *directory)
{
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return false;
    bool right = fsync(fd) == 0;
    int reason = errno;
    close(fd);
    errno = reason;
    return right;
}

/* 0, or errno. */
static int save_job(const struct plugin_state_store *s, const struct job *j)
{
    char *temporary = xasprintf("%s.new", j->path);
    (void)mkdir(s->directory, 0700); /* what is wrong with it is said by opening the file */
    bool right = write_file(temporary, j) && rename(temporary, j->path) == 0 && sync_directory(s->directory);
    int reason = right ? 0 : errno ? errno : EIO;
    free(temporary);
    return reason;
}

static void *run(void *ctx)
{
    struct plugin_state_store *s = ctx;
    pthread_mutex_lock(&s->lock);
    for (;;) {
        struct job *j = list_first(&s->waiting, struct job, link);
        if (!j && s->stopping)
            break;
        if (!j) {
            pthread_cond_wait(&s->changed, &s->lock);
            continue;
        }
        pthread_mutex_unlock(&s->lock);
        int reason = save_job(s, j);
        pthread_mutex_lock(&s->lock);
        j->reason = reason;
        list_remove(&j->link);
        list_add(&s->written, &j->link);
        loop_notifier_signal(s->notifier);
    }
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

/* ---- On the loop ---- */

static struct job *take_written(struct plugin_state_store *s)
{
    pthread_mutex_lock(&s->lock);
    struct job *j = list_first(&s->written, struct job, link);
    if (j)
        list_remove(&j->link);
    pthread_mutex_unlock(&s->lock);
    return j;
}

static void handle_written(void *ctx)
{
    struct plugin_state_store *s = ctx;
    for (struct job *j; (j = take_written(s));) {
        if (j->reason)
            log_limited(60000, LOG_LEVEL_ERROR, "plugin", "cannot save %s: %s", j->path, strerror(j->reason));
        if (j->owner && j->done)
            j->done(j->ctx, j->reason == 0);
        free_job(j);
    }
}

/* The thread and its descriptor exist from the first save on. */
static bool start_thread(struct plugin_state_store *s)
{
    if (s->has_thread)
        return true;
    if (!s->notifier)
        s->notifier = loop_notifier_create(s->loop, handle_written, s);
    s->has_thread = s->notifier && pthread_create(&s->thread, NULL, run, s) == 0;
    if (!s->has_thread)
        log_limited(60000, LOG_LEVEL_ERROR, "plugin", "cannot start the thread that saves states");
    return s->has_thread;
}

static size_t count_of_owner(const struct list *jobs, const void *owner)
{
    size_t count = 0;
    list_for_each(j, jobs, struct job, link)
    {
        count += j->owner == owner;
    }
    return count;
}

struct plugin_state_store *plugin_state_store_create(const char *directory, struct loop *l)
{
    struct plugin_state_store *s = xcalloc(1, sizeof *s);
    s->directory = xstrdup(directory);
    s->loop = l;
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->changed, NULL);
    list_init(&s->waiting);
    list_init(&s->written);
    return s;
}

void plugin_state_store_destroy(struct plugin_state_store *s)
{
    if (!s)
        return;
    if (s->has_thread) {
        pthread_mutex_lock(&s->lock);
        s->stopping = true;
        pthread_cond_signal(&s->changed);
        pthread_mutex_unlock(&s->lock);
        pthread_join(s->thread, NULL);
    }
    for (struct job *j; (j = take_written(s));)
        free_job(j);
    loop_notifier_destroy(s->notifier);
    pthread_cond_destroy(&s->changed);
    pthread_mutex_destroy(&s->lock);
    free(s->directory);
    free(s);
}

enum status plugin_state_save(struct plugin_state_store *s, const char *label, struct bytes state,
                              const void *owner, fby_saved_fn done, void *ctx)
{
    if (state.len > FBY_STATE_MAX)
        return STATUS_LIMIT;
    if (!start_thread(s))
        return STATUS_IO;
    uint8_t *data = malloc(state.len ? state.len : 1);
    if (!data)
        return STATUS_NO_MEMORY;
    if (state.len)
        memcpy(data, state.data, state.len);
    struct job *j = xcalloc(1, sizeof *j);
    *j = (struct job){.path = make_path(s, label),
                      .data = data,
                      .len = state.len,
                      .owner = owner,
                      .done = done,
                      .ctx = ctx};
    list_init(&j->link);
    pthread_mutex_lock(&s->lock);
    bool room =
        count_of_owner(&s->waiting, owner) + count_of_owner(&s->written, owner) < PLUGIN_STATE_SAVES_MAX;
    if (room) {
        list_add(&s->waiting, &j->link);
        pthread_cond_signal(&s->changed);
    }
    pthread_mutex_unlock(&s->lock);
    if (!room)
        free_job(j);
    return room ? STATUS_OK : STATUS_BUSY;
}

/* The newest that is still to be written; NULL: none. */
static uint8_t *copy_waiting(struct plugin_state_store *s, const char *path, size_t *len)
{
    uint8_t *copy = NULL;
    pthread_mutex_lock(&s->lock);
    const struct job *newest = NULL;
    list_for_each(j, &s->waiting, struct job, link)
    {
        if (strcmp(j->path, path) == 0)
            newest = j;
    }
    if (newest && (copy = malloc(newest->len + 1))) {
        memcpy(copy, newest->data, newest->len);
        *len = newest->len;
    }
    pthread_mutex_unlock(&s->lock);
    return copy;
}

static enum status read_state(FILE *file, const char *path, uint8_t **state, size_t *len, struct error *err)
{
    struct header h;
    if (fread(&h, sizeof h, 1, file) != 1 || memcmp(h.magic, magic, sizeof magic) != 0 ||
        h.len > FBY_STATE_MAX)
        return error_set(err, STATUS_CORRUPT, "%s is not a saved state", path);
    size_t size = (size_t)h.len;
    uint8_t *data = malloc(size + 1);
    if (!data)
        return error_set(err, STATUS_NO_MEMORY, "no memory for %s", path);
    if (fread(data, 1, size, file) != size || checksum(data, size) != h.checksum) {
        free(data);
        return error_set(err, STATUS_CORRUPT, "%s is damaged", path);
    }
    *state = data;
    *len = size;
    return STATUS_OK;
}

static enum status load_file(const char *path, uint8_t **state, size_t *len, struct error *err)
{
    FILE *file = fopen(path, "re");
    if (!file && errno == ENOENT)
        return STATUS_NOT_FOUND;
    if (!file)
        return error_set_errno(err, STATUS_IO, errno, "cannot read %s", path);
    enum status s = read_state(file, path, state, len, err);
    fclose(file);
    return s;
}

enum status plugin_state_load(struct plugin_state_store *s, const char *label, uint8_t **state, size_t *len,
                              struct error *err)
{
    char *path = make_path(s, label);
    *state = copy_waiting(s, path, len);
    enum status status = *state ? STATUS_OK : load_file(path, state, len, err);
    free(path);
    return status;
}

void plugin_state_forget(struct plugin_state_store *s, const void *owner)
{
    if (!s)
        return;
    pthread_mutex_lock(&s->lock);
    list_for_each(j, &s->waiting, struct job, link)
    {
        if (j->owner == owner)
            j->owner = NULL;
    }
    list_for_each(j, &s->written, struct job, link)
    {
        if (j->owner == owner)
            j->owner = NULL;
    }
    pthread_mutex_unlock(&s->lock);
}
