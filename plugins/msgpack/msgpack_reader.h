/* SPDX-License-Identifier: Apache-2.0
 *
 * MessagePack to a value tree. The reader is our own: msgpack-c allocates what a header announces, up to 64
 * GiB for five bytes, and stops at 32 levels. Its packer is used for the way back.
 */
#ifndef MSGPACK_READER_H
#define MSGPACK_READER_H

#include <forebay/tree.h>

/* Read exactly one object from the payload of t->decode into its value; false: the reason is set. */
bool msgpack_reader_run(struct fby_tree *t);

#endif
