/* SPDX-License-Identifier: Apache-2.0
 *
 * What this proves: a codec plugin decodes, unpacks and encodes within the bounds that the host gives it, has
 * state of its own, and what it refuses is said in its words and in the right place.
 */
#include "pipeline/pipeline_codec.h"

#include "loop/loop.h"
#include "message/value.h"
#include "plugin/plugin_host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

/* ---- A codec whose payloads say what it shall do ---- */

struct puppet {
    const struct fby_host *host;
    int64_t calls;
};

static unsigned alive;

static void *puppet_create(const struct fby_host *host, struct fby_instance *in, const void *options,
                           struct fby_error *err)
{
    (void)in;
    (void)options;
    (void)err;
    struct puppet *p = calloc(1, sizeof *p);
    p->host = host;
    alive++;
    return p;
}

static void puppet_destroy(void *self)
{
    alive--;
    free(self);
}

static bool puppet_decode(void *self, struct fby_decode *d)
{
    struct puppet *p = self;
    p->calls++;
    switch (d->payload.len ? d->payload.data[0] : 0) {
    case 'n': /* the number of calls so far */
        d->value = (struct fby_value){.type = FBY_INT, .integer = p->calls};
        return true;
    case 'b': /* what stands behind the first byte */
        d->value = (struct fby_value){
            .type = FBY_BYTES, .len = (uint32_t)d->payload.len - 1, .bytes = d->payload.data + 1};
        return true;
    case 'm': /* all memory there is */
        while (p->host->decode_alloc(d, 1000))
            continue;
        return false;
    case 'r':
        strcpy(d->error.text, "the first byte is r");
        return false;
    default:
        return false;
    }
}

static bool puppet_encode(void *self, struct fby_encode *e)
{
    const struct puppet *p = self;
    if (e->value->type == FBY_BOOL) {
        for (;;)
            if (!p->host->encode_write(e, "0123456789abcdef", 16))
                return true; /* the host knows better */
    }
    if (e->value->type != FBY_INT) {
        strcpy(e->error.text, "only numbers");
        return false;
    }
    return p->host->encode_write(e, "<", 1) && p->host->encode_write(e, ">", 1);
}

static const struct fby_codec_ops puppet_ops = {
    "text/puppet", 0, puppet_create, puppet_destroy, puppet_decode, puppet_encode};
static const struct fby_codec_ops unpack_ops = {
    .flags = FBY_CODEC_UNPACKS, .create = puppet_create, .destroy = puppet_destroy, .decode = puppet_decode};
static const struct fby_plugin puppet = {FBY_PLUGIN_ABI, .name = "puppet", .version = "1",
                                         .kind = FBY_KIND_CODEC, .codec = &puppet_ops};
static const struct fby_plugin unpacker = {FBY_PLUGIN_ABI, .name = "unpacker", .version = "1",
                                           .kind = FBY_KIND_CODEC, .codec = &unpack_ops};

/* ---- The owner ---- */

struct fixture {
    struct loop *loop;
    struct plugin_host *plugins;
    struct plugin *puppet, *unpacker;
    struct pipeline_settings settings;
    struct pipeline_codec codec;
    struct arena arena;
    struct buffer out;
    struct fby_message message;
    const char *where;
    struct error err;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    f->loop = loop_create(&f->err);
    f->plugins = plugin_host_create("/nonexistent", f->loop, NULL);
    plugin_host_add_static(f->plugins, &puppet);
    plugin_host_add_static(f->plugins, &unpacker);
    f->puppet = plugin_host_load(f->plugins, "puppet", NULL, &f->err);
    f->unpacker = plugin_host_load(f->plugins, "unpacker", NULL, &f->err);
    assert_non_null(f->puppet);
    assert_non_null(f->unpacker);
    arena_init(&f->arena, 0, 0);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    pipeline_codec_finish(&f->codec);
    assert_int_equal(alive, 0);
    arena_finish(&f->arena);
    buffer_finish(&f->out);
    plugin_unref(f->puppet);
    plugin_unref(f->unpacker);
    plugin_host_destroy(f->plugins);
    loop_destroy(f->loop);
    free(f);
    return 0;
}

static void start(struct fixture *f, bool unpack, int decode, int encode)
{
    if (unpack)
        f->settings.decode.unpack = (struct codec_settings){"unpacker", f->unpacker, NULL};
    f->settings.decode.kind = decode;
    if (decode == DECODE_PLUGIN)
        f->settings.decode.codec = (struct codec_settings){"puppet", f->puppet, NULL};
    f->settings.encode.kind = encode;
    if (encode == ENCODE_PLUGIN)
        f->settings.encode.codec = (struct codec_settings){"puppet", f->puppet, NULL};
    assert_true(pipeline_codec_init(&f->codec, &f->settings, "r/t", f->plugins, &f->err));
}

static enum status convert(struct fixture *f, const char *payload)
{
    f->message.payload = (struct fby_bytes){payload, strlen(payload)};
    return pipeline_codec_convert(&f->codec, &f->message, &f->arena, &f->out, &f->where, &f->err);
}

static void expect_out(struct fixture *f, const char *payload, const char *wanted)
{
    assert_int_equal(convert(f, payload), STATUS_OK);
    assert_true(bytes_equal(buffer_bytes(&f->out), bytes_of_text(wanted)));
}

static void expect_refusal(struct fixture *f, const char *payload, enum status s, const char *where,
                           const char *words)
{
    assert_int_equal(convert(f, payload), s);
    assert_string_equal(f->where, where);
    if (!strstr(f->err.text, words))
        fail_msg("expected \"%s\": %s", words, f->err.text);
}

static void decodes_with_state_of_its_own(void **state)
{
    struct fixture *f = *state;
    start(f, false, DECODE_PLUGIN, ENCODE_AUTO);
    assert_false(pipeline_codec_is_raw(&f->codec, &f->message));
    expect_out(f, "n", "1");
    expect_out(f, "n", "2");
    expect_out(f, "babc", "\"YWJj\"");
}

static void encodes(void **state)
{
    struct fixture *f = *state;
    start(f, false, DECODE_JSON, ENCODE_PLUGIN);
    expect_out(f, "17", "<>");
    assert_true(
        bytes_equal(pipeline_codec_content_type(&f->codec, &f->message), bytes_of_text("text/puppet")));
}

static void unpacks_before_it_decodes(void **state)
{
    struct fixture *f = *state;
    start(f, true, DECODE_JSON, ENCODE_AUTO);
    expect_out(f, "b{\"a\":[1]}", "{\"a\":[1]}");
    expect_refusal(f, "n", STATUS_INVALID, "decode", "gave no bytes");
    expect_refusal(f, "b{", STATUS_INVALID, "decode", "");
}

static void unpacks_without_decoding(void **state)
{
    struct fixture *f = *state;
    start(f, true, DECODE_NONE, ENCODE_AUTO);
    assert_false(pipeline_codec_is_raw(&f->codec, &f->message));
    expect_out(f, "babc", "abc");
}

static void raw_is_what_was_received(void **state)
{
    struct fixture *f = *state;
    start(f, true, DECODE_NONE, ENCODE_RAW);
    expect_out(f, "babc", "babc");
}

static void refusals_are_in_its_words(void **state)
{
    struct fixture *f = *state;
    start(f, false, DECODE_PLUGIN, ENCODE_PLUGIN);
    expect_refusal(f, "r", STATUS_INVALID, "decode", "the first byte is r");
    expect_refusal(f, "?", STATUS_INVALID, "decode", "without a reason");
    expect_refusal(f, "b", STATUS_INVALID, "encode", "only numbers");
}

static void memory_is_bounded(void **state)
{
    struct fixture *f = *state;
    start(f, false, DECODE_PLUGIN, ENCODE_AUTO);
    expect_refusal(f, "m", STATUS_LIMIT, "decode", "more than the 65568 bytes");
    assert_true(f->arena.used < 70000);
}

static void output_is_bounded(void **state)
{
    struct fixture *f = *state;
    start(f, false, DECODE_JSON, ENCODE_PLUGIN);
    expect_refusal(f, "true", STATUS_LIMIT, "encode", "4194304 bytes");
    assert_true(f->out.len <= 4194304);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(decodes_with_state_of_its_own),
        TEST(encodes),
        TEST(unpacks_before_it_decodes),
        TEST(unpacks_without_decoding),
        TEST(raw_is_what_was_received),
        TEST(refusals_are_in_its_words),
        TEST(memory_is_bounded),
        TEST(output_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
