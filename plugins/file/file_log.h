/* SPDX-License-Identifier: Apache-2.0
 *
 * A file of lines that only grows: appended, flushed, rotated, repaired. Blocks on the disk, so it belongs to
 * the worker's thread (file_worker.c) and knows no host.
 */
#ifndef FILE_LOG_H
#define FILE_LOG_H

#include <forebay/plugin.h>

#include <sys/types.h>

struct file_log_settings {
    const char *path;
    int64_t rotate_size; /* bytes; 0: never */
    int64_t keep;        /* rotated files beside the present one */
    mode_t mode;
    bool sync; /* fdatasync before lines count as written */
};

/* Where a line ends in the bytes it stands in; the token is the caller's. */
struct file_line {
    size_t end;
    uint64_t token;
};

/* Lines one behind the other, each with its newline. */
struct file_lines {
    const char *bytes;
    const struct file_line *items;
    size_t count;
};

struct file_log;

struct file_log *file_log_create(const struct file_log_settings *settings); /* copied; NULL: no memory */
void file_log_destroy(struct file_log *log);

/* Open it if it is not open: make its directory, take its lock, cut off an incomplete last line. */
bool file_log_open(struct file_log *log, struct fby_error *err);

/* Append the lines; returns how many are stored for good. Fewer than `count`: `err` says why; of the rest
 * nothing is in the file. */
size_t file_log_write(struct file_log *log, const struct file_lines *lines, struct fby_error *err);

/* What happened that an operator should know (repaired, rotated elsewhere), once; NULL: nothing. */
const char *file_log_take_note(struct file_log *log);

#endif
