/* SPDX-License-Identifier: Apache-2.0
 *
 * See mqtt_version_choice.h.
 */
#include "mqtt/mqtt_version_choice.h"

#include "mqtt/mqtt_reason.h"

void mqtt_version_choice_init(struct mqtt_version_choice *c, int wanted)
{
    *c = (struct mqtt_version_choice){.wanted = wanted, .v5 = wanted != MQTT_VERSION_311};
}

void mqtt_version_choice_accept(struct mqtt_version_choice *c)
{
    c->is_known = true;
    c->closed_v5_tries = 0;
}

bool mqtt_version_choice_refuse(struct mqtt_version_choice *c, int reason_code)
{
    if (c->wanted != MQTT_VERSION_AUTO)
        return false;
    if (!c->v5) {
        /* What worked, or what was only a guess, may have changed: begin with 5 again next time. */
        c->v5 = !c->is_known || reason_code == MQTT_REASON_UNSUPPORTED_VERSION;
        return false;
    }
    if (reason_code && reason_code != MQTT_REASON_UNSUPPORTED_VERSION)
        return false;
    /* Without an answer it may as well be a broker that is restarting: ask twice. */
    if (!reason_code && (c->is_known || ++c->closed_v5_tries < 2))
        return false;
    c->closed_v5_tries = 0;
    c->is_known = false;
    c->v5 = false;
    return true;
}
