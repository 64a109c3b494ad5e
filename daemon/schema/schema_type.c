/* SPDX-License-Identifier: Apache-2.0
 *
 * See schema_type.h.
 */
#include "schema/schema_type.h"

const struct schema_field *schema_type_field_sparse(const struct schema_type *t, uint32_t number)
{
    uint32_t low = 0, high = t->field_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (t->fields[middle].number < number)
            low = middle + 1;
        else
            high = middle;
    }
    return low < t->field_count && t->fields[low].number == number ? &t->fields[low] : NULL;
}

static int compare_name(struct fby_bytes a, struct bytes b)
{
    size_t n = a.len < b.len ? a.len : b.len;
    int order = n ? memcmp(a.data, b.data, n) : 0;
    return order ? order : (a.len > b.len) - (a.len < b.len);
}

const struct schema_field *schema_type_field_by_name(const struct schema_type *t, struct bytes name)
{
    uint32_t low = 0, high = t->name_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = compare_name(t->names[middle].name, name);
        if (order == 0)
            return t->names[middle].field;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

const struct schema_enum_value *schema_enum_find(const struct schema_enum *e, int32_t number)
{
    /* Most enums count up from their first value, so the number is also the place. */
    int64_t guess = (int64_t)number - e->values[0].number;
    if (guess >= 0 && guess < e->value_count && e->values[guess].number == number)
        return &e->values[guess];
    uint32_t low = 0, high = e->value_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (e->values[middle].number < number)
            low = middle + 1;
        else
            high = middle;
    }
    return low < e->value_count && e->values[low].number == number ? &e->values[low] : NULL;
}

const struct schema_enum_value *schema_enum_find_name(const struct schema_enum *e, struct bytes name)
{
    uint32_t low = 0, high = e->name_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = compare_name(e->names[middle].name, name);
        if (order == 0)
            return &e->names[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

const char *schema_type_name(const struct schema_type *t)
{
    return t->full_name;
}
