/* SPDX-License-Identifier: Apache-2.0
 *
 * See http_transport.h.
 */
#include "http_transport.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
    BODY_KEEP_BYTES = 300,       /* of an answer, for the reason */
    BODY_READ_BYTES = 64 * 1024, /* of an answer, so that the connection can be used again */
    RETRY_AFTER_MAX_MS = 3600 * 1000,
    CONNECTION_AGE_MAX_S = 300, /* a new connection sees a changed DNS entry or certificate */
};

struct http_request {
    struct http_request *next; /* http_transport.running or .idle */
    struct http_transport *transport;
    CURL *easy;
    struct curl_slist *headers;
    void *ctx;
    char body[BODY_KEEP_BYTES + 1];
    size_t body_len;
    size_t body_read;
    bool header_ended; /* with its empty line */
    char error[CURL_ERROR_SIZE];
};

struct http_transport {
    CURLM *multi;
    struct http_request *running;
    struct http_request *idle; /* their handles are used again where libcurl is new enough */
    struct fby_timer *timer;
    const struct http_options *options;
    const struct fby_host *host;
    struct fby_instance *instance;
    http_done_fn done;
    void *ctx;
};

/* ---- libcurl's wishes ---- */

static void act(struct http_transport *t, curl_socket_t fd, int mask);

static void handle_io(void *ctx, int fd, unsigned events)
{
    int mask =
        ((events & FBY_IO_READ) ? CURL_CSELECT_IN : 0) | ((events & FBY_IO_WRITE) ? CURL_CSELECT_OUT : 0);
    act(ctx, fd, mask);
}

static void handle_timer(void *ctx)
{
    act(ctx, CURL_SOCKET_TIMEOUT, 0);
}

static int set_socket(CURL *easy, curl_socket_t fd, int what, void *ctx, void *assigned)
{
    struct http_transport *t = ctx;
    struct fby_io *io = assigned;
    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        t->host->io_destroy(io);
        curl_multi_assign(t->multi, fd, NULL);
        return 0;
    }
    if (!io) {
        io = t->host->io_create(t->instance, fd, handle_io, t);
        curl_multi_assign(t->multi, fd, io);
    }
    unsigned events = 0;
    if (what == CURL_POLL_IN || what == CURL_POLL_INOUT)
        events |= FBY_IO_READ;
    if (what == CURL_POLL_OUT || what == CURL_POLL_INOUT)
        events |= FBY_IO_WRITE;
    t->host->io_set(io, events);
    return 0;
}

static int set_timer(CURLM *multi, long timeout_ms, void *ctx)
{
    const struct http_transport *t = ctx;
    (void)multi;
    if (timeout_ms < 0)
        t->host->timer_stop(t->timer);
    else
        t->host->timer_start(t->timer, timeout_ms);
    return 0;
}

/* Only the beginning of an answer is kept. One that does not end is cut off: its status is known. */
static size_t take_body(char *data, size_t one, size_t len, void *ctx)
{
    struct http_request *r = ctx;
    (void)one;
    size_t room = BODY_KEEP_BYTES - r->body_len;
    size_t n = len < room ? len : room;
    memcpy(r->body + r->body_len, data, n);
    r->body_len += n;
    r->body_read += len;
    return r->body_read > BODY_READ_BYTES ? 0 : len;
}

/* libcurl takes a connection that ends within the header for the end of the answer. */
static size_t note_header(char *line, size_t one, size_t len, void *ctx)
{
    struct http_request *r = ctx;
    (void)one;
    r->header_ended = len > 0 && len <= 2 && line[len - 1] == '\n';
    return len;
}

/* ---- Ends of requests ---- */

static void unlink_request(struct http_request *r)
{
    struct http_request **place = &r->transport->running;
    while (*place && *place != r)
        place = &(*place)->next;
    if (*place)
        *place = r->next;
    r->next = NULL;
}

static void put_aside(struct http_request *r)
{
    struct http_transport *t = r->transport;
    curl_multi_remove_handle(t->multi, r->easy);
    unlink_request(r);
    curl_easy_setopt(r->easy, CURLOPT_HTTPHEADER, NULL);
    curl_slist_free_all(r->headers);
    r->headers = NULL;
    r->next = t->idle;
    t->idle = r;
}

static void make_printable(struct http_request *r)
{
    while (r->body_len && (unsigned char)r->body[r->body_len - 1] <= ' ')
        r->body_len--;
    r->body[r->body_len] = 0;
    for (size_t i = 0; i < r->body_len; i++)
        if ((unsigned char)r->body[i] < ' ' || r->body[i] == 0x7f)
            r->body[i] = ' ';
}

static void finish(struct http_request *r, CURLcode code)
{
    struct http_transport *t = r->transport;
    struct http_response response = {.body = r->body};
    curl_off_t retry_after_s = 0;
    char location[512] = "";
    char *url = NULL;
    curl_easy_getinfo(r->easy, CURLINFO_RESPONSE_CODE, &response.status);
    curl_easy_getinfo(r->easy, CURLINFO_RETRY_AFTER, &retry_after_s);
    if (curl_easy_getinfo(r->easy, CURLINFO_REDIRECT_URL, &url) == CURLE_OK && url) {
        snprintf(location, sizeof location, "%s", url);
        response.location = location;
    }
    bool cut_off = code == CURLE_WRITE_ERROR && r->body_read > BODY_READ_BYTES;
    if (code != CURLE_OK && !cut_off) {
        response.status = 0;
        response.error = r->error[0] ? r->error : curl_easy_strerror(code);
    } else if (!r->header_ended) {
        response.status = 0;
        response.error = "the answer ended within its header";
    }
    make_printable(r);
    if (retry_after_s > 0)
        response.retry_after_ms =
            retry_after_s > RETRY_AFTER_MAX_MS / 1000 ? RETRY_AFTER_MAX_MS : (int64_t)retry_after_s * 1000;
    put_aside(r); /* its texts stay until it is used again */
    t->done(t->ctx, r->ctx, &response);
}

/* The done function may start, abort or cancel requests: each turn asks libcurl anew. */
static void collect(struct http_transport *t)
{
    int left;
    for (CURLMsg *m; (m = curl_multi_info_read(t->multi, &left));) {
        if (m->msg != CURLMSG_DONE)
            continue;
        CURLcode code = m->data.result;
        char *owner = NULL;
        curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &owner);
        finish((struct http_request *)(void *)owner, code);
    }
}

static void act(struct http_transport *t, curl_socket_t fd, int mask)
{
    int running;
    curl_multi_socket_action(t->multi, fd, mask, &running);
    collect(t);
}

/* ---- Requests ---- */

static void set_tls(CURL *easy, const struct http_tls_options *tls)
{
    if (tls->ca)
        curl_easy_setopt(easy, CURLOPT_CAINFO, tls->ca);
    if (tls->certificate)
        curl_easy_setopt(easy, CURLOPT_SSLCERT, tls->certificate);
    if (tls->key)
        curl_easy_setopt(easy, CURLOPT_SSLKEY, tls->key);
    if (tls->insecure) {
        curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
        curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
    }
}

static void set_options(CURL *easy, const struct http_options *o)
{
    curl_easy_setopt(easy, CURLOPT_URL, o->url);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_POST, 1L);
    if (o->method == 1)
        curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, "PUT");
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)o->timeout_ms);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)o->connect_timeout_ms);
    curl_easy_setopt(easy, CURLOPT_MAXLIFETIME_CONN, (long)CONNECTION_AGE_MAX_S);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    /* Otherwise ending a request waits for getaddrinfo(), which stops the loop for as long as DNS is dead. */
    curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "forebay/" FBY_VERSION);
    if (o->username) {
        curl_easy_setopt(easy, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
        curl_easy_setopt(easy, CURLOPT_USERNAME, o->username);
        curl_easy_setopt(easy, CURLOPT_PASSWORD, o->password ? o->password : "");
    }
    set_tls(easy, &o->tls);
}

/* Before 8.1.0 a handle that is used again remembers the last header of the answer before, which is freed by
 * then, and reads it when an answer begins with a folded header. */
static bool handles_can_be_reused(void)
{
    enum { FIRST_GOOD = 0x080100 };
    return curl_version_info(CURLVERSION_NOW)->version_num >= FIRST_GOOD;
}

static struct http_request *take_idle(struct http_transport *t)
{
    struct http_request *r = t->idle;
    t->idle = r->next;
    r->next = NULL;
    if (handles_can_be_reused())
        return r;
    curl_easy_cleanup(r->easy);
    free(r);
    return NULL;
}

static struct http_request *make_request(struct http_transport *t)
{
    struct http_request *r = t->idle ? take_idle(t) : NULL;
    if (r)
        return r;
    r = calloc(1, sizeof *r);
    if (!r)
        return NULL;
    r->transport = t;
    r->easy = curl_easy_init();
    if (!r->easy) {
        free(r);
        return NULL;
    }
    set_options(r->easy, t->options);
    curl_easy_setopt(r->easy, CURLOPT_PRIVATE, r);
    curl_easy_setopt(r->easy, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(r->easy, CURLOPT_WRITEDATA, r);
    curl_easy_setopt(r->easy, CURLOPT_HEADERFUNCTION, note_header);
    curl_easy_setopt(r->easy, CURLOPT_HEADERDATA, r);
    curl_easy_setopt(r->easy, CURLOPT_ERRORBUFFER, r->error);
    return r;
}

/* "Name;" is libcurl's way to send a header without a value. */
static bool add_header(struct http_request *r, const char *name, const char *value)
{
    char *line = NULL;
    int n = *value ? asprintf(&line, "%s: %s", name, value) : asprintf(&line, "%s;", name);
    struct curl_slist *longer = n < 0 ? NULL : curl_slist_append(r->headers, line);
    if (n >= 0)
        free(line);
    if (!longer)
        return false;
    r->headers = longer;
    return true;
}

static bool add_headers(struct http_request *r, const char *content_type, const char *idempotency_key)
{
    const struct fby_string_map *own = &r->transport->options->headers;
    bool typed = false;
    bool done = add_header(r, "Idempotency-Key", idempotency_key);
    for (size_t i = 0; i < own->count && done; i++) {
        typed |= strcasecmp(own->names[i], "Content-Type") == 0;
        done = add_header(r, own->names[i], own->texts[i]);
    }
    if (done && !typed)
        done = add_header(r, "Content-Type", content_type);
    if (!done)
        return false;
    /* Without a value libcurl leaves it out: waiting for "100 Continue" costs a second with many servers. */
    struct curl_slist *longer = curl_slist_append(r->headers, "Expect:");
    if (longer)
        r->headers = longer;
    return longer != NULL;
}

struct http_request *http_transport_start(struct http_transport *t, const char *content_type,
                                          const char *idempotency_key, const char *body, size_t len,
                                          void *request_ctx)
{
    struct http_request *r = make_request(t);
    if (!r)
        return NULL;
    r->ctx = request_ctx;
    r->body_len = r->body_read = 0;
    r->header_ended = false;
    r->error[0] = 0;
    r->next = t->running;
    t->running = r;
    if (!add_headers(r, content_type, idempotency_key)) {
        put_aside(r);
        return NULL;
    }
    curl_easy_setopt(r->easy, CURLOPT_HTTPHEADER, r->headers);
    curl_easy_setopt(r->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)len);
    curl_easy_setopt(r->easy, CURLOPT_POSTFIELDS, body);
    if (curl_multi_add_handle(t->multi, r->easy) == CURLM_OK)
        return r;
    put_aside(r);
    return NULL;
}

void http_transport_abort(struct http_request *r)
{
    put_aside(r);
}

void http_transport_destroy(struct http_transport *t)
{
    if (!t)
        return;
    while (t->running)
        put_aside(t->running);
    while (t->idle) {
        struct http_request *next = t->idle->next;
        curl_easy_cleanup(t->idle->easy);
        free(t->idle);
        t->idle = next;
    }
    curl_multi_cleanup(t->multi); /* closes connections and so takes the watches back */
    t->host->timer_destroy(t->timer);
    free(t);
    curl_global_cleanup();
}

struct http_transport *http_transport_create(const struct fby_host *host, struct fby_instance *instance,
                                             const struct http_options *options, http_done_fn done, void *ctx,
                                             struct fby_error *err)
{
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        snprintf(err->text, sizeof err->text, "libcurl cannot be initialised.");
        return NULL;
    }
    struct http_transport *t = calloc(1, sizeof *t);
    CURLM *multi = t ? curl_multi_init() : NULL;
    if (!multi) {
        snprintf(err->text, sizeof err->text, "There is no memory for libcurl.");
        free(t);
        curl_global_cleanup();
        return NULL;
    }
    t->multi = multi;
    t->host = host;
    t->instance = instance;
    t->options = options;
    t->done = done;
    t->ctx = ctx;
    t->timer = host->timer_create(instance, handle_timer, t);
    curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, set_socket);
    curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, t);
    curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, set_timer);
    curl_multi_setopt(multi, CURLMOPT_TIMERDATA, t);
    curl_multi_setopt(multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, (long)options->requests);
    return t;
}
