/* SPDX-License-Identifier: Apache-2.0
 *
 * See schema_defaults.h.
 */
#include "schema/schema_defaults.h"

#include "base/number_format.h"

enum { FEW = 3 };

/* An unset enum is the one with the number that unset means; a number that has no name stays a number. */
static struct fby_value enum_value(const struct schema_field *f, int32_t number)
{
    const struct schema_enum_value *known = schema_enum_find(f->enumeration, number);
    if (f->enumeration->is_null_value)
        return (struct fby_value){.type = FBY_NULL};
    if (known)
        return (struct fby_value){
            .type = FBY_STRING, .len = (uint32_t)known->name.len, .bytes = known->name.data};
    return (struct fby_value){.type = FBY_INT, .integer = number};
}

static struct fby_value value_of(const struct schema_field *f)
{
    if (f->flags & SCHEMA_FIELD_MAP)
        return (struct fby_value){.type = FBY_MAP};
    if (f->flags & SCHEMA_FIELD_REPEATED)
        return (struct fby_value){.type = FBY_LIST};
    switch ((enum schema_kind)f->kind) {
    case SCHEMA_KIND_STRING:
        return (struct fby_value){.type = FBY_STRING, .bytes = ""};
    case SCHEMA_KIND_BYTES:
        return (struct fby_value){.type = FBY_BYTES, .bytes = ""};
    case SCHEMA_KIND_BOOL:
        return (struct fby_value){.type = FBY_BOOL};
    case SCHEMA_KIND_DOUBLE:
        return (struct fby_value){.type = FBY_DOUBLE};
    case SCHEMA_KIND_FLOAT:
        return (struct fby_value){.type = FBY_DOUBLE, .flags = FBY_FLAG_FLOAT32};
    case SCHEMA_KIND_ENUM:
        return enum_value(f, f->enumeration->first);
    case SCHEMA_KIND_UINT32:
    case SCHEMA_KIND_FIXED32:
    case SCHEMA_KIND_UINT64:
    case SCHEMA_KIND_FIXED64:
        return (struct fby_value){.type = FBY_UINT};
    default:
        return (struct fby_value){.type = FBY_INT};
    }
}

static void add_value(struct buffer *text, const struct fby_value *v)
{
    char number[NUMBER_FORMAT_MAX];
    switch ((enum fby_type)v->type) {
    case FBY_NULL:
        buffer_add_text(text, "null");
        return;
    case FBY_BOOL:
        buffer_add_text(text, "false");
        return;
    case FBY_STRING:
    case FBY_BYTES: /* an identifier or nothing: nothing to escape */
        buffer_add_byte(text, '"');
        buffer_add(text, v->bytes, v->len);
        buffer_add_byte(text, '"');
        return;
    case FBY_LIST:
        buffer_add_text(text, "[]");
        return;
    case FBY_MAP:
        buffer_add_text(text, "{}");
        return;
    case FBY_INT:
        buffer_add(text, number, number_format_int64(v->integer, number));
        return;
    default:
        buffer_add_byte(text, '0');
    }
}

static bool fill(struct schema_linker *l, const struct schema_type *t, struct schema_defaults *d,
                 struct fby_field *fields, struct schema_defaults_place *places)
{
    struct buffer text = {0};
    uint32_t count = 0;
    for (uint32_t slot = 0; slot < t->field_count; slot++) {
        const struct schema_field *f = &t->fields[slot];
        places[slot] = (struct schema_defaults_place){(uint32_t)text.len, count};
        if (!schema_field_has_default(f))
            continue;
        fields[count] = (struct fby_field){f->names[1], value_of(f)};
        buffer_add(&text, f->keys[1].data, f->keys[1].len);
        add_value(&text, &fields[count++].value);
    }
    places[t->field_count] = (struct schema_defaults_place){(uint32_t)text.len, count};
    d->text = text.failed ? NULL : arena_strndup(l->arena, (const char *)text.data, text.len);
    buffer_finish(&text);
    return d->text != NULL;
}

bool schema_defaults_make(struct schema_linker *l, struct schema_type *t)
{
    if (t->default_count <= FEW)
        return true;
    struct schema_defaults *d = arena_calloc(l->arena, 1, sizeof *d);
    struct fby_field *fields = arena_calloc(l->arena, t->default_count, sizeof *fields);
    struct schema_defaults_place *places = arena_calloc(l->arena, t->field_count + 1, sizeof *places);
    if (!d || !fields || !places || !fill(l, t, d, fields, places))
        return schema_link_no_memory(l);
    d->fields = fields;
    d->places = places;
    t->defaults = d;
    return true;
}
