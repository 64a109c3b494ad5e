/* SPDX-License-Identifier: Apache-2.0
 *
 * See mqtt_status_text.h.
 */
#include "mqtt/mqtt_status_text.h"

#include "base/json_writer.h"
#include "base/memory.h"
#include "config.h"
#include "mqtt/mqtt_client.h"

char *mqtt_status_text(const struct mqtt_client_role *role, const char *state)
{
    struct buffer text = {0};
    struct json_writer w;
    json_writer_init(&w, &text);
    json_writer_begin_object(&w, NULL);
    json_writer_add_text(&w, "state", state);
    if (role->gateway)
        json_writer_add_text(&w, "gateway", role->gateway);
    json_writer_add_text(&w, "version", PACKAGE_VERSION);
    json_writer_end_object(&w);
    char *copy = xstrndup((const char *)text.data, text.len);
    buffer_finish(&text);
    return copy;
}
