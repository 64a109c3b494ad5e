/* SPDX-License-Identifier: Apache-2.0
 *
 * See mqtt_status_text.h.
 */
#include "mqtt/mqtt_status_text.h"

#include "base/json_writer.h"
#include "base/memory.h"
#include "config.h"

char *mqtt_status_text(const char *gateway, const char *state)
{
    struct buffer text = {0};
    struct json_writer w;
    json_writer_init(&w, &text);
    json_writer_begin_object(&w, NULL);
    json_writer_add_text(&w, "state", state);
    if (gateway)
        json_writer_add_text(&w, "gateway", gateway);
    json_writer_add_text(&w, "version", PACKAGE_VERSION);
    json_writer_end_object(&w);
    char *copy = xstrndup((const char *)text.data, text.len);
    buffer_finish(&text);
    return copy;
}
