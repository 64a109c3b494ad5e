/* SPDX-License-Identifier: Apache-2.0
 *
 * The durable state of plugin instances: one small file each, written whole by a thread of its own, which
 * exists only after the first save. Private to daemon/plugin.
 */
#ifndef PLUGIN_PLUGIN_STATE_H
#define PLUGIN_PLUGIN_STATE_H

#include "base/bytes.h"
#include "base/error.h"
#include "forebay/plugin.h"

struct loop;
struct plugin_state_store;

enum { PLUGIN_STATE_SAVES_MAX = 4 }; /* of one owner, under way at the same time */

/* Files go into `directory`, which is made with the first of them. */
struct plugin_state_store *plugin_state_store_create(const char *directory, struct loop *l);
/* Everything that was taken is written first; nobody is told any more. */
void plugin_state_store_destroy(struct plugin_state_store *s);

/* Copy and write under `label`. `owner` stands for who is told. STATUS_BUSY: too many under way. */
MUST_CHECK enum status plugin_state_save(struct plugin_state_store *s, const char *label, struct bytes state,
                                         const void *owner, fby_saved_fn done, void *ctx);
/* The newest state of `label`, written or still to be written, in memory that the caller frees.
 * STATUS_NOT_FOUND: none. STATUS_CORRUPT, STATUS_IO: with the reason. */
MUST_CHECK enum status plugin_state_load(struct plugin_state_store *s, const char *label, uint8_t **state,
                                         size_t *len, struct error *err);
/* Tell `owner` nothing more; its saves are written all the same. */
void plugin_state_forget(struct plugin_state_store *s, const void *owner);

#endif
