/* SPDX-License-Identifier: Apache-2.0
 *
 * CBOR (RFC 8949) to a value tree. libcbor reads one item at a time without memory of its own; nesting and
 * memory are bounded by forebay/tree.h.
 */
#ifndef CBOR_READER_H
#define CBOR_READER_H

#include <forebay/tree.h>

/* Read exactly one item from the payload of t->decode into its value; false: the reason is set. */
bool cbor_reader_run(struct fby_tree *t);

#endif
