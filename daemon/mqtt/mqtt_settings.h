/* SPDX-License-Identifier: Apache-2.0
 *
 * How to reach one MQTT broker, as the section `brokers.<name>` says. Rank 3.
 */
#ifndef MQTT_MQTT_SETTINGS_H
#define MQTT_MQTT_SETTINGS_H

#include "base/error.h"
#include "forebay/plugin.h"

enum mqtt_version { MQTT_VERSION_AUTO, MQTT_VERSION_5, MQTT_VERSION_311 };

struct mqtt_tls_settings {
    const char *ca;          /* file or directory; NULL: the system's */
    const char *certificate; /* PEM chain for mutual TLS */
    const char *key;
    const char *server_name; /* NULL: the host of the URL */
    bool insecure;           /* do not verify the name; warned about */
};

struct mqtt_settings {
    const char *url;  /* mqtt://host[:port], mqtts://host[:port] */
    const char *host; /* from the URL, by mqtt_settings_check() */
    int port;
    bool use_tls;
    const char *client_id; /* NULL: forebay-<gateway id> */
    const char *username, *password;
    int version;               /* enum mqtt_version */
    int64_t keepalive_ms;      /* whole seconds are sent */
    int64_t session_expiry_ms; /* v5 */
    int64_t receive_maximum;   /* v5: unacknowledged messages that the broker may send */
    int64_t max_in_flight;     /* publishes inside libmosquitto, 1 to 100 */
    int64_t max_packet_size;   /* bytes we accept, v5 */
    int64_t reconnect_min_ms, reconnect_max_ms;
    const char
        *status_topic; /* retained "online"/"offline" JSON with a last will; NULL: none. May hold {gateway} */
    const char *sparkplug_host; /* id of the host application that a source is; NULL: of none */
    struct mqtt_tls_settings tls;
};

extern const struct fby_option mqtt_settings_options[];

/* Take the URL apart, look at files and combinations. NULL when right; else the reason, in err->text. The
 * name of the option that is wrong goes to `option`. Strings live in `a`. */
struct arena;
bool mqtt_settings_check(struct mqtt_settings *s, struct arena *a, const char **option, struct error *err);

#endif
