/* SPDX-License-Identifier: Apache-2.0
 *
 * What a delivery took before a reload changed its filters. Records of the backlog were counted as accepted
 * by those, so they are asked until the backlog is passed.
 */
#ifndef DELIVERY_DELIVERY_FORMER_H
#define DELIVERY_DELIVERY_FORMER_H

#include "base/list.h"
#include "pipeline/route_table.h"

/* Remember a copy of `match`, for the records behind those of the list's last entry. */
void delivery_former_add(struct list *formers, const struct route_match *match);
/* Those added since the last call counted records up to here. */
void delivery_former_set_through(struct list *formers, uint64_t through);
/* True when the record was counted by one of them, which is told in `accepted`; forgets those that it is
 * past. */
bool delivery_former_find(struct list *formers, uint64_t sequence, struct bytes source, struct bytes topic,
                          bool *accepted);
void delivery_former_move_all(struct list *to, struct list *from);
void delivery_former_finish(struct list *formers);

#endif
