/* SPDX-License-Identifier: Apache-2.0
 *
 * Protobuf schemas given at run time, and payloads decoded with them: a wire walker over compiled types. The
 * registry is immutable once built; a reload builds another. protobuf-c stays inside this folder. Rank 3.
 */
#ifndef SCHEMA_SCHEMA_H
#define SCHEMA_SCHEMA_H

#include "base/arena.h"
#include "base/bytes.h"
#include "base/error.h"
#include "forebay/plugin.h"

struct schema_registry;
struct schema_type; /* a compiled message type, owned by its registry */

struct schema_source {
    const char *descriptor_set; /* a FileDescriptorSet; or: */
    struct fby_strings proto;   /* .proto files, compiled with protoc */
    struct fby_strings include; /* -I directories; empty: the folder of each file */
};

/* Append a source's FileDescriptorSet to `set`; `comments`: with source info where protoc makes it.
 * STATUS_IO: the file cannot be read; STATUS_NOT_FOUND: protoc is not installed. */
MUST_CHECK enum status schema_source_read(const struct schema_source *s, bool comments, struct buffer *set,
                                          struct error *err);
/* The name of a source in messages. */
const char *schema_source_name(const struct schema_source *s);

struct schema_registry *schema_registry_create(void);
void schema_registry_destroy(struct schema_registry *r);
/* Add a file's types; a symbol that is there already with the same content is fine. Errors name the file and
 * the missing import or type, and what to do. */
MUST_CHECK enum status schema_registry_add(struct schema_registry *r, const struct schema_source *s,
                                           struct error *err);
MUST_CHECK enum status schema_registry_add_set(struct schema_registry *r, const char *name, struct bytes set,
                                               struct error *err);
/* Resolve and compile everything added. Must succeed before schema_registry_find(). */
MUST_CHECK enum status schema_registry_link(struct schema_registry *r, struct error *err);
/* Fully qualified, with or without a leading dot. NULL and the nearest names in `err`. */
const struct schema_type *schema_registry_find(const struct schema_registry *r, const char *name,
                                               struct error *err);
size_t schema_registry_type_count(const struct schema_registry *r);
const struct schema_type *schema_registry_type(const struct schema_registry *r, size_t index);
const char *schema_type_name(const struct schema_type *t);

enum schema_framing {
    SCHEMA_FRAMING_NONE,
    SCHEMA_FRAMING_VARINT,
    SCHEMA_FRAMING_FIXED32_BE,
    SCHEMA_FRAMING_FIXED32_LE,
    SCHEMA_FRAMING_FIXED16_BE,
    SCHEMA_FRAMING_FIXED16_LE
};
/* What becomes of fields, and numbers of closed enums, that the schema lacks. Kept ones are a list under
 * "@unknown" in their message, which encoding can take back. */
enum schema_unknown_policy { SCHEMA_UNKNOWN_DROP, SCHEMA_UNKNOWN_FAIL, SCHEMA_UNKNOWN_KEEP };
enum schema_bytes { SCHEMA_BYTES_BASE64, SCHEMA_BYTES_HEX };

/* How a payload is read and shown. Zero is proto3 JSON (ProtoJSON): lowerCamelCase names, 64-bit integers as
 * strings, enum names, base64, no defaults. The daemon's own default differs: see schema_options_default().
 */
struct schema_options {
    int framing;         /* enum schema_framing */
    int64_t skip_bytes;  /* before the framing */
    bool original_names; /* field names as in the .proto */
    bool int64_numbers;  /* 64-bit integers as JSON numbers */
    bool enum_numbers;
    bool emit_defaults; /* fields without presence that are not set */
    int bytes_as;       /* enum schema_bytes */
    int unknown_fields; /* enum schema_unknown_policy */
    /* Limits; 0: the default of each. */
    int64_t max_payload;  /* bytes, 256 KiB; at most 16 MiB */
    int64_t max_depth;    /* 64 */
    int64_t max_elements; /* 65,536 */
    int64_t max_output;   /* bytes of JSON, min(4 MiB, 16 KiB + 32 x payload) */
};
/* Beside these, decoding one payload takes at most min(8 MiB, 64 KiB + 48 x payload) from the arena; with
 * emit_defaults 48 bytes more for each unset field that is shown, which may be 4,096 + 4 x payload. A larger
 * max_elements lifts the 8 MiB. */
/* What an operator gets without asking: original names, 64-bit integers as numbers, and fields that are at
 * their default, so that a reading of 0 is seen by conditions and by whom the message goes to. */
struct schema_options schema_options_default(void);

/* Decode to a value tree in `a`; strings and bytes are borrowed from `payload`. STATUS_INVALID: not such a
 * message; STATUS_LIMIT: over a limit. `err` (may be NULL) says what at which byte, for the dead letter. */
MUST_CHECK enum status schema_decode_value(const struct schema_type *t, const struct schema_options *o,
                                           struct bytes payload, struct arena *a, struct fby_value *out,
                                           struct error *err);
/* Decode straight to JSON text, appended to `out`; `scratch` is rewound. On failure `out` is as before. */
MUST_CHECK enum status schema_decode_json(const struct schema_type *t, const struct schema_options *o,
                                          struct bytes payload, struct arena *scratch, struct buffer *out,
                                          struct error *err);

#endif
