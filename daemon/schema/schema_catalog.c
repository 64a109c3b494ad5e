/* SPDX-License-Identifier: Apache-2.0
 *
 * See schema_catalog.h. Works on descriptors as protobuf-c unpacks them; a declaration is written anew, in
 * the order of the file, with full type names.
 */
#include "schema/schema_catalog.h"

#include "base/memory.h"
#include "base/strmap.h"
#include "base/utf8.h"
#include "schema/schema_descriptor.pb-c.h"
#include "schema/schema_features.h"
#include "schema/schema_places.h"
#include "schema/schema_set.h"

#include <stdlib.h>

typedef Google__Protobuf__FileDescriptorProto file_proto;
typedef Google__Protobuf__DescriptorProto message_proto;
typedef Google__Protobuf__EnumDescriptorProto enum_proto;
typedef Google__Protobuf__FieldDescriptorProto field_proto;
typedef Google__Protobuf__FeatureSet feature_set;
typedef Google__Protobuf__SourceCodeInfo__Location location;

enum { NESTING_MAX = 32 };

struct catalog_file {
    const file_proto *descriptor;
    struct schema_places places;
    struct schema_features features;
};

struct catalog_entry {
    struct schema_catalog_entry shown; /* first: what callers hold */
    const struct catalog_file *file;
    const message_proto *message; /* one of the two */
    const enum_proto *enumeration;
    struct schema_path path;
    struct schema_features features;
};

struct schema_catalog {
    struct arena arena;
    struct schema_set **sets;
    size_t set_count;
    struct catalog_file **files; /* each in the arena */
    size_t file_count;
    struct strmap names;            /* struct catalog_entry, map entries too */
    struct catalog_entry **entries; /* in the order of their names, without map entries */
    size_t entry_count;
};

struct schema_catalog *schema_catalog_create(void)
{
    struct schema_catalog *c = xcalloc(1, sizeof *c);
    arena_init(&c->arena, 0, 0);
    return c;
}

void schema_catalog_destroy(struct schema_catalog *c)
{
    if (!c)
        return;
    for (size_t i = 0; i < c->set_count; i++)
        schema_set_destroy(c->sets[i]);
    free(c->sets);
    free(c->files);
    free(c->entries);
    strmap_finish(&c->names);
    arena_finish(&c->arena);
    free(c);
}

/* ---- Adding ---- */

/* `outer` with what the declaration itself says; a value that is not known has been refused by the registry.
 */
static struct schema_features with_own(struct schema_features outer, const feature_set *own)
{
    (void)schema_features_override(&outer, own);
    return outer;
}

/* NULL: the name is taken, or there is no memory. */
static struct catalog_entry *add_entry(struct schema_catalog *c, const struct catalog_file *f,
                                       const char *scope, const char *name, const struct schema_path *path)
{
    size_t scope_len = strlen(scope), name_size = strlen(name) + 1, size = scope_len + 1 + name_size;
    char *full = arena_alloc(&c->arena, size);
    struct catalog_entry *e = arena_calloc(&c->arena, 1, sizeof *e);
    if (!full || !e)
        return NULL;
    memcpy(full, scope, scope_len);
    if (scope_len)
        full[scope_len++] = '.';
    memcpy(full + scope_len, name, name_size);
    *e = (struct catalog_entry){.file = f, .path = *path};
    e->shown.name = full;
    e->shown.file = f->descriptor->name;
    e->shown.line = schema_places_line(&f->places, path);
    return strmap_add(&c->names, full, e) ? e : NULL;
}

static void add_enum(struct schema_catalog *c, const struct catalog_file *f, const char *scope,
                     struct schema_features outer, const enum_proto *enumeration,
                     const struct schema_path *path)
{
    struct catalog_entry *e = enumeration->name ? add_entry(c, f, scope, enumeration->name, path) : NULL;
    if (!e)
        return;
    e->enumeration = enumeration;
    e->features = with_own(outer, enumeration->options ? enumeration->options->features : NULL);
    e->shown.is_enum = true;
    e->shown.member_count = enumeration->n_value;
}

static void add_message(struct schema_catalog *c, const struct catalog_file *f, const char *scope,
                        struct schema_features outer, const message_proto *m, const struct schema_path *path)
{
    struct catalog_entry *e =
        m->name && path->len <= 2 * NESTING_MAX ? add_entry(c, f, scope, m->name, path) : NULL;
    if (!e)
        return;
    e->message = m;
    e->features = with_own(outer, m->options ? m->options->features : NULL);
    e->shown.member_count = m->n_field;
    for (size_t i = 0; i < m->n_nested_type; i++) {
        struct schema_path inner = schema_path_join(path, SCHEMA_STEP_NESTED_MESSAGE, i);
        add_message(c, f, e->shown.name, e->features, m->nested_type[i], &inner);
    }
    for (size_t i = 0; i < m->n_enum_type; i++) {
        struct schema_path inner = schema_path_join(path, SCHEMA_STEP_NESTED_ENUM, i);
        add_enum(c, f, e->shown.name, e->features, m->enum_type[i], &inner);
    }
}

static void add_file(struct schema_catalog *c, const file_proto *d)
{
    struct catalog_file *f = arena_calloc(&c->arena, 1, sizeof *f);
    for (size_t i = 0; i < c->file_count; i++)
        if (strcmp(c->files[i]->descriptor->name, d->name) == 0)
            return;
    if (!f)
        return;
    *f = (struct catalog_file){.descriptor = d, .features = schema_features_of_edition(d)};
    f->features = with_own(f->features, d->options ? d->options->features : NULL);
    schema_places_init(&f->places, d, &c->arena);
    c->files = xrealloc(c->files, (c->file_count + 1) * sizeof *c->files);
    c->files[c->file_count++] = f;
    const char *package = d->package ? d->package : "";
    for (size_t i = 0; i < d->n_message_type; i++) {
        struct schema_path path = schema_path_join(NULL, SCHEMA_STEP_MESSAGE, i);
        add_message(c, f, package, f->features, d->message_type[i], &path);
    }
    for (size_t i = 0; i < d->n_enum_type; i++) {
        struct schema_path path = schema_path_join(NULL, SCHEMA_STEP_ENUM, i);
        add_enum(c, f, package, f->features, d->enum_type[i], &path);
    }
}

static bool is_map_entry(const struct catalog_entry *e)
{
    return e->message && e->message->options && e->message->options->map_entry;
}

static int compare_entries(const void *a, const void *b)
{
    return strcmp((*(struct catalog_entry *const *)a)->shown.name,
                  (*(struct catalog_entry *const *)b)->shown.name);
}

enum status schema_catalog_add_set(struct schema_catalog *c, const char *name, struct bytes set,
                                   struct error *err)
{
    struct error own;
    struct schema_set *s = schema_set_create(name, set, err ? err : &own);
    if (!s)
        return err ? err->code : own.code;
    c->sets = xrealloc(c->sets, (c->set_count + 1) * sizeof *c->sets);
    c->sets[c->set_count++] = s;
    for (size_t i = 0; i < s->files->n_file; i++)
        if (s->files->file[i]->name)
            add_file(c, s->files->file[i]);
    c->entries = xrealloc(c->entries, (c->names.count + 1) * sizeof *c->entries);
    c->entry_count = 0;
    for (size_t i = 0; i < c->names.count; i++) {
        struct catalog_entry *e = c->names.entries[i].value;
        if (!is_map_entry(e))
            c->entries[c->entry_count++] = e;
    }
    qsort(c->entries, c->entry_count, sizeof *c->entries, compare_entries);
    return STATUS_OK;
}

/* ---- Looking up ---- */

size_t schema_catalog_file_count(const struct schema_catalog *c)
{
    return c->file_count;
}

size_t schema_catalog_entry_count(const struct schema_catalog *c)
{
    return c->entry_count;
}

const struct schema_catalog_entry *schema_catalog_entry(const struct schema_catalog *c, size_t index)
{
    return index < c->entry_count ? &c->entries[index]->shown : NULL;
}

static const struct catalog_entry *find(const struct schema_catalog *c, const char *name)
{
    return name ? strmap_find(&c->names, *name == '.' ? name + 1 : name) : NULL;
}

const struct schema_catalog_entry *schema_catalog_find(const struct schema_catalog *c, const char *name)
{
    const struct catalog_entry *e = find(c, name);
    return e && !is_map_entry(e) ? &e->shown : NULL;
}

/* ---- Showing ---- */

/* What one declaration is written with. */
struct display {
    const struct schema_catalog *catalog;
    const struct catalog_entry *entry;
    struct buffer *out;
};

/* Text of the schema's author, which must not play with a terminal. */
static void put_plain(struct buffer *out, const char *text, size_t len)
{
    for (size_t i = 0; i < len;) {
        size_t n = utf8_sequence_length(bytes_of(text + i, len - i));
        bool c1 = n == 2 && (uint8_t)text[i] == 0xc2 && (uint8_t)text[i + 1] < 0xa0;
        bool control = ((uint8_t)text[i] < 0x20 && text[i] != '\t') || text[i] == 0x7f;
        if (n == 0 || c1 || control)
            buffer_add_byte(out, '?');
        else
            buffer_add(out, text + i, n);
        i += n ? n : 1;
    }
}

static void put_comment(struct display *d, const char *indent, const char *text)
{
    while (text && *text) {
        size_t len = strcspn(text, "\n"), shown = len;
        while (shown && (text[shown - 1] == ' ' || text[shown - 1] == '\r'))
            shown--;
        buffer_add_format(d->out, "%s//%s", indent, shown && *text != ' ' ? " " : "");
        put_plain(d->out, text, shown);
        buffer_add_byte(d->out, '\n');
        text += len + (text[len] != 0);
    }
}

/* What its author wrote before and behind it; returns whether there was anything. */
static bool put_comments(struct display *d, const char *indent, const struct schema_path *path)
{
    const location *l = schema_places_find(&d->entry->file->places, path);
    size_t before = d->out->len;
    if (!l)
        return false;
    put_comment(d, indent, l->leading_comments);
    put_comment(d, indent, l->trailing_comments);
    return d->out->len > before;
}

static const char *type_word(const field_proto *f)
{
    static const char *const words[] = {
        "",      "double", "float", "int64",  "uint64", "int32",    "fixed64",  "fixed32", "bool",  "string",
        "group", "",       "bytes", "uint32", "",       "sfixed32", "sfixed64", "sint32",  "sint64"};
    const char *word = (int)f->type > 0 && (size_t)f->type < array_count(words) ? words[f->type] : "";
    return *word ? word : "?";
}

static void put_type(struct display *d, const field_proto *f)
{
    bool says_group = d->entry->features.edition < SCHEMA_EDITION_2023;
    if (says_group && f->type == GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_GROUP)
        buffer_add_text(d->out, "group ");
    if (f->type_name && *f->type_name)
        buffer_add_text(d->out, f->type_name + (*f->type_name == '.'));
    else
        buffer_add_text(d->out, type_word(f));
}

static const struct catalog_entry *find_map_entry(const struct display *d, const field_proto *f)
{
    const struct catalog_entry *e = find(d->catalog, f->type_name);
    return e && is_map_entry(e) && e->message->n_field == 2 ? e : NULL;
}

static const char *label_word(struct schema_features features, const field_proto *f)
{
    if (f->label == GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__LABEL__LABEL_REPEATED)
        return "repeated ";
    if (f->label == GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__LABEL__LABEL_REQUIRED)
        return "required ";
    if (features.edition >= SCHEMA_EDITION_2023)
        return "";
    if (features.edition == SCHEMA_EDITION_PROTO3)
        return f->proto3_optional ? "optional " : "";
    return f->has_oneof_index ? "" : "optional ";
}

/* Is the JSON name what the name in the .proto would become by itself? */
static bool is_usual_json_name(const char *name, const char *json)
{
    bool raise = false;
    for (; *name; name++) {
        if (*name == '_') {
            raise = true;
            continue;
        }
        char wanted = raise && *name >= 'a' && *name <= 'z' ? (char)(*name - 'a' + 'A') : *name;
        if (*json++ != wanted)
            return false;
        raise = false;
    }
    return *json == 0;
}

static void put_feature(struct display *d, const char **separator, const char *name, const char *value)
{
    buffer_add_format(d->out, "%sfeatures.%s = %s", *separator, name, value);
    *separator = ", ";
}

/* What holds for a field and is not what its edition has by itself, wherever it was said. */
static void put_features(struct display *d, const field_proto *f, struct schema_features features,
                         const char **separator)
{
    typedef Google__Protobuf__FieldDescriptorProto__Type type;
    bool repeated = f->label == GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__LABEL__LABEL_REPEATED;
    const struct catalog_entry *referred = find(d->catalog, f->type_name);
    bool is_message = referred && referred->message, is_map = find_map_entry(d, f) != NULL;
    const type t = f->type;
    bool is_text = t == GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_STRING;
    bool is_number =
        !is_message && !is_text && t != GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_BYTES;
    if (features.edition < SCHEMA_EDITION_2023)
        return;
    if (!repeated && !f->has_oneof_index && !f->extendee && (features.flags & SCHEMA_FEATURE_REQUIRED))
        put_feature(d, separator, "field_presence", "LEGACY_REQUIRED");
    if (!repeated && !f->has_oneof_index && !f->extendee && !is_message &&
        !(features.flags & SCHEMA_FEATURE_PRESENCE))
        put_feature(d, separator, "field_presence", "IMPLICIT");
    if (repeated && is_number && !(features.flags & SCHEMA_FEATURE_PACKED))
        put_feature(d, separator, "repeated_field_encoding", "EXPANDED");
    if ((is_text || is_map) && !(features.flags & SCHEMA_FEATURE_UTF8))
        put_feature(d, separator, "utf8_validation", "NONE");
    if (is_message && !is_map && (features.flags & SCHEMA_FEATURE_DELIMITED))
        put_feature(d, separator, "message_encoding", "DELIMITED");
}

static void put_options(struct display *d, const field_proto *f, struct schema_features features)
{
    const char *separator = " [";
    put_features(d, f, features, &separator);
    if (f->default_value) {
        bool text = f->type == GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_STRING ||
                    f->type == GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_BYTES;
        buffer_add_format(d->out, "%sdefault = %s", separator, text ? "\"" : "");
        put_plain(d->out, f->default_value, strlen(f->default_value));
        buffer_add_text(d->out, text ? "\"" : "");
        separator = ", ";
    }
    if (f->options && f->options->has_packed) {
        buffer_add_format(d->out, "%spacked = %s", separator, f->options->packed ? "true" : "false");
        separator = ", ";
    }
    if (f->options && f->options->deprecated) {
        buffer_add_format(d->out, "%sdeprecated = true", separator);
        separator = ", ";
    }
    if (f->json_name && f->name && !f->extendee && !is_usual_json_name(f->name, f->json_name)) {
        buffer_add_format(d->out, "%sjson_name = \"", separator);
        put_plain(d->out, f->json_name, strlen(f->json_name));
        buffer_add_byte(d->out, '"');
        separator = ", ";
    }
    buffer_add_text(d->out, *separator == ',' ? "];\n" : ";\n");
}

/* `outer`: what holds around the field; `name` differs from its own for an extension. */
static void put_field(struct display *d, const field_proto *f, struct schema_features outer,
                      const char *indent, const char *name)
{
    const struct schema_features features = with_own(outer, f->options ? f->options->features : NULL);
    const struct catalog_entry *map = find_map_entry(d, f);
    buffer_add_text(d->out, indent);
    if (map) {
        buffer_add_text(d->out, "map<");
        put_type(d, map->message->field[0]);
        buffer_add_text(d->out, ", ");
        put_type(d, map->message->field[1]);
        buffer_add_byte(d->out, '>');
    } else {
        buffer_add_text(d->out, label_word(features, f));
        put_type(d, f);
    }
    buffer_add_format(d->out, " %s = %d", name, f->number);
    put_options(d, f, features);
}

/* Members of a oneof stand together, in braces of their own. */
static void put_fields(struct display *d)
{
    const message_proto *m = d->entry->message;
    int32_t open = -1;
    for (size_t i = 0; i < m->n_field; i++) {
        const field_proto *f = m->field[i];
        int32_t oneof = f->has_oneof_index && !f->proto3_optional ? f->oneof_index : -1;
        if (oneof < 0 || (size_t)oneof >= m->n_oneof_decl)
            oneof = -1;
        if (open >= 0 && oneof != open)
            buffer_add_text(d->out, "  }\n");
        if (oneof >= 0 && oneof != open) {
            struct schema_path path = schema_path_join(&d->entry->path, SCHEMA_STEP_ONEOF, (size_t)oneof);
            put_comments(d, "  ", &path);
            buffer_add_format(d->out, "  oneof %s {\n", m->oneof_decl[oneof]->name);
        }
        open = oneof;
        const char *indent = oneof >= 0 ? "    " : "  ";
        struct schema_path path = schema_path_join(&d->entry->path, SCHEMA_STEP_FIELD, i);
        put_comments(d, indent, &path);
        const Google__Protobuf__OneofOptions *options = oneof >= 0 ? m->oneof_decl[oneof]->options : NULL;
        put_field(d, f, with_own(d->entry->features, options ? options->features : NULL), indent,
                  f->name ? f->name : "?");
    }
    if (open >= 0)
        buffer_add_text(d->out, "  }\n");
}

static void put_extension(struct display *d, const char *scope, struct schema_features outer,
                          const field_proto *f)
{
    const char *extendee = f->extendee ? f->extendee + (*f->extendee == '.') : "";
    if (strcmp(extendee, d->entry->shown.name) != 0 || !f->name)
        return;
    char *name = xasprintf("[%s%s%s]", scope, *scope ? "." : "", f->name);
    put_field(d, f, outer, "  ", name);
    free(name);
}

/* Fields that any file, or a message in one, adds to this message. */
static void put_extensions(struct display *d)
{
    const struct schema_catalog *c = d->catalog;
    if (d->entry->message->n_extension_range == 0)
        return;
    for (size_t i = 0; i < c->file_count; i++) {
        const file_proto *f = c->files[i]->descriptor;
        for (size_t k = 0; k < f->n_extension; k++)
            put_extension(d, f->package ? f->package : "", c->files[i]->features, f->extension[k]);
    }
    for (size_t i = 0; i < c->entry_count; i++) {
        const message_proto *m = c->entries[i]->message;
        for (size_t k = 0; m && k < m->n_extension; k++)
            put_extension(d, c->entries[i]->shown.name, c->entries[i]->features, m->extension[k]);
    }
}

static void put_values(struct display *d)
{
    const enum_proto *e = d->entry->enumeration;
    const struct schema_features features = d->entry->features;
    if (features.edition >= SCHEMA_EDITION_2023 && (features.flags & SCHEMA_FEATURE_CLOSED))
        buffer_add_text(d->out, "  option features.enum_type = CLOSED;\n");
    for (size_t i = 0; i < e->n_value; i++) {
        struct schema_path path = schema_path_join(&d->entry->path, SCHEMA_STEP_VALUE, i);
        bool deprecated = e->value[i]->options && e->value[i]->options->deprecated;
        put_comments(d, "  ", &path);
        buffer_add_format(d->out, "  %s = %d%s;\n", e->value[i]->name ? e->value[i]->name : "?",
                          e->value[i]->number, deprecated ? " [deprecated = true]" : "");
    }
}

void schema_catalog_show(const struct schema_catalog *c, const struct schema_catalog_entry *e,
                         struct buffer *out)
{
    const struct catalog_entry *entry = container_of(e, struct catalog_entry, shown);
    struct display d = {c, entry, out};
    buffer_add_text(out, "// ");
    put_plain(out, e->file, strlen(e->file));
    if (e->line)
        buffer_add_format(out, ":%u", e->line);
    const char *edition = schema_edition_name(entry->features.edition);
    buffer_add_format(out, " (%s)\n", edition ? edition : "?");
    put_comments(&d, "", &entry->path);
    buffer_add_format(out, "%s %s {\n", e->is_enum ? "enum" : "message", e->name);
    if (e->is_enum) {
        put_values(&d);
    } else {
        put_fields(&d);
        put_extensions(&d);
    }
    buffer_add_text(out, "}\n");
}

void schema_catalog_walk_uses(const struct schema_catalog *c, const struct schema_catalog_entry *e,
                              void (*found)(void *ctx, const struct schema_catalog_entry *used), void *ctx)
{
    const message_proto *m = container_of(e, struct catalog_entry, shown)->message;
    for (size_t i = 0; m && i < m->n_field; i++) {
        const struct catalog_entry *used = find(c, m->field[i]->type_name);
        if (used && is_map_entry(used))
            used = used->message->n_field == 2 ? find(c, used->message->field[1]->type_name) : NULL;
        if (used && !is_map_entry(used))
            found(ctx, &used->shown);
    }
}
