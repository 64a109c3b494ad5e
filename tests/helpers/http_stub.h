/* SPDX-License-Identifier: Apache-2.0
 *
 * An HTTP server for one test: answers requests from a script, in a thread, on a free loopback port, and
 * keeps what it was sent. It can do what a real server only does on its worst day.
 */
#ifndef HTTP_STUB_H
#define HTTP_STUB_H

#include <stdbool.h>
#include <stddef.h>

struct http_stub;

struct http_stub_request {
    char head[4096]; /* request line and header lines */
    char *body;      /* NUL-terminated */
    size_t len;
    unsigned connection; /* counts from 1 */
};

/* Where an answer is not HTTP: */
#define HTTP_STUB_CLOSE "close" /* no answer, the connection is closed */
#define HTTP_STUB_HANG  "hang"  /* no answer, the connection stays */

struct http_stub *http_stub_create(void);
void http_stub_destroy(struct http_stub *s);
/* "http://127.0.0.1:PORT/path" */
const char *http_stub_url(const struct http_stub *s);

/* The next answers, in order: raw bytes of a response ("HTTP/1.1 204 No Content\r\n\r\n") or one of the words
 * above. A request without a scripted answer gets 204. Texts are borrowed. */
void http_stub_answer(struct http_stub *s, const char *answer);
/* Refuse with this response every request whose body contains `text`; NULL: none. */
void http_stub_refuse(struct http_stub *s, const char *text, const char *answer);

size_t http_stub_count(struct http_stub *s);
/* Borrowed until http_stub_destroy(). */
const struct http_stub_request *http_stub_request(struct http_stub *s, size_t index);
/* Value of a header in the request, NUL-terminated in `text`; false: absent. */
bool http_stub_header(const struct http_stub_request *r, const char *name, char *text, size_t size);

#endif
