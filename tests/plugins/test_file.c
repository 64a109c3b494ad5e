/* SPDX-License-Identifier: Apache-2.0
 *
 * Proves that the file upstream confirms only whole lines that are in the file, in order, through rotation,
 * a torn tail, a moved file, a full disk and a cancel in the middle.
 */
#include "fake_host.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

struct file_options {
    const char *path;
    struct {
        int64_t size, keep;
    } rotate;
    bool sync;
    const char *mode;
};

static char directory[64];
static char path[128];

static int make_directory(void **state)
{
    (void)state;
    strcpy(directory, "/tmp/fby-file-XXXXXX");
    assert_non_null(mkdtemp(directory));
    snprintf(path, sizeof path, "%s/deep/er/out.jsonl", directory);
    return 0;
}

static int remove_directory(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", directory);
    return system(command);
}

static struct fake_host *start(int64_t rotate_size, int64_t keep)
{
    struct fake_host *h = fake_host_create("plugins/file/file.so");
    struct file_options *o = fake_host_options(h);
    o->path = path;
    o->rotate.size = rotate_size;
    if (keep)
        o->rotate.keep = keep;
    if (!fake_host_start(h))
        fail_msg("refused: %s", fake_host_refusal(h));
    return h;
}

static const char *read_file(const char *suffix)
{
    static char text[65536];
    char place[256];
    snprintf(place, sizeof place, "%s%s", path, suffix);
    FILE *f = fopen(place, "r");
    if (!f)
        return NULL;
    size_t n = fread(text, 1, sizeof text - 1, f);
    text[n] = 0;
    fclose(f);
    return text;
}

static void write_file(const char *text, size_t len)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, len, f), len);
    fclose(f);
}

static void send_and_wait(struct fake_host *h, uint64_t token, const char *payload, enum fby_outcome outcome)
{
    fake_host_forget_results(h);
    assert_true(fake_host_send(h, token, payload));
    assert_true(fake_host_wait_results(h, 1, 5000));
    if (fake_host_result(h, 0)->outcome != outcome)
        fail_msg("outcome %d: %s", fake_host_result(h, 0)->outcome, fake_host_result(h, 0)->reason);
}

static void appends_lines_in_order(void **state)
{
    (void)state;
    struct fake_host *h = start(0, 0);
    char payload[32];
    for (uint64_t i = 1; i <= 300; i++) {
        snprintf(payload, sizeof payload, "{\"n\":%d}", (int)i);
        assert_true(fake_host_send(h, i, payload));
    }
    assert_true(fake_host_wait_results(h, 300, 5000));
    for (size_t i = 0; i < 300; i++) {
        assert_int_equal(fake_host_result(h, i)->token, i + 1);
        assert_int_equal(fake_host_result(h, i)->outcome, FBY_DELIVERED);
    }
    assert_true(fake_host_is_connected(h));
    const char *text = read_file("");
    assert_memory_equal(text, "{\"n\":1}\n{\"n\":2}\n", 16);
    assert_non_null(strstr(text, "\n{\"n\":300}\n"));
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0640 & ~022);
    fake_host_stop(h);
    assert_int_equal(fake_host_open_handles(h), 0);
    fake_host_destroy(h);
}

static void rotates_by_size_and_keeps_so_many(void **state)
{
    (void)state;
    struct fake_host *h = start(20, 2);
    for (uint64_t i = 1; i <= 8; i++) {
        char payload[32];
        snprintf(payload, sizeof payload, "line-%04d", (int)i);
        send_and_wait(h, i, payload, FBY_DELIVERED);
    }
    assert_string_equal(read_file(""), "line-0007\nline-0008\n");
    assert_string_equal(read_file(".1"), "line-0005\nline-0006\n");
    assert_string_equal(read_file(".2"), "line-0003\nline-0004\n");
    assert_null(read_file(".3"));
    send_and_wait(h, 9, "a line that is longer than the limit", FBY_DELIVERED);
    assert_string_equal(read_file(""), "a line that is longer than the limit\n");
    send_and_wait(h, 10, "next", FBY_DELIVERED);
    assert_string_equal(read_file(""), "next\n");
    fake_host_destroy(h);
}

/* Many lines in one round are spread over several files. */
static void rotates_within_one_round(void **state)
{
    (void)state;
    struct fake_host *h = start(20, 1000);
    for (uint64_t i = 0; i < 40; i++) {
        char payload[32];
        snprintf(payload, sizeof payload, "line-%04d", (int)i);
        assert_true(fake_host_send(h, i, payload));
    }
    assert_true(fake_host_wait_results(h, 40, 5000));
    assert_string_equal(read_file(".19"), "line-0000\nline-0001\n");
    assert_string_equal(read_file(""), "line-0038\nline-0039\n");
    fake_host_destroy(h);
}

static _Atomic bool clock_jumps;

/* The plugin finds this one: a clock that is set forth and back all the time. */
__attribute__((visibility("default"))) time_t time(time_t *result)
{
    static _Atomic unsigned calls;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    time_t value = now.tv_sec + (clock_jumps && ++calls % 2 ? 1000000 : 0);
    if (result)
        *result = value;
    return value;
}

/* A rotation that failed is tried again after a pause, whatever the clock does meanwhile. */
static void a_failed_rotation_does_not_follow_the_clock(void **state)
{
    (void)state;
    char place[256];
    struct fake_host *h = start(20, 1);
    send_and_wait(h, 1, "line-0001", FBY_DELIVERED);
    snprintf(place, sizeof place, "%s.1", path);
    assert_int_equal(mkdir(place, 0700), 0); /* nothing can be renamed to it */
    snprintf(place, sizeof place, "%s.1/x", path);
    assert_int_equal(mkdir(place, 0700), 0);
    send_and_wait(h, 2, "line-0002", FBY_DELIVERED);
    send_and_wait(h, 3, "line-0003", FBY_DELIVERED);
    clock_jumps = true;
    for (uint64_t i = 4; i < 20; i++)
        send_and_wait(h, i, "line", FBY_DELIVERED);
    clock_jumps = false;
    assert_memory_equal(read_file(""), "line-0001\nline-0002\nline-0003\nline\nline\n", 40);
    fake_host_destroy(h);
}

static void cuts_off_an_incomplete_line(void **state)
{
    (void)state;
    struct fake_host *h = start(0, 0);
    send_and_wait(h, 1, "one", FBY_DELIVERED);
    fake_host_destroy(h);
    write_file("one\ntwo\n{\"half", 14);
    h = start(0, 0);
    send_and_wait(h, 3, "three", FBY_DELIVERED);
    assert_string_equal(read_file(""), "one\ntwo\nthree\n");
    assert_non_null(strstr(fake_host_log(h), "removed an incomplete last line of 6 bytes"));
    fake_host_destroy(h);
    write_file("no newline at all", 17);
    h = start(0, 0);
    send_and_wait(h, 4, "four", FBY_DELIVERED);
    assert_string_equal(read_file(""), "four\n");
    fake_host_destroy(h);
}

static void cuts_off_a_long_incomplete_line(void **state)
{
    (void)state;
    struct fake_host *h = start(0, 0);
    send_and_wait(h, 1, "one", FBY_DELIVERED);
    fake_host_destroy(h);
    char *text = malloc(300000);
    assert_non_null(text);
    memset(text, 'x', 300000);
    text[0] = '1';
    text[1] = '\n';
    write_file(text, 300000);
    free(text);
    h = start(0, 0);
    send_and_wait(h, 2, "two", FBY_DELIVERED);
    assert_string_equal(read_file(""), "1\ntwo\n");
    fake_host_destroy(h);
}

static void follows_a_file_that_was_moved(void **state)
{
    (void)state;
    struct fake_host *h = start(0, 0);
    send_and_wait(h, 1, "one", FBY_DELIVERED);
    char moved[256];
    snprintf(moved, sizeof moved, "%s.moved", path);
    assert_int_equal(rename(path, moved), 0);
    send_and_wait(h, 2, "two", FBY_DELIVERED);
    assert_string_equal(read_file(""), "two\n");
    assert_string_equal(read_file(".moved"), "one\n");
    assert_int_equal(truncate(path, 0), 0);
    send_and_wait(h, 3, "three", FBY_DELIVERED);
    assert_string_equal(read_file(""), "three\n");
    fake_host_destroy(h);
}

static void retries_what_cannot_be_written(void **state)
{
    (void)state;
    snprintf(path, sizeof path, "%s/place", directory);
    assert_int_equal(mkdir(path, 0755), 0); /* a directory where the file should be */
    struct fake_host *h = start(0, 0);
    send_and_wait(h, 1, "one", FBY_RETRY);
    assert_non_null(strstr(fake_host_result(h, 0)->reason, "Is a directory"));
    assert_non_null(strstr(fake_host_result(h, 0)->reason, path));
    assert_false(fake_host_is_connected(h));
    assert_int_equal(rmdir(path), 0);
    send_and_wait(h, 1, "one", FBY_DELIVERED);
    assert_true(fake_host_is_connected(h));
    assert_string_equal(read_file(""), "one\n");
    fake_host_destroy(h);
}

/* Nothing behind a failed line may be stored before it. */
static void keeps_order_when_writing_fails(void **state)
{
    (void)state;
    snprintf(path, sizeof path, "%s/place", directory);
    assert_int_equal(mkdir(path, 0755), 0);
    struct fake_host *h = start(0, 0);
    uint64_t next = 1;
    while (next < 500 && fake_host_send(h, next, "x")) /* until it says busy, or all */
        next++;
    assert_true(fake_host_wait_results(h, (size_t)next - 1, 5000));
    for (size_t i = 0; i + 1 < next; i++) {
        assert_int_equal(fake_host_result(h, i)->token, i + 1);
        assert_int_equal(fake_host_result(h, i)->outcome, FBY_RETRY);
    }
    fake_host_destroy(h);
}

static void refuses_payloads_of_several_lines(void **state)
{
    (void)state;
    struct fake_host *h = start(0, 0);
    send_and_wait(h, 1, "a\nb", FBY_REJECTED);
    assert_non_null(strstr(fake_host_result(h, 0)->reason, "line breaks"));
    send_and_wait(h, 2, "own ending\n", FBY_DELIVERED);
    assert_string_equal(read_file(""), "own ending\n");
    fake_host_destroy(h);
}

/* A pipe that nobody reads stops the writer, so that the queue fills up for certain. */
static void is_busy_when_full_and_says_ready(void **state)
{
    (void)state;
    enum { LINE_BYTES = 1 << 20 };
    snprintf(path, sizeof path, "%s/pipe", directory);
    assert_int_equal(mkfifo(path, 0600), 0);
    int reader = open(path, O_RDONLY | O_NONBLOCK);
    assert_true(reader >= 0);
    struct fake_host *h = start(0, 0);
    char *payload = malloc(LINE_BYTES);
    assert_non_null(payload);
    memset(payload, 'x', LINE_BYTES);
    uint64_t sent = 0;
    while (sent < 200 && fake_host_send_bytes(h, sent + 1, payload, LINE_BYTES))
        sent++;
    assert_in_range(sent, 3, 9);
    for (int i = 0; i < 20000 && fake_host_result_count(h) < sent; i++) {
        while (read(reader, payload, LINE_BYTES) > 0)
            continue;
        fake_host_turn(h, 1);
    }
    free(payload);
    assert_int_equal(fake_host_result_count(h), sent);
    assert_true(fake_host_ready_count(h) >= 1);
    send_and_wait(h, 999, "room again", FBY_DELIVERED);
    close(reader);
    fake_host_destroy(h);
}

static void forgets_what_was_cancelled(void **state)
{
    (void)state;
    struct fake_host *h = start(0, 0);
    for (int round = 0; round < 50; round++) {
        for (uint64_t i = 0; i < 20; i++)
            assert_true(fake_host_send(h, 1000 + i, "cancelled"));
        fake_host_cancel(h);
        fake_host_forget_results(h);
        send_and_wait(h, (uint64_t)round, "kept", FBY_DELIVERED);
        assert_int_equal(fake_host_result(h, 0)->token, round);
    }
    fake_host_destroy(h);
}

static void can_be_destroyed_at_any_moment(void **state)
{
    (void)state;
    for (int round = 0; round < 50; round++) {
        struct fake_host *h = start(0, 0);
        for (uint64_t i = 0; i < 20; i++)
            assert_true(fake_host_send(h, i, "x"));
        if (round % 2)
            fake_host_turn(h, 0);
        fake_host_destroy(h);
    }
    struct fake_host *h = start(0, 0);
    send_and_wait(h, 1, "last", FBY_DELIVERED);
    const char *text = read_file("");
    assert_string_equal(text + strlen(text) - 5, "last\n");
    fake_host_destroy(h);
}

static void refuses_a_second_writer(void **state)
{
    (void)state;
    snprintf(path, sizeof path, "%s/locked", directory);
    int fd = open(path, O_RDWR | O_CREAT, 0640);
    assert_true(fd >= 0);
    assert_int_equal(flock(fd, LOCK_EX), 0);
    struct fake_host *h = start(0, 0);
    send_and_wait(h, 1, "one", FBY_RETRY);
    assert_non_null(strstr(fake_host_result(h, 0)->reason, "another process or upstream"));
    close(fd);
    send_and_wait(h, 1, "one", FBY_DELIVERED);
    fake_host_destroy(h);
}

static void survives_a_full_disk(void **state)
{
    (void)state;
    if (mount("tmpfs", directory, "tmpfs", 0, "size=64k") != 0)
        skip();
    snprintf(path, sizeof path, "%s/out", directory);
    struct fake_host *h = start(0, 0);
    char payload[10000];
    memset(payload, 'x', sizeof payload);
    uint64_t token = 0;
    do {
        fake_host_forget_results(h);
        assert_true(fake_host_send_bytes(h, ++token, payload, sizeof payload));
        assert_true(fake_host_wait_results(h, 1, 5000));
    } while (fake_host_result(h, 0)->outcome == FBY_DELIVERED && token < 100);
    assert_int_equal(fake_host_result(h, 0)->outcome, FBY_RETRY);
    assert_non_null(strstr(fake_host_result(h, 0)->reason, "No space left on device"));
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_size, (token - 1) * (sizeof payload + 1));
    assert_int_equal(truncate(path, 0), 0);
    send_and_wait(h, token, "fits", FBY_DELIVERED);
    assert_string_equal(read_file(""), "fits\n");
    fake_host_destroy(h);
    assert_int_equal(umount2(directory, MNT_DETACH), 0);
}

static void writes_to_a_device(void **state)
{
    (void)state;
    strcpy(path, "/dev/null");
    struct fake_host *h = start(10, 2);
    send_and_wait(h, 1, "a line longer than the limit", FBY_DELIVERED);
    send_and_wait(h, 2, "a line longer than the limit", FBY_DELIVERED);
    fake_host_destroy(h);
}

static void checks_its_options(void **state)
{
    (void)state;
    struct fake_host *h = fake_host_create("plugins/file/file.so");
    struct file_options *o = fake_host_options(h);
    o->path = "/tmp/";
    assert_null(fake_host_start(h));
    assert_non_null(strstr(fake_host_refusal(h), "name a file"));
    o->path = "archive/out.jsonl";
    assert_null(fake_host_start(h));
    assert_non_null(strstr(fake_host_refusal(h), "${gateway.state_directory}/archive/out.jsonl"));
    o->path = "/tmp/x";
    o->mode = "rw";
    assert_null(fake_host_start(h));
    assert_non_null(strstr(fake_host_refusal(h), "octal"));
    fake_host_destroy(h);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, make_directory, remove_directory)
    const struct CMUnitTest tests[] = {
        TEST(appends_lines_in_order),
        TEST(rotates_by_size_and_keeps_so_many),
        TEST(rotates_within_one_round),
        TEST(a_failed_rotation_does_not_follow_the_clock),
        TEST(cuts_off_an_incomplete_line),
        TEST(cuts_off_a_long_incomplete_line),
        TEST(follows_a_file_that_was_moved),
        TEST(retries_what_cannot_be_written),
        TEST(keeps_order_when_writing_fails),
        TEST(refuses_payloads_of_several_lines),
        TEST(is_busy_when_full_and_says_ready),
        TEST(forgets_what_was_cancelled),
        TEST(can_be_destroyed_at_any_moment),
        TEST(refuses_a_second_writer),
        TEST(survives_a_full_disk),
        TEST(writes_to_a_device),
        TEST(checks_its_options),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
