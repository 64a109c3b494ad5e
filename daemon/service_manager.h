/* SPDX-License-Identifier: Apache-2.0
 *
 * What systemd is told: sd_notify(3) over the socket of $NOTIFY_SOCKET, without libsystemd, and the watchdog,
 * which is fed by the loop and so only while the loop makes progress. Does nothing when the variables are not
 * set. Rank 6.
 */
#ifndef SERVICE_MANAGER_H
#define SERVICE_MANAGER_H

#include <stdint.h>

struct loop;
struct service_manager;

struct service_manager *service_manager_create(struct loop *l);
void service_manager_destroy(struct service_manager *s);

void service_manager_ready(struct service_manager *s);
void service_manager_reloading(struct service_manager *s); /* service_manager_ready() when it is over */
void service_manager_stopping(struct service_manager *s);
/* One line for `systemctl status`. */
void service_manager_status(struct service_manager *s, const char *text);
/* Ask for `ms` more milliseconds to start or to stop. */
void service_manager_extend(struct service_manager *s, int64_t ms);

#endif
