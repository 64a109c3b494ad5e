/* SPDX-License-Identifier: Apache-2.0
 *
 * Payloads for the codec `gzip`, compiled in; see fuzz_unpack.h for what is proved.
 */
#define FBY_VERSION "fuzz"
#include "../../plugins/gzip/gzip.c"
#include "fuzz_unpack.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void *self;
    return fuzz_unpack(&self, &gzip_ops, data, size);
}
