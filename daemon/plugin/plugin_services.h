/* SPDX-License-Identifier: Apache-2.0
 *
 * The functions that every plugin gets (struct fby_host), over the loop, the log and the metrics.
 */
#ifndef PLUGIN_PLUGIN_SERVICES_H
#define PLUGIN_PLUGIN_SERVICES_H

struct fby_host;
struct plugin_instance;
struct plugin_side;

/* Each instance has its own table: item_alloc carries no instance, so it is the side's own function. */
void plugin_services_fill(struct fby_host *table, const struct plugin_side *side);

/* Take back what the instance still has. Returns how many timers, watches and notifiers were left: the
 * plugin should have destroyed them itself. */
unsigned plugin_services_reclaim(struct plugin_instance *in);

#endif
