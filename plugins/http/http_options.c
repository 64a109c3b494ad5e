/* SPDX-License-Identifier: Apache-2.0
 *
 * See http_options.h.
 */
#include "http_options.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

static const char *const format_choices[] = {"ndjson", "json_array", "single", NULL};
static const char *const method_choices[] = {"POST", "PUT", NULL};

static const struct fby_option batch_option_rows[] = {
    {.name = "messages",
     .type = FBY_OPTION_INT,
     .offset = offsetof(struct http_batch_options, messages),
     .default_text = "500",
     .min = 1,
     .max = 10000,
     .help = "Send a request when so many messages are there."},
    {.name = "bytes",
     .type = FBY_OPTION_SIZE,
     .offset = offsetof(struct http_batch_options, bytes),
     .default_text = "1 MiB",
     .min = 1024,
     .max = 64 << 20,
     .help = "Send a request when it would grow beyond this."},
    {.name = "wait",
     .type = FBY_OPTION_DURATION,
     .offset = offsetof(struct http_batch_options, wait_ms),
     .default_text = "200ms",
     .max = 3600 * 1000,
     .help = "Send a request when its first message has waited so long; 0: at once."},
    {.name = "format",
     .type = FBY_OPTION_CHOICE,
     .offset = offsetof(struct http_batch_options, format),
     .default_text = "ndjson",
     .choices = format_choices,
     .help = "Body of a request: a message on each line, a JSON array of them, or one message as it is."},
    {.name = NULL},
};

static const struct fby_option tls_option_rows[] = {
    {.name = "ca",
     .type = FBY_OPTION_STRING,
     .offset = offsetof(struct http_tls_options, ca),
     .help = "File with the certificates to trust, from the root on; default: the system's."},
    {.name = "certificate",
     .type = FBY_OPTION_STRING,
     .offset = offsetof(struct http_tls_options, certificate),
     .help = "File with the client certificate, from the root on."},
    {.name = "key",
     .type = FBY_OPTION_STRING,
     .offset = offsetof(struct http_tls_options, key),
     .help = "File with the client certificate's private key, from the root on."},
    {.name = "insecure",
     .type = FBY_OPTION_BOOL,
     .offset = offsetof(struct http_tls_options, insecure),
     .default_text = "false",
     .help = "Do not check whom we talk to. For tests only."},
    {.name = NULL},
};

const struct fby_option http_option_rows[] = {
    {.name = "url",
     .type = FBY_OPTION_STRING,
     .flags = FBY_OPTION_REQUIRED,
     .offset = offsetof(struct http_options, url),
     .help = "Where requests go, http:// or https://."},
    {.name = "method",
     .type = FBY_OPTION_CHOICE,
     .offset = offsetof(struct http_options, method),
     .default_text = "POST",
     .choices = method_choices,
     .help = "Method of the requests."},
    {.name = "headers",
     .type = FBY_OPTION_STRING_MAP,
     .flags = FBY_OPTION_SECRET,
     .offset = offsetof(struct http_options, headers),
     .help = "Header fields to send, such as Authorization."},
    {.name = "batch",
     .type = FBY_OPTION_SECTION,
     .offset = offsetof(struct http_options, batch),
     .section = batch_option_rows,
     .help = "How messages are put together into requests."},
    {.name = "timeout",
     .type = FBY_OPTION_DURATION,
     .offset = offsetof(struct http_options, timeout_ms),
     .default_text = "30s",
     .min = 100,
     .max = 3600 * 1000,
     .help = "How long a request may take as a whole."},
    {.name = "connect_timeout",
     .type = FBY_OPTION_DURATION,
     .offset = offsetof(struct http_options, connect_timeout_ms),
     .default_text = "10s",
     .min = 100,
     .max = 3600 * 1000,
     .help = "How long finding and connecting the server may take, TLS included."},
    {.name = "tls",
     .type = FBY_OPTION_SECTION,
     .offset = offsetof(struct http_options, tls),
     .section = tls_option_rows,
     .help = "Certificates for https."},
    {.name = "username",
     .type = FBY_OPTION_STRING,
     .offset = offsetof(struct http_options, username),
     .help = "User for HTTP basic authentication."},
    {.name = "password",
     .type = FBY_OPTION_STRING,
     .flags = FBY_OPTION_SECRET,
     .offset = offsetof(struct http_options, password),
     .help = "Password for HTTP basic authentication."},
    {.name = "requests",
     .type = FBY_OPTION_INT,
     .offset = offsetof(struct http_options, requests),
     .default_text = "1",
     .min = 1,
     .max = HTTP_REQUESTS_MAX,
     .help = "Requests under way at once; with more than 1 the service may see messages out of order."},
    {.name = "retry_status",
     .type = FBY_OPTION_STRINGS,
     .offset = offsetof(struct http_options, retry_status),
     .help = "Further status codes to try again on, besides 408, 425, 429 and 5xx."},
    {.name = NULL},
};

static const char *check_url(const char *url, struct fby_error *err)
{
    const char *reason = NULL;
    CURLU *parsed = curl_url();
    CURLUcode code = parsed ? curl_url_set(parsed, CURLUPART_URL, url, 0) : CURLUE_OUT_OF_MEMORY;
    if (strncasecmp(url, "http://", 7) != 0 && strncasecmp(url, "https://", 8) != 0)
        reason = "The url has to begin with http:// or https://.";
    else if (code != CURLUE_OK) {
        snprintf(err->text, sizeof err->text, "The url is wrong: %s.", curl_url_strerror(code));
        reason = err->text;
    }
    curl_url_cleanup(parsed);
    return reason;
}

static bool is_token(const char *name)
{
    static const char allowed[] = "!#$%&'*+-.^_`|~0123456789"
                                  "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    return *name && name[strspn(name, allowed)] == 0;
}

static bool is_ours(const char *name)
{
    static const char *const ours[] = {"Content-Length", "Transfer-Encoding", "Idempotency-Key"};
    for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++)
        if (strcasecmp(name, ours[i]) == 0)
            return true;
    return false;
}

/* A value comes from ${file:…} too: a line break in it would begin another header. */
static const char *check_headers(const struct fby_string_map *headers, struct fby_error *err)
{
    for (size_t i = 0; i < headers->count; i++) {
        const char *name = headers->names[i];
        const char *fault = NULL;
        if (!is_token(name))
            fault = "is not the name of a header";
        else if (is_ours(name))
            fault = "is set by this upstream itself. Remove it";
        else if (strpbrk(headers->texts[i], "\r\n"))
            fault = "has a line break in its value. Remove it, also from the end of a file it comes from";
        if (!fault)
            continue;
        snprintf(err->text, sizeof err->text, "headers: \"%.64s\" %s.", name, fault);
        return err->text;
    }
    return NULL;
}

static const char *check_file(const char *what, const char *path, struct fby_error *err)
{
    if (path && path[0] != '/') {
        snprintf(err->text, sizeof err->text,
                 "tls.%s: %.160s has to begin with \"/\": where a daemon stands is nothing to rely on. Write "
                 "/etc/forebay/%.160s, say.",
                 what, path, path);
        return err->text;
    }
    if (!path || access(path, F_OK) == 0)
        return NULL;
    snprintf(err->text, sizeof err->text, "tls.%s: %.300s: %s.", what, path, strerror(errno));
    return err->text;
}

static const char *check_tls(const struct http_tls_options *tls, struct fby_error *err)
{
    const char *reason = check_file("ca", tls->ca, err);
    if (!reason)
        reason = check_file("certificate", tls->certificate, err);
    if (!reason)
        reason = check_file("key", tls->key, err);
    if (!reason && tls->key && !tls->certificate)
        reason = "tls.key is given without tls.certificate.";
    return reason;
}

static long parse_status(const char *text)
{
    char *end;
    long status = strtol(text, &end, 10);
    return *text && *end == 0 && status >= 300 && status <= 599 ? status : -1;
}

const char *http_options_check(const void *options, struct fby_error *err)
{
    const struct http_options *o = options;
    const char *reason = check_url(o->url, err);
    if (!reason)
        reason = check_headers(&o->headers, err);
    if (!reason)
        reason = check_tls(&o->tls, err);
    if (!reason && o->password && !o->username)
        reason = "A password is given without a username.";
    for (size_t i = 0; i < o->retry_status.count && !reason; i++)
        if (parse_status(o->retry_status.items[i]) < 0)
            reason = "retry_status takes status codes between 300 and 599.";
    return reason;
}

bool http_options_is_retry_status(const struct http_options *o, long status)
{
    for (size_t i = 0; i < o->retry_status.count; i++)
        if (parse_status(o->retry_status.items[i]) == status)
            return true;
    return false;
}
