/* SPDX-License-Identifier: Apache-2.0
 *
 * See schema_fixture.h.
 */
#include "schema_fixture.h"

#include "base/memory.h"

#include "unit.h"

#include <stdio.h>
#include <unistd.h>

static char folder[64];

static void remove_folder(void)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    if (system(command) != 0)
        perror(folder);
}

const char *fixture_folder(void)
{
    if (*folder)
        return folder;
    snprintf(folder, sizeof folder, "/tmp/forebay-schema-XXXXXX");
    assert_non_null(mkdtemp(folder));
    atexit(remove_folder);
    return folder;
}

const char *fixture_write(const char *name, struct bytes content)
{
    static char paths[16][192];
    static unsigned next;
    char *path = paths[next++ % 16];
    snprintf(path, sizeof paths[0], "%s/%s", fixture_folder(), name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(content.data, 1, content.len, f), content.len);
    fclose(f);
    return path;
}

void fixture_protoc(const char *arguments)
{
    char command[512];
    snprintf(command, sizeof command, "cd '%s' && protoc %s", fixture_folder(), arguments);
    assert_int_equal(system(command), 0);
}

struct schema_registry *fixture_registry(const char *text)
{
    struct error err = {.text = ""};
    const char *path = fixture_write("fixture.proto", bytes_of_text(text));
    const struct schema_source source = {.proto = {&path, 1}};
    struct schema_registry *r = schema_registry_create();
    if (schema_registry_add(r, &source, &err) != STATUS_OK || schema_registry_link(r, &err) != STATUS_OK)
        fail_msg("%s", err.text);
    return r;
}

const char *fixture_load_error(struct bytes set)
{
    static struct error err;
    struct schema_registry *r = schema_registry_create();
    err.text[0] = 0;
    if (schema_registry_add_set(r, "test.desc", set, &err) == STATUS_OK &&
        schema_registry_link(r, &err) == STATUS_OK)
        err.text[0] = 0;
    schema_registry_destroy(r);
    return err.text;
}

void wire_varint(struct buffer *b, uint64_t value)
{
    for (; value > 127; value >>= 7)
        buffer_add_byte(b, (uint8_t)(value | 128));
    buffer_add_byte(b, (uint8_t)value);
}

void wire_tag(struct buffer *b, uint32_t number, uint32_t wire)
{
    wire_varint(b, number << 3 | wire);
}

void wire_number(struct buffer *b, uint32_t number, uint64_t value)
{
    wire_tag(b, number, 0);
    wire_varint(b, value);
}

void wire_bytes(struct buffer *b, uint32_t number, struct bytes content)
{
    wire_tag(b, number, 2);
    wire_varint(b, content.len);
    buffer_add(b, content.data, content.len);
}

void wire_text(struct buffer *b, uint32_t number, const char *text)
{
    wire_bytes(b, number, bytes_of_text(text));
}

void wire_message(struct buffer *b, uint32_t number, struct buffer *inner)
{
    wire_bytes(b, number, buffer_bytes(inner));
    buffer_finish(inner);
}
