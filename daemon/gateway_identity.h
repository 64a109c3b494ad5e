/* SPDX-License-Identifier: Apache-2.0
 *
 * The gateway's id when the operator gives none. Rank 6.
 */
#ifndef GATEWAY_IDENTITY_H
#define GATEWAY_IDENTITY_H

#include "base/error.h"

#include <stddef.h>

enum { GATEWAY_IDENTITY_SIZE = 17 };

/* "fby-" and 12 hexadecimal digits: the same at every start on one machine, different on others, and no way
 * back to the machine id, which is not to be shown in a network. `path` is /etc/machine-id. */
MUST_CHECK enum status gateway_identity_read(const char *path, char id[GATEWAY_IDENTITY_SIZE],
                                             struct error *err);

#endif
