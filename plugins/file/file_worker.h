/* SPDX-License-Identifier: Apache-2.0
 *
 * The thread that writes, and what goes to and fro. Lines are copied when they are taken, so that cancel()
 * and destroy() never wait for the disk. Everything taken while one write runs is flushed together in the
 * next.
 */
#ifndef FILE_WORKER_H
#define FILE_WORKER_H

#include "file_log.h"

struct file_worker;

struct file_worker_result {
    uint64_t token;
    enum fby_outcome outcome;
};

enum { FILE_WORKER_LINES_MAX = 4096 }; /* taken and not reported */

/* What became of lines since the last report. */
struct file_worker_report {
    struct file_worker_result results[FILE_WORKER_LINES_MAX];
    size_t count;
    char reason[512]; /* why some are not stored, or why the file is not open */
    char note[256];   /* for the log; empty: none */
    bool is_open;
};

/* `wake` is called from the thread when a report is there. NULL and the reason in `err`. */
struct file_worker *file_worker_create(const struct file_log_settings *settings, void (*wake)(void *ctx),
                                       void *ctx, struct fby_error *err);
/* Does not wait: `wake` is not called any more, the thread ends by itself. */
void file_worker_destroy(struct file_worker *w);

/* Take one line (a newline is added). False: full, or a report of failures has to be fetched first. */
bool file_worker_add(struct file_worker *w, uint64_t token, const char *data, size_t len);
/* Report one line as rejected; it is not written. False: full. */
bool file_worker_refuse(struct file_worker *w, uint64_t token);
void file_worker_take_report(struct file_worker *w, struct file_worker_report *report);
/* All failures of the last report have been passed on: lines are taken again. */
void file_worker_resume(struct file_worker *w);
/* Forget what was added and not reported. */
void file_worker_cancel(struct file_worker *w);

#endif
