/* SPDX-License-Identifier: Apache-2.0
 *
 * Decodes one 190-byte telemetry message again and again, or writes it to stdout (`payload`).
 * Usage: bench_decode SET json|value|none|load|payload TIMES. Timed by whoever starts it, or counted by
 * callgrind (bench_decode.sh), which gives the same on any machine.
 */
#include "message/value.h"
#include "schema/schema.h"

#include <stdio.h>
#include <stdlib.h>

static void put_varint(struct buffer *b, uint64_t n)
{
    for (; n > 127; n >>= 7)
        buffer_add_byte(b, (uint8_t)(n | 128));
    buffer_add_byte(b, (uint8_t)n);
}

static void put_text(struct buffer *b, unsigned number, const char *text)
{
    put_varint(b, number << 3 | 2);
    put_varint(b, strlen(text));
    buffer_add_text(b, text);
}

static void put_double(struct buffer *b, unsigned number, double value)
{
    put_varint(b, number << 3 | 1);
    buffer_add(b, &value, sizeof value);
}

static void put_float(struct buffer *b, unsigned number, float value)
{
    put_varint(b, number << 3 | 5);
    buffer_add(b, &value, sizeof value);
}

static void put_number(struct buffer *b, unsigned number, uint64_t value)
{
    put_varint(b, number << 3);
    put_varint(b, value);
}

static void put_buffer(struct buffer *b, unsigned number, struct buffer *content)
{
    put_varint(b, number << 3 | 2);
    put_varint(b, content->len);
    buffer_add(b, content->data, content->len);
    buffer_finish(content);
}

static void make_message(struct buffer *b)
{
    put_text(b, 1, "boiler-room-sensor-0042");
    put_text(b, 2, "berlin/north-wing");
    put_number(b, 3, 1234567);
    put_number(b, 4, UINT64_C(1781234567890));
    put_double(b, 5, 21.4375);
    put_double(b, 6, 1013.25);
    put_float(b, 7, 45.3F);
    put_number(b, 8, 1);
    struct buffer position = {0};
    put_double(&position, 1, 52.520008);
    put_double(&position, 2, 13.404954);
    put_float(&position, 3, 34.5F);
    put_buffer(b, 9, &position);
    struct buffer samples = {0};
    for (unsigned i = 0; i < 8; i++)
        put_varint(&samples, 1000 + 37 * i);
    put_buffer(b, 10, &samples);
    put_text(b, 11, "v2.14.3-rc1");
    put_text(b, 12, "filter changed on schedule, next one due in 90 days");
}

static struct schema_registry *load(const char *path)
{
    struct error err;
    struct schema_registry *r = schema_registry_create();
    const struct schema_source source = {.descriptor_set = path};
    if (schema_registry_add(r, &source, &err) == STATUS_OK && schema_registry_link(r, &err) == STATUS_OK)
        return r;
    fprintf(stderr, "%s\n", err.text);
    exit(1);
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: bench_decode SET json|value|none|load|payload TIMES\n");
        return 2;
    }
    struct schema_registry *r = load(argv[1]);
    long times = strtol(argv[3], NULL, 10);
    for (long i = 0; i < times && strcmp(argv[2], "load") == 0; i++)
        schema_registry_destroy(load(argv[1]));
    const struct schema_type *t = schema_registry_find(r, "bench.Telemetry", NULL);
    struct buffer message = {0}, out = {0};
    make_message(&message);
    if (strcmp(argv[2], "payload") == 0)
        (void)fwrite(message.data, 1, message.len, stdout);
    struct arena arena;
    arena_init(&arena, 0, 0);
    struct schema_options o = schema_options_default();
    struct fby_value v;
    enum status status = STATUS_OK;
    for (long i = 0; i < times && t && status == STATUS_OK; i++) {
        buffer_clear(&out);
        arena_reset(&arena);
        if (strcmp(argv[2], "json") == 0)
            status = schema_decode_json(t, &o, buffer_bytes(&message), &arena, &out, NULL);
        else if (strcmp(argv[2], "value") == 0)
            status = schema_decode_value(t, &o, buffer_bytes(&message), &arena, &v, NULL);
    }
    fprintf(stderr, "%zu bytes of protobuf, %zu of JSON, %s\n", message.len, out.len, status_name(status));
    buffer_finish(&message);
    buffer_finish(&out);
    arena_finish(&arena);
    schema_registry_destroy(r);
    return !t || status != STATUS_OK;
}
