/* SPDX-License-Identifier: Apache-2.0
 *
 * What the gateway shows: the handlers of the control socket. Rank 6.
 */
#ifndef GATEWAY_STATUS_H
#define GATEWAY_STATUS_H

struct gateway;

/* Register GET /status, /metrics, /livez, /readyz and POST /reload. */
void gateway_status_register(struct gateway *g);
/* "ok", "degraded: …": one line for people and the service manager; borrowed until the next call. */
const char *gateway_status_text(struct gateway *g);

#endif
