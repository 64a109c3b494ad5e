/* SPDX-License-Identifier: Apache-2.0
 *
 * What the schema tests share: a folder for files, registries made from .proto text, wire bytes by hand.
 */
#ifndef UNIT_SCHEMA_SCHEMA_FIXTURE_H
#define UNIT_SCHEMA_SCHEMA_FIXTURE_H

#include "base/bytes.h"
#include "schema/schema.h"

/* A fresh folder for this program, removed at exit. */
const char *fixture_folder(void);
/* Write a file into it; returns its path, valid until exit. */
const char *fixture_write(const char *name, struct bytes content);
/* Run protoc in the folder with these arguments; the test fails when it fails. */
void fixture_protoc(const char *arguments);

/* A linked registry of one .proto file with this text; the test fails when it does not load. */
struct schema_registry *fixture_registry(const char *text);
/* Add a set's bytes and link; returns the error text, empty when it loads. Valid until the next call. */
const char *fixture_load_error(struct bytes set);

/* Wire bytes. */
void wire_varint(struct buffer *b, uint64_t value);
void wire_tag(struct buffer *b, uint32_t number, uint32_t wire);
void wire_number(struct buffer *b, uint32_t number, uint64_t value);
void wire_bytes(struct buffer *b, uint32_t number, struct bytes content);
void wire_text(struct buffer *b, uint32_t number, const char *text);
/* The content of `inner`, which is emptied and freed. */
void wire_message(struct buffer *b, uint32_t number, struct buffer *inner);

#endif
