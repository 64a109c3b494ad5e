/* SPDX-License-Identifier: Apache-2.0
 *
 * A disk that remembers: one file on a FUSE mount of its own, for a loop device to stand on. Every write and
 * flush goes to a list of events, together with how much a log file outside had then, so that
 * 31-torn-sectors.py can make the disk as a power cut after any of them would have left it. Speaks the
 * kernel's protocol itself. Usage: power_disk MOUNTPOINT IMAGE EVENTS LOG; says "ready"; ends with the mount.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum {
    WRITE_MAX = 128 * 1024,
    REQUEST_MAX = WRITE_MAX + 64 * 1024,
    DISK_NODE = 2,
    FOREVER_S = 3600,
    EVENT_WRITE = 1,
    EVENT_FLUSH = 2,
    EVENT_MOMENT = 3, /* nothing was asked for some time */
    MOMENT_MS = 5,
};

struct event {
    uint64_t offset;
    uint64_t log_size; /* bytes that the log had when this began */
    uint32_t size;     /* of the data that follows */
    uint32_t kind;
};

struct disk {
    int fuse_fd, image_fd, events_fd;
    const char *log_path;
    uint64_t size;
};

static const char disk_name[] = "disk";

static void die(const char *what)
{
    fprintf(stderr, "power_disk: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void reply(struct disk *d, const struct fuse_in_header *in, int failure, const void *data, size_t size)
{
    struct fuse_out_header out = {
        .len = (uint32_t)(sizeof(out) + size), .error = -failure, .unique = in->unique};
    struct iovec parts[] = {{&out, sizeof(out)}, {(void *)(uintptr_t)data, size}};
    if (writev(d->fuse_fd, parts, size > 0 ? 2 : 1) < 0 && errno != ENOENT)
        die("reply");
}

static struct fuse_attr attributes(const struct disk *d, uint64_t node)
{
    bool root = node == FUSE_ROOT_ID;
    return (struct fuse_attr){.ino = node,
                              .size = root ? 0 : d->size,
                              .mode = root ? S_IFDIR | 0700 : S_IFREG | 0600,
                              .nlink = 1,
                              .blksize = 4096};
}

static void note_event(struct disk *d, uint32_t kind, uint64_t offset, const void *data, uint32_t size)
{
    struct stat st = {0};
    (void)stat(d->log_path, &st);
    struct event e = {.offset = offset, .log_size = (uint64_t)st.st_size, .size = size, .kind = kind};
    struct iovec parts[] = {{&e, sizeof(e)}, {(void *)(uintptr_t)data, size}};
    if (writev(d->events_fd, parts, 2) != (ssize_t)(sizeof(e) + size))
        die("events");
}

static void handle_init(struct disk *d, const struct fuse_in_header *in)
{
    struct fuse_init_out out = {.major = FUSE_KERNEL_VERSION,
                                .minor = FUSE_KERNEL_MINOR_VERSION,
                                .max_readahead = WRITE_MAX,
                                .flags = FUSE_BIG_WRITES | FUSE_MAX_PAGES,
                                .max_background = 16,
                                .congestion_threshold = 12,
                                .max_write = WRITE_MAX,
                                .max_pages = WRITE_MAX / 4096};
    reply(d, in, 0, &out, sizeof(out));
    printf("ready\n");
    fflush(stdout);
}

static void handle_lookup(struct disk *d, const struct fuse_in_header *in, const char *name)
{
    struct fuse_entry_out out = {.nodeid = DISK_NODE,
                                 .entry_valid = FOREVER_S,
                                 .attr_valid = FOREVER_S,
                                 .attr = attributes(d, DISK_NODE)};
    if (in->nodeid != FUSE_ROOT_ID || strcmp(name, disk_name) != 0)
        reply(d, in, ENOENT, NULL, 0);
    else
        reply(d, in, 0, &out, sizeof(out));
}

static void handle_read(struct disk *d, const struct fuse_in_header *in, const struct fuse_read_in *read_in)
{
    static uint8_t bytes[1 << 20];
    size_t size = read_in->size < sizeof(bytes) ? read_in->size : sizeof(bytes);
    ssize_t got = pread(d->image_fd, bytes, size, (off_t)read_in->offset);
    reply(d, in, got < 0 ? errno : 0, bytes, got > 0 ? (size_t)got : 0);
}

static void handle_write(struct disk *d, const struct fuse_in_header *in,
                         const struct fuse_write_in *write_in)
{
    const void *data = write_in + 1;
    struct fuse_write_out out = {.size = write_in->size};
    note_event(d, EVENT_WRITE, write_in->offset, data, write_in->size);
    if (pwrite(d->image_fd, data, write_in->size, (off_t)write_in->offset) != (ssize_t)write_in->size)
        reply(d, in, EIO, NULL, 0);
    else
        reply(d, in, 0, &out, sizeof(out));
}

static void handle_request(struct disk *d, const struct fuse_in_header *in)
{
    const void *body = in + 1;
    struct fuse_attr_out attr = {.attr_valid = FOREVER_S, .attr = attributes(d, in->nodeid)};
    struct fuse_open_out opened = {.fh = in->nodeid};
    struct fuse_statfs_out space = {.st = {.bsize = 4096, .frsize = 4096, .namelen = 255}};
    switch (in->opcode) {
    case FUSE_INIT:
        handle_init(d, in);
        break;
    case FUSE_LOOKUP:
        handle_lookup(d, in, body);
        break;
    case FUSE_GETATTR:
    case FUSE_SETATTR:
        reply(d, in, 0, &attr, sizeof(attr));
        break;
    case FUSE_OPEN:
        reply(d, in, 0, &opened, sizeof(opened));
        break;
    case FUSE_STATFS:
        reply(d, in, 0, &space, sizeof(space));
        break;
    case FUSE_READ:
        handle_read(d, in, body);
        break;
    case FUSE_WRITE:
        handle_write(d, in, body);
        break;
    case FUSE_FSYNC:
        note_event(d, EVENT_FLUSH, 0, NULL, 0);
        reply(d, in, 0, NULL, 0);
        break;
    case FUSE_FLUSH:
    case FUSE_RELEASE:
        reply(d, in, 0, NULL, 0);
        break;
    case FUSE_FORGET:
    case FUSE_BATCH_FORGET:
        break; /* wants no answer */
    default:
        reply(d, in, ENOSYS, NULL, 0);
    }
}

static void serve(struct disk *d)
{
    static _Alignas(struct fuse_in_header) uint8_t request[REQUEST_MAX];
    for (;;) {
        struct pollfd p = {.fd = d->fuse_fd, .events = POLLIN};
        if (poll(&p, 1, MOMENT_MS) == 0) {
            note_event(d, EVENT_MOMENT, 0, NULL, 0);
            continue;
        }
        ssize_t got = read(d->fuse_fd, request, sizeof(request));
        if (got < 0 && errno == ENODEV) /* unmounted */
            return;
        if (got < 0 && (errno == EINTR || errno == ENOENT || errno == EAGAIN))
            continue;
        if (got < (ssize_t)sizeof(struct fuse_in_header))
            die("/dev/fuse");
        handle_request(d, (const struct fuse_in_header *)request);
    }
}

int main(int argc, char **argv)
{
    char options[100];
    struct stat st;
    if (argc != 5) {
        fprintf(stderr, "usage: power_disk MOUNTPOINT IMAGE EVENTS LOG\n");
        return 2;
    }
    struct disk d = {.fuse_fd = open("/dev/fuse", O_RDWR | O_CLOEXEC),
                     .image_fd = open(argv[2], O_RDWR | O_CLOEXEC),
                     .events_fd = open(argv[3], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600),
                     .log_path = argv[4]};
    if (d.fuse_fd < 0 || d.image_fd < 0 || d.events_fd < 0 || fstat(d.image_fd, &st) != 0)
        die("open");
    d.size = (uint64_t)st.st_size;
    snprintf(options, sizeof(options), "fd=%d,rootmode=40000,user_id=0,group_id=0", d.fuse_fd);
    if (mount("power_disk", argv[1], "fuse", MS_NOSUID | MS_NODEV, options) != 0)
        die("mount");
    serve(&d);
    return 0;
}
