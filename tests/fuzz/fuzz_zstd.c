/* SPDX-License-Identifier: Apache-2.0
 *
 * Payloads for the codec `zstd`, compiled in; see fuzz_unpack.h for what is proved.
 */
#define FBY_VERSION "fuzz"
#include "../../plugins/zstd/zstd.c"
#include "fuzz_unpack.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void *self;
    return fuzz_unpack(&self, &zstd_ops, data, size);
}
