/* SPDX-License-Identifier: Apache-2.0
 *
 * The two slots: the newest whole one counts, a damaged or half-written one never does.
 */
#include "journal/journal_crc32c.h"
#include "journal/journal_cursor_file.h"
#include "journal/journal_file.h"
#include "journal/journal_format.h"

#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void write_state(int fd, struct journal_cursor_state *s, uint64_t durable_head)
{
    struct buffer slot = {0};
    journal_cursor_file_encode(s, durable_head, &slot);
    assert_int_equal(journal_file_write(fd, slot.data, slot.len, journal_cursor_file_offset(s->generation)),
                     0);
    buffer_finish(&slot);
}

static void read_confirmed(int fd, bool found, uint64_t generation, uint64_t confirmed)
{
    struct journal_cursor_state s;
    journal_cursor_state_init(&s);
    assert_int_equal(journal_cursor_file_read(&s, fd), found);
    if (found) {
        assert_int_equal(s.generation, generation);
        assert_int_equal(s.newest, 990);
        assert_int_equal(s.count, 2);
        assert_int_equal(journal_cursor_state_find(&s, "a")->place.confirmed, confirmed);
        assert_int_equal(journal_cursor_state_find(&s, "b")->place.note.pending, 3);
    }
    journal_cursor_state_finish(&s);
}

static void fill_state(struct journal_cursor_state *s)
{
    journal_cursor_state_init(s);
    s->highest = 1000;
    s->newest = 990;
    journal_cursor_state_add(s, "a");
    journal_cursor_state_add(s, "b")->place.note = (struct journal_cursor_note){7, 3};
}

/* Slots in turn; a position past the durable head is written as the durable head. */
static void test_generations(void **state)
{
    (void)state;
    struct journal_cursor_state s;
    int fd = memfd_create("cursors", MFD_CLOEXEC);
    fill_state(&s);
    read_confirmed(fd, false, 0, 0);
    for (uint64_t n = 1; n <= 5; n++) {
        journal_cursor_state_find(&s, "a")->place.confirmed = n * 100;
        write_state(fd, &s, 450);
        read_confirmed(fd, true, n, n * 100 < 450 ? n * 100 : 450);
    }
    journal_cursor_state_finish(&s);
    close(fd);
}

/* Any byte of the newest slot wrong: the other one counts. Both wrong: none. */
static void test_damage(void **state)
{
    (void)state;
    struct journal_cursor_state s;
    struct buffer slot = {0};
    int fd = memfd_create("cursors", MFD_CLOEXEC);
    fill_state(&s);
    journal_cursor_state_find(&s, "a")->place.confirmed = 100;
    write_state(fd, &s, 1000);
    journal_cursor_state_find(&s, "a")->place.confirmed = 200;
    journal_cursor_file_encode(&s, 1000, &slot);
    for (size_t i = 0; i < slot.len; i++) {
        slot.data[i] ^= 0x10;
        assert_int_equal(journal_file_write(fd, slot.data, slot.len, journal_cursor_file_offset(2)), 0);
        slot.data[i] ^= 0x10;
        read_confirmed(fd, true, 1, 100);
    }
    for (size_t len = 0; len < slot.len; len++) { /* half written */
        static const uint8_t zeros[500];
        assert_int_equal(journal_file_write(fd, zeros, sizeof(zeros), journal_cursor_file_offset(2)), 0);
        assert_int_equal(journal_file_write(fd, slot.data, len, journal_cursor_file_offset(2)), 0);
        read_confirmed(fd, true, 1, 100);
    }
    assert_int_equal(journal_file_write(fd, "x", 1, journal_cursor_file_offset(1) + 3), 0);
    read_confirmed(fd, false, 0, 0);
    buffer_finish(&slot);
    journal_cursor_state_finish(&s);
    close(fd);
}

static void seal_slot(struct buffer *slot)
{
    journal_format_put32(slot->data + slot->len - 4, journal_crc32c(0, slot->data, slot->len - 4));
}

/* Slots with a right checksum and entries that cannot be: what stands before them counts, nothing is read
 * past the end. */
static void test_strange_entries(void **state)
{
    (void)state;
    const size_t second = 40 + 1 + 1 + 24; /* where the entry of "b" begins */
    const struct {
        size_t at;
        uint8_t value;
    } changes[] = {
        {second, 0},     /* no name */
        {second, 200},   /* a name too long */
        {second, 30},    /* one that ends behind the slot */
        {second + 1, 0}, /* one with a zero in it */
        {32, 9},         /* more entries than there are */
    };
    for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
        struct journal_cursor_state s, back;
        struct buffer slot = {0};
        fill_state(&s);
        journal_cursor_state_find(&s, "a")->place.confirmed = 100;
        journal_cursor_file_encode(&s, 1000, &slot);
        slot.data[changes[i].at] = changes[i].value;
        seal_slot(&slot);
        journal_cursor_state_init(&back);
        assert_true(journal_cursor_file_decode(&back, buffer_bytes(&slot)));
        assert_int_equal(back.highest, 1000);
        assert_int_equal(back.newest, 0);
        assert_int_equal(journal_cursor_state_find(&back, "a")->place.confirmed, 100);
        assert_int_equal(back.count, changes[i].at == 32 ? 2 : 1);
        journal_cursor_state_finish(&back);
        journal_cursor_state_finish(&s);
        buffer_finish(&slot);
    }
}

/* More readers than this version keeps, of a newer one with short names: as many as fit, and the numbers. */
static void test_too_many_entries(void **state)
{
    (void)state;
    struct journal_cursor_state s, back;
    struct buffer slot = {0}, longer = {0};
    char name[8];
    unsigned count = 0;
    journal_cursor_state_init(&s);
    do
        snprintf(name, sizeof(name), "%05u", count++);
    while (journal_cursor_state_add(&s, name));
    assert_int_equal(--count, s.count);
    s.newest = 900;
    journal_cursor_file_encode(&s, 1000, &slot);
    const size_t entry = 1 + 5 + 24, numbers = 8 + 4; /* the newest record, the checksum */
    assert_true(slot.len + entry < JOURNAL_CURSOR_FILE_SLOT);
    buffer_add(&longer, slot.data, slot.len - numbers);
    buffer_add(&longer, slot.data + slot.len - numbers - entry, entry);
    buffer_add(&longer, slot.data + slot.len - numbers, numbers);
    journal_format_put32(longer.data + 32, count + 1);
    journal_format_put32(longer.data + 36, (uint32_t)longer.len);
    seal_slot(&longer);
    journal_cursor_state_init(&back);
    assert_true(journal_cursor_file_decode(&back, buffer_bytes(&longer)));
    assert_int_equal(back.count, count);
    assert_int_equal(back.highest, s.highest);
    assert_int_equal(back.newest, 0);
    journal_cursor_state_finish(&back);
    journal_cursor_state_finish(&s);
    buffer_finish(&slot);
    buffer_finish(&longer);
}

/* A slot from before the newest record was noted in it: everything else counts. */
static void test_without_newest(void **state)
{
    (void)state;
    struct journal_cursor_state s, back;
    struct buffer slot = {0};
    fill_state(&s);
    journal_cursor_file_encode(&s, 1000, &slot);
    slot.len -= 8;
    journal_format_put32(slot.data + 36, (uint32_t)slot.len);
    for (uint8_t count = 2; count < 4; count++) { /* as many entries as there are, or more */
        slot.data[32] = count;
        seal_slot(&slot);
        journal_cursor_state_init(&back);
        assert_true(journal_cursor_file_decode(&back, buffer_bytes(&slot)));
        assert_int_equal(back.count, 2);
        assert_int_equal(back.highest, 1000);
        assert_int_equal(back.newest, 0);
        journal_cursor_state_finish(&back);
    }
    journal_cursor_state_finish(&s);
    buffer_finish(&slot);
}

/* A length in the slot that is not its own makes it damaged, also when the checksum is right. */
static void test_wrong_length(void **state)
{
    (void)state;
    struct journal_cursor_state s, back = {0};
    struct buffer slot = {0};
    fill_state(&s);
    journal_cursor_file_encode(&s, 1000, &slot);
    slot.data[36]++;
    seal_slot(&slot);
    journal_cursor_state_finish(&back); /* never initialised: nothing to do */
    journal_cursor_state_init(&back);
    assert_false(journal_cursor_file_decode(&back, buffer_bytes(&slot)));
    assert_int_equal(back.count, 0);
    journal_cursor_state_finish(&back);
    journal_cursor_state_finish(&s);
    buffer_finish(&slot);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_generations),     cmocka_unit_test(test_damage),
        cmocka_unit_test(test_strange_entries), cmocka_unit_test(test_wrong_length),
        cmocka_unit_test(test_without_newest),  cmocka_unit_test(test_too_many_entries),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
