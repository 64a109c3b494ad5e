/* SPDX-License-Identifier: Apache-2.0
 *
 * What this proves: what a message says of itself (topic, capture, content type, user property) decides how
 * it is decoded; what fits nothing is decoded otherwise or refused with the reason; `encode: auto` follows
 * what was chosen; codec instances are made for each way and given
 * back. JSON, text and raw payloads keep what they say, within their limits.
 */
#include "message/topic_filter.h"
#include "message/value.h"
#include "pipeline/pipeline_codec.h"
#include "plugin/plugin_host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

/* ---- A codec that takes the first byte off, and reads the rest as text ---- */

static unsigned alive;

static void *peel_create(const struct fby_host *host, struct fby_instance *in, const void *options,
                         struct fby_error *err)
{
    (void)host;
    (void)in;
    (void)options;
    (void)err;
    alive++;
    return &alive;
}

static void peel_destroy(void *self)
{
    (void)self;
    alive--;
}

static bool peel_decode(void *self, struct fby_decode *d)
{
    (void)self;
    if (d->payload.len == 0)
        return false;
    d->value = (struct fby_value){
        .type = FBY_BYTES, .len = (uint32_t)d->payload.len - 1, .bytes = d->payload.data + 1};
    return true;
}

static const struct fby_codec_ops peel_ops = {NULL,         FBY_CODEC_UNPACKS, peel_create,
                                              peel_destroy, peel_decode,       NULL};
static const struct fby_plugin peel_plugin = {FBY_PLUGIN_ABI, .name = "peel", .version = "1",
                                              .kind = FBY_KIND_CODEC, .codec = &peel_ops};

/* ---- The decoder under test ---- */

struct fixture {
    struct plugin_host *plugins;
    struct plugin *peel;
    struct pipeline_settings settings;
    struct pipeline_codec codec;
    struct arena arena;
    struct buffer out;
    struct error err;
};

static const struct decode_settings as_json = {.kind = DECODE_JSON}, as_text = {.kind = DECODE_TEXT},
                                    as_bytes = {.kind = DECODE_NONE};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    f->plugins = plugin_host_create("/nonexistent", NULL, NULL);
    plugin_host_add_static(f->plugins, &peel_plugin);
    f->peel = plugin_host_load(f->plugins, "peel", NULL, &f->err);
    assert_non_null(f->peel);
    f->settings.decode.kind = DECODE_CHOICE;
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
    plugin_unref(f->peel);
    plugin_host_destroy(f->plugins);
    free(f);
    return 0;
}

static void start(struct fixture *f, int by, const char *name, const struct decode_case *when, size_t count,
                  const struct decode_settings *otherwise)
{
    f->settings.decode.choice = (struct decode_choice){by, name, when, count, otherwise};
    if (!pipeline_codec_init(&f->codec, &f->settings, "r/t", f->plugins, &f->err))
        fail_msg("%s", f->err.text);
}

static struct fby_bytes text_of(const char *text)
{
    return (struct fby_bytes){text, strlen(text)};
}

/* What comes out is `output`; NULL: it is refused at decoding, with a reason that has `reason` in it. */
static void expect(struct fixture *f, const struct fby_message *m, const char *output, const char *reason)
{
    const char *where = NULL;
    struct fby_value v;
    enum status st = pipeline_codec_convert(&f->codec, m, &f->arena, &f->out, &where, &f->err);
    enum status two = pipeline_codec_decode(&f->codec, m, &f->arena, &v, &f->err);
    assert_int_equal(two, st);
    if (!output) {
        assert_int_equal(st, STATUS_INVALID);
        assert_string_equal(where, "decode");
        assert_non_null(strstr(f->err.text, reason));
        return;
    }
    assert_int_equal(st, STATUS_OK);
    assert_true(bytes_equal(buffer_bytes(&f->out), bytes_of_text(output)));
    assert_int_equal(pipeline_codec_encode(&f->codec, m, &v, &f->arena, &f->out, &f->err), STATUS_OK);
    assert_true(bytes_equal(buffer_bytes(&f->out), bytes_of_text(output)));
}

static struct fby_message typed(const char *content_type)
{
    return (struct fby_message){
        .topic = text_of("a/b"), .payload = text_of(" [1, 2]"), .content_type = text_of(content_type)};
}

static void content_types_ignore_case_and_parameters(void **state)
{
    struct fixture *f = *state;
    const struct decode_case when[] = {{"application/json", NULL, &as_json},
                                       {"application/json; as=text", NULL, &as_text}};
    static const struct {
        const char *content_type;
        bool is_json;
    } cases[] = {{"application/json", true},
                 {"Application/JSON", true},
                 {"  application/json  ", true},
                 {"application/json;charset=utf-8", true},
                 {"application/json ; charset=utf-8", true},
                 {"application/JSON; as=TEXT", false}};
    start(f, DECODE_BY_CONTENT_TYPE, NULL, when, 2, NULL);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fby_message m = typed(cases[i].content_type);
        expect(f, &m, cases[i].is_json ? "[1,2]" : " [1, 2]", NULL);
        assert_true(
            bytes_equal(pipeline_codec_content_type(&f->codec, &m),
                        bytes_of_text(cases[i].is_json ? "application/json" : cases[i].content_type)));
    }
}

static void what_fits_nothing_is_refused_with_the_reason(void **state)
{
    struct fixture *f = *state;
    char longest[1000];
    const struct decode_case when[] = {{"application/json", NULL, &as_json}};
    start(f, DECODE_BY_CONTENT_TYPE, NULL, when, 1, NULL);
    struct fby_message m = typed("application/jso");
    expect(f, &m, NULL, "content type \"application/jso\"");
    m = typed("");
    expect(f, &m, NULL, "the message has no content type");
    m = typed(";");
    expect(f, &m, NULL, "content type \";\"");
    memset(longest, 'a', sizeof longest - 1);
    longest[sizeof longest - 1] = 0;
    m = typed(longest);
    expect(f, &m, NULL, "content type \"aaa");
    assert_false(pipeline_codec_is_raw(&f->codec, &m));
}

static void what_fits_nothing_is_decoded_otherwise(void **state)
{
    struct fixture *f = *state;
    const struct decode_case when[] = {{"application/json", NULL, &as_json}};
    start(f, DECODE_BY_CONTENT_TYPE, NULL, when, 1, &as_bytes);
    struct fby_message m = typed("image/png");
    expect(f, &m, " [1, 2]", NULL);
    assert_true(pipeline_codec_is_raw(&f->codec, &m));
    m = typed("application/json");
    expect(f, &m, "[1,2]", NULL);
    assert_false(pipeline_codec_is_raw(&f->codec, &m));
}

static void the_first_user_property_of_the_name_counts(void **state)
{
    struct fixture *f = *state;
    const struct decode_case when[] = {{"j", NULL, &as_json}, {"t", NULL, &as_text}};
    start(f, DECODE_BY_PROPERTY, "form", when, 2, NULL);
    struct fby_pair properties[] = {
        {text_of("Form"), text_of("t")}, {text_of("form"), text_of("j")}, {text_of("form"), text_of("t")}};
    struct fby_message m = typed("");
    m.properties = properties;
    m.property_count = 3;
    expect(f, &m, "[1,2]", NULL);
    m.property_count = 1;
    expect(f, &m, NULL, "the message has no user property form");
    properties[0] = (struct fby_pair){text_of("form"), text_of("J")};
    expect(f, &m, NULL, "user property form \"J\"");
}

static void captures_decide_too(void **state)
{
    struct fixture *f = *state;
    const struct decode_case when[] = {{"event", NULL, &as_json}};
    start(f, DECODE_BY_CAPTURE, "kind", when, 1, &as_text);
    struct fby_pair captures[] = {{text_of("device"), text_of("event")}, {text_of("kind"), text_of("event")}};
    struct fby_message m = typed("");
    m.captures = captures;
    m.capture_count = 2;
    expect(f, &m, "[1,2]", NULL);
    m.capture_count = 1;
    expect(f, &m, " [1, 2]", NULL);
}

static void of_topics_the_first_that_matches_counts(void **state)
{
    struct fixture *f = *state;
    struct topic_filter *narrow = topic_filter_parse("a/b", &f->err),
                        *wide = topic_filter_parse("a/#", &f->err);
    const struct decode_case when[] = {{"a/b", narrow, &as_json}, {"a/#", wide, &as_text}};
    start(f, DECODE_BY_TOPIC, NULL, when, 2, NULL);
    struct fby_message m = typed("");
    expect(f, &m, "[1,2]", NULL);
    m.topic = text_of("a/c");
    expect(f, &m, " [1, 2]", NULL);
    m.topic = text_of("b");
    expect(f, &m, NULL, "topic \"b\"");
    topic_filter_destroy(narrow);
    topic_filter_destroy(wide);
}

static void choices_nest_and_unpack_on_the_way(void **state)
{
    struct fixture *f = *state;
    const struct codec_settings peel = {"peel", f->peel, NULL};
    const struct decode_settings peeled_json = {.kind = DECODE_JSON, .unpack = peel};
    const struct decode_case inner[] = {{"j", NULL, &peeled_json}};
    const struct decode_settings choice = {.kind = DECODE_CHOICE,
                                           .choice = {DECODE_BY_PROPERTY, "form", inner, 1, &as_text}};
    const struct decode_case outer[] = {{"a/b", NULL, &choice}};
    const struct fby_pair property = {text_of("form"), text_of("j")};
    f->settings.decode.unpack = peel;
    start(f, DECODE_BY_CONTENT_TYPE, NULL, outer, 1, NULL);
    assert_int_equal(alive, 2);
    struct fby_message m = typed("a/b");
    m.payload = text_of("xy[1, 2]");
    m.properties = &property;
    m.property_count = 1;
    expect(f, &m, "[1,2]", NULL);
    m.property_count = 0;
    expect(f, &m, "y[1, 2]", NULL);
    assert_false(pipeline_codec_is_raw(&f->codec, &m));
}

static void expect_status(struct fixture *f, const char *payload, enum status status)
{
    struct fby_message m = {.payload = text_of(payload)};
    const char *where = NULL;
    arena_reset(&f->arena);
    assert_int_equal(pipeline_codec_convert(&f->codec, &m, &f->arena, &f->out, &where, &f->err), status);
    assert_true(status == STATUS_OK || strcmp(where, "decode") == 0);
}

static void json_has_policies_and_limits(void **state)
{
    struct fixture *f = *state;
    struct decode_json_settings *json = &f->settings.decode.json;
    f->settings.decode.kind = DECODE_JSON;
    assert_true(pipeline_codec_init(&f->codec, &f->settings, "r/t", f->plugins, &f->err));
    struct fby_message m = {.payload =
                                text_of("{\"n\":123456789012345678901234567890,\"n\":18446744073709551616,"
                                        "\"m\":[-9223372036854775808,18446744073709551615]}")};
    expect(f, &m, "{\"n\":18446744073709551616,\"m\":[-9223372036854775808,18446744073709551615]}", NULL);
    json->big_integers = 1;
    expect(f, &m, "{\"n\":18446744073709552000,\"m\":[-9223372036854775808,18446744073709551615]}", NULL);
    json->big_integers = 2;
    expect(f, &m, NULL, "does not fit 64 bits");
    json->big_integers = 0;
    json->duplicate_keys = 1;
    expect(f, &m, NULL, "twice");
    json->max_payload = 8;
    expect_status(f, "[1,2,34]", STATUS_OK);
    expect_status(f, "[1,2,345]", STATUS_LIMIT);
    json->max_depth = 3;
    expect_status(f, "[[[1]]]", STATUS_OK);
    expect_status(f, "[[[[]]]]", STATUS_LIMIT);
    json->max_elements = 3;
    expect_status(f, "[1,2]", STATUS_OK);
    expect_status(f, "[1,2,3]", STATUS_LIMIT);
    expect_status(f, "NaN", STATUS_INVALID);
}

static void text_must_be_text(void **state)
{
    struct fixture *f = *state;
    f->settings.decode.kind = DECODE_TEXT;
    assert_true(pipeline_codec_init(&f->codec, &f->settings, "r/t", f->plugins, &f->err));
    struct fby_message m = {.payload = {"gr\xc3\xbc\0n", 6}, .content_type = text_of("text/plain")};
    struct fby_value v;
    const char *where;
    assert_int_equal(pipeline_codec_convert(&f->codec, &m, &f->arena, &f->out, &where, &f->err), STATUS_OK);
    assert_true(bytes_equal(buffer_bytes(&f->out), bytes_of(m.payload.data, m.payload.len)));
    assert_true(bytes_equal(pipeline_codec_content_type(&f->codec, &m), bytes_of_text("text/plain")));
    assert_int_equal(pipeline_codec_decode(&f->codec, &m, &f->arena, &v, &f->err), STATUS_OK);
    assert_int_equal(v.type, FBY_STRING);
    expect_status(f, "gr\xfcn", STATUS_INVALID);
    f->settings.encode.kind = ENCODE_JSON;
    assert_int_equal(pipeline_codec_convert(&f->codec, &m, &f->arena, &f->out, &where, &f->err), STATUS_OK);
    assert_true(bytes_equal(buffer_bytes(&f->out), bytes_of_text("\"gr\xc3\xbc\\u0000n\"")));
}

static void raw_goes_out_as_it_came(void **state)
{
    struct fixture *f = *state;
    static const char hostile[] = "\xff\0{[\x01";
    struct fby_message m = {.payload = {hostile, sizeof hostile}, .content_type = text_of("x/y")};
    f->settings.decode.kind = DECODE_NONE;
    assert_true(pipeline_codec_init(&f->codec, &f->settings, "r/t", f->plugins, &f->err));
    assert_true(pipeline_codec_is_raw(&f->codec, &m));
    struct fby_value v;
    assert_int_equal(pipeline_codec_decode(&f->codec, &m, &f->arena, &v, &f->err), STATUS_OK);
    assert_int_equal(v.type, FBY_BYTES);
    assert_int_equal(pipeline_codec_encode(&f->codec, &m, &v, &f->arena, &f->out, &f->err), STATUS_OK);
    assert_true(bytes_equal(buffer_bytes(&f->out), bytes_of(hostile, sizeof hostile)));
    assert_true(bytes_equal(pipeline_codec_content_type(&f->codec, &m), bytes_of_text("x/y")));
    /* raw behind a decoder: it must be right, and goes out as it came */
    f->settings.decode.kind = DECODE_JSON;
    f->settings.encode.kind = ENCODE_RAW;
    m.payload = text_of(" [1 ]");
    const char *where;
    assert_int_equal(pipeline_codec_convert(&f->codec, &m, &f->arena, &f->out, &where, &f->err), STATUS_OK);
    assert_true(bytes_equal(buffer_bytes(&f->out), bytes_of_text(" [1 ]")));
    expect_status(f, "[", STATUS_INVALID);
}

static void bytes_among_values_are_told_before_the_start(void **state)
{
    const struct decode_case values[] = {{"a", NULL, &as_json}, {"b", NULL, &as_text}};
    const struct decode_case bytes[] = {{"a", NULL, &as_json}, {"b", NULL, &as_bytes}};
    struct decode_settings d = {.kind = DECODE_CHOICE,
                                .choice = {DECODE_BY_CONTENT_TYPE, NULL, values, 2, NULL}};
    (void)state;
    assert_true(pipeline_settings_decodes(&d));
    d.choice.otherwise = &as_bytes;
    assert_false(pipeline_settings_decodes(&d));
    d.choice.otherwise = NULL;
    d.choice.when = bytes;
    assert_false(pipeline_settings_decodes(&d));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(content_types_ignore_case_and_parameters),
        TEST(what_fits_nothing_is_refused_with_the_reason),
        TEST(what_fits_nothing_is_decoded_otherwise),
        TEST(the_first_user_property_of_the_name_counts),
        TEST(captures_decide_too),
        TEST(of_topics_the_first_that_matches_counts),
        TEST(json_has_policies_and_limits),
        TEST(text_must_be_text),
        TEST(raw_goes_out_as_it_came),
        TEST(choices_nest_and_unpack_on_the_way),
        cmocka_unit_test(bytes_among_values_are_told_before_the_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
