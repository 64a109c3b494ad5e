/* SPDX-License-Identifier: Apache-2.0
 *
 * JSON text into a buffer: escaping, commas, numbers. Each byte that is not UTF-8 becomes U+FFFD. RFC 8259.
 */
#ifndef BASE_JSON_WRITER_H
#define BASE_JSON_WRITER_H

#include "base/bytes.h"

/* A quoted, escaped string. Returns false when `text` was not valid UTF-8 (it was repaired). */
bool json_write_string(struct buffer *out, struct bytes text);
/* The same as the name of a member, with the colon and, unless it is the first, the comma. */
void json_write_name(struct buffer *out, struct bytes name, bool is_first);
/* Quoted, standard alphabet, padded: RFC 4648 section 4. */
void json_write_base64(struct buffer *out, struct bytes data);
void json_write_uint(struct buffer *out, uint64_t value);
void json_write_int(struct buffer *out, int64_t value);
/* NaN and infinities as the strings of proto3 JSON. */
void json_write_double(struct buffer *out, double value);
/* The same with the shortest digits of a float. */
void json_write_float(struct buffer *out, float value);

/* A small helper for status documents: keeps track of commas. */
struct json_writer {
    struct buffer *out;
    unsigned depth;
    bool comma;
};

void json_writer_init(struct json_writer *w, struct buffer *out);
/* `name` NULL inside lists and at the top. */
void json_writer_begin_object(struct json_writer *w, const char *name);
void json_writer_end_object(struct json_writer *w);
void json_writer_begin_list(struct json_writer *w, const char *name);
void json_writer_end_list(struct json_writer *w);
void json_writer_add_text(struct json_writer *w, const char *name, const char *text); /* NULL text: null */
void json_writer_add_bytes(struct json_writer *w, const char *name, struct bytes text);
void json_writer_add_base64(struct json_writer *w, const char *name, struct bytes data);
void json_writer_add_uint(struct json_writer *w, const char *name, uint64_t value);
void json_writer_add_int(struct json_writer *w, const char *name, int64_t value);
void json_writer_add_double(struct json_writer *w, const char *name, double value);
void json_writer_add_bool(struct json_writer *w, const char *name, bool value);

#endif
