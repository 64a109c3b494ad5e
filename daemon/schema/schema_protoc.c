/* SPDX-License-Identifier: Apache-2.0
 *
 * See schema_protoc.h. Output and messages go to memory files, so that neither can block the other.
 */
#include "schema/schema_protoc.h"

#include "base/memory.h"
#include "schema/schema_features.h"
#include "schema/schema_set.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

enum {
    MESSAGES_MAX = 700, /* bytes of protoc's messages that are shown */
    EDITION_SIZE = 24,
};

struct arguments {
    char **items; /* owned, NULL-terminated */
    size_t count;
};

static void add_argument(struct arguments *a, char *owned)
{
    a->items = xrealloc(a->items, (a->count + 2) * sizeof *a->items);
    a->items[a->count++] = owned;
    a->items[a->count] = NULL;
}

static void finish_arguments(struct arguments *a)
{
    for (size_t i = 0; i < a->count; i++)
        free(a->items[i]);
    free(a->items);
}

/* Is the file below the folder, as protoc sees it: by the letters of their names? */
static bool is_below(const char *file, const char *folder)
{
    size_t len = strlen(folder);
    if (strcmp(folder, ".") == 0)
        return *file != '/' && strncmp(file, "../", 3) != 0;
    while (len > 1 && folder[len - 1] == '/')
        len--;
    return strncmp(file, folder, len) == 0 && (file[len] == '/' || folder[len - 1] == '/');
}

/* The folders in which imports are looked for, then those of files that are in none of them. */
static void add_folders(struct fby_strings sources, struct fby_strings include, struct arguments *a)
{
    for (size_t i = 0; i < include.count; i++)
        add_argument(a, xasprintf("--proto_path=%s", include.items[i]));
    for (size_t i = 0; i < sources.count; i++) {
        const char *source = sources.items[i], *slash = strrchr(source, '/');
        bool found = access(source, F_OK) != 0; /* its name is meant from one of them on */
        for (size_t k = 0; k < include.count && !found; k++)
            found = is_below(source, include.items[k]);
        if (found)
            continue;
        if (slash)
            add_argument(a,
                         xasprintf("--proto_path=%.*s", slash == source ? 1 : (int)(slash - source), source));
        else
            add_argument(a, xstrdup("--proto_path=."));
    }
}

/* protoc has words of its own for a file that is not there, which say less. */
static enum status check_files(struct fby_strings sources, struct fby_strings include, struct error *err)
{
    for (size_t i = 0; i < sources.count; i++) {
        bool found = access(sources.items[i], R_OK) == 0;
        int failure = errno;
        for (size_t k = 0; k < include.count && !found; k++) {
            char *path = xasprintf("%s/%s", include.items[k], sources.items[i]);
            found = access(path, R_OK) == 0;
            free(path);
        }
        if (!found)
            return error_set_errno(err, STATUS_IO, failure, "%s", sources.items[i]);
    }
    return STATUS_OK;
}

static enum status make_arguments(struct fby_strings sources, struct fby_strings include, bool comments,
                                  struct arguments *a, struct error *err)
{
    add_argument(a, xstrdup("protoc"));
    add_argument(a, xstrdup("--include_imports"));
    if (comments)
        add_argument(a, xstrdup("--include_source_info"));
    add_argument(a, xstrdup("--descriptor_set_out=/dev/fd/3"));
    add_folders(sources, include, a);
    for (size_t i = 0; i < sources.count; i++) {
        if (*sources.items[i] == '-')
            return error_set(err, STATUS_INVALID, "%s: the name of a .proto file must not start with '-'",
                             sources.items[i]);
        add_argument(a, xstrdup(sources.items[i]));
    }
    return STATUS_OK;
}

/* Start protoc with `out_fd` as descriptor 3 and its messages in `messages_fd`. */
static int spawn(char *const *arguments, int out_fd, int messages_fd, pid_t *pid)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none;
    sigemptyset(&none);
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, messages_fd, 1);
    posix_spawn_file_actions_adddup2(&actions, messages_fd, 2);
    posix_spawn_file_actions_adddup2(&actions, out_fd, 3);
    int failure = posix_spawnp(pid, "protoc", &actions, &attributes, arguments, environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return failure;
}

/* The exit status; -1 when it had to be killed. */
static int wait_bounded(pid_t pid)
{
    int pid_fd = pidfd_open(pid, 0);
    struct pollfd p = {.fd = pid_fd, .events = POLLIN};
    int ready = 0;
    do
        ready = pid_fd >= 0 ? poll(&p, 1, SCHEMA_PROTOC_TIMEOUT_MS) : -1;
    while (ready < 0 && pid_fd >= 0 && errno == EINTR);
    if (pid_fd >= 0)
        close(pid_fd);
    if (ready <= 0)
        kill(-pid, SIGKILL);
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return ready > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static enum status read_file(int fd, size_t max, struct buffer *out)
{
    struct stat st;
    if (fstat(fd, &st) != 0 || st.st_size < 0)
        return STATUS_IO;
    size_t size = (size_t)st.st_size < max ? (size_t)st.st_size : max;
    if (!buffer_reserve(out, size + 1))
        return STATUS_NO_MEMORY;
    ssize_t n = pread(fd, out->data + out->len, size, 0);
    if (n < 0)
        return STATUS_IO;
    out->len += (size_t)n;
    return STATUS_OK;
}

/* Past blanks and comments. */
static const char *skip_blanks(const char *at)
{
    for (;;) {
        at += strspn(at, " \t\r\n\f\v");
        if (strncmp(at, "//", 2) == 0) {
            at += strcspn(at, "\n");
        } else if (strncmp(at, "/*", 2) == 0) {
            const char *end = strstr(at + 2, "*/");
            at = end ? end + 2 : at + strlen(at);
        } else {
            return at;
        }
    }
}

/* The edition that a file says it is written in; false: it says none, or not in this line (from 1). */
static bool read_edition(const char *path, unsigned long line, char edition[EDITION_SIZE])
{
    char text[16 * 1024];
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    ssize_t n = fd >= 0 ? read(fd, text, sizeof text - 1) : -1;
    if (fd >= 0)
        close(fd);
    if (n <= 0)
        return false;
    text[n] = 0;
    const char *at = skip_blanks(text);
    for (const char *c = text; c < at; c++)
        line -= *c == '\n';
    if (line != 1 || strncmp(at, "edition", 7) != 0)
        return false;
    at = skip_blanks(at + 7);
    if (*at != '=')
        return false;
    at = skip_blanks(at + 1);
    if (*at != '"' && *at != '\'')
        return false;
    size_t len = strspn(at + 1, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_");
    snprintf(edition, EDITION_SIZE, "%.*s", len < EDITION_SIZE ? (int)len : EDITION_SIZE - 1, at + 1);
    return true;
}

/* A protoc from before editions stumbles over the first word of such a file, be it one that is imported. */
static bool stumbled_over_edition(const struct arguments *a, const char *messages, char *path, size_t size,
                                  char edition[EDITION_SIZE])
{
    static const char option[] = "--proto_path=", complaint[] = "Expected top-level statement";
    for (const char *line = messages; *line; line += strcspn(line, "\n"), line += *line == '\n') {
        size_t len = strcspn(line, "\n"), name_len = strcspn(line, ":");
        if (name_len >= len || !memmem(line, len, complaint, sizeof complaint - 1))
            continue;
        unsigned long number = strtoul(line + name_len + 1, NULL, 10);
        for (size_t i = 0; i < a->count; i++) {
            if (strncmp(a->items[i], option, sizeof option - 1) != 0)
                continue;
            int n = snprintf(path, size, "%s/%.*s", a->items[i] + sizeof option - 1, (int)name_len, line);
            if (n > 0 && (size_t)n < size && read_edition(path, number, edition))
                return true;
        }
    }
    return false;
}

/* What protoc does not say. */
static const char *advice(const struct arguments *a, const char *messages)
{
    struct stat st;
    static const char option[] = "--proto_path=";
    if (!strstr(messages, ": File not found."))
        return "";
    for (size_t i = 0; i < a->count; i++)
        if (strncmp(a->items[i], option, sizeof option - 1) == 0 &&
            stat(a->items[i] + sizeof option - 1, &st) != 0)
            return "one of the folders to search for imports does not exist. ";
    return "an import is in none of the folders that are searched. Name the folder in which its path begins, "
           "with "
           "include: in the configuration or -I on the command line. ";
}

static enum status tell_edition(const char *path, const char *edition, struct error *err)
{
    if (!schema_edition_is_supported(edition))
        return error_set(
            err, STATUS_INVALID,
            "%s: is written in protobuf edition %s, which is not supported. " SCHEMA_EDITIONS_SUPPORTED, path,
            edition);
    return error_set(err, STATUS_INVALID,
                     "%s: is written in protobuf edition %s, which the installed protoc does not know. "
                     "Give a descriptor set that a newer protoc, or buf, has made",
                     path, edition);
}

static enum status tell_failure(int exit_code, int messages_fd, const struct arguments *a, const char *source,
                                struct error *err)
{
    if (exit_code < 0)
        return error_set(err, STATUS_INVALID, "%s: protoc crashed or took longer than %d s", source,
                         SCHEMA_PROTOC_TIMEOUT_MS / 1000);
    char path[PATH_MAX], edition[EDITION_SIZE];
    struct buffer text = {0};
    enum status status = read_file(messages_fd, MESSAGES_MAX, &text);
    while (text.len && text.data[text.len - 1] == '\n')
        text.len--;
    buffer_add_byte(&text, 0);
    const char *messages = text.failed ? "" : (const char *)text.data;
    if (status == STATUS_OK && stumbled_over_edition(a, messages, path, sizeof path, edition))
        status = tell_edition(path, edition, err);
    else if (status == STATUS_OK)
        status =
            error_set(err, STATUS_INVALID, "%s: %sprotoc says: %s", source, advice(a, messages), messages);
    buffer_finish(&text);
    return status;
}

static enum status run(const struct arguments *a, const char *source, int out_fd, int messages_fd,
                       struct buffer *set, struct error *err)
{
    if (out_fd < 0 || messages_fd < 0)
        return error_set_errno(err, STATUS_IO, errno, "memory file for protoc");
    pid_t pid;
    int failure = spawn(a->items, out_fd, messages_fd, &pid);
    if (failure == ENOENT)
        return error_set(err, STATUS_NOT_FOUND,
                         "%s: protoc is not installed. Install the package protobuf-compiler, or give a "
                         "descriptor set made with: protoc --include_imports -o FILE SOURCES",
                         source);
    if (failure)
        return error_set_errno(err, STATUS_IO, failure, "%s: running protoc", source);
    int exit_code = wait_bounded(pid);
    if (exit_code != 0)
        return tell_failure(exit_code, messages_fd, a, source, err);
    enum status status = read_file(out_fd, SCHEMA_SET_BYTES_MAX + 1, set);
    return status ? error_set(err, status, "%s: reading what protoc wrote", source) : STATUS_OK;
}

enum status schema_protoc_run(struct fby_strings sources, struct fby_strings include, bool comments,
                              struct buffer *set, struct error *err)
{
    if (sources.count == 0)
        return error_set(err, STATUS_INVALID, "no .proto file is given");
    struct arguments a = {0};
    enum status status = make_arguments(sources, include, comments, &a, err);
    if (status == STATUS_OK)
        status = check_files(sources, include, err);
    if (status == STATUS_OK) {
        int out_fd = memfd_create("forebay-schema", MFD_CLOEXEC);
        int messages_fd = memfd_create("forebay-protoc", MFD_CLOEXEC);
        status = run(&a, sources.items[0], out_fd, messages_fd, set, err);
        if (out_fd >= 0)
            close(out_fd);
        if (messages_fd >= 0)
            close(messages_fd);
    }
    finish_arguments(&a);
    return status;
}
