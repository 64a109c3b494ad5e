/* SPDX-License-Identifier: Apache-2.0
 *
 * Proves what the codec plugins make of each form of their formats, what they refuse in which words, and that
 * they stay within the bounds of a call, whatever a payload announces. The tables of their READMEs are these.
 */
#include "fake_codec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const int64_t tree_limits[3] = {256 << 10, 64, 65536}; /* struct fby_tree_limits */

struct codec_case {
    const char *hex;      /* the payload */
    const char *expected; /* of fake_codec_decode(); behind "! " any part of the reason */
    const char *again;    /* of fake_codec_repeat(); NULL: the payload itself; "": not tried */
};

static size_t from_hex(const char *hex, uint8_t *out)
{
    size_t len = 0;
    for (; *hex; hex += *hex == ' ' ? 1 : 2) {
        unsigned byte;
        if (*hex != ' ' && sscanf(hex, "%2x", &byte) == 1)
            out[len++] = (uint8_t)byte;
    }
    return len;
}

static void expect(const char *hex, const char *found, const char *expected)
{
    bool right = strncmp(expected, "! ", 2) == 0
                     ? strncmp(found, "! ", 2) == 0 && strstr(found, expected + 2) != NULL
                     : strcmp(found, expected) == 0;
    if (!right)
        fail_msg("%s: expected %s, found %s", hex, expected, found);
}

static void run(const char *path, const struct codec_case *cases, size_t count)
{
    struct fake_codec *c = fake_codec_create(path, tree_limits);
    uint8_t payload[200];
    if (!c)
        skip(); /* not built */
    for (size_t i = 0; i < count; i++) {
        const struct codec_case *one = &cases[i];
        size_t len = from_hex(one->hex, payload);
        expect(one->hex, fake_codec_decode(c, payload, len), one->expected);
        if (one->expected[0] != '!' && (!one->again || *one->again))
            expect(one->hex, fake_codec_repeat(c, payload, len), one->again ? one->again : one->hex);
    }
    fake_codec_destroy(c);
}

#define RUN(path, cases) run(path, cases, sizeof(cases) / sizeof *(cases))

static void cbor_values(void **state)
{
    (void)state;
    static const struct codec_case cases[] = {
        {"00", "0", NULL},
        {"17", "23", NULL},
        {"1818", "24", NULL},
        {"1903e8", "1000", NULL},
        {"1a000f4240", "1000000", NULL},
        {"1b7fffffffffffffff", "9223372036854775807", NULL},
        {"1bffffffffffffffff", "18446744073709551615u", NULL},
        {"1800", "0", "00"}, /* longer than needed */
        {"20", "-1", NULL},
        {"3863", "-100", NULL},
        {"3b7fffffffffffffff", "-9223372036854775808", NULL},
        {"3b8000000000000000", "! smaller than 64 bits", NULL},
        {"c248ffffffffffffffff", "18446744073709551615u", "1bffffffffffffffff"},
        {"c2490100000000000000000000", "! ", NULL},
        {"c349010000000000000000", "! more than 64 bits", NULL},
        {"c34101", "-2", "21"},
        {"f93c00", "1f", "fa3f800000"},
        {"fa3fc00000", "1.5f", NULL},
        {"fb3ff199999999999a", "1.1000000000000001", NULL},
        {"fb3ff8000000000000", "1.5", "fa3fc00000"},
        {"f4", "false", NULL},
        {"f5", "true", NULL},
        {"f6", "null", NULL},
        {"f7", "null", "f6"},
        {"60", "\"\"", NULL},
        {"6161", "\"a\"", NULL},
        {"62c3a9", "\"\xc3\xa9\"", NULL},
        {"7818 616161616161616161616161616161616161616161616161", "\"aaaaaaaaaaaaaaaaaaaaaaaa\"", ""},
        {"61ff", "! not valid UTF-8", NULL},
        {"43010203", "h'010203'", NULL},
        {"7f61616162ff", "\"ab\"", "626162"},
        {"5f41014102ff", "h'0102'", "420102"},
        {"7f6161ff", "\"a\"", "6161"},
        {"7f4101ff", "! something else in it", NULL},
        {"7f61c361a9ff", "! not valid UTF-8", NULL},
        {"c100", "t0.000000000", NULL},
        {"c120", "t-1.000000000", NULL},
        {"c1fb41d98b3aaf000000", "t1714219708.000000000", "c11a662ceabc"},
        {"c16161", "\"a\"", "6161"}, /* no such time */
        {"d9d9f700", "0", "00"},     /* a tag without a meaning here */
        {"c600", "0", "00"},         /* the tags of one byte that libcbor calls unassigned: 6 to 20 */
        {"d2f5", "true", "f5"},
        {"d44101", "h'01'", "4101"},
    };
    RUN("plugins/cbor/cbor.so", cases);
}

static void cbor_lists_and_maps(void **state)
{
    (void)state;
    static const struct codec_case cases[] = {
        {"80", "[]", NULL},
        {"83010203", "[1, 2, 3]", NULL},
        {"9f0102ff", "[1, 2]", "820102"},
        {"a0", "{}", NULL},
        {"a2616101616202", "{\"a\": 1, \"b\": 2}", NULL},
        {"bf616101ff", "{\"a\": 1}", "a1616101"},
        {"a1181e01", "{\"30\": 1}", ""},
        {"a13863 01", "{\"-100\": 1}", ""},
        {"a13b7fffffffffffffff01", "{\"-9223372036854775808\": 1}", ""},
        {"a11bffffffffffffffff01", "{\"18446744073709551615\": 1}", ""},
        {"a2616101616102", "! \"a\" occurs twice", NULL},
        {"a2016001611103", "! ", NULL},
        {"a201 01 6131 02", "! \"1\" occurs twice", NULL}, /* a number and a text with the same name */
        {"a4 6161 01 6162 02 6163 03 6161 04", "! \"a\" occurs twice", NULL},
        {"a6 6161 01 6166 02 6163 03 6162 04 6164 05 6163 06", "! \"c\" occurs twice", NULL},
        {"a6 6161 01 6166 02 6163 03 6162 04 6164 05 6165 06",
         "{\"a\": 1, \"f\": 2, \"c\": 3, \"b\": 4, \"d\": 5, \"e\": 6}", ""},
        {"a1f600", "! neither text nor integer", NULL},
        {"bf6161ff", "! ", NULL}, /* a name without a value */
        {"81", "! ends in the middle", NULL},
        {"9f00", "! ends in the middle", NULL},
        {"6261", "! ends in the middle", NULL},
        {"", "! empty", NULL},
        {"0000", "! 1 bytes follow", NULL},
        {"ff", "! ", NULL},
        {"1c", "! not CBOR", NULL},
        {"9bffffffffffffffff", "! ", NULL}, /* what a header announces is not set aside */
        {"5bffffffffffffffff00", "! ", NULL},
    };
    RUN("plugins/cbor/cbor.so", cases);
}

static void msgpack_values(void **state)
{
    (void)state;
    static const struct codec_case cases[] = {
        {"00", "0", NULL},
        {"7f", "127", NULL},
        {"e0", "-32", NULL},
        {"cc80", "128", NULL},
        {"cd0100", "256", NULL},
        {"ce00010000", "65536", NULL},
        {"cf0000000100000000", "4294967296", NULL},
        {"cfffffffffffffffff", "18446744073709551615u", NULL},
        {"d080", "-128", NULL},
        {"d1ff7f", "-129", NULL},
        {"d2ffff7fff", "-32769", NULL},
        {"d38000000000000000", "-9223372036854775808", NULL},
        {"d000", "0", "00"}, /* longer than needed */
        {"ca3fc00000", "1.5f", NULL},
        {"cb3ff199999999999a", "1.1000000000000001", NULL},
        {"c0", "null", NULL},
        {"c2", "false", NULL},
        {"c3", "true", NULL},
        {"c1", "! not MessagePack", NULL},
        {"a161", "\"a\"", NULL},
        {"d90161", "\"a\"", "a161"},
        {"a1ff", "! not valid UTF-8", NULL},
        {"c4020102", "h'0102'", NULL},
        {"c500020102", "h'0102'", "c4020102"},
        {"d6ff00000001", "t1.000000000", NULL},
        {"d7ff0000000800000001", "t1.000000002", NULL},
        {"c70cff00000002ffffffffffffffff", "t-1.000000002", NULL},
        {"d7ffffffffff00000001", "! nanoseconds", NULL},
        {"d5ff0000", "! 4, 8 or 12", NULL},
        {"d40599", "{\"ext\": 5, \"data\": h'99'}", ""},
        {"c70005", "{\"ext\": 5, \"data\": h''}", ""},
    };
    RUN("plugins/msgpack/msgpack.so", cases);
}

static void msgpack_lists_and_maps(void **state)
{
    (void)state;
    static const struct codec_case cases[] = {
        {"90", "[]", NULL},
        {"93010203", "[1, 2, 3]", NULL},
        {"dc00020102", "[1, 2]", "920102"},
        {"80", "{}", NULL},
        {"82a16101a16202", "{\"a\": 1, \"b\": 2}", NULL},
        {"de0001a16101", "{\"a\": 1}", "81a16101"},
        {"811e01", "{\"30\": 1}", ""},
        {"82a16101a16102", "! \"a\" occurs twice", NULL},
        {"81c000", "! neither text nor integer", NULL},
        {"91", "! ends in the middle", NULL},
        {"a261", "! ends in the middle", NULL},
        {"", "! empty", NULL},
        {"0000", "! 1 bytes follow", NULL},
        {"ddffffffff", "! ends in the middle", NULL},
        {"dfffffffff00", "! ends in the middle", NULL},
        {"c6ffffffff", "! ends in the middle", NULL},
    };
    RUN("plugins/msgpack/msgpack.so", cases);
}

/* ---- Bounds of a call ---- */

static void check_bounds(const char *path, const char *list_of_two, uint8_t one_item_list)
{
    struct fake_codec *c = fake_codec_create(path, tree_limits);
    uint8_t payload[100];
    if (!c)
        skip();
    memset(payload, one_item_list, 64);
    payload[64] = 0;
    assert_non_null(strstr(fake_codec_decode(c, payload, 65), "[[["));
    memset(payload, one_item_list, 65);
    payload[65] = 0;
    expect("65 lists", fake_codec_decode(c, payload, 66), "! max_depth");
    size_t len = from_hex(list_of_two, payload);
    fake_codec_limits(c)->elements = 2;
    expect(list_of_two, fake_codec_decode(c, payload, len), "! max_elements");
    fake_codec_limits(c)->elements = 3;
    expect(list_of_two, fake_codec_decode(c, payload, len), "[1, 2]");
    assert_in_range(fake_codec_memory(c), 2 * sizeof(struct fby_value),
                    1024); /* one piece of what tree.h takes */
    fake_codec_limits(c)->memory = 2 * sizeof(struct fby_value) - 1;
    expect(list_of_two, fake_codec_decode(c, payload, len), "! more than the 31 bytes");
    fake_codec_destroy(c);
}

static void cbor_bounds(void **state)
{
    (void)state;
    check_bounds("plugins/cbor/cbor.so", "820102", 0x81);
}

static void msgpack_bounds(void **state)
{
    (void)state;
    check_bounds("plugins/msgpack/msgpack.so", "920102", 0x91);
}

static void payload_size(void **state)
{
    (void)state;
    static const int64_t small[3] = {4, 64, 65536};
    struct fake_codec *c = fake_codec_create("plugins/cbor/cbor.so", small);
    if (!c)
        skip();
    expect("4 bytes", fake_codec_decode(c, "cabc", 4), "\"abc\"");
    expect("5 bytes", fake_codec_decode(c, "dabcd", 5), "! max_payload is 4");
    fake_codec_destroy(c);
}

/* ---- Unpacking ---- */

static const int64_t unpack_limits[2] = {100000, 100}; /* struct fby_unpack_options */

#define ABC   "1f8b08000000000002034b4c4a0600c241243503000000"
#define ZLIB  "789c4b4c4a0600024d0127"
#define FRAME "28b52ffd2003190000616263"

static void run_unpack(const char *path, const struct codec_case *cases, size_t count)
{
    struct fake_codec *c = fake_codec_create(path, unpack_limits);
    uint8_t payload[200];
    if (!c)
        skip();
    for (size_t i = 0; i < count; i++)
        expect(cases[i].hex, fake_codec_decode(c, payload, from_hex(cases[i].hex, payload)),
               cases[i].expected);
    fake_codec_destroy(c);
}

static void gzip_payloads(void **state)
{
    (void)state;
    static const struct codec_case cases[] = {
        {ABC, "h'616263'", NULL},
        {ZLIB, "h'616263'", NULL},
        {ABC ABC, "h'616263616263'", NULL},
        {"1f8b08000000000002034b4c4a0600c2412435030000", "! too early", NULL},
        {"1f8b08000000000002034b4c4a0600c241243603000000", "! incorrect data check", NULL},
        {ABC "78", "! ", NULL},
        {"", "! too early", NULL},
        {"7b7d", "! ", NULL},
        {"78bb0000000163646604", "! not gzip", NULL}, /* wants a dictionary */
        {"1f8b08e0000000000203"
         "4b4c4a0600c241243503000000",
         "! ", NULL}, /* reserved flags */
        {"1f8b08000000000002030300"
         "0000000000000000",
         "h''", NULL}, /* nothing in it */
        {ABC "0000", "! ", NULL},
        {ABC, "h'616263'", NULL}, /* a refusal leaves nothing behind */
    };
    run_unpack("plugins/gzip/gzip.so", cases, sizeof cases / sizeof *cases);
}

static void zstd_payloads(void **state)
{
    (void)state;
    static const struct codec_case cases[] = {
        {FRAME, "h'616263'", NULL},
        {FRAME FRAME, "h'616263616263'", NULL},
        {"28b52ffd20031900006162", "! too early", NULL},
        {FRAME "78", "! ", NULL},
        {"28b52ffd00a0010000", "h''", NULL},                    /* asks for a window of 1 GiB */
        {"28b52ffde0ffffffffffffff7f190000616263", "! ", NULL}, /* says that it holds 8 EiB */
        {"502a4d18030000006f6f6f", "h''", NULL}, /* a frame to be skipped, alone and between others */
        {FRAME "5f2a4d1800000000" FRAME, "h'616263616263'", NULL},
        {"502a4d18ffffffff6f", "! ", NULL},
        {"28b52ffd210503190000616263", "! Dictionary", NULL},
        {"28b52ffd2003190000616263ffff", "! ", NULL},
        {"", "! empty", NULL},
        {"7b7d", "! ", NULL},
        {FRAME, "h'616263'", NULL},
    };
    run_unpack("plugins/zstd/zstd.so", cases, sizeof cases / sizeof *cases);
}

/* One character 131,072 times, in a block of four bytes. */
static void zstd_bombs(void **state)
{
    (void)state;
    struct fake_codec *c = fake_codec_create("plugins/zstd/zstd.so", unpack_limits);
    uint8_t payload[200];
    if (!c)
        skip();
    size_t len = from_hex("28b52ffd0058 030010 61", payload);
    const char *found = fake_codec_decode(c, payload, len);
    expect("a bomb", found, "! max_output (100000) or max_ratio (100)");
    assert_int_equal(fake_codec_memory(c), 0);
    fake_codec_destroy(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cbor_values),    cmocka_unit_test(cbor_lists_and_maps),
        cmocka_unit_test(msgpack_values), cmocka_unit_test(msgpack_lists_and_maps),
        cmocka_unit_test(cbor_bounds),    cmocka_unit_test(msgpack_bounds),
        cmocka_unit_test(payload_size),   cmocka_unit_test(gzip_payloads),
        cmocka_unit_test(zstd_payloads),  cmocka_unit_test(zstd_bombs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
