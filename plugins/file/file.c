/* SPDX-License-Identifier: Apache-2.0
 *
 * Upstream that appends every output as one line to a file, normally JSON lines. This file is the side of the
 * event loop; file_worker.c is the thread, file_log.c the file.
 */
#include <forebay/plugin.h>

#include "file_worker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct rotate_options {
    int64_t size;
    int64_t keep;
};

struct file_options {
    const char *path;
    struct rotate_options rotate;
    bool sync;
    const char *mode;
};

static const struct fby_option rotate_option_rows[] = {
    {.name = "size",
     .type = FBY_OPTION_SIZE,
     .offset = offsetof(struct rotate_options, size),
     .default_text = "0",
     .max = 1e15,
     .help = "Begin a new file when the present one would grow beyond this; 0: never."},
    {.name = "keep",
     .type = FBY_OPTION_INT,
     .offset = offsetof(struct rotate_options, keep),
     .default_text = "10",
     .min = 1,
     .max = 1000,
     .help = "Full files to keep, as path.1 (the newest) to path.<keep>; older ones are deleted."},
    {.name = NULL},
};

static const struct fby_option file_option_rows[] = {
    {.name = "path",
     .type = FBY_OPTION_STRING,
     .flags = FBY_OPTION_REQUIRED,
     .offset = offsetof(struct file_options, path),
     .help = "The file, from the root on; its directory is made when it is missing."},
    {.name = "rotate",
     .type = FBY_OPTION_SECTION,
     .offset = offsetof(struct file_options, rotate),
     .section = rotate_option_rows,
     .help = "When to begin a new file."},
    {.name = "sync",
     .type = FBY_OPTION_BOOL,
     .offset = offsetof(struct file_options, sync),
     .default_text = "true",
     .help = "Confirm a message only when its line is on the disk and not only in the kernel's memory."},
    {.name = "mode",
     .type = FBY_OPTION_STRING,
     .offset = offsetof(struct file_options, mode),
     .default_text = "0640",
     .help = "Permissions of a new file, in octal."},
    {.name = NULL},
};

struct file_upstream {
    struct file_worker *worker;
    struct fby_notifier *notifier;
    struct file_worker_report report; /* being passed on */
    size_t passed;                    /* of report.results */
    bool wants_room;                  /* send() had to refuse */
    const struct fby_host *host;
    struct fby_instance *instance;
};

/* -1: not a mode. */
static long parse_mode(const char *text)
{
    char *end;
    long mode = strtol(text, &end, 8);
    return *text && *end == 0 && mode > 0 && mode <= 0777 ? mode : -1;
}

static const char *file_check(const void *options, struct fby_error *err)
{
    const struct file_options *o = options;
    size_t len = strlen(o->path);
    if (len == 0 || o->path[len - 1] == '/' || len > 4000)
        return "The path has to name a file.";
    if (o->path[0] != '/') {
        snprintf(err->text, sizeof err->text,
                 "The path has to begin with \"/\": where a daemon stands is nothing to rely on. Write "
                 "\"${gateway.state_directory}/%.200s\", say.",
                 o->path);
        return err->text;
    }
    if (parse_mode(o->mode) < 0)
        return "The mode has to be octal permissions such as \"0640\".";
    return NULL;
}

static void wake_loop(void *ctx)
{
    const struct file_upstream *f = ctx;
    f->host->notifier_signal(f->notifier);
}

/* A host may call cancel() from within result(); then nothing of this report is left to pass on. */
static bool pass_on_results(struct file_upstream *f)
{
    bool failed = false;
    for (f->passed = 0; f->passed < f->report.count;) {
        const struct file_worker_result r = f->report.results[f->passed++];
        const char *reason = NULL;
        if (r.outcome == FBY_RETRY)
            reason = f->report.reason;
        if (r.outcome == FBY_REJECTED)
            reason = "the payload has line breaks inside; use encode: json, or another upstream";
        failed |= r.outcome == FBY_RETRY;
        f->host->result(f->instance, r.token, r.outcome, reason, 0);
    }
    return failed;
}

static void handle_report(void *ctx)
{
    struct file_upstream *f = ctx;
    file_worker_take_report(f->worker, &f->report);
    if (f->report.note[0])
        f->host->log(f->instance, FBY_LOG_WARNING, "%s", f->report.note);
    f->host->connected(f->instance, f->report.is_open, f->report.is_open ? NULL : f->report.reason);
    if (pass_on_results(f))
        file_worker_resume(f->worker);
    if (f->wants_room) {
        f->wants_room = false;
        f->host->ready(f->instance);
    }
}

static void file_destroy(void *self)
{
    struct file_upstream *f = self;
    file_worker_destroy(f->worker); /* from here on nobody signals the notifier */
    f->host->notifier_destroy(f->notifier);
    free(f);
}

static void *file_create(const struct fby_host *host, struct fby_instance *instance, const void *options,
                         struct fby_error *err)
{
    const struct file_options *o = options;
    struct file_upstream *f = calloc(1, sizeof *f);
    if (!f)
        return NULL;
    f->host = host;
    f->instance = instance;
    f->notifier = host->notifier_create(instance, handle_report, f);
    struct file_log_settings settings = {.path = o->path,
                                         .rotate_size = o->rotate.size,
                                         .keep = o->rotate.keep,
                                         .mode = (mode_t)parse_mode(o->mode),
                                         .sync = o->sync};
    if (f->notifier)
        f->worker = file_worker_create(&settings, wake_loop, f, err);
    else
        snprintf(err->text, sizeof err->text,
                 "There is no memory or no descriptor left to wake the loop with.");
    if (f->worker)
        return f;
    file_destroy(f);
    return NULL;
}

/* Line breaks inside would make two lines of one message. One at the end is the sender's own line ending. */
static bool is_one_line(struct fby_bytes *payload)
{
    if (payload->len && payload->data[payload->len - 1] == '\n')
        payload->len--;
    return payload->len == 0 || !memchr(payload->data, '\n', payload->len);
}

static size_t file_send(void *self, const struct fby_output *const *outputs, size_t count)
{
    struct file_upstream *f = self;
    for (size_t i = 0; i < count; i++) {
        struct fby_bytes line = outputs[i]->payload;
        bool taken = is_one_line(&line) ? file_worker_add(f->worker, outputs[i]->token, line.data, line.len)
                                        : file_worker_refuse(f->worker, outputs[i]->token);
        if (taken)
            continue;
        f->wants_room = true;
        return i;
    }
    return count;
}

static void file_cancel(void *self)
{
    struct file_upstream *f = self;
    file_worker_cancel(f->worker);
    f->report.count = 0;
    f->wants_room = false;
}

static const struct fby_upstream_ops file_ops = {
    .create = file_create,
    .destroy = file_destroy,
    .send = file_send,
    .cancel = file_cancel,
};

FBY_PLUGIN = {
    FBY_PLUGIN_ABI,
    .name = "file",
    .version = FBY_VERSION,
    .summary = "Appends each output as a line to a file, with rotation.",
    .kind = FBY_KIND_UPSTREAM,
    .options = file_option_rows,
    .options_size = sizeof(struct file_options),
    .check = file_check,
    .upstream = &file_ops,
    .scalar_option = "path",
};
