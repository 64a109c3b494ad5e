/* SPDX-License-Identifier: Apache-2.0
 *
 * See mqtt_settings.h.
 */
#include "mqtt/mqtt_settings.h"

#include "base/arena.h"
#include "mqtt/mqtt_tls.h"

#include <mosquitto.h>
#include <stdlib.h>
#include <string.h>

#define OPTION(field) offsetof(struct mqtt_settings, field)
#define TLS(field)    offsetof(struct mqtt_tls_settings, field)

static const char *const version_names[] = {"auto", "5", "3.1.1", NULL};

static const struct fby_option tls_options[] = {
    {.name = "ca",
     .type = FBY_OPTION_STRING,
     .offset = TLS(ca),
     .help =
         "PEM file or directory of the authorities that may vouch for the broker. Default: the system's."},
    {.name = "certificate",
     .type = FBY_OPTION_STRING,
     .offset = TLS(certificate),
     .help = "PEM file with our certificate and its chain, for mutual TLS. Read again at every connect."},
    {.name = "key",
     .type = FBY_OPTION_STRING,
     .offset = TLS(key),
     .help = "PEM file with the private key of `certificate`, without a pass phrase."},
    {.name = "server_name",
     .type = FBY_OPTION_STRING,
     .offset = TLS(server_name),
     .help = "The name that the broker's certificate must carry. Default: the host of the URL."},
    {.name = "insecure",
     .type = FBY_OPTION_BOOL,
     .offset = TLS(insecure),
     .default_text = "false",
     .help = "Accept a certificate that was made for another name. Only for tests."},
    {.name = NULL},
};

const struct fby_option mqtt_settings_options[] = {
    {.name = "url",
     .type = FBY_OPTION_STRING,
     .flags = FBY_OPTION_REQUIRED,
     .offset = OPTION(url),
     .help = "mqtt://host[:port], or mqtts://host[:port] for TLS. The usual ports are 1883 and 8883."},
    {.name = "client_id",
     .type = FBY_OPTION_STRING,
     .offset = OPTION(client_id),
     .help =
         "Our name at the broker, which keeps our session under it; must be unique there. Default: forebay- "
         "and the gateway's id."},
    {.name = "username",
     .type = FBY_OPTION_STRING,
     .offset = OPTION(username),
     .help = "User name for the broker."},
    {.name = "password",
     .type = FBY_OPTION_STRING,
     .flags = FBY_OPTION_SECRET,
     .offset = OPTION(password),
     .help = "Password for the broker; better written as ${credential:name} or ${file:path}."},
    {.name = "version",
     .type = FBY_OPTION_CHOICE,
     .offset = OPTION(version),
     .default_text = "auto",
     .choices = version_names,
     .help = "MQTT version: 5, 3.1.1, or auto, which tries 5 first. Only version 5 tells us when the broker "
             "refuses a message."},
    {.name = "keepalive",
     .type = FBY_OPTION_DURATION,
     .offset = OPTION(keepalive_ms),
     .default_text = "30s",
     .min = 5000,
     .max = 65535000,
     .help = "How long a silent connection may be dead before that is noticed; whole seconds."},
    {.name = "session_expiry",
     .type = FBY_OPTION_DURATION,
     .offset = OPTION(session_expiry_ms),
     .default_text = "7d",
     .min = 0,
     .max = 4294967294000.0,
     .help = "How long the broker is asked to keep our session, and messages for it, while we are away (MQTT "
             "5)."},
    {.name = "receive_maximum",
     .type = FBY_OPTION_INT,
     .offset = OPTION(receive_maximum),
     .default_text = "1000",
     .min = 1,
     .max = 65535,
     .help =
         "How many messages the broker may send before we acknowledge one (MQTT 5). The broker's own limit "
         "(max_inflight_messages in mosquitto) is often the lower one."},
    {.name = "max_in_flight",
     .type = FBY_OPTION_INT,
     .offset = OPTION(max_in_flight),
     .default_text = "100",
     .min = 1,
     .max = 100,
     .help = "How many messages may be on their way to this broker without its acknowledgement."},
    {.name = "max_packet_size",
     .type = FBY_OPTION_SIZE,
     .offset = OPTION(max_packet_size),
     .default_text = "16 MiB",
     .min = 1024,
     .max = 268435455,
     .help =
         "The broker is asked to leave out larger packets (MQTT 5). One that sends a larger packet all the "
         "same, as with MQTT 3.1.1 it may, is disconnected."},
    {.name = "reconnect_min",
     .type = FBY_OPTION_DURATION,
     .offset = OPTION(reconnect_min_ms),
     .default_text = "1s",
     .min = 10,
     .max = 3600000,
     .help =
         "The wait before the first new try after a lost connection; it doubles with every try that fails."},
    {.name = "reconnect_max",
     .type = FBY_OPTION_DURATION,
     .offset = OPTION(reconnect_max_ms),
     .default_text = "1m",
     .min = 10,
     .max = 86400000,
     .help = "The longest wait between two tries."},
    {.name = "status_topic",
     .type = FBY_OPTION_STRING,
     .offset = OPTION(status_topic),
     .help = "Topic for a retained message that says online or offline, also when we vanish (last will); may "
             "hold {gateway}."},
    {.name = "sparkplug_host",
     .type = FBY_OPTION_STRING,
     .offset = OPTION(sparkplug_host),
     .help = "Host id of a Sparkplug host application: edge nodes that wait for it are told that we are "
             "there, on "
             "the connection that reads from this broker."},
    {.name = "tls",
     .type = FBY_OPTION_SECTION,
     .offset = OPTION(tls),
     .section = tls_options,
     .help = "For mqtts:// only."},
    {.name = NULL},
};

/* Name the option; what is wrong with it is in the error already. */
static bool blame(const char **option, const char *name)
{
    *option = name;
    return false;
}

/* host, host:port or [address]:port */
static enum status split_authority(struct mqtt_settings *s, struct arena *a, const char *text, size_t len,
                                   struct error *err)
{
    const char *end = text + len, *host = text, *host_end = end, *port = NULL;
    if (memchr(text, '@', len))
        return error_set(err, STATUS_INVALID,
                         "the user does not belong into the URL; write username and password");
    if (len > 0 && *text == '[') {
        host = text + 1;
        host_end = memchr(text, ']', len);
        if (!host_end)
            return error_set(err, STATUS_INVALID, "the ] after the address is missing");
        if (host_end + 1 < end && host_end[1] != ':')
            return error_set(err, STATUS_INVALID, "after ] only :port may follow");
        port = host_end + 1 < end ? host_end + 2 : NULL;
    } else if ((host_end = memchr(text, ':', len))) {
        port = host_end + 1;
        if (memchr(port, ':', (size_t)(end - port)))
            return error_set(err, STATUS_INVALID, "an IPv6 address is written in brackets: [::1]:1883");
    } else {
        host_end = end;
    }
    if (host_end == host)
        return error_set(err, STATUS_INVALID, "the host is missing");
    s->host = arena_strndup(a, host, (size_t)(host_end - host));
    if (!port)
        return STATUS_OK;
    char *number_end = NULL;
    const char *digits = arena_strndup(a, port, (size_t)(end - port));
    long number = strtol(digits, &number_end, 10);
    if (*digits < '0' || *digits > '9' || *number_end || number < 1 || number > 65535)
        return error_set(err, STATUS_INVALID, "the port \"%s\" is not a number from 1 to 65535", digits);
    s->port = (int)number;
    return STATUS_OK;
}

static enum status split_url(struct mqtt_settings *s, struct arena *a, struct error *err)
{
    static const char plain[] = "mqtt://", tls[] = "mqtts://";
    const char *rest;
    if (strncmp(s->url, plain, sizeof plain - 1) == 0) {
        rest = s->url + sizeof plain - 1;
        s->port = 1883;
    } else if (strncmp(s->url, tls, sizeof tls - 1) == 0) {
        rest = s->url + sizeof tls - 1;
        s->use_tls = true;
        s->port = 8883;
    } else {
        return error_set(err, STATUS_INVALID, "\"%s\" does not begin with mqtt:// or mqtts://", s->url);
    }
    size_t len = strcspn(rest, "/?#");
    if (rest[len] && strcmp(rest + len, "/") != 0)
        return error_set(err, STATUS_INVALID, "a broker's URL ends after the port; \"%s\" is too much",
                         rest + len);
    return split_authority(s, a, rest, len, err);
}

static bool check_tls(const struct mqtt_settings *s, const char **option, struct error *err)
{
    const struct mqtt_tls_settings *t = &s->tls;
    bool any = t->ca || t->certificate || t->key || t->server_name || t->insecure;
    if (!s->use_tls && any) {
        error_set(err, STATUS_INVALID, "TLS is set, but the URL says mqtt://. Write mqtts://");
        return blame(option, "tls");
    }
    if (!s->use_tls)
        return true;
    if (t->certificate && !t->key) {
        error_set(err, STATUS_INVALID, "tls.certificate needs tls.key as well");
        return blame(option, "tls");
    }
    if (t->key && !t->certificate) {
        error_set(err, STATUS_INVALID, "tls.key needs tls.certificate as well");
        return blame(option, "tls");
    }
    struct mqtt_tls *tls = mqtt_tls_create(s, err);
    mqtt_tls_destroy(tls);
    return tls || blame(option, "tls");
}

static bool check_identity(const struct mqtt_settings *s, const char **option, struct error *err)
{
    if (s->client_id && (!*s->client_id || strlen(s->client_id) > UINT16_MAX)) {
        error_set(err, STATUS_INVALID, "the client id must have 1 to 65535 bytes");
        return blame(option, "client_id");
    }
    if (s->password && !s->username) {
        error_set(err, STATUS_INVALID, "a password needs a username");
        return blame(option, "username");
    }
    return true;
}

/* {gateway} is replaced later; its braces are legal in a topic, so the check can come before. */
static bool is_topic(const char *topic)
{
    return strlen(topic) <= UINT16_MAX && mosquitto_pub_topic_check(topic) == MOSQ_ERR_SUCCESS && *topic;
}

bool mqtt_settings_check(struct mqtt_settings *s, struct arena *a, const char **option, struct error *err)
{
    if (split_url(s, a, err) != STATUS_OK)
        return blame(option, "url");
    if (!check_identity(s, option, err))
        return false;
    if (s->reconnect_min_ms > s->reconnect_max_ms) {
        error_set(err, STATUS_INVALID, "reconnect_max is shorter than reconnect_min");
        return blame(option, "reconnect_max");
    }
    if (s->sparkplug_host && (!is_topic(s->sparkplug_host) || strchr(s->sparkplug_host, '/'))) {
        error_set(err, STATUS_INVALID,
                  "\"%s\" cannot be the id of a Sparkplug host: one level of a topic, without + and #",
                  s->sparkplug_host);
        return blame(option, "sparkplug_host");
    }
    if (s->sparkplug_host && s->status_topic) {
        error_set(err, STATUS_INVALID,
                  "A connection has one last will: choose between status_topic and sparkplug_host.");
        return blame(option, "sparkplug_host");
    }
    if (s->status_topic && !is_topic(s->status_topic)) {
        error_set(err, STATUS_INVALID, "\"%s\" is not a topic to publish to", s->status_topic);
        return blame(option, "status_topic");
    }
    return check_tls(s, option, err);
}
