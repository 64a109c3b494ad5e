/* SPDX-License-Identifier: Apache-2.0
 *
 * Payloads for the codec `msgpack`, compiled in; see fuzz_codec.h for what is proved.
 */
#define FBY_VERSION "fuzz"
#include "../../plugins/msgpack/msgpack.c"
#include "../../plugins/msgpack/msgpack_reader.c"
#include "../../plugins/msgpack/msgpack_writer.c"
#include "fuzz_codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct msgpack_options options = {{256 << 10, 64, 65536}};
    static void *self;
    return fuzz_codec(&self, &msgpack_ops, &options, data, size);
}
