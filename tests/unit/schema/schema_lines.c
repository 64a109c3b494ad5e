/* SPDX-License-Identifier: Apache-2.0
 *
 * The schema engine as a filter, for tests in other languages: started with a descriptor set, it reads lines
 * "OPERATION TYPE HEX" and answers each with "ok TEXT" or "error STATUS TEXT". What makes wire bytes
 * (normalize, encode) answers in hex.
 */
#include "base/memory.h"
#include "message/value.h"
#include "schema/schema.h"
#include "schema/schema_encode.h"

#include <stdio.h>
#include <stdlib.h>

static struct schema_registry *load(const char *path)
{
    struct error err;
    struct schema_registry *r = schema_registry_create();
    const struct schema_source source = {.descriptor_set = path};
    if (schema_registry_add(r, &source, &err) == STATUS_OK && schema_registry_link(r, &err) == STATUS_OK)
        return r;
    fprintf(stderr, "%s\n", err.text);
    schema_registry_destroy(r);
    return NULL;
}

static unsigned hex_digit(char c)
{
    return c <= '9' ? (unsigned)(c - '0') : (unsigned)(c - 'a' + 10);
}

static struct bytes parse_hex(char *hex)
{
    size_t len = strlen(hex) / 2;
    for (size_t i = 0; i < len; i++)
        hex[i] = (char)(hex_digit(hex[2 * i]) << 4 | hex_digit(hex[2 * i + 1]));
    return bytes_of(hex, len);
}

static void add_hex(struct buffer *out, struct bytes data)
{
    for (size_t i = 0; i < data.len; i++)
        buffer_add_format(out, "%02x", data.data[i]);
}

/* The operations whose result is wire bytes. */
static enum status run_wire(const struct schema_type *t, const char *operation, struct bytes input,
                            struct arena *a, struct buffer *out, struct error *err)
{
    const struct schema_options decode_options = {.max_depth = 100};
    const struct schema_encode_options encode_options = {.max_depth = 100,
                                                         .keep_unknown = strstr(operation, "keep") != NULL,
                                                         .ignore_unknown =
                                                             strstr(operation, "ignore") != NULL};
    struct buffer wire = {0};
    enum status status = *operation == 'e' ? schema_encode_json(t, &encode_options, input, a, &wire, err)
                                           : schema_normalize(t, &decode_options, input, a, &wire, err);
    if (status == STATUS_OK)
        add_hex(out, buffer_bytes(&wire));
    buffer_finish(&wire);
    return status;
}

static enum status run(const struct schema_type *t, const char *operation, struct bytes input,
                       struct arena *a, struct buffer *out, struct error *err)
{
    struct schema_options o = {.max_depth = 100};
    if (strncmp(operation, "strict", 6) == 0) {
        o.unknown_fields = SCHEMA_UNKNOWN_FAIL;
        operation = "json";
    }
    if (strstr(operation, "daemon")) {
        o = schema_options_default();
        o.max_depth = 100;
    }
    o.emit_defaults |= strstr(operation, "defaults") != NULL;
    o.enum_numbers = strstr(operation, "enums") != NULL;
    o.original_names |= strstr(operation, "original") != NULL;
    bool keep = strstr(operation, "keep") != NULL;
    if (keep)
        o.unknown_fields = SCHEMA_UNKNOWN_KEEP;
    if (strcmp(operation, "normalize") == 0 || strncmp(operation, "encode", 6) == 0)
        return run_wire(t, operation, input, a, out, err);
    if (strncmp(operation, "json", 4) == 0)
        return schema_decode_json(t, &o, input, a, out, err);
    if (strncmp(operation, "value", 5) != 0)
        return error_set(err, STATUS_INVALID, "no operation %s", operation);
    struct fby_value v;
    enum status status = schema_decode_value(t, &o, input, a, &v, err);
    if (status == STATUS_OK && !value_write_json(&v, out))
        status = error_set(err, STATUS_NO_MEMORY, "output");
    return status;
}

/* Names of maps may have line ends in them. */
static void print_error(enum status status, struct error *err)
{
    for (char *end; (end = strchr(err->text, '\n'));)
        *end = ' ';
    printf("error %s: %s\n", status_name(status), err->text);
}

int main(int argc, char **argv)
{
    struct schema_registry *r = argc == 2 ? load(argv[1]) : NULL;
    if (!r)
        return 1;
    struct arena arena;
    struct buffer out = {0};
    arena_init(&arena, 0, 0);
    char *line = NULL;
    size_t capacity = 0;
    ssize_t n;
    while ((n = getline(&line, &capacity, stdin)) > 0) {
        char *state = NULL;
        const char *operation = strtok_r(line, " \n", &state);
        const char *name = strtok_r(NULL, " \n", &state);
        char *hex = strtok_r(NULL, " \n", &state);
        char none[] = "";
        struct error err = {.text = ""};
        const struct schema_type *t = operation && name ? schema_registry_find(r, name, &err) : NULL;
        enum status status = STATUS_NOT_FOUND;
        buffer_clear(&out);
        if (t)
            status = run(t, operation, parse_hex(hex ? hex : none), &arena, &out, &err);
        if (status == STATUS_OK)
            printf("ok %.*s\n", (int)out.len, (const char *)out.data);
        else
            print_error(status, &err);
        fflush(stdout);
        arena_reset(&arena);
    }
    free(line);
    buffer_finish(&out);
    arena_finish(&arena);
    schema_registry_destroy(r);
    return 0;
}
