/* SPDX-License-Identifier: Apache-2.0
 *
 * A value tree to MessagePack, each value in its shortest form.
 */
#ifndef MSGPACK_WRITER_H
#define MSGPACK_WRITER_H

#include <forebay/plugin.h>

/* Write e->value through the host; false: the reason is set, or the host has it. */
bool msgpack_writer_run(const struct fby_host *host, struct fby_encode *e);

#endif
