/* SPDX-License-Identifier: Apache-2.0
 *
 * See schema_link.h. Names first: files, imports, messages, enums, extensions.
 */
#include "schema/schema_link.h"

#include "schema/schema_defaults.h"

#include "schema/schema_builtin.h"
#include "schema/schema_descriptor.pb-c.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

typedef Google__Protobuf__FileDescriptorProto file_proto;
typedef Google__Protobuf__DescriptorProto message_proto;
typedef Google__Protobuf__EnumDescriptorProto enum_proto;
typedef Google__Protobuf__FieldDescriptorProto field_proto;

/* `path` (may be NULL): the part of the file that it is about, whose line is told where the set knows it. */
static PRINTF_LIKE(4, 0) bool refuse_at(struct schema_linker *l, const struct schema_file *f,
                                        const struct schema_path *path, const char *format, va_list args)
{
    char text[600], line[16] = "";
    vsnprintf(text, sizeof text, format, args);
    if (path) {
        struct schema_places places;
        schema_places_init(&places, f->descriptor, &l->scratch);
        unsigned number = schema_places_line(&places, path);
        if (number)
            snprintf(line, sizeof line, ":%u", number);
    }
    error_set(l->err, STATUS_INVALID, "%s: %s%s: %s", f->set_name, f->descriptor->name, line, text);
    return false;
}

bool schema_link_refuse(struct schema_linker *l, const struct schema_file *f, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    refuse_at(l, f, NULL, format, args);
    va_end(args);
    return false;
}

bool schema_link_refuse_field(struct schema_linker *l, const struct schema_file *f,
                              const struct Google__Protobuf__FieldDescriptorProto *field, const char *format,
                              ...)
{
    struct schema_path path;
    va_list args;
    va_start(args, format);
    refuse_at(l, f, schema_path_find_field(f->descriptor, field, &path) ? &path : NULL, format, args);
    va_end(args);
    return false;
}

static bool refuse_import(struct schema_linker *l, const struct schema_file *f, size_t index,
                          const char *format, ...) PRINTF_LIKE(4, 5);

static bool refuse_import(struct schema_linker *l, const struct schema_file *f, size_t index,
                          const char *format, ...)
{
    struct schema_path path = schema_path_join(NULL, SCHEMA_STEP_IMPORT, index);
    va_list args;
    va_start(args, format);
    refuse_at(l, f, &path, format, args);
    va_end(args);
    return false;
}

bool schema_link_no_memory(struct schema_linker *l)
{
    error_set(l->err, STATUS_NO_MEMORY, "out of memory while compiling schemas");
    return false;
}

bool schema_link_is_identifier(const char *name)
{
    if (!name || !*name || (*name >= '0' && *name <= '9'))
        return false;
    for (const char *c = name; *c; c++) {
        char lower = (char)(*c | 0x20);
        if (!(lower >= 'a' && lower <= 'z') && !(*c >= '0' && *c <= '9') && *c != '_')
            return false;
    }
    return strlen(name) <= 512;
}

static bool is_package(const char *name)
{
    if (!name || !*name)
        return true;
    bool start = true;
    for (const char *c = name; *c; c++) {
        char lower = (char)(*c | 0x20);
        bool letter = (lower >= 'a' && lower <= 'z') || *c == '_';
        if (start ? !letter : (!letter && *c != '.' && !(*c >= '0' && *c <= '9')))
            return false;
        start = *c == '.';
    }
    return !start && strlen(name) <= 1024;
}

/* "scope.name", or "name" when the scope is empty. */
static char *join_name(struct schema_linker *l, const char *scope, const char *name)
{
    size_t scope_len = strlen(scope), name_len = strlen(name);
    char *full = arena_alloc(l->arena, scope_len + name_len + 2);
    if (!full)
        return NULL;
    memcpy(full, scope, scope_len);
    if (scope_len)
        full[scope_len++] = '.';
    memcpy(full + scope_len, name, name_len + 1);
    return full;
}

struct schema_symbol *schema_link_resolve(struct schema_linker *l, const char *scope, const char *name)
{
    if (!name || !*name)
        return NULL;
    if (*name == '.')
        return strmap_find(l->symbols, name + 1);
    char full[2200];
    size_t scope_len = strlen(scope);
    if (scope_len + strlen(name) + 2 > sizeof full)
        return NULL;
    for (;;) {
        snprintf(full, sizeof full, "%.*s%s%s", (int)scope_len, scope, scope_len ? "." : "", name);
        struct schema_symbol *s = strmap_find(l->symbols, full);
        if (s || scope_len == 0)
            return s;
        while (scope_len > 0 && scope[scope_len - 1] != '.')
            scope_len--;
        if (scope_len > 0)
            scope_len--;
    }
}

/* Two descriptors have the same content when they pack to the same bytes. */
static bool is_same(const ProtobufCMessage *a, const ProtobufCMessage *b)
{
    size_t len = protobuf_c_message_get_packed_size(a);
    if (len != protobuf_c_message_get_packed_size(b))
        return false;
    uint8_t *bytes = malloc(2 * len + 1);
    if (!bytes)
        return false;
    protobuf_c_message_pack(a, bytes);
    protobuf_c_message_pack(b, bytes + len);
    bool same = memcmp(bytes, bytes + len, len) == 0;
    free(bytes);
    return same;
}

static struct schema_symbol *declare(struct schema_linker *l, const struct schema_file *f, const char *full)
{
    if (l->symbols->count >= SCHEMA_TYPES_MAX) {
        error_set(l->err, STATUS_LIMIT, "%s: more than %d messages and enums in all schemas", f->set_name,
                  SCHEMA_TYPES_MAX);
        return NULL;
    }
    struct schema_symbol *s = arena_calloc(l->arena, 1, sizeof *s);
    if (!s) {
        schema_link_no_memory(l);
        return NULL;
    }
    s->full_name = full;
    s->file = f;
    strmap_add(l->symbols, full, s);
    return s;
}

/* protobuf's own files grow from version to version, and sets carry that of the compiler that made them. What
 * was there before stays as it is, so the first that was loaded serves all. */
static bool is_of_protobuf(const struct schema_file *f)
{
    return f->descriptor->name && strncmp(f->descriptor->name, "google/protobuf/", 16) == 0;
}

/* `known`: what has this name already. True when that is the same thing. */
static bool is_repeated(struct schema_linker *l, const struct schema_file *f,
                        const struct schema_symbol *known, const ProtobufCMessage *descriptor)
{
    const ProtobufCMessage *other = known->message ? &known->message->base : &known->enumeration->base;
    if (f != known->file && other->descriptor == descriptor->descriptor && is_same(other, descriptor) &&
        schema_features_equal(f->features, known->file->features))
        return true;
    if (f != known->file && other->descriptor == descriptor->descriptor && is_of_protobuf(f) &&
        is_of_protobuf(known->file))
        return true;
    return schema_link_refuse(l, f, "%s is defined differently in %s: %s. Load only one of them",
                              known->full_name, known->file->set_name, known->file->descriptor->name);
}

/* What a message or an enum overrides of the features around it. */
static bool override_features(struct schema_linker *l, const struct schema_file *f, struct schema_symbol *s,
                              const struct Google__Protobuf__FeatureSet *own)
{
    const char *wrong = schema_features_override(&s->features, own);
    return !wrong || schema_link_refuse(l, f, "%s sets the feature %s to a value that is not known",
                                        s->full_name, wrong);
}

static bool declare_enum(struct schema_linker *l, const struct schema_file *f, const char *scope,
                         struct schema_features features, const enum_proto *e)
{
    if (!schema_link_is_identifier(e->name))
        return schema_link_refuse(l, f, "an enum in '%s' has no valid name", scope);
    char *full = join_name(l, scope, e->name);
    if (!full)
        return schema_link_no_memory(l);
    const struct schema_symbol *known = strmap_find(l->symbols, full);
    if (known)
        return is_repeated(l, f, known, &e->base);
    struct schema_symbol *s = declare(l, f, full);
    if (!s)
        return false;
    s->enumeration = e;
    s->features = features;
    if (e->options && !override_features(l, f, s, e->options->features))
        return false;
    s->compiled_enum = arena_calloc(l->arena, 1, sizeof *s->compiled_enum);
    return s->compiled_enum || schema_link_no_memory(l);
}

static bool declare_message(struct schema_linker *l, const struct schema_file *f, const char *scope,
                            struct schema_features features, const message_proto *m, unsigned depth);

static bool declare_nested(struct schema_linker *l, const struct schema_file *f, const char *scope,
                           struct schema_features features, const message_proto *m, unsigned depth)
{
    for (size_t i = 0; i < m->n_nested_type; i++)
        if (!declare_message(l, f, scope, features, m->nested_type[i], depth + 1))
            return false;
    for (size_t i = 0; i < m->n_enum_type; i++)
        if (!declare_enum(l, f, scope, features, m->enum_type[i]))
            return false;
    return true;
}

static bool declare_message(struct schema_linker *l, const struct schema_file *f, const char *scope,
                            struct schema_features features, const message_proto *m, unsigned depth)
{
    if (!schema_link_is_identifier(m->name))
        return schema_link_refuse(l, f, "a message in '%s' has no valid name", scope);
    if (depth > SCHEMA_NESTING_MAX)
        return schema_link_refuse(l, f, "messages are declared more than %d levels deep", SCHEMA_NESTING_MAX);
    char *full = join_name(l, scope, m->name);
    if (!full)
        return schema_link_no_memory(l);
    const struct schema_symbol *known = strmap_find(l->symbols, full);
    if (known)
        return is_repeated(l, f, known, &m->base) &&
               (!is_of_protobuf(f) || declare_nested(l, f, known->full_name, features, m, depth));
    struct schema_symbol *s = declare(l, f, full);
    if (!s)
        return false;
    s->message = m;
    s->features = features;
    if (m->options && !override_features(l, f, s, m->options->features))
        return false;
    s->type = arena_calloc(l->arena, 1, sizeof *s->type);
    if (!s->type)
        return schema_link_no_memory(l);
    s->type->registry = l->registry;
    s->type->full_name = full;
    return declare_nested(l, f, full, s->features, m, depth);
}

static const char *package_of(const struct schema_file *f)
{
    return f->descriptor->package ? f->descriptor->package : "";
}

static bool declare_file(struct schema_linker *l, const struct schema_file *f)
{
    const file_proto *d = f->descriptor;
    for (size_t i = 0; i < d->n_message_type; i++)
        if (!declare_message(l, f, package_of(f), f->features, d->message_type[i], 1))
            return false;
    for (size_t i = 0; i < d->n_enum_type; i++)
        if (!declare_enum(l, f, package_of(f), f->features, d->enum_type[i]))
            return false;
    return true;
}

static bool add_extension(struct schema_linker *l, const struct schema_file *f, const char *scope,
                          struct schema_features features, const field_proto *field)
{
    if (!schema_link_is_identifier(field->name))
        return schema_link_refuse(l, f, "an extension in '%s' has no valid name", scope);
    struct schema_symbol *extendee = schema_link_resolve(l, scope, field->extendee);
    if (!extendee || !extendee->message)
        return schema_link_refuse_field(l, f, field,
                                        "extension %s extends %s, which is missing. Make the set with "
                                        "protoc --include_imports",
                                        field->name, field->extendee ? field->extendee : "nothing");
    for (const struct schema_extension *x = extendee->extensions; x; x = x->next)
        if (x->file != f && strcmp(x->scope, scope) == 0 && strcmp(x->field->name, field->name) == 0 &&
            schema_features_equal(x->features, features) && is_same(&x->field->base, &field->base))
            return true;
    if (extendee->extension_count >= SCHEMA_FIELDS_MAX)
        return schema_link_refuse(l, f, "%s has more than %d extensions", extendee->full_name,
                                  SCHEMA_FIELDS_MAX);
    bool in_range = false;
    for (size_t i = 0; i < extendee->message->n_extension_range; i++) {
        const Google__Protobuf__DescriptorProto__ExtensionRange *range =
            extendee->message->extension_range[i];
        in_range |= field->number >= range->start && field->number < range->end;
    }
    if (!in_range)
        return schema_link_refuse_field(l, f, field, "extension %s: %s has no extension range with number %d",
                                        field->name, extendee->full_name, field->number);
    struct schema_extension *x = arena_alloc(&l->scratch, sizeof *x);
    if (!x)
        return schema_link_no_memory(l);
    *x = (struct schema_extension){extendee->extensions, f, scope, features, field};
    extendee->extensions = x;
    extendee->extension_count++;
    return true;
}

static bool add_message_extensions(struct schema_linker *l, const struct schema_symbol *s)
{
    for (size_t i = 0; i < s->message->n_extension; i++)
        if (!add_extension(l, s->file, s->full_name, s->features, s->message->extension[i]))
            return false;
    return true;
}

static bool refuse_edition(struct schema_linker *l, const struct schema_file *f)
{
    const file_proto *d = f->descriptor;
    if (strcmp(d->syntax, "editions") != 0)
        return schema_link_refuse(l, f, "uses syntax '%s', which is not known. " SCHEMA_EDITIONS_SUPPORTED,
                                  d->syntax);
    return schema_link_refuse(
        l, f, "uses a protobuf edition that is not supported (number %d). " SCHEMA_EDITIONS_SUPPORTED,
        d->edition);
}

static bool check_file(struct schema_linker *l, struct schema_file *f)
{
    const file_proto *d = f->descriptor;
    if (!d->name || !*d->name) {
        error_set(l->err, STATUS_INVALID, "%s: a file in the descriptor set has no name", f->set_name);
        return false;
    }
    if (!schema_edition_name(f->features.edition))
        return refuse_edition(l, f);
    const char *wrong = d->options ? schema_features_override(&f->features, d->options->features) : NULL;
    if (wrong)
        return schema_link_refuse(l, f, "sets the feature %s to a value that is not known", wrong);
    if (!is_package(d->package))
        return schema_link_refuse(l, f, "'%s' is not a package name", d->package);
    return true;
}

static bool add_file(struct schema_linker *l, const char *set_name, const file_proto *descriptor)
{
    if (l->file_count >= SCHEMA_FILES_MAX) {
        error_set(l->err, STATUS_LIMIT, "%s: more than %d files in all schemas", set_name, SCHEMA_FILES_MAX);
        return false;
    }
    if (l->file_count == l->file_capacity) {
        size_t size = sizeof(struct schema_file *);
        size_t capacity = l->file_capacity ? 2 * l->file_capacity : 16;
        l->files = arena_grow(&l->scratch, l->files, l->file_capacity * size, capacity * size);
        if (!l->files)
            return schema_link_no_memory(l);
        l->file_capacity = capacity;
    }
    struct schema_file *f = arena_alloc(&l->scratch, sizeof *f);
    if (!f)
        return schema_link_no_memory(l);
    *f = (struct schema_file){set_name, descriptor, schema_features_of_edition(descriptor)};
    if (!check_file(l, f))
        return false;
    strmap_add(&l->file_names, descriptor->name, f);
    l->files[l->file_count++] = f;
    return true;
}

static bool is_imported(const struct schema_linker *l, const char *name)
{
    for (size_t i = 0; i < l->file_count; i++) {
        const file_proto *d = l->files[i]->descriptor;
        for (size_t k = 0; k < d->n_dependency; k++)
            if (strcmp(d->dependency[k], name) == 0)
                return true;
    }
    return false;
}

/* The well-known types that an Any may hold though nobody imports them. */
static bool is_common(const char *name)
{
    static const char *const rare[] = {"google/protobuf/api.proto", "google/protobuf/descriptor.proto",
                                       "google/protobuf/source_context.proto", "google/protobuf/type.proto"};
    for (size_t i = 0; i < sizeof rare / sizeof rare[0]; i++)
        if (strcmp(name, rare[i]) == 0)
            return false;
    return true;
}

/* Files of google.protobuf that are imported and that no set brings. Those they import stand before them. */
static bool add_builtin(struct schema_linker *l, const struct schema_set *builtin)
{
    static const char any[] = "google/protobuf/any.proto";
    bool has_any = strmap_has(&l->file_names, any) || is_imported(l, any);
    for (size_t k = builtin->files->n_file; k-- > 0;) {
        const file_proto *d = builtin->files->file[k];
        if (strmap_has(&l->file_names, d->name) ||
            !(is_imported(l, d->name) || (has_any && is_common(d->name))))
            continue;
        if (!add_file(l, builtin->name, d))
            return false;
    }
    return true;
}

static bool check_imports(struct schema_linker *l)
{
    for (size_t i = 0; i < l->file_count; i++) {
        const file_proto *d = l->files[i]->descriptor;
        for (size_t k = 0; k < d->n_dependency; k++)
            if (!strmap_has(&l->file_names, d->dependency[k]))
                return refuse_import(l, l->files[i], k,
                                     "imports %s, which is not in the descriptor set. Make the set with "
                                     "protoc --include_imports",
                                     d->dependency[k]);
    }
    return true;
}

/* Files that import each other in a circle cannot come from protoc. Take away files without open imports
 * until none is left; what stays is the circle. */
static bool check_cycles(struct schema_linker *l)
{
    size_t left = l->file_count;
    bool *done = arena_calloc(&l->scratch, left + 1, sizeof *done);
    if (!done)
        return schema_link_no_memory(l);
    struct strmap ready = {0};
    for (bool progress = true; progress && left;) {
        progress = false;
        for (size_t i = 0; i < l->file_count; i++) {
            const file_proto *d = l->files[i]->descriptor;
            size_t k = 0;
            while (!done[i] && k < d->n_dependency && strmap_has(&ready, d->dependency[k]))
                k++;
            if (done[i] || k < d->n_dependency)
                continue;
            strmap_add(&ready, d->name, l->files[i]);
            done[i] = progress = true;
            left--;
        }
    }
    strmap_finish(&ready);
    for (size_t i = 0; i < l->file_count; i++)
        if (!done[i])
            return schema_link_refuse(l, l->files[i], "imports itself, directly or through other files");
    return true;
}

static bool add_sets(struct schema_linker *l, struct schema_set *const *sets, size_t set_count,
                     const struct schema_set *builtin)
{
    for (size_t i = 0; i < set_count; i++)
        for (size_t k = 0; k < sets[i]->files->n_file; k++)
            if (!add_file(l, sets[i]->name, sets[i]->files->file[k]))
                return false;
    return add_builtin(l, builtin);
}

static bool run(struct schema_linker *l, struct schema_set *const *sets, size_t set_count,
                const struct schema_set *builtin)
{
    if (!add_sets(l, sets, set_count, builtin) || !check_imports(l) || !check_cycles(l))
        return false;
    for (size_t i = 0; i < l->file_count; i++)
        if (!declare_file(l, l->files[i]))
            return false;
    for (size_t i = 0; i < l->file_count; i++)
        for (size_t k = 0; k < l->files[i]->descriptor->n_extension; k++)
            if (!add_extension(l, l->files[i], package_of(l->files[i]), l->files[i]->features,
                               l->files[i]->descriptor->extension[k]))
                return false;
    for (size_t i = 0; i < l->symbols->count; i++) {
        const struct schema_symbol *s = l->symbols->entries[i].value;
        if (s->message && !add_message_extensions(l, s))
            return false;
    }
    for (size_t i = 0; i < l->symbols->count; i++)
        if (!schema_compile_symbol(l, l->symbols->entries[i].value))
            return false;
    for (size_t i = 0; i < l->symbols->count; i++) {
        const struct schema_symbol *s = l->symbols->entries[i].value;
        if (s->message && !schema_defaults_make(l, s->type))
            return false;
    }
    return true;
}

enum status schema_link(const struct schema_registry *r, struct schema_set *const *sets, size_t set_count,
                        struct arena *arena, struct strmap *symbols, struct error *err)
{
    struct error own = {0};
    struct schema_linker l = {.registry = r, .arena = arena, .symbols = symbols, .err = err ? err : &own};
    arena_init(&l.scratch, 0, 0);
    struct schema_set *builtin = schema_set_create("built-in", schema_builtin_set(), l.err);
    bool ok = builtin && run(&l, sets, set_count, builtin);
    schema_set_destroy(builtin);
    strmap_finish(&l.file_names);
    arena_finish(&l.scratch);
    return ok ? STATUS_OK : l.err->code;
}
