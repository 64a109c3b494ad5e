/* SPDX-License-Identifier: Apache-2.0
 *
 * sparkplug_inflate.h in a build without zlib.
 */
#include "sparkplug/sparkplug_inflate.h"

enum status sparkplug_inflate(struct bytes packed, size_t limit, struct arena *a, struct bytes *out,
                              struct error *err)
{
    (void)packed;
    (void)limit;
    (void)a;
    *out = bytes_of(NULL, 0);
    return error_set(err, STATUS_LIMIT, "the payload is compressed, and this build has no zlib");
}
