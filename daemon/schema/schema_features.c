/* SPDX-License-Identifier: Apache-2.0
 *
 * See schema_features.h.
 */
#include "schema/schema_features.h"

#include "base/memory.h"
#include "schema/schema_descriptor.pb-c.h"

#include <string.h>

enum {
    PROTO2_FLAGS = SCHEMA_FEATURE_PRESENCE | SCHEMA_FEATURE_CLOSED,
    PROTO3_FLAGS = SCHEMA_FEATURE_PACKED | SCHEMA_FEATURE_UTF8,
    EDITION_FLAGS = SCHEMA_FEATURE_PRESENCE | SCHEMA_FEATURE_PACKED | SCHEMA_FEATURE_UTF8,
};

const char *schema_edition_name(int edition)
{
    static const char *const names[] = {"proto2", "proto3", "edition 2023", "edition 2024"};
    return edition >= SCHEMA_EDITION_PROTO2 && edition <= SCHEMA_EDITION_2024
               ? names[edition - SCHEMA_EDITION_PROTO2]
               : NULL;
}

bool schema_edition_is_supported(const char *text)
{
    static const char prefix[] = "edition ";
    for (int i = SCHEMA_EDITION_2023; schema_edition_name(i); i++)
        if (strcmp(schema_edition_name(i) + sizeof prefix - 1, text) == 0)
            return true;
    return false;
}

struct schema_features schema_features_of_edition(const struct Google__Protobuf__FileDescriptorProto *file)
{
    if (!file->syntax || !*file->syntax || strcmp(file->syntax, "proto2") == 0)
        return (struct schema_features){SCHEMA_EDITION_PROTO2, PROTO2_FLAGS};
    if (strcmp(file->syntax, "proto3") == 0)
        return (struct schema_features){SCHEMA_EDITION_PROTO3, PROTO3_FLAGS};
    bool editions = strcmp(file->syntax, "editions") == 0 && file->edition >= SCHEMA_EDITION_2023;
    return (struct schema_features){editions ? file->edition : 0, EDITION_FLAGS};
}

/* One feature: its values count from `first`, and each sets its flags in place of the others'. */
static bool set_feature(struct schema_features *f, int32_t value, int32_t first, const unsigned *flags,
                        size_t count)
{
    unsigned all = 0;
    if (value < first || (size_t)(value - first) >= count)
        return false;
    for (size_t i = 0; i < count; i++)
        all |= flags[i];
    f->flags = (f->flags & ~all) | flags[value - first];
    return true;
}

const char *schema_features_override(struct schema_features *f,
                                     const struct Google__Protobuf__FeatureSet *own)
{
    /* EXPLICIT, IMPLICIT, LEGACY_REQUIRED */
    static const unsigned presence[] = {SCHEMA_FEATURE_PRESENCE, 0,
                                        SCHEMA_FEATURE_PRESENCE | SCHEMA_FEATURE_REQUIRED};
    static const unsigned enums[] = {0, SCHEMA_FEATURE_CLOSED};       /* OPEN, CLOSED */
    static const unsigned repeated[] = {SCHEMA_FEATURE_PACKED, 0};    /* PACKED, EXPANDED */
    static const unsigned utf8[] = {SCHEMA_FEATURE_UTF8, 0};          /* 2: VERIFY, NONE */
    static const unsigned messages[] = {0, SCHEMA_FEATURE_DELIMITED}; /* LENGTH_PREFIXED, DELIMITED */
    if (!own || f->edition < SCHEMA_EDITION_2023)
        return NULL;
    if (own->has_field_presence && !set_feature(f, own->field_presence, 1, presence, array_count(presence)))
        return "field_presence";
    if (own->has_enum_type && !set_feature(f, own->enum_type, 1, enums, array_count(enums)))
        return "enum_type";
    if (own->has_repeated_field_encoding &&
        !set_feature(f, own->repeated_field_encoding, 1, repeated, array_count(repeated)))
        return "repeated_field_encoding";
    if (own->has_utf8_validation && !set_feature(f, own->utf8_validation, 2, utf8, array_count(utf8)))
        return "utf8_validation";
    if (own->has_message_encoding &&
        !set_feature(f, own->message_encoding, 1, messages, array_count(messages)))
        return "message_encoding";
    return NULL;
}

bool schema_features_equal(struct schema_features a, struct schema_features b)
{
    return a.edition == b.edition && a.flags == b.flags;
}
