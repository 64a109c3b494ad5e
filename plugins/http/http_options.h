/* SPDX-License-Identifier: Apache-2.0
 *
 * What the operator can say about an HTTP upstream, and the checks that a table cannot do.
 */
#ifndef HTTP_OPTIONS_H
#define HTTP_OPTIONS_H

#include <forebay/plugin.h>

enum http_format { HTTP_FORMAT_NDJSON, HTTP_FORMAT_JSON_ARRAY, HTTP_FORMAT_SINGLE };

struct http_batch_options {
    int64_t messages;
    int64_t bytes;
    int64_t wait_ms;
    int format; /* enum http_format */
};

struct http_tls_options {
    const char *ca;
    const char *certificate;
    const char *key;
    bool insecure;
};

struct http_options {
    const char *url;
    int method; /* 0: POST, 1: PUT */
    struct fby_string_map headers;
    struct http_batch_options batch;
    int64_t timeout_ms;
    int64_t connect_timeout_ms;
    struct http_tls_options tls;
    const char *username;
    const char *password;
    int64_t requests;
    struct fby_strings retry_status;
};

enum { HTTP_REQUESTS_MAX = 16 };

extern const struct fby_option http_option_rows[];

const char *http_options_check(const void *options, struct fby_error *err);
/* Did the operator say that this status is to be tried again? */
bool http_options_is_retry_status(const struct http_options *o, long status);

#endif
