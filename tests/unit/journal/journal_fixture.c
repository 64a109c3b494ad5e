/* SPDX-License-Identifier: Apache-2.0
 *
 * See the header. The libc functions defined here take precedence over libc's own in the test program.
 */
#include "journal_fixture.h"

#include "journal/journal_internal.h"
#include "journal/journal_record.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { ANSWER_TURNS = 12000 }; /* of 10 ms: a disk that others keep busy may need half a minute */

/* ---- Faults ---- */

struct fault_plan {
    unsigned calls, after, count;
    int error_number;
};

static struct fault_plan plans[FAULT_COUNT];
static pthread_mutex_t plans_mutex = PTHREAD_MUTEX_INITIALIZER;

static int next_fault(enum fault which)
{
    pthread_mutex_lock(&plans_mutex);
    struct fault_plan *p = &plans[which];
    p->calls++;
    int failure = 0;
    if (p->after > 1) {
        p->after--;
    } else if (p->after == 1 && p->count > 0) {
        p->count--;
        failure = p->error_number;
    }
    pthread_mutex_unlock(&plans_mutex);
    if (failure)
        errno = failure;
    return failure;
}

/* ---- Steps ---- */

enum { STEPS_MAX = 4096 };

static struct fixture_step steps[STEPS_MAX];
static size_t step_count;
static bool tracing;

void fixture_trace_add(enum fixture_what what, const char *file)
{
    pthread_mutex_lock(&plans_mutex);
    if (tracing && step_count < STEPS_MAX) {
        steps[step_count].what = what;
        snprintf(steps[step_count++].file, sizeof(steps[0].file), "%s", file);
    }
    pthread_mutex_unlock(&plans_mutex);
}

static void trace_descriptor(enum fixture_what what, int fd)
{
    char link[64], path[512];
    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    ssize_t len = readlink(link, path, sizeof(path) - 1);
    if (len <= 0)
        return;
    path[len] = '\0';
    fixture_trace_add(what, strrchr(path, '/') + 1);
}

void fixture_trace_start(void)
{
    pthread_mutex_lock(&plans_mutex);
    step_count = 0;
    tracing = true;
    pthread_mutex_unlock(&plans_mutex);
}

size_t fixture_trace_stop(const struct fixture_step **result)
{
    pthread_mutex_lock(&plans_mutex);
    tracing = false;
    *result = steps;
    pthread_mutex_unlock(&plans_mutex);
    assert_true(step_count < STEPS_MAX);
    return step_count;
}

/* ---- libc ---- */

/* Those with offsets go on to libc's, because how the kernel takes 64 bits differs from machine to machine.
 */
static void *real(const char *name)
{
    void *function = dlsym(RTLD_NEXT, name);
    assert_non_null(function);
    return function;
}

ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t offset)
{
    ssize_t (*write_parts)(int, const struct iovec *, int, off_t);
    *(void **)&write_parts = real("pwritev64");
    int failure = next_fault(FAULT_PWRITEV);
    struct iovec half = {parts->iov_base, (parts->iov_len + 1) / 2};
    if (failure == FAULT_SHORT)
        return write_parts(fd, &half, 1, offset);
    if (failure == FAULT_NOTHING)
        return 0;
    if (failure)
        return -1;
    trace_descriptor(STEP_WRITE, fd);
    return write_parts(fd, parts, count, offset);
}

int fdatasync(int fd)
{
    if (next_fault(FAULT_FDATASYNC))
        return -1;
    int result = (int)syscall(SYS_fdatasync, fd);
    trace_descriptor(STEP_SYNC, fd);
    return result;
}

int fsync(int fd)
{
    if (next_fault(FAULT_FSYNC))
        return -1;
    int result = (int)syscall(SYS_fsync, fd);
    trace_descriptor(STEP_SYNC_DIRECTORY, fd);
    return result;
}

int fallocate(int fd, int mode, off_t offset, off_t len)
{
    int (*reserve)(int, int, off_t, off_t);
    *(void **)&reserve = real("fallocate64");
    return next_fault(FAULT_FALLOCATE) ? -1 : reserve(fd, mode, offset, len);
}

int unlinkat(int dir_fd, const char *name, int flags)
{
    if (next_fault(FAULT_UNLINKAT))
        return -1;
    fixture_trace_add(STEP_UNLINK, name);
    return (int)syscall(SYS_unlinkat, dir_fd, name, flags);
}

int openat(int dir_fd, const char *name, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    int mode = flags & O_CREAT ? va_arg(args, int) : 0;
    va_end(args);
    if (next_fault(FAULT_OPENAT))
        return -1;
    if (flags & O_CREAT)
        fixture_trace_add(STEP_CREATE, name);
    return (int)syscall(SYS_openat, dir_fd, name, flags, mode);
}

ssize_t pread(int fd, void *data, size_t size, off_t offset)
{
    ssize_t (*read_at)(int, void *, size_t, off_t);
    *(void **)&read_at = real("pread64");
    return next_fault(FAULT_PREAD) ? -1 : read_at(fd, data, size, offset);
}

off_t lseek(int fd, off_t offset, int whence)
{
    off_t (*seek)(int, off_t, int);
    *(void **)&seek = real("lseek64");
    return next_fault(FAULT_LSEEK) ? -1 : seek(fd, offset, whence);
}

int flock(int fd, int operation)
{
    if (next_fault(FAULT_FLOCK))
        return -1;
    return (int)syscall(SYS_flock, fd, operation);
}

int ftruncate(int fd, off_t size)
{
    int (*resize)(int, off_t);
    *(void **)&resize = real("ftruncate64");
    return next_fault(FAULT_FTRUNCATE) ? -1 : resize(fd, size);
}

ssize_t getrandom(void *data, size_t size, unsigned flags)
{
    if (next_fault(FAULT_GETRANDOM))
        return -1;
    return syscall(SYS_getrandom, data, size, flags);
}

int fstat(int fd, struct stat *st)
{
    if (next_fault(FAULT_FSTAT))
        return -1;
    return fstatat(fd, "", st, AT_EMPTY_PATH);
}

int fstatvfs(int fd, struct statvfs *v)
{
    char path[64];
    if (next_fault(FAULT_FSTATVFS))
        return -1;
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    return statvfs(path, v);
}

int faccessat(int dir_fd, const char *name, int mode, int flags)
{
    if (next_fault(FAULT_FACCESSAT))
        return -1;
    assert_int_equal(flags, 0); /* the system call takes none */
    return (int)syscall(SYS_faccessat, dir_fd, name, mode);
}

int fchown(int fd, uid_t owner, gid_t group)
{
    if (next_fault(FAULT_FCHOWN))
        return -1;
    return (int)syscall(SYS_fchown, fd, owner, group);
}

int mkdirat(int dir_fd, const char *name, mode_t mode)
{
    if (next_fault(FAULT_MKDIRAT))
        return -1;
    return (int)syscall(SYS_mkdirat, dir_fd, name, mode);
}

void fixture_fail(enum fault which, unsigned after, unsigned count, int error_number)
{
    pthread_mutex_lock(&plans_mutex);
    plans[which] = (struct fault_plan){.after = after, .count = count, .error_number = error_number};
    pthread_mutex_unlock(&plans_mutex);
}

void fixture_fail_none(void)
{
    for (int i = 0; i < FAULT_COUNT; i++)
        fixture_fail((enum fault)i, 0, 0, 0);
}

unsigned fixture_calls(enum fault which)
{
    pthread_mutex_lock(&plans_mutex);
    unsigned calls = plans[which].calls;
    pthread_mutex_unlock(&plans_mutex);
    return calls;
}

/* ---- Directories ---- */

static int compare_names(const void *a, const void *b)
{
    return strcmp(a, b);
}

size_t fixture_list_segments(const char *path, char names[][64], size_t limit)
{
    DIR *dir = opendir(path);
    size_t count = 0;
    for (struct dirent *e; dir && (e = readdir(dir));) {
        if (strstr(e->d_name, ".seg") && count < limit)
            snprintf(names[count++], 64, "%.60s", e->d_name);
    }
    if (dir)
        closedir(dir);
    qsort(names, count, 64, compare_names);
    return count;
}

void fixture_write_segment(const char *path, const struct fixture_segment *wanted)
{
    static uint8_t bytes[64 << 10];
    struct buffer footer = {0};
    char name[400];
    struct journal_segment *s = journal_segment_create(wanted->base, wanted->serial, wanted->follows);
    memset(bytes, 0, sizeof(bytes));
    journal_segment_encode_header(s, bytes);
    for (uint64_t n = wanted->base; n < wanted->base + wanted->count; n++) {
        uint8_t *place = bytes + s->append_end;
        size_t len = fixture_payload(n, place + JOURNAL_RECORD_HEADER);
        struct journal_record_header h = {
            .length = (uint32_t)len, .mark = journal_segment_mark(s, s->append_end), .sequence = n};
        journal_record_encode(place, &h);
        journal_record_seal(place);
        journal_segment_add_record(s, n, journal_record_span(len), 0);
        assert_true(s->append_end + 1024 < sizeof(bytes));
    }
    if (wanted->is_sealed)
        journal_segment_encode_footer(s, &footer);
    snprintf(name, sizeof(name), "%s/%s", path, s->name);
    int fd = open(name, O_CREAT | O_EXCL | O_WRONLY, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, (size_t)s->append_end), s->append_end);
    assert_int_equal(write(fd, footer.data ? (const void *)footer.data : "", footer.len), footer.len);
    close(fd);
    buffer_finish(&footer);
    journal_segment_destroy(s);
}

static void copy_file(int from_dir, int to_dir, const char *name)
{
    struct stat st;
    int from = openat(from_dir, name, O_RDONLY),
        to = openat(to_dir, name, O_CREAT | O_TRUNC | O_WRONLY, 0600);
    assert_true(from >= 0 && to >= 0);
    assert_int_equal(fstat(from, &st), 0);
    if (S_ISREG(st.st_mode)) {
        assert_int_equal(ftruncate(to, st.st_size), 0);
        uint8_t *bytes = malloc((size_t)st.st_size + 1);
        ssize_t n = pread(from, bytes, (size_t)st.st_size, 0);
        static const uint8_t zeros[65536];
        for (ssize_t at = 0; at < n; at += (ssize_t)sizeof(zeros)) { /* keep holes */
            size_t step = n - at < (ssize_t)sizeof(zeros) ? (size_t)(n - at) : sizeof(zeros);
            if (memcmp(bytes + at, zeros, step) != 0)
                assert_int_equal(pwrite(to, bytes + at, step, at), step);
        }
        free(bytes);
    }
    close(from);
    close(to);
}

void fixture_copy_directory(const char *from, const char *to)
{
    fixture_remove_directory(to);
    mkdir(to, 0700);
    int from_fd = open(from, O_RDONLY | O_DIRECTORY), to_fd = open(to, O_RDONLY | O_DIRECTORY);
    DIR *dir = opendir(from);
    for (struct dirent *e; dir && (e = readdir(dir));) {
        if (e->d_type == DT_REG)
            copy_file(from_fd, to_fd, e->d_name);
    }
    closedir(dir);
    close(from_fd);
    close(to_fd);
}

void fixture_remove_directory(const char *path)
{
    DIR *dir = opendir(path);
    char name[512];
    for (struct dirent *e; dir && (e = readdir(dir));) {
        snprintf(name, sizeof(name), "%s/%s", path, e->d_name);
        if (e->d_type != DT_DIR)
            remove(name);
        else if (e->d_name[0] != '.')
            fixture_remove_directory(name);
    }
    if (dir)
        closedir(dir);
    rmdir(path);
}

/* ---- The journal ---- */

static void handle_done(void *ctx, enum status result)
{
    struct fixture *f = ctx;
    fixture_trace_add(STEP_ANSWER, "");
    f->answers++;
    f->answer = result;
}

static void handle_ready(void *ctx)
{
    struct fixture *f = ctx;
    f->ready++;
}

static void handle_state(void *ctx)
{
    struct fixture *f = ctx;
    f->state_changes++;
}

void fixture_init(struct fixture *f)
{
    const char *base = getenv("TMPDIR");
    if (!base && access("/dev/shm", W_OK) == 0)
        base = "/dev/shm"; /* thousands of flushes that no disk has to do, beside others that keep it busy */
    *f = (struct fixture){0};
    fixture_fail_none();
    snprintf(f->path, sizeof(f->path), "%s/journal-XXXXXX", base ? base : "/tmp");
    assert_non_null(mkdtemp(f->path));
    f->loop = loop_create(NULL);
    assert_non_null(f->loop);
    f->settings = (struct journal_settings){.path = f->path,
                                            .max_size = 64 << 20,
                                            .segment_size = 64 << 10,
                                            .record_limit = 4 << 20,
                                            .memory_tail = 256 << 10,
                                            .when_full = JOURNAL_BLOCK};
}

void fixture_finish(struct fixture *f)
{
    fixture_fail_none();
    fixture_close(f);
    loop_destroy(f->loop);
    fixture_remove_directory(f->path);
}

void fixture_open(struct fixture *f)
{
    struct error err = {0};
    f->journal = journal_open(&f->settings, "main", f->loop, NULL, &err);
    if (!f->journal)
        fail_msg("%s", err.text);
    journal_set_state_callback(f->journal, handle_state, f);
}

void fixture_close(struct fixture *f)
{
    journal_close(f->journal);
    f->journal = NULL;
}

size_t fixture_payload(uint64_t sequence, uint8_t *bytes)
{
    uint64_t x = sequence * UINT64_C(0x9e3779b97f4a7c15) + 1;
    size_t len = 40 + (size_t)(x >> 33) % 400;
    for (size_t i = 0; i < len; i++) {
        x = x * UINT64_C(6364136223846793005) + 1442695040888963407u;
        bytes[i] = (uint8_t)(x >> 56);
    }
    return len;
}

void fixture_check_record(const struct journal_record *r)
{
    uint8_t bytes[512];
    size_t len = fixture_payload(r->sequence, bytes);
    assert_int_equal(r->bytes.len, len);
    assert_memory_equal(r->bytes.data, bytes, len);
}

uint64_t fixture_append(struct fixture *f)
{
    uint8_t bytes[512];
    uint64_t sequence = f->journal->next_sequence;
    size_t len = fixture_payload(sequence, bytes);
    struct iovec parts[2] = {{bytes, len / 2}, {bytes + len / 2, len - len / 2}};
    uint64_t given = 0;
    if (journal_append(f->journal, parts, 2, &given) != STATUS_OK)
        return 0;
    assert_int_equal(given, sequence);
    return given;
}

enum status fixture_commit(struct fixture *f)
{
    unsigned before = f->answers;
    journal_commit(f->journal, handle_done, f);
    assert_int_equal(f->answers, before); /* never from inside */
    for (int i = 0; i < ANSWER_TURNS && f->answers == before; i++)
        loop_turn(f->loop, 10);
    assert_int_equal(f->answers, before + 1);
    return f->answer;
}

void fixture_fill(struct fixture *f, unsigned count, unsigned burst)
{
    for (unsigned i = 0; i < count;) {
        for (unsigned k = 0; k < burst && i < count; k++, i++)
            assert_true(fixture_append(f) > 0);
        assert_int_equal(fixture_commit(f), STATUS_OK);
    }
}

void fixture_turns(struct fixture *f, int64_t ms)
{
    for (int64_t i = 0; i < ms; i += 5) {
        loop_turn(f->loop, 5);
        for (int waits = 0; f->journal && f->journal->writer_busy && waits < 2000; waits++)
            loop_turn(f->loop, 5); /* however slow the disk is */
    }
}

struct journal_cursor *fixture_cursor(struct fixture *f, const char *name, enum journal_start start)
{
    static const struct journal_cursor_events events = {.on_ready = handle_ready};
    struct error err = {0};
    struct journal_cursor *c = journal_cursor_open(f->journal, name, start, &events, f, &err);
    if (!c)
        fail_msg("%s", err.text);
    return c;
}

unsigned fixture_read(struct fixture *f, struct journal_cursor *c, uint64_t *last)
{
    (void)f;
    struct journal_record r;
    unsigned count = 0;
    uint64_t before = journal_cursor_position(c);
    enum status st;
    while ((st = journal_cursor_next(c, &r)) == STATUS_OK) {
        assert_true(r.sequence > before);
        assert_int_equal(journal_cursor_position(c), r.sequence);
        before = r.sequence;
        fixture_check_record(&r);
        count++;
    }
    assert_int_equal(st, STATUS_END);
    if (last)
        *last = before;
    return count;
}
