/* SPDX-License-Identifier: Apache-2.0
 *
 * A value tree to CBOR (RFC 8949) with announced lengths and the shortest form of every integer.
 */
#ifndef CBOR_WRITER_H
#define CBOR_WRITER_H

#include <forebay/plugin.h>

/* Write e->value through the host; false: the reason is set, or the host has it. */
bool cbor_writer_run(const struct fby_host *host, struct fby_encode *e);

#endif
