/* SPDX-License-Identifier: Apache-2.0
 *
 * An OpenSSL context for one connection. It is made anew for every connect, so that a renewed certificate and
 * a changed set of authorities are picked up: a context's store only ever gains certificates.
 */
#ifndef MQTT_MQTT_TLS_H
#define MQTT_MQTT_TLS_H

#include "base/error.h"

struct mqtt_settings;
struct mqtt_tls;
struct ssl_ctx_st;

/* NULL and the reason, which names the file and the option. */
struct mqtt_tls *mqtt_tls_create(const struct mqtt_settings *s, struct error *err);
void mqtt_tls_destroy(struct mqtt_tls *t); /* NULL is fine; after the connection */
/* Borrowed; libmosquitto takes its own reference. */
struct ssl_ctx_st *mqtt_tls_context(const struct mqtt_tls *t);
/* Why the broker's certificate was not accepted, or "". */
const char *mqtt_tls_refusal(const struct mqtt_tls *t);

#endif
