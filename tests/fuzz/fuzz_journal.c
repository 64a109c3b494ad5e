/* SPDX-License-Identifier: Apache-2.0
 *
 * Damage to a segment and to the cursor file. The first byte chooses; the rest is a list of edits to a good
 * segment (offset, length, bytes), or a slot of the cursor file as it stands. Proves that no record with
 * other bytes than were written comes out, that numbers ascend, and that nothing crashes or hangs.
 */
#include "journal/journal_block.h"
#include "journal/journal_cursor_file.h"
#include "journal/journal_file.h"
#include "journal/journal_record.h"
#include "journal/journal_scan.h"

#include <assert.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum { RECORDS = 100, BASE = 1000, FILE_MAX = 64 * 1024 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t good[FILE_MAX];
static size_t good_size;
static struct journal_block_pool *pool;

static size_t fill_payload(uint64_t sequence, uint8_t *bytes)
{
    size_t len = (size_t)(sequence * 37 % 300);
    for (size_t i = 0; i < len; i++)
        bytes[i] = (uint8_t)(sequence * 131 + i * 17);
    return len;
}

static struct journal_segment *new_segment(void)
{
    return journal_segment_create(BASE, UINT64_C(0x100001234), BASE - 1);
}

static void add_record(struct journal_segment *s, uint64_t sequence)
{
    uint8_t *place = good + s->append_end;
    struct journal_record_header h = {
        .mark = journal_segment_mark(s, s->append_end), .sequence = sequence, .appended_us = 1};
    h.length = (uint32_t)fill_payload(sequence, place + JOURNAL_RECORD_HEADER);
    journal_record_encode(place, &h);
    journal_record_seal(place);
    journal_segment_add_record(s, sequence, journal_record_span(h.length), 1);
}

static void build_good_segment(void)
{
    struct journal_segment *s = new_segment();
    struct buffer footer = {0};
    pool = journal_block_pool_create();
    journal_segment_encode_header(s, good);
    for (uint64_t n = BASE; n < BASE + RECORDS; n++)
        add_record(s, n);
    journal_segment_encode_footer(s, &footer);
    memcpy(good + s->append_end, footer.data, footer.len);
    good_size = (size_t)s->append_end + footer.len;
    buffer_finish(&footer);
    journal_segment_destroy(s);
}

/* Edits of three bytes of head each: two of offset, one of length; then the bytes. */
static size_t apply_edits(uint8_t *bytes, size_t file_size, const uint8_t *data, size_t size)
{
    while (size >= 3) {
        size_t offset = (size_t)(data[0] | data[1] << 8), len = data[2] & 0x3f;
        bool cut = data[2] & 0x80;
        data += 3;
        size -= 3;
        if (cut && offset < file_size)
            file_size = offset;
        if (len > size)
            len = size;
        for (size_t i = 0; i < len && offset + i < FILE_MAX; i++)
            bytes[offset + i] ^= data[i];
        data += len;
        size -= len;
    }
    return file_size;
}

static void check_scan(struct journal_segment *s, int fd, bool exact, uint64_t end_of_file)
{
    struct journal_scan scan;
    struct journal_record r;
    uint8_t bytes[512];
    uint64_t before = BASE - 1;
    enum status st;
    journal_scan_start(&scan, pool, fd, s, journal_segment_find_place(s, fd, BASE), exact, end_of_file);
    while ((st = journal_scan_next(&scan, &r)) == STATUS_OK || st == STATUS_CORRUPT) {
        if (st == STATUS_CORRUPT)
            continue;
        assert(r.sequence > before && r.sequence < BASE + RECORDS);
        before = r.sequence;
        size_t len = fill_payload(r.sequence, bytes);
        assert(bytes_equal(r.bytes, bytes_of(bytes, len)));
    }
    assert(st == STATUS_END);
    journal_scan_finish(&scan);
}

static void fuzz_segment(const uint8_t *data, size_t size)
{
    static uint8_t bytes[FILE_MAX];
    memcpy(bytes, good, sizeof(bytes));
    size_t file_size = apply_edits(bytes, good_size, data, size);
    int fd = memfd_create("segment", MFD_CLOEXEC);
    assert(fd >= 0 && journal_file_write(fd, bytes, file_size, 0) == 0);
    struct journal_segment *s = new_segment();
    s->size = file_size;
    (void)journal_segment_read_header(s, fd);
    if (s->base == BASE && journal_segment_read_footer(s, fd, file_size))
        check_scan(s, fd, true, file_size);
    if (s->base == BASE)
        check_scan(s, fd, false, file_size);
    journal_segment_destroy(s);
    close(fd);
}

static void fuzz_cursors(const uint8_t *data, size_t size)
{
    struct journal_cursor_state state;
    journal_cursor_state_init(&state);
    (void)journal_cursor_file_decode(&state, bytes_of(data, size));
    int fd = memfd_create("cursors", MFD_CLOEXEC);
    assert(fd >= 0 && journal_file_write(fd, data, size, 0) == 0);
    (void)journal_cursor_file_read(&state, fd);
    close(fd);
    journal_cursor_state_finish(&state);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!pool)
        build_good_segment();
    if (size == 0)
        return 0;
    if (data[0] & 1)
        fuzz_cursors(data + 1, size - 1);
    else
        fuzz_segment(data + 1, size - 1);
    return 0;
}
