/* SPDX-License-Identifier: Apache-2.0
 *
 * The file of the cursors. The first byte says whether marks, lengths and checksums are put right, so that
 * the fuzzer gets behind them; the rest are the two slots, the first as long as the second byte says. Proves
 * that a slot that is taken over is written again with the same places, that the newer slot wins, and that a
 * slot that is refused leaves the state as it was.
 */
#include "journal/journal_crc32c.h"
#include "journal/journal_cursor_file.h"
#include "journal/journal_file.h"
#include "journal/journal_format.h"

#include <assert.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum { AT_LENGTH = 36, HEAD = 40, CRC = 4 }; /* as journal_cursor_file.c has it */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void repair(uint8_t *slot, size_t len)
{
    if (len < HEAD + CRC)
        return;
    memcpy(slot, "FBYCUR01", 8);
    journal_format_put32(slot + AT_LENGTH, (uint32_t)len);
    journal_format_put32(slot + len - CRC, journal_crc32c(0, slot, len - CRC));
}

static void check_written_again(struct journal_cursor_state *s)
{
    struct journal_cursor_state again;
    struct buffer out = {0};
    uint64_t generation = s->generation;
    journal_cursor_state_init(&again);
    journal_cursor_file_encode(s, UINT64_MAX, &out);
    assert(s->generation == generation + 1);
    assert(out.len <= JOURNAL_CURSOR_FILE_SLOT);
    if (generation < UINT64_MAX - 1) {
        assert(journal_cursor_file_decode(&again, buffer_bytes(&out)));
        assert(again.count == s->count && again.highest == s->highest);
    }
    const struct list *first = s->entries.next;
    list_for_each(e, &again.entries, struct journal_cursor_entry, link)
    {
        const struct journal_cursor_entry *f = list_entry(first, struct journal_cursor_entry, link);
        assert(strcmp(f->name, e->name) == 0 && f->place.confirmed == e->place.confirmed);
        assert(f->place.note.pending == e->place.note.pending);
        first = first->next;
    }
    buffer_finish(&out);
    journal_cursor_state_finish(&again);
}

static void check_file(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len)
{
    struct journal_cursor_state one, two, file;
    journal_cursor_state_init(&one);
    journal_cursor_state_init(&two);
    journal_cursor_state_init(&file);
    bool right = journal_cursor_file_decode(&one, bytes_of(a, a_len));
    bool other = journal_cursor_file_decode(&two, bytes_of(b, b_len));
    int fd = memfd_create("cursors", MFD_CLOEXEC);
    assert(fd >= 0 && journal_file_write(fd, a, a_len, 0) == 0 &&
           journal_file_write(fd, b, b_len, JOURNAL_CURSOR_FILE_SLOT) == 0);
    bool any = journal_cursor_file_read(&file, fd);
    close(fd);
    assert(any == (right || other));
    uint64_t newest = one.generation > two.generation ? one.generation : two.generation;
    assert(!any || file.generation == newest);
    if (any)
        check_written_again(&file);
    journal_cursor_state_finish(&file);
    journal_cursor_state_finish(&two);
    journal_cursor_state_finish(&one);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    size_t a_len = (size_t)data[1] * 4, b_len;
    a_len = a_len < size - 2 ? a_len : size - 2;
    b_len = size - 2 - a_len;
    uint8_t *a = malloc(a_len + 1), *b = malloc(b_len + 1);
    memcpy(a, data + 2, a_len);
    memcpy(b, data + 2 + a_len, b_len);
    if (data[0] & 1)
        repair(a, a_len);
    if (data[0] & 2)
        repair(b, b_len);
    check_file(a, a_len, b, b_len);
    free(a);
    free(b);
    return 0;
}
