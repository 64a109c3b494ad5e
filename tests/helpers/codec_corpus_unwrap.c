/* SPDX-License-Identifier: Apache-2.0
 *
 * See codec_corpus.h: messages in envelopes. Numbers of fields are those of TestAllTypesProto3, which is the
 * envelope and what it carries.
 */
#include "codec_corpus.h"

enum {
    OPTIONAL_STRING = 14,
    OPTIONAL_BYTES = 15,
    REPEATED_STRING = 44,
    REPEATED_NESTED = 48,
    ONEOF_NESTED = 112,
    ONEOF_STRING = 113,
    ONEOF_NUMBER = 111,
    OPTIONAL_ANY = 305,

    ROOM = 80, /* for what is around a message */
    DEPTH = 31,
};

static const char own_url[] = "/protobuf_test_messages.proto3.TestAllTypesProto3";

/* Five bytes that stand for a message with 150 fields at their defaults. */
static void put_messages(struct buffer *b, size_t size)
{
    struct buffer unit = {0};
    codec_corpus_run(&unit, 2, "", 0);
    codec_corpus_wrap(&unit, REPEATED_NESTED);
    codec_corpus_repeat(b, unit.data, unit.len, size);
    buffer_finish(&unit);
}

static void put_texts(struct buffer *b, size_t size)
{
    struct buffer unit = {0};
    codec_corpus_run(&unit, REPEATED_STRING, "", 0);
    codec_corpus_repeat(b, unit.data, unit.len, size);
    buffer_finish(&unit);
}

/* An Any around what is in `b`. */
static void make_any(struct buffer *b, const char *url)
{
    struct buffer any = {0};
    codec_corpus_run(&any, 1, url, strlen(url));
    codec_corpus_run(&any, 2, b->data, b->len);
    buffer_finish(b);
    *b = any;
}

static void any_of_messages(struct buffer *b, size_t size)
{
    put_messages(b, size > 2 * ROOM ? size - ROOM : size / 2);
    make_any(b, own_url);
    codec_corpus_wrap(b, OPTIONAL_ANY);
}

static void rest_of_messages(struct buffer *b, size_t size)
{
    make_any(b, own_url);
    codec_corpus_wrap(b, OPTIONAL_ANY);
    put_messages(b, size);
}

/* The Any comes in many pieces, which are merged. */
static void any_in_pieces(struct buffer *b, size_t size)
{
    struct buffer unit = {0};
    make_any(&unit, own_url);
    codec_corpus_wrap(&unit, OPTIONAL_ANY);
    buffer_add(b, unit.data, unit.len);
    buffer_finish(&unit);
    codec_corpus_run(&unit, OPTIONAL_ANY, "", 0);
    codec_corpus_repeat(b, unit.data, unit.len, size);
    buffer_finish(&unit);
}

static void any_in_any(struct buffer *b, size_t size)
{
    put_texts(b, size > 4096 ? size - 2048 : size / 8);
    make_any(b, own_url);
    for (int i = 0; i < DEPTH && b->len + 40 < size; i++)
        make_any(b, "/google.protobuf.Any");
    codec_corpus_wrap(b, OPTIONAL_ANY);
}

static void oneof_of_messages(struct buffer *b, size_t size)
{
    struct buffer inner = {0};
    put_messages(&inner, size > 2 * ROOM ? size - ROOM : size / 2);
    codec_corpus_wrap(&inner, 2);
    codec_corpus_wrap(&inner, ONEOF_NESTED);
    buffer_add(b, inner.data, inner.len);
    buffer_finish(&inner);
}

static void members_in_turn(struct buffer *b, size_t size)
{
    struct buffer unit = {0};
    codec_corpus_run(&unit, ONEOF_NESTED, "\x08\x01", 2);
    codec_corpus_number(&unit, ONEOF_NUMBER, 1);
    codec_corpus_run(&unit, ONEOF_STRING, "a", 1);
    codec_corpus_repeat(b, unit.data, unit.len, size);
    buffer_finish(&unit);
}

static void oneof_in_pieces(struct buffer *b, size_t size)
{
    struct buffer unit = {0};
    codec_corpus_run(&unit, ONEOF_NESTED, "", 0);
    codec_corpus_repeat(b, unit.data, unit.len, size);
    buffer_finish(&unit);
}

static void oneof_and_texts(struct buffer *b, size_t size)
{
    codec_corpus_run(b, ONEOF_STRING, "a", 1);
    put_texts(b, size);
}

static void bytes_of_messages(struct buffer *b, size_t size)
{
    put_messages(b, size > 2 * ROOM ? size - ROOM : size / 2);
    codec_corpus_wrap(b, OPTIONAL_BYTES);
    codec_corpus_run(b, OPTIONAL_STRING, own_url, sizeof own_url - 1);
}

/* All but the last are passed over. */
static void bytes_again_and_again(struct buffer *b, size_t size)
{
    struct buffer unit = {0};
    codec_corpus_run(b, OPTIONAL_STRING, own_url, sizeof own_url - 1);
    codec_corpus_run(&unit, OPTIONAL_BYTES, "", 0);
    codec_corpus_repeat(b, unit.data, unit.len, size);
    buffer_finish(&unit);
}

/* What bench_codec_search.py finds to be the dearest, for each kind of envelope. */
static void put_empty_messages(struct buffer *b, size_t size)
{
    struct buffer unit = {0};
    codec_corpus_run(&unit, REPEATED_NESTED, "", 0);
    codec_corpus_repeat(b, unit.data, unit.len, size);
    buffer_finish(&unit);
}

static void empty_messages_beside_any(struct buffer *b, size_t size)
{
    make_any(b, own_url);
    codec_corpus_wrap(b, OPTIONAL_ANY);
    put_empty_messages(b, size);
}

static void empty_messages_beside_oneof(struct buffer *b, size_t size)
{
    codec_corpus_run(b, ONEOF_NESTED, "", 0);
    put_empty_messages(b, size);
}

static void empty_messages_beside_bytes(struct buffer *b, size_t size)
{
    codec_corpus_run(b, OPTIONAL_STRING, own_url, sizeof own_url - 1);
    put_empty_messages(b, size);
}

const struct codec_case codec_corpus_unwrap[] = {
    {"protobuf-unwrap-any", "empty messages beside it", empty_messages_beside_any},
    {"protobuf-unwrap", "empty messages beside it", empty_messages_beside_oneof},
    {"protobuf-unwrap-bytes", "empty messages beside it", empty_messages_beside_bytes},
    {"protobuf-unwrap-any", "messages of defaults", any_of_messages},
    {"protobuf-unwrap-any", "messages of defaults beside it", rest_of_messages},
    {"protobuf-unwrap-any", "in pieces", any_in_pieces},
    {"protobuf-unwrap-any", "within each other", any_in_any},
    {"protobuf-unwrap", "messages of defaults", oneof_of_messages},
    {"protobuf-unwrap", "members in turn", members_in_turn},
    {"protobuf-unwrap", "in pieces", oneof_in_pieces},
    {"protobuf-unwrap", "texts beside it", oneof_and_texts},
    {"protobuf-unwrap-bytes", "messages of defaults", bytes_of_messages},
    {"protobuf-unwrap-bytes", "again and again", bytes_again_and_again},
    {NULL, NULL, NULL},
};
