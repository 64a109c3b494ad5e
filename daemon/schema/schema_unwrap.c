/* SPDX-License-Identifier: Apache-2.0
 *
 * See schema_unwrap.h. Here the settings are checked against the envelope's type; the writers are in
 * schema_json.c and schema_value.c, what they share in schema_payload.c.
 */
#include "schema/schema_unwrap.h"

#include "schema/schema_payload.h"

#include <errno.h>
#include <stdlib.h>

/* What one envelope is compiled with. */
struct compiling {
    const struct schema_unwrap_settings *settings;
    struct arena *arena;
    const char **option;
    struct error *err;
};

static bool no_memory(const struct compiling *c)
{
    (void)error_set(c->err, STATUS_NO_MEMORY, "out of memory");
    return false;
}

static int32_t find_oneof(const struct schema_type *t, const char *name)
{
    for (uint32_t i = 0; i < t->oneof_count; i++)
        if (strcmp(t->oneof_names[i], name) == 0)
            return (int32_t)i;
    return -1;
}

static bool find_field(const struct compiling *c, struct schema_unwrap *u)
{
    const struct schema_type *t = u->envelope;
    const char *name = c->settings->field;
    *c->option = "field";
    u->name = name;
    u->oneof = -1;
    if (t->wellknown == SCHEMA_ANY) {
        if (strcmp(name, "value") == 0)
            return true;
        (void)error_set(c->err, STATUS_INVALID, "what an Any carries is its field \"value\", not \"%.80s\"",
                        name);
        return false;
    }
    u->oneof = find_oneof(t, name);
    if (u->oneof >= 0)
        return true;
    u->field = schema_type_field_by_name(t, bytes_of_text(name));
    if (!u->field)
        (void)error_set(c->err, STATUS_INVALID, "%s has neither a field nor a oneof \"%.80s\"", t->full_name,
                        name);
    else if ((u->field->flags & SCHEMA_FIELD_REPEATED) ||
             (!schema_field_is_message(u->field) && u->field->kind != SCHEMA_KIND_BYTES))
        (void)error_set(c->err, STATUS_INVALID,
                        "the field %s of %s cannot carry a message: it must be one message, an Any or bytes",
                        name, t->full_name);
    else
        return true;
    return false;
}

static bool is_number(const struct schema_field *f)
{
    return f->wire != SCHEMA_WIRE_LENGTH && f->wire != SCHEMA_WIRE_GROUP && f->kind != SCHEMA_KIND_DOUBLE &&
           f->kind != SCHEMA_KIND_FLOAT && f->kind != SCHEMA_KIND_BOOL;
}

static bool find_type_field(const struct compiling *c, struct schema_unwrap *u)
{
    const char *name = c->settings->type_field;
    const struct schema_field *f = schema_type_field_by_name(u->envelope, bytes_of_text(name));
    *c->option = "type_field";
    u->type_field = f;
    if (!f)
        (void)error_set(c->err, STATUS_INVALID, "%s has no field \"%.80s\"", u->envelope->full_name, name);
    else if ((f->flags & SCHEMA_FIELD_REPEATED) || (f->kind != SCHEMA_KIND_STRING && !is_number(f)))
        (void)error_set(c->err, STATUS_INVALID,
                        "the field %s of %s cannot name a message type: it must be a text, a whole number or "
                        "an enum",
                        name, u->envelope->full_name);
    else if (f->kind != SCHEMA_KIND_STRING && c->settings->type_count == 0)
        (void)error_set(c->err, STATUS_INVALID,
                        "the field %s is no text that could be the name of a message type. Say what its "
                        "values stand for with  types: { … }",
                        name);
    else
        return true;
    return false;
}

/* The number that a text of `types` stands for. */
static bool parse_number(const struct schema_field *f, const char *text, int64_t *number)
{
    const struct schema_enum_value *v =
        f->kind == SCHEMA_KIND_ENUM ? schema_enum_find_name(f->enumeration, bytes_of_text(text)) : NULL;
    char *end;
    if (v) {
        *number = v->number;
        return true;
    }
    errno = 0;
    *number = *text == '-' ? strtoll(text, &end, 10) : (int64_t)strtoull(text, &end, 10);
    return errno == 0 && end > text && !*end && (*text == '-' || (*text >= '0' && *text <= '9'));
}

/* The cases in the order in which they are looked for. */
static bool sort_types(const struct compiling *c, struct schema_unwrap *u)
{
    size_t count = c->settings->type_count;
    bool numbers = u->type_field->kind != SCHEMA_KIND_STRING;
    struct schema_unwrap_case *types = arena_calloc(c->arena, count + 1, sizeof *types);
    int64_t *keys = arena_calloc(c->arena, count + 1, sizeof *keys);
    *c->option = "types";
    if (!types || !keys)
        return no_memory(c);
    for (size_t i = 0; i < count; i++) {
        struct schema_unwrap_case one = c->settings->types[i];
        int64_t key = 0;
        size_t at = i;
        if (numbers && !parse_number(u->type_field, one.text, &key)) {
            (void)error_set(c->err, STATUS_INVALID, "\"%.80s\" is no value of the field %s of %s", one.text,
                            u->type_field->names[1].data, u->envelope->full_name);
            return false;
        }
        for (; at > 0 && (numbers ? keys[at - 1] > key : strcmp(types[at - 1].text, one.text) > 0); at--) {
            types[at] = types[at - 1];
            keys[at] = keys[at - 1];
        }
        if (numbers && at > 0 && keys[at - 1] == key) {
            (void)error_set(c->err, STATUS_INVALID, "\"%.80s\" and \"%.80s\" are the same value of %s",
                            types[at - 1].text, one.text, u->type_field->names[1].data);
            return false;
        }
        types[at] = one;
        keys[at] = key;
    }
    u->types = types;
    u->numbers = keys;
    u->type_count = count;
    return true;
}

/* What bytes hold must be said, and of anything else it must not. */
static bool compile_type(const struct compiling *c, struct schema_unwrap *u)
{
    const struct schema_unwrap_settings *s = c->settings;
    bool is_bytes = u->field && u->field->kind == SCHEMA_KIND_BYTES;
    const char *said = s->type ? "type" : s->type_field ? "type_field" : s->type_count ? "types" : NULL;
    *c->option = said ? said : "field";
    if (!is_bytes && said) {
        (void)error_set(c->err, STATUS_INVALID,
                        "only of bytes one has to say what they hold; %s of %s says it by itself", u->name,
                        u->envelope->full_name);
        return false;
    }
    if (!is_bytes)
        return true;
    if (s->type && (s->type_field || s->type_count)) {
        (void)error_set(c->err, STATUS_INVALID, "\"type\" says already what the bytes hold; leave out %s",
                        s->type_field ? "type_field" : "types");
        return false;
    }
    u->type = s->type;
    if (s->type)
        return true;
    if (s->type_field)
        return find_type_field(c, u) && sort_types(c, u);
    (void)error_set(c->err, STATUS_INVALID,
                    "the field %s of %s is bytes. Say what they hold with  type: acme.v1.Telemetry, or which "
                    "field says it with  type_field: …",
                    u->name, u->envelope->full_name);
    return false;
}

static bool is_taken(const struct schema_type *t, struct bytes name)
{
    return t && t->wellknown == SCHEMA_PLAIN && schema_type_field_by_name(t, name);
}

/* Of what is known before any message came. */
static const struct schema_type *find_taken(const struct schema_unwrap *u)
{
    const struct schema_type *t = u->envelope;
    if (is_taken(u->type, u->keep_as))
        return u->type;
    if (u->field && schema_field_is_message(u->field) && is_taken(u->field->type, u->keep_as))
        return u->field->type;
    for (uint32_t i = 0; i < t->field_count && u->oneof >= 0; i++)
        if (t->fields[i].oneof == u->oneof && schema_field_is_message(&t->fields[i]) &&
            is_taken(t->fields[i].type, u->keep_as))
            return t->fields[i].type;
    for (size_t i = 0; i < u->type_count; i++)
        if (is_taken(u->types[i].type, u->keep_as))
            return u->types[i].type;
    return NULL;
}

static bool compile_keep(const struct compiling *c, struct schema_unwrap *u)
{
    const char *name = c->settings->keep_as;
    *c->option = "keep_as";
    if (!name)
        return true;
    const char *copy = arena_strdup(c->arena, name);
    if (!copy)
        return no_memory(c);
    u->keep_as = bytes_of_text(copy);
    const struct schema_type *taken = find_taken(u);
    if (taken)
        (void)error_set(c->err, STATUS_INVALID, "%s has a field \"%.80s\" itself; take another name",
                        taken->full_name, name);
    else if (!*name)
        (void)error_set(c->err, STATUS_INVALID, "expected a name, such as envelope");
    return *name && !taken;
}

const struct schema_unwrap *schema_unwrap_compile(const struct schema_type *envelope,
                                                  const struct schema_unwrap_settings *s, struct arena *a,
                                                  const char **option, struct error *err)
{
    struct compiling c = {s, a, option, err};
    struct schema_unwrap *u = arena_calloc(a, 1, sizeof *u);
    if (!u) {
        (void)no_memory(&c);
        return NULL;
    }
    u->envelope = envelope;
    return find_field(&c, u) && compile_type(&c, u) && compile_keep(&c, u) ? u : NULL;
}
