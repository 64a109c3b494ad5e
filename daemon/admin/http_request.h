/* SPDX-License-Identifier: Apache-2.0
 *
 * The head of an HTTP/1.x request, read strictly: what two parsers could read in two ways is refused. Chunked
 * bodies are not taken. Private to this folder.
 */
#ifndef ADMIN_HTTP_REQUEST_H
#define ADMIN_HTTP_REQUEST_H

#include "base/bytes.h"

enum {
    HTTP_HEAD_MAX = 16 * 1024,
    HTTP_PARAMETERS_MAX = 32,
};

struct http_parameter {
    const char *name, *value; /* decoded */
};

struct http_request {
    char *text; /* owned; everything below points into it */
    const char *method;
    const char *path; /* decoded, without control characters */
    struct http_parameter parameters[HTTP_PARAMETERS_MAX];
    size_t parameter_count;
    size_t head_len; /* bytes of the head, with its empty line */
    uint64_t body_len;
    bool is_http_1_0;
    bool keep_alive;
    bool expects_continue;
};

enum { HTTP_COMPLETE = 0, HTTP_INCOMPLETE = -1 };

/* Read a head from the start of `input`. HTTP_COMPLETE: `rq` is filled; HTTP_INCOMPLETE: more bytes are
 * needed; otherwise the status code of an answer that refuses it, with the reason in words. */
int http_request_parse(struct bytes input, struct http_request *rq, const char **reason);
/* NULL when absent. */
const char *http_request_parameter(const struct http_request *rq, const char *name);
void http_request_finish(struct http_request *rq);
/* The words of a status code. */
const char *http_status_words(int status);

#endif
