/* SPDX-License-Identifier: Apache-2.0
 *
 * See schema_places.h.
 */
#include "schema/schema_places.h"

#include "schema/schema_descriptor.pb-c.h"

#include <stdlib.h>

typedef Google__Protobuf__SourceCodeInfo__Location location;

struct schema_path schema_path_join(const struct schema_path *parent, int32_t field, size_t index)
{
    struct schema_path path = parent ? *parent : (struct schema_path){.len = 0};
    if (path.len + 2 > SCHEMA_PATH_MAX)
        return path;
    path.steps[path.len++] = field;
    path.steps[path.len++] = (int32_t)index;
    return path;
}

static bool find_in_message(const Google__Protobuf__DescriptorProto *m,
                            const Google__Protobuf__FieldDescriptorProto *field,
                            const struct schema_path *here, struct schema_path *path)
{
    for (size_t i = 0; i < m->n_field; i++)
        if (m->field[i] == field) {
            *path = schema_path_join(here, SCHEMA_STEP_FIELD, i);
            return true;
        }
    for (size_t i = 0; i < m->n_extension; i++)
        if (m->extension[i] == field) {
            *path = schema_path_join(here, SCHEMA_STEP_NESTED_EXTENSION, i);
            return true;
        }
    for (size_t i = 0; i < m->n_nested_type && here->len + 4 <= SCHEMA_PATH_MAX; i++) {
        struct schema_path inner = schema_path_join(here, SCHEMA_STEP_NESTED_MESSAGE, i);
        if (find_in_message(m->nested_type[i], field, &inner, path))
            return true;
    }
    return false;
}

bool schema_path_find_field(const struct Google__Protobuf__FileDescriptorProto *file,
                            const struct Google__Protobuf__FieldDescriptorProto *field,
                            struct schema_path *path)
{
    for (size_t i = 0; i < file->n_extension; i++)
        if (file->extension[i] == field) {
            *path = schema_path_join(NULL, SCHEMA_STEP_EXTENSION, i);
            return true;
        }
    for (size_t i = 0; i < file->n_message_type; i++) {
        struct schema_path here = schema_path_join(NULL, SCHEMA_STEP_MESSAGE, i);
        if (find_in_message(file->message_type[i], field, &here, path))
            return true;
    }
    return false;
}

static int compare_paths(const int32_t *a, size_t a_len, const int32_t *b, size_t b_len)
{
    for (size_t i = 0; i < a_len && i < b_len; i++)
        if (a[i] != b[i])
            return a[i] < b[i] ? -1 : 1;
    return (a_len > b_len) - (a_len < b_len);
}

static int compare_locations(const void *a, const void *b)
{
    const location *x = *(const location *const *)a, *y = *(const location *const *)b;
    return compare_paths(x->path, x->n_path, y->path, y->n_path);
}

void schema_places_init(struct schema_places *p, const struct Google__Protobuf__FileDescriptorProto *file,
                        struct arena *a)
{
    const Google__Protobuf__SourceCodeInfo *info = file->source_code_info;
    *p = (struct schema_places){0};
    if (!info || info->n_location == 0)
        return;
    p->sorted = arena_alloc(a, info->n_location * sizeof(const location *));
    if (!p->sorted)
        return;
    for (size_t i = 0; i < info->n_location; i++)
        p->sorted[i] = info->location[i];
    p->count = info->n_location;
    qsort(p->sorted, p->count, sizeof(const location *), compare_locations);
}

const location *schema_places_find(const struct schema_places *p, const struct schema_path *path)
{
    size_t low = 0, high = p->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const location *l = p->sorted[middle];
        int order = compare_paths(l->path, l->n_path, path->steps, path->len);
        if (order == 0)
            return l;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

unsigned schema_places_line(const struct schema_places *p, const struct schema_path *path)
{
    const location *l = schema_places_find(p, path);
    return l && l->n_span > 0 && l->span[0] >= 0 ? (unsigned)l->span[0] + 1 : 0;
}
