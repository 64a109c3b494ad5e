/* SPDX-License-Identifier: Apache-2.0
 *
 * A reload: read and check, build beside, let what changes run empty, swap. On any problem the running
 * generation stays. Rank 6.
 */
#ifndef GATEWAY_RELOAD_H
#define GATEWAY_RELOAD_H

#include "base/bytes.h"

struct gateway;

/* `report` is the text for the caller: what was wrong, or one line of success; borrowed for the call. */
typedef void (*gateway_reload_done_fn)(void *ctx, bool ok, struct bytes report);

/* Begin; `done` (may be NULL) is called once, maybe before this returns. While a reload is under way another
 * one is refused. */
void gateway_reload_begin(struct gateway *g, gateway_reload_done_fn done, void *ctx);
/* Give up the one under way, at shutdown; its `done` is told. */
void gateway_reload_cancel(struct gateway *g);

#endif
