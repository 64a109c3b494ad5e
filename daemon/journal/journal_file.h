/* SPDX-License-Identifier: Apache-2.0
 *
 * System calls on files, whole: interrupted and short ones are continued. Each returns 0 or an errno value.
 */
#ifndef JOURNAL_JOURNAL_FILE_H
#define JOURNAL_JOURNAL_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

/* openat() that is tried again for some milliseconds, but not when the name is not there. -1 and errno. */
int journal_file_open_patiently(int dir_fd, const char *name, int flags);
/* Read up to `size` bytes; *got is less only at the end of the file. */
int journal_file_read(int fd, void *data, size_t size, uint64_t offset, size_t *got);
int journal_file_write(int fd, const void *data, size_t size, uint64_t offset);
/* `parts` is used up. */
int journal_file_write_parts(int fd, struct iovec *parts, size_t count, uint64_t offset);
int journal_file_sync(int fd); /* fdatasync */
/* Whether a directory still leads to it. */
bool journal_file_has_name(int fd);
/* Make created, renamed and removed names durable. */
int journal_file_sync_directory(int dir_fd);
/* Reserve disk space up to `size` and extend the file; only extends it where the file system cannot. */
int journal_file_preallocate(int fd, uint64_t size);

#endif
