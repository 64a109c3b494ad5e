/* SPDX-License-Identifier: Apache-2.0
 *
 * Puts the schema engine under protobuf's conformance runner: frames of a 32-bit little-endian length and a
 * ConformanceRequest on standard input, answered in the same way on standard output. Even the frames go
 * through the engine. FOREBAY_TESTEE_WAY says which of its ways the payloads go: "normal" (or nothing) by the
 * canonical form of the message, "straight" from the payload to JSON text, "tree" by a value tree between any
 * two forms. The daemon's routes go the latter two.
 */
#include "base/memory.h"
#include "message/value.h"
#include "schema/schema.h"
#include "schema/schema_encode.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const uint8_t protocol_set[] = {
#include "conformance_set.inc"
};
static const uint8_t messages_set[] = {
#include "messages_set.inc"
};

enum way { WAY_NORMAL, WAY_STRAIGHT, WAY_TREE };
static const char *const way_names[] = {"normal", "straight", "tree"};

enum { FRAME_MAX = 64 * 1024 * 1024 };

struct testee {
    struct schema_registry *registry;
    const struct schema_type *request, *response;
    enum way way;
    struct arena arena;
};

/* What goes back: one field of ConformanceResponse. */
struct answer {
    const char *field;
    struct buffer content;
};

static const struct schema_options json_options = {
    .max_payload = FRAME_MAX,
    .max_depth = 100,
    .max_elements = 16 * 1024 * 1024,
    .max_output = FRAME_MAX,
};

static enum way way_of_environment(void)
{
    const char *name = getenv("FOREBAY_TESTEE_WAY");
    for (size_t i = 0; name && i < array_count(way_names); i++)
        if (strcmp(name, way_names[i]) == 0)
            return (enum way)i;
    return WAY_NORMAL;
}

static bool load(struct testee *t)
{
    struct error err = {.text = ""};
    t->registry = schema_registry_create();
    if (schema_registry_add_set(t->registry, "protocol", bytes_of(protocol_set, sizeof protocol_set), &err) ==
            STATUS_OK &&
        schema_registry_add_set(t->registry, "messages", bytes_of(messages_set, sizeof messages_set), &err) ==
            STATUS_OK &&
        schema_registry_link(t->registry, &err) == STATUS_OK) {
        t->way = way_of_environment();
        t->request = schema_registry_find(t->registry, "conformance.ConformanceRequest", &err);
        t->response = schema_registry_find(t->registry, "conformance.ConformanceResponse", &err);
        arena_init(&t->arena, 0, 0);
        return true;
    }
    fprintf(stderr, "testee: %s\n", err.text);
    return false;
}

static void fail(struct answer *a, const char *field, const struct error *err)
{
    a->field = field;
    buffer_clear(&a->content);
    buffer_add_text(&a->content, err->text);
}

static void skip(struct answer *a, const char *why)
{
    a->field = "skipped";
    buffer_clear(&a->content);
    buffer_add_text(&a->content, why);
}

static struct bytes content_of(const struct fby_value *v)
{
    return bytes_of(v->bytes, v->len);
}

static bool text_is(const struct fby_value *v, const char *text)
{
    return v && v->type == FBY_STRING && bytes_equal(content_of(v), bytes_of_text(text));
}

/* The request's payload as canonical protobuf; false: `a` says why not. */
static struct schema_encode_options encode_options(const struct fby_value *request)
{
    return (struct schema_encode_options){
        .max_depth = 100,
        .max_output = FRAME_MAX,
        .ignore_unknown =
            text_is(value_field(request, bytes_of_text("test_category")), "JSON_IGNORE_UNKNOWN_PARSING_TEST"),
        .keep_unknown = true,
    };
}

static enum status protobuf_by_tree(struct testee *t, const struct schema_type *type, struct bytes payload,
                                    const struct schema_encode_options *encode, struct buffer *message,
                                    struct error *err)
{
    struct schema_options options = json_options;
    options.unknown_fields = SCHEMA_UNKNOWN_KEEP;
    struct fby_value tree;
    enum status status = schema_decode_value(type, &options, payload, &t->arena, &tree, err);
    return status ? status : schema_encode_value(type, encode, &tree, &t->arena, message, err);
}

static enum status json_by_tree(struct testee *t, const struct schema_type *type,
                                const struct schema_encode_options *options, struct bytes json,
                                struct buffer *message, struct error *err)
{
    const struct value_json_limits limits = {
        .depth = 100, .elements = FRAME_MAX, .refuse_duplicates = true, .big_integers = VALUE_JSON_BIG_EXACT};
    struct fby_value tree;
    enum status status = value_parse_json(json, &limits, &t->arena, &tree, err);
    return status ? status : schema_encode_value(type, options, &tree, &t->arena, message, err);
}

/* The request's payload as a message in its canonical form. */
static bool read_payload(struct testee *t, const struct schema_type *type, const struct fby_value *request,
                         bool by_tree, struct buffer *message, struct answer *a)
{
    struct error err = {.text = ""};
    enum status status;
    const struct fby_value *protobuf = value_field(request, bytes_of_text("protobuf_payload"));
    const struct fby_value *json = value_field(request, bytes_of_text("json_payload"));
    const struct schema_encode_options options = encode_options(request);
    if (protobuf && by_tree) {
        status = protobuf_by_tree(t, type, content_of(protobuf), &options, message, &err);
    } else if (protobuf) {
        status = schema_normalize(type, &json_options, content_of(protobuf), &t->arena, message, &err);
    } else if (json && by_tree) {
        status = json_by_tree(t, type, &options, content_of(json), message, &err);
    } else if (json) {
        status = schema_encode_json(type, &options, content_of(json), &t->arena, message, &err);
    } else {
        skip(a, "only protobuf and JSON are read");
        return false;
    }
    if (status != STATUS_OK)
        fail(a, "parse_error", &err);
    return status == STATUS_OK;
}

static enum status write_json(struct testee *t, const struct schema_type *type, struct bytes payload,
                              struct buffer *out, struct error *err)
{
    if (t->way != WAY_TREE)
        return schema_decode_json(type, &json_options, payload, &t->arena, out, err);
    struct fby_value tree;
    enum status status = schema_decode_value(type, &json_options, payload, &t->arena, &tree, err);
    return status ? status : value_write_json(&tree, out) ? STATUS_OK : STATUS_NO_MEMORY;
}

static void handle(struct testee *t, const struct fby_value *request, struct answer *a)
{
    struct error err = {.text = ""};
    const struct fby_value *name = value_field(request, bytes_of_text("message_type"));
    const struct fby_value *format = value_field(request, bytes_of_text("requested_output_format"));
    if (text_is(name, "conformance.FailureSet")) {
        a->field = "protobuf_payload";
        return;
    }
    bool to_json = text_is(format, "JSON");
    if (!to_json && !text_is(format, "PROTOBUF")) {
        skip(a, "only protobuf and JSON are written");
        return;
    }
    char *text = name ? arena_strndup(&t->arena, name->bytes, name->len) : NULL;
    const struct schema_type *type = text ? schema_registry_find(t->registry, text, &err) : NULL;
    if (!type) {
        skip(a, err.text);
        return;
    }
    struct buffer message = {0};
    bool as_it_came = to_json && t->way != WAY_NORMAL;
    const struct fby_value *raw = as_it_came ? value_field(request, bytes_of_text("protobuf_payload")) : NULL;
    if (raw && write_json(t, type, content_of(raw), &a->content, &err) == STATUS_OK) {
        a->field = "json_payload";
    } else if (read_payload(t, type, request, t->way == WAY_TREE && !raw, &message, a)) {
        /* It is a message: what goes wrong from here on, or has above, is for want of a JSON form. */
        a->field = to_json ? "json_payload" : "protobuf_payload";
        if (!to_json)
            buffer_add(&a->content, message.data, message.len);
        else if (raw || write_json(t, type, buffer_bytes(&message), &a->content, &err) != STATUS_OK)
            fail(a, "serialize_error", &err);
    }
    buffer_finish(&message);
}

/* The answer's frame, appended to `out`. */
static bool write_answer(struct testee *t, const struct answer *a, struct buffer *out)
{
    bool is_bytes = strcmp(a->field, "protobuf_payload") == 0;
    struct fby_field field = {.name = {a->field, strlen(a->field)}};
    field.value = is_bytes ? value_bytes(buffer_bytes(&a->content)) : value_string(buffer_bytes(&a->content));
    if (!field.value.bytes)
        field.value.bytes = "";
    const struct fby_value response = {.type = FBY_MAP, .len = 1, .fields = &field};
    const struct schema_encode_options options = {.framing = SCHEMA_FRAMING_FIXED32_LE,
                                                  .max_output = FRAME_MAX};
    struct error err;
    return schema_encode_value(t->response, &options, &response, &t->arena, out, &err) == STATUS_OK;
}

static bool serve(struct testee *t, const uint8_t *frame, size_t len, struct buffer *out)
{
    struct schema_options options = json_options;
    options.original_names = true;
    struct fby_value request;
    struct error err = {.text = ""};
    struct answer a = {.field = "runtime_error"};
    if (schema_decode_value(t->request, &options, bytes_of(frame, len), &t->arena, &request, &err) ==
        STATUS_OK)
        handle(t, &request, &a);
    else
        fail(&a, "runtime_error", &err);
    bool ok = write_answer(t, &a, out);
    buffer_finish(&a.content);
    arena_reset(&t->arena);
    return ok;
}

/* One request from standard input; false at its end, or when it is broken. */
static bool serve_next(struct testee *t, struct buffer *out)
{
    uint8_t prefix[4];
    if (fread(prefix, 1, sizeof prefix, stdin) != sizeof prefix)
        return false;
    uint32_t len = (uint32_t)prefix[0] | (uint32_t)prefix[1] << 8 | (uint32_t)prefix[2] << 16 |
                   (uint32_t)prefix[3] << 24;
    uint8_t *frame = len <= FRAME_MAX ? malloc(len + 1) : NULL;
    bool ok = frame && fread(frame, 1, len, stdin) == len && serve(t, frame, len, out) &&
              fwrite(out->data, 1, out->len, stdout) == out->len && fflush(stdout) == 0;
    free(frame);
    buffer_clear(out);
    return ok;
}

int main(void)
{
    struct testee t = {0};
    struct buffer out = {0};
    if (!load(&t))
        return 1;
    while (serve_next(&t, &out))
        ;
    buffer_finish(&out);
    arena_finish(&t.arena);
    schema_registry_destroy(t.registry);
    return 0;
}
