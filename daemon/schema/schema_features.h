/* SPDX-License-Identifier: Apache-2.0
 *
 * What the edition of a .proto and its features settle: presence, packing and so on. proto2 and proto3 are
 * two fixed sets of them. A declaration begins with those of what it stands in and overrides some.
 */
#ifndef SCHEMA_SCHEMA_FEATURES_H
#define SCHEMA_SCHEMA_FEATURES_H

#include <stdbool.h>

struct Google__Protobuf__FeatureSet;
struct Google__Protobuf__FileDescriptorProto;

/* Numbers of descriptor.proto. */
enum {
    SCHEMA_EDITION_PROTO2 = 998,
    SCHEMA_EDITION_PROTO3 = 999,
    SCHEMA_EDITION_2023 = 1000,
    SCHEMA_EDITION_2024 = 1001,
};

enum {
    SCHEMA_FEATURE_PRESENCE = 1,  /* a single scalar knows whether it is set */
    SCHEMA_FEATURE_REQUIRED = 2,  /* and must be */
    SCHEMA_FEATURE_CLOSED = 4,    /* an enum has no numbers but those that are listed */
    SCHEMA_FEATURE_PACKED = 8,    /* a repeated number is written packed */
    SCHEMA_FEATURE_UTF8 = 16,     /* a string must be valid UTF-8 */
    SCHEMA_FEATURE_DELIMITED = 32 /* a message is written as a group */
};

#define SCHEMA_EDITIONS_SUPPORTED "Supported are the editions 2023 and 2024, proto2 and proto3"

struct schema_features {
    int edition;
    unsigned flags; /* SCHEMA_FEATURE_* */
};

/* "proto2", "edition 2023" …; NULL: not supported. */
const char *schema_edition_name(int edition);
/* The edition as a .proto says it: "2023". */
bool schema_edition_is_supported(const char *text);
/* Those of the edition itself, without the file's own; the edition may be one that is not supported. */
struct schema_features schema_features_of_edition(const struct Google__Protobuf__FileDescriptorProto *file);
/* Apply what a declaration's options say (NULL: nothing); proto2 and proto3 know no such options. Returns
 * NULL, or the name of a feature with a value that is not known. */
const char *schema_features_override(struct schema_features *f,
                                     const struct Google__Protobuf__FeatureSet *own);
bool schema_features_equal(struct schema_features a, struct schema_features b);

#endif
