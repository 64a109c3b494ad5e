/* SPDX-License-Identifier: Apache-2.0
 *
 * Payloads for the codec `cbor`, compiled in; see fuzz_codec.h for what is proved.
 */
#define FBY_VERSION "fuzz"
#include "../../plugins/cbor/cbor.c"
#include "../../plugins/cbor/cbor_reader.c"
#include "../../plugins/cbor/cbor_writer.c"
#include "fuzz_codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct cbor_options options = {{256 << 10, 64, 65536}};
    static void *self;
    return fuzz_codec(&self, &cbor_ops, &options, data, size);
}
